"""What a cluster needs of its first node, looked at before it is formed (figures 17 to 21).

Each of these steps reads only. Once the node runs in the cluster of the parameter file there is
nothing left to look at: names and addresses are in use then, by the cluster itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import directory, probe, server_cluster, system
from runbook_lib.commands.directory import DOMAIN_ADMINS, Asked, Directory, Unanswered
from runbook_lib.commands.network import Adapter
from runbook_lib.commands.server_cluster import Configured, Membership
from runbook_lib.commands.system import Computer, OperatingSystem, PendingReboot
from runbook_lib.steps import shared_disks
from runbook_lib.steps.adapters import OnBothAdapters, own, usable
from runbook_lib.steps.shared_disks import Found, View
from runbook_lib.steps.shared_disks import Wished as WishedDisk
from runbook_lib.steps.step import Blocked, NoChange, Plan, Reads, StepClass

ADMINISTRATOR = "-500"
"""What the SID of a domain's built-in Administrator ends in, whatever the account is called."""


@dataclass(frozen=True)
class CheckFirstNode:
    """The node may be a member: its edition, its domain, no cluster, no restart that waits."""

    ids: ClassVar[tuple[str, ...]] = ("S035", "S036")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    cluster: str
    domain: str

    def reads(self) -> Reads:
        """Return the questions: system, membership in domain and cluster, what waits."""
        return {
            "system": system.operating_system(),
            "computer": system.computer(),
            "member": server_cluster.membership(),
            "pending": system.pending_reboot(),
        }

    def plan(
        self,
        system: OperatingSystem,
        computer: Computer,
        member: Membership,
        pending: PendingReboot,
    ) -> Plan:
        """Return NoChange for a node that can form the cluster or has done so."""
        if member.is_running_in(self.cluster):
            return NoChange(f"runs in {member.cluster}")
        hindrance = in_the_way(member, self.node, self.cluster)
        if hindrance is not None:
            return hindrance
        if not system.can_cluster or member.configured is Configured.ABSENT:
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
            return Blocked(
                "; ".join(pending.reasons), f"restart {self.node}, then plan this phase again"
            )
        return NoChange(f"{system.caption}, member of {computer.domain}, in no cluster")


def in_the_way(member: Membership, node: str, cluster: str) -> Blocked | None:
    """Return which other cluster, or which broken-off one, keeps a node; None when it is free."""
    if member.configured is Configured.STOPPED:
        return Blocked(
            f"the cluster service of {node} is configured and does not run",
            f"look at the System log of {node} (source ClusSvc). If {node} is a member of "
            f"{cluster}: net start clussvc. If a forming was broken off there: "
            f"{cleaning(node)}. Then plan the phase again",
        )
    if member.configured is Configured.RUNNING and not member.is_running_in(cluster):
        return Blocked(
            f"{node} runs in another cluster, {member.cluster or 'without a name'}",
            f"take {node} out of that cluster (evict it there, then on {node}: "
            f"cluster node {node} /force), or correct cluster.name",
        )
    return None


def cleaning(node: str) -> str:
    """Return the commands that take a half configured node back, for a reader."""
    return f"on {node}, net stop clussvc, then cluster node {node} /force"


@dataclass(frozen=True)
class CheckConnections(OnBothAdapters):
    """Both connections of the node are up, on two subnets, with their addresses."""

    ids: ClassVar[tuple[str, ...]] = ("S036",)
    step_class: ClassVar[StepClass] = StepClass.READ

    def plan(self, public: Adapter | None, private: Adapter | None) -> Plan:
        """Return NoChange when the cluster will find both networks under their names."""
        for found, wished in ((public, self.public), (private, self.private)):
            adapter = usable(found, wished)
            if isinstance(adapter, Blocked):
                return adapter
            has_address = own(adapter, wished).addresses == (wished.address,)
            if adapter.connection != wished.connection or not has_address:
                return Blocked(
                    f"{adapter.connection} has {', '.join(adapter.addresses) or 'no address'}, "
                    f"wanted {wished.connection} with {wished.address}",
                    "run phase 10_configure_networks again",
                )
        return NoChange(
            f"{self.public.connection} {self.public.address}, "
            f"{self.private.connection} {self.private.address}"
        )


@dataclass(frozen=True)
class CheckDisks:
    """The node sees both disks as NTFS under their letters: without them the quorum is local."""

    ids: ClassVar[tuple[str, ...]] = ("S036", "S040", "T6")
    step_class: ClassVar[StepClass] = StepClass.READ
    nodes: tuple[str, str]
    disks: tuple[WishedDisk, ...]

    @property
    def node(self) -> str:
        """Return the first node's name."""
        return self.nodes[0]

    def reads(self) -> Reads:
        """Return the question: all that the node says of the disks."""
        return {"view": shared_disks.look(self.node, self.nodes, self.disks)}

    def plan(self, view: View) -> Plan:
        """Return NoChange when each disk is ready; a cluster's own checks take over later."""
        if view.is_clustered:
            return NoChange("the cluster guards the disks")
        for wish in self.disks:
            found = view.found(wish)
            if isinstance(found, Blocked):
                return found
            if found is not Found.READY:
                return Blocked(
                    f"{wish.what} is not ready on {self.node}: {found.value}",
                    "run phase 30_prepare_shared_disks first; without a disk to see, Windows "
                    "would put the quorum on the node's own disk without a word",
                )
        return NoChange(", ".join(f"{wish.letter} is {wish.what}" for wish in self.disks))


