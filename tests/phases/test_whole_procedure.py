"""Two bare nodes become a mailbox server that moves there and back: all phases, in one process."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.execution import phases
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.world import World
from runbook_lib.topology.loading import Loaded, load
from tests.builders import LAB, loaded
from tests.in_process import WALL, Rehearsal

NODES = ("E2K7SCCNode1", "E2K7SCCNode2")

OTHER_NAMES = {
    "name: E2K7SCCNode1": "name: EX-NODE-NUMBER1",
    "name: E2K7SCCNode2": "name: EX-NODE-NUMBER2",
    "{name: E2K7CLU,": "{name: CLUSTER-FIFTEEN,",
    "{name: MailboxServer,": "{name: MAIL-FIFTEEN-15,",
    "name: lab.local": "name: corp.example",
    "netbios_name: LAB": "netbios_name: CORPORATE",
    "'LAB\\exinstall'": "'CORPORATE\\installer'",
    "'LAB\\svc-clus'": "'CORPORATE\\svc-cluster'",
    "{name: DC1,": "{name: DC-FIFTEEN-LONG,",
}
OTHER_ADDRESSES = {
    "192.168.1.11": "172.20.4.5",
    "192.168.1.12": "172.20.7.6",
    "192.168.1.10": "172.20.4.1",
    "gateway: 192.168.1.1,": "gateway: 172.20.5.254,",
    "192.168.1.20": "172.20.6.20",
    "192.168.1.30": "172.20.6.30",
    "connection: Public,  mask: 255.255.255.0": "connection: Clients, mask: 255.255.252.0",
    "connection: Private, mask: 255.255.255.0": "connection: Heart Beat, mask: 255.255.0.0",
    "address: 10.10.10.1}": "address: 10.99.1.1}",
    "address: 10.10.10.2}": "address: 10.99.200.2}",
}
OTHER_DISKS = {
    "letter: Q, label: Quorum,": "letter: X, label: QDISK,",
    "letter: S, label: Database,": "letter: M, label: MAIL,",
    r"'S:\ExchangeData'": r"'M:\Mail\Data'",
    "public_folder_database: false": "public_folder_database: true",
}
MIXED = {
    "role: client,": "role: mixed,",
    "accept_single_heartbeat: true": "accept_single_heartbeat: false",
}
ADMINISTRATOR = {
    "'LAB\\svc-clus'": "'LAB\\Administrator'",
    "accept_administrator: false": "accept_administrator: true",
}
TOPOLOGIES: Mapping[str, Mapping[str, str]] = {
    "names of fifteen characters": OTHER_NAMES,
    "addresses and masks": OTHER_ADDRESSES,
    "letters, labels, public folders": OTHER_DISKS,
    "mixed public network": MIXED,
    "administrator as service account": ADMINISTRATOR,
    "all others at once": {**OTHER_NAMES, **OTHER_ADDRESSES, **OTHER_DISKS, **MIXED},
}


def parameters(folder: Path, changes: Mapping[str, str]) -> Loaded:
    text = LAB.read_text("utf-8")
    for before, after in changes.items():
        assert before in text, before
        text = text.replace(before, after)
    path = folder / "parameters.yaml"
    path.write_text(text, "utf-8")
    return load(path)


def rehearsal(folder: Path, given: Loaded) -> Rehearsal:
    world = World.create("factory", given.topology, 1, clock=PolledClock(WALL))
    return Rehearsal(world, folder / "runs", given)


def beside_its_scenario(world: World) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(json.dumps(world.state()))
    del state["scenario"]
    return state


@dataclass
class Built:
    """A rehearsal that went all the way, and the world before each phase."""

    run: Rehearsal
    before: dict[str, dict[str, Any]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    built = Built(rehearsal(tmp_path_factory.mktemp("built"), loaded()))
    for phase in phases.PHASES:
        built.before[phase] = beside_its_scenario(built.run.world)
        built.run.carry_out(phase)
    yield built
    built.run.world.close()


def events(run: Rehearsal, kind: str) -> list[dict[str, Any]]:
    assert run.folder is not None
    return [dict(entry.data) for entry in run.folder.entries() if entry.event == kind]


def mutations(world: World) -> Counter[tuple[str, str]]:
    return Counter((effect["node"], effect["what"]) for effect in world.ledger())


def resources(state: Mapping[str, Any]) -> dict[str, tuple[str, str, bool]]:
    """Return name -> (type, group, online)."""
    return {
        each["name"]: (each["type"], each["group"], each["state"] == 2)
        for each in state["cluster"]["resources"]
    }


def test_there_are_eleven_phases_and_each_is_done(built: Built) -> None:
    assert len(phases.PHASES) == 11
    assert [data["phase"] for data in events(built.run, "phase_closed")] == [*phases.PHASES]
    assert {data["outcome"] for data in events(built.run, "phase_closed")} == {"done"}
    assert events(built.run, "failed") == []


def test_the_end_is_the_documents_end(built: Built) -> None:
    """Asserted from the lab's own state, not from what our reads say of it."""
    state = built.run.world.state()
    cluster, exchange = state["cluster"], state["exchange"]

    assert {name: (each["node"], each["state"]) for name, each in cluster["members"].items()} == {
        "E2K7SCCNODE1": (NODES[0], 0),
        "E2K7SCCNODE2": (NODES[1], 0),
    }
    assert (cluster["quorum"]["resource"], cluster["quorum"]["path"]) == ("Disk Q:", "Q:\\MSCS\\")
    assert {each["name"]: each["role"] for each in cluster["networks"]} == {
        "Public": 2,
        "Private": 1,
    }
    assert {each["name"]: each["owner"] for each in cluster["groups"]} == {
        "Cluster Group": "E2K7SCCNODE1",
        "MailboxServer": "E2K7SCCNODE1",
    }
    database = "First Storage Group/Mailbox Database (MailboxServer)"
    assert resources(state) == {
        "Cluster IP Address": ("IP Address", "Cluster Group", True),
        "Cluster Name": ("Network Name", "Cluster Group", True),
        "Disk Q:": ("Physical Disk", "Cluster Group", True),
        "Disk S:": ("Physical Disk", "MailboxServer", True),
        "IP Address (MailboxServer)": ("IP Address", "MailboxServer", True),
        "Network Name (MailboxServer)": ("Network Name", "MailboxServer", True),
        "Exchange System Attendant Instance (MailboxServer)": (
            "Microsoft Exchange System Attendant",
            "MailboxServer",
            True,
        ),
        "Exchange Information Store Instance (MailboxServer)": (
            "Microsoft Exchange Information Store",
            "MailboxServer",
            True,
        ),
        database: ("Microsoft Exchange Database Instance", "MailboxServer", True),
    }
    (found,) = [each for each in cluster["resources"] if each["name"] == database]
    assert "Disk S:" in found["depends_on"]
    assert {tuple(each["owners"]) for each in cluster["resources"]} == {
        ("E2K7SCCNODE1", "E2K7SCCNODE2")
    }
    assert exchange["clustered_server"]["data_path"] == r"S:\ExchangeData"
    assert sorted(exchange["clustered_server"]["machines"]) == ["E2K7SCCNODE1", "E2K7SCCNODE2"]
    assert state["storage"]["owners"] == {"0": NODES[0], "1": NODES[0]}
    assert [volume["is_corrupt"] for volume in state["storage"]["volumes"]] == [False, False]
    assert state["tasks"]["tasks"] == []
    for name, runs in ((NODES[0], "Running"), (NODES[1], "Stopped")):
        services = state["nodes"][name]["services"]
        assert (services["ClusSvc"], services["MSExchangeIS"]) == ("Running", runs)
        assert [path for path in state["nodes"][name]["files"] if "runbook" in path.lower()] == []


