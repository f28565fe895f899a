"""The two WMI classes of network adapters, with the methods that set TCP/IP.

Win32_NetworkAdapter of Windows Server 2003 has neither GUID nor NetEnabled. Every property of
the configuration that only a bound stack knows is null while IP is not enabled (inferred).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

from runbook_lib.lab.handlers.surface import Context, Instance, lists, method
from runbook_lib.lab.world import ip_settings
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.network_adapters import Adapter

CONNECTED = 2
MEDIA_DISCONNECTED = 7
MOST_GATEWAYS = 5


class Returned(IntEnum):
    """Documented return values of Win32_NetworkAdapterConfiguration's methods."""

    DONE = 0
    BAD_MASK = 66
    BAD_PARAMETER = 68
    TOO_MANY_GATEWAYS = 69
    BAD_ADDRESS = 70
    BAD_GATEWAY = 71
    BAD_FILE = 76
    IP_NOT_ENABLED = 84
    NOT_CONFIGURABLE = 97


@method(
    "EnableStatic",
    arguments="IPAddress:String[] SubnetMask:String[]",
    source="documented: EnableStatic return values; inferred: the loss of the lease",
)
def enable_static(
    context: Context, target: Instance | None, arguments: Mapping[str, object]
) -> int:
    """Give the adapter fixed addresses; a fixed gateway stays, a leased one goes."""
    adapter = _adapter(context, target)
    addresses, masks = _texts(arguments["IPAddress"]), _texts(arguments["SubnetMask"])
    if not adapter.ip_enabled:
        return Returned.IP_NOT_ENABLED
    if not addresses or len(addresses) != len(masks):
        return Returned.BAD_PARAMETER
    if not all(ip_settings.is_address(address) for address in addresses):
        return Returned.BAD_ADDRESS
    if not all(ip_settings.is_mask(mask) for mask in masks):
        return Returned.BAD_MASK
    pairs = tuple(zip(addresses, masks, strict=True))
    if not all(ip_settings.fits(address, mask) for address, mask in pairs):
        return Returned.BAD_ADDRESS
    ip_settings.set_static(context.node, adapter, pairs, gateways=None)
    return Returned.DONE


@method("EnableDHCP", arguments="", source="documented: EnableDHCP return values")
def enable_dhcp(context: Context, target: Instance | None, _arguments: Mapping[str, object]) -> int:
    """Let the adapter ask for its address."""
    adapter = _adapter(context, target)
    if not adapter.ip_enabled:
        return Returned.IP_NOT_ENABLED
    ip_settings.set_dhcp(context.node, adapter)
    return Returned.DONE


@method(
    "SetGateways",
    arguments="DefaultIPGateway:String[] GatewayCostMetric:UInt16[]",
    source="documented: SetGateways return values; inferred: that an empty list clears nothing",
)
def set_gateways(context: Context, target: Instance | None, arguments: Mapping[str, object]) -> int:
    """Give the adapter fixed gateways; without any, nothing becomes different."""
    adapter = _adapter(context, target)
    gateways = _texts(arguments["DefaultIPGateway"])
    metrics = _numbers(arguments["GatewayCostMetric"]) or (1,) * len(gateways)
    if not adapter.ip_enabled:
        return Returned.IP_NOT_ENABLED
    if adapter.dhcp:
        # The method is documented for fixed addresses only; the code for the rest is inferred.
        return Returned.NOT_CONFIGURABLE
    if len(gateways) > MOST_GATEWAYS:
        return Returned.TOO_MANY_GATEWAYS
    if len(metrics) != len(gateways):
        return Returned.BAD_PARAMETER
    if not all(ip_settings.is_address(gateway) for gateway in gateways):
        return Returned.BAD_GATEWAY
    pairs = tuple(zip(gateways, metrics, strict=True)) or adapter.gateways
    ip_settings.set_gateways(context.node, adapter, pairs)
    return Returned.DONE


