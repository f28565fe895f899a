"""A phase that a person follows in JupyterLab: its board, its picture, and its gates as forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from runbook_lib.errors import RunbookError, StalePlanError, WaitingForPersonError
from runbook_lib.execution import phases, rehearsed_acts
from runbook_lib.execution.nodes import silent_now
from runbook_lib.execution.observation import title_of
from runbook_lib.execution.phase import Phase
from runbook_lib.execution.picture_of import picture
from runbook_lib.execution.run_folder import OpenGate, open_gates
from runbook_lib.execution.start import Start
from runbook_lib.guide.board import Board, LivePicture
from runbook_lib.guide.gate_form import GateForm
from runbook_lib.guide.progress import MADE, Progress, progress_of, progress_of_plan
from runbook_lib.guide.questions import AGAIN, Asked
from runbook_lib.guide.screen import CellOutput, Screen, following
from runbook_lib.pictures.table import Table
from runbook_lib.steps.step import StepFactory


class GuidedPhase(Phase):
    """`Phase`, shown: the board stands in the cell that opened it, a form where a gate waits."""

    def __init__(self, started: Start, screen: Screen | None = None) -> None:
        """Use `open`; this shows the empty board in the running cell."""
        super().__init__(started)
        self._screen: Screen = screen or CellOutput()
        self._is_guiding = False
        self._form: GateForm | None = None
        self._picture = LivePicture()
        self._observed = 0
        self._show_board = self._screen.show(self.board())
        self._show_picture = self._screen.show(self._picture)

    def plan(self) -> Table:
        """Return what `Phase.plan` does; a gate that waits is asked below the cell."""
        with self._guiding():
            table = super().plan()
            if self._started.journal is None:
                self._look()
            return table

    def run(self, step: StepFactory) -> Table:
        """Return what `Phase.run` does; the board follows."""
        with self._guiding():
            table = super().run(step)
            self._look_after(table)
            return table

    def close(self) -> Table:
        """Return what `Phase.close` does; the picture is the one that it recorded."""
        with self._guiding():
            return super().close()

    def board(self) -> Board:
        """Return the board as things stand."""
        steps = [(factory.__name__, title_of(factory)) for factory in self._factories]
        nodes = [node.name for node in self._started.topology.nodes]
        return Board(steps, nodes, self._progress(), self._started.connections.work.lines())

    @property
    def form(self) -> GateForm | None:
        """Return the form that was shown last, None before any gate waited."""
        return self._form

    @contextmanager
    def _guiding(self) -> Iterator[None]:
        """Keep board and picture up to date, and ask what waits."""
        if self._is_guiding:
            yield
            return
        self._is_guiding = True
        try:
            with following(self._state, self._update_board):
                yield
        except (WaitingForPersonError, StalePlanError) as error:
            if self._ask():
                raise _in_the_form(error) from None
            raise
        finally:
            self._is_guiding = False
            self._update_board()
            self._take_recorded_picture()

    # -- the board

    def _state(self) -> tuple[int, tuple[str, ...]]:
        journal = self._started.journal
        entries = len(journal.entries) if journal is not None else 0
        return entries, self._started.connections.work.lines()

    def _progress(self) -> Progress:
        if self._started.journal is not None:
            return progress_of(self._name, self._started.journal.entries)
        steps = self._plan_data()
        return progress_of_plan(self._name, steps) if steps else Progress(self._name)

    def _plan_data(self) -> Sequence[Mapping[str, Any]]:
        return self.latest_plan.data()["steps"] if self.latest_plan is not None else ()

    def _update_board(self) -> None:
        self._show_board(self.board())

    # -- the picture

    def _take_recorded_picture(self) -> None:
        """Show the newest picture of the record, if there is one that was not shown yet."""
        recorded = self._recorded_pictures()
        if len(recorded) > self._observed:
            self._observed = len(recorded)
            self._show_now(recorded[-1])

    def _recorded_pictures(self) -> list[Mapping[str, Any]]:
        entries = self._started.journal.entries if self._started.journal is not None else ()
        return [
            entry.data["picture"]
            for entry in entries
            if entry.event == "observed" and entry.data["phase"] == self._name
        ]

    def _look_after(self, table: Table) -> None:
        if table.outcome is not None and any(row[table.outcome] in MADE for row in table.rows):
            self._look()

    def _look(self) -> None:
        """Read the nodes for the picture; what cannot be read now leaves it as it was."""
        if not self._is_open:
            return
        try:
            sessions = self._started.connections.sessions
            off = silent_now(sessions) if phases.may_be_off(self._name) else frozenset[str]()
            seen = picture(self._started.topology, sessions, "now", off)
        except RunbookError:
            # The next cell meets the same trouble, and tells it better.
            return
        self._show_now(seen)

    def _show_now(self, now: Mapping[str, object]) -> None:
        recorded = self._recorded_pictures()
        before = recorded[0] if recorded and recorded[0] is not now else None
        self._picture = LivePicture(now, before)
        self._show_picture(self._picture)

    # -- gates

    def _ask(self) -> bool:
        """Show a form for the gates that wait; return whether there is any."""
        waiting = self._waiting()
        if not waiting:
            return False
        by = ""
        if self._form is not None:
            by = self._form.name.value
            self._form.close()
        can_act = rehearsed_acts.is_rehearsal(self._started)
        asked = Asked(str(self._started.folder.path), waiting, self._plan_data())
        self._form = form = GateForm(asked, by=by, act=self._perform if can_act else None)
        show_asked, show_form = self._screen.show(asked), self._screen.show(form)

        def answered() -> None:
            show_asked(asked)
            if asked.is_answered:
                show_form(form)

        form.on_answer(answered)
        return True

    def _waiting(self) -> list[OpenGate]:
        entries = self._started.entries()
        return [gate for gate in open_gates(entries) if gate.phase == self._name]

    def _perform(self, gate: str) -> None:
        if self.latest_plan is not None:
            rehearsed_acts.perform(self._started, self.latest_plan, gate)


def _in_the_form(error: RunbookError) -> RunbookError:
    """Return the error with the nearer way to go on: the form that was just shown."""
    return type(error)(
        error.what, why=error.why, next_step=f"answer in the form above, then {AGAIN}"
    )
