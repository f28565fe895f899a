"""Phase 99: what stands, held against what the phases built; this phase reads only.

Each step here is one of an earlier phase, asked again: whatever that step would change is a
difference, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from runbook_lib.steps import (
    configure_networks,
    disk_step,
    form_cluster,
    install_exchange_active_node,
    install_exchange_passive_node,
    install_windows_components,
    join_domain,
    join_second_node,
    prepare_shared_disks,
    prove_failover,
)
from runbook_lib.steps.step import (
    Blocked,
    Changes,
    Deferred,
    NoChange,
    Plan,
    Reads,
    RebootPending,
    Step,
    StepClass,
    StepFactory,
)
from runbook_lib.topology.models import Topology

PHASE = "99_check_end_state"


@dataclass(frozen=True)
class Check:
    """What one step of an earlier phase made true still holds. phase: which one."""

    step_class: ClassVar[StepClass] = StepClass.READ
    step: Step
    phase: str

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of the step that is checked."""
        return self.step.ids

    @property
    def node(self) -> str:
        """Return the node's name."""
        return self.step.node

    def reads(self) -> Reads:
        """Return the step's own questions."""
        return self.step.reads()

    def plan(self, **seen: Any) -> Plan:
        """Return NoChange where the step has nothing to do, else Blocked with the difference."""
        found = self.step.plan(**seen)
        match found:
            case Changes(changes=changes):
                differences = "; ".join(
                    f"{c.setting} is {c.before}, wanted {c.after}" for c in changes
                )
            case RebootPending(reason=reason):
                differences = f"a restart is missing: {reason}"
            case Blocked(reason=reason):
                differences = reason
            case NoChange():
                return found
            case Deferred():
                differences = found.reason
        return Blocked(differences, f"run phase {self.phase} again")


def _checks(steps: Iterable[Step], phase: str) -> Iterator[Check]:
    yield from (Check(step, phase) for step in steps)


def computers_are_named(topology: Topology) -> Iterator[Check]:
    """The computers have their names (S010)."""
    yield from _checks(configure_networks.name_computers(topology), configure_networks.PHASE)


def connections_are_named(topology: Topology) -> Iterator[Check]:
    """The connections are named after their networks (S011)."""
    yield from _checks(configure_networks.name_connections(topology), configure_networks.PHASE)


def bindings_are_in_order(topology: Topology) -> Iterator[Check]:
    """Public is bound first, then Private, then remote access (S012)."""
    yield from _checks(configure_networks.order_bindings(topology), configure_networks.PHASE)


def file_sharing_is_unbound(topology: Topology) -> Iterator[Check]:
    """File and printer sharing is off on Private (S013)."""
    yield from _checks(configure_networks.unbind_file_sharing(topology), configure_networks.PHASE)


def public_addresses_stand(topology: Topology) -> Iterator[Check]:
    """Public has its address, gateway and DNS servers (S014)."""
    yield from _checks(configure_networks.set_public_addresses(topology), configure_networks.PHASE)


def private_addresses_stand(topology: Topology) -> Iterator[Check]:
    """Private has its address and mask, nothing else (S015)."""
    yield from _checks(configure_networks.set_private_addresses(topology), configure_networks.PHASE)


def dns_registration_is_off(topology: Topology) -> Iterator[Check]:
    """Private is not registered in DNS (S016)."""
    yield from _checks(configure_networks.stop_dns_registration(topology), configure_networks.PHASE)


def lmhosts_is_off(topology: Topology) -> Iterator[Check]:
    """LMHOSTS lookup is off on the machine (S017, T11)."""
    yield from _checks(configure_networks.turn_off_lmhosts(topology), configure_networks.PHASE)


def netbios_is_off(topology: Topology) -> Iterator[Check]:
    """NetBIOS over TCP/IP is off on Private (S017)."""
    yield from _checks(configure_networks.disable_netbios(topology), configure_networks.PHASE)


def addresses_are_in_use(topology: Topology) -> Iterator[Check]:
    """Both addresses are in use on the wire (S018)."""
    yield from _checks(configure_networks.confirm_settings(topology), configure_networks.PHASE)


def nodes_are_in_the_domain(topology: Topology) -> Iterator[Check]:
    """Both nodes are members of the domain (S019)."""
    yield from _checks(join_domain.confirm_membership(topology), join_domain.PHASE)


def shared_disks_are_prepared(topology: Topology) -> Iterator[Check]:
    """Both shared disks have their volumes and letters (M020)."""
    yield from _checks(prepare_shared_disks.check_disks(topology), disk_step.PHASE)


def cluster_stands(topology: Topology) -> Iterator[Check]:
    """The cluster has its name, its address and its resources (S034, S037, S041)."""
    yield from _checks(form_cluster.check_cluster(topology), form_cluster.PHASE)


