"""Both nodes and their networks as a drawing: SVG without script, link or anything outside.

Every visible value that differs from the picture before is drawn in the colour of change, with
the earlier value in its tooltip. Colours are CSS custom properties that follow the reader's
light or dark scheme; geometry stands in attributes, so that a page may forbid inline styles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields

from runbook_lib.pictures import storage
from runbook_lib.pictures.marks import mark, value
from runbook_lib.pictures.scene import AdapterView, NetworkView, NodeView, Scene, scene_of
from runbook_lib.pictures.style import STYLE
from runbook_lib.pictures.text import plain_escaped, shown

_WIDTH = 960
_MARGIN = 14
_NODE_WIDTH = 346
_NET_WIDTH = 150
_HEADER = 50
_SLOT = 122
_TITLE = 34
_LEGEND = 30
_LEFT = (_MARGIN, _WIDTH - _MARGIN - _NODE_WIDTH)
_NET_X = (_WIDTH - _NET_WIDTH) // 2
_WIRE_Y = 44


@dataclass(frozen=True)
class Picture:
    """A drawing for a notebook cell. before: the picture that changes are shown against."""

    data: Mapping[str, object]
    before: Mapping[str, object] | None = None

    def _repr_mimebundle_(self, **_asked: object) -> dict[str, str]:
        """Return the drawing and its plain text."""
        return {"text/plain": self.text(), "image/svg+xml": self.svg()}

    def __repr__(self) -> str:
        """Return the plain text, as a console shows it."""
        return self.text()

    def svg(self) -> str:
        """Return the drawing as a document of its own."""
        return cluster_svg(self.data, self.before, standalone=True)

    def text(self) -> str:
        """Return what the drawing shows, one line a fact group."""
        return cluster_text(self.data)


def cluster_svg(data: object, before: object = None, *, standalone: bool = False) -> str:
    """Return the SVG of a picture, with what differs from `before` marked.

    standalone: with namespace and style, as a file or a notebook output needs them; without, for
    a page that holds STYLE itself.
    """
    scene = scene_of(data)
    earlier = scene_of(before) if before is not None else None
    slots = max([len(_slots(node, scene)) for node in scene.nodes] + [len(scene.networks), 1])
    cards_end = _TITLE + _HEADER + slots * _SLOT
    bottom = cards_end + storage.height(scene)
    height = bottom + _LEGEND + _MARGIN
    title = plain_escaped(_title(scene), longest=80)
    label = plain_escaped(f"{scene.title}: {', '.join(_names(scene))}", longest=200)
    head = f'<svg class="rb-pic" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}"'
    if standalone:
        head += f' xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}"'
    parts = [head + ">"]
    if standalone:
        parts.append(f"<style>{STYLE}</style>")
    parts.append(f'<rect class="rb-bg" width="{_WIDTH}" height="{height}" rx="8"/>')
    parts.append(f'<text class="rb-title" x="{_MARGIN}" y="22">{title}</text>')
    parts.extend(_wires(scene))
    parts.extend(_networks(scene.networks))
    sides = (_LEFT[0] + _NODE_WIDTH, _LEFT[1])
    parts.extend(storage.disks(scene, earlier, cards_end, sides, _NET_WIDTH))
    for left, node in zip(_LEFT, scene.nodes, strict=False):
        before_it = _node_before(node, earlier)
        parts.extend(_node(left, node, scene, before_it, bottom))
        parts.extend(storage.groups(left, cards_end, _NODE_WIDTH, node, before_it))
    parts.extend(_legend(bottom + 14, marks_changes=earlier is not None))
    parts.append("</svg>")
    return "\n".join(parts)


def cluster_text(data: object) -> str:
    """Return a picture as plain text, a line for each node and each of its cards."""
    scene = scene_of(data)
    lines = [shown(scene.title)] if scene.title else []
    for node in scene.nodes:
        wish = "" if _is_named_as_wished(node) else f" (wished: {node.wanted_name})"
        member = f", member of {node.domain}" if node.domain else ""
        lines.append(shown(f"{node.name}{wish}, power {node.power}{member}"))
        for adapter in node.adapters:
            facts = [
                adapter.connection or "(no name)",
                adapter.status,
                f"{adapter.address}/{adapter.mask}" if adapter.address else "no address",
                "DHCP" if adapter.dhcp else "static",
                *(f"{name} {state}" for name, state in _states(adapter) if name != "DHCP"),
            ]
            lines.append(shown("  " + ", ".join(fact for fact in facts if fact)))
    lines.extend(shown(line) for line in storage.text_lines(scene))
    return "\n".join(lines)


def _title(scene: Scene) -> str:
    return f"{scene.title} \u00b7 cluster {scene.cluster}" if scene.cluster else scene.title


def _is_named_as_wished(node: NodeView) -> bool:
    # NetBIOS names come back in capitals.
    return node.wanted_name.casefold() == node.name.casefold()


def _names(scene: Scene) -> Iterator[str]:
    return (node.name for node in scene.nodes)


def _node_before(node: NodeView, earlier: Scene | None) -> NodeView | None:
    for other in earlier.nodes if earlier else ():
        if other.wanted_name == node.wanted_name:
            return other
    return None


def _slots(node: NodeView, scene: Scene) -> list[AdapterView | None]:
    """Return a node's cards in the order of the networks; None where a network has no card."""
    left = list(node.adapters)
    slots: list[AdapterView | None] = []
    for network in scene.networks:
        card = next((each for each in left if each.network == network.name), None)
        slots.append(card)
        if card is not None:
            left.remove(card)
    slots.extend(left)
    return slots


