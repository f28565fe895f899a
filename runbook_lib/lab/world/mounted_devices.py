r"""Which drive letter belongs to which volume: the mount manager's part of a node's registry.

A volume of a basic disk is known by twelve bytes: the disk's signature and the partition's offset,
both with the lowest byte first. An optical drive is known by its device name. Windows Server 2003
Enterprise gives new volumes no letter by itself; what somebody gave is kept here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.windows_node import WindowsNode
from runbook_lib.lab.world.windows_registry import Registry

_LETTER = "\\DosDevices\\"
_VOLUME = r"\??\Volume"


def device_of(signature: int, offset: int) -> bytes:
    """Return the bytes by which the volume of a basic disk is known."""
    return struct.pack("<IQ", signature, offset)


def letters(registry: Registry) -> Mapping[str, bytes]:
    """Return letter ("Q:") -> device, by letter."""
    values = registry.values(places.MOUNTED_DEVICES)
    found = {
        value.name.removeprefix(_LETTER).upper(): value.data
        for value in values
        if value.name.startswith(_LETTER) and isinstance(value.data, bytes)
    }
    return dict(sorted(found.items()))


def letter_of(registry: Registry, device: bytes) -> str | None:
    """Return the letter that a device has, or None."""
    return next((letter for letter, each in letters(registry).items() if each == device), None)


def volume_name(registry: Registry, device: bytes) -> str | None:
    """Return the name (with its GUID) under which a volume was mounted once, or None."""
    values = registry.values(places.MOUNTED_DEVICES)
    found = (v.name for v in values if v.name.startswith(_VOLUME) and v.data == device)
    name = next(found, None)
    return None if name is None else rf"\\?\{name.removeprefix(_VOLUME[:4])}" + "\\"


def deliver(registry: Registry, letter: str, device: bytes) -> None:
    """Give a letter without a word in the ledger: what an image comes with."""
    registry.put(places.MOUNTED_DEVICES, _LETTER + letter, device)


def name_volume(registry: Registry, guid: str, device: bytes) -> None:
    """Let the mount manager know a volume by a name of its own."""
    if volume_name(registry, device) is None:
        registry.put(places.MOUNTED_DEVICES, f"{_VOLUME}{{{guid}}}", device)


def give(node: WindowsNode, letter: str, device: bytes) -> None:
    """Give a device this letter instead of the one it has."""
    before = letter_of(node.registry, device)
    if before is not None:
        node.registry.remove(places.MOUNTED_DEVICES, _LETTER + before)
    node.registry.put(places.MOUNTED_DEVICES, _LETTER + letter, device)
    node.changed(f"letter of {device.hex()}", before, letter)


def take(node: WindowsNode, letter: str) -> None:
    """Take a letter away from what it belongs to."""
    device = letters(node.registry).get(letter, b"")
    node.registry.remove(places.MOUNTED_DEVICES, _LETTER + letter)
    node.changed(f"letter of {device.hex()}", letter, None)
