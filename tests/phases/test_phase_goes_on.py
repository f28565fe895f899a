"""A notebook whose phase stopped: its cells go on in the same kernel, as a new kernel would."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.clock import SystemClock
from runbook_lib.errors import (
    ApprovalError,
    CommandFailedError,
    CredentialError,
    NodeUnreachableError,
    PreconditionError,
    RunLockedError,
    StalePlanError,
    WaitingForPersonError,
)
from runbook_lib.execution import connections, gates, start
from runbook_lib.execution.phase import Phase
from runbook_lib.execution.run_folder import open_gates, outcome_of
from runbook_lib.journal.lock import RunLock
from runbook_lib.journal.manifest import seal
from runbook_lib.steps import configure_networks as steps
from runbook_lib.topology.models import Approval
from tests.builders import LAB, loaded
from tests.in_process import InProcessSession, Rehearsal

PHASE = "10_configure_networks"
NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"
PRIVATE = {NODE_1: "00-03-FF-10-00-21", NODE_2: "00-03-FF-10-00-22"}


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal.on_factory_nodes(tmp_path)


@pytest.fixture
def production(rehearsal: Rehearsal) -> Rehearsal:
    """A person answers the gates."""
    given = loaded()
    topology = given.topology.model_copy(update={"approval": Approval.PERSON})
    rehearsal.loaded = replace(given, topology=topology)
    return rehearsal


def events(rehearsal: Rehearsal, *names: str) -> list[Mapping[str, Any]]:
    assert rehearsal.folder is not None
    return [entry.data for entry in rehearsal.folder.entries() if entry.event in names]


def attempts(rehearsal: Rehearsal) -> list[tuple[int, str, int]]:
    return [
        (data["attempt"], data["outcome"], data["exit_code"])
        for data in events(rehearsal, "phase_closed")
    ]


def answer(rehearsal: Rehearsal, **changes: Any) -> None:
    assert rehearsal.folder is not None
    given = {"by": "R. Viewer", "reason": "CHG-1", **changes}
    for gate in open_gates(rehearsal.folder.entries()):
        gates.approve(str(rehearsal.folder.path), gate.gate, **given)


def unbind(rehearsal: Rehearsal) -> None:
    for node, mac in PRIVATE.items():
        rehearsal.world.act("unbind-file-sharing", {"node": node, "mac": mac})


def run_up_to(phase: Phase, last: Any) -> None:
    for step in phase.steps[: list(phase.steps).index(last) + 1]:
        phase.run(step)


def test_cells_run_again_pass_the_gates_that_were_answered(production: Rehearsal) -> None:
    phase = production.open(PHASE)
    with pytest.raises(WaitingForPersonError):
        phase.plan()
    answer(production)
    phase.plan()
    with pytest.raises(WaitingForPersonError):
        run_up_to(phase, steps.unbind_file_sharing)
    unbind(production)
    answer(production)

    run_up_to(phase, phase.steps[-1])
    phase.close()

    assert attempts(production) == [(1, "waiting", 25), (2, "waiting", 25), (3, "done", 0)]
    assert [data["by"] for data in events(production, "gate_answered")] == ["R. Viewer"] * 3
    named = [data for data in events(production, "intent") if data["step"] == "name_computers"]
    assert [data["node"] for data in named] == [NODE_1, NODE_2]


def test_a_waiting_phase_holds_neither_nodes_nor_lock(production: Rehearsal) -> None:
    phase = production.open(PHASE)
    assert production.folder is not None
    run, clock = production.folder.path, SystemClock()
    production.started[0].lock = RunLock.take(run, clock, who="notebook")
    closed: list[str] = []
    for session in production.sessions.values():
        session.close = lambda node=session.node: closed.append(node)  # type: ignore[method-assign,misc]

    with pytest.raises(WaitingForPersonError):
        phase.plan()

    assert closed == [NODE_1, NODE_2]
    RunLock.take(run, clock, who="scc-runbook resume").release()


def test_another_driver_of_the_run_is_told_and_nothing_is_journalled(
    production: Rehearsal,
) -> None:
    phase = production.open(PHASE)
    with pytest.raises(WaitingForPersonError):
        phase.plan()
    assert production.folder is not None
    run, before = production.folder.path, len(production.folder.entries())
    went_on = production.started[0].again
    production.started[0].again = lambda: _locked_start(run)

    with (
        RunLock.take(run, SystemClock(), who="scc-runbook resume"),
        pytest.raises(RunLockedError),
    ):
        phase.plan()
    assert len(production.folder.entries()) == before
    production.started[0].again = went_on
    answer(production)

    phase.plan()


def _locked_start(run: Path) -> start.Start:
    RunLock.take(run, SystemClock(), who="notebook")
    raise AssertionError


def test_an_unanswered_gate_is_asked_again_without_a_second_question(
    production: Rehearsal,
) -> None:
    phase = production.open(PHASE)

    for _ in range(2):
        with pytest.raises(WaitingForPersonError):
            phase.plan()

    assert attempts(production) == [(1, "waiting", 25), (2, "waiting", 25)]
    assert len(events(production, "gate_opened")) == 1


def test_a_refusal_ends_an_attempt_and_the_next_one_asks_anew(production: Rehearsal) -> None:
    phase = production.open(PHASE)
    with pytest.raises(WaitingForPersonError):
        phase.plan()
    answer(production, refuse=True)
    with pytest.raises(ApprovalError):
        phase.plan()
    with pytest.raises(WaitingForPersonError):
        phase.plan()
    answer(production)

    phase.plan()

    assert production.world.ledger() == []
    assert attempts(production) == [(1, "waiting", 25), (2, "failed", 20), (3, "waiting", 25)]


def test_what_was_undone_while_waiting_must_be_run_again(production: Rehearsal) -> None:
    phase = production.open(PHASE)
    with pytest.raises(WaitingForPersonError):
        phase.plan()
    answer(production)
    phase.plan()
    with pytest.raises(WaitingForPersonError):
        run_up_to(phase, steps.unbind_file_sharing)
    unbind(production)
    answer(production)
    mac = "00-03-FF-10-00-11"
    production.world.act("rename-connection", {"node": NODE_1, "mac": mac, "name": "Office"})

    with pytest.raises(PreconditionError) as caught:
        phase.run(steps.unbind_file_sharing)
    again = phase.run(steps.name_connections)

    assert caught.value.what == (
        "unbind_file_sharing comes after name_connections, which was not run."
    )
    assert [row[:5] for row in again.rows if row[4] == "changed"] == [
        (NODE_1, f"connection name of {mac}", "Office", "Public", "changed")
    ]


def test_a_drift_is_planned_anew_under_a_gate_of_its_own(production: Rehearsal) -> None:
    phase = production.open(PHASE)
    with pytest.raises(WaitingForPersonError):
        phase.plan()
    answer(production)
    unbind(production)
    with pytest.raises(StalePlanError):
        phase.plan()
    answer(production)

    phase.plan()

    opened = [data["plan_sha256"] for data in events(production, "gate_opened")]
    assert len(set(opened)) == 2


def test_a_step_that_a_node_refused_is_run_again_when_the_cause_is_gone(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.world.arm_fault(
        {"node": NODE_1, "match": "SetTcpipNetbios", "nth": 1, "when": "before", "do": "return:91"}
    )
    phase = rehearsal.open(PHASE)
    phase.plan()
    with pytest.raises(CommandFailedError):
        run_up_to(phase, steps.disable_netbios)

    run_up_to(phase, phase.steps[-1])
    phase.close()

    assert attempts(rehearsal) == [(1, "failed", 50), (2, "done", 0)]
    changed = [
        (data["node"], data["outcome"])
        for data in events(rehearsal, "verified")
        if data["step"] == "disable_netbios" and data["changes"]
    ]
    assert changed == [(NODE_1, "changed")]


def test_a_notebook_in_plan_mode_reads_the_nodes_again(rehearsal: Rehearsal) -> None:
    rehearsal.mode = "plan"
    phase = rehearsal.open(PHASE)
    planned = phase.plan()
    run_up_to(phase, steps.unbind_file_sharing)
    shown = phase.run(steps.unbind_file_sharing)
    unbind(rehearsal)

    assert phase.plan() != planned
    run_up_to(phase, steps.unbind_file_sharing)
    assert phase.run(steps.unbind_file_sharing) != shown


def test_how_to_take_it_back_is_told_after_a_failure_too(rehearsal: Rehearsal) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    phase.run(steps.name_computers)
    with pytest.raises(PreconditionError):
        phase.close()

    undone = phase.backout().rows

    assert [(row[0], row[4]) for row in undone] == [(NODE_2, "undo"), (NODE_1, "undo")]


def test_the_plan_of_an_open_phase_is_shown_again_without_asking(rehearsal: Rehearsal) -> None:
    phase = rehearsal.open(PHASE)
    first = phase.plan()
    entries = len(events(rehearsal, "phase_opened", "planned", "observed"))

    assert phase.plan() == first
    assert len(events(rehearsal, "phase_opened", "planned", "observed")) == entries


def test_a_sealed_run_takes_no_notebook(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out("00_check_prerequisites")
    assert rehearsal.folder is not None
    before = rehearsal.folder.journal.read_bytes()
    seal(rehearsal.folder.path, {})

    with pytest.raises(PreconditionError) as caught:
        Phase.open(PHASE, parameters_file=str(LAB), run_folder=str(rehearsal.folder.path))

    assert caught.value.what == f"The run {rehearsal.folder.name} has ended."
    assert rehearsal.folder.journal.read_bytes() == before


def test_a_phase_that_could_not_be_opened_leaves_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_arguments: Any, **_named: Any) -> Any:
        raise NodeUnreachableError("no lab", why="-", next_step="-")

    monkeypatch.setattr(start, "connect", unreachable)
    run = tmp_path / "run"

    with pytest.raises(NodeUnreachableError):
        Phase.open(PHASE, parameters_file=str(LAB), run_folder=str(run))

    RunLock.take(run, SystemClock(), who="the next try").release()


def test_another_attempt_stands_on_the_same_run_and_its_own_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rehearsal: Rehearsal
) -> None:
    monkeypatch.setattr(start, "connect", lambda *_, **__: rehearsal.start("none").connections)
    first = start.start(
        PHASE,
        parameters_file=str(LAB),
        mode="apply",
        run_folder=str(tmp_path / "run"),
        approved_plan="0" * 64,
    )
    first.leave()
    assert first.again is not None

    second = first.again()
    second.leave()

    assert second.folder == first.folder
    assert second.loaded.sha256 == first.loaded.sha256
    assert second.approved_plan == ""
    assert first.lock is not None
    assert second.lock is not None
    assert second.lock.holder.lock_id != first.lock.holder.lock_id
    assert outcome_of(second.entries(), PHASE) == "not started"
    assert isinstance(second.connections.sessions[NODE_1], InProcessSession)


def test_a_notebook_alone_touches_no_descriptor_of_its_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "lab_of", lambda *_: None)
    reading, writing = os.pipe()
    os.write(writing, b"not a password, but what the kernel talks about")
    os.close(writing)
    parameters = tmp_path / "own.yaml"
    text = LAB.read_text("utf-8").replace("lab:local-administrator", f"fd:{reading}")
    parameters.write_text(text, "utf-8")

    with pytest.raises(CredentialError) as caught:
        Phase.open(PHASE, parameters_file=str(parameters), mode="plan")

    assert caught.value.why == "only the command line can ask for it, not a notebook run alone"
    assert os.read(reading, 3) == b"not"
    os.close(reading)
