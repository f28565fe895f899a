"""Phase 50: the second node joins the cluster, and the networks get their roles (figures 24 to 32).

It is switched on only once the cluster holds the shared disks. Moving the cluster's group there
and back is no step: nothing would tell afterwards that it was done, and phase 90 moves what counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import server_cluster
from runbook_lib.commands.command import ManualAct, PersonsAct
from runbook_lib.commands.network import Adapter
from runbook_lib.commands.server_cluster import Membership, Role, Seen
from runbook_lib.steps import accounts, adapters, form_cluster, shared_disks
from runbook_lib.steps.cluster_creation import CheckCluster, SetQuorum, Wish
from runbook_lib.steps.cluster_joining import (
    AddNode,
    CheckAccountAgain,
    CheckMembers,
    CheckSecondNode,
    Joining,
)
from runbook_lib.steps.cluster_networks import CheckWholeCluster, Roles, SetNetworkRoles
from runbook_lib.steps.cluster_node_checks import CheckConnections
from runbook_lib.steps.step import (
    At,
    Blocked,
    Change,
    Changes,
    NoChange,
    Plan,
    PowerOf,
    Reads,
    Silence,
    StepClass,
    StepFactory,
)
from runbook_lib.topology.models import PublicRole, Topology

PHASE = "50_join_second_node"
MAY_BE_OFF = True
RUNNING = "running nodes"


@dataclass(frozen=True)
class CheckFormedCluster:
    """The cluster of phase 40 is whole and holds both disks: only then may another node start."""

    ids: ClassVar[tuple[str, ...]] = ("S042", "T14")
    step_class: ClassVar[StepClass] = StepClass.READ
    wish: Wish

    @property
    def node(self) -> str:
        """Return the first node."""
        return self.wish.node

    def reads(self) -> Reads:
        """Return the questions of phase 40's own checks."""
        return CheckCluster(self.wish).reads()

    def plan(self, seen: Seen, public: Adapter | None) -> Plan:
        """Return NoChange when phase 40 would find nothing to do."""
        whole = CheckCluster(self.wish).plan(seen, public)
        for found in (SetQuorum(self.wish).plan(seen), whole):
            match found:
                case NoChange():
                    continue
                case Blocked():
                    return found
                case Changes(changes=changes):
                    reason = "; ".join(f"{c.setting} is {c.before}" for c in changes)
                case other:
                    reason = f"there is no whole cluster on {self.node} yet ({other.reason})"
            return Blocked(
                reason, f"run phase {form_cluster.PHASE} first, with {self.wish.other} off"
            )
        return whole


@dataclass(frozen=True)
class SwitchOnSecondNode:
    """The second node runs, now that the cluster guards the disks."""

    ids: ClassVar[tuple[str, ...]] = ("S042", "T14")
    step_class: ClassVar[StepClass] = StepClass.SET
    node: str
    first: str
    cluster: str

    def reads(self) -> Reads:
        """Return the questions: whether it runs, and whether the cluster does."""
        return {
            "power": PowerOf(self.node),
            "member": At(self.first, server_cluster.membership()),
        }

    def plan(self, member: Membership | Silence, *, power: bool) -> Plan:
        """Return the act while the node is off and the first one runs in the cluster."""
        if power:
            return NoChange(f"{self.node} runs")
        if isinstance(member, Silence) or not member.is_running_in(self.cluster):
            return Blocked(
                f"{self.first} does not run in {self.cluster}: nothing guards the disks",
                f"leave {self.node} off and bring the cluster on {self.first} into order first",
            )
        return Changes(
            Change(
                RUNNING,
                f"{self.first} alone",
                "both",
                by=ManualAct(
                    PersonsAct.POWER_ON,
                    f"Switch {self.node} on and wait until Windows has started",
                ),
                undo=f"shut {self.node} down; the cluster goes on with {self.first}",
            )
        )


def check_formed_cluster(topology: Topology) -> Iterator[CheckFormedCluster]:
    """The cluster on node 1 is whole (S042, T14)."""
    yield CheckFormedCluster(form_cluster.wish(topology))


def switch_on_second_node(topology: Topology) -> Iterator[SwitchOnSecondNode]:
    """Node 2 is switched on (S042, T14)."""
    first, second = topology.nodes
    yield SwitchOnSecondNode(second.name, first.name, topology.cluster.name)


def check_second_node(topology: Topology) -> Iterator[CheckSecondNode]:
    """Node 2 may join, and sees both disks (S045, S046, figures 26 and 27)."""
    yield CheckSecondNode(
        topology.nodes[1].name,
        topology.cluster.name,
        topology.domain.name,
        shared_disks.wished(topology),
    )


def check_connections(topology: Topology) -> Iterator[CheckConnections]:
    """Both networks are there on node 2 (S046, figure 27)."""
    yield CheckConnections(adapters.public(topology)[1], adapters.private(topology)[1])


def check_service_account(topology: Topology) -> Iterator[CheckAccountAgain]:
    """The service account is in order (S047, figure 28)."""
    service = topology.accounts.cluster_service
    yield CheckAccountAgain(
        topology.nodes[0].name,
        service.user,
        service.accept_administrator,
        accounts.directory(topology),
    )


def add_node(topology: Topology) -> Iterator[AddNode]:
    """Node 2 becomes a member (S043, S045, S047, S048, S049, figures 24 to 30)."""
    yield AddNode(_joining(topology))


def check_members(topology: Topology) -> Iterator[CheckMembers]:
    """Both nodes are up, and each may have every disk (S049, figure 30)."""
    yield CheckMembers(_joining(topology))


def set_network_roles(topology: Topology) -> Iterator[SetNetworkRoles]:
    """Private is for the nodes, Public for clients (S050, S051, T5, figures 31 and 32)."""
    networks = topology.networks
    wanted = Role.CLIENT if networks.public.role is PublicRole.CLIENT else Role.MIXED
    roles = Roles(
        networks.private.connection,
        networks.public.connection,
        wanted,
        networks.public.accept_single_heartbeat,
    )
    yield SetNetworkRoles(PHASE, topology.nodes[0].name, topology.cluster.name, roles)


def check_whole_cluster(topology: Topology) -> Iterator[CheckWholeCluster]:
    """A working cluster of two nodes, everything online (S052, figure 31)."""
    first, second = topology.nodes
    yield CheckWholeCluster(PHASE, first.name, topology.cluster.name, (first.name, second.name))


def _joining(topology: Topology) -> Joining:
    first, second = topology.nodes
    service = form_cluster.service(topology)
    return Joining(
        phase=PHASE,
        first=first.name,
        second=second.name,
        cluster=topology.cluster.name,
        service_user=service.user,
        service_password=service.password,
        account=accounts.installer(topology),
        deadline_s=topology.waits.setup_s,
    )


STEPS: tuple[StepFactory, ...] = (
    check_formed_cluster,
    switch_on_second_node,
    check_second_node,
    check_connections,
    check_service_account,
    add_node,
    check_members,
    set_network_roles,
    check_whole_cluster,
)
