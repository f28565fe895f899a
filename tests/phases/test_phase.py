"""A phase on two simulated nodes, behind the Session seam: order, gates, doubts, drift."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import (
    ApprovalError,
    CommandFailedError,
    InterruptedRunError,
    PreconditionError,
    RunbookError,
    StalePlanError,
    StoppedMidwayError,
    VerificationError,
    WaitingForPersonError,
    WrongNodeError,
)
from runbook_lib.execution import gates
from runbook_lib.execution.backout import undos
from runbook_lib.execution.run_folder import RunFolder, open_gates, status
from runbook_lib.steps import configure_networks as steps
from tests.in_process import Rehearsal, with_person

PHASE = "10_configure_networks"
NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal.on_factory_nodes(tmp_path)


def events(folder: RunFolder | None, *names: str) -> list[Mapping[str, Any]]:
    assert folder is not None
    return [entry.data for entry in folder.entries() if entry.event in names]


def effects(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    return rehearsal.world.ledger()


def act(rehearsal: Rehearsal, deed: str, node: str, **arguments: str) -> None:
    rehearsal.world.act(deed, {"node": node, **arguments})


def test_planning_sends_no_action(rehearsal: Rehearsal) -> None:
    rehearsal.mode = "plan"

    phase = rehearsal.open(PHASE)
    phase.plan()
    for step in phase.steps:
        phase.run(step)
    phase.close()

    assert [session.acts for session in rehearsal.sessions.values()] == [0, 0]
    assert effects(rehearsal) == []
    assert list(rehearsal.runs.iterdir()) == []


def test_a_second_run_changes_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)
    before = len(effects(rehearsal))
    rehearsal.folder, rehearsal.runs = None, rehearsal.runs / "second"

    rehearsal.carry_out(PHASE)

    assert len(effects(rehearsal)) == before
    outcomes = {data["outcome"] for data in events(rehearsal.folder, "verified")}
    assert outcomes == {"unchanged"}
    assert events(rehearsal.folder, "gate_opened") == []


def test_what_was_changed_behind_its_back_is_mended_alone(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)
    act(rehearsal, "set-netbios", NODE_2, mac="00-03-FF-10-00-22", value="1")
    rehearsal.folder, rehearsal.runs = None, rehearsal.runs / "second"

    rehearsal.carry_out(PHASE)

    changed = [
        (data["step"], data["node"], [c["setting"] for c in data["changes"]])
        for data in events(rehearsal.folder, "verified")
        if data["changes"]
    ]
    assert changed == [("disable_netbios", NODE_2, ["NetBIOS over TCP/IP on Private"])]


def test_every_intent_is_on_disk_before_its_effect_and_settled_after(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    assert rehearsal.folder is not None
    entries = rehearsal.folder.entries()
    intents = {entry.seq for entry in entries if entry.event == "intent"}
    settled = {e.data["intent"] for e in entries if e.event in {"result", "adopted"}}
    assert intents == settled


def test_steps_keep_their_order(rehearsal: Rehearsal) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()

    with pytest.raises(PreconditionError) as caught:
        phase.run(steps.disable_netbios)

    assert caught.value.what == "disable_netbios comes after name_computers, which was not run."
    assert effects(rehearsal) == []


def test_a_step_run_twice_in_a_notebook_asks_nothing_again(rehearsal: Rehearsal) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    first = phase.run(steps.name_computers)
    assert rehearsal.folder is not None
    entries = len(rehearsal.folder.entries())

    again = phase.run(steps.name_computers)

    assert again is first
    assert len(rehearsal.folder.entries()) == entries


def test_a_person_is_waited_for_and_nothing_is_changed(rehearsal: Rehearsal) -> None:
    phase = with_person(rehearsal).open(PHASE)

    with pytest.raises(WaitingForPersonError):
        phase.plan()

    assert effects(rehearsal) == []
    assert rehearsal.folder is not None
    found = status(rehearsal.folder.path)
    assert (found.state, found.exit_code) == ("waiting for a person", 25)
    assert [gate.gate for gate in found.gates] == ["10_configure_networks.plan"]


def waiting(rehearsal: Rehearsal) -> list[str]:
    assert rehearsal.folder is not None
    return [gate.gate for gate in open_gates(rehearsal.folder.entries())]


def approve(rehearsal: Rehearsal, gate: str = f"{PHASE}.plan", **changes: Any) -> None:
    assert rehearsal.folder is not None
    given = {"by": "R. Viewer", "reason": "CHG-1", **changes}
    gates.approve(str(rehearsal.folder.path), gate, **given)


def test_approved_plans_and_acts_carry_a_name_and_a_reason(rehearsal: Rehearsal) -> None:
    with_person(rehearsal)
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)
    approve(rehearsal)
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)
    for node, mac in ((NODE_1, "00-03-FF-10-00-21"), (NODE_2, "00-03-FF-10-00-22")):
        act(rehearsal, "unbind-file-sharing", node, mac=mac)
    for gate in waiting(rehearsal):
        approve(rehearsal, gate)
    rehearsal.carry_out(PHASE)

    answers = [
        (data["gate"], data["by"], data["reason"], data["automatic"])
        for data in events(rehearsal.folder, "gate_answered")
    ]
    assert answers[0] == ("10_configure_networks.plan", "R. Viewer", "CHG-1", False)
    assert {by for _, by, _, _ in answers} == {"R. Viewer"}
    assert events(rehearsal.folder, "phase_closed")[-1]["outcome"] == "done"


def test_what_a_person_did_before_answering_is_in_the_record_and_its_way_back(
    rehearsal: Rehearsal,
) -> None:
    with_person(rehearsal)
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)
    approve(rehearsal)
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)
    act(rehearsal, "unbind-file-sharing", NODE_1, mac="00-03-FF-10-00-21")
    approve(rehearsal, waiting(rehearsal)[0])
    for _ in range(2):
        # The second node's act is not reported yet; the first one's is taken over once.
        with pytest.raises(WaitingForPersonError):
            rehearsal.carry_out(PHASE)

    setting = "file and printer sharing on Private"
    made = [data for data in events(rehearsal.folder, "intent") if data["setting"] == setting]
    assert [(data["node"], data["before"], data["after"]) for data in made] == [
        (NODE_1, "bound", "not bound")
    ]
    (taken,) = events(rehearsal.folder, "adopted")
    assert taken["evidence"].startswith("reported by R. Viewer (journal ")
    assert taken["evidence"].endswith(f"read afterwards: {setting} is not bound")
    assert rehearsal.folder is not None
    (undo, *_) = undos(rehearsal.folder.entries())
    assert (undo.node, undo.setting, undo.before, undo.state) == (NODE_1, setting, "bound", "done")


def test_both_nodes_acts_are_asked_for_at_once_and_a_false_report_is_found_out(
    rehearsal: Rehearsal,
) -> None:
    with_person(rehearsal)
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)
    approve(rehearsal)
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)
    asked = waiting(rehearsal)
    for gate in asked:
        approve(rehearsal, gate)

    with pytest.raises(VerificationError) as caught:
        rehearsal.carry_out(PHASE)
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)

    assert asked == [f"{PHASE}.unbind_file_sharing.{node}" for node in (NODE_1, NODE_2)]
    assert caught.value.what == (
        "E2K7SCCNode1 does not show what was done by hand: file and printer sharing on Private."
    )
    assert waiting(rehearsal) == [f"{PHASE}.unbind_file_sharing.{NODE_1}"]


def test_a_refused_gate_stops_with_who_and_why(rehearsal: Rehearsal) -> None:
    with_person(rehearsal)
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)
    approve(rehearsal, refuse=True, reason="freeze until Monday")

    with pytest.raises(ApprovalError) as caught:
        rehearsal.carry_out(PHASE)

    assert caught.value.why.startswith("R. Viewer: freeze until Monday (journal ")
    assert effects(rehearsal) == []


def test_nodes_that_changed_since_the_approval_are_not_touched(rehearsal: Rehearsal) -> None:
    with_person(rehearsal)
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)
    approve(rehearsal)
    act(rehearsal, "set-netbios", NODE_1, mac="00-03-FF-10-00-21", value="1")
    before = len(effects(rehearsal))

    with pytest.raises(StalePlanError) as caught:
        rehearsal.carry_out(PHASE)

    assert "NetBIOS over TCP/IP on Private on -> off" in caught.value.why
    assert len(effects(rehearsal)) == before
    assert rehearsal.folder is not None
    assert len(open_gates(rehearsal.folder.entries())) == 1


def test_a_plan_given_by_its_digest_must_be_this_plan(rehearsal: Rehearsal) -> None:
    rehearsal.approved_plan = "0" * 64

    with pytest.raises(StalePlanError):
        rehearsal.carry_out(PHASE)

    assert effects(rehearsal) == []


def test_a_hand_in_between_two_steps_is_noticed(rehearsal: Rehearsal) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    phase.run(steps.name_computers)
    act(rehearsal, "rename-connection", NODE_1, mac="00-03-FF-10-00-11", name="Office")

    with pytest.raises(StoppedMidwayError) as caught:
        phase.run(steps.name_connections)

    assert "now connection name of 00-03-FF-10-00-11 Office, wanted Public" in caught.value.why
    assert events(rehearsal.folder, "failed")[-1]["exit_code"] == 50


def test_a_hand_in_before_the_first_change_is_a_refusal(rehearsal: Rehearsal) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    act(rehearsal, "rename-computer", NODE_1, name="OTHER")

    with pytest.raises(StalePlanError):
        phase.run(steps.name_computers)

    assert events(rehearsal.folder, "failed")[-1]["exit_code"] == 20


def test_a_lost_reply_is_settled_by_a_read_and_not_sent_again(rehearsal: Rehearsal) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    rehearsal.sessions[NODE_2].lose_reply = True

    phase.run(steps.name_computers)

    renames = [e for e in effects(rehearsal) if e["what"].endswith("ComputerName\\ComputerName")]
    assert rehearsal.sessions[NODE_2].acts == 1
    assert len(events(rehearsal.folder, "adopted")) == 1
    assert len({(e["node"], e["what"]) for e in renames}) == len(renames)


def test_a_code_that_is_not_accepted_is_told_in_words(rehearsal: Rehearsal) -> None:
    rehearsal.world.arm_fault(
        {"node": NODE_1, "match": "SetTcpipNetbios", "nth": 1, "when": "before", "do": "return:84"}
    )

    with pytest.raises(CommandFailedError) as caught:
        rehearsal.carry_out(PHASE)

    assert "code 84: IP is not enabled on the adapter" in caught.value.why
    assert events(rehearsal.folder, "failed")[-1]["exit_code"] == 50
    assert events(rehearsal.folder, "result")[-2]["outcome"] == "failed"


def test_the_other_nodes_answer_is_kept_when_one_fails(rehearsal: Rehearsal) -> None:
    rehearsal.world.arm_fault(
        {"node": NODE_1, "match": "SetTcpipNetbios", "nth": 1, "when": "before", "do": "return:91"}
    )

    with pytest.raises(CommandFailedError):
        rehearsal.carry_out(PHASE)

    outcomes = [data["outcome"] for data in events(rehearsal.folder, "result")][-2:]
    assert outcomes == ["failed", "done"]


def test_another_machine_behind_the_address_changes_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out("00_check_prerequisites")
    rehearsal.world.arm_fault(
        {"node": NODE_2, "match": "read_many", "nth": 1, "when": "before", "do": "swap_identity"}
    )

    with pytest.raises(WrongNodeError) as caught:
        rehearsal.carry_out(PHASE)

    assert caught.value.what == (
        "Another machine than before answers for E2K7SCCNode2; nothing was changed."
    )
    assert effects(rehearsal) == []


def test_an_unplugged_adapter_blocks_the_whole_phase_before_any_change(
    rehearsal: Rehearsal,
) -> None:
    act(rehearsal, "unplug", NODE_2, mac="00-03-FF-10-00-22")
    before = len(effects(rehearsal))

    with pytest.raises(PreconditionError) as caught:
        rehearsal.carry_out(PHASE)

    assert "has no link: media disconnected" in caught.value.why
    assert len(effects(rehearsal)) == before


def test_an_interrupt_is_journalled_and_the_notebook_is_over(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()

    def interrupt(*_arguments: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(rehearsal.sessions[NODE_1], "begin_act", interrupt)
    with pytest.raises(InterruptedRunError):
        phase.run(steps.name_computers)

    closed = events(rehearsal.folder, "interrupted", "phase_closed")
    assert [data.get("outcome") for data in closed] == [None, "interrupted"]
    with pytest.raises(PreconditionError):
        phase.run(steps.name_connections)


def test_an_error_of_our_own_leaves_a_trace_and_no_traceback(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    monkeypatch.setattr(
        rehearsal.sessions[NODE_1], "begin_act", lambda *_: (_ for _ in ()).throw(KeyError("x"))
    )

    with pytest.raises(RunbookError) as caught:
        phase.run(steps.name_computers)

    assert caught.value.exit_code == 90
    assert rehearsal.folder is not None
    assert len(list((rehearsal.folder.path / "debug").glob("trace.*.txt"))) == 1


def test_a_node_that_never_comes_back_ends_the_phase_with_what_was_seen(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.world.arm_fault(
        {"node": NODE_2, "match": "shutdown", "nth": 1, "when": "before", "do": "no_return"}
    )

    with pytest.raises(RunbookError) as caught:
        rehearsal.carry_out(PHASE)

    assert caught.value.what == "E2K7SCCNode2 did not come back from its restart in time."
    assert caught.value.exit_code == 60
