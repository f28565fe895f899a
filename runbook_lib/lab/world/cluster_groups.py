"""Groups and resources at work: online from the bottom, offline from the top, moved as one.

`stays_online` is what a group brings online again after a move or a failure; a move does not
change it, an order to go offline does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runbook_lib.lab.world import cluster_codes as codes
from runbook_lib.lab.world.cluster_model import (
    Group,
    GroupState,
    NodeState,
    Resource,
    ResourceState,
    find,
    group_state,
    spelling,
)
from runbook_lib.lab.world.cluster_types import RESOURCE_TYPES, warn

if TYPE_CHECKING:
    from runbook_lib.lab.world.server_cluster import ServerCluster
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode


def resources_of(cluster: ServerCluster, group: Group) -> tuple[Resource, ...]:
    """Return a group's resources in the order in which they were made."""
    return tuple(each for each in cluster.resources.values() if each.group == group.name)


def state_of(cluster: ServerCluster, group: Group) -> GroupState:
    """Return what state a group is in."""
    wanted = bool(group.properties["PersistentState"])
    return group_state(resources_of(cluster, group), wanted_online=wanted)


def dependents_of(cluster: ServerCluster, resource: Resource) -> Iterator[Resource]:
    """Yield the resources that directly depend on one."""
    for each in cluster.resources.values():
        if resource.name in each.depends_on:
            yield each


def owner_of(cluster: ServerCluster, site: Site, resource: Resource) -> WindowsNode | None:
    """Return the node that has a resource's group, or None while it is not up."""
    group = cluster.groups[resource.group]
    member = cluster.members.get(group.owner)
    if member is None or member.state not in (NodeState.UP, NodeState.PAUSED):
        return None
    return site.nodes[member.node]


def bring_online(cluster: ServerCluster, site: Site, resource: Resource) -> int:
    """Bring a resource online, what it depends on first; return 0 or a Win32 code."""
    if resource.is_online:
        return codes.DONE
    node = owner_of(cluster, site, resource)
    if node is None:
        return codes.NODE_NOT_AVAILABLE
    behaviour = RESOURCE_TYPES[resource.type]
    if node.computer_name.upper() not in resource.owners:
        return codes.NODE_CANNOT_HOST
    if not behaviour.can_run(site, node):
        return codes.TYPE_NOT_SUPPORTED
    below = [cluster.resources[name] for name in resource.depends_on]
    if behaviour.needs and not {each.type for each in below} & set(behaviour.needs):
        return codes.DEPENDENCY_NOT_FOUND
    for each in below:
        code = bring_online(cluster, site, each)
        if code:
            return code
    resource.stays_online = True
    succeeded = behaviour.online(site, resource, node)
    set_state(site, node, resource, ResourceState.ONLINE if succeeded else ResourceState.FAILED)
    if succeeded:
        return codes.DONE
    warn(site, node, 1069, f"Cluster resource '{resource.name}' failed.")
    return codes.ONLINE_FAILED


def take_offline(cluster: ServerCluster, site: Site, resource: Resource) -> int:
    """Take a resource offline, what depends on it first; it stays offline."""
    if cluster.quorum and cluster.quorum.resource == resource.name:
        return codes.QUORUM_RESOURCE
    for each in dependents_of(cluster, resource):
        code = take_offline(cluster, site, each)
        if code:
            return code
    resource.stays_online = False
    _go_offline(cluster, site, resource)
    return codes.DONE


def bring_group_online(cluster: ServerCluster, site: Site, group: Group) -> int:
    """Bring every resource of a group online; return the first failure's code."""
    group.properties["PersistentState"] = 1
    found = [bring_online(cluster, site, each) for each in resources_of(cluster, group)]
    return next((code for code in found if code), codes.DONE)


