"""What both nodes and their networks look like now, as the plain data that pictures draw."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

from runbook_lib.commands import bindings, disks, network, server_cluster, system
from runbook_lib.commands.bindings import Linkage
from runbook_lib.commands.command import Answer, Query
from runbook_lib.commands.network import Adapter
from runbook_lib.commands.server_cluster import Cluster
from runbook_lib.execution.observation import observe
from runbook_lib.sessions.session import Reader
from runbook_lib.topology.models import Disk, Node, Topology

T = TypeVar("T")


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
        "computer": system.computer(),
        "identity": system.identity(),
        "cluster": _if_told(server_cluster.seen()),
        "storage": _if_told(disks.storage([disk.letter for disk in _wished(topology)])),
    }
    on = [node.name for node in topology.nodes if node.name not in off]
    seen = dict(zip(on, observe(sessions, [(node, reads) for node in on]), strict=True))
    cluster = next((each["cluster"].cluster for each in seen.values() if _is_member(each)), None)
    return {
        "title": title,
        "cluster": cluster.name if cluster is not None else "",
        "disks": [_disk(wish, topology, seen, cluster) for wish in _wished(topology)],
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
                "name": _name(node, seen.get(node.name)),
                "wanted_name": node.name,
                "power": "on" if node.name in seen else "off",
                "adapters": _adapters(node, topology, seen.get(node.name)),
                "domain": _domain(seen.get(node.name)),
                "groups": _groups(node.name, cluster),
            }
            for node in topology.nodes
        ],
    }


def _if_told(query: Query[T]) -> Query[T | None]:
    """Return a query whose odd answers are None: no picture stops a phase."""

    def parse(answers: Sequence[Answer]) -> T | None:
        try:
            return query.parse(answers)
        except ValueError:
            return None

    return Query(query.reads, parse)


def _wished(topology: Topology) -> tuple[Disk, Disk]:
    return (topology.disks.quorum, topology.disks.database)


def _name(node: Node, seen: Mapping[str, Any] | None) -> str:
    return str(seen["identity"].computer_name) if seen is not None else node.name


def _is_member(seen: Mapping[str, Any]) -> bool:
    return seen["cluster"] is not None and seen["cluster"].cluster is not None


def _domain(seen: Mapping[str, Any] | None) -> str:
    computer = seen["computer"] if seen is not None else None
    return str(computer.domain) if computer is not None and computer.part_of_domain else ""


def _groups(node: str, cluster: Cluster | None) -> list[dict[str, str]]:
    return [
        {"name": group.name, "state": server_cluster.word(group.state).title()}
        for group in (cluster.groups if cluster is not None else ())
        if server_cluster.same(group.owner, node)
    ]


def _disk(
    wish: Disk,
    topology: Topology,
    seen: Mapping[str, Mapping[str, Any]],
    cluster: Cluster | None,
) -> dict[str, Any]:
    """Return a shared disk as the nodes show it: label and letters are what stands, not wishes."""
    letters: dict[str, str] = {}
    labels: list[str] = []
    for node, answers in seen.items():
        storage = answers["storage"]
        for drive in storage.at(wish.lun) if storage is not None else ():
            for partition in drive.partitions:
                if partition.letter:
                    letters[node] = partition.letter
                    lettered = storage.letters.get(partition.letter)
                    labels += [lettered.label] if lettered and lettered.label else []
    letter = next(iter(letters.values()), f"{wish.letter}:")
    resource = cluster.resource(f"Disk {letter}") if cluster is not None else None
    owner = cluster.owner_of(resource) if cluster is not None and resource is not None else None
    return {
        "label": next(iter(labels), ""),
        "lun": wish.lun,
        "size_mb": wish.size_mb,
        "letters": letters,
        "owner": next(
            (node.name for node in topology.nodes if server_cluster.same(node.name, owner or "")),
            "",
        ),
        "quorum": cluster is not None and resource is not None and resource.name == cluster.quorum,
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
