r"""HKLM\Cluster: the cluster's configuration, loaded on a node while its cluster service runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_lib.lab.world.cluster_groups import resources_of

if TYPE_CHECKING:
    from runbook_lib.lab.world.server_cluster import ServerCluster
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_registry import Registry

HIVE = "Cluster"


def show(cluster: ServerCluster, site: Site) -> None:
    """Make the hive on every node what its running service holds, and unload it elsewhere."""
    for node in site.nodes.values():
        node.registry.remove_key(HIVE)
        if not cluster.is_running(node):
            continue
        if node.name in cluster.foreign:
            node.registry.put(HIVE, "ClusterName", cluster.foreign[node.name])
        elif cluster.is_formed:
            _write(cluster, node.registry)


def _write(cluster: ServerCluster, registry: Registry) -> None:
    registry.put(HIVE, "ClusterName", cluster.name)
    for computer, member in cluster.members.items():
        registry.put(rf"{HIVE}\Nodes\{member.id}", "NodeName", computer)
    for group in cluster.groups.values():
        key = rf"{HIVE}\Groups\{group.guid}"
        registry.put(key, "Name", group.name)
        registry.put(key, "Contains", [each.guid for each in resources_of(cluster, group)])
        registry.put(key, "PersistentState", group.properties["PersistentState"])
    for resource in cluster.resources.values():
        key = rf"{HIVE}\Resources\{resource.guid}"
        registry.put(key, "Name", resource.name)
        registry.put(key, "Type", resource.type)
        registry.put(key, "PersistentState", int(resource.stays_online))
        if resource.depends_on:
            below = [cluster.resources[name].guid for name in resource.depends_on]
            registry.put(key, "DependsOn", below)
        for name, value in resource.private.items():
            registry.put(rf"{key}\Parameters", name, value)
    for network in cluster.networks.values():
        key = rf"{HIVE}\Networks\{network.guid}"
        registry.put(key, "Name", network.name)
        registry.put(key, "Role", int(network.role))
        registry.put(key, "Address", network.address)
        registry.put(key, "AddressMask", network.mask)
    if cluster.quorum is not None:
        key = rf"{HIVE}\Quorum"
        registry.put(key, "Path", cluster.quorum.path)
        registry.put(key, "Resource", cluster.resources[cluster.quorum.resource].guid)
        registry.put(key, "MaxQuorumLogSize", cluster.quorum.log_kb * 1024)
