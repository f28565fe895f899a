"""What a rendered command means to the engine is what is sent as data, whatever it holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.commands import bindings, netsh, network, power, system
from runbook_lib.commands.command import Cmdlet, Program, Script, Secret, WmiMethod
from runbook_lib.commands.powershell_text import render
from tests.judges.engine import Engine

pytestmark = pytest.mark.judge

NASTY = "'\"$`;,()@{}[]|&<>#%-/\\ \t\n\r\u2018\u2019\u201a\u201b\u201c\u201d\u2013\u00a0e\u0301"
texts = st.text(st.sampled_from(NASTY)) | st.text() | st.text("a'\u2019$ ;", max_size=6)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | texts
    | st.builds(Secret, st.just("keyring:a/b'c"))
)
values = scalars | st.lists(st.booleans() | texts | st.integers(-9, 9)).map(tuple)


def as_read(value: Any) -> Any:
    """Return a value as the engine gives it back: a secret is a prompt for its reference."""
    return ("secret", value.reference) if isinstance(value, Secret) else value


@given(st.lists(values, max_size=4))
def test_a_cmdlets_name_parameters_and_values_survive(engine: Engine, given: list[Any]) -> None:
    parameters = tuple((f"P{n}", value) for n, value in enumerate(given))

    statements = engine.meaning(render(Cmdlet("Set-Thing", parameters)))

    wanted = {name: as_read(value) for name, value in parameters}
    assert statements == [("command", "Set-Thing", wanted)]


@given(st.lists(texts, max_size=6))
def test_a_programs_words_survive_one_by_one(engine: Engine, words: list[str]) -> None:
    statements = engine.meaning(render(Program("netsh.exe", tuple(words))))

    read = {name: str(value) for name, value in statements[0][2].items()}
    assert statements[0][:2] == ("command", "netsh.exe")
    assert read == {str(n): word for n, word in enumerate(words)}


@given(texts.filter(bool))
def test_a_programs_path_survives(engine: Engine, path: str) -> None:
    assert engine.meaning(render(Program(path)))[0] == ("command", path, {})


@given(st.lists(values, max_size=4), st.integers(0, 2**31) | st.text("ab'\\ \u2019", min_size=1))
def test_a_methods_arguments_and_instance_survive(
    engine: Engine, given: list[Any], key: int | str
) -> None:
    arguments = tuple((f"A{n}", value) for n, value in enumerate(given))

    [(_, method, target, read)] = engine.meaning(
        render(WmiMethod("Win32_Thing", "Act", arguments, key=("Index", key)))
    )

    unset = [value for value in given if value is not None]
    kept = given[: len(given) - given[::-1].index(unset[-1])] if unset else []
    assert method == "Act"
    assert read == tuple(as_read(value) for value in kept)
    name, found = target
    assert (name, found["Class"]) == ("Get-WmiObject", "Win32_Thing")
    assert unquoted(found["Filter"].removeprefix("Index=")) == str(key)


def unquoted(literal: str) -> str:
    """Return what WQL reads: a number, or a text with its escapes undone."""
    if not literal.startswith("'"):
        return literal
    return literal[1:-1].replace("\\'", "'").replace("\\\\", "\\")


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        (
            netsh.rename_connection("Local Area Connection 2", "Public"),
            [
                (
                    "command",
                    "netsh.exe",
                    {
                        "0": "interface",
                        "1": "set",
                        "2": "interface",
                        "3": "name=Local Area Connection 2",
                        "4": "newname=Public",
                    },
                )
            ],
        ),
        (
            power.restart("phase 10: it's time"),
            [
                (
                    "command",
                    "shutdown.exe",
                    {
                        "0": "/r",
                        "1": "/t",
                        "2": 5,
                        "3": "/f",
                        "4": "/c",
                        "5": "phase 10: it's time",
                        "6": "/d",
                        "7": "p:2:4",
                    },
                )
            ],
        ),
        (
            network.set_address(7, "10.10.10.1", "255.255.255.0"),
            [
                (
                    "method",
                    "EnableStatic",
                    ("Get-WmiObject", {"Class": network.CLASS, "Filter": "Index=7"}),
                    (("10.10.10.1",), ("255.255.255.0",)),
                )
            ],
        ),
        (
            network.set_gateways(7, ("192.168.1.1",)),
            [
                (
                    "method",
                    "SetGateways",
                    ("Get-WmiObject", {"Class": network.CLASS, "Filter": "Index=7"}),
                    (("192.168.1.1",), (1,)),
                )
            ],
        ),
        (
            network.set_lmhosts(enabled=False, dns_for_wins=True),
            [("method", "EnableWINS", ("wmiclass", rf"root\cimv2:{network.CLASS}"), (True, False))],
        ),
        (
            system.rename("OLD", "E2K7SCCNode1"),
            [
                (
                    "method",
                    "Rename",
                    ("Get-WmiObject", {"Class": "Win32_ComputerSystem", "Filter": "Name='OLD'"}),
                    ("E2K7SCCNode1",),
                )
            ],
        ),
    ],
)
def test_our_own_actions_read_as_they_are_meant(
    engine: Engine, action: Any, wanted: list[Any]
) -> None:
    assert engine.meaning(render(action.command)) == wanted


def test_registry_lists_are_written_whole(engine: Engine) -> None:
    lists = bindings.BindingLists((r"\Device\{A}", r"\Device\{B}"), (), ('"{A}"',))
    wanted = bindings.Linkage("Tcpip", lists)

    statements = engine.meaning(render(bindings.write_order(wanted).command))

    path = r"HKLM:\SYSTEM\CurrentControlSet\Services\Tcpip\Linkage"
    assert [one[0] for one in statements] == ["if", "command", "command", "command"]
    written = {"Bind": lists.bind, "Export": lists.export, "Route": lists.route}
    assert [one[2] for one in statements[1:]] == [
        {
            "Path": path,
            "Name": name,
            "PropertyType": "MultiString",
            "Value": values,
            "Force": True,
        }
        for name, values in written.items()
    ]


@given(st.lists(st.fixed_dictionaries({"Path": texts, "Values": st.lists(texts).map(tuple)})))
def test_any_other_script_is_called_with_its_parameters(
    engine: Engine, lists: list[dict[str, Any]]
) -> None:
    text = render(Script("some_script", (("Number", 7), ("Lists", tuple(lists)))))

    facts = engine.facts(text)

    assert not [fact for fact in facts if fact.startswith("error:")]
    assert r"command:.\some_script.ps1" in facts
