r"""Bindings: the Linkage lists that count from the next start, and what is bound now.

Entry forms: Tcpip binds to `\Device\{GUID}`, the server service to `\Device\NetBT_Tcpip_{GUID}`.
A binding that is off lies in the subkey Disabled, in the same form.
"""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.windows_registry import Registry

LISTS = ("Bind", "Export", "Route")
TCPIP = "Tcpip"
FILE_SHARING = "LanmanServer"
REMOTE_ACCESS = "NdisWanIp"


def install(registry: Registry, order: Sequence[str], guids: Sequence[str]) -> None:
    """Write the lists of a new node.

    order: GUIDs and NdisWanIp, as the protocol sees them. guids: where file sharing is bound.
    """
    tcpip = places.linkage(TCPIP)
    registry.put(tcpip, "Bind", [rf"\Device\{name}" for name in order])
    registry.put(tcpip, "Export", [rf"\Device\Tcpip_{name}" for name in order])
    registry.put(tcpip, "Route", [f'"{name}"' for name in order])
    server = places.linkage(FILE_SHARING)
    transports = ["NetbiosSmb", *(f"NetBT_Tcpip_{guid}" for guid in guids)]
    routes = ['"NetbiosSmb"', *(f'"NetBT" "Tcpip" "{guid}"' for guid in guids)]
    registry.put(server, "Bind", [rf"\Device\{name}" for name in transports])
    registry.put(server, "Export", [rf"\Device\LanmanServer_{name}" for name in transports])
    registry.put(server, "Route", routes)


def bound_transports(registry: Registry) -> tuple[str, ...]:
    r"""Return what the server service binds to at a start, without `\Device\`."""
    bind = registry.texts(places.linkage(FILE_SHARING), "Bind")
    return tuple(entry.removeprefix("\\Device\\") for entry in bind)


def order(registry: Registry) -> tuple[str, ...]:
    r"""Return in which order TCP/IP binds at a start, without `\Device\`."""
    bind = registry.texts(places.linkage(TCPIP), "Bind")
    return tuple(entry.removeprefix("\\Device\\") for entry in bind)


def is_bound(registry: Registry, guid: str) -> bool:
    """Tell whether file sharing is bound to an adapter from the next start on."""
    return any(guid.lower() in name.lower() for name in bound_transports(registry))


def move(registry: Registry, guid: str, *, bound: bool) -> None:
    """Switch the binding of file sharing to an adapter on or off, in all three lists."""
    active, disabled = places.linkage(FILE_SHARING), places.disabled_linkage(FILE_SHARING)
    source, target = (disabled, active) if bound else (active, disabled)
    for name in LISTS:
        entries = registry.texts(source, name)
        moved = [entry for entry in entries if guid.lower() in entry.lower()]
        registry.put(source, name, [entry for entry in entries if entry not in moved])
        registry.put(target, name, [*registry.texts(target, name), *moved])
