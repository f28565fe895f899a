"""How far Exchange Setup is on one node, and what media it would be run from; reads only.

Setup keeps its state in the 64-bit registry: a part whose files are there has UnpackedVersion, a
finished one the same as ConfiguredVersion, and while Setup works, or after it broke off, Action
and Watermark stand beside them. Its exit code alone proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from runbook_lib.commands import rows, windows_registry, wmi
from runbook_lib.commands.command import Answer, Cmdlet, Query, Read

_KEY = r"HKLM:\SOFTWARE\Microsoft\Exchange"
_VALUES = ("UnpackedVersion", "ConfiguredVersion", "Action", "Watermark")
_MSI_VALUES = ("MsiProductMajor", "MsiProductMinor", "MsiBuildMajor", "MsiBuildMinor")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)\.(\d+)")
_WORKERS = frozenset({"SETUP.COM", "SETUP.EXE", "EXSETUP.EXE", "EXSETUPUI.EXE"})

INSTALL = "Install"
"""The Action of everything that this procedure lets Setup do."""

Build = tuple[int, int, int, int]
FIRST_RELEASE: Build = (8, 0, 685, 24)
SERVICE_PACKS: Sequence[tuple[Build, str]] = (
    ((8, 3, 83, 6), "SP3"),
    ((8, 2, 176, 2), "SP2"),
    ((8, 1, 240, 6), "SP1"),
    (FIRST_RELEASE, "RTM"),
)


class Part(StrEnum):
    """What Setup keeps a state of: the node's role, the clustered mailbox server."""

    ROLE = "MailboxRole"
    SERVER = "ClusteredMailboxServer"


class Progress(StrEnum):
    """How far Setup is with a part."""

    ABSENT = "absent"
    UNPACKED = "files copied only"
    BROKEN_OFF = "half done"
    DONE = "installed"


@dataclass(frozen=True)
class PartState:
    """The values of one part's key; None for each that is not there."""

    unpacked: str | None
    configured: str | None
    action: str | None
    watermark: str | None

    @property
    def progress(self) -> Progress:
        """Return how far Setup is; versions that differ count as half done."""
        if self.action or self.watermark:
            return Progress.BROKEN_OFF
        if self.configured:
            return Progress.DONE if self.configured == self.unpacked else Progress.BROKEN_OFF
        return Progress.UNPACKED if self.unpacked else Progress.ABSENT


@dataclass(frozen=True)
class SetupState:
    """What Setup left on a node. version: of the installed files, None without any."""

    role: PartState
    server: PartState
    version: str | None
    is_running: bool


@dataclass(frozen=True)
class Media:
    """Setup.com where it is said to be. version: its file version, None when it names none."""

    path: str
    version: str | None

    @property
    def build(self) -> Build | None:
        """Return the version as numbers, None when it is none of Exchange's."""
        return build_of(self.version)


def build_of(version: str | None) -> Build | None:
    """Return 8.3.83.6 as numbers, None for anything that is no such version."""
    match = _VERSION.fullmatch((version or "").strip())
    if match is None:
        return None
    major, minor, build, revision = (int(part) for part in match.groups())
    return (major, minor, build, revision)


def release_of(build: Build) -> str | None:
    """Return RTM, SP1, SP2 or SP3: the release a build belongs to, None before the first one."""
    return next((name for least, name in SERVICE_PACKS if build >= least), None)


def setup_state() -> Query[SetupState]:
    """Return how far Setup is on the node and whether it is at work."""
    reads = (
        *(windows_registry.key(rf"{_KEY}\v8.0\{part.value}", *_VALUES) for part in Part),
        windows_registry.key(rf"{_KEY}\Setup", *_MSI_VALUES),
        wmi.rows_of("Win32_Process", "Name"),
    )
    return Query(reads, _setup_state)


def media(path: str) -> Query[Media | None]:
    """Return the file Setup.com at this path, or None where there is none."""
    escaped = path.replace("\\", "\\\\").replace("'", "\\'")
    read = Read(
        Cmdlet(
            "Get-WmiObject",
            (("Class", "CIM_DataFile"), ("Filter", f"Name = '{escaped}'")),
        ),
        ("Name", "Version"),
    )

    def parse(answers: Sequence[Answer]) -> Media | None:
        found = rows.first_row(rows.answered(answers[0]))
        return Media(path, rows.optional_text(found, "Version")) if found else None

    return Query((read,), parse)


def _setup_state(answers: Sequence[Answer]) -> SetupState:
    role, server, msi, processes = answers
    numbers = [rows.optional_number(rows.key_row(msi) or {}, name) for name in _MSI_VALUES]
    version = None if None in numbers else ".".join(str(number) for number in numbers)
    names = (rows.optional_text(row, "Name") for row in rows.answered(processes).rows)
    return SetupState(
        role=_part_state(role),
        server=_part_state(server),
        version=version,
        is_running=any((name or "").upper() in _WORKERS for name in names),
    )


def _part_state(answer: Answer) -> PartState:
    row = rows.key_row(answer) or {}
    return PartState(*(rows.optional_text(row, name) or None for name in _VALUES))
