"""Changes of an adapter's IP settings, whoever asks for them: WMI, netsh or a dialog.

The functions write what they are told and put it in force; judging the input is the business of
whoever takes it in, for each surface refuses in its own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Address

from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.network_adapters import NOT_IN_USE, Adapter
from runbook_lib.lab.world.windows_node import WindowsNode

Pairs = Sequence[tuple[str, str]]


def is_address(text: str) -> bool:
    """Tell whether a text is an address that a host could have."""
    try:
        address = IPv4Address(text)
    except AddressValueError:
        return False
    first = int(text.partition(".")[0])
    return 0 < first < 224 and not address.is_loopback


def is_mask(text: str) -> bool:
    """Tell whether a text is a subnet mask: ones, then zeros, neither alone."""
    try:
        bits = f"{int(IPv4Address(text)):032b}"
    except AddressValueError:
        return False
    return "01" not in bits and "1" in bits and bits != "1" * 32


def fits(address: str, mask: str) -> bool:
    """Tell whether an address is a host's within its mask: neither the network nor broadcast."""
    hosts = ~int(IPv4Address(mask)) & 0xFFFFFFFF
    part = int(IPv4Address(address)) & hosts
    return part not in (0, hosts)


def set_static(
    node: WindowsNode,
    adapter: Adapter,
    addresses: Pairs,
    gateways: Sequence[tuple[str, int]] | None,
) -> None:
    """Give an adapter fixed addresses; a lease goes, with its gateway and DNS servers.

    gateways: None leaves the fixed ones as they are.
    """
    before, was = adapter.facts(), adapter.addresses
    registry, key = node.registry, adapter.interface
    registry.put(key, "EnableDHCP", 0)
    registry.put(key, "IPAddress", [address for address, _ in addresses])
    registry.put(key, "SubnetMask", [mask for _, mask in addresses])
    _drop_lease(node, adapter)
    if gateways is not None:
        _write_gateways(node, adapter, gateways)
    node.look_for_conflict(adapter)
    node.changed(f"address of {adapter.hardware.mac}", before, adapter.facts())
    if adapter.addresses != was:
        node.reset_sessions_through(adapter)


def set_dhcp(node: WindowsNode, adapter: Adapter) -> None:
    """Let an adapter ask for its address; fixed gateways and DNS servers go."""
    before, was = adapter.facts(), adapter.addresses
    registry, key = node.registry, adapter.interface
    registry.put(key, "EnableDHCP", 1)
    registry.put(key, "IPAddress", (NOT_IN_USE,))
    registry.put(key, "SubnetMask", (NOT_IN_USE,))
    _write_gateways(node, adapter, ())
    registry.put(key, "NameServer", "")
    adapter.conflict = False
    take_lease(node, adapter)
    node.changed(f"address of {adapter.hardware.mac}", before, adapter.facts())
    if adapter.addresses != was:
        node.reset_sessions_through(adapter)


def take_lease(node: WindowsNode, adapter: Adapter) -> None:
    """Write down what DHCP answers an adapter: a lease, or silence."""
    lease = node.site.leases.get(adapter.hardware.mac or "")
    registry, key = node.registry, adapter.interface
    registry.put(key, "DhcpIPAddress", lease.address if lease else NOT_IN_USE)
    registry.put(key, "DhcpSubnetMask", lease.mask if lease else NOT_IN_USE)
    registry.put(key, "DhcpServer", lease.server if lease else "255.255.255.255")
    if lease:
        registry.put(key, "DhcpDefaultGateway", (lease.gateway,))
        registry.put(key, "DhcpNameServer", " ".join(lease.dns))


def set_gateways(node: WindowsNode, adapter: Adapter, gateways: Sequence[tuple[str, int]]) -> None:
    """Give an adapter these fixed gateways with their metrics, or none."""
    before = [gateway for gateway, _ in adapter.gateways]
    _write_gateways(node, adapter, gateways)
    after = [gateway for gateway, _ in adapter.gateways]
    node.changed(f"gateways of {adapter.hardware.mac}", before, after)


