"""Addresses, gateways and name servers of both connections (figures 4 to 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import netsh, network
from runbook_lib.commands.network import Adapter
from runbook_lib.steps.adapters import OnOneAdapter, listed, own, usable, with_masks
from runbook_lib.steps.step import Blocked, Change, Changes, NoChange, Plan, StepClass


@dataclass(frozen=True)
class SetPublicAddresses(OnOneAdapter):
    """Public has its fixed address, gateway and DNS servers."""

    ids: ClassVar[tuple[str, ...]] = ("S014",)
    step_class: ClassVar[StepClass] = StepClass.SET
    gateway: str
    dns: tuple[str, ...]

    def plan(self, seen: Adapter | None) -> Plan:
        """Return what differs; whatever DHCP lent counts as different, for it goes with DHCP.

        The cluster's addresses are no difference, and are not taken away by setting the own one.
        """
        found = usable(seen, self.wished)
        if isinstance(found, Blocked):
            return found
        changes = []
        adapter = own(found, self.wished)
        address, mask = self.wished.address, self.wished.mask
        leased = adapter.dhcp_enabled
        name = self.wished.connection
        if leased or (adapter.addresses, adapter.masks) != ((address,), (mask,)):
            if adapter is not found:
                of_cluster = [one for one in found.addresses if one not in adapter.addresses]
                return Blocked(
                    f"{name} holds {', '.join(of_cluster)} of the cluster; to change its address "
                    "would take them away",
                    "move the cluster's groups to the other node, then plan again",
                )
            by = network.set_address(
                adapter.index, address, mask, drops_session=adapter.addresses[:1] != (address,)
            )
            changes.append(
                Change(
                    f"address of {name}",
                    with_masks(adapter),
                    f"{address}/{mask}",
                    by=by,
                    undo=_back(with_masks(adapter), leased=leased),
                )
            )
        if leased or adapter.gateways != (self.gateway,):
            before = listed(adapter.gateways, dhcp=leased)
            changes.append(
                Change(
                    f"gateway of {name}",
                    before,
                    self.gateway,
                    by=network.set_gateways(adapter.index, (self.gateway,)),
                    undo=_back(before, leased=leased),
                )
            )
        if leased or adapter.dns_servers != self.dns:
            before = listed(adapter.dns_servers, dhcp=leased)
            changes.append(
                Change(
                    f"DNS servers of {name}",
                    before,
                    listed(self.dns),
                    by=network.set_dns_servers(adapter.index, self.dns),
                    undo=_back(before, leased=leased),
                )
            )
        if not changes:
            return NoChange(f"{address}/{mask}, gateway {self.gateway}, DNS {listed(self.dns)}")
        return Changes(*changes)


@dataclass(frozen=True)
class SetPrivateAddresses(OnOneAdapter):
    """Private has its fixed address and mask, and no gateway, DNS or WINS server."""

    ids: ClassVar[tuple[str, ...]] = ("S015",)
    step_class: ClassVar[StepClass] = StepClass.SET

    def plan(self, seen: Adapter | None) -> Plan:
        """Return what differs; a gateway can be taken away by netsh only."""
        adapter = usable(seen, self.wished)
        if isinstance(adapter, Blocked):
            return adapter
        address, mask, name = self.wished.address, self.wished.mask, self.wished.connection
        leased = adapter.dhcp_enabled
        wanted = f"{address}/{mask}"
        changes = []
        if adapter.gateways:
            before = f"{with_masks(adapter)}, gateway {listed(adapter.gateways)}"
            changes.append(
                Change(
                    f"address and gateway of {name}",
                    before,
                    f"{wanted}, no gateway",
                    by=netsh.set_address_without_gateway(adapter.connection, address, mask),
                    undo=_back(before, leased=leased),
                )
            )
        elif leased or (adapter.addresses, adapter.masks) != ((address,), (mask,)):
            changes.append(
                Change(
                    f"address of {name}",
                    with_masks(adapter),
                    wanted,
                    by=network.set_address(adapter.index, address, mask),
                    undo=_back(with_masks(adapter), leased=leased),
                )
            )
        if adapter.dns_servers:
            before = listed(adapter.dns_servers, dhcp=leased)
            changes.append(
                Change(
                    f"DNS servers of {name}",
                    before,
                    "none",
                    by=network.set_dns_servers(adapter.index, ()),
                    undo=_back(before, leased=leased),
                )
            )
        if adapter.wins_servers:
            before = listed(adapter.wins_servers, dhcp=leased)
            changes.append(
                Change(
                    f"WINS servers of {name}",
                    before,
                    "none",
                    by=netsh.clear_wins_servers(adapter.connection),
                    undo=_back(before, leased=leased),
                )
            )
        if not changes:
            return NoChange(f"{wanted}, no gateway, no DNS, no WINS")
        return Changes(*changes)


@dataclass(frozen=True)
class StopDnsRegistration(OnOneAdapter):
    """Private does not register itself in DNS, neither its address nor under its own suffix."""

    ids: ClassVar[tuple[str, ...]] = ("S016",)
    step_class: ClassVar[StepClass] = StepClass.SET

    def plan(self, seen: Adapter | None) -> Plan:
        """Return one change while either box is ticked; the method sets both at once."""
        adapter = usable(seen, self.wished)
        if isinstance(adapter, Blocked):
            return adapter
        boxes = (adapter.registers_in_dns, adapter.registers_domain_suffix)
        if boxes == (False, False):
            return NoChange("does not register")
        full, suffix = ("yes" if box else "no" for box in boxes)
        return Changes(
            Change(
                f"DNS registration of {self.wished.connection}",
                f"address {full}, suffix {suffix}",
                "address no, suffix no",
                by=network.set_dns_registration(adapter.index, full=False, domain=False),
                undo=f"tick the boxes on the DNS tab of {self.wished.connection} as shown under "
                "before",
            )
        )


def _back(before: str, *, leased: bool) -> str:
    return "set the connection back to DHCP" if leased else f"set it back to {before}"
