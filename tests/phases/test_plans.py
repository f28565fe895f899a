"""The plans of several phases from one visit, as `scc-runbook plan` makes them."""

from __future__ import annotations

from runbook_lib.clock import SteppedClock
from runbook_lib.execution.connections import Connections
from runbook_lib.execution.phase_plan import PhasePlan
from runbook_lib.execution.plans import plans_of
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.world import World
from tests.builders import loaded
from tests.in_process import WALL, InProcessSession

LATER = "60_install_windows_components"


def plans(world: World, *chosen: str) -> tuple[list[PhasePlan], list[str]]:
    """Return the plans, and which phases' accounts logged on beside the first one's."""
    logged_on: list[str] = []

    def sessions(phase: str) -> dict[str, InProcessSession]:
        logged_on.append(phase)
        return {node: InProcessSession(world, node) for node in world.node_names}

    first = sessions(chosen[0])
    connections = Connections(dict(first), log_on=lambda phase: dict(sessions(phase)))
    found = plans_of(loaded().topology, chosen, connections, SteppedClock(WALL))
    return found, logged_on[1:]


def world(scenario: str) -> World:
    return World.create(scenario, loaded().topology, 1, clock=PolledClock(WALL))


def test_phases_behind_the_joining_are_deferred_until_it() -> None:
    (first, later), logged_on = plans(world("factory"), "10_configure_networks", LATER)

    assert any(planned.changes for planned in first.steps)
    assert {planned.reason for planned in later.steps} == {"checked in 20_join_domain"}
    assert logged_on == []


def test_once_the_nodes_have_joined_the_domain_account_asks() -> None:
    (_, later), logged_on = plans(world("before:60"), "10_configure_networks", LATER)

    assert any(planned.changes for planned in later.steps)
    assert logged_on == [LATER]


def test_a_plan_changes_nothing() -> None:
    site = world("factory")

    plans(site, "10_configure_networks")

    assert site.ledger() == []
