"""What a picture shows, as values: read tolerantly, because old records are drawn too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_ADAPTERS = 8
"""Adapters drawn per node; a node with more is not one of a two-network cluster."""
MOST_NODES = 2
MOST_NETWORKS = 4
MOST_DISKS = 4
MOST_GROUPS = 5


@dataclass(frozen=True)
class NetworkView:
    """One network of the cluster."""

    name: str
    subnet: str


@dataclass(frozen=True)
class AdapterView:
    """One network card. Switches are True, False or None for unknown; netbios is a word.

    order: its place among the bound cards, counted from 0.
    """

    mac: str = ""
    connection: str = ""
    status: str = ""
    address: str = ""
    mask: str = ""
    gateway: str = ""
    dns: str = ""
    dhcp: bool | None = None
    dns_registration: bool | None = None
    netbios: str = ""
    lmhosts: bool | None = None
    file_sharing: bool | None = None
    order: int | None = None
    network: str | None = None


@dataclass(frozen=True)
class GroupView:
    """One group of the cluster, shown at the node that owns it."""

    name: str
    state: str


@dataclass(frozen=True)
class DiskView:
    """One shared disk. owner: the wished name of the node that has it, "" for nobody.

    letters: the drive letter on each node, by the node's wished name.
    """

    label: str
    lun: str
    size_mb: int | None
    letters: Mapping[str, str]
    owner: str
    is_quorum: bool


@dataclass(frozen=True)
class NodeView:
    """One node: its name now, the name wished for, its cards, and what it runs for the cluster."""

    name: str
    wanted_name: str
    power: str
    adapters: tuple[AdapterView, ...]
    domain: str = ""
    groups: tuple[GroupView, ...] = ()


@dataclass(frozen=True)
class Scene:
    """Both nodes, their networks and their shared disks at one time. cluster: its name, or ""."""

    title: str
    networks: tuple[NetworkView, ...]
    nodes: tuple[NodeView, ...]
    disks: tuple[DiskView, ...] = ()
    cluster: str = ""


def scene_of(data: object) -> Scene:
    """Return the scene in an entry's "picture"; what is missing or odd there is left empty."""
    picture = _mapping(data)
    return Scene(
        _text(picture.get("title")),
        tuple(
            NetworkView(_text(network.get("name")), _text(network.get("subnet")))
            for network in _mappings(picture.get("networks"), MOST_NETWORKS)
        ),
        tuple(
            NodeView(
                _text(node.get("name")),
                _text(node.get("wanted_name")),
                _text(node.get("power")) or "unknown",
                tuple(_adapter(each) for each in _mappings(node.get("adapters"), MOST_ADAPTERS)),
                _text(node.get("domain")),
                tuple(
                    GroupView(_text(group.get("name")), _text(group.get("state")))
                    for group in _mappings(node.get("groups"), MOST_GROUPS)
                ),
            )
            for node in _mappings(picture.get("nodes"), MOST_NODES)
        ),
        tuple(_disk(each) for each in _mappings(picture.get("disks"), MOST_DISKS)),
        _text(picture.get("cluster")),
    )


def _disk(data: Mapping[str, object]) -> DiskView:
    size = data.get("size_mb")
    letters = _mapping(data.get("letters"))
    return DiskView(
        label=_text(data.get("label")),
        lun=_text(data.get("lun")),
        size_mb=size if isinstance(size, int) and not isinstance(size, bool) else None,
        letters={str(node): _text(letter) for node, letter in letters.items()},
        owner=_text(data.get("owner")),
        is_quorum=data.get("quorum") is True,
    )


def _adapter(data: Mapping[str, object]) -> AdapterView:
    dns = data.get("dns")
    order = data.get("order")
    network = data.get("network")
    return AdapterView(
        mac=_text(data.get("mac")),
        connection=_text(data.get("connection")),
        status=_text(data.get("status")),
        address=_text(data.get("address")),
        mask=_text(data.get("mask")),
        gateway=_text(data.get("gateway")),
        dns=", ".join(_text(each) for each in dns) if isinstance(dns, list) else _text(dns),
        dhcp=_switch(data.get("dhcp")),
        dns_registration=_switch(data.get("dns_registration")),
        netbios=_text(data.get("netbios")),
        lmhosts=_switch(data.get("lmhosts")),
        file_sharing=_switch(data.get("file_sharing")),
        order=order if isinstance(order, int) and not isinstance(order, bool) else None,
        network=network if isinstance(network, str) else None,
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object, most: int) -> list[Mapping[str, object]]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [each for each in value if isinstance(each, Mapping)][:most]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _switch(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
