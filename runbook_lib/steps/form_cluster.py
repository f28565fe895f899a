"""Phase 40: the first node forms the cluster while the second one is off (figures 15 to 23).

The wizard's pages are steps here: who does it, on which node, under which name and address, with
which service account. What its analysis looks for is looked at before anything is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import probe, server_cluster
from runbook_lib.commands.command import ManualAct, PersonsAct, TaskAccount
from runbook_lib.commands.server_cluster import Membership
from runbook_lib.steps import accounts, adapters, shared_disks
from runbook_lib.steps.cluster_creation import CheckCluster, CreateCluster, SetQuorum, Wish
from runbook_lib.steps.cluster_node_checks import (
    CheckConnections,
    CheckDisks,
    CheckFirstNode,
    CheckInstaller,
    CheckNames,
    CheckServiceAccount,
)
from runbook_lib.steps.step import (
    At,
    Change,
    Changes,
    NoChange,
    Plan,
    Reads,
    Silence,
    StepClass,
    StepFactory,
)
from runbook_lib.topology.models import Topology
from runbook_lib.topology.names import user_and_domain

PHASE = "40_form_cluster"
MAY_BE_OFF = True
RUNNING = "running nodes"


@dataclass(frozen=True)
class RunFirstNodeAlone:
    """Only the first node runs until it has formed the cluster, which then guards the disks.

    others: the second node's addresses, which must not reply either.
    """

    ids: ClassVar[tuple[str, ...]] = ("S030", "T14")
    step_class: ClassVar[StepClass] = StepClass.SET
    node: str
    other: str
    cluster: str
    others: tuple[str, ...]

    def reads(self) -> Reads:
        """Return the questions: who runs, who replies, and whether the cluster is there."""
        return {
            "member": At(self.node, server_cluster.membership()),
            "replies": At(self.node, probe.replies(self.others)),
            "other": At(self.other, server_cluster.membership()),
        }

    def plan(
        self,
        member: Membership | Silence,
        replies: Mapping[str, bool] | Silence,
        other: Membership | Silence,
    ) -> Plan:
        """Return the act unless the first node runs alone, or the cluster guards the disks."""
        for each in (member, other):
            if not isinstance(each, Silence) and each.is_running_in(self.cluster):
                return NoChange(f"{self.cluster} guards the disks")
        if isinstance(member, Silence) or isinstance(replies, Silence):
            return self._act("none" if isinstance(other, Silence) else f"{self.other} alone")
        if not isinstance(other, Silence):
            return self._act("both")
        replying = [address for address, answered in replies.items() if answered]
        if replying:
            return shared_disks.not_off(self.other, self.node, replying)
        return NoChange(f"{self.node} runs alone; {' and '.join(self.others)} do not reply")

    def _act(self, before: str) -> Changes:
        return Changes(
            Change(
                RUNNING,
                before,
                f"{self.node} alone",
                by=ManualAct(
                    PersonsAct.RUN_ALONE,
                    f"Shut {self.other} down and leave it off; only then switch {self.node} on, "
                    f"if it is off. {self.node} forms the cluster alone",
                ),
                undo=f"shut {self.node} down before {self.other} is switched on, as long as there "
                "is no cluster",
            )
        )


def run_first_node_alone(topology: Topology) -> Iterator[RunFirstNodeAlone]:
    """Node 2 is off while node 1 forms the cluster (S030, T14)."""
    first, second = topology.nodes
    addresses = (second.public.address, second.private.address)
    yield RunFirstNodeAlone(first.name, second.name, topology.cluster.name, addresses)


def check_installer(topology: Topology) -> Iterator[CheckInstaller]:
    """The installer may do it (S031)."""
    user = topology.accounts.installer.user
    yield CheckInstaller(topology.nodes[0].name, user, accounts.directory(topology))


def check_first_node(topology: Topology) -> Iterator[CheckFirstNode]:
    """Node 1 may be the first member (S035, S036, figures 18 and 19)."""
    yield CheckFirstNode(topology.nodes[0].name, topology.cluster.name, topology.domain.name)


def check_connections(topology: Topology) -> Iterator[CheckConnections]:
    """Both networks are there, under their names (S036, figure 19)."""
    yield CheckConnections(adapters.public(topology)[0], adapters.private(topology)[0])


def check_disks(topology: Topology) -> Iterator[CheckDisks]:
    """Node 1 shows both shared disks (S036, S040, T6, figure 19)."""
    first, second = topology.nodes
    yield CheckDisks((first.name, second.name), shared_disks.wished(topology))


def check_names(topology: Topology) -> Iterator[CheckNames]:
    """The cluster's name and address are free (S034, S037, T3, figures 17 and 20)."""
    yield CheckNames(
        topology.nodes[0].name,
        topology.cluster.name,
        topology.cluster.address,
        topology.mailbox_server.name,
        accounts.directory(topology),
    )


def check_service_account(topology: Topology) -> Iterator[CheckServiceAccount]:
    """The service account is one of its own, and in order (S038, N039, T4, figure 21)."""
    service = topology.accounts.cluster_service
    yield CheckServiceAccount(
        topology.nodes[0].name,
        service.user,
        service.accept_administrator,
        accounts.directory(topology),
    )


def create_cluster(topology: Topology) -> Iterator[CreateCluster]:
    """Node 1 forms the cluster (S032, S034, S035, S037, S038, S041, figures 15 to 23)."""
    yield CreateCluster(wish(topology))


def set_quorum(topology: Topology) -> Iterator[SetQuorum]:
    """The quorum lies on its disk (S040, T6, figure 22)."""
    yield SetQuorum(wish(topology))


def check_cluster(topology: Topology) -> Iterator[CheckCluster]:
    """All of the new cluster is online (S041, S038, figure 23)."""
    yield CheckCluster(wish(topology))


def wish(topology: Topology) -> Wish:
    """Return the cluster as the parameter file wants it."""
    first, second = topology.nodes
    public = topology.networks.public
    letters = (topology.disks.quorum.letter, topology.disks.database.letter)
    return Wish(
        phase=PHASE,
        node=first.name,
        other=second.name,
        name=topology.cluster.name,
        address=(topology.cluster.address, public.mask, public.connection),
        quorum=f"Disk {letters[0]}:",
        disks=tuple(f"Disk {letter}:" for letter in letters),
        public_mac=first.public.mac,
        service=service(topology),
        account=accounts.installer(topology),
        deadline_s=topology.waits.setup_s,
    )


def service(topology: Topology) -> TaskAccount:
    r"""Return the service account in the spelling that cluster.exe takes: DOMAIN\user."""
    account = accounts.cluster_service(topology)
    user, domain = user_and_domain(account.user)
    is_full = domain.casefold() == topology.domain.name.casefold()
    short = topology.domain.netbios_name if is_full else domain
    return TaskAccount(rf"{short}\{user}", account.password)


STEPS: tuple[StepFactory, ...] = (
    run_first_node_alone,
    check_installer,
    check_first_node,
    check_connections,
    check_disks,
    check_names,
    check_service_account,
    create_cluster,
    set_quorum,
    check_cluster,
)
