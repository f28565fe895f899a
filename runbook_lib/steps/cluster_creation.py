r"""The cluster on its first node: formed once, its quorum on the right disk, all of it online.

cluster.exe cannot be told which disk shall be the quorum, and without a disk it sees it puts the
quorum on the node's own disk without a word (T6). So both are looked at afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import cluster_exe, network, server_cluster
from runbook_lib.commands.command import TaskAccount
from runbook_lib.commands.network import Adapter
from runbook_lib.commands.server_cluster import (
    CLUSTER_GROUP,
    IP_ADDRESS,
    LOCAL_QUORUM,
    NETWORK_NAME,
    PHYSICAL_DISK,
    Cluster,
    Membership,
    NodeState,
    Resource,
    Seen,
    same,
    word,
)
from runbook_lib.steps.cluster_node_checks import cleaning, in_the_way
from runbook_lib.steps.step import (
    Blocked,
    Change,
    Changes,
    Deferred,
    NoChange,
    Plan,
    PowerOf,
    Reads,
    StepClass,
)

CLUSTER = "cluster"
QUORUM = "quorum"


@dataclass(frozen=True)
class Wish:
    """The cluster as the parameter file wants it.

    address: of the cluster, its mask, the connection it belongs to. quorum, disks: resources that
    the cluster names after the letters. public_mac: of the first node. deadline_s: for forming.
    """

    phase: str
    node: str
    other: str
    name: str
    address: tuple[str, str, str]
    quorum: str
    disks: tuple[str, ...]
    public_mac: str
    service: TaskAccount
    account: TaskAccount
    deadline_s: float

    @property
    def formed(self) -> str:
        """Return the wish for a reader."""
        return f"{self.name} ({self.address[0]}) on {self.node}"

    @property
    def path(self) -> str:
        r"""Return where the quorum lies: Q:\MSCS\ of "Disk Q:"."""
        return f"{self.quorum.removeprefix('Disk ')}\\MSCS\\"

    @property
    def quorum_place(self) -> str:
        """Return the quorum's wish for a reader."""
        return f"{self.quorum} in {self.path}"


@dataclass(frozen=True)
class CreateCluster:
    """The node runs in the cluster, its only member so far."""

    ids: ClassVar[tuple[str, ...]] = ("S032", "S034", "S035", "S037", "S038", "S041")
    step_class: ClassVar[StepClass] = StepClass.ONE_SHOT
    wish: Wish

    @property
    def node(self) -> str:
        """Return the node that forms the cluster."""
        return self.wish.node

    def reads(self) -> Reads:
        """Return the questions: the node's cluster, and whether the other node is off."""
        return {"seen": server_cluster.seen(), "other": PowerOf(self.wish.other)}

    def plan(self, seen: Seen, *, other: bool) -> Plan:
        """Return the forming, while the other node is off; what was broken off is told."""
        wish = self.wish
        if seen.membership.is_running_in(wish.name):
            return self._formed(seen)
        hindrance = in_the_way(seen.membership, wish.node, wish.name)
        if hindrance is not None:
            return hindrance
        if other:
            return Deferred(
                wish.phase, ((CLUSTER, wish.formed),), why=f"once {wish.other} is switched off"
            )
        return Changes(
            Change(
                CLUSTER,
                "none",
                wish.formed,
                by=cluster_exe.create(
                    wish.name,
                    wish.address,
                    wish.node,
                    service=wish.service,
                    account=wish.account,
                    deadline_s=wish.deadline_s,
                ),
                undo=f"leave {wish.other} off; on {wish.node}: cluster node {wish.node} /evict, "
                "which ends the cluster; then take the service account out of the local "
                "Administrators",
            )
        )

    def _formed(self, seen: Seen) -> Plan:
        """Return whether the forming came to its end, or which half of it is missing."""
        cluster = seen.cluster
        if cluster is None:
            return unanswering(seen, self.wish.node)
        if not (cluster.of_type(IP_ADDRESS) and cluster.of_type(NETWORK_NAME)):
            return Blocked(
                f"the forming of {cluster.name} was broken off on {self.wish.node}: it has no "
                "name or no address of its own",
                f"{cleaning(self.wish.node)}; nothing is lost by that. Then plan the phase again",
            )
        return NoChange(f"{cluster.name} runs on {self.wish.node}")


