"""Bytes, such as a registry's REG_BINARY, arrive as bytes, and as numbers in a row."""

from __future__ import annotations

from typing import Any

from pypsrp.powershell import PowerShell, RunspacePool

from runbook_lib.commands import windows_registry
from runbook_lib.commands.command import Query
from runbook_lib.lab.answers import Bag, Reply
from runbook_lib.sessions.wire_form import pack_reads
from tests.protocol.small_site import SmallWorld, script

NAME = r"\DosDevices\Q:"
DEVICE = bytes((0x4D, 0x3C, 0x2B, 0x1A, 0, 0, 1, 0, 0, 0, 0, 0xFF))


def test_bytes_are_bytes_to_a_client_and_numbers_in_a_row(
    world: SmallWorld, pool: RunspacePool
) -> None:
    closing = {"_read": 0, "_rows": 1, "_error": None, "_text": None}
    rows = (Bag({NAME: DEVICE, "_read": 0}, ()), Bag(closing, ()))
    world.reply = lambda _node, _user, _invocation: Reply(rows)
    pipeline: PowerShell = script(pool, "x")
    pipeline.invoke()
    answered: list[Any] = [dict(each.extended_properties) for each in pipeline.output]

    query = Query((windows_registry.mounted_devices(NAME),), lambda answers: answers[0].rows)
    [values] = pack_reads([query]).values("NODE1", answered)

    assert answered[0][NAME] == DEVICE
    assert values == ({NAME: tuple(DEVICE)},)
