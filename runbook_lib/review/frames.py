"""A record as pandas frames, for auditors who filter, count and compare.

    >>> from runbook_lib.review import frames
    >>> made = frames.changes("runs/20261123T103615Z-e2k7clu")
    >>> made[made.outcome != "changed"][["node", "setting", "before", "after", "outcome"]]

The journal alone is read, after its chain was checked; outcomes are the words of the review page.
Times are UTC. What the record does not tell is missing (`pd.NA`, `NaT`), never a made-up value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import read_entries
from runbook_lib.journal.manifest import JOURNAL
from runbook_lib.review.telling import story_of, text, texts

TIME = "datetime64[ms, UTC]"

STEP_COLUMNS: Mapping[str, str] = {
    "journal": "Int64",
    "at": TIME,
    "phase": "string",
    "attempt": "Int64",
    "step": "string",
    "title": "string",
    "ids": "string",
    "node": "string",
    "outcome": "string",
    "reason": "string",
    "changes": "Int64",
    "duration_s": "Float64",
}
CHANGE_COLUMNS: Mapping[str, str] = {
    "journal": "Int64",
    "sent_at": TIME,
    "phase": "string",
    "step": "string",
    "ids": "string",
    "node": "string",
    "setting": "string",
    "before": "string",
    "after": "string",
    "outcome": "string",
    "verified": "Int64",
    "verified_at": TIME,
    "effect": "string",
    "undo": "string",
    "command": "string",
}
GATE_COLUMNS: Mapping[str, str] = {
    "journal": "Int64",
    "gate": "string",
    "kind": "string",
    "phase": "string",
    "node": "string",
    "instruction": "string",
    "plan_sha256": "string",
    "opened_at": TIME,
    "answered_at": TIME,
    "answer": "string",
    "by": "string",
    "reason": "string",
    "os_user": "string",
    "automatic": "boolean",
}


def steps(run: str | Path) -> pd.DataFrame:
    """Return each step as a read showed it on a node, and each step that failed, oldest first.

    run: a run folder. A step appears once for every attempt that looked at it.
    Raises RecordDamagedError when the journal is not what was written.
    """
    attempts: dict[str, int] = {}
    rows = []
    for entry in _entries(run):
        data, phase = entry.data, text(entry.data, "phase")
        if entry.event == "phase_opened":
            attempts[phase] = attempts.get(phase, 0) + 1
        elif entry.event == "verified" or (entry.event == "failed" and data.get("step")):
            failed = entry.event == "failed"
            rows.append(
                {
                    **data,
                    "journal": entry.seq,
                    "at": entry.at,
                    "attempt": attempts.get(phase),
                    "ids": " ".join(texts(data.get("ids"))),
                    "outcome": "failed" if failed else data.get("outcome"),
                    "reason": data.get("why") if failed else data.get("reason"),
                    "changes": None if failed else len(data.get("changes") or ()),
                }
            )
    return _frame(rows, STEP_COLUMNS)


def changes(run: str | Path) -> pd.DataFrame:
    """Return each change from its intent to the read that proved it, restarts included.

    run: a run folder. `journal` is the intent's entry, `verified` the entry of the proving read;
    a change that was sent and never settled has the outcome "no answer on record".
    Raises RecordDamagedError when the journal is not what was written.
    """
    entries = _entries(run)
    times: dict[int | None, str] = {entry.seq: entry.at for entry in entries}
    rows = [
        {
            **vars(change),
            "journal": change.intent,
            "phase": phase.name,
            "step": step.name,
            "ids": " ".join(step.ids),
            "sent_at": times.get(change.intent),
            "verified_at": times.get(change.verified),
        }
        for phase in story_of(entries).phases.values()
        for step in phase.steps.values()
        for change in step.changes
    ]
    return _frame(sorted(rows, key=_place), CHANGE_COLUMNS)


def gates(run: str | Path) -> pd.DataFrame:
    """Return each question to a person with its answer, oldest first.

    run: a run folder. An open gate's answer is "waiting"; `automatic` marks the answers that a
    rehearsal gave itself. Raises RecordDamagedError when the journal is not what was written.
    """
    rows = [
        {**vars(gate), "gate": gate.name, "journal": gate.opened}
        for gate in story_of(_entries(run)).gates
    ]
    return _frame(rows, GATE_COLUMNS)


def _entries(run: str | Path) -> tuple[JournalEntry, ...]:
    return read_entries(Path(run) / JOURNAL)


def _place(row: Mapping[str, object]) -> tuple[int, ...]:
    """Return where a change stands in time: at its intent, else at the read that showed it."""
    return tuple(n for n in (row["journal"], row["verified"]) if isinstance(n, int))


def _frame(rows: Sequence[Mapping[str, object]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Return a frame that has these columns and types even when there is no row."""
    return pd.DataFrame(
        {name: _column([row.get(name) for row in rows], kind) for name, kind in columns.items()}
    )


def _column(values: Sequence[object], kind: str) -> pd.Series[Any]:
    known = pd.Series([None if value == "" else value for value in values], dtype="object")
    if kind == TIME:
        times = pd.to_datetime(known, utc=True, format="ISO8601", errors="coerce")
        return times.dt.as_unit("ms")
    if kind == "string":
        return known.map(str, na_action="ignore").astype("string")
    if kind == "boolean":
        return known.astype("boolean")
    numbers = pd.to_numeric(known, errors="coerce")
    return numbers.astype("Int64") if kind == "Int64" else numbers.astype("Float64")
