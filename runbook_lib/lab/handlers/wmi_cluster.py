r"""root\MSCluster as Windows Server 2003 has it: few properties, owners by association.

While a node's cluster service does not run, its provider has nobody to ask and every class fails;
only `GetNodeClusterState` answers on any node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps

from runbook_lib.lab.answers import Bag, ErrorReply
from runbook_lib.lab.handlers.surface import (
    CommandError,
    Context,
    Instance,
    InstancesFunction,
    lists,
)
from runbook_lib.lab.world import cluster_groups as groups
from runbook_lib.lab.world import cluster_networks as networks
from runbook_lib.lab.world.cluster_model import NodeState
from runbook_lib.lab.world.cluster_types import RESOURCE_TYPES
from runbook_lib.lab.world.server_cluster import ServerCluster

NAMESPACE = r"root\MSCluster"
_GET = "Microsoft.PowerShell.Commands.GetWmiObjectCommand"
_INVOKE = "Microsoft.PowerShell.Commands.InvokeWmiMethod"


def _asks(function: Callable[[Context, ServerCluster], Iterator[Instance]]) -> InstancesFunction:
    """Ask the node's own cluster service, or fail as its provider does without one."""

    @wraps(function)
    def instances(context: Context) -> Sequence[Instance]:
        cluster = context.site.cluster
        if not cluster.is_running(context.node):
            message = (
                "There are no more endpoints available from the endpoint mapper. "
                "(Exception from HRESULT: 0x800706D9)"
            )
            raise CommandError(
                ErrorReply(
                    f"GetWMICOMException,{_GET}",
                    message,
                    "InvalidOperation",
                    "System.Runtime.InteropServices.COMException",
                )
            )
        if context.node.name in cluster.foreign:
            return _elsewhere(function.__name__, context)
        return list(function(context, cluster))

    return instances


def _elsewhere(name: str, context: Context) -> Sequence[Instance]:
    """Return what is known of another cluster that a node belongs to: its name and the node."""
    if name == "cluster":
        return [{"Name": context.site.cluster.foreign[context.node.name], "QuorumType": None}]
    return []