def test_the_mailbox_server_moved_there_and_back(built: Built) -> None:
    moves = [
        effect["after"]
        for effect in built.run.world.ledger()
        if effect["what"] == "owner of cluster group MailboxServer"
    ]

    assert moves[-2:] == ["E2K7SCCNODE2", "E2K7SCCNODE1"]


def test_a_second_run_changes_nothing(built: Built, tmp_path: Path) -> None:
    world = built.run.world
    before, state = mutations(world), beside_its_scenario(world)
    again = Rehearsal(world, tmp_path / "runs", loaded())

    for phase in phases.PHASES:
        again.carry_out(phase)

    assert mutations(world) - before == Counter()
    assert events(again, "intent") == []
    assert beside_its_scenario(world) == state
    outcomes = Counter(data["outcome"] for data in events(again, "verified"))
    assert set(outcomes) == {"unchanged", "deferred"}


@pytest.mark.parametrize("phase", [*phases.PHASES[2:]])
def test_a_lab_that_starts_before_a_phase_is_as_the_phases_before_leave_it(
    built: Built, phase: str
) -> None:
    begun = World.create(f"before:{phase}", loaded().topology, 1, clock=PolledClock(WALL))

    assert beside_its_scenario(begun) == built.before[phase]
    assert (begun.ledger(), begun.command_lines()) == ([], [])


@pytest.mark.parametrize("name", [*TOPOLOGIES])
def test_other_topologies_build_as_well(tmp_path: Path, name: str) -> None:
    given = parameters(tmp_path, TOPOLOGIES[name])
    run = rehearsal(tmp_path, given)

    for phase in phases.PHASES:
        run.carry_out(phase)

    wished, state = given.topology, run.world.state()
    assert state["cluster"]["name"] == wished.cluster.name
    assert state["cluster"]["quorum"]["resource"] == f"Disk {wished.disks.quorum.letter}:"
    assert state["cluster"]["account"] == wished.accounts.cluster_service.user
    assert [each["role"] for each in state["cluster"]["networks"]] == [
        3 if wished.networks.public.role == "mixed" else 2,
        1,
    ]
    assert state["exchange"]["clustered_server"]["name"] == wished.mailbox_server.name
    assert state["exchange"]["clustered_server"]["data_path"] == wished.mailbox_server.data_path
    owner = wished.nodes[0].name.upper()
    assert {each["owner"] for each in state["cluster"]["groups"]} == {owner}
    assert all(online for _, _, online in resources(state).values())
    again = Rehearsal(run.world, tmp_path / "again", given)
    done = mutations(run.world)
    for phase in phases.PHASES:
        again.carry_out(phase)
    assert mutations(run.world) - done == Counter()
