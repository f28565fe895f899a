"""WMI classes of disks, partitions and volumes, the local ones and the shared ones.

A disk that the cluster holds for the other node is listed, and nothing on it can be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from runbook_lib.lab.handlers.surface import Context, Instance, lists, method
from runbook_lib.lab.world import mounted_devices
from runbook_lib.lab.world.disks import (
    CYLINDER,
    FIXED,
    LOCAL_OFFSET,
    LOCAL_SIGNATURE,
    LOCAL_SIZE,
    OPTICAL,
    LocalVolume,
)
from runbook_lib.lab.world.shared_storage import SeenDisk, Volume

UNSUPPORTED, INCOMPATIBLE, LOCK_FAILED, BAD_LABEL = 1, 2, 7, 10
LABEL_CHARACTERS = 32


@dataclass(frozen=True)
class _Lettered:
    """Whatever has a drive letter on a node."""

    letter: str
    local: LocalVolume | None = None
    shared: Volume | None = None


def lettered(context: Context) -> Iterator[_Lettered]:
    """Yield what has a letter now, by letter."""
    node = context.node
    found = []
    for local in node.volumes:
        letter = mounted_devices.letter_of(node.registry, local.device)
        if letter is not None:
            found.append(_Lettered(letter, local=local))
    found += [_Lettered(letter, shared=each) for each, letter in context.site.storage.mounted(node)]
    yield from sorted(found, key=lambda each: each.letter)


@lists(
    "Win32_DiskDrive",
    key="DeviceID",
    source="documented: Win32_DiskDrive, size in whole cylinders; inferred: no signature while "
    "raw; inferred: what a disk shows that the cluster holds for the other node",
)
def disk_drives(context: Context) -> Sequence[Instance]:
    """Return the local disk, then the shared ones by their number on this node.

    The local disk answers on LUN 0 of its own port: a LUN alone names no disk.
    """
    drives = [
        _drive(
            context,
            _Drive(0, 0, 0, LOCAL_SIZE, partitions=1, signature=LOCAL_SIGNATURE, name="INTERNAL"),
        )
    ]
    storage = context.site.storage
    for seen in storage.seen_by(context.node):
        lun = seen.disk.lun
        drive = _Drive(seen.index, seen.port, lun, name="SHARED")
        if storage.readable(context.node, lun):
            drive = replace(
                drive,
                size=seen.disk.size,
                partitions=0 if storage.volume(lun) is None else 1,
                signature=storage.signature(lun),
            )
        drives.append(_drive(context, drive))
    return drives


@dataclass(frozen=True)
class _Drive:
    index: int
    port: int
    lun: int
    size: int | None = None
    partitions: int = 0
    signature: int | None = None
    name: str = ""


def _drive(context: Context, drive: _Drive) -> dict[str, object]:
    path = rf"\\.\PHYSICALDRIVE{drive.index}"
    cylinders = None if drive.size is None else drive.size // CYLINDER
    return {
        "DeviceID": path,
        "Name": path,
        "Caption": f"LAB {drive.name} SCSI Disk Device",
        "Model": f"LAB {drive.name} SCSI Disk Device",
        "Manufacturer": "(Standard disk drives)",
        "Index": drive.index,
        "InterfaceType": "SCSI",
        "MediaType": "Fixed hard disk media",
        "Partitions": drive.partitions,
        "PNPDeviceID": rf"SCSI\DISK&VEN_LAB&PROD_{drive.name}&REV_1.0"
        rf"\4&5FCAAFC{drive.port}&0&00{drive.lun}",
        "SCSIBus": 0,
        "SCSIPort": drive.port,
        "SCSITargetId": 0,
        "SCSILogicalUnit": drive.lun,
        "Signature": drive.signature,
        "Size": None if cylinders is None else cylinders * CYLINDER,
        "BytesPerSector": 512,
        "SectorsPerTrack": 63,
        "TracksPerCylinder": 255,
        "TotalCylinders": cylinders,
        "Status": "OK",
        "SystemName": context.node.computer_name,
    }


@lists(
    "Win32_DiskPartition",
    key="DeviceID",
    source="documented: Win32_DiskPartition; inferred: type of a dynamic disk's partition",
)
def disk_partitions(context: Context) -> Sequence[Instance]:
    """Return the partitions that can be read, by disk."""
    system = next(each for each in context.node.volumes if each.size is not None)
    kind = "Installable File System"
    found = [_partition(context, 0, LOCAL_OFFSET, int(system.size or 0), kind, boot=True)]
    for seen, volume in _partitioned(context):
        dynamic = context.site.storage.is_dynamic(volume.lun)
        kind = "Logical Disk Manager" if dynamic else "Installable File System"
        found.append(_partition(context, seen.index, volume.offset, volume.size, kind, boot=False))
    return found


def _partition(
    context: Context, disk: int, offset: int, size: int, kind: str, *, boot: bool
) -> dict[str, object]:
    return {
        "DeviceID": _partition_name(disk),
        "Name": _partition_name(disk),
        "Caption": _partition_name(disk),
        "DiskIndex": disk,
        "Index": 0,
        "Type": kind,
        "Size": size,
        "BlockSize": 512,
        "NumberOfBlocks": size // 512,
        "StartingOffset": offset,
        "BootPartition": boot,
        "Bootable": boot,
        "PrimaryPartition": True,
        "SystemName": context.node.computer_name,
    }


@lists(
    "Win32_DiskDriveToDiskPartition",
    key="Dependent",
    source="documented: Win32_DiskDriveToDiskPartition",
)
def drives_to_partitions(context: Context) -> Sequence[Instance]:
    """Return which partition lies on which disk."""
    indexes = [0, *(seen.index for seen, _ in _partitioned(context))]
    return [
        {
            "Antecedent": _path(context, "Win32_DiskDrive", rf"\\\\.\\PHYSICALDRIVE{index}"),
            "Dependent": _path(context, "Win32_DiskPartition", _partition_name(index)),
        }
        for index in indexes
    ]


@lists(
    "Win32_LogicalDiskToPartition",
    key="Dependent",
    source="documented: Win32_LogicalDiskToPartition",
)
def logical_disks_to_partitions(context: Context) -> Sequence[Instance]:
    """Return which letter lies on which partition."""
    found = []
    by_lun = {volume.lun: seen.index for seen, volume in reversed(list(_partitioned(context)))}
    for each in lettered(context):
        if each.local and each.local.size is not None:
            index, offset, size = 0, LOCAL_OFFSET, each.local.size
        elif each.shared:
            volume = each.shared
            index, offset, size = by_lun[volume.lun], volume.offset, volume.size
        else:
            continue
        found.append(
            {
                "Antecedent": _path(context, "Win32_DiskPartition", _partition_name(index)),
                "Dependent": _path(context, "Win32_LogicalDisk", each.letter),
                "StartingAddress": offset,
                "EndingAddress": offset + size - 1,
            }
        )
    return found


@lists(
    "Win32_LogicalDisk",
    key="DeviceID",
    source="documented: Win32_LogicalDisk; inferred: what it shows of a volume without a file "
    "system",
)
def logical_disks(context: Context) -> Sequence[Instance]:
    """Return the drive letters."""
    described = {FIXED: "Local Fixed Disk", OPTICAL: "CD-ROM Disc"}
    found = []
    for each in lettered(context):
        kind = each.local.drive_type if each.local else FIXED
        facts = _facts(each)
        found.append(
            {
                "DeviceID": each.letter,
                "Name": each.letter,
                "Caption": each.letter,
                "Description": described[kind],
                "DriveType": kind,
                "FileSystem": facts.file_system,
                "FreeSpace": facts.free,
                "Size": facts.size,
                "VolumeDirty": facts.dirty,
                "VolumeName": facts.label,
                "VolumeSerialNumber": facts.serial,
                "SystemName": context.node.computer_name,
            }
        )
    return found


@method(
    "Format",
    arguments="FileSystem:String QuickFormat:Boolean ClusterSize:UInt32 Label:String "
    "EnableCompression:Boolean",
    source="documented: Win32_Volume.Format; inferred: which code a volume in use gives",
)
def format_volume(
    context: Context, target: Instance | None, arguments: Mapping[str, object]
) -> int:
    """Make a new, empty file system on a volume."""
    letter = str((target or {}).get("DriveLetter"))
    found = next((each for each in lettered(context) if each.letter == letter), None)
    system = str(arguments["FileSystem"] or "NTFS").upper()
    label = str(arguments["Label"] or "")
    if found is None or found.shared is None:
        optical = found is not None and found.local is not None and found.local.size is None
        return INCOMPATIBLE if optical else LOCK_FAILED
    if system not in ("NTFS", "FAT", "FAT32"):
        return UNSUPPORTED
    if len(label) > LABEL_CHARACTERS:
        return BAD_LABEL
    context.site.storage.format(found.shared.lun, system, label)
    return 0


@lists(
    "Win32_Volume",
    key="DeviceID",
    source="documented: Win32_Volume; inferred: only volumes that were mounted once are listed",
    methods=(format_volume,),
)
def volumes(context: Context) -> Sequence[Instance]:
    """Return the volumes that the node's mount manager knows."""
    found = []
    for each in lettered(context):
        local, shared = each.local, each.shared
        facts = _facts(each)
        device = local.device if local else shared.device if shared else b""
        name = mounted_devices.volume_name(context.node.registry, device)
        found.append(
            {
                "DeviceID": name,
                "Name": f"{each.letter}\\",
                "Caption": f"{each.letter}\\",
                "DriveLetter": each.letter,
                "DriveType": local.drive_type if local else FIXED,
                "FileSystem": facts.file_system,
                "Label": facts.label,
                "Capacity": facts.size,
                "FreeSpace": facts.free,
                "BlockSize": 4096 if facts.file_system else None,
                "Compressed": False if facts.file_system else None,
                "DirtyBitSet": facts.dirty,
                "SerialNumber": int(facts.serial, 16) if facts.serial else None,
                "SystemName": context.node.computer_name,
            }
        )
    return found


