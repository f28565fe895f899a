r"""The shared storage: LUNs that both nodes are cabled to, and who may use them.

Nothing protects a LUN before the cluster does: two running nodes that both have its volume mounted
ruin its file system. A volume is mounted on a node once it has a letter there, for Windows Server
2003 mounts no new volume by itself. After `guard` the cluster's disk driver lets only the owner in.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from runbook_lib.lab.world import mounted_devices
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.disks import SharedDisk
from runbook_lib.lab.world.files import Files
from runbook_lib.lab.world.ledger import Ledger

if TYPE_CHECKING:
    from runbook_lib.lab.world.clock import Due
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode

RUINED = "The file system structure on the disk is corrupt and unusable."


@dataclass
class Volume:
    """The one partition of a LUN and its file system; without one, `file_system` is None.

    letters: node name -> letter ("Q:") of every node that has given it one.
    """

    lun: int
    signature: int
    offset: int
    size: int
    file_system: str | None = None
    label: str = ""
    is_corrupt: bool = False
    files: Files = field(default_factory=Files)
    nodes: Mapping[str, WindowsNode] = field(default_factory=dict, repr=False)

    @property
    def partition(self) -> str:
        """Return the device's path as the memory of an NT system has it."""
        return f"signature({self.signature:08x})partition(1)"

    @property
    def device(self) -> bytes:
        """Return the bytes by which mount managers know the volume."""
        return mounted_devices.device_of(self.signature, self.offset)

    @property
    def letters(self) -> dict[str, str]:
        """Return the letter on every node that has given it one."""
        found = {
            name: mounted_devices.letter_of(node.registry, self.device)
            for name, node in self.nodes.items()
        }
        return {name: letter for name, letter in found.items() if letter is not None}

    @property
    def serial(self) -> str:
        """Return the serial number that formatting gave the volume (eight digits)."""
        return hashlib.sha256(self.device).hexdigest()[:8].upper()

    @property
    def free(self) -> int:
        """Return the free bytes of an empty volume: what NTFS takes for itself is gone."""
        return self.size - self.size // 128


@dataclass(frozen=True)
class SeenDisk:
    """A LUN as one node sees it: its number among the node's disks, and the way to it."""

    index: int
    port: int
    disk: SharedDisk


@dataclass
class _State:
    """What `as_saved` keeps, by LUN; (node, LUN) where it concerns one node."""

    sizes: dict[int, int]
    signatures: dict[int, int] = field(default_factory=dict)
    dynamic: set[int] = field(default_factory=set)
    owners: dict[int, str | None] = field(default_factory=dict)
    hidden: set[tuple[str, int]] = field(default_factory=set)
    doubled: set[tuple[str, int]] = field(default_factory=set)


