"""Phase 60 carried out on simulated nodes: what is installed, what is refused, what is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import CommandFailedError, PreconditionError, VerificationError
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.world import World
from tests.builders import loaded
from tests.in_process import WALL, Rehearsal

PHASE = "60_install_windows_components"
NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"


def world(scenario: str) -> World:
    return World.create(scenario, loaded().topology, 1, clock=PolledClock(WALL))


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal(world("before:60"), tmp_path / "runs", loaded())


def refused(rehearsal: Rehearsal) -> tuple[str, str]:
    """Return why and what next; nothing may have been changed by the runbook."""
    before = len(rehearsal.world.ledger())
    with pytest.raises(PreconditionError) as caught:
        rehearsal.carry_out(PHASE)
    assert len(rehearsal.world.ledger()) == before
    return caught.value.why, caught.value.next_step


def verified(rehearsal: Rehearsal) -> list[tuple[str, str, str]]:
    assert rehearsal.folder is not None
    found = [each.data for each in rehearsal.folder.entries() if each.event == "verified"]
    return [(str(d["step"]), str(d["node"]), str(d["outcome"])) for d in found]


def test_both_nodes_get_the_same_and_nobody_restarts(rehearsal: Rehearsal) -> None:
    boots = [node["boots"] for node in rehearsal.world.state()["nodes"].values()]

    rehearsal.carry_out(PHASE)

    state = rehearsal.world.state()["nodes"]
    for node in state.values():
        listed = node["registry"][places.SUBCOMPONENTS]
        assert {name for name, value in listed.items() if value and name.startswith("iis")} == {
            *("iis_common", "iis_inetmgr", "iis_www")
        }
        assert listed["complusnetwork"] == 1
        assert node["services"]["W3SVC"] == "Running"
        assert node["registry"][places.TCPIP]["EnableTCPChimney"] == 0
    assert [node["boots"] for node in state.values()] == boots
    assert {each[2] for each in verified(rehearsal)} == {"changed", "unchanged"}


def test_behind_the_phase_the_world_is_as_the_phase_left_it(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    def beside_its_scenario(found: World) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(json.dumps(found.state()))
        del state["scenario"]
        return state

    assert beside_its_scenario(world("before:70")) == beside_its_scenario(rehearsal.world)


def test_a_second_run_finds_everything_there(rehearsal: Rehearsal, tmp_path: Path) -> None:
    rehearsal.carry_out(PHASE)
    before = rehearsal.world.ledger()

    again = Rehearsal(rehearsal.world, tmp_path / "again", loaded())
    again.carry_out(PHASE)

    assert rehearsal.world.ledger() == before
    assert {each[2] for each in verified(again)} == {"unchanged"}


@pytest.mark.parametrize(("component", "says"), [("iis_smtp", "SMTP"), ("iis_nntp", "NNTP")])
def test_a_mail_service_of_windows_is_refused_and_left_alone(
    rehearsal: Rehearsal, component: str, says: str
) -> None:
    for name in ("iis_common", component):
        rehearsal.world.act("install-component", {"node": NODE_2, "component": name})

    why, next_step = refused(rehearsal)

    assert why == (
        f"{NODE_2}, Neither SMTP nor NNTP is installed: {says} installed, and Exchange Setup "
        "refuses such a node"
    )
    assert next_step.startswith(f"make sure that nothing uses {says} on {NODE_2}, then remove it")
    rehearsal.world.act("remove-component", {"node": NODE_2, "component": component})
    rehearsal.carry_out(PHASE)


def test_missing_installation_files_are_refused_before_a_dialog_asks(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.world.act("remove-installation-files", {"node": NODE_1})

    why, next_step = refused(rehearsal)

    assert why.startswith(f"{NODE_1}, ")
    assert why.endswith("Windows would look for its files in vain: C:\\")
    assert "SourcePath" in next_step
    assert rehearsal.world.command_lines() == []
    rehearsal.world.act("copy-installation-files", {"node": NODE_1})
    rehearsal.carry_out(PHASE)


def test_files_that_vanish_meanwhile_end_in_a_known_failure(rehearsal: Rehearsal) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    for step in phase.steps[:5]:
        phase.run(step)
    # As if the disc's copy were on a drive that fails between the read and the change.
    session = rehearsal.sessions[NODE_1]
    begin_act = session.begin_act

    def vanish(*given: Any) -> Any:
        rehearsal.world.act("remove-installation-files", {"node": NODE_1})
        return begin_act(*given)

    session.begin_act = vanish  # type: ignore[method-assign, assignment]
    with pytest.raises(CommandFailedError) as caught:
        phase.run(phase.steps[5])

    assert "code 1460: it did not end in time and was stopped" in caught.value.why


def test_a_manager_that_ends_well_and_did_nothing_is_found_out(rehearsal: Rehearsal) -> None:
    rehearsal.world.arm_fault({"node": NODE_2, "match": "sysocmgr", "do": "exit:0"})

    with pytest.raises(VerificationError) as caught:
        rehearsal.carry_out(PHASE)

    assert "Windows components none of them, wanted complusnetwork" in caught.value.why
    rehearsal.carry_out(PHASE)


def test_an_exit_code_of_the_manager_means_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.world.arm_fault(
        {"node": NODE_1, "match": "sysocmgr", "do": "exit:1", "when": "after_effect"}
    )

    rehearsal.carry_out(PHASE)

    assert ("install_components", NODE_1, "changed") in verified(rehearsal)


def test_a_lost_reply_is_settled_by_a_read(rehearsal: Rehearsal) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    for step in phase.steps[:5]:
        phase.run(step)
    rehearsal.sessions[NODE_1].lose_reply = True

    for step in phase.steps[5:]:
        phase.run(step)
    phase.close()

    assert ("install_components", NODE_1, "adopted") in verified(rehearsal)


def test_a_pending_restart_stops_the_phase_before_it_begins(rehearsal: Rehearsal) -> None:
    registry = rehearsal.world._nodes[NODE_2].registry
    registry.put(places.SESSION_MANAGER, "PendingFileRenameOperations", (r"\??\C:\x.tmp", ""))

    why, next_step = refused(rehearsal)

    assert why == (
        f"{NODE_2}, No restart is pending: files are to be replaced at the next start "
        r"(\??\C:\x.tmp)"
    )
    assert next_step.startswith(f"restart {NODE_2}, one node at a time")


def test_nodes_that_differ_in_what_cannot_be_installed_are_refused(rehearsal: Rehearsal) -> None:
    rehearsal.world._nodes[NODE_2].registry.put(places.DOTNET_20, "SP", 1)

    why, _ = refused(rehearsal)

    assert why == (
        f"{NODE_1}, Both nodes have the same components: "
        f".NET 2.0 is SP2 on {NODE_1} and SP1 on {NODE_2}"
    )
