"""What prepare_disk.ps1 does on a node: its own questions first, then diskpart or Format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NoReturn

from runbook_lib.lab.handlers import installed, powershell, wmi, wmi_disks
from runbook_lib.lab.handlers.surface import CommandError, Context, Instance, Ran
from runbook_lib.lab.world.disks import CYLINDER, MIB

COMMANDS_FILE = r"C:\WINDOWS\Temp\scc-runbook-diskpart.txt"


def prepare_disk(context: Context, parameters: Mapping[str, object]) -> Ran:
    """Carry out the deed on the disk that fits, or refuse."""
    letter = powershell.text(parameters.get("Letter"))
    if not re.fullmatch("[D-Zd-z]", letter):
        _refuse(f"{letter} is no letter for a shared disk")
    drive = f"{letter}:"
    lun = _whole(parameters, "Lun")
    size_mb = _whole(parameters, "SizeMb")
    disk = _disk(context, lun, size_mb)
    number = disk["Index"]
    partitions = [
        each for each in wmi_disks.disk_partitions.instances(context) if each["DiskIndex"] == number
    ]
    deed = powershell.text(parameters.get("Deed")).lower()
    what = f"disk {number} (LUN {lun})"
    if deed == "format":
        volume = _raw_volume(context, drive, number, what, partitions)
        return _format(context, volume, powershell.text(parameters.get("Label")))
    if deed == "partition":
        if disk["Partitions"] != 0 or partitions:
            _refuse(f"{what} holds a partition already")
        lines = ["create partition primary align=64"]
    elif deed == "letter":
        if len(partitions) != 1 or partitions[0]["BootPartition"]:
            _refuse(f"{what} holds {len(partitions)} partitions, or the system")
        if "logical disk manager" in str(partitions[0]["Type"]).lower():
            _refuse(f"{what} is a dynamic disk")
        if _places(context, number):
            _refuse(f"{what} has a letter already")
        lines = ["select partition 1"]
    else:
        _refuse(f"there is no deed {powershell.text(parameters.get('Deed'))}")
    taken = [each for each in wmi_disks.logical_disks.instances(context) if _is(each, drive)]
    if taken:
        _refuse(f"{drive} is in use")
    return _diskpart(context, [f"select disk {number}", *lines, f"assign letter={letter}"])


def label(parameters: Mapping[str, object]) -> str:
    """Return what faults may match, such as "partition LUN 0 Q"."""
    deed, lun, letter = (
        powershell.text(parameters.get(name)) for name in ("Deed", "Lun", "Letter")
    )
    return f"{deed} LUN {lun} {letter}"


def _disk(context: Context, lun: int, size_mb: int) -> Instance:
    found = []
    for each in wmi_disks.disk_drives.instances(context):
        size = each["Size"]
        fits = isinstance(size, int) and 0 <= size_mb * MIB - size < CYLINDER
        if fits and each["SCSILogicalUnit"] == lun:
            found.append(each)
    if len(found) != 1:
        _refuse(f"{len(found)} disks have LUN {lun} and {size_mb} MB")
    return found[0]


def _raw_volume(
    context: Context, drive: str, number: object, what: str, partitions: Sequence[Instance]
) -> Instance:
    places = [
        each
        for each in _places(context, number)
        if f'"{drive}"'.lower() in str(each["Dependent"]).lower()
    ]
    volumes = [
        each
        for each in wmi_disks.volumes.instances(context)
        if str(each["DriveLetter"]).lower() == drive.lower()
    ]
    if (len(places), len(partitions), len(volumes)) != (1, 1, 1):
        _refuse(f"{drive} is not the volume of {what}")
    if volumes[0]["FileSystem"]:
        _refuse(f"{drive} holds a file system already ({volumes[0]['FileSystem']})")
    return volumes[0]


def _places(context: Context, number: object) -> list[Instance]:
    """Return which letters lie on a disk."""
    return [
        each
        for each in wmi_disks.logical_disks_to_partitions.instances(context)
        if f'"Disk #{number}, Partition #' in str(each["Antecedent"])
    ]


def _format(context: Context, volume: Instance, label: str) -> Ran:
    arguments = {
        "FileSystem": "NTFS",
        "QuickFormat": True,
        "ClusterSize": 4096,
        "Label": label,
        "EnableCompression": False,
    }
    method = wmi_disks.format_volume
    code = context.code_by_fault(
        "return", lambda: method.function(context, volume, wmi.cast(method, arguments))
    )
    return Ran(code)


def _diskpart(context: Context, lines: Sequence[str]) -> Ran:
    context.node.files.write_lines(COMMANDS_FILE, lines)
    ran = installed.run_program(context, "diskpart.exe", ("/s", COMMANDS_FILE))
    context.node.files.remove(COMMANDS_FILE)
    return ran


def _is(disk: Instance, drive: str) -> bool:
    return str(disk["DeviceID"]).lower() == drive.lower()


def _whole(parameters: Mapping[str, object], name: str) -> int:
    number = powershell.whole_number(parameters.get(name))
    return 0 if number is None else number


def _refuse(message: str) -> NoReturn:
    raise CommandError(powershell.thrown(message))
