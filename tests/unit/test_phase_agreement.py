"""Nothing is changed that nobody agreed to, and an answer counts for its own question alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import (
    StalePlanError,
    WaitingForPersonError,
)
from runbook_lib.execution import gates
from runbook_lib.execution.phase import Phase
from runbook_lib.execution.run_folder import open_gates
from runbook_lib.steps import configure_networks as steps
from tests.in_process import InProcessSession, Rehearsal, with_person

CHECKS, PHASE = "00_check_prerequisites", "10_configure_networks"
NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"
PUBLIC_1 = "00-03-FF-10-00-11"
PRIVATE = {NODE_1: "00-03-FF-10-00-21", NODE_2: "00-03-FF-10-00-22"}


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal.on_factory_nodes(tmp_path)


@pytest.fixture
def finished(rehearsal: Rehearsal) -> Rehearsal:
    """Return nodes on which phase 10 is done; the next phase begins another run."""
    rehearsal.carry_out(PHASE)
    rehearsal.folder, rehearsal.runs = None, rehearsal.runs / "second"
    return rehearsal


def events(rehearsal: Rehearsal, *names: str) -> list[Mapping[str, Any]]:
    assert rehearsal.folder is not None
    return [entry.data for entry in rehearsal.folder.entries() if entry.event in names]


def act(rehearsal: Rehearsal, deed: str, node: str, **arguments: str) -> None:
    rehearsal.world.act(deed, {"node": node, **arguments})


def waiting(rehearsal: Rehearsal) -> list[str]:
    assert rehearsal.folder is not None
    return [gate.gate for gate in open_gates(rehearsal.folder.entries())]


def answer(rehearsal: Rehearsal, **changes: Any) -> None:
    assert rehearsal.folder is not None
    given = {"by": "R. Viewer", "reason": "CHG-1", **changes}
    for gate in waiting(rehearsal):
        gates.approve(str(rehearsal.folder.path), gate, **given)


def plan_and_wait(rehearsal: Rehearsal) -> Phase:
    phase = rehearsal.open(PHASE)
    with pytest.raises(WaitingForPersonError):
        phase.plan()
    return phase


def run_up_to(phase: Phase, last: Any) -> None:
    for step in phase.steps[: list(phase.steps).index(last)]:
        phase.run(step)


def test_what_somebody_changes_while_a_step_acts_is_not_taken_for_agreed(
    finished: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(finished, "rename-connection", NODE_1, mac=PUBLIC_1, name="Office")
    phase = finished.open(PHASE)
    phase.plan()
    begin = InProcessSession.begin_act

    def begin_act(self: InProcessSession, *given: Any) -> Any:
        act(finished, "set-netbios", NODE_1, mac=PRIVATE[NODE_1], value="1")
        return begin(self, *given)

    monkeypatch.setattr(InProcessSession, "begin_act", begin_act)
    run_up_to(phase, steps.disable_netbios)

    with pytest.raises(StalePlanError) as caught:
        phase.run(steps.disable_netbios)

    assert caught.value.why == (
        "disable_netbios on E2K7SCCNode1: NetBIOS over TCP/IP on Private, on -> off"
    )
    assert [data["step"] for data in events(finished, "intent")] == ["name_connections"]


def test_a_restart_that_waits_from_before_is_asked_for(finished: Rehearsal) -> None:
    named_by_hand(finished, NODE_1, "OTHER")
    act(finished, "rename-computer", NODE_1, name=NODE_1)
    plan_and_wait(with_person(finished))
    answer(finished)

    finished.carry_out(PHASE)

    assert [data["node"] for data in events(finished, "rebooted")] == [NODE_1]


def named_by_hand(rehearsal: Rehearsal, node: str, name: str) -> None:
    """Give a node a name as a person would, and wait until it has started with it."""
    act(rehearsal, "rename-computer", node, name=name)
    act(rehearsal, "restart", node)
    for _ in range(10):
        rehearsal.world._clock.polled()
        rehearsal.world.state()


def test_a_phase_that_only_reads_restarts_nothing(rehearsal: Rehearsal) -> None:
    for node in (NODE_1, NODE_2):
        named_by_hand(rehearsal, node, node)
    phase = rehearsal.open(PHASE)
    phase.plan()
    run_up_to(phase, steps.unbind_file_sharing)

    rehearsal.carry_out(CHECKS)
    assert events(rehearsal, "rebooted") == []
    rehearsal.carry_out(PHASE)

    assert [data["node"] for data in events(rehearsal, "rebooted")] == [NODE_1, NODE_2]