def quorum_is_on_its_disk(topology: Topology) -> Iterator[Check]:
    """The quorum is on the quorum disk (S040, T6)."""
    yield from _checks(form_cluster.set_quorum(topology), form_cluster.PHASE)


def both_nodes_are_members(topology: Topology) -> Iterator[Check]:
    """Both nodes are members (S049)."""
    yield from _checks(join_second_node.check_members(topology), join_second_node.PHASE)


def network_roles_stand(topology: Topology) -> Iterator[Check]:
    """Each network carries what it should (S050, S051, T5)."""
    yield from _checks(join_second_node.set_network_roles(topology), join_second_node.PHASE)


def components_are_installed(topology: Topology) -> Iterator[Check]:
    """The Windows components of a mailbox server are there (M062)."""
    steps = install_windows_components.install_components(topology)
    yield from _checks(steps, install_windows_components.PHASE)


def no_mail_services_are_installed(topology: Topology) -> Iterator[Check]:
    """Neither SMTP nor NNTP is installed (M062)."""
    steps = install_windows_components.check_no_mail_services(topology)
    yield from _checks(steps, install_windows_components.PHASE)


def tcp_offload_is_off(topology: Topology) -> Iterator[Check]:
    """TCP offload is off (M062)."""
    steps = install_windows_components.turn_off_offload(topology)
    yield from _checks(steps, install_windows_components.PHASE)


def nodes_are_alike(topology: Topology) -> Iterator[Check]:
    """Both nodes have the same components (N063)."""
    steps = install_windows_components.compare_nodes(topology)
    yield from _checks(steps, install_windows_components.PHASE)


def active_node_has_its_role(topology: Topology) -> Iterator[Check]:
    """Node 1 has the Mailbox role (S076, S081)."""
    steps = install_exchange_active_node.install_role(topology)
    yield from _checks(steps, install_exchange_active_node.PHASE)


def passive_node_has_its_role(topology: Topology) -> Iterator[Check]:
    """Node 2 has the Mailbox role (S082)."""
    steps = install_exchange_passive_node.install_role(topology)
    yield from _checks(steps, install_exchange_passive_node.PHASE)


def mailbox_server_is_made(topology: Topology) -> Iterator[Check]:
    """The clustered mailbox server is made (S078, S081)."""
    steps = install_exchange_active_node.make_mailbox_server(topology)
    yield from _checks(steps, install_exchange_active_node.PHASE)


def databases_wait_for_their_disk(topology: Topology) -> Iterator[Check]:
    """The disk is in the mailbox server's group, its databases wait for it (T13)."""
    steps = install_exchange_active_node.join_storage(topology)
    yield from _checks(steps, install_exchange_active_node.PHASE)


def resources_are_online(topology: Topology) -> Iterator[Check]:
    """One group holds all of Exchange, online and able to move (S090, N003)."""
    yield from _checks(prove_failover.check_resources(topology), prove_failover.PHASE)


def mailbox_server_is_online(topology: Topology) -> Iterator[Check]:
    """Either node says that the mailbox server is online (S091)."""
    yield from _checks(prove_failover.check_status(topology), prove_failover.PHASE)


def services_are_in_place(topology: Topology) -> Iterator[Check]:
    """Exchange's services run on the active node and rest on the other one (S090)."""
    yield from _checks(prove_failover.check_services(topology), prove_failover.PHASE)


def failover_was_proved(topology: Topology) -> Iterator[Check]:
    """The mailbox server has been moved there (S092)."""
    yield from _checks(prove_failover.move_to_second_node(topology), prove_failover.PHASE)


def way_back_was_proved(topology: Topology) -> Iterator[Check]:
    """The mailbox server has been moved back (S092)."""
    yield from _checks(prove_failover.move_back(topology), prove_failover.PHASE)


def console_shows_the_server(topology: Topology) -> Iterator[Check]:
    """It is a cluster server of both nodes, with its databases on the shared disk (S094)."""
    yield from _checks(prove_failover.check_console(topology), prove_failover.PHASE)


STEPS: tuple[StepFactory, ...] = (
    computers_are_named,
    connections_are_named,
    bindings_are_in_order,
    file_sharing_is_unbound,
    public_addresses_stand,
    private_addresses_stand,
    dns_registration_is_off,
    lmhosts_is_off,
    netbios_is_off,
    addresses_are_in_use,
    nodes_are_in_the_domain,
    shared_disks_are_prepared,
    cluster_stands,
    quorum_is_on_its_disk,
    both_nodes_are_members,
    network_roles_stand,
    components_are_installed,
    no_mail_services_are_installed,
    tcp_offload_is_off,
    nodes_are_alike,
    active_node_has_its_role,
    passive_node_has_its_role,
    mailbox_server_is_made,
    databases_wait_for_their_disk,
    resources_are_online,
    mailbox_server_is_online,
    services_are_in_place,
    failover_was_proved,
    way_back_was_proved,
    console_shows_the_server,
)