def take_group_offline(cluster: ServerCluster, site: Site, group: Group) -> int:
    """Take every resource of a group offline."""
    resources = resources_of(cluster, group)
    if cluster.quorum and any(each.name == cluster.quorum.resource for each in resources):
        return codes.QUORUM_RESOURCE
    group.properties["PersistentState"] = 0
    for each in resources:
        take_offline(cluster, site, each)
    return codes.DONE


def move_group(cluster: ServerCluster, site: Site, group: Group, computer: str | None) -> int:
    """Move a group to a node, or to the best other one; what was online is online there."""
    target = _target(cluster, group, computer)
    if isinstance(target, int):
        return target
    resources = resources_of(cluster, group)
    if any(target not in each.owners for each in resources):
        return codes.NOT_GROUP_OWNER
    leave(cluster, site, group)
    hand_over(cluster, site, group, target)
    resume(cluster, site, group)
    return codes.DONE


def _target(cluster: ServerCluster, group: Group, computer: str | None) -> str | int:
    """Return the computer a group shall go to, or why it cannot."""
    if computer is None:
        others = [each for each in survivors(cluster) if each != group.owner]
        wanted = [each for each in group.preferred if each in others] or others
        return wanted[0] if wanted else codes.NODE_NOT_AVAILABLE
    target = spelling(cluster.members, computer)
    if target is None:
        return codes.NODE_NOT_FOUND
    state = cluster.members[target].state
    if state is NodeState.PAUSED:
        return codes.NODE_PAUSED
    return target if state is NodeState.UP else codes.NODE_DOWN


def survivors(cluster: ServerCluster) -> tuple[str, ...]:
    """Return the members that are up, lowest number first."""
    up = (name for name, each in cluster.members.items() if each.state is NodeState.UP)
    return tuple(sorted(up, key=lambda name: cluster.members[name].id))


def leave(cluster: ServerCluster, site: Site, group: Group) -> None:
    """Take a group's resources offline where they are, only to bring them online elsewhere."""
    for each in resources_of(cluster, group):
        _go_offline(cluster, site, each)


def lose(cluster: ServerCluster, site: Site, group: Group, node: WindowsNode) -> None:
    """Let go of what a group had on a node that fell silent; it waits for another one."""
    for each in resources_of(cluster, group):
        RESOURCE_TYPES[each.type].offline(site, each, node)
        if each.state is not ResourceState.OFFLINE:
            set_state(site, node, each, ResourceState.ONLINE_PENDING)


def resume(cluster: ServerCluster, site: Site, group: Group) -> None:
    """Bring online where the group is now whatever is to stay online."""
    for each in resources_of(cluster, group):
        if each.stays_online:
            each.state = each.state if each.is_online else ResourceState.OFFLINE
            bring_online(cluster, site, each)


def set_state(site: Site, node: WindowsNode, resource: Resource, state: ResourceState) -> None:
    """Write a resource's new state, if it is one."""
    if resource.state is not state:
        before, resource.state = resource.state, state
        what = f"cluster resource {resource.name}"
        site.ledger.changed(node.name, what, _word(before), _word(state))


def _go_offline(cluster: ServerCluster, site: Site, resource: Resource) -> None:
    for each in dependents_of(cluster, resource):
        _go_offline(cluster, site, each)
    if resource.state is ResourceState.OFFLINE:
        return
    node = site.nodes[cluster.members[cluster.groups[resource.group].owner].node]
    RESOURCE_TYPES[resource.type].offline(site, resource, node)
    set_state(site, node, resource, ResourceState.OFFLINE)


def hand_over(cluster: ServerCluster, site: Site, group: Group, computer: str) -> None:
    """Make another node a group's owner."""
    before, group.owner = group.owner, computer
    node = site.nodes[cluster.members[computer].node]
    site.ledger.changed(node.name, f"owner of cluster group {group.name}", before, computer)


def _word(state: ResourceState) -> str:
    return state.name.lower().replace("_", " ")


def group_named(cluster: ServerCluster, name: str) -> Group | None:
    """Return a group by name, or None."""
    return find(cluster.groups, name)
