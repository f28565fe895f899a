"""Disks of a node: which LUN is which, what is on them, and the letters they have.

A disk is found by its LUN and size, never by its number: numbers and ports differ by node and
start. Once it is signed, its signature tells it from every other disk, on both nodes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from runbook_lib.commands import rows, windows_registry, wmi
from runbook_lib.commands.command import Action, Answer, Query, Row, Script

CYLINDER = 255 * 63 * 512
"""Bytes: WMI counts a disk's size in whole cylinders."""

MIB = 1024 * 1024
PREPARE_S = 300.0
"""For diskpart and a quick format; both take seconds."""

DISKPART_EXPLAINS: Mapping[int, str] = MappingProxyType(
    {
        1: "diskpart met a fatal error",
        2: "a parameter of diskpart is not valid",
        3: "diskpart could not open its file of commands",
        4: "diskpart could not do what a command asks for",
        5: "a command of diskpart is not written as it should be",
    }
)
FORMAT_EXPLAINS: Mapping[int, str] = MappingProxyType(
    {
        1: "the file system is not supported",
        2: "the medium is not of the right kind",
        3: "access was denied",
        4: "it was cancelled",
        6: "the medium is write protected",
        7: "the volume could not be locked",
        8: "it cannot be formatted quickly",
        9: "an input or output error",
        10: "the label is not valid",
        11: "there is no medium",
        12: "the volume is too small",
        13: "the volume is too large",
        14: "the volume is not mounted",
        15: "the cluster size is too small",
        16: "the cluster size is too large",
        17: "the cluster size is beyond 32 bits",
        18: "an unknown error",
    }
)

_DISK_OF_PARTITION = re.compile(r'DeviceID="Disk #(\d+), Partition #(\d+)"')
_LETTER = re.compile(r'DeviceID="([A-Za-z]:)"')
_ON_DYNAMIC_DISK = "logical disk manager"


class DriveType(IntEnum):
    """Win32_LogicalDisk.DriveType."""

    UNKNOWN = 0
    NO_ROOT = 1
    REMOVABLE = 2
    FIXED = 3
    NETWORK = 4
    OPTICAL = 5
    MEMORY = 6

    def __str__(self) -> str:
        """Return the words for a reader."""
        words = {self.NETWORK: "a network drive", self.OPTICAL: "the optical drive"}
        return words.get(self, f"a {self.name.lower()} drive")


@dataclass(frozen=True)
class Partition:
    """One partition; letter ("Q:") only where it is mounted under one."""

    index: int
    offset: int
    is_boot: bool
    is_dynamic: bool
    letter: str | None


@dataclass(frozen=True)
class Drive:
    """One disk as the node numbers it; size_bytes None where it cannot be read."""

    index: int
    lun: int
    port: int
    size_bytes: int | None
    signature: int | None
    partition_count: int
    partitions: tuple[Partition, ...]

    @property
    def is_local(self) -> bool:
        """Tell whether the system starts from it."""
        return any(partition.is_boot for partition in self.partitions)

    @property
    def size_mb(self) -> int:
        """Return the size in MiB, rounded down; 0 where it cannot be read."""
        return (self.size_bytes or 0) // MIB

    def is_of_size(self, size_mb: int) -> bool:
        """Tell whether this may be a disk of so many MiB: WMI shows up to a cylinder less."""
        return self.size_bytes is not None and 0 <= size_mb * MIB - self.size_bytes < CYLINDER


@dataclass(frozen=True)
class Lettered:
    """What has a drive letter; file_system None where there is none or it cannot be read."""

    letter: str
    drive_type: DriveType
    file_system: str | None
    label: str | None
    is_dirty: bool | None


@dataclass(frozen=True)
class Storage:
    """What one node shows of its disks. bound: letter -> the bytes its registry binds it to."""

    drives: tuple[Drive, ...]
    letters: Mapping[str, Lettered]
    bound: Mapping[str, bytes]

    def at(self, lun: int) -> tuple[Drive, ...]:
        """Return the disks with a LUN, but for those that the node's system lies on."""
        return tuple(drive for drive in self.drives if drive.lun == lun and not drive.is_local)


def storage(letters: Sequence[str]) -> Query[Storage]:
    """Return the disks of a node, and what these letters ("Q") are bound to."""
    names = tuple(rf"\DosDevices\{letter}:" for letter in letters)
    reads = (
        wmi.DISK_DRIVE,
        wmi.DISK_PARTITION,
        wmi.LOGICAL_DISK_TO_PARTITION,
        wmi.LOGICAL_DISK,
        windows_registry.mounted_devices(*names),
    )

    def parse(answers: Sequence[Answer]) -> Storage:
        return _storage(answers, names)

    return Query(reads, parse)


