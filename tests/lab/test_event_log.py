"""The simulated event logs, asked as a client asks them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runbook_lib.commands.event_log import errors_since, events_of
from runbook_lib.lab.answers import Invocation
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.world import World
from runbook_lib.sessions.wire_form import pack_reads
from tests.in_process import WALL, rows

NODE = "E2K7SCCNode1"


def ask(world: World, query: object) -> list[tuple[str, str, int, datetime]]:
    packed = pack_reads([query])  # type: ignore[list-item]
    reply = world.answer(
        NODE, "Administrator", Invocation(packed.call.text, True, dict(packed.call.parameters))
    )
    (events,) = packed.values(NODE, rows(reply))
    return [(event.log, event.source, event.code, event.at) for event in events]


def test_only_errors_since_the_moment_are_given() -> None:
    clock = PolledClock(WALL)
    world = World.create("factory", None, 1, clock=clock)
    world.act("power-loss", {"node": NODE})
    world.act("power-on", {"node": NODE})
    while not world.is_listening(NODE):
        pass
    (found,) = ask(world, errors_since(WALL - timedelta(hours=1)))

    assert found[:3] == ("System", "EventLog", 6008)
    assert ask(world, errors_since(found[3] + timedelta(seconds=1))) == []
    assert ask(world, errors_since(found[3])) == [found]


def test_a_source_is_found_in_its_own_log_alone() -> None:
    world = World.create("factory", None, 1, clock=PolledClock(WALL))

    assert [code for _, _, code, _ in ask(world, events_of("System", "EventLog", 6005))] == [6005]
    assert ask(world, events_of("Application", "EventLog", 6005)) == []
    assert all(at.tzinfo is UTC for *_, at in ask(world, events_of("System", "EventLog", 6005)))
