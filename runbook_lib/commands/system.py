"""The machine itself: who it is, what it runs, what it waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from types import MappingProxyType

from runbook_lib.commands import rows, windows_registry, wmi
from runbook_lib.commands.command import Action, Answer, Outcome, Query, WmiMethod

_ENTERPRISE = 0x2
_DATACENTER = 0x80

RENAME_EXPLAINS: Mapping[int, str] = MappingProxyType(
    {
        5: "access was denied",
        87: "a parameter is not valid",
        1323: "the password could not be updated",
        1326: "the user name or the password is wrong",
        1355: "the domain does not exist or could not be contacted",
        2224: "the account exists already",
    }
)


class DomainRole(IntEnum):
    """Win32_ComputerSystem.DomainRole."""

    STANDALONE_WORKSTATION = 0
    MEMBER_WORKSTATION = 1
    STANDALONE_SERVER = 2
    MEMBER_SERVER = 3
    BACKUP_DOMAIN_CONTROLLER = 4
    PRIMARY_DOMAIN_CONTROLLER = 5

    def __str__(self) -> str:
        """Return the words for a reader."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Computer:
    """The running name and the domain or workgroup; system_type such as "x64-based PC"."""

    name: str
    part_of_domain: bool
    domain: str
    role: DomainRole
    system_type: str


@dataclass(frozen=True)
class ComputerNames:
    """The name now, and the name after the next start."""

    running: str
    pending: str

    @property
    def rename_is_pending(self) -> bool:
        """Tell whether the next start changes the name; Windows compares without case."""
        return self.running.upper() != self.pending.upper()


@dataclass(frozen=True)
class OperatingSystem:
    """Version, edition, service pack, language (1033 is English) and start of the system."""

    caption: str
    version: str
    service_pack: int
    service_pack_text: str | None
    release: str | None
    suite: int
    product_type: int
    language: int
    booted_at: datetime

    @property
    def is_r2(self) -> bool:
        """Tell whether this is Windows Server 2003 R2."""
        return self.release == "R2"

    @property
    def can_cluster(self) -> bool:
        """Tell whether the edition has the cluster service: Enterprise or Datacenter."""
        return bool(self.suite & (_ENTERPRISE | _DATACENTER))


@dataclass(frozen=True)
class Identity:
    """Which machine this is, whatever its name becomes; macs of adapters with a connection.

    domain: the one that it is a member of, None in a workgroup.
    """

    machine_guid: str
    computer_name: str
    macs: tuple[str, ...]
    booted_at: datetime
    domain: str | None = None


@dataclass(frozen=True)
class PendingReboot:
    """Why Windows asks for a restart; each field by its own."""

    file_renames: tuple[str, ...]
    windows_update: bool
    update_exe: bool
    computer_rename: bool

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return the reasons in words; empty when no restart is asked for."""
        found = (
            (bool(self.file_renames), "files are to be replaced at the next start"),
            (self.windows_update, "Windows Update asks for a restart"),
            (self.update_exe, "an update asks for a restart"),
            (self.computer_rename, "the computer is to be renamed at the next start"),
        )
        return tuple(words for holds, words in found if holds)


@dataclass(frozen=True)
class LocalDisk:
    """One fixed drive with a letter ("C:"); sizes in bytes, None while it cannot be read."""

    letter: str
    free_bytes: int | None
    size_bytes: int | None


@dataclass(frozen=True)
class Service:
    """One Windows service: state (Running, Stopped ...) and start mode (Auto, Manual ...)."""

    name: str
    state: str
    start_mode: str


def computer() -> Query[Computer]:
    """Return the running name and the membership."""
    return Query((wmi.COMPUTER_SYSTEM,), _computer)


def computer_names() -> Query[ComputerNames]:
    """Return the name now and the name after the next start."""
    return Query((windows_registry.ACTIVE_COMPUTER_NAME, windows_registry.COMPUTER_NAME), _names)


def operating_system() -> Query[OperatingSystem]:
    """Return what runs on the node."""
    return Query((wmi.OPERATING_SYSTEM,), _operating_system)


def identity() -> Query[Identity]:
    """Return which machine answers."""
    reads = (
        windows_registry.MACHINE_GUID,
        wmi.COMPUTER_SYSTEM,
        wmi.NETWORK_ADAPTER,
        wmi.OPERATING_SYSTEM,
    )
    return Query(reads, _identity)


def machine_guid() -> Query[str]:
    """Return which machine answers, in one small read: what goes with any other question."""

    def parse(answers: Sequence[Answer]) -> str:
        return rows.text(rows.only_row(rows.answered(answers[0])), "MachineGuid")

    return Query((windows_registry.MACHINE_GUID,), parse)


def pending_reboot() -> Query[PendingReboot]:
    """Return what waits for a restart."""
    reads = (
        windows_registry.SESSION_MANAGER,
        windows_registry.REBOOT_REQUIRED,
        windows_registry.UPDATE_EXE,
        windows_registry.ACTIVE_COMPUTER_NAME,
        windows_registry.COMPUTER_NAME,
    )
    return Query(reads, _pending_reboot)


def clock() -> Query[datetime]:
    """Return the node's own time in UTC, to the second."""
    return Query((wmi.UTC_TIME,), _clock)


