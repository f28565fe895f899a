"""Phase 40 on two simulated nodes: one cluster on node 1, or refused before any change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import CommandFailedError, PreconditionError, RunbookError
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.site_network import Holder, Segment
from runbook_lib.lab.world.world import World
from tests.builders import loaded
from tests.in_process import WALL, Rehearsal
from tests.lab_world import NODE_1, NODE_2, PRIVATE_1

PHASE = "40_form_cluster"
SERVICE = r"LAB\svc-clus"
FORMED = "E2K7CLU (192.168.1.20) on E2K7SCCNode1"


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    given = loaded()
    world = World.create("before:40", given.topology, 1, clock=PolledClock(WALL))
    return Rehearsal(world, tmp_path, given)


def events(rehearsal: Rehearsal, *names: str) -> list[Mapping[str, Any]]:
    assert rehearsal.folder is not None
    return [entry.data for entry in rehearsal.folder.entries() if entry.event in names]


def last(rehearsal: Rehearsal, step: str) -> Mapping[str, Any]:
    """Return the last look at a step."""
    return [e for e in events(rehearsal, "verified") if e["step"] == step][-1]


def anew(rehearsal: Rehearsal, name: str = "second") -> Rehearsal:
    """Return another run on the same world."""
    return Rehearsal(rehearsal.world, rehearsal.runs / name, rehearsal.loaded)


def cluster(rehearsal: Rehearsal) -> Mapping[str, Any]:
    found: Mapping[str, Any] = rehearsal.world.state()["cluster"]
    return found


def online(rehearsal: Rehearsal) -> list[str]:
    return [each["name"] for each in cluster(rehearsal)["resources"] if each["state"] == 2]


def refused(rehearsal: Rehearsal, kind: type[RunbookError] = PreconditionError) -> RunbookError:
    with pytest.raises(kind) as caught:
        rehearsal.carry_out(PHASE)
    return caught.value


def test_the_first_node_forms_the_cluster_alone(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    state = cluster(rehearsal)
    assert (state["name"], list(state["members"])) == ("E2K7CLU", ["E2K7SCCNODE1"])
    assert online(rehearsal) == ["Cluster IP Address", "Cluster Name", "Disk Q:", "Disk S:"]
    assert state["quorum"] == {"resource": "Disk Q:", "path": "Q:\\MSCS\\", "log_kb": 4096}
    assert rehearsal.world.state()["storage"]["owners"] == {"0": NODE_1, "1": NODE_1}
    assert last(rehearsal, "check_cluster")["reason"] == (
        r"online: Cluster IP Address, Cluster Name, Disk Q:, Disk S:; as LAB\svc-clus"
    )
    [intent] = events(rehearsal, "intent")
    assert (intent["setting"], intent["after"]) == ("cluster", FORMED)


def test_the_password_is_told_as_exposed_and_stands_nowhere_in_the_run(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.carry_out(PHASE)

    assert rehearsal.folder is not None
    written = rehearsal.folder.journal.read_text("utf-8")
    assert rehearsal.world.password("cluster-service") not in written
    [intent] = events(rehearsal, "intent")
    assert "(Read-Host -Prompt 'lab:cluster-service')" in intent["command"]
    assert "until the task has ended" in intent["exposes"][0]


def test_again_on_the_formed_cluster_nothing_is_changed(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)
    before = len(rehearsal.world.ledger())

    again = anew(rehearsal)
    again.carry_out(PHASE)

    assert {e["outcome"] for e in events(again, "verified")} == {"unchanged"}
    assert len(rehearsal.world.ledger()) == before


def test_behind_the_phase_the_world_is_as_the_phase_left_it(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    begun = World.create("before:50", loaded().topology, 1, clock=PolledClock(WALL))

    assert {**rehearsal.world.state(), "scenario": ""} == {**begun.state(), "scenario": ""}
    assert (begun.ledger(), begun.command_lines()) == ([], [])


def test_a_second_node_that_runs_is_switched_off_first(rehearsal: Rehearsal) -> None:
    for lun in (0, 1):
        rehearsal.world.act("hide-disk", {"node": NODE_2, "lun": lun})
    rehearsal.world.act("power-on", {"node": NODE_2})
    while not rehearsal.world.is_listening(NODE_2):
        continue

    rehearsal.carry_out(PHASE)

    first, second = events(rehearsal, "intent")
    assert (first["setting"], first["before"], first["after"]) == (
        "running nodes",
        "both",
        "E2K7SCCNode1 alone",
    )
    assert second["after"] == FORMED


def test_a_second_node_that_ran_with_the_disks_in_sight_has_damaged_them(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.world.act("power-on", {"node": NODE_2})
    while not rehearsal.world.is_listening(NODE_2):
        continue

    error = refused(rehearsal)

    assert "the file system of Q: on LUN 0 (1024 MB) is damaged" in error.why
    assert events(rehearsal, "intent") == []


def test_a_node_that_only_lost_its_listener_is_not_off(rehearsal: Rehearsal) -> None:
    node = rehearsal.world._nodes[NODE_1]
    silent = Holder(Segment.PRIVATE, "10.10.10.2", NODE_2, "00-03-FF-10-00-22")
    node.site.hosts = (*node.site.hosts, silent)

    error = refused(rehearsal)

    assert "takes no connection, and yet 10.10.10.2 replies to E2K7SCCNode1" in error.why
    assert "see at its console that E2K7SCCNode2 is switched off" in error.next_step


REFUSED: list[tuple[str, dict[str, object], str, str]] = [
    ("lock-account", {"account": SERVICE}, "it is locked out", "put LAB\\svc-clus in order"),
    ("disable-account", {"account": SERVICE}, "it is disabled", "put LAB\\svc-clus in order"),
    ("expire-account", {"account": SERVICE}, "it has expired", "put LAB\\svc-clus in order"),
    (
        "add-to-group",
        {"account": SERVICE, "group": "Domain Admins"},
        r"LAB\svc-clus is an administrator of the domain",
        "accept_administrator: true",
    ),
    (
        "add-computer",
        {"name": "E2K7CLU"},
        "the name E2K7CLU is in use: the directory has a computer account E2K7CLU",
        "put another name into cluster.name",
    ),
    (
        "add-dns-record",
        {"name": "e2k7clu", "address": "192.168.1.99"},
        "DNS knows E2K7CLU.lab.local as 192.168.1.99",
        "put another name into cluster.name",
    ),
    (
        "hide-disk",
        {"node": NODE_1, "lun": 0},
        "LUN 0 (1024 MB) is not visible on E2K7SCCNode1",
        "present the LUN to E2K7SCCNode1",
    ),
    (
        "remove-letter",
        {"node": NODE_1, "letter": "S"},
        "LUN 1 (20480 MB) is not ready on E2K7SCCNode1",
        "run phase 30_prepare_shared_disks first",
    ),
    (
        "unplug",
        {"node": NODE_1, "mac": PRIVATE_1},
        "Private (00-03-FF-10-00-21) has no link",
        "connect the cable of Private",
    ),
    (
        "join-other-cluster",
        {"node": NODE_1, "cluster": "OTHER"},
        "E2K7SCCNode1 runs in another cluster, OTHER",
        "take E2K7SCCNode1 out of that cluster",
    ),
    ("controller-off", {}, "does not answer", "then plan the phase again"),
]


@pytest.mark.parametrize(
    ("deed", "arguments", "why", "mend"),
    REFUSED,
    ids=[f"{deed} {' '.join(map(str, more.values()))}".strip() for deed, more, _, _ in REFUSED],
)
def test_a_wrong_state_is_refused_before_anything_is_changed(
    rehearsal: Rehearsal, deed: str, arguments: dict[str, object], why: str, mend: str
) -> None:
    rehearsal.world.act(deed, arguments)

    error = refused(rehearsal)

    assert why in error.why
    assert mend in error.next_step
    assert events(rehearsal, "intent") == []


def test_an_address_that_a_silent_host_holds_is_found_by_arp(rehearsal: Rehearsal) -> None:
    node = rehearsal.world._nodes[NODE_1]
    mac = "00-03-FF-99-00-01"
    holder = Holder(Segment.PUBLIC, "192.168.1.20", "printer", mac, answers_ping=False)
    node.site.hosts = (*node.site.hosts, holder)

    error = refused(rehearsal)

    assert f"192.168.1.20 is in use by the machine with the MAC address {mac}" in error.why
    assert "put another one into cluster.address" in error.next_step


def test_a_record_that_an_earlier_cluster_left_in_dns_is_no_hindrance(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.world.act("add-dns-record", {"name": "e2k7clu", "address": "192.168.1.20"})

    rehearsal.carry_out(PHASE)

    assert cluster(rehearsal)["name"] == "E2K7CLU"


def test_a_wrong_service_password_is_told_by_its_code(rehearsal: Rehearsal) -> None:
    rehearsal.world.act("change-password", {"account": SERVICE})

    error = refused(rehearsal, CommandFailedError)

    assert "code 1326" in error.why
    assert "the password of the service account is wrong" in error.why
    assert cluster(rehearsal)["members"] == {}
    tried = [e for e in rehearsal.world.ledger() if e["what"].startswith("bad passwords")]
    assert [(e["before"], e["after"]) for e in tried] == [(0, 1)]


def fault(rehearsal: Rehearsal, stage: int) -> None:
    rehearsal.world.arm_fault(
        {"node": NODE_1, "match": "cluster.exe", "nth": 1, "do": f"kill:{stage}"}
    )


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_a_forming_that_ended_before_it_configured_anything_is_begun_again(
    rehearsal: Rehearsal, stage: int
) -> None:
    fault(rehearsal, stage)
    refused(rehearsal, CommandFailedError)

    rehearsal.carry_out(PHASE)

    assert online(rehearsal) == ["Cluster IP Address", "Cluster Name", "Disk Q:", "Disk S:"]


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        (4, "the cluster service of E2K7SCCNode1 is configured and does not run"),
        (5, "the cluster service of E2K7SCCNode1 is configured and does not run"),
        (6, "the forming of E2K7CLU was broken off on E2K7SCCNode1"),
        (7, "the quorum is Local Quorum, of type Local Quorum, and the cluster has no Disk Q:"),
        (8, "the quorum is Local Quorum, of type Local Quorum"),
    ],
)
def test_a_forming_that_was_broken_off_is_found_out_with_its_repair(
    rehearsal: Rehearsal, stage: int, why: str
) -> None:
    fault(rehearsal, stage)
    refused(rehearsal, CommandFailedError)

    error = refused(rehearsal)
    assert why in error.why
    assert "on E2K7SCCNode1, net stop clussvc, then cluster node E2K7SCCNode1 /force" in (
        error.next_step
    )

    rehearsal.world.act("clean-up-node", {"node": NODE_1})
    rehearsal.carry_out(PHASE)
    assert online(rehearsal) == ["Cluster IP Address", "Cluster Name", "Disk Q:", "Disk S:"]


def test_a_quorum_on_another_disk_is_moved_to_the_right_one(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)
    act = rehearsal.world.act
    act("move-cluster-resource", {"resource": "Disk S:", "group": "Cluster Group"})
    act("set-cluster-quorum", {"resource": "Disk S:", "path": "S:\\MSCS\\"})
    act("create-cluster-group", {"group": "Group 1", "node": NODE_1})
    act("move-cluster-resource", {"resource": "Disk Q:", "group": "Group 1"})

    again = anew(rehearsal)
    again.carry_out(PHASE)

    assert [(e["setting"], e["before"], e["after"]) for e in events(again, "intent")] == [
        ("group of Disk Q:", "Group 1", "Cluster Group"),
        ("quorum", "Disk S: in S:\\MSCS\\", "Disk Q: in Q:\\MSCS\\"),
    ]
    assert cluster(rehearsal)["quorum"]["resource"] == "Disk Q:"


def test_a_resource_that_is_offline_is_told_in_the_end(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)
    rehearsal.world.act("take-resource-offline", {"resource": "Cluster Name"})

    error = refused(anew(rehearsal))

    assert "Cluster Name is offline" in error.why
    assert "source ClusSvc" in error.next_step


def test_a_cluster_service_that_was_stopped_is_told(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)
    rehearsal.world.act("stop-cluster-service", {"node": NODE_1})

    error = refused(anew(rehearsal))

    assert "is configured and does not run" in error.why
    assert "If E2K7SCCNode1 is a member of E2K7CLU: net start clussvc" in error.next_step


def test_a_cluster_that_runs_on_the_second_node_alone_is_not_switched_off(
    tmp_path: Path,
) -> None:
    given = loaded()
    world = World.create("before:60", given.topology, 1, clock=PolledClock(WALL))
    rehearsal = Rehearsal(world, tmp_path, given)
    world.act("power-off", {"node": NODE_1})

    phase = rehearsal.open(PHASE)
    phase.plan()

    first = phase._planned().steps[0]
    assert (first.reason, first.changes) == ("E2K7CLU guards the disks", ())
