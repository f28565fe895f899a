"""Disks: the local volumes of a node, and the shared ones that both nodes are cabled to.

Shared disks are only listed for now; partitions, letters and who owns what come with the phase
that prepares them.
"""

from __future__ import annotations

from dataclasses import dataclass

FIXED = 3
OPTICAL = 5


@dataclass(frozen=True)
class LocalVolume:
    """One drive letter; sizes in bytes, None for an empty optical drive."""

    letter: str
    drive_type: int
    size: int | None = None
    free: int | None = None
    label: str = ""
    file_system: str | None = None
    serial: str | None = None


@dataclass(frozen=True)
class SharedDisk:
    """One LUN of the shared storage, as it is delivered: raw."""

    lun: int
    size_mb: int
