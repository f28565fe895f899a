"""What cluster.exe lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from runbook_lib.lab.handlers import cluster_texts as texts
from runbook_lib.lab.handlers.cluster_texts import refused
from runbook_lib.lab.handlers.cluster_words import Words
from runbook_lib.lab.handlers.surface import Ran
from runbook_lib.lab.world import cluster_codes as codes
from runbook_lib.lab.world import cluster_groups as groups
from runbook_lib.lab.world import cluster_networks as networks
from runbook_lib.lab.world.cluster_model import (
    Group,
    GroupState,
    Member,
    NetworkState,
    NodeState,
    Resource,
    ResourceState,
    find,
)
from runbook_lib.lab.world.site import Site

NODE_WORDS: Mapping[NodeState, str] = MappingProxyType(
    {
        NodeState.UP: "Up",
        NodeState.DOWN: "Down",
        NodeState.PAUSED: "Paused",
        NodeState.JOINING: "Joining",
    }
)
GROUP_WORDS: Mapping[GroupState, str] = MappingProxyType(
    {
        GroupState.ONLINE: "Online",
        GroupState.OFFLINE: "Offline",
        GroupState.FAILED: "Failed",
        GroupState.PARTIALLY_ONLINE: "Partially Online",
        GroupState.PENDING: "Pending",
    }
)
RESOURCE_WORDS: Mapping[ResourceState, str] = MappingProxyType(
    {
        ResourceState.ONLINE: "Online",
        ResourceState.OFFLINE: "Offline",
        ResourceState.FAILED: "Failed",
        ResourceState.ONLINE_PENDING: "Online Pending",
        ResourceState.OFFLINE_PENDING: "Offline Pending",
    }
)
NETWORK_WORDS: Mapping[NetworkState, str] = MappingProxyType(
    {
        NetworkState.UP: "Up",
        NetworkState.DOWN: "Down",
        NetworkState.PARTITIONED: "Partitioned",
        NetworkState.UNAVAILABLE: "Unavailable",
    }
)


def listed(site: Site, words: Words) -> Ran:
    """Return the listing that the words ask for."""
    match words.noun:
        case "node":
            return _nodes(site, words)
        case "group":
            return _groups(site, words)
        case "resource":
            return _resources(site, words)
        case "network":
            return _networks(site, words)
        case _:
            return _cluster(site, words)


def after(site: Site, words: Words) -> Ran:
    """Return what is shown once an action succeeded: the object as it is now, if it still is."""
    if words.noun == "cluster":
        return _quorum(site) if words.has("quorumresource") else Ran(0)
    gone = words.has("delete") or words.has("evict") or words.has("stop") or words.has("start")
    if gone or words.noun in ("node", "network") or words.properties:
        return Ran(0)
    return listed(site, Words(words.cluster, words.noun, words.name))


def _cluster(site: Site, words: Words) -> Ran:
    if words.has("quorumresource"):
        return _quorum(site)
    if words.has("version"):
        return Ran(
            0,
            (
                f"Cluster Name: {site.cluster.name}",
                "Cluster Version: 5.2 (Build 3790: Service Pack 2)",
                "Cluster Vendor: Microsoft(R) Cluster service",
            ),
        )
    if words.has("listnetpriority"):
        internal = [each.name for each in site.cluster.networks.values() if each.role & 1]
        return Ran(0, ("Network priority:", "", *internal))
    return Ran(0, ("Cluster Name", "---------------", site.cluster.name))


def _quorum(site: Site) -> Ran:
    quorum = site.cluster.quorum
    rows = [(quorum.resource, quorum.path, str(quorum.log_kb))] if quorum else []
    return Ran(0, tuple(texts.table(texts.QUORUM, rows)))


def _nodes(site: Site, words: Words) -> Ran:
    members = site.cluster.members
    if words.name is None:
        heading, chosen = "Listing status for all available nodes:", list(members.items())
    else:
        chosen = [(n, each) for n, each in members.items() if n.lower() == words.name.lower()]
        if not chosen:
            return refused(codes.NODE_NOT_FOUND)
        heading = f"Listing status for node '{words.name}':"
    rows = [_node(name, member) for name, member in chosen]
    return Ran(0, tuple(texts.listing(heading, texts.NODE, rows)))


def _node(name: str, member: Member) -> tuple[str, str, str]:
    return name, str(member.id), NODE_WORDS[member.state]


def _groups(site: Site, words: Words) -> Ran:
    cluster = site.cluster
    group = find(cluster.groups, words.name) if words.name else None
    if words.name and group is None:
        return refused(codes.GROUP_NOT_FOUND)
    if group is not None and words.has("properties"):
        rows = [("D", name, texts.number(value)) for name, value in group.properties.items()]
        return Ran(0, tuple(texts.properties(group.name, "Group", rows, "")))
    chosen = [group] if group else list(cluster.groups.values())
    heading = (
        f"Listing status for resource group '{words.name}':"
        if group
        else "Listing status for all available resource groups:"
    )
    rows_ = [_group(site, each) for each in chosen]
    return Ran(0, tuple(texts.listing(heading, texts.GROUP, rows_)))


def _group(site: Site, group: Group) -> tuple[str, str, str]:
    return group.name, group.owner, GROUP_WORDS[groups.state_of(site.cluster, group)]


def _resources(site: Site, words: Words) -> Ran:
    cluster = site.cluster
    resource = find(cluster.resources, words.name) if words.name else None
    if words.name and resource is None:
        return refused(codes.RESOURCE_NOT_FOUND)
    if resource is not None and words.has("listowners"):
        heading = ("", f"Listing possible owners for resource '{words.name}':")
        return Ran(0, (*heading, "Possible Owner Nodes", "-" * 20, *resource.owners))
    if resource is not None and words.has("listdependencies"):
        below = [cluster.resources[name] for name in resource.depends_on]
        heading_ = f"Listing dependencies for '{words.name}':"
        return Ran(0, tuple(_table(site, heading_, below)))
    if resource is not None and words.has("privproperties"):
        return Ran(0, tuple(_private(resource)))
    if resource is not None and words.has("properties"):
        return Ran(0, tuple(_common(resource)))
    chosen = [resource] if resource else list(cluster.resources.values())
    all_of = "Listing status for all available resources:"
    heading_ = f"Listing status for resource '{words.name}':" if resource else all_of
    return Ran(0, tuple(_table(site, heading_, chosen)))


def _table(site: Site, heading: str, resources: Iterable[Resource]) -> list[str]:
    rows = [
        (
            each.name,
            each.group,
            site.cluster.groups[each.group].owner,
            RESOURCE_WORDS[each.state],
        )
        for each in resources
    ]
    return texts.listing(heading, texts.RESOURCE, rows)


def _private(resource: Resource) -> list[str]:
    rows = [
        ("D", name, texts.number(value)) if isinstance(value, int) else ("S", name, value)
        for name, value in resource.private.items()
    ]
    return texts.properties(resource.name, "Resource", rows, "private ")


def _common(resource: Resource) -> list[str]:
    persistent = {"PersistentState": int(resource.stays_online)}
    rows = [
        ("SR", "Name", resource.name),
        ("S", "Type", resource.type),
        ("S", "Description", ""),
        ("S", "DebugPrefix", ""),
        *(
            ("D", name, texts.number(value))
            for name, value in {**resource.properties, **persistent}.items()
        ),
    ]
    return texts.properties(resource.name, "Resource", rows, "")


def _networks(site: Site, words: Words) -> Ran:
    cluster = site.cluster
    network = find(cluster.networks, words.name) if words.name else None
    if words.name and network is None:
        return refused(codes.NETWORK_NOT_FOUND)
    if network is not None and words.has("properties"):
        rows = [
            ("SR", "Name", network.name),
            ("SR", "Address", network.address),
            ("SR", "AddressMask", network.mask),
            ("S", "Description", ""),
            ("D", "Role", texts.number(int(network.role))),
        ]
        return Ran(0, tuple(texts.properties(network.name, "Network", rows, "")))
    chosen = [network] if network else list(cluster.networks.values())
    all_of = "Listing status for all available networks:"
    heading = f"Listing status for network '{words.name}':" if network else all_of
    rows_ = [(n.name, NETWORK_WORDS[networks.state_of(cluster, site, n)]) for n in chosen]
    return Ran(0, tuple(texts.listing(heading, texts.NETWORK, rows_)))
