"""What somebody does at the shared storage, or to a node's letters, that the procedure must notice.

`lun` is a number, `letter` one letter without a colon. Acts at one node name it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from runbook_lib.lab.world import mounted_devices
from runbook_lib.lab.world.acts import ActError, Arguments
from runbook_lib.lab.world.disks import OPTICAL
from runbook_lib.lab.world.site import Site
from runbook_lib.lab.world.windows_node import WindowsNode

FOREIGN_OFFSET = 32256
"""Where a partition begins that nobody aligned: behind the first track."""


def hide_disk(site: Site, arguments: Arguments) -> None:
    """Show a LUN to a node no longer, as a wrong zone or mask does."""
    site.storage.hide(_node(site, arguments), _lun(site, arguments), hidden=True)


def show_disk(site: Site, arguments: Arguments) -> None:
    """Show it again."""
    site.storage.hide(_node(site, arguments), _lun(site, arguments), hidden=False)


def duplicate_path(site: Site, arguments: Arguments) -> None:
    """Cable a node to a LUN twice, without multipath software."""
    site.storage.double(_node(site, arguments), _lun(site, arguments), doubled=True)


def swap_letters(site: Site, arguments: Arguments) -> None:
    """Exchange two letters of a node in its Disk Management."""
    node = _node(site, arguments)
    first, second = _letter(arguments, "first"), _letter(arguments, "second")
    held = mounted_devices.letters(node.registry)
    for letter in (first, second):
        if letter in held:
            mounted_devices.take(node, letter)
    for letter, other in ((first, second), (second, first)):
        if other in held:
            mounted_devices.give(node, letter, held[other])
    site.storage.look_for_ruin()


def give_letter(site: Site, arguments: Arguments) -> None:
    """Give the volume of a LUN a letter on one node."""
    node, lun, letter = _node(site, arguments), _lun(site, arguments), _letter(arguments)
    if site.storage.volume(lun) is None:
        raise ActError(f"LUN {lun} has no partition")
    site.storage.assign(node, lun, letter)


def remove_letter(site: Site, arguments: Arguments) -> None:
    """Take a letter away from whatever has it on a node."""
    mounted_devices.take(_node(site, arguments), _letter(arguments))


def take_letter(site: Site, arguments: Arguments) -> None:
    """Give a letter to a node's optical drive."""
    node, letter = _node(site, arguments), _letter(arguments)
    if letter in mounted_devices.letters(node.registry):
        raise ActError(f"{letter} belongs to something else on {node.name} already")
    optical = next(each for each in node.volumes if each.drive_type == OPTICAL)
    mounted_devices.give(node, letter, optical.device)


def format_with_data(site: Site, arguments: Arguments) -> None:
    """Put a partition with somebody's files on a LUN; `label` names it."""
    lun = _lun(site, arguments)
    label = str(arguments.get("label") or "Archive")
    site.storage.wipe(lun)
    first = next(iter(site.nodes.values()))
    site.storage.create_partition(first, lun, FOREIGN_OFFSET)
    site.storage.format(lun, "NTFS", label)
    volume = site.storage.volume(lun)
    if volume is not None:
        volume.files.write(r"\Accounts\2005.txt", "the only copy")


def resize_disk(site: Site, arguments: Arguments) -> None:
    """Present a LUN of another size."""
    site.storage.resize(_lun(site, arguments), _number(arguments, "size_mb"))


def make_dynamic(site: Site, arguments: Arguments) -> None:
    """Convert a LUN to a dynamic disk, as a wizard of Disk Management likes to."""
    lun = _lun(site, arguments)
    if site.storage.volume(lun) is None:
        site.storage.create_partition(next(iter(site.nodes.values())), lun, FOREIGN_OFFSET)
    site.storage.make_dynamic(lun)


ACTS: Mapping[str, Callable[[Site, Arguments], None]] = MappingProxyType(
    {
        "hide-disk": hide_disk,
        "show-disk": show_disk,
        "duplicate-path": duplicate_path,
        "swap-letters": swap_letters,
        "give-letter": give_letter,
        "remove-letter": remove_letter,
        "take-letter": take_letter,
        "format-with-data": format_with_data,
        "resize-disk": resize_disk,
        "make-dynamic": make_dynamic,
    }
)


def _node(site: Site, arguments: Arguments) -> WindowsNode:
    wanted = str(arguments.get("node") or "").lower()
    found = next((node for name, node in site.nodes.items() if name.lower() == wanted), None)
    if found is None:
        raise ActError(f"the act needs node, one of {', '.join(site.nodes)}")
    return found


def _lun(site: Site, arguments: Arguments) -> int:
    lun = _number(arguments, "lun")
    if all(disk.lun != lun for disk in site.storage.disks):
        raise ActError(f"there is no LUN {lun}")
    return lun


def _number(arguments: Arguments, name: str) -> int:
    value = arguments.get(name)
    if isinstance(value, bool) or not (isinstance(value, int) or str(value).isdigit()):
        raise ActError(f"the act needs {name}, a number")
    return int(str(value))


def _letter(arguments: Arguments, name: str = "letter") -> str:
    value = str(arguments.get(name) or "").upper()
    if len(value) != 1 or not "A" <= value <= "Z":
        raise ActError(f"the act needs {name}, one letter")
    return f"{value}:"
