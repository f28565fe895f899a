"""What a picture shows, as values: read tolerantly, because old records are drawn too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_ADAPTERS = 8
"""Adapters drawn per node; a node with more is not one of a two-network cluster."""
MOST_NODES = 2
MOST_NETWORKS = 4


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
class NodeView:
    """One node: its name now, the name wished for, and its cards."""

    name: str
    wanted_name: str
    power: str
    adapters: tuple[AdapterView, ...]


@dataclass(frozen=True)
class Scene:
    """Both nodes and their networks at one time."""

    title: str
    networks: tuple[NetworkView, ...]
    nodes: tuple[NodeView, ...]


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
            )
            for node in _mappings(picture.get("nodes"), MOST_NODES)
        ),
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