def _path(wmi_class: str, name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'{wmi_class}.Name="{escaped}"'


def _pair(first: tuple[str, str], second: tuple[str, str]) -> Instance:
    return {"GroupComponent": _path(*first), "PartComponent": _path(*second)}


@lists(
    "MSCluster_Cluster",
    key="Name",
    namespace=NAMESPACE,
    source="documented: scripts of that time; inferred: error without a running service",
)
@_asks
def cluster(_context: Context, cluster: ServerCluster) -> Iterator[Instance]:
    """Yield the one cluster."""
    yield {"Name": cluster.name, "QuorumType": cluster.quorum_resource}


@lists(
    "MSCluster_Node",
    key="Name",
    namespace=NAMESPACE,
    source="documented: scripts of that time; inferred: that there are no more properties",
)
@_asks
def nodes(_context: Context, cluster: ServerCluster) -> Iterator[Instance]:
    """Yield the members."""
    for name, member in cluster.members.items():
        yield {"Name": name, "State": int(member.state), "NodeHighestVersion": 0x50EC1}


@lists(
    "MSCluster_ResourceGroup",
    key="Name",
    namespace=NAMESPACE,
    source="documented: properties and states in scripts of that time",
)
@_asks
def resource_groups(_context: Context, cluster: ServerCluster) -> Iterator[Instance]:
    """Yield the groups."""
    for group in cluster.groups.values():
        yield {
            "Name": group.name,
            "Description": "",
            "State": int(groups.state_of(cluster, group)),
            **{
                name: bool(value) if name == "PersistentState" else value
                for name, value in group.properties.items()
            },
        }


@lists(
    "MSCluster_Resource",
    key="Name",
    namespace=NAMESPACE,
    source="documented: properties and states in scripts of that time",
)
@_asks
def resources(_context: Context, cluster: ServerCluster) -> Iterator[Instance]:
    """Yield the resources; who owns them only the associations tell."""
    for resource in cluster.resources.values():
        is_disk = RESOURCE_TYPES[resource.type].quorum_capable
        yield {
            "Name": resource.name,
            "Description": "",
            "Type": resource.type,
            "State": int(resource.state),
            "CoreResource": resource.core,
            "QuorumCapable": is_disk,
            "LocalQuorumCapable": resource.type == "Local Quorum",
            "PersistentState": resource.stays_online,
            **{
                name: bool(value) if name == "SeparateMonitor" else value
                for name, value in resource.properties.items()
            },
        }


@lists(
    "MSCluster_Network",
    key="Name",
    namespace=NAMESPACE,
    source="documented: properties and states in scripts of that time",
)
@_asks
def cluster_networks(context: Context, cluster: ServerCluster) -> Iterator[Instance]:
    """Yield the networks."""
    for network in cluster.networks.values():
        yield {
            "Name": network.name,
            "Description": "",
            "Address": network.address,
            "AddressMask": network.mask,
            "Role": int(network.role),
            "State": int(networks.state_of(cluster, context.site, network)),
        }


@lists(
    "MSCluster_NetworkInterface",
    key="Name",
    namespace=NAMESPACE,
    source="documented: MSCluster_NetworkInterface; inferred: form of its name",
)
@_asks
def interfaces(context: Context, cluster: ServerCluster) -> Iterator[Instance]:
    """Yield every member's connection on every network."""
    up, failed, unavailable = 3, 1, 0
    for each in networks.interfaces(cluster, context.site):
        is_down = cluster.members[each.computer].state is NodeState.DOWN
        own = each.adapter.stored_addresses
        yield {
            "Name": f"{each.network} - {each.computer}",
            "Adapter": each.adapter.hardware.name,
            "Address": own[0][0] if own else None,
            "Network": each.network,
            "SystemName": each.computer,
            "DeviceID": each.adapter.hardware.guid,
            "State": unavailable if is_down else up if each.is_up else failed,
        }


@lists(
    "MSCluster_NodeToActiveGroup",
    key="PartComponent",
    namespace=NAMESPACE,
    source="documented: MSCluster_NodeToActiveGroup; inferred: references as relative paths",
)
@_asks
def node_to_group(_context: Context, cluster: ServerCluster) -> Iterator[Instance]:
    """Yield each group with the node that has it."""
    for group in cluster.groups.values():
        yield _pair(("MSCluster_Node", group.owner), ("MSCluster_ResourceGroup", group.name))


@lists(
    "MSCluster_ResourceGroupToResource",
    key="PartComponent",
    namespace=NAMESPACE,
    source="documented: MSCluster_ResourceGroupToResource; inferred: references",
)
@_asks
def group_to_resource(_context: Context, cluster: ServerCluster) -> Iterator[Instance]:
    """Yield each resource with its group."""
    for each in cluster.resources.values():
        yield _pair(("MSCluster_ResourceGroup", each.group), ("MSCluster_Resource", each.name))


@lists(
    "MSCluster_ResourceToDependentResource",
    key="Antecedent",
    namespace=NAMESPACE,
    source="documented: MSCluster_ResourceToDependentResource; inferred: direction on 2003",
)
@_asks
def dependencies(_context: Context, cluster: ServerCluster) -> Iterator[Instance]:
    """Yield each resource (Antecedent) with what it depends on (Dependent)."""
    for each in cluster.resources.values():
        for below in each.depends_on:
            yield {
                "Antecedent": _path("MSCluster_Resource", each.name),
                "Dependent": _path("MSCluster_Resource", below),
            }


@lists(
    "MSCluster_ResourceToPossibleOwner",
    key="PartComponent",
    namespace=NAMESPACE,
    source="inferred: as the other associations",
)
@_asks
def possible_owners(_context: Context, cluster: ServerCluster) -> Iterator[Instance]:
    """Yield each resource with each node that may have it."""
    for each in cluster.resources.values():
        for owner in each.owners:
            yield _pair(("MSCluster_Resource", each.name), ("MSCluster_Node", owner))


@lists(
    "MSCluster_ClusterToQuorumResource",
    key="PartComponent",
    namespace=NAMESPACE,
    source="inferred: as the other associations",
)
@_asks
def quorum(_context: Context, cluster: ServerCluster) -> Iterator[Instance]:
    """Yield the cluster with its quorum resource."""
    if cluster.quorum is not None:
        name = cluster.quorum.resource
        yield _pair(("MSCluster_Cluster", cluster.name), ("MSCluster_Resource", name))


NODE_CLUSTER_STATE = ("mscluster_cluster", "getnodeclusterstate")
"""The one method of this namespace that the lab has: class and name, without capitals."""


def node_cluster_state(context: Context) -> Bag:
    """Return what GetNodeClusterState gives; it answers on any node, with or without a cluster."""
    state = context.site.cluster.node_cluster_state(context.node)
    return Bag({"ClusterState": state, "ReturnValue": 0})


CLASSES = (
    cluster,
    nodes,
    resource_groups,
    resources,
    cluster_networks,
    interfaces,
    node_to_group,
    group_to_resource,
    dependencies,
    possible_owners,
    quorum,
)