class SharedStorage:
    """All LUNs; nodes are named by the names that the wire knows them by."""

    def __init__(
        self, disks: Sequence[SharedDisk], nodes: Mapping[str, WindowsNode], ledger: Ledger
    ) -> None:
        self._nodes = nodes
        self._ledger = ledger
        self._state = _State({disk.lun: disk.size_mb for disk in disks})
        self._volumes: dict[int, Volume] = {}

    @property
    def disks(self) -> tuple[SharedDisk, ...]:
        """Return the LUNs, by number."""
        return tuple(SharedDisk(lun, size) for lun, size in sorted(self._state.sizes.items()))

    # -- what a node sees

    def seen_by(self, node: WindowsNode) -> tuple[SeenDisk, ...]:
        """Return the LUNs that a node is shown, by its own numbers; 0 is its local disk.

        The second machine looks through another port and finds them the other way round.
        """
        position = list(self._nodes).index(node.name)
        shown = [disk for disk in self.disks if (node.name, disk.lun) not in self._state.hidden]
        ways = [(disk, 2 + position) for disk in (shown[::-1] if position else shown)]
        ways += [
            (disk, 4 + position) for disk in shown if (node.name, disk.lun) in self._state.doubled
        ]
        return tuple(SeenDisk(n, port, disk) for n, (disk, port) in enumerate(ways, start=1))

    def signature(self, lun: int) -> int | None:
        """Return what the first partition wrote into the LUN's first sector, or None."""
        return self._state.signatures.get(lun)

    def is_dynamic(self, lun: int) -> bool:
        """Tell whether the LUN was made a dynamic disk, which no cluster takes."""
        return lun in self._state.dynamic

    def volume(self, lun: int) -> Volume | None:
        """Return the volume on a LUN, whoever may read it; None while there is no partition."""
        return self._volumes.get(lun)

    def readable(self, node: WindowsNode, lun: int) -> bool:
        """Tell whether a node that is on can read and write a LUN."""
        if all(seen.disk.lun != lun for seen in self.seen_by(node)):
            return False
        return lun not in self._state.owners or self._state.owners[lun] == node.name

    def by_letter(self, node: WindowsNode, letter: str) -> Volume | None:
        """Return the volume that a letter ("S:") leads to on a node, if it can be read there."""
        wanted = f"{letter[:1].upper()}:"
        return next((v for v, given in self.mounted(node) if given == wanted), None)

    def files(self, node: WindowsNode, letter: str) -> Files | None:
        """Return the files under a letter, or None where there is no readable file system."""
        volume = self.by_letter(node, letter)
        return volume.files if volume is not None and volume.file_system else None

    def mounted(self, node: WindowsNode) -> Iterator[tuple[Volume, str]]:
        """Yield each volume that has a letter on a node and can be read there, by LUN."""
        for lun, volume in sorted(self._volumes.items()):
            letter = volume.letters.get(node.name)
            if letter is not None and not self.is_dynamic(lun) and self.readable(node, lun):
                yield volume, letter

    # -- what the cluster does

    def owner(self, lun: int) -> str | None:
        """Return the name of the node that holds a LUN for the cluster, or None."""
        return self._state.owners.get(lun)

    def is_guarded(self, lun: int) -> bool:
        """Tell whether the cluster decides who may use a LUN."""
        return lun in self._state.owners

    def reserve(self, lun: int, node_name: str | None) -> None:
        """Let one node own a LUN for the cluster, or with None nobody; it is guarded then."""
        before = self._state.owners.get(lun, "anybody")
        self._state.owners[lun] = node_name
        self._changed(lun, "owner", before, node_name)

    def release(self, lun: int) -> None:
        """Let everybody at a LUN again: it is no longer a disk of a cluster."""
        before = self._state.owners.pop(lun, None)
        self._changed(lun, "owner", before, "anybody")
        self.look_for_ruin()

    # -- what a node does to a disk

    def create_partition(self, node: WindowsNode, lun: int, offset: int) -> Volume:
        """Make one partition over the whole LUN, and sign the disk if nobody has yet."""
        if lun not in self._state.signatures:
            signed = hashlib.sha256(f"{_identity(node)}/signature {lun}".encode()).digest()
            self._state.signatures[lun] = int.from_bytes(signed[:4], "little")
            self._changed(lun, "signature", None, f"{self._state.signatures[lun]:08X}")
        size = next(disk.size for disk in self.disks if disk.lun == lun) - offset
        volume = Volume(lun, self._state.signatures[lun], offset, size, nodes=self._nodes)
        self._volumes[lun] = volume
        self._changed(lun, "partition", None, offset)
        return volume

    def assign(self, node: WindowsNode, lun: int, letter: str) -> None:
        """Give a volume its letter on one node, which mounts it there."""
        volume = self._volumes[lun]
        guid = hashlib.sha256(f"{_identity(node)}/{volume.device.hex()}".encode()).digest()[:16]
        mounted_devices.name_volume(node.registry, str(uuid.UUID(bytes=guid)), volume.device)
        mounted_devices.give(node, letter, volume.device)
        self.look_for_ruin()

    def format(self, lun: int, file_system: str, label: str) -> None:
        """Make an empty file system on a volume."""
        volume = self._volumes[lun]
        before = volume.file_system and f"{volume.file_system} {volume.label}"
        volume.file_system, volume.label = file_system, label
        volume.files, volume.is_corrupt = Files(), False
        self._changed(lun, "file system", before, f"{file_system} {label}")
        self.look_for_ruin()

    # -- what somebody does to the storage

    def hide(self, node: WindowsNode, lun: int, *, hidden: bool) -> None:
        """Show a LUN to a node no longer, or again."""
        before = (node.name, lun) in self._state.hidden
        self._put((node.name, lun), self._state.hidden, wanted=hidden)
        node.changed(f"LUN {lun} hidden", before, hidden)
        self.look_for_ruin()

    def double(self, node: WindowsNode, lun: int, *, doubled: bool) -> None:
        """Cable a node to a LUN a second time, without software that knows both ways as one."""
        before = (node.name, lun) in self._state.doubled
        self._put((node.name, lun), self._state.doubled, wanted=doubled)
        node.changed(f"LUN {lun} seen twice", before, doubled)

    def resize(self, lun: int, size_mb: int) -> None:
        """Make a LUN larger or smaller; a partition keeps its size."""
        before, self._state.sizes[lun] = self._state.sizes[lun], size_mb
        self._changed(lun, "size in MB", before, size_mb)

    def make_dynamic(self, lun: int) -> None:
        """Convert a LUN to a dynamic disk."""
        self._state.dynamic.add(lun)
        self._changed(lun, "dynamic", before=False, after=True)

    def wipe(self, lun: int) -> None:
        """Make a LUN raw again, as its maker delivers it."""
        before = self.signature(lun)
        self._volumes.pop(lun, None)
        self._state.signatures.pop(lun, None)
        self._state.dynamic.discard(lun)
        self._changed(lun, "signature", f"{before:08X}" if before else None, None)

    def look_for_ruin(self) -> None:
        """Ruin every unguarded file system that two running nodes have mounted."""
        for lun, volume in self._volumes.items():
            if lun in self._state.owners or not volume.file_system or volume.is_corrupt:
                continue
            writers = [
                (node, letter)
                for node in self._nodes.values()
                for each, letter in self.mounted(node)
                if node.is_on and each is volume
            ]
            if len(writers) < 2:
                continue
            volume.is_corrupt = True
            self._changed(lun, "file system is corrupt", before=False, after=True)
            for node, letter in writers:
                text = f"{RUINED} Please run the chkdsk utility on the volume {letter}."
                node.events.write(node.clock.now(), "Ntfs", 55, text, kind="Error")

    # -- what the site asks of a part

    def as_json(self) -> dict[str, Any]:
        """Return the state without times and passwords."""
        state = self._state
        return {
            "disks": [vars(disk) for disk in self.disks],
            "signatures": {str(lun): given for lun, given in sorted(state.signatures.items())},
            "dynamic": sorted(state.dynamic),
            "owners": {str(lun): owner for lun, owner in sorted(state.owners.items())},
            "hidden": [list(each) for each in sorted(state.hidden)],
            "doubled": [list(each) for each in sorted(state.doubled)],
            "volumes": [
                _without_nodes(volume) | {"files": volume.files.as_json()}
                for _, volume in sorted(self._volumes.items())
            ],
        }

    def as_saved(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        volumes = [
            _without_nodes(volume) | {"files": volume.files.as_saved()}
            for _, volume in sorted(self._volumes.items())
        ]
        return self.as_json() | {"volumes": volumes}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Become what `as_saved` gave."""
        self._state = _State(
            sizes={each["lun"]: each["size_mb"] for each in saved["disks"]},
            signatures={int(lun): given for lun, given in saved["signatures"].items()},
            dynamic=set(saved["dynamic"]),
            owners={int(lun): owner for lun, owner in saved["owners"].items()},
            hidden={(node, lun) for node, lun in saved["hidden"]},
            doubled={(node, lun) for node, lun in saved["doubled"]},
        )
        self._volumes = {}
        for each in saved["volumes"]:
            volume = Volume(**{**each, "files": Files()}, nodes=self._nodes)
            volume.files.restore(each["files"])
            self._volumes[volume.lun] = volume

    def node_is_down(self, site: Site, node: WindowsNode) -> None:
        """Take notice that a node fell silent: nothing changes on a disk."""

    def node_is_up(self, _site: Site, _node: WindowsNode) -> None:
        """Let a node that has started mount what it has letters for."""
        self.look_for_ruin()

    def happen(self, site: Site, due: Due) -> None:
        """Carry out what was planned: this part plans nothing."""

    def _changed(self, lun: int, what: str, before: object, after: object) -> None:
        self._ledger.changed("storage", f"LUN {lun}: {what}", before, after)

    @staticmethod
    def _put(key: tuple[str, int], into: set[tuple[str, int]], *, wanted: bool) -> None:
        if wanted:
            into.add(key)
        else:
            into.discard(key)


def _identity(node: WindowsNode) -> str:
    return node.registry.text(places.CRYPTOGRAPHY, "MachineGuid")


def _without_nodes(volume: Volume) -> dict[str, Any]:
    kept = replace(volume, nodes={})
    return {name: value for name, value in vars(kept).items() if name != "nodes"}
