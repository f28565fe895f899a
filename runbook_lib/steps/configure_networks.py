"""Phase 10: names, addresses, bindings and name resolution of both nodes (figures 1 to 7).

Adapters are found by MAC address, because the names are what this phase sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import system
from runbook_lib.commands.network import Adapter
from runbook_lib.commands.system import Computer, ComputerNames
from runbook_lib.steps import adapters
from runbook_lib.steps.adapters import OnBothAdapters, Wished, own, usable
from runbook_lib.steps.addresses import SetPrivateAddresses, SetPublicAddresses, StopDnsRegistration
from runbook_lib.steps.binding_lists import OrderBindings, UnbindFileSharing
from runbook_lib.steps.connection_names import NameConnections
from runbook_lib.steps.name_resolution import DisableNetbios, TurnOffLmhosts
from runbook_lib.steps.step import (
    Blocked,
    Change,
    Changes,
    Deferred,
    Effect,
    NoChange,
    Plan,
    Reads,
    RebootPending,
    StepClass,
    StepFactory,
)
from runbook_lib.topology.models import Topology

PHASE = "10_configure_networks"


@dataclass(frozen=True)
class NameComputer:
    """The computer has its name, in force after the phase's restart."""

    ids: ClassVar[tuple[str, ...]] = ("S010",)
    step_class: ClassVar[StepClass] = StepClass.SET
    node: str

    def reads(self) -> Reads:
        """Return the questions: the name now and next, and the membership."""
        return {"names": system.computer_names(), "computer": system.computer()}

    def plan(self, names: ComputerNames, computer: Computer) -> Plan:
        """Return a rename unless the name is right now or after the next start."""
        wanted = self.node.upper()
        if names.pending.upper() == wanted:
            if names.rename_is_pending:
                return RebootPending(f"{self.node} after the next start")
            return NoChange(f"named {names.running}")
        if computer.part_of_domain:
            return Blocked(
                f"{names.running} is a member of {computer.domain} and must not be renamed here",
                f"put the name {names.running} into the parameter file, or take the machine out "
                "of the domain first",
            )
        return Changes(
            Change(
                "computer name",
                names.pending,
                self.node,
                by=system.rename(names.running, self.node),
                undo=f"rename the computer to {names.pending} and restart it; only before the "
                "cluster is formed",
                effect=Effect.AFTER_REBOOT,
            )
        )


class AfterTheChanges(Deferred):
    """It can be told as soon as the steps above have been run."""

    @property
    def reason(self) -> str:
        """Return when it is told."""
        return "checked after the changes above"


@dataclass(frozen=True)
class ConfirmSettings(OnBothAdapters):
    """Both adapters hold their addresses: no conflict took one of them away."""

    ids: ClassVar[tuple[str, ...]] = ("S018",)
    step_class: ClassVar[StepClass] = StepClass.READ

    def plan(self, public: Adapter | None, private: Adapter | None) -> Plan:
        """Return NoChange when both addresses are in use, Blocked after an address conflict."""
        for seen, wished in ((public, self.public), (private, self.private)):
            adapter = usable(seen, wished)
            if isinstance(adapter, Blocked):
                return adapter
            if not adapter.dhcp_enabled and adapter.addresses == ("0.0.0.0",):  # noqa: S104
                return Blocked(
                    f"{adapter.connection} lost its address: another machine uses it (0.0.0.0)",
                    f"find the machine that uses {wished.address} (event 4199 of source Tcpip on "
                    f"{self.node}), and give one of the two another address",
                )
            if own(adapter, wished).addresses != (wished.address,):
                return AfterTheChanges(PHASE)
        return NoChange(f"{self.public.address} and {self.private.address} in use")


def name_computers(topology: Topology) -> Iterator[NameComputer]:
    """The computer has its name (S010)."""
    yield from (NameComputer(node.name) for node in topology.nodes)


def name_connections(topology: Topology) -> Iterator[NameConnections]:
    """The connections are named after their networks (S011, figure 1)."""
    for public, private in _pairs(topology):
        yield NameConnections(public, private)


def order_bindings(topology: Topology) -> Iterator[OrderBindings]:
    """Public is bound first, then Private, then remote access (S012, figure 2)."""
    for public, private in _pairs(topology):
        yield OrderBindings(public, private)


def unbind_file_sharing(topology: Topology) -> Iterator[UnbindFileSharing]:
    """File and printer sharing is off on Private (S013, figure 3)."""
    by_registry = topology.networks.unbind_file_sharing == "registry"
    yield from (UnbindFileSharing(wished, by_registry) for wished in adapters.private(topology))


def set_public_addresses(topology: Topology) -> Iterator[SetPublicAddresses]:
    """Public has its address, gateway and DNS servers (S014, figure 4)."""
    network_ = topology.networks.public
    for wished in adapters.public(topology):
        yield SetPublicAddresses(wished, network_.gateway, tuple(network_.dns))


def set_private_addresses(topology: Topology) -> Iterator[SetPrivateAddresses]:
    """Private has its address and mask, nothing else (S015, figure 5)."""
    yield from (SetPrivateAddresses(wished) for wished in adapters.private(topology))


def stop_dns_registration(topology: Topology) -> Iterator[StopDnsRegistration]:
    """Private is not registered in DNS (S016, figure 6)."""
    yield from (StopDnsRegistration(wished) for wished in adapters.private(topology))


def turn_off_lmhosts(topology: Topology) -> Iterator[TurnOffLmhosts]:
    """LMHOSTS lookup is off on the machine (S017, T11, figure 7)."""
    yield from (TurnOffLmhosts(node.name) for node in topology.nodes)


def disable_netbios(topology: Topology) -> Iterator[DisableNetbios]:
    """NetBIOS over TCP/IP is off on Private (S017, figure 7)."""
    yield from (DisableNetbios(wished) for wished in adapters.private(topology))


def confirm_settings(topology: Topology) -> Iterator[ConfirmSettings]:
    """Both addresses are in use on the wire (S018)."""
    for public, private in _pairs(topology):
        yield ConfirmSettings(public, private)


def _pairs(topology: Topology) -> Iterator[tuple[Wished, Wished]]:
    yield from zip(adapters.public(topology), adapters.private(topology), strict=True)


STEPS: tuple[StepFactory, ...] = (
    name_computers,
    name_connections,
    order_bindings,
    unbind_file_sharing,
    set_public_addresses,
    set_private_addresses,
    stop_dns_registration,
    turn_off_lmhosts,
    disable_netbios,
    confirm_settings,
)
