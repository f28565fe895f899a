"""A person's act, done on a simulated node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.commands.command import ManualAct
from runbook_lib.errors import PreconditionError
from runbook_lib.execution import rehearsed_acts
from runbook_lib.execution.phase import Phase
from tests.in_process import Rehearsal

PHASE = "10_configure_networks"
GATE = f"{PHASE}.unbind_file_sharing.E2K7SCCNode2"


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
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal.on_factory_nodes(tmp_path)


@pytest.fixture
def planned(rehearsal: Rehearsal) -> Phase:
    phase = rehearsal.open(PHASE)
    phase.plan()
    return phase


def perform(phase: Phase, gate: str) -> None:
    assert phase._plan is not None
    rehearsed_acts.perform(phase._started, phase._plan, gate)


def reach(monkeypatch: pytest.MonkeyPatch, lab: Hands | None) -> None:
    @contextmanager
    def keep_lab(*_arguments: Any) -> Iterator[Hands | None]:
        yield lab

    monkeypatch.setattr(rehearsed_acts, "keep_lab", keep_lab)


def test_the_act_of_one_gate_is_done_on_its_node_alone(
    monkeypatch: pytest.MonkeyPatch, rehearsal: Rehearsal, planned: Phase
) -> None:
    reach(monkeypatch, Hands(rehearsal))

    perform(planned, GATE)

    done = {(effect["node"], effect["cause"]) for effect in rehearsal.world.ledger()}
    assert done == {("E2K7SCCNode2", "person")}


def test_a_gate_without_an_act_is_refused(
    monkeypatch: pytest.MonkeyPatch, rehearsal: Rehearsal, planned: Phase
) -> None:
    reach(monkeypatch, Hands(rehearsal))

    with pytest.raises(PreconditionError) as caught:
        perform(planned, f"{PHASE}.plan")

    assert caught.value.why == "the plan holds no such act"
    assert rehearsal.world.ledger() == []


def test_real_nodes_are_left_to_people(monkeypatch: pytest.MonkeyPatch, planned: Phase) -> None:
    reach(monkeypatch, None)

    with pytest.raises(PreconditionError) as caught:
        perform(planned, GATE)

    assert caught.value.why == "the nodes are real ones"
