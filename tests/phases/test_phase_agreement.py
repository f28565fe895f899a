"""Nothing is changed that nobody agreed to, and an answer counts for its own question alone."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.clock import SteppedClock
from runbook_lib.errors import (
    ApprovalError,
    CommandFailedError,
    PreconditionError,
    RunLockedError,
    StalePlanError,
    StoppedMidwayError,
    WaitingForPersonError,
)
from runbook_lib.execution import gates
from runbook_lib.execution.phase import Phase
from runbook_lib.execution.run_folder import open_gates, outcome_of
from runbook_lib.journal.journal import Journal
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

    with pytest.raises(StoppedMidwayError) as caught:
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


def stop_at_netbios(rehearsal: Rehearsal) -> None:
    """Let the next attempt fail late, after every act by hand."""
    fault = {"node": NODE_1, "match": "SetTcpipNetbios", "nth": 1, "when": "before"}
    rehearsal.world.arm_fault({**fault, "do": "return:91"})


def test_a_gate_stays_shut_when_the_record_is_held_by_another_process(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = with_person(rehearsal).open(PHASE)
    append = Journal.append

    def held(self: Journal, event: str, data: Any) -> Any:
        if event == "phase_closed":
            raise RunLockedError("held", why="-", next_step="-")
        return append(self, event, data)

    monkeypatch.setattr(Journal, "append", held)
    with pytest.raises(RunLockedError):
        phase.plan()
    monkeypatch.setattr(Journal, "append", append)

    with pytest.raises(WaitingForPersonError):
        phase.run(steps.name_computers)

    assert rehearsal.world.ledger() == []


def test_an_answer_put_under_another_gates_name_does_not_count(rehearsal: Rehearsal) -> None:
    plan_and_wait(with_person(rehearsal))
    answer(rehearsal)
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)
    assert rehearsal.folder is not None
    first, second = open_gates(rehearsal.folder.entries())
    gates.approve(str(rehearsal.folder.path), second.gate, by="R. Viewer", reason="CHG-1")
    answers = rehearsal.folder.path / "gates"
    given = answers / f"{second.gate}.{second.opened}.json"
    (answers / f"{first.gate}.{first.opened}.json").write_bytes(given.read_bytes())

    with pytest.raises(ApprovalError) as caught:
        rehearsal.carry_out(PHASE)

    assert caught.value.what == f"The answer to gate {first.gate} was given to another question."


def test_an_act_that_was_undone_since_is_asked_for_again(rehearsal: Rehearsal) -> None:
    plan_and_wait(with_person(rehearsal))
    answer(rehearsal)
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)
    answer(rehearsal)
    stop_at_netbios(rehearsal)
    with acting_late(rehearsal), pytest.raises(CommandFailedError):
        rehearsal.carry_out(PHASE)
    act(rehearsal, "bind-file-sharing", NODE_1, mac=PRIVATE[NODE_1])

    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)

    assert waiting(rehearsal) == [f"{PHASE}.unbind_file_sharing.{NODE_1}"]


@contextmanager
def acting_late(rehearsal: Rehearsal) -> Iterator[None]:
    """Let the person act only after the answer, while the phase waits for it to show."""
    sleep = SteppedClock.sleep

    def sleep_while_a_person_acts(self: SteppedClock, seconds: float) -> None:
        for node, mac in PRIVATE.items():
            act(rehearsal, "unbind-file-sharing", node, mac=mac)
        sleep(self, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SteppedClock, "sleep", sleep_while_a_person_acts)
        yield


def test_after_a_refusal_no_earlier_approval_counts(rehearsal: Rehearsal) -> None:
    act(rehearsal, "unbind-file-sharing", NODE_1, mac=PRIVATE[NODE_1])
    phase = plan_and_wait(with_person(rehearsal))
    answer(rehearsal)
    phase.plan()
    run_up_to(phase, steps.order_bindings)
    act(rehearsal, "bind-file-sharing", NODE_1, mac=PRIVATE[NODE_1])
    with pytest.raises(StalePlanError):
        rehearsal.open(PHASE).plan()
    answer(rehearsal, refuse=True)
    with pytest.raises(ApprovalError):
        rehearsal.open(PHASE).plan()
    act(rehearsal, "unbind-file-sharing", NODE_1, mac=PRIVATE[NODE_1])

    plan_and_wait(rehearsal)


def digest_of_the_plan(rehearsal: Rehearsal) -> str:
    rehearsal.mode = "plan"
    phase = rehearsal.open(PHASE)
    phase.plan()
    rehearsal.mode = "apply"
    assert phase._plan is not None
    return phase._plan.digest


def test_a_plan_approved_by_its_digest_holds_when_its_notebook_is_run_again(
    rehearsal: Rehearsal,
) -> None:
    with_person(rehearsal).approved_plan = digest_of_the_plan(rehearsal)
    phase = rehearsal.open(PHASE)
    phase.plan()
    phase.run(steps.name_computers)

    again = rehearsal.open(PHASE)
    again.plan()

    assert [data["by"] for data in events(rehearsal, "gate_answered")] == [getpass.getuser()]


def test_a_digest_approves_the_plan_that_an_earlier_one_does_not_cover(
    rehearsal: Rehearsal,
) -> None:
    plan_and_wait(with_person(rehearsal))
    answer(rehearsal)
    rehearsal.open(PHASE).plan()
    act(rehearsal, "set-netbios", NODE_1, mac=PRIVATE[NODE_1], value="1")
    rehearsal.approved_plan = digest_of_the_plan(rehearsal)

    rehearsal.open(PHASE).plan()

    assert waiting(rehearsal) == []


def test_a_digest_of_another_plan_leaves_a_gate_that_can_be_answered(
    rehearsal: Rehearsal,
) -> None:
    with_person(rehearsal).approved_plan = "0" * 64

    with pytest.raises(StalePlanError):
        rehearsal.open(PHASE).plan()

    assert waiting(rehearsal) == [f"{PHASE}.plan"]


def test_a_cell_out_of_order_leaves_a_phase_that_is_done_as_it_is(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(CHECKS)
    again = rehearsal.open(CHECKS)

    with pytest.raises(PreconditionError):
        again.run(again.steps[0])

    assert rehearsal.folder is not None
    assert outcome_of(rehearsal.folder.entries(), CHECKS) == "done"
