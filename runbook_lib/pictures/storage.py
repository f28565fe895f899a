"""The lower part of the drawing: groups at their owners, shared disks between the nodes.

A disk is tied to the node that owns it by a full line and to the other by a dashed one: both are
cabled to it, one may write.
"""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.pictures.marks import value
from runbook_lib.pictures.scene import DiskView, NodeView, Scene
from runbook_lib.pictures.text import plain_escaped

ROW = 24
DISK_HEIGHT = 66
_GAP = 14


def height(scene: Scene) -> int:
    """Return how much room the groups and the disks need below the cards."""
    rows = max((len(node.groups) for node in scene.nodes), default=0)
    groups = rows * ROW + _GAP if rows else 0
    disks = len(scene.disks) * (DISK_HEIGHT + _GAP) + _GAP if scene.disks else 0
    return max(groups, disks)


def groups(
    left: int, top: int, width: int, node: NodeView, before: NodeView | None
) -> Iterator[str]:
    """Yield the groups that a node owns, one line each, with their states."""
    if not node.groups:
        return
    yield f'<path class="rb-rule" d="M{left} {top}h{width}"/>'
    earlier = {group.name: group.state for group in before.groups} if before else None
    for number, group in enumerate(node.groups):
        y = top + 17 + number * ROW
        is_on = group.state.casefold() == "online"
        yield (
            f'<circle class="{"rb-ok" if is_on else "rb-bad"}" cx="{left + 18}" cy="{y - 4}" r="4"'
            ' stroke-width="1.5"/>'
        )
        # A group that came from elsewhere is new here as a whole.
        was = None if earlier is None else group.name if group.name in earlier else ""
        yield value(left + 30, y, "rb-small", group.name, was, longest=28)
        state = None if earlier is None else earlier.get(group.name, "")
        yield value(left + width - 14, y, "rb-small rb-end rb-soft", group.state, state, longest=18)


def disks(
    scene: Scene, earlier: Scene | None, top: int, sides: tuple[int, int], width: int
) -> Iterator[str]:
    """Yield the shared disks with their wires. sides: the inner edges of both nodes."""
    left = (sum(sides) - width) // 2
    before = {disk.lun: disk for disk in earlier.disks} if earlier else {}
    for number, disk in enumerate(scene.disks):
        y = top + _GAP + number * (DISK_HEIGHT + _GAP)
        wire = y + DISK_HEIGHT // 2
        for node, edge, end in zip(scene.nodes, sides, (left, left + width), strict=False):
            owns = " rb-owned" if disk.owner == node.wanted_name else " rb-cut"
            yield f'<path class="rb-wire rb-disk-wire{owns}" d="M{edge} {wire}H{end}"/>'
        yield from _disk(left, y, width, disk, before.get(disk.lun), marks=earlier is not None)


def _disk(
    left: int, top: int, width: int, disk: DiskView, before: DiskView | None, *, marks: bool
) -> Iterator[str]:
    middle = left + width // 2
    side = DISK_HEIGHT - 16
    yield (
        f'<path class="rb-disk" d="M{left} {top + 8}v{side}'
        f'a{width // 2} 8 0 0 0 {width} 0v-{side}"/>'
        f'<ellipse class="rb-disk" cx="{middle}" cy="{top + 8}" rx="{width // 2}" ry="8"/>'
    )
    then = before or (DiskView("", disk.lun, None, {}, "", is_quorum=False) if marks else None)
    name = _letters(disk) or "no letter"
    was = (_letters(then) or "no letter") if then else None
    yield value(middle, top + 30, "rb-conn rb-mid", name, was, longest=18)
    facts = f"{disk.label or 'raw'}, {_size(disk)}"
    yield value(
        middle,
        top + 45,
        "rb-small rb-mid rb-soft",
        facts,
        f"{then.label or 'raw'}, {_size(disk)}" if then else None,
        longest=24,
    )
    role = plain_escaped(f"LUN {disk.lun}{', quorum' if disk.is_quorum else ''}", longest=24)
    yield f'<text class="rb-mono rb-small rb-mid rb-soft" x="{middle}" y="{top + 59}">{role}</text>'


def text_lines(scene: Scene) -> Iterator[str]:
    """Yield the groups and disks as plain text."""
    if scene.cluster:
        yield f"cluster {scene.cluster}"
    for node in scene.nodes:
        for group in node.groups:
            yield f"  group {group.name} on {node.wanted_name}: {group.state}"
    for disk in scene.disks:
        facts = [
            f"LUN {disk.lun}",
            disk.label or "raw",
            _size(disk),
            _letters(disk) or "no letter",
            f"owned by {disk.owner}" if disk.owner else "owned by nobody",
        ]
        yield f"  disk {', '.join(facts)}{', quorum' if disk.is_quorum else ''}"


def _letters(disk: DiskView) -> str:
    """Return the letter, or each node's where they differ."""
    found = {letter for letter in disk.letters.values() if letter}
    if len(found) < 2:
        return next(iter(found), "")
    return " / ".join(letter or "-" for letter in disk.letters.values())


def _size(disk: DiskView) -> str:
    if disk.size_mb is None:
        return "size unknown"
    return f"{disk.size_mb} MB" if disk.size_mb < 10240 else f"{disk.size_mb / 1024:.4g} GB"
