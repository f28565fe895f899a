"""The shared disk and the mailbox server's group: who owns it before, where it belongs afterwards.

Setup makes the group and leaves the disk where the cluster had put it (T13): without the disk in
the group, and the databases waiting for it, the server would move and its databases stay down.
Resources are found by group and kind, for their names differ between releases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import cluster_exe, exchange_setup_state, server_cluster
from runbook_lib.commands.exchange_setup_state import Progress, SetupState
from runbook_lib.commands.server_cluster import (
    PHYSICAL_DISK,
    Cluster,
    GroupState,
    NodeState,
    Resource,
    Seen,
    same,
    word,
)
from runbook_lib.steps.step import (
    Blocked,
    Change,
    Changes,
    Deferred,
    NoChange,
    Plan,
    Reads,
    StepClass,
)
from runbook_lib.topology.models import Topology

_OWN_GROUP = re.compile(r"Group \d+")
"""How the cluster service names the group that it makes for a disk."""

FIRST_DATABASE = "First Storage Group/Mailbox Database"
PUBLIC_DATABASE = "Second Storage Group/Public Folder Database"


@dataclass(frozen=True)
class Storage:
    """Which disk belongs to which mailbox server, and the node whose cluster service is told.

    databases: their resources as Setup usually names them; only to say beforehand what is planned.
    """

    node: str
    server: str
    letter: str
    databases: tuple[str, ...]

    @classmethod
    def of(cls, topology: Topology) -> Storage:
        """Return it from the parameter file."""
        server = topology.mailbox_server
        names = (FIRST_DATABASE, *((PUBLIC_DATABASE,) * server.public_folder_database))
        letter = f"{topology.disks.database.letter}:"
        resources = tuple(f"{name} ({server.name})" for name in names)
        return cls(topology.nodes[0].name, server.name, letter, resources)

    def disk(self, cluster: Cluster) -> Resource | None:
        """Return the disk's resource: the one that is named after its letters."""
        for resource in cluster.of_type(PHYSICAL_DISK):
            if self.letter in resource.name.upper().split():
                return resource
        return None


def exchange_resources(cluster: Cluster) -> tuple[Resource, ...]:
    """Return the resources of Exchange's own types."""
    return tuple(each for each in cluster.resources if "exchange" in each.type.lower())


def databases_of(cluster: Cluster, group: str) -> tuple[Resource, ...]:
    """Return the database resources of a group."""
    return tuple(
        each
        for each in exchange_resources(cluster)
        if same(each.group, group) and "database" in each.type.lower()
    )


def no_cluster(seen: Seen, node: str) -> Blocked:
    """Return that the node's cluster service tells nothing."""
    return Blocked(
        f"the cluster service of {node} tells nothing: "
        f"{seen.failure or seen.membership.configured.value}",
        f"start the cluster service on {node}; a node that was never joined needs its phase first",
    )


def _no_disk(storage: Storage) -> Blocked:
    return Blocked(
        f"the cluster has no Physical Disk resource for {storage.letter}",
        f"create one for the disk with letter {storage.letter} in Cluster Administrator",
    )


@dataclass(frozen=True)
class HoldDisk:
    """The node that runs Setup owns the group with the database disk (N079).

    Only while there is no mailbox server: its group is moved by nobody but Exchange's own cmdlet.
    """

    ids: ClassVar[tuple[str, ...]] = ("N079",)
    step_class: ClassVar[StepClass] = StepClass.SET
    storage: Storage

    @property
    def node(self) -> str:
        """Return the node that runs Setup."""
        return self.storage.node

    def reads(self) -> Reads:
        """Return the question: the cluster."""
        return {"seen": server_cluster.seen()}

    def plan(self, seen: Seen) -> Plan:
        """Return a move of the disk's group unless the node owns it."""
        cluster = seen.cluster
        if cluster is None:
            return no_cluster(seen, self.node)
        disk = self.storage.disk(cluster)
        if disk is None:
            return _no_disk(self.storage)
        if exchange_resources(cluster) or cluster.group(self.storage.server):
            return NoChange(f"{disk.name} is in {disk.group}; {self.storage.server} is there")
        owner = cluster.owner_of(disk) or "nobody"
        if not same(owner, self.node):
            return Changes(
                Change(
                    f"owner of {disk.group} ({disk.name})",
                    owner,
                    self.node,
                    by=cluster_exe.move_group(disk.group, self.node),
                    undo=f'cluster group "{disk.group}" /moveto:{owner}, while it holds the disk '
                    "alone",
                )
            )
        if not disk.is_online:
            return Blocked(
                f"{disk.name} is {word(disk.state)}",
                f'bring it online (cluster res "{disk.name}" /online), or see what ails the disk',
            )
        return NoChange(f"{disk.group} with {disk.name} is on {owner}")


