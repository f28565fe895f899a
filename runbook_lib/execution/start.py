"""What must stand before a phase can be planned: parameters, run folder, locks, nodes."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runbook_lib import redaction
from runbook_lib.clock import Clock, SystemClock
from runbook_lib.errors import (
    ParametersError,
    PreconditionError,
    RunbookError,
    TerminatedRunError,
)
from runbook_lib.execution import run_folder as run_folders
from runbook_lib.execution.connections import Connections, connect
from runbook_lib.execution.phase_record import journal_end
from runbook_lib.execution.run_folder import RunFolder, attempts_of
from runbook_lib.execution.run_record import open_run
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal
from runbook_lib.journal.lock import RunLock
from runbook_lib.topology.loading import Loaded, load
from runbook_lib.topology.models import Topology

MODES = ("apply", "plan")
DRIVER = "RUNBOOK_DRIVER_PID"
"""Set by the pipeline for its kernels: the process that holds the run's lock for them."""


@dataclass
class Start:
    """An open phase's surroundings; `leave` gives all of it back.

    again: makes new surroundings for another attempt; None where there can be none.
    """

    phase: str
    mode: str
    loaded: Loaded
    folder: RunFolder
    journal: Journal | None
    connections: Connections
    clock: Clock
    approved_plan: str
    lock: RunLock | None = None
    again: Callable[[], Start] | None = None

    @property
    def topology(self) -> Topology:
        """Return the validated wish."""
        return self.loaded.topology

    def entries(self) -> tuple[JournalEntry, ...]:
        """Return the run's journal so far; empty when the phase is planned without a run."""
        if self.journal is not None:
            return self.journal.entries
        return self.folder.entries() if self.folder.journal.exists() else ()

    def alive(self) -> None:
        """Raise TerminatedRunError when the process that drives this kernel is gone.

        A kernel outlives a killed parent for a while; it must not begin another change.
        """
        driver = os.environ.get(DRIVER)
        if driver and int(driver) != os.getppid():
            raise TerminatedRunError(
                "The process that drives this run is gone; nothing more was changed.",
                why=f"process {driver} ended",
                next_step=f"scc-runbook resume {self.folder.path}",
            )

    def write_trace(self, error: Exception) -> str:
        """Keep an error's trace, secrets masked; return where."""
        if self.journal is None:
            return "the trace (plan mode keeps no folder)"
        path = self.folder.path / "debug" / f"trace.{len(self.journal.entries)}.txt"
        text = "".join(traceback.format_exception(error))
        run_folders.write_file(path, redaction.redact(text))
        return str(path)

    def leave(self) -> None:
        """Close the nodes' sessions and free the run's lock."""
        self.connections.close()
        if self.lock is not None:
            self.lock.release()


def start(
    phase: str, *, parameters_file: str, mode: str, run_folder: str, approved_plan: str
) -> Start:
    """Return the surroundings of a phase, its nodes not asked yet.

    Raises ParametersError, RunLockedError, RecordDamagedError or NodeUnreachableError.
    """
    if mode not in MODES:
        raise ParametersError(
            f"The mode {mode!r} is not known.",
            why=f"it must be one of {', '.join(MODES)}",
            next_step="correct the notebook's parameter `mode`",
        )
    clock = SystemClock()
    folder = RunFolder(run_folders.resolve(run_folder).absolute()) if run_folder else None
    if folder is not None and folder.journal.exists():
        loaded = _same_parameters(folder, parameters_file)
        journal = Journal.open(folder.journal, clock) if mode == "apply" else None
    else:
        loaded = load(run_folders.resolve(parameters_file))
        journal = None
    lock = None
    if mode == "apply":
        alone = os.environ.get(DRIVER) is None
        if journal is None:
            folder, journal = open_run(
                loaded, folder.path if folder else None, (phase,), parameters_file, clock
            )
        lock = (
            RunLock.take(folder.path, clock, who=f"notebook {phase}") if alone and folder else None
        )
    if mode == "apply" and folder is not None:
        parameters_file, run_folder = str(folder.parameters), str(folder.path)
    try:
        if journal is not None and folder is not None:
            # Asked under the lock: until then another process may have ended the run.
            _refuse_ended(folder, journal)
        try:
            connections = connect(
                loaded,
                folder.parameters if folder else run_folders.resolve(parameters_file),
                folder,
                phase,
                clock,
                read_only=mode == "plan",
                in_kernel=True,
            )
        except BaseException as error:
            _journal_failure(journal, phase, error)
            raise
    except BaseException:
        # A kernel lives on, and the next try must not meet its own lock.
        if lock is not None:
            lock.release()
        raise
    return Start(
        phase,
        mode,
        loaded,
        folder or RunFolder(Path(os.devnull)),
        journal,
        connections,
        clock,
        approved_plan,
        lock,
        # A digest that was given is for the first plan; after that the gate's answers count.
        again=partial(
            start,
            phase,
            parameters_file=parameters_file,
            mode=mode,
            run_folder=run_folder,
            approved_plan="",
        ),
    )


def _journal_failure(journal: Journal | None, phase: str, error: BaseException) -> None:
    """Journal an attempt that ended before it met a node: its driver reads there how it ended."""
    if journal is None or not isinstance(error, RunbookError):
        return
    attempt = attempts_of(journal.entries, phase) + 1
    journal.append("phase_opened", {"phase": phase, "attempt": attempt, "mode": "apply"})
    journal_end(journal, phase, ("failed", int(error.exit_code)), error=error)


def _refuse_ended(folder: RunFolder, journal: Journal) -> None:
    journal.catch_up()
    if folder.is_sealed:
        raise PreconditionError(
            f"The run {folder.name} has ended.",
            why="its record is sealed",
            next_step="leave the notebook's parameter `run_folder` empty to begin another run",
        )
    if run_folders.ending_of(journal.entries) is not None:
        raise PreconditionError(
            f"The run {folder.name} has ended.",
            why="it was closed, and its record is not sealed yet",
            next_step=f"let it be sealed: scc-runbook resume {folder.path}",
        )


def _same_parameters(folder: RunFolder, parameters_file: str) -> Loaded:
    """Return the run's own parameters; refuse a given file that says something else."""
    used = load(folder.parameters)
    run_folders.refuse_edited_parameters(folder, used.sha256, folder.entries())
    given = run_folders.resolve(parameters_file)
    if given.resolve() == folder.parameters.resolve() or not given.exists():
        return used
    other = load(given)
    if other.sha256 == used.sha256:
        return used
    raise ParametersError(
        f"{parameters_file} is not what the run {folder.name} was started with.",
        why="; ".join(run_folders.changed_lines(used.text, other.text)),
        next_step=f"give {folder.parameters}, or start another run with the new values",
    )