def set_dns_servers(node: WindowsNode, adapter: Adapter, servers: Sequence[str]) -> None:
    """Give an adapter these fixed DNS servers; none brings back those of its lease."""
    before = list(adapter.dns_servers)
    node.registry.put(adapter.interface, "NameServer", ",".join(servers))
    node.changed(f"DNS servers of {adapter.hardware.mac}", before, list(adapter.dns_servers))


def set_wins_servers(node: WindowsNode, adapter: Adapter, servers: Sequence[str]) -> None:
    """Give an adapter these WINS servers, or none."""
    before = list(adapter.wins_servers)
    node.registry.put(adapter.netbt, "NameServerList", servers)
    node.changed(f"WINS servers of {adapter.hardware.mac}", before, list(adapter.wins_servers))


def write_netbios(node: WindowsNode, adapter: Adapter, option: int) -> None:
    """Choose 0 (as DHCP says), 1 (on) or 2 (off); in force at once."""
    before = adapter.netbios_option
    node.registry.put(adapter.netbt, "NetbiosOptions", option)
    node.changed(f"NetBIOS on {adapter.hardware.mac}", before, option)


def write_dns_registration(
    node: WindowsNode, adapter: Adapter, *, full: bool, suffix: bool
) -> None:
    """Set the two boxes: register the addresses, and use the connection's suffix for it."""
    before = [adapter.registers_in_dns, adapter.registers_suffix]
    node.registry.put(adapter.interface, "RegistrationEnabled", int(full))
    node.registry.put(adapter.interface, "RegisterAdapterName", int(suffix))
    node.changed(f"DNS registration of {adapter.hardware.mac}", before, [full, suffix])


def lmhosts_enabled(node: WindowsNode) -> bool:
    """Tell whether names are looked up in the LMHOSTS file, on all adapters."""
    return node.registry.number(places.NETBT, "EnableLMHOSTS", 1) == 1


def dns_for_wins_enabled(node: WindowsNode) -> bool:
    """Tell whether NetBIOS names are also asked of DNS."""
    return node.registry.number(places.NETBT, "EnableDNS") == 1


def write_lmhosts(node: WindowsNode, *, enabled: bool) -> None:
    """Switch LMHOSTS lookup for the whole machine."""
    before = lmhosts_enabled(node)
    node.registry.put(places.NETBT, "EnableLMHOSTS", int(enabled))
    node.changed("LMHOSTS lookup", before, enabled)


def write_wins(node: WindowsNode, *, dns: bool, lmhosts: bool, scope: str | None) -> None:
    """Set what the WINS page keeps for the whole machine; scope None leaves that alone."""
    before = _wins(node)
    node.registry.put(places.NETBT, "EnableDNS", int(dns))
    node.registry.put(places.NETBT, "EnableLMHOSTS", int(lmhosts))
    if scope is not None:
        node.registry.put(places.NETBT, "ScopeID", scope)
    node.changed("name resolution of NetBIOS", before, _wins(node))


def rename_connection(node: WindowsNode, adapter: Adapter, name: str) -> bool:
    """Give a connection another name; False when another connection has it."""
    other = node.connection(name)
    if other is not None and other is not adapter:
        return False
    before = adapter.connection
    node.registry.put(places.connection(adapter.hardware.guid), "Name", name)
    node.changed(f"connection name of {adapter.hardware.mac}", before, name)
    return True


def _wins(node: WindowsNode) -> dict[str, object]:
    return {
        "dns": dns_for_wins_enabled(node),
        "lmhosts": lmhosts_enabled(node),
        "scope": node.registry.text(places.NETBT, "ScopeID"),
    }


def _write_gateways(
    node: WindowsNode, adapter: Adapter, gateways: Sequence[tuple[str, int]]
) -> None:
    registry, key = node.registry, adapter.interface
    registry.put(key, "DefaultGateway", [gateway for gateway, _ in gateways])
    registry.put(key, "DefaultGatewayMetric", [str(metric) for _, metric in gateways])


def _drop_lease(node: WindowsNode, adapter: Adapter) -> None:
    for name in ("DhcpIPAddress", "DhcpSubnetMask", "DhcpServer"):
        node.registry.put(adapter.interface, name, NOT_IN_USE)
    for name in ("DhcpDefaultGateway", "DhcpNameServer"):
        node.registry.remove(adapter.interface, name)
