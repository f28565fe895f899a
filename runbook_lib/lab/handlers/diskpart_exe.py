"""diskpart.exe /s: a file of commands, carried out until the first one that fails.

Disks are basic and hold one partition at most, as everywhere in the lab.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from runbook_lib.lab.handlers.surface import Context, Ran, runs
from runbook_lib.lab.world import mounted_devices
from runbook_lib.lab.world.disks import MIB
from runbook_lib.lab.world.files import NoSuchFileError
from runbook_lib.lab.world.shared_storage import SeenDisk, Volume

BAD_PARAMETER, NO_SCRIPT, REFUSED, BAD_SYNTAX = 2, 3, 4, 5
FIRST_TRACK = 32256
NOT_FREE = "The specified drive letter is not free to be assigned."
SYSTEM_DISK = 0


class _StopError(Exception):
    """A command that fails: exit code and what diskpart says."""

    def __init__(self, code: int, *lines: str) -> None:
        super().__init__(code)
        self.code = code
        self.lines = lines


@dataclass
class _Focus:
    """What the commands of one run act on."""

    context: Context
    disk: int | None = None
    partition: bool = False
    said: list[str] = field(default_factory=list)

    def say(self, *lines: str) -> None:
        self.said.extend(("", *lines))

    @property
    def seen(self) -> SeenDisk:
        """Return the selected shared disk."""
        if self.disk is None:
            raise _StopError(REFUSED, "There is no disk selected.", "Select a disk and try again.")
        shown = self.context.site.storage.seen_by(self.context.node)
        found = next((each for each in shown if each.index == self.disk), None)
        if found is None or not self.context.site.storage.readable(
            self.context.node, found.disk.lun
        ):
            raise _StopError(
                REFUSED,
                "DiskPart has encountered an error: The request could not be performed because of "
                "an I/O device error.",
            )
        return found

    @property
    def volume(self) -> Volume:
        """Return the volume of the selected partition."""
        volume = self.context.site.storage.volume(self.seen.disk.lun)
        if volume is None or not self.partition:
            raise _StopError(REFUSED, "There is no volume specified.")
        return volume


@runs(
    "diskpart.exe",
    source="documented: diskpart commands and exit codes; documented: success of create, a letter "
    "that is not free; inferred: other texts, and that a raw disk is signed by its first partition",
)
def diskpart(context: Context, arguments: Sequence[str]) -> Ran:
    """Carry out the commands of the file named behind /s."""
    if len(arguments) != 2 or arguments[0].lower() != "/s":
        return Ran(BAD_PARAMETER, ("The arguments specified for this command are not valid.",))
    try:
        lines = context.node.files.lines(arguments[1])
    except NoSuchFileError:
        return Ran(NO_SCRIPT, (f"DiskPart could not open the script file {arguments[1]}.",))
    focus = _Focus(context)
    for line in lines:
        words = line.lower().split()
        if not words or words[0] == "rem":
            continue
        try:
            _carry_out(focus, words)
        except _StopError as stop:
            focus.say(*stop.lines)
            return Ran(stop.code, tuple(focus.said))
    return Ran(0, tuple(focus.said))


def _carry_out(focus: _Focus, words: Sequence[str]) -> None:
    for length in (2, 1):
        command = _COMMANDS.get(" ".join(words[:length]))
        if command is not None:
            command(focus, words[length:])
            return
    raise _StopError(BAD_SYNTAX, "The syntax of this command is not valid.")


def _rescan(focus: _Focus, _words: Sequence[str]) -> None:
    focus.say("Please wait while DiskPart scans your configuration...", "")
    focus.say("DiskPart has finished scanning your configuration.")


def _select_disk(focus: _Focus, words: Sequence[str]) -> None:
    number = _number(words[0] if words else "")
    shown = [
        SYSTEM_DISK,
        *(s.index for s in focus.context.site.storage.seen_by(focus.context.node)),
    ]
    if number not in shown:
        raise _StopError(REFUSED, "The disk you specified is not valid.")
    focus.disk, focus.partition = number, False
    focus.say(f"Disk {number} is now the selected disk.")


def _select_partition(focus: _Focus, words: Sequence[str]) -> None:
    number = _number(words[0] if words else "")
    if number != 1 or focus.context.site.storage.volume(focus.seen.disk.lun) is None:
        raise _StopError(REFUSED, "The specified partition is not valid.")
    focus.partition = True
    focus.say(f"Partition {number} is now the selected partition.")


def _create_partition(focus: _Focus, words: Sequence[str]) -> None:
    if not words or words[0] != "primary":
        raise _StopError(BAD_SYNTAX, "The syntax of this command is not valid.")
    given = _options(words[1:], "align", "size")
    storage, lun = focus.context.site.storage, focus.seen.disk.lun
    if storage.volume(lun) is not None or storage.is_dynamic(lun) or "size" in given:
        raise _StopError(REFUSED, "DiskPart was unable to create the specified partition.")
    offset = _number(given["align"]) * 1024 if "align" in given else FIRST_TRACK
    storage.create_partition(focus.context.node, lun, offset)
    focus.partition = True
    focus.say("DiskPart succeeded in creating the specified partition.")


def _assign(focus: _Focus, words: Sequence[str]) -> None:
    letter = f"{_options(words, 'letter').get('letter', '').upper()}:"
    volume, node = focus.volume, focus.context.node
    if not re.fullmatch("[C-Z]:", letter):
        raise _StopError(BAD_SYNTAX, "The syntax of this command is not valid.")
    # Also a letter that is only kept for a device which is not there is not free.
    held = mounted_devices.letters(node.registry).get(letter)
    if held is not None and held != volume.device:
        raise _StopError(REFUSED, NOT_FREE)
    focus.context.site.storage.assign(node, volume.lun, letter)
    focus.say("DiskPart successfully assigned the drive letter or mount point.")


def _remove(focus: _Focus, words: Sequence[str]) -> None:
    letter = f"{_options(words, 'letter').get('letter', '').upper()}:"
    if focus.volume.letters.get(focus.context.node.name) != letter:
        raise _StopError(REFUSED, "The specified drive letter is not assigned to this volume.")
    mounted_devices.take(focus.context.node, letter)
    focus.say("DiskPart successfully removed the drive letter or mount point.")


def _list_disk(focus: _Focus, _words: Sequence[str]) -> None:
    storage = focus.context.site.storage
    focus.say("  Disk ###  Status      Size     Free     Dyn  Gpt")
    focus.said.append("  --------  ----------  -------  -------  ---  ---")
    focus.said.append(f"{_mark(focus, SYSTEM_DISK)} Disk 0    Online        40 GB      0 B")
    for seen in storage.seen_by(focus.context.node):
        free = 0 if storage.volume(seen.disk.lun) else seen.disk.size
        dynamic = "   *" if storage.is_dynamic(seen.disk.lun) else ""
        focus.said.append(
            f"{_mark(focus, seen.index)} Disk {seen.index}    Online      "
            f"{_size(seen.disk.size)}  {_size(free)}{dynamic}"
        )


def _mark(focus: _Focus, index: int) -> str:
    return "*" if focus.disk == index else " "


def _size(size: int) -> str:
    if not size:
        return "   0 B"
    megabytes = size // MIB
    return f"{megabytes:4} MB" if megabytes < 10000 else f"{megabytes // 1024:4} GB"


def _options(words: Sequence[str], *known: str) -> Mapping[str, str]:
    given = dict(word.partition("=")[::2] for word in words)
    if set(given) - set(known):
        raise _StopError(BAD_SYNTAX, "The syntax of this command is not valid.")
    return given


def _number(word: str) -> int:
    if not word.isdigit():
        raise _StopError(BAD_SYNTAX, "The syntax of this command is not valid.")
    return int(word)


_COMMANDS: Mapping[str, Callable[[_Focus, Sequence[str]], None]] = {
    "rescan": _rescan,
    "select disk": _select_disk,
    "select partition": _select_partition,
    "create partition": _create_partition,
    "assign": _assign,
    "remove": _remove,
    "list disk": _list_disk,
}

PROGRAMS = (diskpart,)
