"""What became of a change is believed only when a read of the right machine shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import (
    InterruptedRunError,
    OutcomeUnknownError,
    PreconditionError,
    TerminatedRunError,
    WrongNodeError,
)
from runbook_lib.execution.phase import Phase
from runbook_lib.steps import configure_networks as steps
from tests.in_process import InProcessSession, Rehearsal

PHASE = "10_configure_networks"
NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"
PRIVATE_2 = "00-03-FF-10-00-22"


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal.on_factory_nodes(tmp_path)


def events(rehearsal: Rehearsal, *names: str) -> list[Mapping[str, Any]]:
    assert rehearsal.folder is not None
    return [entry.data for entry in rehearsal.folder.entries() if entry.event in names]


def run_up_to(phase: Phase, last: Any) -> None:
    phase.plan()
    for step in phase.steps[: list(phase.steps).index(last)]:
        phase.run(step)


def on_reconnect(
    monkeypatch: pytest.MonkeyPatch, session: InProcessSession, then: Any
) -> InProcessSession:
    """Lose the next act's reply, and let something happen before the node is asked again."""
    reconnect = session.reconnect

    def reconnected() -> None:
        then()
        reconnect()

    session.lose_reply = True
    monkeypatch.setattr(session, "reconnect", reconnected)
    return session


def adopted(rehearsal: Rehearsal) -> list[str]:
    return [e["evidence"] for e in events(rehearsal, "adopted") if "NetBIOS" in e["evidence"]]


def cable(rehearsal: Rehearsal, deed: str) -> None:
    rehearsal.world.act(deed, {"node": NODE_2, "mac": PRIVATE_2})


def test_a_change_that_no_read_can_show_stays_in_doubt(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = rehearsal.open(PHASE)
    run_up_to(phase, steps.disable_netbios)
    on_reconnect(monkeypatch, rehearsal.sessions[NODE_2], lambda: cable(rehearsal, "unplug"))

    with pytest.raises(OutcomeUnknownError) as caught:
        phase.run(steps.disable_netbios)
    before = adopted(rehearsal)
    cable(rehearsal, "plug")
    rehearsal.carry_out(PHASE)

    assert "has no link" in caught.value.why
    assert before == []
    assert adopted(rehearsal) == ["read on resume: NetBIOS over TCP/IP on Private is off"]


def test_a_resume_that_cannot_see_what_became_of_a_change_says_nothing_of_it(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = rehearsal.open(PHASE)
    run_up_to(phase, steps.disable_netbios)

    def interrupt(*_arguments: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(rehearsal.sessions[NODE_2], "begin_act", interrupt)
    with pytest.raises(InterruptedRunError):
        phase.run(steps.disable_netbios)
    settled = len(events(rehearsal, "adopted", "result"))
    cable(rehearsal, "unplug")

    with pytest.raises(PreconditionError):
        rehearsal.carry_out(PHASE)
    assert len(events(rehearsal, "adopted", "result")) == settled + 1  # node 1 was sent its own
    assert [data["outcome"] for data in events(rehearsal, "result")].count("absent") == 0

    cable(rehearsal, "plug")
    rehearsal.carry_out(PHASE)

    assert events(rehearsal, "phase_closed")[-1]["outcome"] == "done"


def test_a_change_that_is_sent_again_and_answered_counts_as_changed(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = rehearsal.open(PHASE)
    run_up_to(phase, steps.disable_netbios)
    undone = {"node": NODE_2, "mac": PRIVATE_2, "value": "1"}
    on_reconnect(
        monkeypatch,
        rehearsal.sessions[NODE_2],
        lambda: rehearsal.world.act("set-netbios", undone),
    )

    table = phase.run(steps.disable_netbios)

    assert [row[4] for row in table.rows] == ["changed", "changed"]
    assert adopted(rehearsal) == []
    intents = [data for data in events(rehearsal, "intent") if data["step"] == "disable_netbios"]
    assert [(data["node"], data["before"]) for data in intents] == [
        (NODE_1, "default"),
        (NODE_2, "default"),
        (NODE_2, "on"),
    ]


def test_nothing_is_sent_again_when_the_driver_has_gone(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = rehearsal.open(PHASE)
    run_up_to(phase, steps.disable_netbios)
    session = rehearsal.sessions[NODE_2]

    def driver_dies() -> None:
        rehearsal.world.act("set-netbios", {"node": NODE_2, "mac": PRIVATE_2, "value": "1"})
        monkeypatch.setenv("RUNBOOK_DRIVER_PID", "1")

    on_reconnect(monkeypatch, session, driver_dies)
    sent = session.acts

    with pytest.raises(TerminatedRunError):
        phase.run(steps.disable_netbios)

    assert session.acts == sent + 1


def test_what_another_machine_answers_proves_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)
    phase = rehearsal.open(PHASE)
    phase.plan()
    verified = len(events(rehearsal, "verified"))
    swap_identity(rehearsal, at_read=1)

    with pytest.raises(WrongNodeError) as caught:
        phase.run(steps.name_computers)

    assert caught.value.what == "Another machine answers for E2K7SCCNode2 now."
    assert len(events(rehearsal, "verified")) == verified


def test_another_machine_is_not_asked_what_became_of_a_change(rehearsal: Rehearsal) -> None:
    phase = rehearsal.open(PHASE)
    run_up_to(phase, steps.disable_netbios)
    rehearsal.sessions[NODE_2].lose_reply = True
    swap_identity(rehearsal, at_read=2)

    with pytest.raises(WrongNodeError):
        phase.run(steps.disable_netbios)

    assert adopted(rehearsal) == []


def swap_identity(rehearsal: Rehearsal, *, at_read: int) -> None:
    """Let another machine answer from some read of node 2 on."""
    fault = {"node": NODE_2, "match": "read_many", "nth": at_read, "when": "before"}
    rehearsal.world.arm_fault({**fault, "do": "swap_identity"})


def test_a_missing_adapter_may_be_one_that_is_disabled(rehearsal: Rehearsal) -> None:
    first, second = rehearsal.loaded.topology.nodes
    private = second.private.model_copy(update={"mac": "00-03-FF-10-00-99"})
    nodes = (first, second.model_copy(update={"private": private}))
    topology = rehearsal.loaded.topology.model_copy(update={"nodes": nodes})
    rehearsal.loaded = replace(rehearsal.loaded, topology=topology)

    with pytest.raises(WrongNodeError) as caught:
        rehearsal.carry_out(PHASE)

    assert caught.value.why.startswith("it has no adapter 00-03-FF-10-00-99; it has ")
    assert caught.value.next_step.startswith("enable the adapter if it is switched off")
