"""The mailbox server on its way: stopped, started, and moved from one node to the other.

A move is the cluster's once it has begun: whoever asked for it may end, the server still arrives.
It leaves its node at once and arrives some lab seconds later; nothing is mounted in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_lib.lab.world import cluster_groups as groups
from runbook_lib.lab.world.cluster_model import (
    Group,
    GroupState,
    NodeState,
    Resource,
    find,
    group_state,
)
from runbook_lib.lab.world.cluster_types import PHYSICAL_DISK
from runbook_lib.lab.world.event_log import APPLICATION

if TYPE_CHECKING:
    from runbook_lib.lab.world.clock import Due
    from runbook_lib.lab.world.exchange import ClusteredServer, Database
    from runbook_lib.lab.world.site import Site

ARRIVES = "exchange:arrives"
UNDER_WAY_S = 30.0
SOURCE = "MSExchange Cluster"
MOVE_EVENT = 1

STATES = {
    GroupState.ONLINE: "Online",
    GroupState.OFFLINE: "Offline",
    GroupState.FAILED: "Failed",
    GroupState.PARTIALLY_ONLINE: "PartiallyOnline",
    GroupState.PENDING: "OnlinePending",
}
"""State of the server's group -> State of the server."""


def group_of(site: Site, server: ClusteredServer) -> Group | None:
    """Return the server's group, or None where the cluster has none of its name."""
    return find(site.cluster.groups, server.name)


def state_of(site: Site, group: Group) -> str:
    """Return the server's state in the shell's words; disks do not count."""
    if site.exchange.arrives_at:
        return "OnlinePending"
    own = [each for each in groups.resources_of(site.cluster, group) if each.type != PHYSICAL_DISK]
    return STATES[group_state(own, wanted_online=bool(group.properties["PersistentState"]))]


def failed_resources(site: Site, group: Group) -> list[str]:
    """Return the names of what has failed."""
    return [
        each.name
        for each in groups.resources_of(site.cluster, group)
        if each.state.name == "FAILED"
    ]


def is_mounted(site: Site, database: Database) -> bool:
    """Tell whether a database is mounted: its resource is online."""
    resource = find(site.cluster.resources, database.resource)
    return resource is not None and resource.is_online


def is_up(site: Site, computer: str) -> bool:
    """Tell whether a computer is a member of the cluster and at work."""
    member = site.cluster.members.get(computer)
    return member is not None and member.state is NodeState.UP


def leave(site: Site, group: Group, target: str, comment: str) -> None:
    """Take the server off its node; it arrives at the target in a while."""
    source = site.cluster.members[group.owner].node
    site.nodes[source].events.write(
        site.clock.now(),
        SOURCE,
        MOVE_EVENT,
        f"Clustered mailbox server {group.name} is being moved to {target}. Comment: {comment}",
        log=APPLICATION,
    )
    site.exchange.arrives_at = target
    groups.leave(site.cluster, site, group)
    site.cluster.show(site)
    site.schedule.plan(site.domain.facts.controller, ARRIVES, UNDER_WAY_S)


def arrive(site: Site) -> None:
    """Let a server that is under way come online at its target, or where it was without one."""
    target, site.exchange.arrives_at = site.exchange.arrives_at, ""
    server = site.exchange.clustered_server
    group = group_of(site, server) if server else None
    if not target or group is None:
        return
    if is_up(site, target) and group.owner != target:
        groups.hand_over(site.cluster, site, group, target)
    if is_up(site, group.owner):
        groups.resume(site.cluster, site, group)
    site.cluster.show(site)


def arrived(site: Site, _due: Due) -> None:
    """Hear from the schedule that a server arrives; whoever came first did all of it."""
    if site.exchange.arrives_at:
        arrive(site)


def stop(site: Site, group: Group) -> None:
    """Take everything but the disks offline, until somebody starts the server again."""
    for each in reversed(groups.resources_of(site.cluster, group)):
        if each.type != PHYSICAL_DISK:
            site.cluster.take_offline(site, each.name)
    group.properties["PersistentState"] = 0
    site.cluster.show(site)


def start(site: Site, group: Group) -> int:
    """Bring everything online that can be; return the first failure's code."""
    return site.cluster.bring_group_online(site, group.name)


def mount(site: Site, database: Database) -> int:
    """Bring a database's resource online; return a code."""
    return site.cluster.bring_online(site, database.resource)


def dismount(site: Site, database: Database) -> int:
    """Take a database's resource offline; it stays so."""
    return site.cluster.take_offline(site, database.resource)


def mount_failed(site: Site, resource: Resource, computer: str) -> None:
    """Write down on a node that a database did not come online there."""
    node = site.node_of(computer)
    if node is not None:
        text = f"Exchange clustered resource {resource.name} failed to come online."
        node.events.write(site.clock.now(), SOURCE, 1019, text, kind="Error", log=APPLICATION)
