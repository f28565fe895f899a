"""The event logs of one node, System and Application, as far as the lab writes into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

SYSTEM = "System"
APPLICATION = "Application"
RUNNING_SYSTEM = "Microsoft (R) Windows (R) 5.02. 3790 Service Pack 2 Multiprocessor Free."


@dataclass(frozen=True)
class Event:
    """One record; `kind` is Information, Warning or Error, `at` is UTC, numbers are per log."""

    number: int
    source: str
    event_id: int
    kind: str
    message: str
    at: datetime
    log: str = SYSTEM


class EventLog:
    """The records of both logs, oldest first."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    @property
    def events(self) -> tuple[Event, ...]:
        """Return every record."""
        return tuple(self._events)

    def write(
        self,
        at: datetime,
        source: str,
        event_id: int,
        message: str,
        *,
        kind: str = "Information",
        log: str = SYSTEM,
    ) -> None:
        """Add one record."""
        number = sum(event.log == log for event in self._events) + 1
        self._events.append(Event(number, source, event_id, kind, message, at, log))

    def started(self, at: datetime) -> None:
        """Add what every start of Windows writes."""
        self.write(at, "EventLog", 6009, RUNNING_SYSTEM)
        self.write(at, "EventLog", 6005, "The Event log service was started.")

    def stopped(self, at: datetime) -> None:
        """Add what an orderly shutdown writes last."""
        self.write(at, "EventLog", 6006, "The Event log service was stopped.")

    def was_interrupted(self, at: datetime, lost_at: datetime) -> None:
        """Add what the start after a loss of power writes."""
        when = f"{_clock_time(lost_at)} on {lost_at.month}/{lost_at.day}/{lost_at.year}"
        message = f"The previous system shutdown at {when} was unexpected."
        self.write(at, "EventLog", 6008, message, kind="Error")

    def as_json(self) -> list[dict[str, Any]]:
        """Return all records without their times: the same story gives the same text."""
        return [
            {
                "number": event.number,
                "source": event.source,
                "event_id": event.event_id,
                "kind": event.kind,
                "message": event.message if event.event_id != 6008 else "",
                "log": event.log,
            }
            for event in self._events
        ]

    def as_saved(self) -> list[dict[str, Any]]:
        """Return what `restore` takes."""
        return [{**vars(event), "at": event.at.isoformat()} for event in self._events]

    def restore(self, saved: Sequence[Mapping[str, Any]]) -> None:
        """Become what `as_saved` gave."""
        self._events = [
            Event(**{**event, "at": datetime.fromisoformat(event["at"])}) for event in saved
        ]


def _clock_time(at: datetime) -> str:
    hour = at.hour % 12 or 12
    return f"{hour}:{at.minute:02}:{at.second:02} {'AM' if at.hour < 12 else 'PM'}"
