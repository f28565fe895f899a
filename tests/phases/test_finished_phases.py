"""A lab that starts behind a phase is as the phase really leaves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.world import World
from runbook_lib.topology.loading import Loaded, load
from tests.builders import LAB, loaded
from tests.in_process import WALL, Rehearsal

BEHIND_NETWORKS = "before:20_join_domain"

OTHER_WISHES = {
    "name: E2K7SCCNode2": "name: NODE-B",
    "address: 192.168.1.11": "address: 172.16.0.5",
    "address: 192.168.1.12": "address: 172.16.0.6",
    "address: 10.10.10.2": "address: 10.10.10.99",
    "connection: Public,": "connection: Clients,",
    "connection: Private,": "connection: Heartbeat,",
    "gateway: 192.168.1.1,": "gateway: 172.16.0.1,",
    "192.168.1.10": "172.16.0.10",
    "192.168.1.": "172.16.0.",
}


def parameters(folder: Path, changes: dict[str, str]) -> Loaded:
    text = LAB.read_text("utf-8")
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    path = folder / "parameters.yaml"
    path.write_text(text, "utf-8")
    return load(path)


def world(scenario: str, given: Loaded, state: Path | None = None) -> World:
    return World.create(scenario, given.topology, 1, state, clock=PolledClock(WALL))


def beside_its_scenario(world: World) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(json.dumps(world.state()))
    del state["scenario"]
    return state


@pytest.mark.parametrize("changes", [{}, OTHER_WISHES], ids=["rehearsal", "other wishes"])
def test_behind_phase_10_the_world_is_as_the_phase_left_it(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    given = parameters(tmp_path, changes)
    run = Rehearsal(world("factory", given), tmp_path / "runs", given)
    run.carry_out("10_configure_networks")

    begun = world(BEHIND_NETWORKS, given)

    assert beside_its_scenario(begun) == beside_its_scenario(run.world)
    assert (begun.ledger(), begun.command_lines()) == ([], [])


def test_a_reset_goes_there_and_tells_the_wire_once() -> None:
    site = world("factory", loaded())
    told: list[tuple[str, object]] = []
    site.on_power_change(lambda node, is_on: told.append((node, is_on)))
    site.on_connections_reset(lambda node: told.append((node, "reset")))

    site.reset(BEHIND_NETWORKS)

    assert told == [("E2K7SCCNode1", "reset"), ("E2K7SCCNode2", "reset")]
    assert beside_its_scenario(site) == beside_its_scenario(world(BEHIND_NETWORKS, loaded()))


def test_such_a_world_goes_on_from_its_state_folder(tmp_path: Path) -> None:
    begun = world(BEHIND_NETWORKS, loaded(), tmp_path)

    assert world("factory", loaded(), tmp_path).state() == begun.state()
