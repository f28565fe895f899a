r"""The server cluster of the site: what it consists of, and how each part of it is told things.

The rules are in modules of their own: `cluster_groups` (online, offline, moves), `cluster_nodes`
(start, loss and eviction of members), `cluster_networks` (roles), `cluster_types` (what a resource
does), `cluster_forming` (how a cluster and a member come to be), `cluster_registry` (HKLM\Cluster).
Every method that changes something returns 0 or a Win32 code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runbook_lib.lab.world import cluster_codes as codes
from runbook_lib.lab.world import cluster_groups as groups
from runbook_lib.lab.world import cluster_model as model
from runbook_lib.lab.world import cluster_networks as networks
from runbook_lib.lab.world import cluster_nodes as nodes
from runbook_lib.lab.world import cluster_registry
from runbook_lib.lab.world.cluster_model import (
    Group,
    Quorum,
    Resource,
    ResourceState,
    Role,
    find,
    spelling,
)
from runbook_lib.lab.world.cluster_state import SERVICE, ClusterState
from runbook_lib.lab.world.cluster_types import (
    PHYSICAL_DISK,
    RESOURCE_TYPES,
    TypeBehaviour,
    drive_of,
    lun_of,
)

if TYPE_CHECKING:
    from runbook_lib.lab.world.clock import Due
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode

__all__ = ["RESOURCE_TYPES", "ServerCluster", "TypeBehaviour"]


class ServerCluster(ClusterState):
    """One cluster, or none yet: what the cluster service does when it is asked."""

    # -- groups and resources

    def create_group(self, site: Site, name: str, owner: str) -> int:
        """Make an empty group on a node, offline as the service makes them."""
        if find(self.groups, name):
            return codes.EXISTS
        group = Group(name, self.guid(f"group {name}"), owner.upper())
        self.groups[name] = group
        self._changed(site, group.owner, f"cluster group {name}", None, "made")
        return codes.DONE

    def delete_group(self, site: Site, name: str) -> int:
        """Take an empty group away."""
        group = find(self.groups, name)
        if group is None:
            return codes.GROUP_NOT_FOUND
        if groups.resources_of(self, group):
            return codes.NOT_EMPTY
        del self.groups[group.name]
        self._changed(site, group.owner, f"cluster group {group.name}", "made", None)
        return codes.DONE

    def create_resource(
        self,
        site: Site,
        name: str,
        resource_type: str,
        group: str,
        private: Mapping[str, str | int] | None = None,
    ) -> int:
        """Make a resource, offline; every member that has its type's library may own it."""
        into = find(self.groups, group)
        if find(self.resources, name):
            return codes.EXISTS
        if into is None:
            return codes.GROUP_NOT_FOUND
        kind = spelling(RESOURCE_TYPES, resource_type)
        if kind is None:
            return codes.TYPE_NOT_FOUND
        able = [
            computer
            for computer, member in self.members.items()
            if RESOURCE_TYPES[kind].can_run(site, site.nodes[member.node])
        ]
        resource = Resource(name, self.guid(f"resource {name}"), kind, into.name, owners=able)
        resource.private.update(private or {})
        self.resources[name] = resource
        self._changed(site, into.owner, f"cluster resource {name}", None, "offline")
        return codes.DONE

    def delete_resource(self, site: Site, name: str) -> int:
        """Take a resource away that is offline and that no other depends on."""
        resource = find(self.resources, name)
        if resource is None:
            return codes.RESOURCE_NOT_FOUND
        if resource.name == self.quorum_resource:
            return codes.QUORUM_RESOURCE
        if resource.core:
            return codes.CORE_RESOURCE
        if any(groups.dependents_of(self, resource)):
            return codes.DEPENDENT_RESOURCE_EXISTS
        if resource.state not in (ResourceState.OFFLINE, ResourceState.FAILED):
            return codes.INVALID_STATE
        lun = lun_of(site, resource) if resource.type == PHYSICAL_DISK else None
        del self.resources[resource.name]
        owner = self.groups[resource.group].owner
        self._changed(site, owner, f"cluster resource {resource.name}", "offline", None)
        if lun is not None:
            site.storage.release(lun)
        return codes.DONE

    def bring_online(self, site: Site, name: str) -> int:
        """Bring a resource online, with what it depends on."""
        resource = find(self.resources, name)
        if resource is None:
            return codes.RESOURCE_NOT_FOUND
        return self._done(site, groups.bring_online(self, site, resource))

    def take_offline(self, site: Site, name: str) -> int:
        """Take a resource offline, with what depends on it."""
        resource = find(self.resources, name)
        if resource is None:
            return codes.RESOURCE_NOT_FOUND
        return self._done(site, groups.take_offline(self, site, resource))

    def bring_group_online(self, site: Site, name: str) -> int:
        """Bring everything in a group online."""
        group = find(self.groups, name)
        if group is None:
            return codes.GROUP_NOT_FOUND
        return self._done(site, groups.bring_group_online(self, site, group))

    def take_group_offline(self, site: Site, name: str) -> int:
        """Take everything in a group offline."""
        group = find(self.groups, name)
        if group is None:
            return codes.GROUP_NOT_FOUND
        return self._done(site, groups.take_group_offline(self, site, group))

    def move_group(self, site: Site, name: str, computer: str | None = None) -> int:
        """Move a group to a node, or to the best other one."""
        group = find(self.groups, name)
        if group is None:
            return codes.GROUP_NOT_FOUND
        return self._done(site, groups.move_group(self, site, group, computer))

    def add_dependency(self, site: Site, name: str, on: str) -> int:
        """Let an offline resource depend on another one of its group."""
        resource, below = find(self.resources, name), find(self.resources, on)
        if resource is None or below is None:
            return codes.RESOURCE_NOT_FOUND
        if resource.name == self.quorum_resource:
            return codes.NO_DEPENDENCY_FOR_QUORUM
        if below.name in resource.depends_on:
            return codes.DEPENDENCY_EXISTS
        if resource is below or self._reaches(below, resource):
            return codes.CIRCULAR_DEPENDENCY
        if resource.group != below.group:
            return codes.DEPENDENCY_NOT_FOUND
        if resource.is_online:
            return codes.RESOURCE_ONLINE
        return self._set_dependencies(site, resource, [*resource.depends_on, below.name])

    def remove_dependency(self, site: Site, name: str, on: str) -> int:
        """Let an offline resource depend on another one no longer."""
        resource = find(self.resources, name)
        if resource is None:
            return codes.RESOURCE_NOT_FOUND
        below = spelling(resource.depends_on, on)
        if below is None:
            return codes.DEPENDENCY_NOT_FOUND
        if resource.is_online:
            return codes.RESOURCE_ONLINE
        return self._set_dependencies(
            site, resource, [each for each in resource.depends_on if each != below]
        )

    def change_group(self, site: Site, name: str, group: str) -> int:
        """Put a resource into another group on the same node, with all that it is tied to."""
        resource, into = find(self.resources, name), find(self.groups, group)
        if resource is None:
            return codes.RESOURCE_NOT_FOUND
        if into is None:
            return codes.GROUP_NOT_FOUND
        source = self.groups[resource.group]
        if source.owner != into.owner:
            return codes.NOT_GROUP_OWNER
        for each in self._tied_to(resource):
            if each.group != into.name:
                self._changed(
                    site,
                    into.owner,
                    f"group of cluster resource {each.name}",
                    each.group,
                    into.name,
                )
                each.group = into.name
        return self._done(site, codes.DONE)

    def set_private(self, site: Site, name: str, values: Mapping[str, str | int]) -> int:
        """Store private properties; 5024 while the resource is online and goes on with the old."""
        resource = find(self.resources, name)
        if resource is None:
            return codes.RESOURCE_NOT_FOUND
        for key, value in values.items():
            before = resource.private.get(key)
            resource.private[key] = value
            owner = self.groups[resource.group].owner
            self._changed(site, owner, f"{key} of cluster resource {resource.name}", before, value)
        return self._done(site, codes.STORED if resource.is_online else codes.DONE)

    # -- quorum, networks, members

    def set_quorum(self, site: Site, name: str, path: str, log_kb: int | None = None) -> int:
        """Let another resource hold the cluster's memory."""
        resource = find(self.resources, name)
        if resource is None:
            return codes.RESOURCE_NOT_FOUND
        if not RESOURCE_TYPES[resource.type].quorum_capable:
            return codes.NOT_QUORUM_CAPABLE
        if resource.type == model.LOCAL_QUORUM and len(self.members) > 1:
            return codes.BAD_PARAMETER
        drive = drive_of(site, resource)
        if drive is not None and path[:2].upper() != drive:
            return codes.BAD_PARAMETER
        if resource.group != model.CLUSTER_GROUP:
            return codes.INVALID_STATE
        if not resource.is_online:
            return codes.NOT_ONLINE
        before = self.quorum.resource if self.quorum else None
        size = log_kb or (self.quorum.log_kb if self.quorum else model.QUORUM_LOG_KB)
        self.quorum = Quorum(resource.name, path, size)
        owner = self.groups[resource.group].owner
        self._changed(site, owner, "quorum of the cluster", before, f"{resource.name} {path}")
        return self._done(site, codes.DONE)

    def set_role(self, site: Site, name: str, role: int) -> int:
        """Use a network for something else."""
        network = find(self.networks, name)
        if network is None:
            return codes.NETWORK_NOT_FOUND
        return self._done(site, networks.set_role(self, site, network, role))

    def set_priorities(self, site: Site, names: list[str]) -> int:
        """Put the internal networks into an order; it must name all of them and no other."""
        given = [spelling(self.networks, name) for name in names]
        if None in given:
            return codes.NETWORK_NOT_FOUND
        internal = [each.name for each in self.networks.values() if each.role & Role.INTERNAL]
        if set(given) - set(internal):
            return codes.NETWORK_NOT_INTERNAL
        if sorted(map(str, given)) != sorted(internal):
            return codes.BAD_PARAMETER
        rest = [name for name in self.networks if name not in given]
        order = [str(name) for name in given] + rest
        self.networks = {name: self.networks[name] for name in order}
        self._changed(site, self.group_owner(), "order of cluster networks", internal, given)
        return codes.DONE

    def start(self, site: Site, node: WindowsNode) -> int:
        """Start a node's cluster service."""
        return self._done(site, nodes.start(self, site, node))

    def stop(self, site: Site, node: WindowsNode) -> int:
        """Stop a node's cluster service in an orderly way."""
        nodes.stop(self, site, node)
        return self._done(site, codes.DONE)

    def evict(self, site: Site, computer: str) -> int:
        """Take a node out of the cluster."""
        known = spelling(self.members, computer)
        return self._done(site, nodes.evict(self, site, known) if known else codes.NODE_NOT_FOUND)

    def clean_up(self, site: Site, node: WindowsNode) -> int:
        """Make a node forget that it was configured."""
        nodes.clean_up(self, site, node)
        return self._done(site, codes.DONE)

    def join_other(self, site: Site, node: WindowsNode, name: str) -> None:
        """Let a node be a member of another cluster, as somebody might have made it."""
        self.foreign[node.name] = name
        nodes.configure_service(site, node, self.account or rf"{site.domain.facts.netbios_name}\x")
        node.services.start(SERVICE)
        site.ledger.changed(node.name, "member of the cluster", None, name)
        cluster_registry.show(self, site)

    # -- what the site asks of a part

    def node_is_down(self, site: Site, node: WindowsNode) -> None:
        """Take notice that a node fell silent, in order or not."""
        for adapter in node.connections:
            adapter.of_cluster = ()
        if node.lost_power_at is None:
            nodes.go(self, site, node)
        else:
            nodes.vanish(self, site, node)
        cluster_registry.show(self, site)

    def node_is_up(self, site: Site, node: WindowsNode) -> None:
        """Let a node that has started join or form, if its service starts by itself."""
        if self.is_running(node):
            self.start(site, node)
        cluster_registry.show(self, site)

    def happen(self, site: Site, due: Due) -> None:
        """Carry out what was planned."""
        what = due.what.removeprefix("cluster:")
        if what.startswith("miss "):
            nodes.miss(self, site, site.nodes[what.removeprefix("miss ")])
        else:
            nodes.arbitrated(self, site)
        cluster_registry.show(self, site)

    # -- inside

    def show(self, site: Site) -> None:
        r"""Bring HKLM\Cluster up to date; whoever changes resources directly calls this."""
        cluster_registry.show(self, site)

    def _done(self, site: Site, code: int) -> int:
        cluster_registry.show(self, site)
        return code

    def _changed(self, site: Site, computer: str, what: str, before: object, after: object) -> None:
        member = self.members.get(computer)
        site.ledger.changed(member.node if member else computer, what, before, after)
        cluster_registry.show(self, site)

    def _set_dependencies(self, site: Site, resource: Resource, names: list[str]) -> int:
        before, resource.depends_on = resource.depends_on, names
        owner = self.groups[resource.group].owner
        what = f"dependencies of cluster resource {resource.name}"
        self._changed(site, owner, what, before, names)
        return codes.DONE

    def _reaches(self, start: Resource, goal: Resource) -> bool:
        """Tell whether one resource depends on another, even through others."""
        below = [self.resources[name] for name in start.depends_on]
        return goal in below or any(self._reaches(each, goal) for each in below)

    def _tied_to(self, resource: Resource) -> list[Resource]:
        """Return a resource with everything that depends on it or that it depends on."""
        return [
            each
            for each in self.resources.values()
            if each is resource or self._reaches(each, resource) or self._reaches(resource, each)
        ]