def _slot_top(number: int) -> int:
    return _TITLE + _HEADER + number * _SLOT


def _networks(networks: Iterable[NetworkView]) -> Iterator[str]:
    middle = _NET_X + _NET_WIDTH // 2
    for number, network in enumerate(networks):
        top = _slot_top(number) + _WIRE_Y - 28
        yield (
            f'<rect class="rb-net rb-k{number}" x="{_NET_X}" y="{top}" width="{_NET_WIDTH}"'
            f' height="56" rx="10"/>'
        )
        name = plain_escaped(network.name, longest=18)
        yield f'<text class="rb-name rb-mid rb-t{number}" x="{middle}" y="{top + 24}">{name}</text>'
        subnet = plain_escaped(network.subnet, longest=20)
        yield f'<text class="rb-mono rb-mid rb-soft" x="{middle}" y="{top + 43}">{subnet}</text>'


def _wires(scene: Scene) -> Iterator[str]:
    for side, node in enumerate(scene.nodes):
        ends = (_LEFT[0] + _NODE_WIDTH, _NET_X) if side == 0 else (_LEFT[1], _NET_X + _NET_WIDTH)
        for number, card in enumerate(_slots(node, scene)[: len(scene.networks)]):
            if card is None:
                continue
            y = _slot_top(number) + _WIRE_Y
            cut = "" if card.status == "connected" and node.power != "off" else " rb-cut"
            yield f'<path class="rb-wire rb-k{number}{cut}" d="M{ends[0]} {y}H{ends[1]}"/>'


def _node(
    left: int, node: NodeView, scene: Scene, before: NodeView | None, bottom: int
) -> Iterator[str]:
    sleeping = " rb-sleep" if node.power == "off" else ""
    yield f'<g class="rb-node{sleeping}">'
    yield (
        f'<rect class="rb-card" x="{left}" y="{_TITLE}" width="{_NODE_WIDTH}"'
        f' height="{bottom - _TITLE}" rx="10"/>'
    )
    name_before = before.name if before else None
    wish = "" if _is_named_as_wished(node) else f"wished: {node.wanted_name}"
    yield value(left + 14, _TITLE + 22, "rb-name", node.name, name_before, longest=30)
    if wish:
        yield value(left + 14, _TITLE + 40, "rb-soft rb-small", wish, None, longest=40)
    if node.domain:
        yield value(
            left + _NODE_WIDTH - 14,
            _TITLE + 40,
            "rb-soft rb-small rb-end",
            node.domain,
            before.domain if before else None,
            longest=40,
            prefix="member of ",
        )
    state = "rb-ok" if node.power == "on" else "rb-bad"
    right = left + _NODE_WIDTH - 14
    power_before = before.power if before else None
    yield f'<circle class="{state}" cx="{right - 4}" cy="{_TITLE + 18}" r="4" stroke-width="1.5"/>'
    yield value(
        right - 14, _TITLE + 22, "rb-end", node.power, power_before, longest=12, prefix="power "
    )
    cards_before = {card.mac: card for card in before.adapters} if before else {}
    for number, card in enumerate(_slots(node, scene)):
        top = _slot_top(number)
        yield f'<path class="rb-rule" d="M{left} {top}h{_NODE_WIDTH}"/>'
        if card is None:
            network = scene.networks[number].name
            # Nobody asked a node that is off; its cards are where they were.
            text = f"{network}: not seen" if node.power == "off" else f"no card for {network}"
            yield value(left + 14, top + 24, "rb-soft", text, None, longest=40)
        else:
            awake = node.power != "off"
            yield from _card(left + 14, top, card, cards_before.get(card.mac), awake=awake)
    yield "</g>"


