"""Adapters and their settings: what WMI and the binding lists say, and how they are set.

An adapter is known by its MAC address: index and connection name move. Windows Server 2003 has
no GUID on Win32_NetworkAdapter, so both WMI classes are joined by Index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from runbook_lib.commands import rows, windows_registry, wmi
from runbook_lib.commands.command import Action, Answer, Outcome, Query, Row, Value, WmiMethod

CLASS = "Win32_NetworkAdapterConfiguration"

ACCEPTS: Mapping[int, Outcome] = MappingProxyType({0: Outcome.DONE, 1: Outcome.REBOOT_NEEDED})

EXPLAINS: Mapping[int, str] = MappingProxyType(
    {
        64: "the platform does not support the method",
        65: "a failure without further detail",
        66: "the subnet mask is not valid",
        67: "the returned instance could not be processed",
        68: "an input parameter is not valid",
        69: "more than five gateways were given",
        70: "the IP address is not valid",
        71: "the gateway address is not valid",
        72: "the registry could not be accessed",
        73: "the domain name is not valid",
        74: "the host name is not valid",
        75: "no WINS server is defined",
        76: "the file is not valid",
        77: "the system path is not valid",
        78: "a file could not be copied",
        79: "the security parameter is not valid",
        80: "the TCP/IP service could not be configured",
        81: "the DHCP service could not be configured",
        82: "the DHCP lease could not be renewed",
        83: "the DHCP lease could not be released",
        84: "IP is not enabled on the adapter (unplugged or disabled)",
        85: "IPX is not enabled on the adapter",
        86: "a frame or network number is out of bounds",
        87: "the frame type is not valid",
        88: "the network number is not valid",
        89: "the network number is already used",
        90: "a parameter is out of bounds",
        91: "access was denied",
        92: "the node is out of memory",
        93: "it exists already",
        94: "a path, file or object was not found",
        95: "the service could not be notified",
        96: "the DNS service could not be notified",
        97: "the interface cannot be configured",
        98: "not all DHCP leases could be released or renewed",
        100: "DHCP is not enabled on the adapter",
    }
)
"""Documented return values of all methods of Win32_NetworkAdapterConfiguration."""


class ConnectionStatus(IntEnum):
    """Win32_NetworkAdapter.NetConnectionStatus."""

    DISCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2
    DISCONNECTING = 3
    HARDWARE_NOT_PRESENT = 4
    HARDWARE_DISABLED = 5
    HARDWARE_MALFUNCTION = 6
    MEDIA_DISCONNECTED = 7
    AUTHENTICATING = 8
    AUTHENTICATION_SUCCEEDED = 9
    AUTHENTICATION_FAILED = 10
    INVALID_ADDRESS = 11
    CREDENTIALS_REQUIRED = 12

    def __str__(self) -> str:
        """Return the words for a reader."""
        return self.name.lower().replace("_", " ")


class Netbios(IntEnum):
    """NetBIOS over TCP/IP on one adapter (TcpipNetbiosOptions)."""

    DEFAULT = 0
    ON = 1
    OFF = 2

    def __str__(self) -> str:
        """Return the word for a reader: default (as DHCP says), on or off."""
        return self.name.lower()


@dataclass(frozen=True)
class Adapter:
    """One adapter with a connection, as Windows shows it now.

    index: key of its WMI configuration, good within one boot. guid: with braces.
    mac: upper case with hyphens; None when the driver gives none. masks goes with addresses.
    ip_enabled: False while unplugged or disabled; then the settings that only a bound TCP/IP
    stack knows are None or empty, and most set methods answer 84.
    lmhosts and dns_for_wins are machine-wide, although every adapter shows them.
    """

    index: int
    guid: str
    mac: str | None
    connection: str
    status: ConnectionStatus
    device: str
    pnp_device_id: str | None
    ip_enabled: bool
    dhcp_enabled: bool
    addresses: tuple[str, ...]
    masks: tuple[str, ...]
    gateways: tuple[str, ...]
    dns_servers: tuple[str, ...]
    registers_in_dns: bool | None
    registers_domain_suffix: bool | None
    netbios: Netbios | None
    lmhosts: bool | None
    dns_for_wins: bool | None
    wins_servers: tuple[str, ...]


@dataclass(frozen=True)
class StoredSettings:
    """What the registry holds for one adapter, readable also while it is unplugged."""

    dhcp_enabled: bool
    addresses: tuple[str, ...]
    masks: tuple[str, ...]
    gateways: tuple[str, ...]
    dns_servers: tuple[str, ...]
    registers_in_dns: bool
    registers_domain_suffix: bool
    netbios: Netbios


@dataclass(frozen=True)
class NameResolution:
    """The machine-wide switches of NetBIOS name resolution."""

    lmhosts: bool
    dns_for_wins: bool


def adapters() -> Query[tuple[Adapter, ...]]:
    """Return every adapter that has a connection, by index."""
    return Query((wmi.NETWORK_ADAPTER, wmi.NETWORK_ADAPTER_CONFIGURATION), _adapters)


def adapter(mac: str) -> Query[Adapter | None]:
    """Return the adapter with this MAC address, or None when the node has none.

    The cards of a team share its address; the one that TCP/IP is bound to is meant.
    """
    wanted = rows.mac(mac)

    def pick(answers: Sequence[Answer]) -> Adapter | None:
        found = [one for one in _adapters(answers) if one.mac == wanted]
        bound = [one for one in found if one.ip_enabled]
        found = bound if len(bound) == 1 else found
        if len(found) > 1:
            names = ", ".join(one.connection for one in found)
            raise ValueError(f"{wanted} belongs to more than one connection: {names}")
        return found[0] if found else None

    return Query((wmi.NETWORK_ADAPTER, wmi.NETWORK_ADAPTER_CONFIGURATION), pick)


def stored_settings(guid: str) -> Query[StoredSettings | None]:
    """Return what the registry holds for one adapter, or None when it knows no such adapter."""
    reads = (windows_registry.tcpip_interface(guid), windows_registry.netbt_interface(guid))
    return Query(reads, _stored_settings)


def name_resolution() -> Query[NameResolution]:
    """Return the machine-wide switches as the registry holds them; LMHOSTS is on by default."""

    def parse(answers: Sequence[Answer]) -> NameResolution:
        row = rows.first_row(rows.answered(answers[0]))
        lmhosts = rows.optional_number(row, "EnableLMHOSTS")
        dns = rows.optional_number(row, "EnableDNS")
        return NameResolution(lmhosts=lmhosts is None or lmhosts != 0, dns_for_wins=bool(dns))

    return Query((windows_registry.NETBT,), parse)


def set_address(index: int, address: str, mask: str, *, drops_session: bool = False) -> Action:
    """Give the adapter one fixed address; DHCP is off afterwards."""
    return _call(
        index,
        "EnableStatic",
        ("IPAddress", (address,)),
        ("SubnetMask", (mask,)),
        drops_session=drops_session,
    )


def set_gateways(index: int, gateways: tuple[str, ...], *, drops_session: bool = False) -> Action:
    """Set the gateways, each with metric 1; none cannot be set this way (netsh can)."""
    if not gateways:
        raise ValueError("SetGateways does not clear gateways on Windows Server 2003; use netsh")
    return _call(
        index,
        "SetGateways",
        ("DefaultIPGateway", gateways),
        ("GatewayCostMetric", (1,) * len(gateways)),
        drops_session=drops_session,
    )


def set_dns_servers(index: int, servers: tuple[str, ...]) -> Action:
    """Set the DNS servers in order; none clears the list."""
    return _call(index, "SetDNSServerSearchOrder", ("DNSServerSearchOrder", servers or None))


def set_dns_registration(index: int, *, full: bool, domain: bool) -> Action:
    """Say whether the adapter registers its address in DNS, and also under its own suffix."""
    return _call(
        index,
        "SetDynamicDNSRegistration",
        ("FullDNSRegistrationEnabled", full),
        ("DomainDNSRegistrationEnabled", domain),
    )


def set_netbios(index: int, wanted: Netbios) -> Action:
    """Set NetBIOS over TCP/IP on one adapter."""
    return _call(index, "SetTcpipNetbios", ("TcpipNetbiosOptions", int(wanted)))


def set_wins_servers(index: int, primary: str, secondary: str) -> Action:
    """Set the WINS servers of one adapter; empty text for none."""
    return _call(
        index, "SetWINSServer", ("WINSPrimaryServer", primary), ("WINSSecondaryServer", secondary)
    )


def set_lmhosts(*, enabled: bool, dns_for_wins: bool) -> Action:
    """Switch LMHOSTS lookup for the whole machine; `dns_for_wins` must be its present value.

    The method sets both switches at once, so the one that is not meant is written back.
    """
    return _action(
        WmiMethod(
            CLASS,
            "EnableWINS",
            (("DNSEnabledForWINSResolution", dns_for_wins), ("WINSEnableLMHostsLookup", enabled)),
        )
    )


def _call(
    index: int, method: str, *arguments: tuple[str, Value], drops_session: bool = False
) -> Action:
    command = WmiMethod(CLASS, method, arguments, key=("Index", index))
    return _action(command, drops_session=drops_session)


def _action(command: WmiMethod, *, drops_session: bool = False) -> Action:
    return Action(command, accepts=ACCEPTS, explains=EXPLAINS, drops_session=drops_session)


def _adapters(answers: Sequence[Answer]) -> tuple[Adapter, ...]:
    devices, configurations = (rows.answered(answer) for answer in answers)
    by_index = {rows.number(row, "Index"): row for row in configurations.rows}
    connected = [row for row in devices.rows if rows.optional_text(row, "NetConnectionID")]
    found = [_adapter(row, by_index) for row in connected]
    return tuple(sorted(found, key=lambda one: one.index))


def _adapter(device: Row, by_index: Mapping[int, Row]) -> Adapter:
    index = rows.number(device, "Index")
    if index not in by_index:
        raise ValueError(f"adapter {index} has no {CLASS}")
    settings = by_index[index]
    mac = rows.optional_text(device, "MACAddress") or rows.optional_text(settings, "MACAddress")
    netbios = rows.optional_number(settings, "TcpipNetbiosOptions")
    wins = (
        rows.optional_text(settings, "WINSPrimaryServer"),
        rows.optional_text(settings, "WINSSecondaryServer"),
    )
    return Adapter(
        index=index,
        guid=rows.text(settings, "SettingID"),
        mac=rows.mac(mac) if mac else None,
        connection=rows.text(device, "NetConnectionID"),
        status=ConnectionStatus(rows.number(device, "NetConnectionStatus")),
        device=rows.optional_text(device, "Name") or "",
        pnp_device_id=rows.optional_text(device, "PNPDeviceID"),
        ip_enabled=bool(rows.optional_flag(settings, "IPEnabled")),
        dhcp_enabled=bool(rows.optional_flag(settings, "DHCPEnabled")),
        addresses=rows.texts(settings, "IPAddress"),
        masks=rows.texts(settings, "IPSubnet"),
        gateways=rows.texts(settings, "DefaultIPGateway"),
        dns_servers=rows.texts(settings, "DNSServerSearchOrder"),
        registers_in_dns=rows.optional_flag(settings, "FullDNSRegistrationEnabled"),
        registers_domain_suffix=rows.optional_flag(settings, "DomainDNSRegistrationEnabled"),
        netbios=None if netbios is None else Netbios(netbios),
        lmhosts=rows.optional_flag(settings, "WINSEnableLMHostsLookup"),
        dns_for_wins=rows.optional_flag(settings, "DNSEnabledForWINSResolution"),
        wins_servers=tuple(server for server in wins if server),
    )


def _stored_settings(answers: Sequence[Answer]) -> StoredSettings | None:
    interface = rows.key_row(answers[0])
    if interface is None:
        return None
    netbt = rows.key_row(answers[1]) or {}
    servers = (rows.optional_text(interface, "NameServer") or "").replace(",", " ").split()
    # A missing RegistrationEnabled is the factory state, and that registers.
    full = rows.optional_number(interface, "RegistrationEnabled")
    return StoredSettings(
        dhcp_enabled=bool(rows.optional_number(interface, "EnableDHCP")),
        addresses=rows.texts(interface, "IPAddress"),
        masks=rows.texts(interface, "SubnetMask"),
        gateways=rows.texts(interface, "DefaultGateway"),
        dns_servers=tuple(servers),
        registers_in_dns=full is None or full != 0,
        registers_domain_suffix=bool(rows.optional_number(interface, "RegisterAdapterName")),
        netbios=Netbios(rows.optional_number(netbt, "NetbiosOptions") or 0),
    )
