"""Network adapters: hardware, cable, and the TCP/IP settings that the registry holds for them.

What is asked for here is how the running stack sees it. While a cable is out, the stack is not
bound: it has no address and knows no setting, but the registry keeps the wish.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.site_network import Segment
from runbook_lib.lab.world.windows_registry import Registry

NOT_IN_USE = "0.0.0.0"  # noqa: S104 - how Windows shows an address that another host holds
AUTOMATIC_MASK = "255.255.0.0"


@dataclass(frozen=True)
class Hardware:
    """What does not change: a network card, or one of Windows' own WAN miniports.

    index: key of both WMI classes. mac: with hyphens. automatic_address: what it takes for
    itself where no DHCP server answers. segment: None for what is no network connection.
    """

    index: int
    guid: str
    name: str
    service: str
    pnp_device_id: str
    mac: str | None = None
    segment: Segment | None = None
    automatic_address: str = ""


@dataclass
class Adapter:
    """One adapter of one node.

    plugged: the cable leads to a running switch. conflict: another host answered for the
    address that was last set. of_cluster: addresses that the cluster service brought online here,
    each with its mask; nothing writes them down.
    """

    hardware: Hardware
    registry: Registry
    plugged: bool = True
    conflict: bool = False
    of_cluster: tuple[tuple[str, str], ...] = ()

    @property
    def interface(self) -> str:
        """Return the key of its TCP/IP settings."""
        return places.tcpip_interface(self.hardware.guid)

    @property
    def netbt(self) -> str:
        """Return the key of its NetBIOS settings."""
        return places.netbt_interface(self.hardware.guid)

    @property
    def is_connection(self) -> bool:
        """Tell whether it shows in the folder of network connections."""
        return self.hardware.segment is not None

    @property
    def connection(self) -> str | None:
        """Return its name in that folder."""
        if not self.is_connection:
            return None
        return self.registry.text(places.connection(self.hardware.guid), "Name")

    @property
    def ip_enabled(self) -> bool:
        """Tell whether TCP/IP is bound to it and in use."""
        return self.is_connection and self.plugged

    @property
    def dhcp(self) -> bool:
        """Tell whether it asks for an address."""
        return self.registry.number(self.interface, "EnableDHCP") == 1

    @property
    def addresses(self) -> tuple[tuple[str, str], ...]:
        """Return the addresses in use, each with its mask; none while IP is not enabled."""
        if not self.ip_enabled:
            return ()
        return (*self._own_addresses, *self.of_cluster)

    @property
    def _own_addresses(self) -> tuple[tuple[str, str], ...]:
        if self.conflict:
            return ((NOT_IN_USE, NOT_IN_USE),)
        if not self.dhcp:
            return self.stored_addresses
        leased = self.registry.text(self.interface, "DhcpIPAddress", NOT_IN_USE)
        if leased != NOT_IN_USE:
            return ((leased, self.registry.text(self.interface, "DhcpSubnetMask")),)
        return ((self.hardware.automatic_address, AUTOMATIC_MASK),)

    @property
    def stored_addresses(self) -> tuple[tuple[str, str], ...]:
        """Return the fixed addresses as they are written down, in use or not."""
        stored = self.registry.texts(self.interface, "IPAddress")
        masks = self.registry.texts(self.interface, "SubnetMask")
        return tuple(zip(stored, masks, strict=True))

    @property
    def gateways(self) -> tuple[tuple[str, int], ...]:
        """Return the default gateways with their metrics."""
        fixed = self.registry.texts(self.interface, "DefaultGateway")
        metrics = self.registry.texts(self.interface, "DefaultGatewayMetric")
        found = [(gateway, int(metric)) for gateway, metric in zip(fixed, metrics, strict=True)]
        if self.dhcp and not found:
            leased = self.registry.texts(self.interface, "DhcpDefaultGateway")
            found = [(gateway, 1) for gateway in leased]
        return tuple(found)

    @property
    def dns_servers(self) -> tuple[str, ...]:
        """Return the DNS servers: the fixed ones, else those that came by DHCP."""
        fixed = _split(self.registry.text(self.interface, "NameServer"))
        if fixed or not self.dhcp:
            return fixed
        return _split(self.registry.text(self.interface, "DhcpNameServer"))

    @property
    def wins_servers(self) -> tuple[str, ...]:
        """Return the fixed WINS servers."""
        return self.registry.texts(self.netbt, "NameServerList")

    @property
    def registers_in_dns(self) -> bool:
        """Tell whether its addresses are registered in DNS; Windows does unless told not to."""
        return self.registry.number(self.interface, "RegistrationEnabled", 1) == 1

    @property
    def registers_suffix(self) -> bool:
        """Tell whether its own DNS suffix is used in that; Windows does not unless told to."""
        return self.registry.number(self.interface, "RegisterAdapterName", 0) == 1

    @property
    def netbios_option(self) -> int:
        """Return 0 (as DHCP says), 1 (on) or 2 (off)."""
        return self.registry.number(self.netbt, "NetbiosOptions")

    @property
    def mac_with_colons(self) -> str | None:
        """Return the MAC as WMI writes it."""
        return self.hardware.mac.replace("-", ":") if self.hardware.mac else None

    def facts(self) -> dict[str, object]:
        """Return what the ledger shows of the address settings, as they are written down."""
        return {
            "dhcp": self.dhcp,
            "addresses": ["/".join(pair) for pair in self.stored_addresses],
            "gateways": [gateway for gateway, _ in self.gateways],
            "dns": list(self.dns_servers),
        }


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[ ,]+", text) if part)
