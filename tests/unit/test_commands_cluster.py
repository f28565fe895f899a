"""What a node's answers about its cluster become, and what cluster.exe is told."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.commands import cluster_exe, probe, server_cluster
from runbook_lib.commands.command import Answer, Detached, Program, Read, Secret, TaskAccount
from runbook_lib.commands.powershell_text import render
from runbook_lib.commands.server_cluster import Configured, Membership, Role, Seen

MISSING = Answer(error_id="PathNotFound,Get", text="no such key")
SERVICES = (
    {"Name": "Browser", "State": "Running", "StartMode": "Auto"},
    {"Name": "ClusSvc", "State": "Running", "StartMode": "Auto"},
)
NODE, RESOURCE = r'\\N1\root\MSCluster:MSCluster_Node.Name="{}"', 'MSCluster_Resource.Name="{}"'
GROUP = 'MSCluster_ResourceGroup.Name="{}"'
INSTALLER = TaskAccount(r"LAB\exinstall", Secret("lab:installer"))
SERVICE = TaskAccount(r"LAB\svc-clus", Secret("lab:cluster-service"))


def answers(**changes: tuple[dict[str, Any], ...]) -> dict[str, tuple[dict[str, Any], ...]]:
    """Return what a node with an address and a name online tells, class by class."""
    told: dict[str, tuple[dict[str, Any], ...]] = {
        "Win32_Service": SERVICES,
        r"HKLM:\SYSTEM\CurrentControlSet\Services\ClusSvc": ({"ObjectName": r"LAB\svc-clus"},),
        r"HKLM:\Cluster": ({"ClusterName": "E2K7CLU"},),
        r"HKLM:\Cluster\Quorum": ({"Path": "Q:\\MSCS\\"},),
        "MSCluster_Node": ({"Name": "N1", "State": 0},),
        "MSCluster_ResourceGroup": ({"Name": "Cluster Group", "State": 0},),
        "MSCluster_Resource": (
            {"Name": "Cluster Name", "Type": "Network Name", "State": 2},
            {"Name": "Cluster IP Address", "Type": "IP Address", "State": 2},
        ),
        "MSCluster_Network": ({"Name": "Public", "Role": 3, "State": 3, "Address": "10.0.0.0"},),
        "MSCluster_NetworkInterface": (
            {"Network": "Public", "SystemName": "N1", "State": 3},
            {"Network": "Public", "SystemName": "N2", "State": 2},
        ),
        "MSCluster_NodeToActiveGroup": (
            {
                "GroupComponent": NODE.format("N1"),
                "PartComponent": GROUP.format("Cluster Group"),
            },
        ),
        "MSCluster_ResourceGroupToResource": (
            {
                "GroupComponent": GROUP.format("Cluster Group"),
                "PartComponent": RESOURCE.format("Cluster Name"),
            },
        ),
        "MSCluster_ResourceToDependentResource": (
            {
                "Antecedent": RESOURCE.format("Cluster Name"),
                "Dependent": RESOURCE.format("Cluster IP Address"),
            },
        ),
        "MSCluster_ResourceToPossibleOwner": (
            {
                "GroupComponent": RESOURCE.format("Cluster Name"),
                "PartComponent": NODE.format("N1"),
            },
        ),
        "MSCluster_ClusterToQuorumResource": ({"PartComponent": RESOURCE.format("Cluster Name")},),
    }
    return {**told, **changes}


def key(read: Read) -> str:
    """Return the class or the registry key that a read asks for."""
    assert not isinstance(read.command, Detached)
    given = dict(read.command.parameters) if hasattr(read.command, "parameters") else {}
    return str(given.get("Class") or given["Path"])


def seen(**changes: tuple[dict[str, Any], ...]) -> Seen:
    query, told = server_cluster.seen(), answers(**changes)
    return query.parse([Answer(told[key(read)]) for read in query.reads])


def test_owner_group_and_dependencies_are_joined_by_name() -> None:
    cluster = seen().cluster

    assert cluster is not None
    name = cluster.resource("CLUSTER NAME")
    assert name is not None
    assert (name.group, name.depends_on, name.owners, cluster.owner_of(name)) == (
        "Cluster Group",
        ("Cluster IP Address",),
        ("N1",),
        "N1",
    )
    assert (cluster.quorum, cluster.quorum_path) == ("Cluster Name", "Q:\\MSCS\\")
    assert [(each.node, each.is_up) for each in cluster.interfaces] == [("N1", True), ("N2", False)]


def test_a_name_that_seems_to_carry_its_address_is_read_the_other_way_round() -> None:
    turned = {
        "Antecedent": RESOURCE.format("Cluster IP Address"),
        "Dependent": RESOURCE.format("Cluster Name"),
    }

    cluster = seen(MSCluster_ResourceToDependentResource=(turned,)).cluster

    assert cluster is not None
    assert {each.name: each.depends_on for each in cluster.resources} == {
        "Cluster Name": ("Cluster IP Address",),
        "Cluster IP Address": (),
    }


def test_a_name_with_quotes_and_backslashes_is_read_as_it_is() -> None:
    odd = {
        "GroupComponent": NODE.format("N1"),
        "PartComponent": r'MSCluster_ResourceGroup.Name="a \"b\" c\\d"',
    }
    group = {"Name": 'a "b" c\\d', "State": 0}

    cluster = seen(
        MSCluster_NodeToActiveGroup=(odd,),
        MSCluster_ResourceGroup=(group,),
        MSCluster_ResourceGroupToResource=(),
    ).cluster

    assert cluster is not None
    assert [(each.name, each.owner) for each in cluster.groups] == [('a "b" c\\d', "N1")]


def test_what_is_no_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="no reference to a named object"):
        seen(MSCluster_ClusterToQuorumResource=({"PartComponent": "Disk Q:"},))


def test_a_service_that_runs_and_does_not_answer_is_told_in_its_own_words() -> None:
    query, told = server_cluster.seen(), answers()
    failed = Answer(error_id="GetWMICOMException,X", text="no more endpoints")

    found = query.parse(
        [
            failed if key(read).startswith("MSCluster_") else Answer(told[key(read)])
            for read in query.reads
        ]
    )

    assert (found.cluster, found.failure) == (None, "no more endpoints")


@pytest.mark.parametrize(
    ("service", "hive", "expected"),
    [
        ((), MISSING, Membership(Configured.ABSENT)),
        (("Stopped", "Disabled"), MISSING, Membership(Configured.NO)),
        (("Stopped", "Auto"), MISSING, Membership(Configured.STOPPED, None, "LocalSystem")),
        (
            ("Running", "Auto"),
            Answer(({"ClusterName": "C"},)),
            Membership(Configured.RUNNING, "C", "LocalSystem"),
        ),
    ],
)
def test_a_node_tells_how_far_its_service_is(
    service: tuple[str, ...], hive: Answer, expected: Membership
) -> None:
    rows = [{"Name": "ClusSvc", "State": service[0], "StartMode": service[1]}] if service else []

    found = server_cluster.membership().parse(
        [Answer(tuple(rows)), Answer(({"ObjectName": "LocalSystem"},)), hive]
    )

    assert found == expected


def test_forming_is_one_detached_line_with_one_secret_in_it() -> None:
    action = cluster_exe.create(
        "E2K7CLU",
        ("192.168.1.20", "255.255.255.0", "Public"),
        "N1",
        service=SERVICE,
        account=INSTALLER,
        deadline_s=5,
    )

    assert isinstance(action.command, Detached)
    assert isinstance(action.command.command, Program)
    assert action.command.account is INSTALLER
    assert render(action.command.command) == (
        "cluster.exe /cluster:E2K7CLU /create '/ipaddress:192.168.1.20,255.255.255.0,Public' "
        r"'/user:LAB\svc-clus' ('/password:' + (Read-Host -Prompt 'lab:cluster-service') + '') "
        "/node:N1 /verbose /unattended"
    )
    assert len(action.exposes) == 2


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (
            cluster_exe.set_quorum("Disk Q:", "Q:\\MSCS\\"),
            ("/quorum:Disk Q:", "/path:Q:\\MSCS\\"),
        ),
        (
            cluster_exe.set_network_role("Private", Role.INTERNAL),
            ("network", "Private", "/prop", "Role=1"),
        ),
        (
            cluster_exe.move_group("Cluster Group", "N2"),
            ("group", "Cluster Group", "/moveto:N2", "/wait:50"),
        ),
        (
            cluster_exe.add_dependency("Database", "Disk S:"),
            ("resource", "Database", "/adddependency:Disk S:"),
        ),
    ],
)
def test_what_is_said_in_a_session_names_no_cluster(action: Any, words: tuple[str, ...]) -> None:
    assert action.command == Program("cluster.exe", words)
    assert set(action.accepts) == {0, 5024}


def lines(*text: str) -> Answer:
    return Answer(({"ExitCode": 0, "Output": text},))


NO_REPLY = lines("Reply from 10.0.0.1: Destination host unreachable.")


def test_an_address_is_held_by_whom_arp_shows_or_who_replies() -> None:
    entry = lines("  10.0.0.9              00-03-ff-10-00-12     dynamic   ")
    none, reply = lines("No ARP Entries Found"), lines("Reply from 10.0.0.9: bytes=32 TTL=128")

    def holder(ping: Answer, table: Answer) -> str | None:
        return probe.holders(("10.0.0.9",)).parse([ping, table])["10.0.0.9"]

    assert holder(NO_REPLY, none) is None
    assert holder(NO_REPLY, entry) == "the machine with the MAC address 00-03-FF-10-00-12"
    assert holder(reply, none) == "a machine that replies to ping"
    assert probe.replies(("a", "b")).parse([reply, NO_REPLY]) == {"a": True, "b": False}