@dataclass(frozen=True)
class CheckNames:
    """Nobody uses the cluster's name or address; it is not the name that clients connect to."""

    ids: ClassVar[tuple[str, ...]] = ("S034", "S037", "T3")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    cluster: str
    address: str
    mailbox_server: str
    asked: Asked

    def reads(self) -> Reads:
        """Return the questions: membership, directory and DNS, who holds the address."""
        return {
            "member": server_cluster.membership(),
            "known": directory.seen(self.asked),
            "holders": probe.holders((self.address,)),
        }

    def plan(
        self,
        member: Membership,
        known: Directory | Unanswered,
        holders: Mapping[str, str | None],
    ) -> Plan:
        """Return NoChange for a free name and a free address."""
        if member.is_running_in(self.cluster):
            return NoChange(f"{self.cluster} and {self.address} are the cluster's own")
        if isinstance(known, Unanswered):
            return Blocked(known.reason, known.next_step)
        user = self._user_of_name(known)
        if user is not None:
            return Blocked(
                f"the name {self.cluster} is in use: {user}",
                "remove what is left of an earlier cluster, or put another name into cluster.name",
            )
        holder = holders[self.address]
        if holder is not None:
            return Blocked(
                f"the address {self.address} is in use by {holder}",
                "free the address, or put another one into cluster.address",
            )
        return NoChange(
            f"{self.cluster} and {self.address} are free; clients will connect to "
            f"{self.mailbox_server}"
        )

    def _user_of_name(self, known: Directory) -> str | None:
        """Return who uses the name; a record that leads to the wished address is only left over."""
        account = known.computer(self.cluster)
        if account is not None:
            return f"the directory has a computer account {account.name}"
        for host, addresses in known.reach.addresses.items():
            is_ours = host.partition(".")[0].casefold() == self.cluster.casefold()
            if is_ours and addresses and set(addresses) != {self.address}:
                return f"DNS knows {host} as {', '.join(addresses)}"
        return None


@dataclass(frozen=True)
class CheckServiceAccount:
    """The service account may log on, and is one of its own: no administrator (T4)."""

    ids: ClassVar[tuple[str, ...]] = ("S038", "N039", "T4")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    user: str
    accept_administrator: bool
    asked: Asked

    def reads(self) -> Reads:
        """Return the question: the directory."""
        return {"known": directory.seen(self.asked)}

    def plan(self, known: Directory | Unanswered) -> Plan:
        """Return NoChange for an account that can carry the service."""
        if isinstance(known, Unanswered):
            return Blocked(known.reason, known.next_step)
        account = known.account(self.user)
        if account is None:
            return Blocked(
                f"the domain has no account {self.user}",
                "make it, a user of the domain and of no special group, with a password that does "
                "not expire; or correct accounts.cluster_service.user",
            )
        if account.faults:
            return Blocked(
                f"{self.user} cannot carry the cluster service: {'; '.join(account.faults)}",
                f"put {self.user} in order in Active Directory Users and Computers; every start "
                "of the cluster service logs it on",
            )
        is_administrator = account.sid.endswith(ADMINISTRATOR)
        if not is_administrator and not known.is_member(self.user, DOMAIN_ADMINS):
            return NoChange(f"{self.user} may log on, and is no administrator of the domain")
        if self.accept_administrator:
            return NoChange(
                f"{self.user} is an administrator of the domain; accepted by "
                "accounts.cluster_service.accept_administrator, for tests only"
            )
        return Blocked(
            f"{self.user} is an administrator of the domain: whoever has the service has the "
            "domain",
            "use an account of its own for the cluster service, or consent for a test with "
            "accounts.cluster_service.accept_administrator: true",
        )


@dataclass(frozen=True)
class CheckInstaller:
    """The installer is an administrator of the node, and may ask the directory."""

    ids: ClassVar[tuple[str, ...]] = ("S031",)
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    user: str
    asked: Asked

    def reads(self) -> Reads:
        """Return the question: the directory, asked as the installer."""
        return {"known": directory.seen(self.asked)}

    def plan(self, known: Directory | Unanswered) -> Plan:
        """Return NoChange: who reads this here is let in by Windows as an administrator only."""
        if isinstance(known, Unanswered):
            return Blocked(known.reason, known.next_step)
        is_admin = known.is_member(self.user, DOMAIN_ADMINS)
        of = f"a member of {DOMAIN_ADMINS}" if is_admin else f"administrator of {self.node}"
        return NoChange(f"{self.user} is {of}")