@dataclass(frozen=True)
class JoinStorage:
    """The disk is in the mailbox server's group, and every database waits for it (T13)."""

    ids: ClassVar[tuple[str, ...]] = ("T13", "S078")
    step_class: ClassVar[StepClass] = StepClass.SET
    storage: Storage
    phase: str

    @property
    def node(self) -> str:
        """Return the node whose cluster service is told."""
        return self.storage.node

    def reads(self) -> Reads:
        """Return the questions: the cluster, and how far Setup is."""
        return {"seen": server_cluster.seen(), "setup": exchange_setup_state.setup_state()}

    def plan(self, seen: Seen, setup: SetupState) -> Plan:
        """Return what is missing, in the order in which the cluster lets it be done."""
        cluster, group_name = seen.cluster, self.storage.server
        if cluster is None:
            return no_cluster(seen, self.node)
        disk, group = self.storage.disk(cluster), cluster.group(group_name)
        if disk is None:
            return _no_disk(self.storage)
        if setup.server.progress is not Progress.DONE or group is None:
            why = f"done once Setup has made {group_name}"
            return Deferred(self.phase, tuple(self._wishes(disk)), why=why)
        databases = databases_of(cluster, group_name)
        if not databases:
            return Blocked(
                f"{group_name} has no database resource",
                f"look at the group in Cluster Administrator: Setup of {group_name} made none",
            )
        if not same(cluster.owner_of(disk) or "", group.owner):
            return Blocked(
                f"{disk.name} is on {cluster.owner_of(disk)}, {group_name} on {group.owner}",
                f'bring both to one node: cluster group "{disk.group}" /moveto:{group.owner}',
            )
        changes = list(self._changes(disk, databases))
        if changes or group.state in (
            *(GroupState.OFFLINE, GroupState.PARTIALLY_ONLINE, GroupState.FAILED),
        ):
            before = "partially online" if changes else word(group.state)
            return Changes(*changes, self._online(before))
        if group.state is not GroupState.ONLINE:
            return Deferred(self.phase, why=f"{group_name} is {word(group.state)}")
        return NoChange(
            f"{disk.name} in {disk.group}, databases that wait for it: {len(databases)}"
        )

    def _changes(self, disk: Resource, databases: tuple[Resource, ...]) -> Iterator[Change]:
        early = [each for each in databases if not any(same(d, disk.name) for d in each.depends_on)]
        for each in early:
            if each.is_online:
                yield Change(
                    f"resource {each.name}",
                    "online",
                    "offline",
                    by=cluster_exe.take_offline(each.name),
                    undo=f'cluster res "{each.name}" /online',
                )
        if not same(disk.group, self.storage.server):
            yield Change(
                f"group of {disk.name}",
                disk.group,
                self.storage.server,
                by=cluster_exe.move_resource(disk.name, self.storage.server),
                undo=f'cluster res "{disk.name}" /moveto:"{disk.group}", in a group made again',
            )
        for each in early:
            yield Change(
                f"resource {each.name} waits for",
                ", ".join(each.depends_on) or "nothing",
                disk.name,
                by=cluster_exe.add_dependency(each.name, disk.name),
                undo=f'cluster res "{each.name}" /removedep:"{disk.name}", while it is offline',
            )

    def _online(self, before: str) -> Change:
        name = self.storage.server
        return Change(
            f"group {name}",
            before,
            "online",
            by=cluster_exe.bring_group_online(name),
            undo=f"Stop-ClusteredMailboxServer -Identity {name}",
        )

    def _wishes(self, disk: Resource) -> Iterator[tuple[str, str]]:
        for name in self.storage.databases:
            yield f"resource {name}", "offline"
        yield f"group of {disk.name}", self.storage.server
        for name in self.storage.databases:
            yield f"resource {name} waits for", disk.name
        yield f"group {self.storage.server}", "online"