CLASSES = (
    disk_drives,
    disk_partitions,
    drives_to_partitions,
    logical_disks_to_partitions,
    logical_disks,
    volumes,
)


@dataclass(frozen=True)
class _Facts:
    file_system: str | None = None
    label: str | None = None
    size: int | None = None
    free: int | None = None
    serial: str | None = None
    dirty: bool | None = None


def _facts(each: _Lettered) -> _Facts:
    """Return what both classes say of a volume: nothing without a file system."""
    local, shared = each.local, each.shared
    if local is not None and local.file_system:
        return _Facts(
            local.file_system, local.label, local.size, local.free, local.serial, dirty=False
        )
    if shared is not None and shared.file_system:
        return _Facts(
            shared.file_system,
            shared.label,
            shared.size,
            shared.free,
            shared.serial,
            dirty=shared.is_corrupt,
        )
    return _Facts()


def _partitioned(context: Context) -> Iterator[tuple[SeenDisk, Volume]]:
    storage = context.site.storage
    for seen in storage.seen_by(context.node):
        volume = storage.volume(seen.disk.lun)
        if volume is not None and storage.readable(context.node, seen.disk.lun):
            yield seen, volume


def _partition_name(disk: int) -> str:
    return f"Disk #{disk}, Partition #0"


def _path(context: Context, wmi_class: str, key: str) -> str:
    return rf'\\{context.node.computer_name}\root\cimv2:{wmi_class}.DeviceID="{key}"'
