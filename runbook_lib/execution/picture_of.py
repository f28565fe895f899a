"""What both nodes and their networks look like now, as the plain data that pictures draw."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from runbook_lib.commands import bindings, network
from runbook_lib.commands.bindings import Linkage
from runbook_lib.commands.command import Query
from runbook_lib.commands.network import Adapter
from runbook_lib.execution.identity import ask
from runbook_lib.execution.observation import observe
from runbook_lib.sessions.session import Reader
from runbook_lib.topology.models import Node, Topology


def picture(
    topology: Topology,
    sessions: Mapping[str, Reader],
    title: str,
    off: AbstractSet[str] = frozenset(),
) -> dict[str, Any]:
    """Return both nodes with their adapters, read in one trip a node.

    off: nodes that are not asked; they are shown without adapters, by their wished names.
    """
    reads: Mapping[str, Query[Any]] = {
        "adapters": network.adapters(),
        "order": bindings.linkage(bindings.TCPIP),
        "sharing": bindings.linkage(bindings.FILE_SHARING),
    }
    on = [node.name for node in topology.nodes if node.name not in off]
    seen = dict(zip(on, observe(sessions, [(node, reads) for node in on]), strict=True))
    names = ask(sessions, on)
    return {
        "title": title,
        "networks": [
            {"name": wish.connection, "subnet": subnet}
            for wish, subnet in (
                (
                    topology.networks.public,
                    _subnet(topology.nodes[0].public.address, topology.networks.public.mask),
                ),
                (
                    topology.networks.private,
                    _subnet(topology.nodes[0].private.address, topology.networks.private.mask),
                ),
            )
        ],
        "nodes": [
            {
                "name": names[node.name].computer_name if node.name in seen else node.name,
                "wanted_name": node.name,
                "power": "on" if node.name in seen else "off",
                "adapters": _adapters(node, topology, seen.get(node.name)),
            }
            for node in topology.nodes
        ],
    }


def _adapters(
    node: Node, topology: Topology, seen: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    if seen is None:
        return []
    return [
        _adapter(adapter, node, topology, seen["order"], seen["sharing"])
        for adapter in seen["adapters"]
    ]


def _subnet(address: str, mask: str) -> str:
    return str(ipaddress.ip_network(f"{address}/{mask}", strict=False))


def _adapter(
    adapter: Adapter, node: Node, topology: Topology, order: Linkage, sharing: Linkage
) -> dict[str, Any]:
    networks = {
        node.public.mac: topology.networks.public.connection,
        node.private.mac: topology.networks.private.connection,
    }
    return {
        "mac": adapter.mac or "",
        "connection": adapter.connection,
        "status": str(adapter.status),
        "address": ", ".join(adapter.addresses),
        "mask": ", ".join(adapter.masks),
        "gateway": ", ".join(adapter.gateways),
        "dns": list(adapter.dns_servers),
        "dhcp": adapter.dhcp_enabled,
        "dns_registration": bool(adapter.registers_in_dns or adapter.registers_domain_suffix),
        "netbios": str(adapter.netbios) if adapter.netbios is not None else "",
        "lmhosts": bool(adapter.lmhosts),
        "file_sharing": sharing.is_bound_to(adapter.guid),
        "order": order.position(adapter.guid),
        "network": networks.get(adapter.mac or ""),
    }
