"""The event logs of a node: what went wrong since a moment, and what one source has said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from runbook_lib.commands import rows
from runbook_lib.commands.command import Answer, Cmdlet, Query, Read

SYSTEM = "System"
APPLICATION = "Application"
LOGS = (SYSTEM, APPLICATION)
ERROR = 1
LONGEST_MESSAGE = 2000
"""Characters of one message that are kept; what Windows says first is what matters."""

_PROPERTIES = (
    "Logfile",
    "RecordNumber",
    "SourceName",
    "EventCode",
    "EventType",
    "TimeGenerated",
    "Message",
)


@dataclass(frozen=True)
class Event:
    """One record of a log. code: the number without the source's facility bits. at: UTC."""

    log: str
    number: int
    source: str
    code: int
    at: datetime
    message: str


def errors_since(moment: datetime) -> Query[tuple[Event, ...]]:
    """Return the errors of both logs since a moment of the node's own clock, oldest first."""
    since = moment.astimezone(UTC).strftime("%Y%m%d%H%M%S.000000+000")
    logs = " OR ".join(f"Logfile = '{log}'" for log in LOGS)
    return _events(f"({logs}) AND EventType = {ERROR} AND TimeGenerated >= '{since}'")


def events_of(log: str, source: str, code: int) -> Query[tuple[Event, ...]]:
    """Return what one source wrote under one number, oldest first."""
    return _events(f"Logfile = '{log}' AND SourceName = '{source}' AND EventCode = {code}")


def _events(condition: str) -> Query[tuple[Event, ...]]:
    read = Read(
        Cmdlet("Get-WmiObject", (("Class", "Win32_NTLogEvent"), ("Filter", condition))),
        _PROPERTIES,
    )
    return Query((read,), _parse)


def _parse(answers: Sequence[Answer]) -> tuple[Event, ...]:
    found = [
        Event(
            rows.text(row, "Logfile"),
            rows.number(row, "RecordNumber"),
            rows.text(row, "SourceName"),
            rows.number(row, "EventCode"),
            rows.moment(row, "TimeGenerated"),
            (rows.optional_text(row, "Message") or "").strip()[:LONGEST_MESSAGE],
        )
        for row in rows.answered(answers[0]).rows
    ]
    return tuple(sorted(found, key=lambda event: (event.at, event.log, event.number)))
