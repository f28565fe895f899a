"""arp.exe: which MAC address a node found behind an address of its own subnets."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Interface

from runbook_lib.lab.handlers.surface import Context, Ran, runs
from runbook_lib.lab.world import ip_settings


@runs(
    "arp.exe",
    source="documented: arp help; inferred: a host just asked for is in the table, exit codes",
)
def arp(context: Context, arguments: Sequence[str]) -> Ran:
    """Return the entry of one address, as it is after a ping to it."""
    match [word.lower() for word in arguments]:
        case ["-a", target] if ip_settings.is_address(target):
            return _entry(context, target)
        case _:
            return Ran(1, ("", "Displays and modifies the IP-to-Physical address translation.", ""))


def _entry(context: Context, target: str) -> Ran:
    node = context.node
    for adapter in node.connections:
        segment = adapter.hardware.segment
        for address, mask in () if adapter.conflict else adapter.addresses:
            if IPv4Address(target) not in IPv4Interface(f"{address}/{mask}").network:
                continue
            holder = segment and node.site.holder(segment, target, adapter.hardware.mac or "")
            if holder:
                return Ran(
                    0,
                    (
                        "",
                        f"Interface: {address} --- 0x1000{adapter.hardware.index}",
                        "  Internet Address      Physical Address      Type",
                        f"  {target:<22}{holder.mac.lower():<22}dynamic   ",
                    ),
                )
    return Ran(1, ("No ARP Entries Found",))


PROGRAMS = (arp,)
