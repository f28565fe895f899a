"""What the nodes' own event logs say of the time in which a phase ran.

The logs are asked by the node's clock, read when the phase opened: a controller whose clock is off
misses nothing. Reading them is evidence, never a condition: a phase neither waits for it long nor
fails by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from runbook_lib.commands import event_log, system
from runbook_lib.commands.event_log import Event
from runbook_lib.errors import RunbookError
from runbook_lib.execution.observation import observe
from runbook_lib.journal.journal import Journal
from runbook_lib.sessions.session import Reader

EVENT = "event_log"
CLOCK_S = 30.0
READ_S = 60.0
"""For the logs of one node: a log of years takes WMI a while."""
MOST_ERRORS = 100
"""Errors of one node and phase that are kept; the last ones, for they tell how it ended."""


def clocks(sessions: Mapping[str, Reader], nodes: Iterable[str]) -> dict[str, datetime]:
    """Return what each node's clock shows now."""
    wanted = [(node, {"now": system.clock()}) for node in nodes]
    return {
        node: seen["now"]
        for (node, _), seen in zip(wanted, observe(sessions, wanted, CLOCK_S), strict=True)
    }


def keep(
    journal: Journal,
    phase: str,
    sessions: Mapping[str, Reader],
    since: Mapping[str, datetime],
) -> None:
    """Journal the errors that each node's logs gained since a moment of its own clock.

    A node that cannot be read is journalled as that; nothing is raised for it.
    """
    for node, moment in since.items():
        errors: tuple[Event, ...] = ()
        unread = ""
        wanted = [(node, {"errors": event_log.errors_since(moment)})]
        try:
            errors = observe(sessions, wanted, READ_S)[0]["errors"]
        except RunbookError as error:
            unread = error.why
        journal.append(
            EVENT,
            {
                "phase": phase,
                "node": node,
                "since": moment.isoformat(),
                "unread": unread,
                "left_out": len(errors[:-MOST_ERRORS]),
                "errors": [
                    {
                        "log": error.log,
                        "source": error.source,
                        "code": error.code,
                        "at": error.at.isoformat(),
                        "message": error.message,
                    }
                    for error in errors[-MOST_ERRORS:]
                ],
            },
        )
