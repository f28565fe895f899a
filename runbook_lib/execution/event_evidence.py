"""What the nodes' own event logs say of the time in which a phase ran.

The logs are asked by the node's clock, read when the phase opened: a controller whose clock is off
misses nothing. Reading them is evidence, never a condition: a phase neither waits for it long nor
fails by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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


@dataclass(frozen=True)
class LogWatch:
    """Since when, by its own clock, each node's logs are of interest."""

    sessions: Mapping[str, Reader]
    since: Mapping[str, datetime]

    @classmethod
    def begin(cls, sessions: Mapping[str, Reader]) -> LogWatch:
        """Return a watch from now on; a node that is off has the other one's time."""
        wanted = [
            (node, {"now": system.clock()})
            for node, session in sessions.items()
            if session.listens()
        ]
        seen = observe(sessions, wanted, CLOCK_S)
        clocks = {node: each["now"] for (node, _), each in zip(wanted, seen, strict=True)}
        earliest = min(clocks.values(), default=None)
        if earliest is None:
            return cls(sessions, {})
        return cls(sessions, {node: clocks.get(node, earliest) for node in sessions})

    def keep(self, journal: Journal, phase: str) -> None:
        """Journal the errors that each node's logs gained; a node that is off is not asked.

        A node that cannot be read is journalled as that; nothing is raised for it.
        """
        for node, moment in self.since.items():
            if not self.sessions[node].listens():
                continue
            errors: tuple[Event, ...] = ()
            unread = ""
            wanted = [(node, {"errors": event_log.errors_since(moment)})]
            try:
                errors = observe(self.sessions, wanted, READ_S)[0]["errors"]
            except RunbookError as error:
                unread = error.why
            journal.append(EVENT, _entry(phase, node, moment, unread, errors))


def _entry(
    phase: str, node: str, since: datetime, unread: str, errors: tuple[Event, ...]
) -> dict[str, Any]:
    return {
        "phase": phase,
        "node": node,
        "since": since.isoformat(),
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
    }
