"""All phases in sequence through papermill, headless: the record of a run from start to seal.

papermill works in a thread of its own, so that the main thread hears signals, tells progress from
the journal, and decides: a signal becomes an interrupt of the cell, which journals how far it got.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from runbook_lib import crash_points, redaction
from runbook_lib.clock import Clock, SystemClock
from runbook_lib.errors import (
    ExitCode,
    OutcomeUnknownError,
    ParametersError,
    PreconditionError,
)
from runbook_lib.execution import phases as all_phases
from runbook_lib.execution import run_folder as run_folders
from runbook_lib.execution import work_notes
from runbook_lib.execution.connections import HandedOver, connect, keep_lab
from runbook_lib.execution.kernels import KERNEL, Kernel, Kernels
from runbook_lib.execution.papermill_thread import (
    ENGINE,
    Worker,
    as_it_stands,
    register,
    spare_slow_import,
)
from runbook_lib.execution.phase_plan import PhasePlan
from runbook_lib.execution.phase_record import journal_end
from runbook_lib.execution.plans import plans_of
from runbook_lib.execution.progress import Progress, Teller, WorkTeller
from runbook_lib.execution.run_folder import (
    OpenGate,
    RunFolder,
    attempts_of,
    ending_of,
    last_exit,
    open_gates,
    outcome_of,
    phases_of,
    write_file,
)
from runbook_lib.execution.run_record import PhaseSummary, finish, open_run, phase_summaries
from runbook_lib.execution.start import DRIVER
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal
from runbook_lib.journal.lock import RESUME_WAIT_S, RunLock
from runbook_lib.topology.loading import Loaded, load


@dataclass(frozen=True)
class RunResult:
    """How a run stands after the pipeline: manifest_sha256 is None while it is not sealed.

    phases: each in figures; gates: those that wait for a person.
    """

    folder: RunFolder
    outcome: str
    exit_code: int
    error: Mapping[str, Any] | None
    manifest_sha256: str | None
    phases: tuple[PhaseSummary, ...] = ()
    gates: tuple[OpenGate, ...] = ()


def run(
    parameters: Path,
    *,
    first: str | None = None,
    last: str | None = None,
    run_folder: Path | None = None,
    progress: Progress,
) -> RunResult:
    """Carry out the phases from `first` to `last` in a new run folder; stop at the first failure.

    Raises what stops a run before its folder exists: ParametersError, PreconditionError.
    """
    chosen = all_phases.between(first, last)
    clock = SystemClock()
    loaded = load(parameters)
    for warning in loaded.warnings:
        progress.note(warning)
    folder, journal = open_run(loaded, run_folder, chosen, str(parameters), clock)
    with RunLock.take(folder.path, clock, who="scc-runbook run") as lock:
        return _Pipeline(folder, journal, loaded, clock, progress, lock).drive()


def resume(run: Path, progress: Progress) -> RunResult:
    """Go on with a run after any stop, from its last verified step; seal it when it is done.

    A run that was closed is only sealed. Raises PreconditionError when it is sealed already.
    """
    folder = run_folders.open_existing(run)
    clock = SystemClock()
    with RunLock.take(folder.path, clock, who="scc-runbook resume", wait_s=RESUME_WAIT_S) as lock:
        if folder.is_sealed:
            raise PreconditionError(
                f"The run {folder.name} has ended.",
                why="its record is sealed",
                next_step="start another run, or look at this one: scc-runbook review "
                f"{folder.path}",
            )
        loaded = load(folder.parameters)
        journal = Journal.open(folder.journal, clock)
        run_folders.refuse_edited_parameters(folder, loaded.sha256, journal.entries)
        return _Pipeline(folder, journal, loaded, clock, progress, lock).drive()


def close(run: Path, *, by: str, reason: str) -> str:
    """End a run that will not go on, and seal it; return the manifest's SHA-256."""
    folder = run_folders.open_existing(run)
    clock = SystemClock()
    if not by.strip() or not reason.strip():
        raise ParametersError(
            "The run was not closed.",
            why="a name and a reason are both needed",
            next_step="give --by NAME and --reason TEXT",
        )
    with RunLock.take(folder.path, clock, who="scc-runbook close", wait_s=RESUME_WAIT_S):
        if folder.is_sealed:
            raise PreconditionError(
                f"The run {folder.name} has ended already.",
                why="its record is sealed",
                next_step=f"look at it: scc-runbook review {folder.path}",
            )
        journal = Journal.open(folder.journal, clock)
        return finish(folder, journal, outcome="abandoned", by=by.strip(), reason=reason.strip())


def plan(parameters: Path, phase: str | None = None) -> list[PhasePlan]:
    """Return what each phase (or one) would do on the nodes as they stand; reads only."""
    chosen = (all_phases.find(phase),) if phase else all_phases.PHASES
    loaded = load(parameters)
    clock = SystemClock()
    connections = connect(loaded, parameters, None, chosen[0], clock, read_only=True)
    try:
        return plans_of(loaded.topology, chosen, connections, clock)
    finally:
        connections.close()


