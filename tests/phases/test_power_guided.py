"""A guided phase in which machines are switched: its picture, and the act behind its button."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.commands.command import ManualAct
from runbook_lib.errors import WaitingForPersonError
from runbook_lib.execution import gates, rehearsed_acts
from runbook_lib.execution.run_folder import open_gates
from runbook_lib.guide.board import LivePicture
from runbook_lib.guide.guided_phase import GuidedPhase
from runbook_lib.guide.screen import Update
from tests.in_process import Rehearsal, with_person
from tests.phases import power_phase
from tests.phases.power_phase import PHASE

NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"


@dataclass
class Output:
    """Keeps the newest picture."""

    pictures: list[LivePicture] = field(default_factory=list)

    def show(self, panel: object) -> Update:
        def update(newer: object) -> None:
            if isinstance(newer, LivePicture):
                self.pictures.append(newer)

        update(panel)
        return update


@dataclass
class Hands:
    """A lab's control address that leads into a world of this process."""

    rehearsal: Rehearsal

    @property
    def control(self) -> Hands:
        return self

    def perform(self, act: ManualAct, node: str) -> None:
        self.rehearsal.hands(act, node)


@pytest.fixture
def rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    power_phase.install(monkeypatch)
    return Rehearsal.on_factory_nodes(tmp_path)


def test_the_picture_shows_the_machine_that_is_off(rehearsal: Rehearsal) -> None:
    output = Output()
    phase = GuidedPhase(rehearsal.start(PHASE), output)
    phase.plan()

    phase.run(power_phase.leave_first)

    now: Any = output.pictures[-1].data
    assert [node["power"] for node in now["nodes"]] == ["on", "off"]


def test_an_act_that_only_showed_at_its_turn_can_be_done_from_the_form(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def keep_lab(*_arguments: Any) -> Iterator[Hands]:
        yield Hands(rehearsal)

    monkeypatch.setattr(rehearsed_acts, "keep_lab", keep_lab)
    phase = GuidedPhase(with_person(rehearsal).start(PHASE), Output())
    asked = []
    for _ in range(4):
        with pytest.raises(WaitingForPersonError):
            go_through(phase)
        asked.append(answer(rehearsal, phase))

    go_through(phase)

    assert asked[1:] == [
        f"{PHASE}.leave_first.{NODE_1}",
        f"{PHASE}.leave_second.{NODE_2}",
        f"{PHASE}.switch_first_on.{NODE_1}",
    ]
    assert [e["what"] for e in rehearsal.world.ledger() if e["cause"] == "person"] == ["power"] * 4


def go_through(phase: GuidedPhase) -> None:
    phase.plan()
    for step in phase.steps:
        phase.run(step)


def answer(rehearsal: Rehearsal, phase: GuidedPhase) -> str:
    """Do what is asked, as the form's button does, and say so."""
    assert rehearsal.folder is not None
    [gate] = open_gates(rehearsal.folder.entries())
    if gate.kind == "manual":
        phase._perform(gate.gate)
    gates.approve(str(rehearsal.folder.path), gate.gate, by="R. Viewer", reason="CHG-1")
    return gate.gate
