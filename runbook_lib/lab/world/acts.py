"""What a person does at a machine: in its dialogs, at its cables, at its power switch.

Each act is one effect in the ledger. Acts that need a running Windows are refused while the
machine is down, because nobody could click there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from runbook_lib.lab.world import bindings, component_acts, computer_name, ip_settings
from runbook_lib.lab.world.network_adapters import Adapter
from runbook_lib.lab.world.power import GoingDown, Power
from runbook_lib.lab.world.windows_node import WindowsNode

Arguments = Mapping[str, object]


class ActError(ValueError):
    """An act that does not exist, lacks an argument, or cannot be done as things stand."""


def unbind_file_sharing(node: WindowsNode, arguments: Arguments) -> None:
    """Untick File and Printer Sharing on one connection; in force at once."""
    _set_file_sharing(node, _adapter(node, arguments), bound=False)


def bind_file_sharing(node: WindowsNode, arguments: Arguments) -> None:
    """Tick it again."""
    _set_file_sharing(node, _adapter(node, arguments), bound=True)


def power_off(node: WindowsNode, _arguments: Arguments) -> None:
    """Shut the machine down in an orderly way and leave it off."""
    if node.power is Power.OFF:
        node.changed("power", Power.OFF.value, Power.OFF.value)
        return
    node.switch_off()


def power_on(node: WindowsNode, _arguments: Arguments) -> None:
    """Press the power button; Windows takes a while to start."""
    if node.is_on:
        node.changed("power", Power.ON.value, Power.ON.value)
        return
    node.switch_on()


def power_loss(node: WindowsNode, _arguments: Arguments) -> None:
    """Pull the plug."""
    node.lose_power()


def restart(node: WindowsNode, _arguments: Arguments) -> None:
    """Restart Windows from its own menu."""
    _needs_windows(node)
    node.shut_down(GoingDown.RESTART, after_s=0)


def rename_connection(node: WindowsNode, arguments: Arguments) -> None:
    """Give a connection another name."""
    _needs_windows(node)
    adapter, name = _adapter(node, arguments), _text(arguments, "name")
    if not ip_settings.rename_connection(node, adapter, name):
        raise ActError(f"{node.name} has a connection {name} already")


def rename_computer(node: WindowsNode, arguments: Arguments) -> None:
    """Give the computer another name, from the next start on."""
    _needs_windows(node)
    code = computer_name.rename(node, _text(arguments, "name"))
    if code:
        raise ActError(f"Windows refuses the name with error {code}")


def set_address(node: WindowsNode, arguments: Arguments) -> None:
    """Give a connection one fixed address, and the gateway named or none."""
    _needs_windows(node)
    adapter = _adapter(node, arguments)
    gateway = str(arguments.get("gateway") or "")
    ip_settings.set_static(
        node,
        adapter,
        ((_text(arguments, "address"), _text(arguments, "mask")),),
        ((gateway, 1),) if gateway else (),
    )


def set_dns_servers(node: WindowsNode, arguments: Arguments) -> None:
    """Give a connection other DNS servers: addresses with blanks between them."""
    _needs_windows(node)
    servers = _text(arguments, "servers").split()
    ip_settings.set_dns_servers(node, _adapter(node, arguments), servers)


def set_netbios(node: WindowsNode, arguments: Arguments) -> None:
    """Choose an option of the WINS page: 0, 1 or 2."""
    _needs_windows(node)
    ip_settings.write_netbios(node, _adapter(node, arguments), _number(arguments, "value"))


def set_dns_registration(node: WindowsNode, arguments: Arguments) -> None:
    """Tick or untick both boxes of the DNS page."""
    _needs_windows(node)
    full = bool(arguments.get("full", arguments.get("value")))
    ip_settings.write_dns_registration(
        node, _adapter(node, arguments), full=full, suffix=bool(arguments.get("suffix", False))
    )


def set_lmhosts(node: WindowsNode, arguments: Arguments) -> None:
    """Tick or untick LMHOSTS lookup, for the whole machine."""
    _needs_windows(node)
    ip_settings.write_lmhosts(node, enabled=bool(arguments.get("value")))


def unplug(node: WindowsNode, arguments: Arguments) -> None:
    """Pull a network cable out."""
    _set_cable(node, _adapter(node, arguments), plugged=False)


def plug(node: WindowsNode, arguments: Arguments) -> None:
    """Put it in again."""
    _set_cable(node, _adapter(node, arguments), plugged=True)


ACTS: Mapping[str, Callable[[WindowsNode, Arguments], None]] = MappingProxyType(
    {
        "unbind-file-sharing": unbind_file_sharing,
        "bind-file-sharing": bind_file_sharing,
        "power-off": power_off,
        "power-on": power_on,
        "power-loss": power_loss,
        "restart": restart,
        "rename-connection": rename_connection,
        "rename-computer": rename_computer,
        "set-address": set_address,
        "set-dns-servers": set_dns_servers,
        "set-netbios": set_netbios,
        "set-dns-registration": set_dns_registration,
        "set-lmhosts": set_lmhosts,
        "unplug": unplug,
        "plug": plug,
        **component_acts.ACTS,
    }
)


def _set_file_sharing(node: WindowsNode, adapter: Adapter, *, bound: bool) -> None:
    _needs_windows(node)
    before = bindings.is_bound(node.registry, adapter.hardware.guid)
    bindings.move(node.registry, adapter.hardware.guid, bound=bound)
    # Unlike an edit of the lists, the dialog tells the server service at once.
    node.bound_transports = bindings.bound_transports(node.registry)
    node.changed(f"file sharing on {adapter.hardware.mac}", before, bound)


def _set_cable(node: WindowsNode, adapter: Adapter, *, plugged: bool) -> None:
    before, adapter.plugged = adapter.plugged, plugged
    if node.is_on:
        node.look_for_conflict(adapter)
    node.changed(f"cable of {adapter.hardware.mac}", before, plugged)


def _needs_windows(node: WindowsNode) -> None:
    if not node.is_on:
        raise ActError(f"{node.name} is {node.power.value}: nobody can work there")


def _adapter(node: WindowsNode, arguments: Arguments) -> Adapter:
    mac = _text(arguments, "mac")
    adapter = node.adapter(mac)
    if adapter is None or not adapter.is_connection:
        raise ActError(f"{node.name} has no connection with the MAC {mac}")
    return adapter


def _text(arguments: Arguments, name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise ActError(f"the act needs {name}, a text")
    return value


def _number(arguments: Arguments, name: str) -> int:
    value = arguments.get(name)
    if isinstance(value, bool) or not (isinstance(value, int) or str(value).isdigit()):
        raise ActError(f"the act needs {name}, a number")
    return int(str(value))
