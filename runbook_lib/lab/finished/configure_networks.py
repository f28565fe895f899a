"""Phase 10 as it is left behind: names, bindings and addresses of both nodes."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.lab.handlers.shutdown_exe import shutdown
from runbook_lib.lab.handlers.surface import Context
from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.scenarios import MACHINES, Machine
from runbook_lib.lab.world import bindings, computer_name, ip_settings
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.network_adapters import Adapter
from runbook_lib.lab.world.site import Site, Token
from runbook_lib.lab.world.windows_registry import Registry

NETBIOS_OFF = 2


def finish(site: Site, inputs: Inputs) -> None:
    """Leave names, bindings and addresses as parameters and figures 1 to 7 want them."""
    for node, machine in zip(site.nodes.values(), MACHINES, strict=True):
        _finish_one(Context(node, site, Token(inputs.administrator)), machine, inputs)


def _finish_one(context: Context, machine: Machine, inputs: Inputs) -> None:
    node = context.node
    wished = inputs.nodes[inputs.node_names.index(node.name)]
    public, private = _adapters(context, machine)
    computer_name.rename(node, node.name)
    ip_settings.rename_connection(node, public, inputs.public_connection)
    ip_settings.rename_connection(node, private, inputs.private_connection)
    _order_bindings(node.registry, (public.hardware.guid, private.hardware.guid))
    bindings.move(node.registry, private.hardware.guid, bound=False)
    ip_settings.set_static(
        node, public, ((wished.public_address, inputs.mask),), ((inputs.gateway, 1),)
    )
    ip_settings.set_dns_servers(node, public, inputs.dns)
    ip_settings.set_static(node, private, ((wished.private_address, inputs.private_mask),), ())
    ip_settings.write_dns_registration(node, private, full=False, suffix=False)
    ip_settings.write_netbios(node, private, NETBIOS_OFF)
    ip_settings.write_lmhosts(node, enabled=False)
    _restart(context, "scc-runbook 10_configure_networks")


def _adapters(context: Context, machine: Machine) -> tuple[Adapter, Adapter]:
    by_mac = {each.hardware.mac: each for each in context.node.connections}
    return by_mac[machine.public_mac], by_mac[machine.private_mac]


def _order_bindings(registry: Registry, first: Sequence[str]) -> None:
    """Put these adapters and remote access first in TCP/IP's three lists, keep the rest behind."""
    key, order = places.linkage(bindings.TCPIP), (*first, bindings.REMOTE_ACCESS)
    for name in bindings.LISTS:
        entries = registry.texts(key, name)
        head = [entry for each in order for entry in entries if each.lower() in entry.lower()]
        registry.put(key, name, [*head, *(entry for entry in entries if entry not in head)])


def _restart(context: Context, comment: str) -> None:
    shutdown.function(context, ("/r", "/t", "0", "/d", "p:2:4", "/c", comment))
    context.node.restart_at_once()
