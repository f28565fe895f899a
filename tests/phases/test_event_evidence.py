"""The errors of the nodes' event logs, kept with the phase in whose time they came."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import CommandFailedError
from runbook_lib.review.telling import story_of
from tests.in_process import Rehearsal

PHASE = "10_configure_networks"
NODES = ("E2K7SCCNode1", "E2K7SCCNode2")


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal.on_factory_nodes(tmp_path / "runs")


def kept(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    assert rehearsal.folder is not None
    return [dict(e.data) for e in rehearsal.folder.entries() if e.event == "event_log"]


def write_error(rehearsal: Rehearsal, node: str, message: str, ago: timedelta) -> None:
    simulated = rehearsal.world._node(node)
    at = simulated.now - ago
    simulated.events.write(at, "ClusSvc", 1069, message, kind="Error")


def test_a_phase_keeps_the_errors_of_its_own_time(rehearsal: Rehearsal) -> None:
    write_error(rehearsal, NODES[0], "long ago", timedelta(hours=1))
    phase = rehearsal.open(PHASE)
    phase.plan()
    write_error(rehearsal, NODES[1], "just now", timedelta())
    for step in phase.steps:
        phase.run(step)
    phase.close()

    found = [(data["node"], [e["message"] for e in data["errors"]]) for data in kept(rehearsal)]

    assert found == [(NODES[0], []), (NODES[1], ["just now"])]
    assert {data["unread"] for data in kept(rehearsal)} == {""}
    assert rehearsal.folder is not None
    (error,) = story_of(rehearsal.folder.entries()).logged
    assert (error.node, error.phase, error.source, error.code) == (
        NODES[1],
        PHASE,
        "ClusSvc",
        "1069",
    )


def test_a_clock_that_is_wrong_hides_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.world.arm_fault({"node": NODES[0], "match": "read_many", "do": "skew:-86400"})
    phase = rehearsal.open(PHASE)
    phase.plan()
    write_error(rehearsal, NODES[0], "dated yesterday", timedelta())
    for step in phase.steps:
        phase.run(step)
    phase.close()

    (first, _) = kept(rehearsal)

    assert [e["message"] for e in first["errors"]] == ["dated yesterday"]


def test_a_phase_that_fails_keeps_them_before_it_ends(rehearsal: Rehearsal) -> None:
    rehearsal.world.arm_fault({"node": NODES[0], "match": ".Rename", "do": "return:5"})
    phase = rehearsal.open(PHASE)
    phase.plan()
    write_error(rehearsal, NODES[0], "why it failed", timedelta())

    with pytest.raises(CommandFailedError):
        phase.run(phase.steps[0])

    assert [e["message"] for e in kept(rehearsal)[0]["errors"]] == ["why it failed"]
    assert rehearsal.folder is not None
    events = [e.event for e in rehearsal.folder.entries()]
    assert events[-1] == "phase_closed"
    assert events.count("event_log") == 2
