"""The cluster's networks: found from the members' connections, and what each may be used for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from runbook_lib.lab.world import cluster_codes as codes
from runbook_lib.lab.world.cluster_model import ClusterNetwork, NetworkState, NodeState, Role
from runbook_lib.lab.world.cluster_types import IP_ADDRESS, adapter_on

if TYPE_CHECKING:
    from runbook_lib.lab.world.network_adapters import Adapter
    from runbook_lib.lab.world.server_cluster import ServerCluster
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode


@dataclass(frozen=True)
class Interface:
    """One member's connection on one network; is_up: its node runs and its cable leads on."""

    network: str
    computer: str
    adapter: Adapter
    is_up: bool


def discover(cluster: ServerCluster, site: Site, node: WindowsNode) -> None:
    """Add a network for every subnet of a node's connections that the cluster has none for."""
    for adapter in node.connections:
        for address, mask in adapter.stored_addresses[:1]:
            subnet = IPv4Network(f"{address}/{mask}", strict=False)
            known = (str(each.address) for each in cluster.networks.values())
            name = adapter.connection or ""
            if str(subnet.network_address) in known or name in cluster.networks:
                continue
            cluster.networks[name] = ClusterNetwork(
                name, cluster.guid(f"network {name}"), str(subnet.network_address), mask
            )
            site.ledger.changed(node.name, f"cluster network {name}", None, int(Role.MIXED))


def for_address(cluster: ServerCluster, address: str) -> ClusterNetwork | None:
    """Return the network that an address belongs to, or None."""
    for network in cluster.networks.values():
        if IPv4Address(address) in IPv4Network(f"{network.address}/{network.mask}"):
            return network
    return None


def interfaces(cluster: ServerCluster, site: Site) -> Iterator[Interface]:
    """Yield every member's connection on every network, node 1 first."""
    for computer, member in cluster.members.items():
        node = site.nodes[member.node]
        for network in cluster.networks.values():
            adapter = adapter_on(node, network)
            if adapter is not None:
                is_up = member.state in (NodeState.UP, NodeState.PAUSED) and adapter.ip_enabled
                yield Interface(network.name, computer, adapter, is_up)


def state_of(cluster: ServerCluster, site: Site, network: ClusterNetwork) -> NetworkState:
    """Return whether the active members can talk over a network."""
    up = {name for name, member in cluster.members.items() if member.state is not NodeState.DOWN}
    here = [
        each.is_up
        for each in interfaces(cluster, site)
        if each.network == network.name and each.computer in up
    ]
    if not here:
        return NetworkState.UNAVAILABLE
    if all(here):
        return NetworkState.UP
    return NetworkState.PARTITIONED if any(here) else NetworkState.DOWN


def set_role(cluster: ServerCluster, site: Site, network: ClusterNetwork, role: int) -> int:
    """Use a network for something else; return 0 or a Win32 code."""
    if role not in list(Role):
        return codes.BAD_PARAMETER
    wanted = Role(role)
    if not wanted & Role.INTERNAL and _is_last_internal(cluster, network):
        return codes.LAST_INTERNAL_NETWORK
    if not wanted & Role.CLIENT and _has_addresses(cluster, network):
        return codes.NETWORK_HAS_DEPENDENTS
    before, network.role = network.role, wanted
    holder = site.nodes[next(iter(cluster.members.values())).node]
    what = f"role of cluster network {network.name}"
    site.ledger.changed(holder.name, what, int(before), int(wanted))
    return codes.DONE


def can_meet(cluster: ServerCluster, one: WindowsNode, other: WindowsNode) -> bool:
    """Tell whether two nodes share an internal network on which both cables lead on."""
    for network in cluster.networks.values():
        if network.role & Role.INTERNAL:
            ends = [adapter_on(node, network) for node in (one, other)]
            if all(end is not None and end.ip_enabled for end in ends):
                return True
    return False


def _is_last_internal(cluster: ServerCluster, network: ClusterNetwork) -> bool:
    """Tell whether active nodes would have no other way to each other."""
    active = [each for each in cluster.members.values() if each.state is NodeState.UP]
    others = [each for each in cluster.networks.values() if each is not network]
    return len(active) > 1 and not any(each.role & Role.INTERNAL for each in others)


def _has_addresses(cluster: ServerCluster, network: ClusterNetwork) -> bool:
    return any(
        each.type == IP_ADDRESS and each.private.get("Network") == network.name
        for each in cluster.resources.values()
    )
