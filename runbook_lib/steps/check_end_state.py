"""Phase 99: what stands, held against what the phases built; this phase reads only.

Each step here is one of an earlier phase, asked again: whatever that step would change is a
difference, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from runbook_lib.steps import configure_networks
from runbook_lib.steps.step import (
    Blocked,
    Changes,
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
            case _:
                differences = "the addresses are not the wished ones"
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
)
