"""One phase, as a notebook drives it: open, plan, run each step, close.

What a person sees comes back as tables without port, path, time or identifier, so that two runs
on equal nodes show the same. Everything else is in the journal.

An attempt that ends with the nodes' state known - at a gate, refused, or failed in a known way -
lets go of nodes and lock. Running a cell again then begins the next attempt, as a new kernel would.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from runbook_lib import crash_points
from runbook_lib.errors import (
    BugError,
    ExitCode,
    PreconditionError,
    RunbookError,
    WaitingForPersonError,
    exit_code_of,
)
from runbook_lib.execution import attempts, phases, restart
from runbook_lib.execution.acting import Actor, Crew
from runbook_lib.execution.crew import muster, nodes_of
from runbook_lib.execution.event_evidence import LogWatch
from runbook_lib.execution.observation import sweep
from runbook_lib.execution.phase_plan import PhasePlan
from runbook_lib.execution.phase_record import (
    journal_end,
    verified_steps,
    waiting_for_restart,
)
from runbook_lib.execution.picture_of import picture
from runbook_lib.execution.run_folder import attempts_of, outcome_of, write_json
from runbook_lib.execution.runner import Row, Runner, refuse_blocked
from runbook_lib.execution.start import Start, start
from runbook_lib.execution.step_tables import planned_table, undo_table
from runbook_lib.execution.stopping import hearing_sigterm, stopped
from runbook_lib.journal.journal import Journal
from runbook_lib.pictures.table import Table, step_table
from runbook_lib.steps.step import StepFactory

GOES_ON_AFTER = frozenset({ExitCode.REFUSED, ExitCode.WAITING, ExitCode.TRANSPORT, ExitCode.FAILED})
"""How an attempt may end so that the same notebook begins another: what the nodes did is known."""


class Phase:
    """A phase that is open: its nodes are connected and, in `apply` mode, its journal too."""

    def __init__(self, started: Start) -> None:
        """Use `open`; this connects nothing by itself."""
        self._started = started
        self._name = started.phase
        self._factories = phases.steps_of(started.phase)
        self._tables: dict[str, Table] = {}
        self._is_open = True
        self._may_go_on = False
        self._plan: PhasePlan | None = None
        self._runner: Runner | None = None
        self._adopted: set[tuple[str, str]] = set()
        self._logs: LogWatch | None = None

    @classmethod
    def open(
        cls,
        phase: str,
        *,
        parameters_file: str,
        mode: str = "apply",
        run_folder: str = "",
        approved_plan: str = "",
    ) -> Phase:
        """Return the phase, ready to plan.

        parameters_file: path, counted from the root. mode: "apply", or "plan" which reads only.
        run_folder: an existing run to go on with; empty begins a new one under runs/.
        approved_plan: SHA-256 of the plan that was approved; empty lets the gate decide.
        """
        crash_points.arm_from_environment("kernel")
        return cls(
            start(
                phases.find(phase),
                parameters_file=parameters_file,
                mode=mode,
                run_folder=run_folder,
                approved_plan=approved_plan,
            )
        )

    # -- what a notebook calls

    @property
    def steps(self) -> Sequence[StepFactory]:
        """Return the phase's steps in the order in which they are run."""
        return self._factories

    def plan(self) -> Table:
        """Return what the phase would do; in `apply` mode, once a person has agreed to it.

        Raises WaitingForPersonError while nobody has, PreconditionError when steps are blocked.
        """
        self._begin_again()
        with self._guarded():
            if self._started.journal is None:
                return self._show_plan()
            return self._open_plan() if self._plan is None else planned_table(self._plan.steps)

    def run(self, step: StepFactory) -> Table:
        """Make one step true (`apply`) or show what it would do (`plan`); return its table.

        A step that was already run in this notebook returns its table again and asks nothing.
        """
        name = step.__name__
        if name in self._tables:
            return self._tables[name]
        if self._begin_again():
            self.plan()
        with self._guarded(step=name):
            self._refuse_disorder(name)
            if self._started.journal is None:
                self._tables[name] = planned_table(self._planned().of(name))
            else:
                rows = self._working().run(step)
                self._tables[name] = step_table([self._shown(row, name) for row in rows])
            return self._tables[name]

    def backout(self) -> Table:
        """Return how each change of this phase is undone, the last one first.

        It asks no node, so it is there whatever became of the phase.
        """
        if self._started.journal is None:
            steps = self._planned().data()["steps"]
        else:
            steps = verified_steps(self._started.journal.entries, self._name)
        return undo_table(steps)

    def close(self) -> Table:
        """End the phase: restart what waits for it, read everything once more, say how it ended."""
        if self._begin_again():
            self.plan()
        with self._guarded():
            missing = [f.__name__ for f in self._factories if f.__name__ not in self._tables]
            if missing:
                raise PreconditionError(
                    f"{self._name} cannot be closed yet.",
                    why=f"not run: {', '.join(missing)}",
                    next_step="run the cells of these steps first",
                )
            if self._started.journal is None:
                table = self._end_of_plan()
            else:
                table = self._end(self._started.journal)
        self._leave()
        return table

    @property
    def latest_plan(self) -> PhasePlan | None:
        """Return every step as it was planned last, None before the first planning."""
        return self._runner.latest if self._runner is not None else self._plan

    # -- planning

    def _open_plan(self) -> Table:
        """Begin the phase in the journal, plan it, and pass its gate."""
        started, journal = self._started, self._journal()
        entries = journal.entries
        attempt = attempts_of(entries, self._name) + 1
        journal.append(
            "phase_opened", {"phase": self._name, "attempt": attempt, "mode": started.mode}
        )
        crew = muster(started, journal)
        self._logs = LogWatch.begin(crew.sessions)
        seen = self._look_around(crew, "before")
        journal.append("observed", {"phase": self._name, "when": "before", "picture": seen})
        self._runner = Runner(
            self._name, self._factories, started.topology, Actor(self._name, crew)
        )
        self._runner.actor.reboot_nodes |= restart.needed(journal.entries, self._name)
        self._plan = plan = self._runner.plan()
        write_json(started.folder.plan(self._name), plan.data())
        journal.append(
            "planned",
            {
                "phase": self._name,
                "attempt": attempt,
                "plan_sha256": plan.digest,
                "steps": [planned.data() for planned in plan.steps],
            },
        )
        self._adopted, waiting = attempts.settle(journal, plan)
        self._runner.actor.reboot_nodes |= waiting
        crew.gates.take_over(self._name)
        self._adopted |= attempts.take_reported(journal, plan)
        refuse_blocked(self._name, plan.steps, phases.blocked_error(self._name))
        if plan.needs_approval:
            given = started.approved_plan
            attempts.pass_plan_gate(started.folder, journal, crew.gates, plan, given)
        # What an earlier attempt in this notebook made true may not be true any more.
        for planned in plan.steps:
            if planned.changes:
                self._tables.pop(planned.name, None)
        return planned_table(plan.steps)

    def _show_plan(self) -> Table:
        """Plan without a journal: nothing is written, and the sessions cannot act."""
        started = self._started
        nodes = nodes_of(started, None)
        steps = sweep(self._name, self._factories, started.topology, nodes.ask)
        self._plan = PhasePlan(self._name, steps)
        self._tables.clear()
        return planned_table(steps)

    def _end_of_plan(self) -> Table:
        steps = self._planned().steps
        changes = sum(len(planned.changes) for planned in steps)
        blocked = len(self._planned().blocked())
        text = f"{changes} changes planned, {blocked} steps blocked"
        return step_table([("", self._name, text, "", "planned", None)])

    # -- the end

    def _end(self, journal: Journal) -> Table:
        topology, actor = self._started.topology, self._working().actor
        nodes = [node.name for node in topology.nodes if node.name in actor.reboot_nodes]
        rows: list[tuple[str, str, str, str, str, int | None]] = []
        if nodes:
            deadline_s = topology.waits.reboot_s
            done = restart.restart(self._name, nodes, actor.crew, deadline_s=deadline_s)
            actor.reboot_nodes.clear()
            for node, entry in done.items():
                rows.append((node, "restart", "waiting", "restarted once", "changed", entry.seq))
            rows.extend(self._shown(row, "") for row in self._verify_after_restart(set(nodes)))
        actor.crew.remove_left()
        seen = self._look_around(actor.crew, "after")
        journal.append("observed", {"phase": self._name, "when": "after", "picture": seen})
        self._keep_logs(journal)
        attempt = attempts_of(journal.entries, self._name)
        closed = journal.append(
            "phase_closed",
            {"phase": self._name, "attempt": attempt, "outcome": "done", "exit_code": 0},
        )
        self._is_open = False
        rows.append(("", self._name, "", "", "done", closed.seq))
        return step_table(rows)

    def _look_around(self, crew: Crew, when: str) -> dict[str, Any]:
        title = f"{when} {self._name}"
        return picture(self._started.topology, crew.sessions, title, crew.nodes.off())

    def _verify_after_restart(self, restarted: set[str]) -> Iterator[Row]:
        """Journal each step of a restarted node anew; yield those that waited for the restart."""
        runner = self._working()
        waited = waiting_for_restart(runner.actor.crew.journal.entries, self._name)
        after = runner.plan()
        for planned in after.steps:
            if planned.step.node not in restarted:
                continue
            was_waiting = planned.key in waited
            rows = runner.confirm(planned, was_waiting=was_waiting)
            if was_waiting:
                yield from rows

    # -- keeping order

    def _planned(self) -> PhasePlan:
        if self._plan is None:
            raise PreconditionError(
                f"{self._name} has no plan yet.",
                why="phase.plan() was not run",
                next_step="run the notebook's cells from the first one on",
            )
        return self._plan

    def _working(self) -> Runner:
        self._planned()
        if self._runner is None:
            raise BugError(
                "A phase in plan mode was about to act.",
                why=self._name,
                next_step="report this with the run folder's debug/",
            )
        return self._runner

    def _journal(self) -> Journal:
        if self._started.journal is None:
            raise BugError(
                "A phase in plan mode was about to write a journal.",
                why=self._name,
                next_step="report this with the run folder's debug/",
            )
        return self._started.journal

    def _refuse_disorder(self, name: str) -> None:
        names = [factory.__name__ for factory in self._factories]
        if name not in names:
            raise PreconditionError(
                f"{name} is not a step of {self._name}.",
                why=f"its steps are {', '.join(names)}",
                next_step="run the step in its own phase's notebook",
            )
        before = [earlier for earlier in names[: names.index(name)] if earlier not in self._tables]
        if before:
            raise PreconditionError(
                f"{name} comes after {before[0]}, which was not run.",
                why="the steps of a phase run in the procedure's order",
                next_step="run the cells above first",
            )

    def _shown(self, row: Row, step: str) -> tuple[str, str, str, str, str, int | None]:
        adopted = (step, row.node) in self._adopted
        outcome = "adopted" if adopted and row.outcome == "unchanged" else row.outcome
        return (row.node, row.what, row.before, row.after, outcome, row.journal)

    @contextmanager
    def _guarded(self, step: str | None = None) -> Iterator[None]:
        """Journal how a phase ends when it does not end well, and let go of the nodes."""
        if not self._is_open:
            raise self._closed()
        try:
            with hearing_sigterm():
                yield
        except KeyboardInterrupt as by:
            error = stopped(self._name, step, str(self._started.folder.path), by)
            self._failed(step, "interrupted", int(error.exit_code), None)
            raise error from by
        except WaitingForPersonError as error:
            self._failed(step, "waiting", int(error.exit_code), None)
            raise
        except Exception as error:
            self._failed(step, "failed", int(exit_code_of(error)), error)
            if isinstance(error, RunbookError):
                raise
            trace = self._started.write_trace(error)
            raise BugError(
                f"{self._name} stopped at an error of its own.",
                why=f"{type(error).__name__} in {step or 'the phase'}",
                next_step=f"report it with {trace}",
            ) from error

    def _failed(self, step: str | None, outcome: str, code: int, error: Exception | None) -> None:
        """Write the end of an attempt; a journal that cannot be written is told by the error.

        A cell run without an attempt (a step before the plan) leaves the phase as it stands.
        """
        self._may_go_on = code in GOES_ON_AFTER
        journal = self._started.journal
        try:
            if journal is not None and outcome_of(journal.entries, self._name) == "running":
                if error is not None:
                    self._keep_logs(journal)
                journal_end(journal, self._name, (outcome, code), step=step, error=error)
        except RunbookError:
            if error is None:
                raise
        finally:
            # Whatever cannot be written: no cell acts under a plan that did not pass its gate.
            self._leave()

    def _keep_logs(self, journal: Journal) -> None:
        """Journal what the nodes' event logs gained in this attempt, once."""
        logs, self._logs = self._logs, None
        if logs is not None:
            logs.keep(journal, self._name)

    def _leave(self) -> None:
        self._is_open = False
        self._started.leave()

    def _begin_again(self) -> bool:
        """Return whether an attempt that ended was followed by another, which is not planned yet.

        What hinders it (another process drives the run) is raised and changes nothing here.
        """
        if self._is_open:
            return False
        if not self._may_go_on or self._started.again is None:
            raise self._closed()
        self._started = self._started.again()
        self._plan, self._runner, self._is_open = None, None, True
        return True

    def _closed(self) -> PreconditionError:
        return PreconditionError(
            f"{self._name} is closed in this notebook.",
            why="it ended, or one of its steps failed",
            next_step="restart the kernel and run all cells again; what is done is not done twice",
        )
