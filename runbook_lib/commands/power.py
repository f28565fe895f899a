"""Restarting a node; switching it on is beyond any command (a person does it)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from runbook_lib.commands.command import Action, Program

EXPLAINS: Mapping[int, str] = MappingProxyType(
    {
        5: "access was denied",
        21: "the node is busy with another action; try again in ten seconds",
        1115: "a shutdown is already in progress",
    }
)
"""Exit codes of shutdown.exe: they are the Win32 codes that its text ends with."""

SECONDS_OF_WARNING = 5


def restart(reason: str) -> Action:
    """Restart the node after five seconds; planned, for the reason code 2:4 (reconfiguration).

    The session dies with the node: only a moved boot time proves that it happened.
    """
    arguments = ("/r", "/t", str(SECONDS_OF_WARNING), "/f", "/c", reason, "/d", "p:2:4")
    return Action(Program("shutdown.exe", arguments), explains=EXPLAINS, drops_session=True)
