"""The Exchange phases carried out on simulated nodes, and a lab that starts behind each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import RunbookError
from runbook_lib.lab.scenarios import PHASES
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.world import World
from runbook_lib.topology.loading import Loaded, load
from tests.builders import LAB
from tests.in_process import WALL, Rehearsal

EXCHANGE = PHASES[PHASES.index("70_install_exchange_active_node") : -1]
OTHER_WISHES = {
    "name: MailboxServer, address: 192.168.1.30": "name: MAIL-A, address: 192.168.1.77",
    r"data_path: 'S:\ExchangeData'": r"data_path: 'T:\Stores\A'",
    "public_folder_database: false": "public_folder_database: true",
    "database: {letter: S,": "database: {letter: T,",
    r"media: 'C:\ExchangeSetup'": r"media: 'C:\Media\E2K7 SP3'",
    "name: E2K7SCCNode2": "name: NODE-B",
}


def parameters(folder: Path, changes: dict[str, str]) -> Loaded:
    text = LAB.read_text("utf-8")
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    path = folder / "parameters.yaml"
    path.write_text(text, "utf-8")
    return load(path)


def world(phase: str, given: Loaded, state: Path | None = None) -> World:
    return World.create(f"before:{phase}", given.topology, 1, state, clock=PolledClock(WALL))


def beside_its_scenario(made: World) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(json.dumps(made.state()))
    del state["scenario"]
    return state


@pytest.mark.parametrize("changes", [{}, OTHER_WISHES], ids=["rehearsal", "other wishes"])
@pytest.mark.parametrize("phase", EXCHANGE)
def test_behind_each_phase_the_world_is_as_the_phase_left_it(
    phase: str, changes: dict[str, str], tmp_path: Path
) -> None:
    given = parameters(tmp_path, changes)
    run = Rehearsal(world(phase, given), tmp_path / "runs", given)

    run.carry_out(phase)

    begun = world(PHASES[PHASES.index(phase) + 1], given)
    assert beside_its_scenario(begun) == beside_its_scenario(run.world)
    assert (begun.ledger(), begun.command_lines()) == ([], [])


def test_what_the_finished_system_is_asked_for_again_changes_nothing(tmp_path: Path) -> None:
    given = parameters(tmp_path, {})
    run = Rehearsal(world("99_check_end_state", given), tmp_path / "runs", given)
    before = beside_its_scenario(run.world)

    for phase in EXCHANGE:
        run.carry_out(phase)

    assert beside_its_scenario(run.world) == before


def test_the_finished_system_goes_on_from_its_state_folder(tmp_path: Path) -> None:
    given = parameters(tmp_path, OTHER_WISHES)
    begun = world("99_check_end_state", given, tmp_path / "state")

    assert world("00_check_prerequisites", given, tmp_path / "state").state() == begun.state()


KILLED = [("/mode:Install", stage) for stage in range(1, 8)]
KILLED += [("/NewCms", stage) for stage in range(1, 9)]
"""Which run of Setup is ended, and before which of its stages."""


@pytest.mark.parametrize(("words", "stage"), KILLED)
def test_setup_that_was_ended_goes_on_when_the_phase_is_carried_out_again(
    words: str, stage: int, tmp_path: Path
) -> None:
    given = parameters(tmp_path, {})
    run = Rehearsal(world(EXCHANGE[0], given), tmp_path / "runs", given)
    run.world.arm_fault({"match": f"Setup.com {words}", "do": f"kill:{stage}"})

    with pytest.raises(RunbookError):
        run.carry_out(EXCHANGE[0])
    run.carry_out(EXCHANGE[0])

    whole = world(EXCHANGE[1], given)
    assert beside_its_scenario(run.world) == beside_its_scenario(whole)


@pytest.mark.parametrize("stage", range(1, 8))
def test_the_passive_nodes_setup_that_was_ended_goes_on_too(stage: int, tmp_path: Path) -> None:
    given = parameters(tmp_path, {})
    run = Rehearsal(world(EXCHANGE[1], given), tmp_path / "runs", given)
    run.world.arm_fault({"match": "Setup.com /mode:Install", "do": f"kill:{stage}"})

    with pytest.raises(RunbookError):
        run.carry_out(EXCHANGE[1])
    run.carry_out(EXCHANGE[1])

    whole = world(EXCHANGE[2], given)
    assert beside_its_scenario(run.world) == beside_its_scenario(whole)


def test_a_node_that_loses_power_while_setup_runs_goes_on_after_its_start(tmp_path: Path) -> None:
    given = parameters(tmp_path, {})
    first, second = given.topology.nodes
    run = Rehearsal(world(EXCHANGE[1], given), tmp_path / "runs", given)
    run.world.arm_fault({"match": "Setup.com /mode:Install", "do": "kill:5"})
    with pytest.raises(RunbookError):
        run.carry_out(EXCHANGE[1])

    run.world.act("power-loss", {"node": second.name})
    run.world.act("power-on", {"node": second.name})
    clock = run.world._clock
    assert isinstance(clock, PolledClock)
    clock.passed_s += 300
    run.world.state()
    run.carry_out(EXCHANGE[1])

    state = run.world.state()
    machines = state["exchange"]["clustered_server"]["machines"]
    assert machines == [first.name.upper(), second.name.upper()]
    assert state["nodes"][second.name]["services"]["MSExchangeIS"] == "Stopped"