@method(
    "SetDNSServerSearchOrder",
    arguments="DNSServerSearchOrder:String[]",
    source="documented: SetDNSServerSearchOrder return values",
)
def set_dns_servers(
    context: Context, target: Instance | None, arguments: Mapping[str, object]
) -> int:
    """Give the adapter fixed DNS servers; without an argument they go."""
    adapter = _adapter(context, target)
    servers = _texts(arguments["DNSServerSearchOrder"])
    if not adapter.ip_enabled:
        return Returned.IP_NOT_ENABLED
    if not all(ip_settings.is_address(server) for server in servers):
        return Returned.BAD_ADDRESS
    ip_settings.set_dns_servers(context.node, adapter, servers)
    return Returned.DONE


@method(
    "SetDynamicDNSRegistration",
    arguments="FullDNSRegistrationEnabled:Boolean DomainDNSRegistrationEnabled:Boolean",
    source="documented: SetDynamicDNSRegistration; inferred: a missing second argument as false",
)
def set_dns_registration(
    context: Context, target: Instance | None, arguments: Mapping[str, object]
) -> int:
    """Set the two boxes of the DNS page."""
    adapter = _adapter(context, target)
    full, suffix = (
        arguments[name] for name in ("FullDNSRegistrationEnabled", "DomainDNSRegistrationEnabled")
    )
    if not adapter.ip_enabled:
        return Returned.IP_NOT_ENABLED
    if full is None:
        return Returned.BAD_PARAMETER
    ip_settings.write_dns_registration(context.node, adapter, full=bool(full), suffix=bool(suffix))
    return Returned.DONE


@method(
    "SetTcpipNetbios",
    arguments="TcpipNetbiosOptions:UInt32",
    source="documented: SetTcpipNetbios",
)
def set_netbios(context: Context, target: Instance | None, arguments: Mapping[str, object]) -> int:
    """Choose 0 (as DHCP says), 1 (on) or 2 (off)."""
    adapter = _adapter(context, target)
    option = arguments["TcpipNetbiosOptions"]
    if not adapter.ip_enabled:
        return Returned.IP_NOT_ENABLED
    if not isinstance(option, int) or option not in (0, 1, 2):
        return Returned.BAD_PARAMETER
    ip_settings.write_netbios(context.node, adapter, option)
    return Returned.DONE


@method(
    "SetWINSServer",
    arguments="WINSPrimaryServer:String WINSSecondaryServer:String",
    source="documented: SetWINSServer return values; inferred: empty texts clear",
)
def set_wins_servers(
    context: Context, target: Instance | None, arguments: Mapping[str, object]
) -> int:
    """Give the adapter WINS servers; empty texts take them away."""
    adapter = _adapter(context, target)
    servers = [arguments[name] for name in ("WINSPrimaryServer", "WINSSecondaryServer")]
    given = [str(server) for server in servers if server]
    if not adapter.ip_enabled:
        return Returned.IP_NOT_ENABLED
    if not all(ip_settings.is_address(server) for server in given):
        return Returned.BAD_ADDRESS
    ip_settings.set_wins_servers(context.node, adapter, given)
    return Returned.DONE


@method(
    "EnableWINS",
    arguments=(
        "DNSEnabledForWINSResolution:Boolean WINSEnableLMHostsLookup:Boolean "
        "WINSHostLookupFile:String WINSScopeID:String"
    ),
    static=True,
    source="documented: EnableWINS, a class method for the whole machine",
)
def enable_wins(context: Context, _target: Instance | None, arguments: Mapping[str, object]) -> int:
    """Set the machine-wide switches of the WINS page."""
    dns, lmhosts = (
        arguments[name] for name in ("DNSEnabledForWINSResolution", "WINSEnableLMHostsLookup")
    )
    if dns is None or lmhosts is None:
        return Returned.BAD_PARAMETER
    if arguments["WINSHostLookupFile"]:
        # No file of the node but its own could be imported, and the lab keeps none.
        return Returned.BAD_FILE
    scope = arguments["WINSScopeID"]
    ip_settings.write_wins(
        context.node,
        dns=bool(dns),
        lmhosts=bool(lmhosts),
        scope=scope if isinstance(scope, str) else None,
    )
    return Returned.DONE


