"""The restart of a phase on nodes that are slower, and less tidy, than simulated ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runbook_lib.clock import SteppedClock
from runbook_lib.commands.command import Query
from runbook_lib.errors import CommandFailedError, NodeUnreachableError, SessionLostError
from runbook_lib.execution import identity, restart
from tests.in_process import WALL, InProcessSession, Pending, Rehearsal

PHASE = "10_configure_networks"
NODE_2 = "E2K7SCCNode2"


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal.on_factory_nodes(tmp_path)


def restarts(rehearsal: Rehearsal) -> list[str]:
    assert rehearsal.folder is not None
    return [e.data["node"] for e in rehearsal.folder.entries() if e.event == "rebooted"]


@dataclass
class SlowRead:
    """Answers only those who wait long enough."""

    pending: Pending
    answer_s: float

    def go_on(self, deadline_s: float) -> None:
        self.pending.go_on(deadline_s)

    def finish(self, deadline_s: float) -> Any:
        if deadline_s < self.answer_s:
            raise SessionLostError("no answer in time", why="-", next_step="-")
        return self.pending.finish(deadline_s)


def test_nodes_that_need_seconds_for_an_answer_are_seen_to_come_back(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = InProcessSession.begin_read

    def begin_read(self: InProcessSession, queries: Sequence[Query[Any]]) -> SlowRead:
        return SlowRead(ask(self, queries), answer_s=10.0)

    monkeypatch.setattr(InProcessSession, "begin_read", begin_read)

    rehearsal.carry_out(PHASE)

    assert restarts(rehearsal) == ["E2K7SCCNode1", NODE_2]


def test_a_script_that_a_shutdown_stops_is_no_failure(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = InProcessSession.begin_read
    stopped: list[str] = []

    def begin_read(self: InProcessSession, queries: Sequence[Query[Any]]) -> Pending:
        lines = [line for line in self.world.command_lines() if line["node"] == self.node]
        if lines and "shutdown" in lines[-1]["line"] and self.node not in stopped:
            stopped.append(self.node)
            return Pending(lambda: _stopped(self.node))
        return ask(self, queries)

    monkeypatch.setattr(InProcessSession, "begin_read", begin_read)

    rehearsal.carry_out(PHASE)

    assert restarts(rehearsal) == stopped == ["E2K7SCCNode1", NODE_2]


def _stopped(node: str) -> Any:
    raise CommandFailedError(f"{node} could not", why="the pipeline was stopped", next_step="-")


def test_a_node_that_stops_its_services_for_long_was_asked_to_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SteppedClock(WALL)
    booted_at = datetime(2026, 11, 1, tzinfo=UTC)

    def ask(_sessions: Any, nodes: Sequence[str], _deadline_s: float) -> Any:
        if clock.elapsed > 25:
            raise NodeUnreachableError("it is down", why="-", next_step="-")
        return {nodes[0]: SimpleNamespace(booted_at=booted_at)}

    monkeypatch.setattr(identity, "ask", ask)
    crew: Any = SimpleNamespace(clock=clock, sessions={}, poll_s=5.0)

    assert restart._goes_down(NODE_2, booted_at, crew)