def _card(
    left: int, top: int, card: AdapterView, before: AdapterView | None, *, awake: bool
) -> Iterator[str]:
    right = left + _NODE_WIDTH - 28
    then = before if before is not None else card
    state = "rb-ok" if card.status == "connected" and awake else "rb-bad"
    yield f'<circle class="{state}" cx="{left + 4}" cy="{top + 18}" r="4" stroke-width="1.5"/>'
    yield value(
        left + 16, top + 22, "rb-conn", card.connection or "(no name)", then.connection, longest=30
    )
    if card.status != "connected" or then.status != card.status:
        yield value(right, top + 22, "rb-end rb-small", card.status, then.status, longest=20)
    elif card.order is not None:
        order = f"order {card.order + 1}"
        earlier = f"order {then.order + 1}" if then.order is not None else "not bound"
        yield value(right, top + 22, "rb-end rb-small rb-soft", order, earlier, longest=20)
    address = card.address or "no address"
    earlier_address = then.address or "no address"
    yield value(
        left + 16, top + 42, "rb-mono", address, earlier_address, longest=21, brief=_first(address)
    )
    if card.mask:
        yield value(
            right,
            top + 42,
            "rb-mono rb-end rb-soft",
            card.mask,
            then.mask,
            longest=18,
            brief=_first(card.mask, counted=False),
        )
    yield value(
        left + 16,
        top + 60,
        "rb-mono rb-small",
        card.gateway or "none",
        then.gateway or "none",
        longest=17,
        prefix="gateway ",
    )
    yield value(
        left + 166,
        top + 60,
        "rb-mono rb-small",
        card.dns or "none",
        then.dns or "none",
        longest=22,
        prefix="dns ",
    )
    mac = card.mac or "no MAC address"
    yield value(left + 16, top + 78, "rb-mono rb-small rb-soft", mac, None, longest=30)
    yield from _chips(left, top + 90, card, then)


def _first(listed: str, *, counted: bool = True) -> str:
    """Return the first of several addresses, and how many more: a cluster adds its own."""
    first, *more = listed.split(", ")
    return f"{first} +{len(more)}" if more and counted else first


_CHIP_WIDTHS = {"DHCP": 50, "DNS reg.": 64, "NetBIOS": 63, "LMHOSTS": 68, "Sharing": 61}


def _states(card: AdapterView) -> list[tuple[str, str]]:
    return [
        ("DHCP", _word(card.dhcp)),
        ("DNS reg.", _word(card.dns_registration)),
        ("NetBIOS", card.netbios or "unknown"),
        ("LMHOSTS", _word(card.lmhosts)),
        ("Sharing", _word(card.file_sharing)),
    ]


def _word(switch: bool | None) -> str:  # noqa: FBT001 - it is the very value that gets its word
    return {True: "on", False: "off", None: "unknown"}[switch]


def _chips(left: int, top: int, card: AdapterView, then: AdapterView) -> Iterator[str]:
    x = left
    for (name, state), (_, earlier) in zip(_states(card), _states(then), strict=True):
        width = _CHIP_WIDTHS[name]
        new = " rb-new" if state != earlier else ""
        tip = f"{name}: {state}" + (f", before: {earlier}" if new else "")
        fill = "rb-on" if state == "on" else "rb-off"
        yield f"<g><title>{plain_escaped(tip, 80)}</title>"
        yield (
            f'<rect class="rb-chip{new}" x="{x}" y="{top}" width="{width}" height="20" rx="10"/>'
        )
        yield mark(x + 8, top + 6, state, fill + new)
        yield f'<text class="rb-chip-text{new}" x="{x + 18}" y="{top + 13.5}">{name}</text></g>'
        x += width + 3


def _legend(y: int, *, marks_changes: bool) -> Iterator[str]:
    x = _MARGIN
    for state, text, width in (("on", "on", 46), ("off", "off", 48), ("default", "default", 80)):
        yield mark(x, y, state, "rb-on" if state == "on" else "rb-off")
        yield f'<text class="rb-small rb-soft" x="{x + 13}" y="{y + 8}">{text}</text>'
        x += width
    if marks_changes:
        yield f'<rect class="rb-chip rb-new" x="{x}" y="{y - 2}" width="22" height="11" rx="5"/>'
        yield f'<text class="rb-small rb-new" x="{x + 29}" y="{y + 8}">changed since before</text>'


def differs(one: object, other: object) -> bool:
    """Tell whether two pictures show anything different, titles aside."""
    first, second = scene_of(one), scene_of(other)
    return any(
        getattr(first, field.name) != getattr(second, field.name)
        for field in fields(Scene)
        if field.name != "title"
    )
