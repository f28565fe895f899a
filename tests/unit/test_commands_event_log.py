"""Questions to the event logs, and what is read out of their answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from runbook_lib.commands.command import Answer
from runbook_lib.commands.event_log import LONGEST_MESSAGE, Event, errors_since, events_of


def row(number: int, at: str, message: str | None = "went wrong") -> dict[str, object]:
    return {
        "Logfile": "System",
        "RecordNumber": number,
        "SourceName": "ClusSvc",
        "EventCode": 1069,
        "EventType": 1,
        "TimeGenerated": at,
        "Message": message,
    }


def condition(query: object) -> object:
    (read,) = query.reads  # type: ignore[attr-defined]
    return dict(read.command.parameters)["Filter"]


def test_errors_are_asked_for_by_the_moment_whatever_its_zone() -> None:
    one_east = datetime(2026, 11, 23, 10, 0, 5, tzinfo=timezone(timedelta(hours=1)))

    assert condition(errors_since(one_east)) == (
        "(Logfile = 'System' OR Logfile = 'Application') AND EventType = 1 "
        "AND TimeGenerated >= '20261123090005.000000+000'"
    )


def test_one_source_is_asked_for_by_its_number() -> None:
    assert condition(events_of("Application", "MSExchangeRepl", 100)) == (
        "Logfile = 'Application' AND SourceName = 'MSExchangeRepl' AND EventCode = 100"
    )


def test_events_come_oldest_first_in_utc() -> None:
    query = errors_since(datetime(2026, 11, 23, tzinfo=UTC))
    newest_first = (
        row(8, "20261123101533.000000+060", "later\r\n"),
        row(7, "20261123091532.000000+000", None),
    )

    assert query.parse([Answer(newest_first)]) == (
        Event("System", 7, "ClusSvc", 1069, datetime(2026, 11, 23, 9, 15, 32, tzinfo=UTC), ""),
        Event("System", 8, "ClusSvc", 1069, datetime(2026, 11, 23, 9, 15, 33, tzinfo=UTC), "later"),
    )


def test_a_message_without_end_is_cut() -> None:
    query = errors_since(datetime(2026, 11, 23, tzinfo=UTC))

    (event,) = query.parse([Answer((row(1, "20261123091532.000000+000", "x" * 9000),))])

    assert event.message == "x" * LONGEST_MESSAGE


def test_a_log_that_cannot_be_read_is_no_empty_log() -> None:
    query = errors_since(datetime(2026, 11, 23, tzinfo=UTC))

    with pytest.raises(ValueError, match="Invalid query"):
        query.parse([Answer(error_id="X", text="Invalid query")])