@lists(
    "Win32_NetworkAdapter",
    key="DeviceID",
    source="documented: Win32_NetworkAdapter; inferred: the rows of the WAN miniports",
)
def network_adapters(context: Context) -> Sequence[Instance]:
    """Return every adapter, by index."""
    return [
        {
            "DeviceID": str(adapter.hardware.index),
            "Index": adapter.hardware.index,
            "Name": adapter.hardware.name,
            "Description": adapter.hardware.name,
            "ProductName": adapter.hardware.name,
            "Caption": f"[{adapter.hardware.index:08}] {adapter.hardware.name}",
            "AdapterType": "Ethernet 802.3" if adapter.is_connection else None,
            "AdapterTypeId": 0 if adapter.is_connection else None,
            "MACAddress": adapter.mac_with_colons,
            "NetConnectionID": adapter.connection,
            "NetConnectionStatus": _status(adapter),
            "PNPDeviceID": adapter.hardware.pnp_device_id,
            "ServiceName": adapter.hardware.service,
            "Manufacturer": "Intel" if adapter.is_connection else "Microsoft",
            "Installed": True,
            "Availability": 3,
            "SystemName": context.node.computer_name,
        }
        for adapter in context.node.adapters
    ]


@lists(
    "Win32_NetworkAdapterConfiguration",
    key="Index",
    source="documented: Win32_NetworkAdapterConfiguration; inferred: nulls of an unbound adapter",
    methods=(
        enable_static,
        enable_dhcp,
        set_gateways,
        set_dns_servers,
        set_dns_registration,
        set_netbios,
        set_wins_servers,
        enable_wins,
    ),
)
def configurations(context: Context) -> Sequence[Instance]:
    """Return the TCP/IP settings of every adapter, by index."""
    return [_configuration(context, adapter) for adapter in context.node.adapters]


CLASSES = (network_adapters, configurations)


def _configuration(context: Context, adapter: Adapter) -> dict[str, object]:
    hardware, registry = adapter.hardware, context.node.registry
    always = {
        "Index": hardware.index,
        "SettingID": hardware.guid,
        "Caption": f"[{hardware.index:08}] {hardware.name}",
        "Description": hardware.name,
        "ServiceName": hardware.service,
        "MACAddress": adapter.mac_with_colons,
        "IPEnabled": adapter.ip_enabled,
        "IPXEnabled": False,
        "DHCPEnabled": adapter.dhcp,
    }
    bound = {
        "IPAddress": [address for address, _ in adapter.addresses],
        "IPSubnet": [mask for _, mask in adapter.addresses],
        "DefaultIPGateway": [gateway for gateway, _ in adapter.gateways] or None,
        "GatewayCostMetric": [metric for _, metric in adapter.gateways] or None,
        "DNSServerSearchOrder": list(adapter.dns_servers) or None,
        "DNSHostName": registry.text(places.TCPIP, "Hostname"),
        "DNSDomain": registry.text(adapter.interface, "Domain"),
        "DNSEnabledForWINSResolution": ip_settings.dns_for_wins_enabled(context.node),
        "DomainDNSRegistrationEnabled": adapter.registers_suffix,
        "FullDNSRegistrationEnabled": adapter.registers_in_dns,
        "TcpipNetbiosOptions": adapter.netbios_option,
        "WINSEnableLMHostsLookup": ip_settings.lmhosts_enabled(context.node),
        "WINSHostLookupFile": "",
        "WINSScopeID": registry.text(places.NETBT, "ScopeID"),
        "WINSPrimaryServer": (*adapter.wins_servers, None)[0],
        "WINSSecondaryServer": (*adapter.wins_servers, None, None)[1],
        "DHCPServer": registry.text(adapter.interface, "DhcpServer") if adapter.dhcp else None,
        "IPConnectionMetric": 20,
    }
    return always | (bound if adapter.ip_enabled else dict.fromkeys(bound))


def _status(adapter: Adapter) -> int | None:
    if not adapter.is_connection:
        return None
    return CONNECTED if adapter.plugged else MEDIA_DISCONNECTED


def _adapter(context: Context, target: Instance | None) -> Adapter:
    index = target["Index"] if target else None
    return next(each for each in context.node.adapters if each.hardware.index == index)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def _numbers(value: object) -> tuple[int, ...]:
    return tuple(int(each) for each in value) if isinstance(value, list) else ()
