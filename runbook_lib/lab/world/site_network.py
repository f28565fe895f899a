"""The two switches of the site: who holds which address, and what DHCP hands out.

The public one leads to the gateway, the domain controller and a DHCP server; the private one
joins the two nodes and nothing else, so an adapter there finds no DHCP server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Segment(StrEnum):
    """Which switch an adapter's cable leads to."""

    PUBLIC = "public"
    PRIVATE = "private"


@dataclass(frozen=True)
class Lease:
    """What DHCP gives one adapter."""

    address: str
    mask: str
    gateway: str
    dns: tuple[str, ...]
    server: str


@dataclass(frozen=True)
class Holder:
    """Who answers for an address: a host's name and its MAC; some answer no ping."""

    segment: Segment
    address: str
    name: str
    mac: str
    answers_ping: bool = True


@dataclass
class SiteNetwork:
    """Hosts with fixed addresses, the DHCP server's leases by MAC, and the nodes' addresses.

    adapters: set by the world; yields a Holder for every address that a running node uses now.
    """

    hosts: tuple[Holder, ...]
    leases: Mapping[str, Lease]
    adapters: Callable[[], Iterator[Holder]] = field(default=lambda: iter(()))

    def holder(self, segment: Segment, address: str, besides: str) -> Holder | None:
        """Return who answers for an address on a segment, apart from the adapter `besides`."""
        for held in (*self.hosts, *self.adapters()):
            if held.segment is segment and held.address == address and held.mac != besides:
                return held
        return None

    def answers(self, address: str) -> bool:
        """Tell whether any host answers for an address."""
        return any(held.address == address for held in (*self.hosts, *self.adapters()))