@dataclass(frozen=True)
class SetQuorum:
    """The quorum lies on the disk that the parameter file names, in Cluster Group."""

    ids: ClassVar[tuple[str, ...]] = ("S040", "T6")
    step_class: ClassVar[StepClass] = StepClass.SET
    wish: Wish

    @property
    def node(self) -> str:
        """Return the node that is asked."""
        return self.wish.node

    def reads(self) -> Reads:
        """Return the question: the cluster."""
        return {"seen": server_cluster.seen()}

    def plan(self, seen: Seen) -> Plan:
        """Return what differs; a local quorum is for a person to look at."""
        wish = self.wish
        if not seen.membership.is_running_in(wish.name):
            return Deferred(
                wish.phase,
                (
                    (QUORUM, wish.quorum_place),
                    (f"group of {wish.quorum}", CLUSTER_GROUP),
                ),
                why="once the cluster is formed",
            )
        cluster = seen.cluster
        if cluster is None:
            return unanswering(seen, wish.node)
        disk, now = cluster.resource(wish.quorum), cluster.quorum_resource
        if disk is None or (now is not None and same(now.type, LOCAL_QUORUM)):
            return self._without_disk(cluster, now)
        path = cluster.quorum_path or ""
        if now is not None and same(now.name, disk.name) and same(path, wish.path):
            return NoChange(f"{now.name} in {path}")
        if not disk.is_online:
            return Blocked(
                f"{disk.name} is {word(disk.state)}, and so cannot be the quorum",
                f'bring it online on {wish.node}: cluster res "{disk.name}" /online',
            )
        if cluster.owner_of(disk) != _owner(cluster):
            return Blocked(
                f"{disk.name} is on another node than {CLUSTER_GROUP}",
                f'move both to one node first: cluster group "{CLUSTER_GROUP}" '
                f"/move:{cluster.owner_of(disk)}",
            )
        return Changes(*self._changes(disk, f"{now.name} in {path}" if now else "none"))

    def _changes(self, disk: Resource, before: str) -> list[Change]:
        changes = []
        if not same(disk.group, CLUSTER_GROUP):
            changes.append(
                Change(
                    f"group of {disk.name}",
                    disk.group,
                    CLUSTER_GROUP,
                    by=cluster_exe.move_resource(disk.name, CLUSTER_GROUP),
                    undo=f'cluster res "{disk.name}" /move:"{disk.group}"',
                )
            )
        changes.append(
            Change(
                QUORUM,
                before,
                self.wish.quorum_place,
                by=cluster_exe.set_quorum(disk.name, self.wish.path),
                undo=f"make {before} the quorum again with cluster /quorum; the old MSCS folder "
                "stays where it was",
            )
        )
        return changes

    def _without_disk(self, cluster: Cluster, now: Resource | None) -> Blocked:
        found = f"the quorum is {now.name}, of type {now.type}" if now else "there is no quorum"
        node, quorum = self.wish.node, self.wish.quorum
        missing = "" if cluster.resource(quorum) else f", and the cluster has no {quorum}"
        return Blocked(
            f"{found}{missing}: no second node may join such a cluster",
            f"make sure that {node} shows the disk, then begin again: {cleaning(node)}, and plan "
            f"the phase again. Or by hand: bring {quorum} online in {CLUSTER_GROUP}, "
            f'cluster /quorum:"{quorum}" /path:{self.wish.path}, delete {LOCAL_QUORUM}',
        )


@dataclass(frozen=True)
class CheckCluster:
    """Name, address and disks are online, and the service runs under its account."""

    ids: ClassVar[tuple[str, ...]] = ("S041", "S038")
    step_class: ClassVar[StepClass] = StepClass.READ
    wish: Wish

    @property
    def node(self) -> str:
        """Return the node that is asked."""
        return self.wish.node

    def reads(self) -> Reads:
        """Return the questions: the cluster, and the addresses of the public connection."""
        return {"seen": server_cluster.seen(), "public": network.adapter(self.wish.public_mac)}

    def plan(self, seen: Seen, public: Adapter | None) -> Plan:
        """Return NoChange for a whole cluster, or all that is wrong with it."""
        wish = self.wish
        if not seen.membership.is_running_in(wish.name):
            return Deferred(wish.phase, why="checked once the cluster is formed")
        cluster = seen.cluster
        if cluster is None:
            return unanswering(seen, wish.node)
        if not cluster.of_type(NETWORK_NAME) or cluster.quorum_resource is None:
            return Deferred(wish.phase, why="checked once the cluster is whole")
        wrong = self._faults(cluster, seen.membership, public)
        if wrong:
            return Blocked(
                "; ".join(wrong),
                rf"look at the System log of {wish.node} (source ClusSvc) and at "
                r"C:\WINDOWS\Cluster\cluster.log, put it right, then plan the phase again",
            )
        online = ", ".join(each.name for each in cluster.resources)
        return NoChange(f"online: {online}; as {seen.membership.account}")

    def _faults(
        self, cluster: Cluster, membership: Membership, public: Adapter | None
    ) -> list[str]:
        wish, wrong = self.wish, []
        member = cluster.node(wish.node)
        if member is None or member.state is not NodeState.UP:
            wrong.append(f"{wish.node} is {word(member.state) if member else 'no member'}")
        if not _is_account(membership.account, wish.service.user):
            wrong.append(
                f"the cluster service runs as {membership.account}, wanted {wish.service.user}"
            )
        own = [each for each in cluster.resources if same(each.group, CLUSTER_GROUP)]
        disks = [cluster.resource(name) for name in wish.disks]
        missing = [n for n, disk in zip(wish.disks, disks, strict=True) if disk is None]
        wrong.extend(f"the cluster has no {name}" for name in missing)
        wanted = {each.name: each for each in [*own, *disks] if each is not None}
        for resource in wanted.values():
            is_disk = resource.name not in wish.disks or same(resource.type, PHYSICAL_DISK)
            if not is_disk:
                wrong.append(f"{resource.name} is of type {resource.type}")
            if not resource.is_online:
                wrong.append(f"{resource.name} is {word(resource.state)}")
        is_here = same(_owner(cluster), wish.node)
        if is_here and (public is None or wish.address[0] not in public.addresses):
            wrong.append(f"{wish.node} does not answer for {wish.address[0]}")
        return wrong


def unanswering(seen: Seen, node: str) -> Blocked:
    """Return that a cluster service runs and tells nothing."""
    return Blocked(
        f"the cluster service of {node} runs and does not answer: {seen.failure or 'no cluster'}",
        f"look at the System log of {node} (source ClusSvc), then plan the phase again",
    )


def _owner(cluster: Cluster) -> str:
    group = cluster.group(CLUSTER_GROUP)
    return group.owner if group else ""


def _is_account(found: str | None, wanted: str) -> bool:
    r"""Tell whether two spellings mean one account: LAB\svc, svc@lab.local."""

    def short(user: str) -> str:
        return user.rpartition("\\")[2].partition("@")[0].casefold()

    return found is not None and short(found) == short(wanted)
