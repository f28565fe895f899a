from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.commands import bindings
from runbook_lib.commands.bindings import BindingLists, Linkage, linkage
from runbook_lib.commands.command import Answer, Script

A, B, C = "{AAAA}", "{BBBB}", "{CCCC}"
MISSING = Answer(
    error_id="PathNotFound,Microsoft.PowerShell.Commands.GetItemPropertyCommand", text="no such key"
)


def tcpip(*names: str) -> BindingLists:
    return BindingLists(
        tuple(rf"\Device\{name}" for name in names),
        tuple(rf"\Device\Tcpip_{name}" for name in names),
        tuple(f'"{name}"' for name in names),
    )


def row(lists: BindingLists) -> dict[str, Any]:
    return {"Bind": lists.bind, "Export": lists.export, "Route": lists.route}


def test_the_order_of_adapters_is_read_from_the_three_lists() -> None:
    seen = linkage("Tcpip").parse([Answer((row(tcpip(B, A, "NdisWanIp")),))])

    assert seen == Linkage("Tcpip", tcpip(B, A, "NdisWanIp"))
    assert [seen.position(name) for name in (A, B.lower(), "NdisWanIp", C)] == [1, 0, 2, None]


def test_file_sharing_is_read_with_what_is_switched_off() -> None:
    query = linkage("LanmanServer")

    seen = query.parse([Answer((row(tcpip(A)),)), Answer((row(tcpip(B)),))])

    assert len(query.reads) == 2
    assert (seen.is_bound_to(A), seen.is_bound_to(B)) == (True, False)
    assert seen.disabled == tcpip(B)


@pytest.mark.parametrize("disabled", [MISSING, Answer()])
def test_nothing_switched_off_is_empty_lists(disabled: Answer) -> None:
    seen = linkage("LanmanServer").parse([Answer((row(tcpip(A)),)), disabled])

    assert seen.disabled == BindingLists()


def test_an_error_other_than_a_missing_key_is_refused() -> None:
    denied = Answer(error_id="SecurityError", text="not allowed")

    with pytest.raises(ValueError, match="not allowed"):
        linkage("Tcpip").parse([denied])


def test_a_new_order_moves_the_named_ones_among_their_own_places() -> None:
    before = Linkage("Tcpip", tcpip(B, C, "NdisWanIp", A))

    assert before.in_order((A, B, "NdisWanIp")).active == tcpip(A, C, B, "NdisWanIp")


def test_unbinding_moves_entries_and_unbinding_twice_changes_nothing() -> None:
    once = Linkage("LanmanServer", tcpip(A, B)).unbound_from(B)

    assert once == Linkage("LanmanServer", tcpip(A), tcpip(B))
    assert once.unbound_from(B) == once


names = st.lists(st.sampled_from([A, B, C, "NdisWanIp", "{DDDD}"]), unique=True)


@given(names, st.permutations([A, B, "NdisWanIp"]))
def test_an_order_keeps_every_entry_and_is_then_in_order(
    present: list[str], wanted: list[str]
) -> None:
    after = Linkage("Tcpip", tcpip(*present)).in_order(wanted)

    places = [place for name in wanted if (place := after.position(name)) is not None]
    assert places == sorted(places)
    assert sorted(after.active.bind) == sorted(tcpip(*present).bind)
    assert after.active == tcpip(*(entry.removeprefix("\\Device\\") for entry in after.active.bind))
    assert after.in_order(wanted) == after


def test_writing_bindings_names_all_six_lists() -> None:
    command = bindings.write_bindings(Linkage("LanmanServer", tcpip(A), tcpip(B))).command

    assert isinstance(command, Script)
    [(_, lists)] = command.parameters
    root = r"HKLM:\SYSTEM\CurrentControlSet\Services\LanmanServer\Linkage"
    assert [(one["Path"], one["Name"]) for one in lists] == [  # type: ignore[index,union-attr]
        (path, name) for path in (root, rf"{root}\Disabled") for name in ("Bind", "Export", "Route")
    ]
