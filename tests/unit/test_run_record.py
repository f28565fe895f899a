"""A run in figures, from its journal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from runbook_lib.clock import SteppedClock
from runbook_lib.execution.run_record import phase_summaries
from runbook_lib.journal.journal import Journal

PHASE = "90_prove_failover"


def test_a_change_that_was_seen_done_only_after_a_stop_is_counted(tmp_path: Path) -> None:
    clock = SteppedClock(datetime(2026, 11, 23, tzinfo=UTC))
    journal = Journal.create(tmp_path / "journal.jsonl", clock)
    journal.append("phase_opened", {"phase": PHASE, "attempt": 1, "mode": "apply"})
    moved = {"phase": PHASE, "step": "move", "node": "N1", "setting": "active node"}
    texts = {"before": "N1", "after": "N2", "undo": "move it back"}
    intent = journal.append("intent", moved | texts)
    journal.append("interrupted", {"phase": PHASE, "signal": "SIGINT"})
    journal.append("result", {"intent": intent.seq, "outcome": "done"})
    journal.append("verified", moved | {"outcome": "unchanged", "changes": []})
    lost = journal.append("intent", moved | texts | {"node": "N2"})
    journal.append("result", {"intent": lost.seq, "outcome": "absent"})
    journal.append("phase_closed", {"phase": PHASE, "outcome": "done", "exit_code": 0})

    (found,) = phase_summaries(journal.entries)

    assert (found.outcome, found.steps, found.changes) == ("done", 1, 1)
