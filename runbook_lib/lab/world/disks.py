"""Disks: the local volumes of a node, and the shared ones that both nodes are cabled to."""

from __future__ import annotations

from dataclasses import dataclass

FIXED = 3
OPTICAL = 5
MIB = 1024 * 1024
CYLINDER = 255 * 63 * 512
"""Bytes of a cylinder: WMI counts a disk's size in whole ones."""
LOCAL_SIZE = 40960 * MIB
LOCAL_SIGNATURE, LOCAL_OFFSET = 0x1549F232, 32256
"""Both images lie on the same kind of local disk, one partition behind its first track."""


@dataclass(frozen=True)
class LocalVolume:
    """One drive letter; sizes in bytes, None for an empty optical drive.

    letter: as it is delivered. device: what the mount manager knows it by; while that has a
    letter in the node's registry, this one is no longer asked.
    """

    letter: str
    drive_type: int
    size: int | None = None
    free: int | None = None
    label: str = ""
    file_system: str | None = None
    serial: str | None = None
    device: bytes = b""


@dataclass(frozen=True)
class SharedDisk:
    """One LUN of the shared storage, as it is delivered: raw."""

    lun: int
    size_mb: int

    @property
    def size(self) -> int:
        """Return its size in bytes."""
        return self.size_mb * MIB
