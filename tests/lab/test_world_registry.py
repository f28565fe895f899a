"""The registry finds without regard to case and keeps the spelling of whoever wrote first."""

from __future__ import annotations

from runbook_lib.lab.world.windows_registry import Kind, Registry, RegistryValue


def test_keys_and_values_are_found_without_regard_to_case() -> None:
    registry = Registry()
    registry.put(r"SOFTWARE\Lab\Node", "Name", "a")

    assert registry.get(r"software\LAB\node", "NAME") == RegistryValue("Name", Kind.TEXT, "a")
    assert registry.spelling(r"software\lab\node") == r"SOFTWARE\Lab\Node"
    assert registry.spelling(r"software\lab") == r"SOFTWARE\Lab"


def test_a_second_write_keeps_the_first_spelling() -> None:
    registry = Registry()
    registry.put("Key", "Name", 1)
    registry.put("KEY", "NAME", ["a", "b"])

    assert registry.values("key") == (RegistryValue("Name", Kind.LIST, ("a", "b")),)
    assert registry.as_json() == {"Key": {"Name": ["a", "b"]}}


def test_a_parent_exists_because_its_child_does() -> None:
    registry = Registry()
    registry.make_key(r"A\B\C")

    assert [registry.has_key(path) for path in ("A", r"A\B", r"A\B\C", r"A\BB", r"A\B\C\D")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert registry.subkeys("a") == ("B",)
    assert registry.values("A") == ()


def test_removing_a_key_removes_what_is_below_but_not_its_neighbours() -> None:
    registry = Registry()
    for path in (r"A\B", r"A\B\C", r"A\BC"):
        registry.put(path, "x", 1)

    registry.remove_key(r"a\b")
    registry.remove(r"A\BC", "X")

    assert registry.as_json() == {r"A\BC": {}}


def test_what_is_saved_is_what_comes_back() -> None:
    registry, again = Registry(), Registry()
    registry.put("A", "text", "t")
    registry.put("A", "number", 7)
    registry.put("A", "none", ())
    registry.make_key("B")

    again.restore(registry.as_json())

    assert again.as_json() == registry.as_json()
    assert (again.text("A", "text"), again.number("A", "number")) == ("t", 7)
    assert again.get("A", "none") == RegistryValue("none", Kind.LIST, ())


def test_what_is_missing_has_its_default() -> None:
    registry = Registry()

    assert (
        registry.text("A", "x", "?"),
        registry.number("A", "x", 5),
        registry.texts("A", "x"),
    ) == (
        "?",
        5,
        (),
    )
