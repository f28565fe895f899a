"""A guided phase on simulated nodes: what its panels show as cells run."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import (
    ApprovalError,
    CommandFailedError,
    SessionLostError,
    StalePlanError,
    WaitingForPersonError,
)
from runbook_lib.execution import rehearsed_acts
from runbook_lib.guide import guided_phase
from runbook_lib.guide.board import Board, LivePicture
from runbook_lib.guide.gate_form import GateForm
from runbook_lib.guide.guided_phase import GuidedPhase
from runbook_lib.guide.screen import Update
from runbook_lib.steps import configure_networks as steps
from runbook_lib.topology.models import Approval
from tests.builders import loaded
from tests.in_process import Rehearsal

PHASE = "10_configure_networks"
NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"
PRIVATE = {NODE_1: "00-03-FF-10-00-21", NODE_2: "00-03-FF-10-00-22"}


@dataclass
class Output:
    """Keeps what cells show. panels: what is visible, in the order in which it was shown."""

    panels: list[Any] = field(default_factory=list)
    moved: threading.Event = field(default_factory=threading.Event)

    def show(self, panel: object) -> Update:
        place = len(self.panels)
        self.panels.append(panel)

        def update(newer: object) -> None:
            self.panels[place] = newer
            self.moved.set()

        return update

    @property
    def board(self) -> Board:
        found = self.panels[0]
        assert isinstance(found, Board)
        return found

    @property
    def picture(self) -> LivePicture:
        found = self.panels[1]
        assert isinstance(found, LivePicture)
        return found

    def states(self, step: str) -> list[str | None]:
        found = self.board.progress.states
        return [found.get((step, node)) for node in (NODE_1, NODE_2)]


@dataclass
class Guided:
    """A guided phase, its output, and the nodes behind it."""

    rehearsal: Rehearsal
    output: Output
    phase: GuidedPhase

    @property
    def form(self) -> GateForm:
        assert self.phase.form is not None
        return self.phase.form

    def run_up_to(self, last: Any) -> None:
        for step in self.phase.steps[: list(self.phase.steps).index(last) + 1]:
            self.phase.run(step)

    def answer(self, by: str = "R. Viewer", reason: str = "CHG-1") -> None:
        self.form.name.value, self.form.reason.value = by, reason
        for row in self.form.rows:
            row.approve.click()


def guided(rehearsal: Rehearsal) -> Guided:
    output = Output()
    return Guided(rehearsal, output, GuidedPhase(rehearsal.start(PHASE), output))


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal.on_factory_nodes(tmp_path)


@pytest.fixture
def production(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    """A person answers the gates; the nodes count as real ones."""
    given = loaded()
    topology = given.topology.model_copy(update={"approval": Approval.PERSON})
    rehearsal.loaded = replace(given, topology=topology)
    monkeypatch.setattr(rehearsed_acts, "is_rehearsal", lambda _: False)
    return rehearsal


def test_before_the_plan_the_board_names_the_steps_alone(rehearsal: Rehearsal) -> None:
    shown = guided(rehearsal).output

    assert shown.board.progress.headline() == "not planned yet"
    assert shown.board.progress.states == {}
    assert [name for name, _ in shown.board.steps] == [step.__name__ for step in steps.STEPS]
    assert shown.picture.text() == "(the nodes are not read yet)"


def test_the_board_follows_a_run_from_plan_to_restart(rehearsal: Rehearsal) -> None:
    seen = guided(rehearsal)
    seen.phase.plan()
    assert seen.output.states("name_computers") == ["to change", "to change"]
    seen.run_up_to(steps.name_connections)
    assert seen.output.states("name_computers") == ["reboot pending", "reboot pending"]
    assert seen.output.states("name_connections") == ["changed", "changed"]
    seen.run_up_to(seen.phase.steps[-1])

    seen.phase.close()

    assert set(seen.output.board.progress.states.values()) == {
        "adopted",
        "changed",
        "unchanged",
    }
    assert seen.output.states("name_computers") == ["changed", "changed"]
    assert seen.output.states("set_public_addresses") == ["adopted", "adopted"]
    assert seen.output.board.progress.headline() == "20 of 20 done \u00b7 done"


def test_the_picture_shows_the_nodes_as_they_are_against_how_they_were(
    rehearsal: Rehearsal,
) -> None:
    seen = guided(rehearsal)
    seen.phase.plan()
    assert seen.output.picture.before is None
    assert "Local Area Connection 2" in seen.output.picture.text()
    seen.run_up_to(steps.name_connections)
    assert "Public, connected" in seen.output.picture.text()
    assert "before: Local Area Connection 2" in seen.output.picture.html()
    seen.run_up_to(seen.phase.steps[-1])

    seen.phase.close()

    assert seen.output.picture.text().splitlines()[0] == f"after {PHASE}"


def test_nodes_that_cannot_be_read_for_the_picture_hinder_no_step(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = guided(rehearsal)
    seen.phase.plan()
    before = seen.output.picture

    def lost(*_: Any) -> Any:
        raise SessionLostError("lost", why="-", next_step="-")

    monkeypatch.setattr(guided_phase, "picture", lost)

    seen.phase.run(steps.name_computers)

    assert seen.output.picture is before
    assert seen.output.states("name_computers") == ["reboot pending", "reboot pending"]


def test_a_plan_is_approved_in_its_form_and_the_cell_goes_on(production: Rehearsal) -> None:
    seen = guided(production)
    with pytest.raises(WaitingForPersonError) as caught:
        seen.phase.plan()
    assert caught.value.next_step == (
        "answer in the form above, then run this cell again (\u25b6 in the toolbar)"
    )
    assert seen.output.panels[2:] == [seen.form.asked, seen.form]
    assert seen.output.board.progress.headline().endswith(
        "waits for a person: approval of the plan"
    )

    seen.answer()

    asked, form = [panel._repr_mimebundle_() for panel in seen.output.panels[2:]]
    assert asked["text/plain"].splitlines()[-2:] == [
        "Approved by R. Viewer: CHG-1",
        "Next: run this cell again (\u25b6 in the toolbar)",
    ]
    assert form["text/plain"] == "Next: run this cell again (\u25b6 in the toolbar)"
    assert set(form) == {"text/plain", "text/html"}
    seen.phase.plan()
    assert production.folder is not None
    answers = [e.data for e in production.folder.entries() if e.event == "gate_answered"]
    assert [(data["by"], data["reason"], data["automatic"]) for data in answers] == [
        ("R. Viewer", "CHG-1", False)
    ]


def test_both_nodes_acts_stand_in_one_form_with_the_name_that_answered_last(
    production: Rehearsal,
) -> None:
    seen = guided(production)
    with pytest.raises(WaitingForPersonError):
        seen.phase.plan()
    seen.answer()
    seen.phase.plan()

    with pytest.raises(WaitingForPersonError):
        seen.run_up_to(steps.unbind_file_sharing)

    assert [row.gate.gate for row in seen.form.rows] == [
        f"{PHASE}.unbind_file_sharing.{node}" for node in (NODE_1, NODE_2)
    ]
    assert seen.form.name.value == "R. Viewer"
    assert seen.output.states("unbind_file_sharing") == ["waiting", "waiting"]
    for node, mac in PRIVATE.items():
        production.world.act("unbind-file-sharing", {"node": node, "mac": mac})
    seen.answer()
    seen.run_up_to(seen.phase.steps[-1])
    seen.phase.close()
    assert seen.output.board.progress.headline() == "attempt 3 \u00b7 20 of 20 done \u00b7 done"


def test_a_refusal_is_recorded_by_the_next_try(production: Rehearsal) -> None:
    seen = guided(production)
    with pytest.raises(WaitingForPersonError):
        seen.phase.plan()
    seen.form.name.value, seen.form.reason.value = "R. Viewer", "freeze until Monday"
    seen.form.rows[0].refuse.click()

    with pytest.raises(ApprovalError) as caught:
        seen.phase.plan()

    assert caught.value.why.startswith("R. Viewer: freeze until Monday (journal ")
    assert production.world.ledger() == []


def test_a_plan_that_grew_stale_is_asked_in_a_form_too(production: Rehearsal) -> None:
    seen = guided(production)
    with pytest.raises(WaitingForPersonError):
        seen.phase.plan()
    seen.answer()
    first = seen.form
    production.world.act("unbind-file-sharing", {"node": NODE_1, "mac": PRIVATE[NODE_1]})

    with pytest.raises(StalePlanError):
        seen.phase.plan()

    assert seen.form is not first
    assert seen.output.panels[-1] is seen.form
    seen.answer()
    seen.phase.plan()


def test_a_failed_step_says_on_which_node_and_why(rehearsal: Rehearsal) -> None:
    rehearsal.world.arm_fault(
        {"node": NODE_2, "match": "SetTcpipNetbios", "nth": 1, "when": "before", "do": "return:91"}
    )
    seen = guided(rehearsal)
    seen.phase.plan()

    with pytest.raises(CommandFailedError):
        seen.run_up_to(steps.disable_netbios)

    assert seen.output.states("disable_netbios") == ["sent", "failed"]
    assert "failed: " in seen.output.board.progress.headline()
    seen.run_up_to(steps.disable_netbios)
    assert seen.output.states("disable_netbios") == ["unchanged", "changed"]


def test_a_plan_only_notebook_has_board_and_picture_too(rehearsal: Rehearsal) -> None:
    rehearsal.mode = "plan"
    seen = guided(rehearsal)

    seen.phase.plan()

    assert seen.output.states("name_computers") == ["to change", "to change"]
    assert seen.output.board.progress.headline() == "plan only \u00b7 24 changes planned"
    assert "Local Area Connection 2" in seen.output.picture.text()
    assert list(rehearsal.runs.iterdir()) == []


def test_the_board_moves_while_a_cell_runs(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = guided(rehearsal)
    monkeypatch.setattr("runbook_lib.guide.screen.POLL_S", 0.001)
    seen.phase.plan()
    send = rehearsal.sessions[NODE_1].begin_act

    def slowly(*arguments: Any) -> Any:
        seen.output.moved.clear()
        assert seen.output.moved.wait(30)
        states.append(seen.output.states("name_computers"))
        return send(*arguments)

    states: list[list[str | None]] = []
    monkeypatch.setattr(rehearsal.sessions[NODE_1], "begin_act", slowly)

    seen.phase.run(steps.name_computers)

    assert states == [["sent", "to change"]]