@dataclass(frozen=True)
class DeleteEmptyGroup:
    """The group that the cluster had made for the disk alone is gone (T13)."""

    ids: ClassVar[tuple[str, ...]] = ("T13",)
    step_class: ClassVar[StepClass] = StepClass.SET
    storage: Storage
    phase: str

    @property
    def node(self) -> str:
        """Return the node whose cluster service is told."""
        return self.storage.node

    def reads(self) -> Reads:
        """Return the question: the cluster."""
        return {"seen": server_cluster.seen()}

    def plan(self, seen: Seen) -> Plan:
        """Return a deletion for every empty group of a disk; groups of other names stay."""
        cluster = seen.cluster
        if cluster is None:
            return no_cluster(seen, self.node)
        disk = self.storage.disk(cluster)
        if disk is None:
            return _no_disk(self.storage)
        if not same(disk.group, self.storage.server):
            wish = (f"group {disk.group}", "deleted")
            return Deferred(self.phase, (wish,), why=f"done once {disk.name} has left its group")
        empty = [
            group.name
            for group in cluster.groups
            if _OWN_GROUP.fullmatch(group.name)
            and not any(same(each.group, group.name) for each in cluster.resources)
        ]
        if not empty:
            return NoChange("no group is empty")
        return Changes(
            *(
                Change(
                    f"group {name}",
                    "empty",
                    "deleted",
                    by=cluster_exe.delete_group(name),
                    undo=f'cluster group "{name}" /create',
                )
                for name in empty
            )
        )


@dataclass(frozen=True)
class CheckResources:
    """Both nodes are up, and one group holds all of Exchange, online and able to move.

    One group only: two mailbox servers on two nodes would be active/active (N003).
    """

    ids: ClassVar[tuple[str, ...]] = ("S090", "N003")
    step_class: ClassVar[StepClass] = StepClass.READ
    storage: Storage
    machines: tuple[str, ...]
    phase: str

    @property
    def node(self) -> str:
        """Return the node whose cluster service is asked."""
        return self.storage.node

    def reads(self) -> Reads:
        """Return the question: the cluster."""
        return {"seen": server_cluster.seen()}

    def plan(self, seen: Seen) -> Plan:
        """Return NoChange with the owner, or what is not as it must be."""
        cluster, name = seen.cluster, self.storage.server
        if cluster is None:
            return no_cluster(seen, self.node)
        group, disk = cluster.group(name), self.storage.disk(cluster)
        if group is None or disk is None:
            return Blocked(
                f"the cluster has no group {name}" if disk else f"no disk {self.storage.letter}",
                "run phase 70_install_exchange_active_node",
            )
        wrong = [*self._wrong_nodes(cluster), *self._wrong_contents(cluster, disk)]
        if wrong:
            return Blocked("; ".join(wrong), "look at both nodes in Cluster Administrator")
        down = [
            f"{each.name} is {word(each.state)}"
            for each in cluster.resources
            if same(each.group, name) and not each.is_online
        ]
        if down or group.state is not GroupState.ONLINE:
            why = "; ".join(down) or f"{name} is {word(group.state)}"
            return Deferred(self.phase, why=why)
        count = sum(same(each.group, name) for each in cluster.resources)
        return NoChange(f"{count} resources online, on {group.owner}")

    def _wrong_nodes(self, cluster: Cluster) -> Iterator[str]:
        for name in self.machines:
            node = cluster.node(name)
            if node is None:
                yield f"{name} is no node of the cluster"
            elif node.state is not NodeState.UP:
                yield f"{name} is {word(node.state)}"

    def _wrong_contents(self, cluster: Cluster, disk: Resource) -> Iterator[str]:
        name = self.storage.server
        others = {each.group for each in exchange_resources(cluster) if not same(each.group, name)}
        for other in sorted(others):
            yield f"{other} is a second mailbox server, which two nodes must not have"
        if not same(disk.group, name):
            yield f"{disk.name} is in {disk.group}, not in {name}"
        for database in databases_of(cluster, name):
            if not any(same(each, disk.name) for each in database.depends_on):
                yield f"{database.name} does not wait for {disk.name}"
        for each in cluster.resources:
            able = {owner.upper() for owner in each.owners}
            missing = [node for node in self.machines if node.upper() not in able]
            if same(each.group, name) and each.owners and missing:
                yield f"{each.name} cannot run on {', '.join(missing)}"
