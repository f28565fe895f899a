"""Nodes that are switched off and on, over real connections to the lab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runbook_lib.clock import Deadline, SystemClock
from runbook_lib.commands import system
from runbook_lib.commands.command import ManualAct, PersonsAct
from runbook_lib.execution.connections import Connections, connect
from runbook_lib.execution.nodes import Nodes
from runbook_lib.execution.power_watch import await_power
from runbook_lib.steps.step import SILENT, At, PowerOf, Reads
from tests.builders import LAB, loaded

NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"
CLOCK = SystemClock()


@pytest.fixture
def connections() -> Iterator[Connections]:
    given = connect(loaded(), LAB, None, "10_configure_networks", CLOCK, read_only=True)
    yield given
    given.close()


def switch(connections: Connections, nodes: Nodes, deed: PersonsAct, node: str) -> str:
    act = ManualAct(deed, "switch")
    assert connections.hands is not None
    connections.hands(act, node)
    return await_power(nodes, act, node, Deadline.after(CLOCK, 10.0))


def test_a_node_is_silent_while_it_is_off_and_answers_when_it_is_on_again(
    connections: Connections,
) -> None:
    nodes = Nodes(loaded().topology, connections.sessions, CLOCK, tuple, may_be_off=True)
    reads: Reads = {"name": At(NODE_2, system.computer_names()), "is_on": PowerOf(NODE_2)}
    [before] = nodes.ask([(NODE_1, reads)])

    assert switch(connections, nodes, PersonsAct.RUN_ALONE, NODE_1) == ""
    plain: Reads = {"name": system.computer_names()}
    off = nodes.ask([(NODE_1, reads), (NODE_2, plain)])
    assert switch(connections, nodes, PersonsAct.POWER_ON, NODE_2) == ""
    [after] = nodes.ask([(NODE_1, reads)])

    assert off == [{"name": SILENT, "is_on": False}, None]
    assert before is not None
    assert before["is_on"] is True
    assert after == before


def test_looking_for_a_listener_logs_nobody_on(connections: Connections) -> None:
    assert connections.lab is not None
    before = connections.lab.control.counters()

    assert [session.listens() for session in connections.sessions.values()] == [True, True]

    assert connections.lab.control.counters() == before
