"""The second node of the cluster: what it needs, how it is added, and what is true afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import cluster_exe, disks, server_cluster, system
from runbook_lib.commands.command import Secret, TaskAccount
from runbook_lib.commands.disks import Storage
from runbook_lib.commands.server_cluster import (
    PHYSICAL_DISK,
    Cluster,
    Configured,
    Membership,
    Node,
    NodeState,
    Seen,
    same,
    word,
)
from runbook_lib.commands.system import Computer, OperatingSystem, PendingReboot
from runbook_lib.steps.cluster_creation import unanswering
from runbook_lib.steps.cluster_node_checks import CheckServiceAccount
from runbook_lib.steps.shared_disks import Wished
from runbook_lib.steps.step import (
    At,
    Blocked,
    Change,
    Changes,
    Deferred,
    NoChange,
    Plan,
    Reads,
    Silence,
    StepClass,
)

MEMBER = "member of the cluster"


@dataclass(frozen=True)
class Joining:
    """The second node as the parameter file wants it: who adds it, to what, under which account."""

    phase: str
    first: str
    second: str
    cluster: str
    service_user: str
    service_password: Secret
    account: TaskAccount
    deadline_s: float

    @property
    def joined(self) -> str:
        """Return the wish for a reader."""
        return f"{self.second} in {self.cluster}"

    @property
    def eviction(self) -> str:
        """Return the commands that take a half added node back, for a reader."""
        return (
            f"on {self.second}, net stop clussvc; on {self.first}, cluster node {self.second} "
            f"/evict; then on {self.second}, cluster node {self.second} /force"
        )


@dataclass(frozen=True)
class CheckSecondNode:
    """The node may become a member: edition, domain, no other cluster, both disks in sight."""

    ids: ClassVar[tuple[str, ...]] = ("S045", "S046")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    cluster: str
    domain: str
    disks: tuple[Wished, ...]

    def reads(self) -> Reads:
        """Return the questions: system, domain, cluster, restart, and the disks that it sees."""
        return {
            "system": system.operating_system(),
            "computer": system.computer(),
            "member": server_cluster.membership(),
            "pending": system.pending_reboot(),
            "storage": disks.storage([wish.letter.rstrip(":") for wish in self.disks]),
        }

    def plan(
        self,
        system: OperatingSystem,
        computer: Computer,
        member: Membership,
        pending: PendingReboot,
        storage: Storage,
    ) -> Plan:
        """Return NoChange for a node that can join, or has joined."""
        if member.configured is Configured.RUNNING and not member.is_running_in(self.cluster):
            return Blocked(
                f"{self.node} runs in another cluster, {member.cluster or 'without a name'}",
                f"evict {self.node} there and run cluster node {self.node} /force on it, or use "
                "another machine",
            )
        unseen = self._unseen(storage)
        if unseen:
            return Blocked(
                f"{self.node} does not see {' and '.join(unseen)}",
                f"present the LUN to {self.node} (zone, mask, iSCSI target); a disk that it does "
                "not see can never fail over to it",
            )
        if member.configured is not Configured.NO:
            return NoChange(f"{member.configured.value}, sees both disks")
        if not system.can_cluster:
            return Blocked(
                f"{system.caption} has no cluster service",
                f"install the Enterprise or Datacenter Edition on {self.node}",
            )
        is_member = computer.part_of_domain
        if not is_member or computer.domain.casefold() != self.domain.casefold():
            return Blocked(
                f"{self.node} is in {computer.domain}, not in the domain {self.domain}",
                "run phase 20_join_domain first",
            )
        if pending.reasons:
            return Blocked("; ".join(pending.reasons), f"restart {self.node}, then resume")
        return NoChange(f"member of {computer.domain}, in no cluster, sees both disks")

    def _unseen(self, storage: Storage) -> list[str]:
        """Return the disks that are not there; what another node holds may hide its size."""
        return [
            wish.what
            for wish in self.disks
            if not any(
                drive.size_bytes is None or drive.is_of_size(wish.size_mb)
                for drive in storage.at(wish.lun)
            )
        ]


class CheckAccountAgain(CheckServiceAccount):
    """The service account is still in order: the second node logs it on too."""

    ids: ClassVar[tuple[str, ...]] = ("S047",)


@dataclass(frozen=True)
class AddNode:
    """The second node is a member; the first one adds it."""

    ids: ClassVar[tuple[str, ...]] = ("S043", "S045", "S047", "S048", "S049")
    step_class: ClassVar[StepClass] = StepClass.ONE_SHOT
    joining: Joining

    @property
    def node(self) -> str:
        """Return the node that adds the other one."""
        return self.joining.first

    def reads(self) -> Reads:
        """Return the questions: the cluster, and what the second node says of itself."""
        return {
            "seen": server_cluster.seen(),
            "other": At(self.joining.second, server_cluster.membership()),
        }

    def plan(self, seen: Seen, other: Membership | Silence) -> Plan:
        """Return the adding, once the second node is on; what was broken off is told."""
        joining = self.joining
        wishes = ((MEMBER, joining.joined),)
        if not seen.membership.is_running_in(joining.cluster):
            return Deferred(joining.phase, wishes, why="once the cluster runs")
        if seen.cluster is None:
            return unanswering(seen, joining.first)
        member = seen.cluster.node(joining.second)
        if isinstance(other, Silence):
            if member is not None:
                return NoChange(f"{joining.second} is a member, {word(member.state)} now")
            return Deferred(joining.phase, wishes, why=f"once {joining.second} is on")
        if member is not None:
            return self._member(member, other)
        if other.configured is not Configured.NO:
            return self._occupied(other)
        return Changes(
            Change(
                MEMBER,
                f"{joining.second} in no cluster",
                joining.joined,
                by=cluster_exe.add(
                    joining.cluster,
                    joining.second,
                    joining.service_password,
                    joining.account,
                    joining.deadline_s,
                ),
                undo=f"only while no Exchange is on it: {joining.eviction}",
            )
        )

    def _member(self, member: Node, other: Membership) -> Plan:
        joining = self.joining
        if other.is_running_in(joining.cluster):
            return NoChange(f"{joining.second} is a member, {word(member.state)}")
        return Blocked(
            f"{joining.second} is entered in {joining.cluster} and {word(member.state)}; its own "
            f"cluster service is {other.configured.value}",
            f"if it joined before: net start clussvc on {joining.second}, and look at its System "
            f"log. If the adding was broken off: {joining.eviction}. Then plan the phase again",
        )

    def _occupied(self, other: Membership) -> Blocked:
        joining = self.joining
        if other.configured is Configured.RUNNING:
            return Blocked(
                f"{joining.second} runs in another cluster, {other.cluster or 'without a name'}",
                f"evict {joining.second} there and run cluster node {joining.second} /force on "
                "it, or use another machine",
            )
        return Blocked(
            f"{joining.second} is configured for a cluster that does not know it: "
            f"{other.configured.value}",
            f"an adding was broken off, or a node evicted and not cleaned up: on "
            f"{joining.second}, cluster node {joining.second} /force; then plan the phase again",
        )


@dataclass(frozen=True)
class CheckMembers:
    """Both nodes are up, each may have every disk, and all connections carry the cluster."""

    ids: ClassVar[tuple[str, ...]] = ("S049", "S042")
    step_class: ClassVar[StepClass] = StepClass.READ
    joining: Joining

    @property
    def node(self) -> str:
        """Return the node that is asked for the cluster."""
        return self.joining.first

    def reads(self) -> Reads:
        """Return the questions: the cluster, and the second node's service."""
        return {
            "seen": server_cluster.seen(),
            "other": At(self.joining.second, server_cluster.membership()),
        }

    def plan(self, seen: Seen, other: Membership | Silence) -> Plan:
        """Return NoChange for two whole members, or all that is wrong."""
        joining, cluster = self.joining, seen.cluster
        if cluster is None or cluster.node(joining.second) is None:
            return Deferred(joining.phase, why=f"checked once {joining.second} is a member")
        if isinstance(other, Silence):
            return Deferred(joining.phase, why=f"checked once {joining.second} is on")
        member = cluster.node(joining.second)
        is_up = member is not None and member.state is NodeState.UP
        if other.is_running_in(joining.cluster) and not is_up:
            # The service starts before it has joined: that takes a while after each start.
            return Deferred(joining.phase, why=f"checked once {joining.second} has joined")
        wrong = self._faults(cluster, seen.membership, other)
        if wrong:
            return Blocked(
                "; ".join(wrong),
                rf"look at the System log (source ClusSvc) and at C:\WINDOWS\Cluster\cluster.log "
                f"of {joining.second}, put it right, then plan the phase again",
            )
        disks_ = ", ".join(each.name for each in cluster.of_type(PHYSICAL_DISK))
        return NoChange(f"both are up and may have {disks_}")

    def _faults(self, cluster: Cluster, first: Membership, other: Membership) -> list[str]:
        names = (self.joining.first, self.joining.second)
        wrong = []
        for name in names:
            member = cluster.node(name)
            if member is None or member.state is not NodeState.UP:
                wrong.append(f"{name} is {word(member.state) if member else 'no member'}")
        for disk in cluster.of_type(PHYSICAL_DISK):
            unable = [n for n in names if not any(same(n, owner) for owner in disk.owners)]
            wrong.extend(f"{name} is no possible owner of {disk.name}" for name in unable)
        wrong.extend(
            f"{each.network} is down on {each.node}"
            for each in cluster.interfaces
            if not each.is_up
        )
        if other.account != first.account:
            wrong.append(f"the services run as {first.account} and {other.account}")
        return wrong
