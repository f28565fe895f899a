"""Phases in which a node is off: what is asked, what waits, what a person's switching shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.commands.system import Identity
from runbook_lib.errors import (
    NodeUnreachableError,
    StoppedMidwayError,
    VerificationError,
    WaitingForPersonError,
    WrongNodeError,
)
from runbook_lib.execution import gates, identity
from runbook_lib.execution.identity import recognise
from runbook_lib.execution.run_folder import open_gates
from runbook_lib.sessions.session import ExpectedIdentity
from tests.builders import topology
from tests.in_process import WALL, InProcessSession, Rehearsal, with_person
from tests.phases import power_phase
from tests.phases.power_phase import PHASE

NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"


@pytest.fixture
def rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    power_phase.install(monkeypatch)
    return Rehearsal.on_factory_nodes(tmp_path)


def events(rehearsal: Rehearsal, *names: str) -> list[Mapping[str, Any]]:
    assert rehearsal.folder is not None
    return [entry.data for entry in rehearsal.folder.entries() if entry.event in names]


def switch(rehearsal: Rehearsal, deed: str, node: str) -> None:
    rehearsal.world.act(deed, {"node": node})


def outcomes(rehearsal: Rehearsal) -> list[tuple[str, str]]:
    return [(data["step"], data["outcome"]) for data in events(rehearsal, "verified")]


def test_nodes_are_switched_off_and_on_in_turn_and_worked_on_alone(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    assert outcomes(rehearsal) == [
        ("leave_first", "changed"),
        ("set_first", "changed"),
        ("ask_second", "unchanged"),
        ("leave_second", "changed"),
        ("set_second", "changed"),
        ("switch_first_on", "changed"),
    ]
    assert {n: s["power"] for n, s in rehearsal.world.state()["nodes"].items()} == {
        NODE_1: "on",
        NODE_2: "on",
    }
    done = [effect for effect in rehearsal.world.ledger() if effect["cause"] == "person"]
    assert [(e["node"], e["what"], e["after"]) for e in done] == [
        (NODE_2, "power", "off"),
        (NODE_1, "power", "off"),
        (NODE_2, "power", "starting"),
        (NODE_1, "power", "starting"),
    ]


def test_the_plan_says_what_waits_and_what_may_come_of_it(rehearsal: Rehearsal) -> None:
    switch(rehearsal, "run-alone", NODE_2)

    phase = rehearsal.open(PHASE)
    table = phase.plan()

    rows = [row[:5] for row in table.rows]
    assert rows[1:3] == [
        (NODE_1, "The first node's NetBIOS is off", "when the node is on", "", "deferred"),
        (NODE_1, power_phase.NETBIOS, "told at its turn", "off", "deferred"),
    ]
    (planned,) = events(rehearsal, "planned")
    assert planned["steps"][1]["wishes"] == [[power_phase.NETBIOS, "off"]]


def test_a_question_to_a_node_that_is_off_gets_silence(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    [reason] = [d["reason"] for d in events(rehearsal, "verified") if d["step"] == "ask_second"]
    assert reason == "Silence"


def test_the_pictures_show_which_node_is_off(rehearsal: Rehearsal) -> None:
    switch(rehearsal, "run-alone", NODE_2)
    rehearsal.carry_out(PHASE)

    before, after = (data["picture"]["nodes"] for data in events(rehearsal, "observed"))
    assert [(node["power"], len(node["adapters"]) > 0) for node in before] == [
        ("off", False),
        ("on", True),
    ]
    assert [node["power"] for node in after] == ["on", "on"]


def test_a_node_met_late_is_enrolled_late(rehearsal: Rehearsal) -> None:
    switch(rehearsal, "run-alone", NODE_2)
    rehearsal.carry_out(PHASE)

    assert [data["node"] for data in events(rehearsal, "enrolled")] == [NODE_2, NODE_1]


def test_another_machine_that_comes_up_is_refused_before_anything_is_sent(
    rehearsal: Rehearsal,
) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    for step in phase.steps[:3]:
        phase.run(step)
    rehearsal.world.arm_fault(
        {"node": NODE_2, "match": "read_many", "nth": 1, "when": "before", "do": "swap_identity"}
    )

    with pytest.raises(WrongNodeError):
        phase.run(phase.steps[3])

    assert rehearsal.sessions[NODE_2].acts == 0


def test_a_node_that_stays_off_at_its_steps_turn_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    power_phase.install(monkeypatch, power_phase.leave_first, power_phase.set_second)
    rehearsal = Rehearsal.on_factory_nodes(tmp_path)

    with pytest.raises(NodeUnreachableError) as caught:
        rehearsal.carry_out(PHASE)

    assert caught.value.what == (
        "E2K7SCCNode2 does not answer, and The second node's NetBIOS is off needs it."
    )
    assert events(rehearsal, "failed")[-1]["exit_code"] == 30


def test_a_node_that_starts_is_waited_for_at_its_steps_turn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    power_phase.install(monkeypatch, power_phase.leave_first, power_phase.set_second)
    rehearsal = Rehearsal.on_factory_nodes(tmp_path)
    phase = rehearsal.open(PHASE)
    phase.plan()
    phase.run(power_phase.leave_first)
    switch(rehearsal, "power-on", NODE_2)

    phase.run(power_phase.set_second)

    assert outcomes(rehearsal)[-1] == ("set_second", "changed")


def test_what_nobody_foretold_needs_a_new_approval(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    power_phase.install(monkeypatch, power_phase.leave_second, power_phase.set_second_unforetold)
    rehearsal = Rehearsal.on_factory_nodes(tmp_path)
    switch(rehearsal, "run-alone", NODE_1)

    with pytest.raises(StoppedMidwayError) as caught:
        rehearsal.carry_out(PHASE)

    assert caught.value.why == (
        "set_second_unforetold on E2K7SCCNode2: NetBIOS over TCP/IP on Private, default -> off"
    )
    assert rehearsal.sessions[NODE_2].acts == 0


def test_what_is_blocked_after_a_change_ends_with_the_state_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    power_phase.install(monkeypatch, power_phase.leave_first, power_phase.need_second)
    rehearsal = Rehearsal.on_factory_nodes(tmp_path)

    with pytest.raises(StoppedMidwayError):
        rehearsal.carry_out(PHASE)

    assert events(rehearsal, "phase_closed")[-1]["exit_code"] == 50


def test_where_no_node_answers_nothing_is_told_of_them(rehearsal: Rehearsal) -> None:
    for node in (NODE_1, NODE_2):
        switch(rehearsal, "power-off", node)

    with pytest.raises(NodeUnreachableError) as caught:
        rehearsal.open(PHASE).plan()

    assert caught.value.what == "None of E2K7SCCNode1, E2K7SCCNode2 answers."


def test_a_phase_that_needs_both_nodes_ends_at_one_that_is_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    power_phase.install(monkeypatch, may_be_off=False)
    rehearsal = Rehearsal.on_factory_nodes(tmp_path)
    switch(rehearsal, "power-off", NODE_2)

    with pytest.raises(NodeUnreachableError) as caught:
        rehearsal.open(PHASE).plan()

    assert caught.value.what == "E2K7SCCNode2 does not answer."


@pytest.mark.parametrize(
    ("domain", "where"), [(None, "no domain"), ("other.local", "the domain other.local")]
)
def test_the_domain_counts_as_identity_once_the_nodes_have_joined(
    monkeypatch: pytest.MonkeyPatch, domain: str | None, where: str
) -> None:
    monkeypatch.setattr(identity, "outcome_of", lambda _entries, _phase: "done")
    wish = topology()
    first = wish.nodes[0]
    macs = (first.public.mac, first.private.mac)
    joined = Identity("guid-1", NODE_1.upper(), macs, WALL, "LAB.local")

    assert recognise(wish, {NODE_1: joined}, (), None) == {
        NODE_1: ExpectedIdentity("guid-1", NODE_1.upper())
    }
    with pytest.raises(WrongNodeError) as caught:
        recognise(wish, {NODE_1: replace(joined, domain=domain)}, (), None)

    assert (caught.value.what, caught.value.why) == (
        "The machine that answers for E2K7SCCNode1 is not in the domain lab.local any more.",
        f"it is in {where}",
    )


# -- a person at the switches


def answer(rehearsal: Rehearsal) -> None:
    assert rehearsal.folder is not None
    for gate in open_gates(rehearsal.folder.entries()):
        gates.approve(str(rehearsal.folder.path), gate.gate, by="R. Viewer", reason="CHG-1")


def wait(rehearsal: Rehearsal) -> None:
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)


@pytest.fixture
def by_person(rehearsal: Rehearsal) -> Rehearsal:
    """Return a rehearsal whose plan is approved and whose first act is asked for."""
    wait(with_person(rehearsal))
    answer(rehearsal)
    wait(rehearsal)
    return rehearsal


def test_a_person_switches_and_answers_and_the_phase_goes_on(by_person: Rehearsal) -> None:
    asked = []
    for deed, node in (("run-alone", NODE_1), ("run-alone", NODE_2), ("power-on", NODE_1)):
        assert by_person.folder is not None
        asked += [gate.instruction for gate in open_gates(by_person.folder.entries())]
        switch(by_person, deed, node)
        answer(by_person)
        if deed == "run-alone":
            wait(by_person)

    by_person.carry_out(PHASE)

    assert asked == [
        f"leave {NODE_1} running, and shut {NODE_2} down",
        f"leave {NODE_2} running, and shut {NODE_1} down",
        f"switch {NODE_1} on",
    ]
    assert events(by_person, "phase_closed")[-1]["outcome"] == "done"


def test_an_act_that_is_promised_and_not_done_is_told_with_what_is_seen(
    by_person: Rehearsal,
) -> None:
    answer(by_person)

    with pytest.raises(VerificationError) as caught:
        by_person.carry_out(PHASE)

    assert caught.value.why == f"{NODE_2} still answers after 600 s"


def test_the_act_is_waited_for_while_the_machine_goes_down_and_another_starts(
    by_person: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(by_person)
    listens, looks = InProcessSession.listens, [0]

    def late(self: InProcessSession) -> bool:
        looks[0] += 1
        if looks[0] == 20:
            switch(by_person, "run-alone", NODE_1)
        return listens(self)

    monkeypatch.setattr(InProcessSession, "listens", late)

    wait(by_person)

    assert ("leave_first", "changed") in outcomes(by_person)