@dataclass
class _Pipeline:
    folder: RunFolder
    journal: Journal
    loaded: Loaded
    clock: Clock
    progress: Progress
    lock: RunLock

    def drive(self) -> RunResult:
        """Run what is not done; seal when all is."""
        crash_points.arm_from_environment("pipeline")
        spare_slow_import()
        ending = ending_of(self.journal.entries)
        if ending is not None:
            return self._seal(str(ending["outcome"]))
        chosen = phases_of(self.journal.entries)
        secrets = HandedOver(self.loaded.topology)
        to_do = [phase for phase in chosen if outcome_of(self.journal.entries, phase) != "done"]
        with Kernels(lambda phase: self._start_kernel(phase, secrets)) as kernels:
            kernels.get_ready(to_do[:1])
            stop = self._run_phases(chosen, to_do, kernels)
        if stop is not None:
            return stop
        return self._seal("done")

    def _seal(self, outcome: str) -> RunResult:
        digest = finish(self.folder, self.journal, outcome=outcome, by=None, reason=None)
        return self._result(outcome, 0, None, digest)

    def _run_phases(
        self, chosen: Sequence[str], to_do: Sequence[str], kernels: Kernels
    ) -> RunResult | None:
        """Run the phases that are to be done; return the result of a stop, None after the last."""
        with keep_lab(self.loaded, self.folder.parameters, self.folder, chosen[0]):
            for later, phase in enumerate(to_do, 1):
                self.progress.phase_started(phase, chosen.index(phase) + 1, len(chosen))
                began = self.clock.monotonic()
                stopped_by = self._execute(phase, kernels, to_do[later : later + 1])
                entries = self._look(stopped_by)
                outcome = outcome_of(entries, phase)
                self.progress.phase_finished(phase, outcome, self.clock.monotonic() - began)
                if stopped_by is not None:
                    return self._stopped(stopped_by, phase, outcome)
                if outcome != "done":
                    code, error = last_exit(entries)
                    return self._result(outcome, code, error, None)
        return None

    def _stopped(self, by: signal.Signals, phase: str, outcome: str) -> RunResult:
        """Return the result of a stop, journalled here if the kernel could not."""
        if outcome not in {"interrupted", "failed", "waiting"}:
            self.journal.append("interrupted", {"phase": phase, "signal": by.name})
        return self._result("interrupted", _code_of(by), None, None)

    def _result(
        self, outcome: str, code: int, error: Mapping[str, Any] | None, digest: str | None
    ) -> RunResult:
        entries = self.journal.entries
        phases = phase_summaries(entries)
        gates = open_gates(entries)
        return RunResult(self.folder, outcome, code, error, digest, phases, gates)

    def _look(self, by: signal.Signals | None) -> tuple[JournalEntry, ...]:
        """Return the journal with what kernels appended; end a phase whose kernel did not.

        by: the signal that was passed on to the kernel, if any.
        """
        self.journal.catch_up()
        entries = self.journal.entries
        for phase in phases_of(entries):
            if outcome_of(entries, phase) != "running":
                continue
            if by is not None:
                journal_end(self.journal, phase, ("interrupted", _code_of(by)))
                continue
            silence = OutcomeUnknownError(
                f"The kernel of {phase} ended without a word.",
                why=f"it was killed or broke down after journal entry {entries[-1].seq} "
                f"({entries[-1].event})",
                next_step=f"scc-runbook resume {self.folder.path}",
            )
            journal_end(self.journal, phase, ("failed", int(ExitCode.UNKNOWN)), error=silence)
        return self.journal.entries

    def _execute(
        self, phase: str, kernels: Kernels, following: Sequence[str]
    ) -> signal.Signals | None:
        """Execute one phase's notebook; return the signal that stopped it, if one did.

        following: the phase after it, whose kernel gets ready meanwhile.
        """
        import papermill

        register(self.folder)
        attempt = attempts_of(self.journal.entries, phase) + 1
        source = run_folders.notebook(phase)
        output = self.folder.executed_notebook(phase, attempt)
        tell = Teller(self.folder.journal, self.progress, len(self.journal.entries))
        tell_work = WorkTeller(self.folder.work_notes, self.progress)

        def look() -> None:
            tell()
            tell_work()
            kernels.get_ready(following)

        with kernels.take(phase) as kernel:
            work = Worker(
                lambda: papermill.execute_notebook(
                    as_it_stands(source),
                    as_it_stands(output),
                    parameters={
                        "parameters_file": str(self.folder.parameters),
                        "mode": "apply",
                        "run_folder": str(self.folder.path),
                        "approved_plan": "",
                    },
                    engine_name=ENGINE,
                    kernel_name=KERNEL,
                    progress_bar=False,
                    cwd=str(run_folders.root()),
                    kernel=kernel,
                )
            )
            try:
                return work.run(lambda: kernel.pid, tell, look)
            finally:
                work_notes.forget(self.folder.work_notes)
                self._keep_trace(work.error, phase, attempt)

    def _start_kernel(self, phase: str, secrets: HandedOver) -> Kernel:
        """Return a kernel for a phase, which holds the run's lock for as long as it lives."""
        attempt = attempts_of(self.journal.entries, phase) + 1
        with (
            secrets.for_kernel() as (handed, inherited),
            self._log(phase, attempt) as log,
        ):
            return Kernel.start(
                run_folders.root(),
                environment={**os.environ, **handed, DRIVER: str(os.getpid())},
                descriptors=(self.lock.descriptor, *inherited),
                log=log,
            )

    def _log(self, phase: str, attempt: int) -> IO[bytes]:
        """Return the file for what a kernel says beside its cells."""
        path = self.folder.path / "logs" / f"kernel.{phase}.{attempt}.log"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        return os.fdopen(os.open(path, flags, 0o600), "ab")

    def _keep_trace(self, error: BaseException | None, phase: str, attempt: int) -> None:
        """Keep what papermill itself ended with; how the phase ended is in the journal."""
        if error is None:
            return
        text = redaction.redact("".join(traceback.format_exception(error)))
        write_file(self.folder.path / "debug" / f"papermill.{phase}.{attempt}.txt", text)


def _code_of(by: signal.Signals) -> int:
    return int(ExitCode.TERMINATED if by is signal.SIGTERM else ExitCode.INTERRUPTED)
