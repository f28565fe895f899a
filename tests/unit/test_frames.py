"""Tables and records as pandas frames."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runbook_lib.clock import SteppedClock
from runbook_lib.errors import RecordDamagedError
from runbook_lib.journal.journal import Journal
from runbook_lib.pictures.table import Table, step_table
from runbook_lib.review import frames

PHASE = "10_configure_networks"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STEP = {"phase": PHASE, "step": "disable_netbios", "node": "Node1", "ids": ["S017", "M020"]}
CHANGE = {
    "setting": "NetBIOS",
    "before": "default",
    "after": "off",
    "undo": "enable NetBIOS again",
    "effect": "now",
    "command": "$adapter.SetTcpipNetbios(2)",
}
GATE = {
    "gate": f"{PHASE}.plan",
    "kind": "plan",
    "phase": PHASE,
    "instruction": "approve the plan",
    "plan_sha256": "ab" * 32,
    "step": None,
    "node": None,
}
ANSWER = {
    "gate": f"{PHASE}.plan",
    "answer": "approve",
    "by": "R. Viewer",
    "reason": "CHG-1",
    "os_user": "anna",
    "answered_at": "2026-11-23T12:30:00+00:00",
    "automatic": False,
    "plan_sha256": "ab" * 32,
}


def record(folder: Path, *told: tuple[str, Mapping[str, Any]]) -> Path:
    """Return a run folder whose journal tells this, a minute between entries."""
    clock = SteppedClock(NOON)
    run = folder / "run"
    journal = Journal.create(run / "journal.jsonl", clock)
    for event, data in told:
        journal.append(event, data)
        clock.sleep(60)
    return run


OPENED = ("run_opened", {"run": "run", "phases": [PHASE]})
BEGUN = ("phase_opened", {"phase": PHASE, "attempt": 1, "mode": "apply"})
INTENT = ("intent", {**STEP, **CHANGE, "step_class": "S"})


def verified(outcome: str, *changes: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    told = {"title": "NetBIOS is off", "outcome": outcome, "reason": "", "duration_s": 1.5}
    return ("verified", {**STEP, **told, "changes": list(changes)})


def facts(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as plain values; what is missing is None."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def test_a_table_becomes_a_frame_of_the_same_columns_and_rows() -> None:
    table = step_table(
        [
            ("Node1", "NetBIOS", "default", "off", "changed", 7),
            ("Node2", "NetBIOS", "off", "", "to change", None),
        ]
    )

    frame = table.frame()

    assert tuple(frame.columns) == table.columns
    assert facts(frame[frame.outcome == "changed"]) == [
        {
            "node": "Node1",
            "what": "NetBIOS",
            "before": "default",
            "after": "off",
            "outcome": "changed",
            "journal": 7,
        }
    ]
    assert frame.journal.isna().tolist() == [False, True]


@pytest.mark.parametrize("table", [step_table([]), step_table([("n", "w", "b", "a", "o", 1)])])
def test_a_frames_types_do_not_depend_on_its_rows(table: Table) -> None:
    types = [str(kind) for kind in table.frame().dtypes]

    assert types == ["string"] * 5 + ["Int64"]


def test_a_table_without_numbers_is_text_alone() -> None:
    frame = Table(("a", "b"), (("1", "<b>"),)).frame()

    assert facts(frame) == [{"a": "1", "b": "<b>"}]


def test_each_verified_step_is_a_row_with_its_attempt_and_time(tmp_path: Path) -> None:
    run = record(
        tmp_path,
        OPENED,
        BEGUN,
        verified("changed", CHANGE),
        ("phase_opened", {"phase": PHASE, "attempt": 2, "mode": "apply"}),
        verified("unchanged"),
    )

    frame = frames.steps(run)

    assert facts(frame)[0] == {
        "journal": 2,
        "at": pd.Timestamp(NOON + timedelta(minutes=2)),
        "phase": PHASE,
        "attempt": 1,
        "step": "disable_netbios",
        "title": "NetBIOS is off",
        "ids": "S017 M020",
        "node": "Node1",
        "outcome": "changed",
        "reason": None,
        "changes": 1,
        "duration_s": 1.5,
    }
    assert frame[["attempt", "outcome", "changes"]].to_numpy().tolist() == [
        [1, "changed", 1],
        [2, "unchanged", 0],
    ]


def test_a_step_that_failed_is_a_row_that_says_why(tmp_path: Path) -> None:
    failed = {"phase": PHASE, "step": "disable_netbios", "node": None, "why": "code 91"}
    run = record(tmp_path, OPENED, BEGUN, ("failed", failed), ("failed", {**failed, "step": None}))

    [row] = facts(frames.steps(run))

    assert (row["outcome"], row["reason"], row["node"]) == ("failed", "code 91", None)


def test_a_change_goes_from_its_intent_to_the_read_that_proved_it(tmp_path: Path) -> None:
    run = record(
        tmp_path,
        OPENED,
        BEGUN,
        INTENT,
        ("result", {"intent": 2, "outcome": "done", "code": 0, "output": []}),
        verified("changed", {**CHANGE, "outcome": "changed"}),
        ("intent", {**STEP, **CHANGE, "node": "Node2", "step_class": "S"}),
    )

    proved, lost = facts(frames.changes(run))

    assert proved == {
        "journal": 2,
        "sent_at": pd.Timestamp(NOON + timedelta(minutes=2)),
        "phase": PHASE,
        "step": "disable_netbios",
        "ids": "S017 M020",
        "node": "Node1",
        "setting": "NetBIOS",
        "before": "default",
        "after": "off",
        "outcome": "changed",
        "verified": 4,
        "verified_at": pd.Timestamp(NOON + timedelta(minutes=4)),
        "effect": "now",
        "undo": "enable NetBIOS again",
        "command": "$adapter.SetTcpipNetbios(2)",
    }
    assert (lost["node"], lost["outcome"]) == ("Node2", "no answer on record")
    assert (lost["verified"], lost["verified_at"]) == (None, None)


def test_a_gate_is_a_row_with_question_and_answer(tmp_path: Path) -> None:
    act = {**GATE, "gate": "act", "kind": "manual", "node": "Node1", "plan_sha256": None}
    run = record(
        tmp_path,
        OPENED,
        ("gate_opened", GATE),
        ("gate_answered", ANSWER),
        ("gate_opened", act),
    )

    frame = frames.gates(run)

    answered, waiting = facts(frame)
    assert answered == {
        "journal": 1,
        "gate": f"{PHASE}.plan",
        "kind": "plan",
        "phase": PHASE,
        "node": None,
        "instruction": "approve the plan",
        "plan_sha256": "ab" * 32,
        "opened_at": pd.Timestamp(NOON + timedelta(minutes=1)),
        "answered_at": pd.Timestamp("2026-11-23T12:30:00+00:00"),
        "answer": "approve",
        "by": "R. Viewer",
        "reason": "CHG-1",
        "os_user": "anna",
        "automatic": False,
    }
    assert (waiting["node"], waiting["answer"], waiting["answered_at"]) == (
        "Node1",
        "waiting",
        None,
    )
    assert (frame.answered_at - frame.opened_at)[0] == pd.Timedelta(minutes=29)


@pytest.mark.parametrize(
    ("of", "columns"),
    [
        (frames.steps, frames.STEP_COLUMNS),
        (frames.changes, frames.CHANGE_COLUMNS),
        (frames.gates, frames.GATE_COLUMNS),
    ],
)
@pytest.mark.parametrize("told", [(OPENED,), (OPENED, BEGUN, INTENT, ("gate_opened", GATE))])
def test_columns_have_the_same_types_in_every_record(
    tmp_path: Path, of: Any, columns: Mapping[str, str], told: tuple[Any, ...]
) -> None:
    found = {name: str(kind) for name, kind in of(record(tmp_path, *told)).dtypes.items()}

    assert found == dict(columns)


def test_a_record_that_was_edited_makes_no_frame(tmp_path: Path) -> None:
    run = record(tmp_path, OPENED, BEGUN, verified("changed", CHANGE), BEGUN)
    path = run / "journal.jsonl"
    path.write_text(path.read_text("ascii").replace("changed", "skipped"), "ascii")

    with pytest.raises(RecordDamagedError):
        frames.steps(run)
