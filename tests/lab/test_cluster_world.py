"""What befalls a cluster when its nodes go and come, and what WMI and the registry show of it."""

from __future__ import annotations

import json
from typing import Any

from runbook_lib.lab.answers import Bag, Invocation
from runbook_lib.lab.world.cluster_nodes import ARBITRATION_S, LOST_AFTER_S
from runbook_lib.lab.world.cluster_state import ClusterState
from runbook_lib.lab.world.world import World
from tests.lab import cluster_site
from tests.lab.cluster_site import ONE, TWO

PATH = 'MSCluster_Resource.Name="{}"'


def states(world: World) -> dict[str, str]:
    cluster = cluster_site.site_of(world).cluster
    return {each.name: each.state.name for each in cluster.resources.values()}


def owners(world: World) -> dict[str, str]:
    cluster = cluster_site.site_of(world).cluster
    return {each.name: each.owner for each in cluster.groups.values()}


def events(world: World, node: int) -> list[int]:
    found = cluster_site.both(world)[node].events.events
    return [each.event_id for each in found if each.source == "ClusSvc"]


def wmi(world: World, wmi_class: str, node: str = "E2K7SCCNode1") -> list[dict[str, Any]]:
    parameters = {"Namespace": r"root\MSCluster", "Class": wmi_class}
    call = Invocation("Get-WmiObject", is_script=False, parameters=parameters)
    reply = world.answer(node, "Administrator", call)
    assert not reply.errors
    return [
        {name: value for name, value in bag.properties.items() if not name.startswith("__")}
        for bag in reply.output
        if isinstance(bag, Bag)
    ]


def test_groups_of_a_node_that_loses_power_come_online_on_the_other() -> None:
    world = cluster_site.clustered()

    world.act("power-loss", {"node": "E2K7SCCNode1"})
    at_once = states(world)
    cluster_site.wait(world, LOST_AFTER_S)
    missed = cluster_site.site_of(world).cluster.members[ONE].state.name, owners(world)
    cluster_site.wait(world, ARBITRATION_S)

    assert set(at_once.values()) == {"ONLINE_PENDING"}
    assert missed == ("DOWN", {"Cluster Group": TWO, "Group 0": TWO})
    assert set(states(world).values()) == {"ONLINE"}
    assert events(world, 1)[-1] == 1135
    site, (_, second) = cluster_site.site_of(world), cluster_site.both(world)
    assert [site.storage.owner(lun) for lun in (0, 1)] == ["E2K7SCCNode2"] * 2
    assert ("192.168.1.20", "255.255.255.0") in second.connections[1].addresses


def test_an_orderly_shutdown_moves_the_groups_first_and_none_moves_back() -> None:
    world = cluster_site.clustered()

    world.act("power-off", {"node": "E2K7SCCNode1"})
    moved = states(world), owners(world)
    cluster_site.switch_on(world, cluster_site.both(world)[0])

    assert set(moved[0].values()) == {"ONLINE"}
    assert owners(world) == moved[1] == {"Cluster Group": TWO, "Group 0": TWO}
    assert events(world, 0)[-1] == 1062


def test_the_first_node_that_starts_forms_the_cluster_again() -> None:
    world = cluster_site.clustered()
    for node in ("E2K7SCCNode2", "E2K7SCCNode1"):
        world.act("power-off", {"node": node})
    assert set(states(world).values()) == {"OFFLINE"}

    cluster_site.switch_on(world, cluster_site.both(world)[1])

    assert set(states(world).values()) == {"ONLINE"}
    assert owners(world) == {"Cluster Group": TWO, "Group 0": TWO}
    assert events(world, 1)[-1] == 1061


