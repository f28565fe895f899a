"""Phase 50 on two simulated nodes: node 2 joins, the networks get their roles, or it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import (
    CommandFailedError,
    PreconditionError,
    RunbookError,
    StoppedMidwayError,
)
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.world import World
from runbook_lib.topology.loading import Loaded
from runbook_lib.topology.models import PublicRole
from tests.builders import loaded
from tests.in_process import WALL, Rehearsal
from tests.lab_world import NODE_1, NODE_2, PRIVATE_2

PHASE = "50_join_second_node"
SERVICE = r"LAB\svc-clus"


def on(scenario: str, runs: Path, given: Loaded) -> Rehearsal:
    world = World.create(scenario, given.topology, 1, clock=PolledClock(WALL))
    return Rehearsal(world, runs, given)


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return on("before:50", tmp_path, loaded())


def events(rehearsal: Rehearsal, *names: str) -> list[Mapping[str, Any]]:
    assert rehearsal.folder is not None
    return [entry.data for entry in rehearsal.folder.entries() if entry.event in names]


def cluster(rehearsal: Rehearsal) -> Mapping[str, Any]:
    found: Mapping[str, Any] = rehearsal.world.state()["cluster"]
    return found


def roles(rehearsal: Rehearsal) -> dict[str, int]:
    return {each["name"]: each["role"] for each in cluster(rehearsal)["networks"]}


def members(rehearsal: Rehearsal) -> dict[str, int]:
    return {name: each["state"] for name, each in cluster(rehearsal)["members"].items()}


def switch_on(rehearsal: Rehearsal) -> None:
    """Let a person switch node 2 on before the phase does."""
    rehearsal.world.act("power-on", {"node": NODE_2})
    while not rehearsal.world.is_listening(NODE_2):
        continue


def anew(rehearsal: Rehearsal) -> Rehearsal:
    """Return another run on the same world."""
    return Rehearsal(rehearsal.world, rehearsal.runs / "second", rehearsal.loaded)


def refused(rehearsal: Rehearsal, kind: type[RunbookError] = PreconditionError) -> RunbookError:
    with pytest.raises(kind) as caught:
        rehearsal.carry_out(PHASE)
    return caught.value


def test_the_second_node_joins_and_the_networks_get_their_roles(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    assert members(rehearsal) == {"E2K7SCCNODE1": 0, "E2K7SCCNODE2": 0}
    assert roles(rehearsal) == {"Public": 2, "Private": 1}
    assert [(e["setting"], e["after"]) for e in events(rehearsal, "intent")] == [
        ("running nodes", "both"),
        ("member of the cluster", "E2K7SCCNode2 in E2K7CLU"),
        ("role of Private", "internal only"),
        ("role of Public", "clients only"),
    ]
    verified = {e["step"]: e["reason"] for e in events(rehearsal, "verified")}
    assert verified["check_members"] == "both are up and may have Disk Q:, Disk S:"
    assert verified["check_whole_cluster"] == (
        "both up; online: Cluster IP Address, Cluster Name, Disk Q:, Disk S:"
    )


def test_a_mixed_public_network_keeps_two_heartbeats(tmp_path: Path) -> None:
    given = loaded()
    public = given.topology.networks.public.model_copy(update={"role": PublicRole.MIXED})
    networks = given.topology.networks.model_copy(update={"public": public})
    topology = given.topology.model_copy(update={"networks": networks})
    rehearsal = on(
        "before:50", tmp_path, Loaded(topology, given.text, given.sha256, given.warnings)
    )

    rehearsal.carry_out(PHASE)

    assert roles(rehearsal) == {"Public": 3, "Private": 1}
    begun = World.create("before:60", topology, 1, clock=PolledClock(WALL))
    assert {**rehearsal.world.state(), "scenario": ""} == {**begun.state(), "scenario": ""}


def test_again_on_the_whole_cluster_no_phase_changes_anything(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)
    before = len(rehearsal.world.ledger())

    for phase in ("40_form_cluster", PHASE):
        again = Rehearsal(rehearsal.world, rehearsal.runs / phase, rehearsal.loaded)
        again.carry_out(phase)
        assert {e["outcome"] for e in events(again, "verified")} == {"unchanged"}

    assert len(rehearsal.world.ledger()) == before
    roles_told = [e for e in events(again, "verified") if e["step"] == "set_network_roles"]
    assert roles_told[0]["reason"] == (
        "Private internal only, Public clients only; one heartbeat, accepted by "
        "accept_single_heartbeat"
    )


def test_behind_the_phase_the_world_is_as_the_phase_left_it(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    begun = World.create("before:60", loaded().topology, 1, clock=PolledClock(WALL))

    assert {**rehearsal.world.state(), "scenario": ""} == {**begun.state(), "scenario": ""}
    assert (begun.ledger(), begun.command_lines()) == ([], [])


def test_no_node_is_switched_on_without_a_cluster_that_guards_the_disks(tmp_path: Path) -> None:
    rehearsal = on("before:40", tmp_path, loaded())

    error = refused(rehearsal)

    assert "there is no whole cluster on E2K7SCCNode1 yet" in error.why
    assert "run phase 40_form_cluster first, with E2K7SCCNode2 off" in error.next_step
    assert events(rehearsal, "intent") == []


@pytest.mark.parametrize("stage", [7, 8])
def test_no_node_joins_a_cluster_with_a_local_quorum(tmp_path: Path, stage: int) -> None:
    rehearsal = on("before:40", tmp_path, loaded())
    rehearsal.world.arm_fault({"node": NODE_1, "match": "cluster.exe", "do": f"kill:{stage}"})
    with pytest.raises(CommandFailedError):
        rehearsal.carry_out("40_form_cluster")

    error = refused(anew(rehearsal))

    assert "Local Quorum" in error.why
    assert "bring Disk Q: online in Cluster Group" in error.next_step


def test_a_quorum_elsewhere_is_for_the_phase_before(rehearsal: Rehearsal) -> None:
    act = rehearsal.world.act
    act("move-cluster-resource", {"resource": "Disk S:", "group": "Cluster Group"})
    act("set-cluster-quorum", {"resource": "Disk S:", "path": "S:\\MSCS\\"})

    error = refused(rehearsal)

    assert "quorum is Disk S: in S:\\MSCS\\" in error.why
    assert "run phase 40_form_cluster first" in error.next_step


def test_a_node_that_runs_in_another_cluster_is_left_alone(rehearsal: Rehearsal) -> None:
    switch_on(rehearsal)
    rehearsal.world.act("join-other-cluster", {"node": NODE_2, "cluster": "OTHER"})

    error = refused(rehearsal)

    assert "E2K7SCCNode2 runs in another cluster, OTHER" in error.why
    assert "evict E2K7SCCNode2 there" in error.next_step
    assert events(rehearsal, "intent") == []


def test_a_node_that_is_found_in_another_cluster_at_its_turn_is_left_alone(
    rehearsal: Rehearsal,
) -> None:
    switch_on(rehearsal)
    rehearsal.world.act("join-other-cluster", {"node": NODE_2, "cluster": "OTHER"})
    rehearsal.world.act("power-off", {"node": NODE_2})

    error = refused(rehearsal, StoppedMidwayError)

    assert "E2K7SCCNode2 runs in another cluster, OTHER" in error.why
    assert [e["setting"] for e in events(rehearsal, "intent")] == ["running nodes"]
    assert members(rehearsal) == {"E2K7SCCNODE1": 0}


@pytest.mark.parametrize(
    ("deed", "arguments", "why", "mend"),
    [
        (
            "hide-disk",
            {"node": NODE_2, "lun": 1},
            "E2K7SCCNode2 does not see LUN 1 (20480 MB)",
            "present the LUN to E2K7SCCNode2",
        ),
        (
            "unplug",
            {"node": NODE_2, "mac": PRIVATE_2},
            "Private (00-03-FF-10-00-22) has no link",
            "connect the cable of Private",
        ),
        ("lock-account", {"account": SERVICE}, "it is locked out", r"put LAB\svc-clus in order"),
        ("disable-account", {"account": SERVICE}, "it is disabled", r"put LAB\svc-clus in order"),
        ("expire-account", {"account": SERVICE}, "it has expired", r"put LAB\svc-clus in order"),
    ],
)
def test_a_wrong_state_is_refused_before_the_node_is_added(
    rehearsal: Rehearsal, deed: str, arguments: dict[str, object], why: str, mend: str
) -> None:
    rehearsal.world.act(deed, arguments)

    # What the node itself has to tell is asked when it is on, and it was switched on by then.
    at_its_turn = "node" in arguments
    error = refused(rehearsal, StoppedMidwayError if at_its_turn else PreconditionError)

    assert why in error.why
    assert mend in error.next_step
    assert members(rehearsal) == {"E2K7SCCNODE1": 0}


def test_a_wrong_service_password_is_told_by_its_code(rehearsal: Rehearsal) -> None:
    rehearsal.world.act("change-password", {"account": SERVICE})

    error = refused(rehearsal, CommandFailedError)

    assert "code 1326" in error.why
    assert members(rehearsal) == {"E2K7SCCNODE1": 0}


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_an_adding_that_ended_before_it_configured_the_node_is_begun_again(
    rehearsal: Rehearsal, stage: int
) -> None:
    rehearsal.world.arm_fault({"node": NODE_1, "match": "/add", "do": f"kill:{stage}"})
    refused(rehearsal, CommandFailedError)

    rehearsal.carry_out(PHASE)

    assert members(rehearsal) == {"E2K7SCCNODE1": 0, "E2K7SCCNODE2": 0}


@pytest.mark.parametrize(
    ("stage", "why", "mend"),
    [
        (
            4,
            "E2K7SCCNode2 is configured for a cluster that does not know it",
            "on E2K7SCCNode2, cluster node E2K7SCCNode2 /force",
        ),
        (
            5,
            "E2K7SCCNode2 is entered in E2K7CLU and down",
            "on E2K7SCCNode1, cluster node E2K7SCCNode2 /evict",
        ),
    ],
)
def test_an_adding_that_was_broken_off_is_found_out_with_its_repair(
    rehearsal: Rehearsal, stage: int, why: str, mend: str
) -> None:
    rehearsal.world.arm_fault({"node": NODE_1, "match": "/add", "do": f"kill:{stage}"})
    refused(rehearsal, CommandFailedError)

    error = refused(rehearsal)
    assert why in error.why
    assert mend in error.next_step

    if stage == 5:
        rehearsal.world.act("evict-node", {"node": NODE_2})
    rehearsal.world.act("clean-up-node", {"node": NODE_2})
    rehearsal.carry_out(PHASE)
    assert members(rehearsal) == {"E2K7SCCNODE1": 0, "E2K7SCCNODE2": 0}


@pytest.mark.parametrize(
    ("now", "settings"),
    [
        ({"Private": 1}, ["role of Public"]),
        ({"Private": 2}, ["role of Private", "role of Public"]),
        ({"Private": 1, "Public": 2}, []),
    ],
)
def test_only_roles_that_differ_are_set_and_private_first(
    rehearsal: Rehearsal, now: dict[str, int], settings: list[str]
) -> None:
    for network, role in now.items():
        rehearsal.world.act("set-network-role", {"network": network, "role": role})

    rehearsal.carry_out(PHASE)

    done = [e["setting"] for e in events(rehearsal, "intent")]
    assert [each for each in done if each.startswith("role of")] == settings
    assert roles(rehearsal) == {"Public": 2, "Private": 1}


def test_a_resource_that_is_offline_keeps_the_phase_from_its_end(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)
    rehearsal.world.act("take-resource-offline", {"resource": "Disk S:"})

    error = refused(anew(rehearsal))

    assert "Disk S: is offline" in error.why
    assert "source ClusSvc" in error.next_step


def test_a_member_that_was_switched_off_is_switched_on_again(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)
    rehearsal.world.act("power-off", {"node": NODE_2})
    assert members(rehearsal) == {"E2K7SCCNODE1": 0, "E2K7SCCNODE2": 1}

    again = anew(rehearsal)
    again.carry_out(PHASE)

    assert [e["setting"] for e in events(again, "intent")] == ["running nodes"]
    assert members(rehearsal) == {"E2K7SCCNODE1": 0, "E2K7SCCNODE2": 0}