def local_disks() -> Query[tuple[LocalDisk, ...]]:
    """Return the fixed drives, by letter."""
    return Query((wmi.LOGICAL_DISK,), _local_disks)


def services() -> Query[tuple[Service, ...]]:
    """Return all services, by name."""
    return Query((wmi.SERVICE,), _services)


def service(name: str) -> Query[Service | None]:
    """Return one service, or None when it is not installed."""

    def pick(answers: Sequence[Answer]) -> Service | None:
        found = [one for one in _services(answers) if one.name.upper() == name.upper()]
        return found[0] if found else None

    return Query((wmi.SERVICE,), pick)


def address_width() -> Query[int]:
    """Return 64 or 32: what the running system uses of its first processor."""

    def parse(answers: Sequence[Answer]) -> int:
        return rows.number(rows.first_row(rows.answered(answers[0])), "AddressWidth")

    return Query((wmi.PROCESSOR,), parse)


def rename(running: str, wanted: str) -> Action:
    """Give a computer of a workgroup another name; in force after the next start."""
    return Action(
        WmiMethod("Win32_ComputerSystem", "Rename", (("Name", wanted),), key=("Name", running)),
        accepts=MappingProxyType({0: Outcome.REBOOT_NEEDED}),
        explains=RENAME_EXPLAINS,
    )


def _computer(answers: Sequence[Answer]) -> Computer:
    row = rows.only_row(rows.answered(answers[0]))
    return Computer(
        name=rows.text(row, "Name"),
        part_of_domain=rows.flag(row, "PartOfDomain"),
        domain=rows.optional_text(row, "Domain") or "",
        role=DomainRole(rows.number(row, "DomainRole")),
        system_type=rows.text(row, "SystemType"),
    )


def _names(answers: Sequence[Answer]) -> ComputerNames:
    running, pending = (
        rows.text(rows.only_row(rows.answered(answer)), "ComputerName") for answer in answers
    )
    return ComputerNames(running, pending)


def _operating_system(answers: Sequence[Answer]) -> OperatingSystem:
    row = rows.only_row(rows.answered(answers[0]))
    return OperatingSystem(
        caption=rows.text(row, "Caption"),
        version=rows.text(row, "Version"),
        service_pack=rows.number(row, "ServicePackMajorVersion"),
        service_pack_text=rows.optional_text(row, "CSDVersion"),
        release=rows.optional_text(row, "OtherTypeDescription"),
        suite=rows.number(row, "OSProductSuite"),
        product_type=rows.number(row, "ProductType"),
        language=rows.number(row, "OSLanguage"),
        booted_at=rows.moment(row, "LastBootUpTime"),
    )


def _identity(answers: Sequence[Answer]) -> Identity:
    guid, computer_system, adapters, operating = (rows.answered(answer) for answer in answers)
    macs = (
        rows.text(row, "MACAddress")
        for row in adapters.rows
        if rows.optional_text(row, "NetConnectionID") and rows.optional_text(row, "MACAddress")
    )
    computer = rows.only_row(computer_system)
    is_member = rows.flag(computer, "PartOfDomain")
    return Identity(
        machine_guid=rows.text(rows.only_row(guid), "MachineGuid"),
        computer_name=rows.text(computer, "Name"),
        macs=tuple(sorted(rows.mac(one) for one in macs)),
        booted_at=rows.moment(rows.only_row(operating), "LastBootUpTime"),
        domain=rows.text(computer, "Domain") if is_member else None,
    )


def _pending_reboot(answers: Sequence[Answer]) -> PendingReboot:
    session, required, update, active, stored = answers
    renames = rows.texts(rows.first_row(rows.answered(session)), "PendingFileRenameOperations")
    flags = rows.optional_number(rows.key_row(update) or {}, "Flags")
    return PendingReboot(
        # Pairs of source and target; an empty target deletes. The sources tell who asks.
        file_renames=tuple(renames[0::2]),
        windows_update=rows.key_row(required) is not None,
        update_exe=bool(flags),
        computer_rename=_names((active, stored)).rename_is_pending,
    )


def _clock(answers: Sequence[Answer]) -> datetime:
    row = rows.only_row(rows.answered(answers[0]))
    year, month, day, hour, minute, second = (
        rows.number(row, name) for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")
    )
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _local_disks(answers: Sequence[Answer]) -> tuple[LocalDisk, ...]:
    fixed = 3
    found = (
        LocalDisk(
            letter=rows.text(row, "DeviceID"),
            free_bytes=rows.optional_number(row, "FreeSpace"),
            size_bytes=rows.optional_number(row, "Size"),
        )
        for row in rows.answered(answers[0]).rows
        if rows.number(row, "DriveType") == fixed
    )
    return tuple(sorted(found, key=lambda one: one.letter))


def _services(answers: Sequence[Answer]) -> tuple[Service, ...]:
    found = (
        Service(rows.text(row, "Name"), rows.text(row, "State"), rows.text(row, "StartMode"))
        for row in rows.answered(answers[0]).rows
    )
    return tuple(sorted(found, key=lambda one: one.name.upper()))