def make_partition(lun: int, size_mb: int, letter: str) -> Action:
    """Make the one partition of a disk without any, and give it its letter."""
    return _prepare("partition", lun, size_mb, letter, explains=DISKPART_EXPLAINS)


def give_letter(lun: int, size_mb: int, letter: str) -> Action:
    """Give the one partition of a disk its letter; nothing on the disk changes."""
    return _prepare("letter", lun, size_mb, letter, explains=DISKPART_EXPLAINS)


def format_volume(lun: int, size_mb: int, letter: str, label: str) -> Action:
    """Make an NTFS file system on a disk's volume that has none."""
    return _prepare("format", lun, size_mb, letter, label, explains=FORMAT_EXPLAINS)


def _prepare(
    deed: str, lun: int, size_mb: int, letter: str, label: str = "", *, explains: Mapping[int, str]
) -> Action:
    parameters = (
        ("Deed", deed),
        ("Lun", lun),
        ("SizeMb", size_mb),
        ("Letter", letter),
        ("Label", label),
    )
    return Action(Script("prepare_disk", parameters), explains=explains, deadline_s=PREPARE_S)


def _storage(answers: Sequence[Answer], names: Sequence[str]) -> Storage:
    drives, partitions, places, logical, mounted = answers
    letter_of = dict(_place(row) for row in rows.answered(places).rows)
    of_disk: dict[int, list[Partition]] = {}
    for row in rows.answered(partitions).rows:
        partition = _partition(row, letter_of)
        of_disk.setdefault(rows.number(row, "DiskIndex"), []).append(partition)
    lettered = (_lettered(row) for row in rows.answered(logical).rows)
    values = rows.key_row(mounted) or {}
    bound = {name.rpartition("\\")[2]: rows.binary(values, name) for name in names}
    found = (_drive(row, of_disk) for row in rows.answered(drives).rows)
    return Storage(
        tuple(sorted(found, key=lambda drive: drive.index)),
        {each.letter: each for each in lettered},
        {letter: data for letter, data in bound.items() if data is not None},
    )


def _drive(row: Row, of_disk: Mapping[int, Sequence[Partition]]) -> Drive:
    index = rows.number(row, "Index")
    return Drive(
        index=index,
        lun=rows.optional_number(row, "SCSILogicalUnit") or 0,
        port=rows.optional_number(row, "SCSIPort") or 0,
        size_bytes=rows.optional_number(row, "Size"),
        # Nobody could be asked whether a raw disk shows none or 0.
        signature=rows.optional_number(row, "Signature") or None,
        partition_count=rows.optional_number(row, "Partitions") or 0,
        partitions=tuple(sorted(of_disk.get(index, ()), key=lambda one: one.index)),
    )


def _partition(row: Row, letter_of: Mapping[tuple[int, int], str]) -> Partition:
    disk, index = rows.number(row, "DiskIndex"), rows.number(row, "Index")
    kind = rows.optional_text(row, "Type") or ""
    return Partition(
        index=index,
        offset=rows.number(row, "StartingOffset"),
        is_boot=bool(rows.optional_flag(row, "BootPartition")),
        is_dynamic=_ON_DYNAMIC_DISK in kind.lower(),
        letter=letter_of.get((disk, index)),
    )


def _place(row: Row) -> tuple[tuple[int, int], str]:
    """Return ((disk, partition), letter) from the paths of an association."""
    partition = _DISK_OF_PARTITION.search(rows.text(row, "Antecedent"))
    letter = _LETTER.search(rows.text(row, "Dependent"))
    if partition is None or letter is None:
        message = "an association of a letter and a partition names neither"
        raise ValueError(message)
    return (int(partition[1]), int(partition[2])), letter[1].upper()


def _lettered(row: Row) -> Lettered:
    system = rows.optional_text(row, "FileSystem")
    number = rows.number(row, "DriveType")
    known = number in DriveType.__members__.values()
    return Lettered(
        letter=rows.text(row, "DeviceID"),
        drive_type=DriveType(number) if known else DriveType.UNKNOWN,
        file_system=None if system in {None, "", "RAW"} else system,
        label=rows.optional_text(row, "VolumeName"),
        is_dirty=rows.optional_flag(row, "VolumeDirty"),
    )
