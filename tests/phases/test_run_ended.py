"""What a run still has to do: phases of notebooks run alone count, a closed run does nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import (
    NodeUnreachableError,
    ParametersError,
    PreconditionError,
    RecordDamagedError,
    WaitingForPersonError,
)
from runbook_lib.execution import kernels, pipeline, start
from runbook_lib.execution.phase import Phase
from runbook_lib.execution.phase_record import journal_end
from runbook_lib.execution.run_folder import status
from runbook_lib.execution.run_record import finish
from runbook_lib.journal.journal import Journal
from runbook_lib.journal.lock import RunLock
from runbook_lib.journal.manifest import State, verify
from runbook_lib.sessions.session import WorkSeen
from tests.builders import LAB
from tests.in_process import Rehearsal, with_person

CHECKS, NETWORKS = "00_check_prerequisites", "10_configure_networks"


class Silent:
    """Nobody watches."""

    def phase_started(self, phase: str, n: int, total: int) -> None: ...
    def step_finished(self, phase: str, step: str, node: str, outcome: str) -> None: ...
    def work_seen(self, seen: WorkSeen) -> None: ...
    def phase_finished(self, phase: str, outcome: str, seconds: float) -> None: ...
    def note(self, text: str) -> None: ...


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return what a resume would run; no kernel is started."""
    found: list[list[str]] = []

    def run_phases(_self: Any, _chosen: Any, to_do: Sequence[str], _kernels: Any) -> None:
        found.append(list(to_do))

    monkeypatch.setattr(pipeline._Pipeline, "_run_phases", run_phases)
    monkeypatch.setattr(kernels.Kernels, "get_ready", lambda *_: None)
    return found


@pytest.fixture
def rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    def connect(*_arguments: Any, **_named: Any) -> Any:
        raise NodeUnreachableError("a node was to be asked", why="-", next_step="-")

    monkeypatch.setattr(start, "connect", connect)
    return Rehearsal.on_factory_nodes(tmp_path)


def test_a_closed_run_that_was_not_sealed_is_sealed_and_changes_nothing(
    rehearsal: Rehearsal, driven: list[list[str]]
) -> None:
    folder = half_done(rehearsal)
    journal = Journal.open(folder / "journal.jsonl", rehearsal.started[0].clock)
    journal.append("run_closed", {"outcome": "abandoned", "by": "R. Viewer", "reason": "CHG-1"})

    with pytest.raises(PreconditionError) as caught:
        Phase.open(NETWORKS, parameters_file=str(LAB), run_folder=str(folder))
    result = pipeline.resume(folder, Silent())

    assert caught.value.what == f"The run {folder.name} has ended."
    assert driven == []
    assert (result.outcome, result.exit_code) == ("abandoned", 0)
    assert result.manifest_sha256 is not None
    assert status(folder).sealed


def half_done(rehearsal: Rehearsal) -> Path:
    """Return a run of notebooks: phase 00 done, phase 10 waiting for a person."""
    with_person(rehearsal)
    rehearsal.carry_out(CHECKS)
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(NETWORKS)
    assert rehearsal.folder is not None
    return rehearsal.folder.path


def test_a_resume_goes_on_with_every_phase_that_a_notebook_opened(
    rehearsal: Rehearsal, driven: list[list[str]]
) -> None:
    folder = half_done(rehearsal)

    pipeline.resume(folder, Silent())

    assert driven == [[NETWORKS]]


def test_the_status_tells_every_phase_that_a_notebook_opened(rehearsal: Rehearsal) -> None:
    folder = half_done(rehearsal)

    found = status(folder)

    assert found.phases == ((CHECKS, "done", 1), (NETWORKS, "waiting", 1))


def test_a_notebook_refuses_parameters_that_were_edited_in_its_run(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(CHECKS)
    assert rehearsal.folder is not None
    used = rehearsal.folder.parameters
    text = used.read_text("utf-8").replace("10.10.10.1}", "10.10.10.9}")
    used.write_text(text, "utf-8")

    with pytest.raises(ParametersError) as caught:
        Phase.open(NETWORKS, parameters_file=str(used), run_folder=str(rehearsal.folder.path))

    assert caught.value.what == f"{used} was changed since the run began."


def test_a_run_that_ends_while_a_notebook_starts_takes_no_further_entry(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal.carry_out(CHECKS)
    assert rehearsal.folder is not None
    folder = rehearsal.folder
    take = RunLock.take

    def end_first(run: Path, *given: Any, **named: Any) -> RunLock:
        journal = Journal.open(folder.journal, rehearsal.started[0].clock)
        finish(folder, journal, outcome="done", by=None, reason=None)
        return take(run, *given, **named)

    monkeypatch.setattr(RunLock, "take", end_first)

    with pytest.raises(PreconditionError) as caught:
        Phase.open(NETWORKS, parameters_file=str(LAB), run_folder=str(folder.path))

    assert caught.value.what == f"The run {folder.name} has ended."
    take(folder.path, rehearsal.started[0].clock, who="the next one").release()
    assert verify(folder.path).state is State.WHOLE


def test_a_plan_that_cannot_be_written_ends_the_phase_before_any_change(
    rehearsal: Rehearsal,
) -> None:
    opened = rehearsal.open(NETWORKS)
    assert rehearsal.folder is not None
    plans = rehearsal.folder.path / "plans"
    plans.rmdir()

    with pytest.raises(RecordDamagedError) as caught:
        opened.plan()

    assert caught.value.what == f"The record in {plans} cannot be written."
    assert status(rehearsal.folder.path).exit_code == 70
    assert rehearsal.world.ledger() == []


def test_a_gate_that_needs_no_answer_any_more_does_not_wait(rehearsal: Rehearsal) -> None:
    folder = half_done(rehearsal)
    before = [gate.gate for gate in status(folder).gates]
    journal = Journal.open(folder / "journal.jsonl", rehearsal.started[0].clock)
    journal.append("phase_opened", {"phase": NETWORKS, "attempt": 2, "mode": "apply"})
    journal_end(journal, NETWORKS, ("done", 0))

    assert before == [f"{NETWORKS}.plan"]
    assert status(folder).gates == ()