def test_a_service_whose_account_is_locked_does_not_start_again() -> None:
    world = cluster_site.clustered()
    world.act("lock-account", {"account": r"LAB\svc-clus"})
    world.act("power-off", {"node": "E2K7SCCNode2"})
    cluster_site.switch_on(world, cluster_site.both(world)[1])

    site, (_, node) = cluster_site.site_of(world), cluster_site.both(world)
    assert not site.cluster.is_running(node)
    assert site.cluster.members[TWO].state.name == "DOWN"
    assert node.events.events[-1].event_id == 7000


def test_without_an_internal_network_a_node_cannot_join() -> None:
    world = cluster_site.clustered()
    cluster = cluster_site.site_of(world).cluster
    assert cluster.set_role(cluster_site.site_of(world), "Public", 2) == 0
    world.act("power-off", {"node": "E2K7SCCNode2"})
    world.act("unplug", {"node": "E2K7SCCNode2", "mac": "00-03-FF-10-00-22"})

    cluster_site.switch_on(world, cluster_site.both(world)[1])

    assert events(world, 1)[-2:] == [1079, 1009]
    assert cluster.members[TWO].state.name == "DOWN"


def test_wmi_tells_owners_by_associations() -> None:
    world = cluster_site.clustered()

    assert wmi(world, "MSCluster_Cluster") == [{"Name": "E2K7CLU", "QuorumType": "Disk Q:"}]
    assert [(row["Name"], row["State"]) for row in wmi(world, "MSCluster_Node")] == [
        (ONE, 0),
        (TWO, 0),
    ]
    assert "OwnerNode" not in wmi(world, "MSCluster_Resource")[0]
    assert wmi(world, "MSCluster_NodeToActiveGroup", "E2K7SCCNode2")[1] == {
        "GroupComponent": f'MSCluster_Node.Name="{ONE}"',
        "PartComponent": 'MSCluster_ResourceGroup.Name="Group 0"',
    }
    assert wmi(world, "MSCluster_ResourceToDependentResource") == [
        {
            "Antecedent": PATH.format("Cluster Name"),
            "Dependent": PATH.format("Cluster IP Address"),
        }
    ]
    assert wmi(world, "MSCluster_ClusterToQuorumResource")[0]["PartComponent"] == PATH.format(
        "Disk Q:"
    )
    assert [row["State"] for row in wmi(world, "MSCluster_NetworkInterface")] == [3, 3, 3, 3]


def test_wmi_fails_without_the_service_and_still_tells_why() -> None:
    world = cluster_site.world()
    ask = {"Namespace": r"root\MSCluster", "Class": "MSCluster_Cluster"}

    reply = world.answer("E2K7SCCNode1", "Administrator", Invocation("Get-WmiObject", False, ask))
    state = world.answer(
        "E2K7SCCNode1",
        "Administrator",
        Invocation("Invoke-WmiMethod", False, {**ask, "Name": "GetNodeClusterState"}),
    )

    assert reply.terminating is not None
    assert "0x800706D9" in reply.terminating.message
    assert state.output == (Bag({"ClusterState": 1, "ReturnValue": 0}),)


def test_the_registry_shows_the_cluster_only_while_the_service_runs() -> None:
    world = cluster_site.clustered()
    first, second = cluster_site.both(world)
    assert first.registry.text("Cluster", "ClusterName") == "E2K7CLU"
    assert first.registry.text(r"Cluster\Quorum", "Path") == "Q:\\MSCS\\"

    world.act("stop-cluster-service", {"node": "E2K7SCCNode2"})

    assert not second.registry.has_key("Cluster")
    assert cluster_site.site_of(world).cluster.node_cluster_state(second) == 3


def test_a_cluster_goes_on_from_what_was_saved() -> None:
    world = cluster_site.clustered()
    cluster = cluster_site.site_of(world).cluster

    other = ClusterState()
    other.restore(json.loads(json.dumps(cluster.as_saved())))

    assert other.as_saved() == cluster.as_saved()
    assert other.groups == cluster.groups
    assert other.resources == cluster.resources
    assert (other.members, other.networks, other.quorum) == (
        cluster.members,
        cluster.networks,
        cluster.quorum,
    )
