"""The Exchange shell: what it says of a clustered mailbox server, and what it is told to do.

Its cmdlets need the directory and the other node, so both the reads and the calls run as tasks
under the installer, by two constant scripts. Nobody is there to answer: Confirm is always false.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from runbook_lib.commands import rows
from runbook_lib.commands.command import (
    Action,
    Answer,
    Cmdlet,
    Detached,
    Query,
    Read,
    Row,
    Script,
    TaskAccount,
    Value,
)

PROPERTIES = (
    "Kind",
    "SnapIn",
    "Identity",
    "ClusteredMailboxServerName",
    "State",
    "OperationalMachines",
    "FailedResources",
    "ClusteredStorageType",
    "RedundantMachines",
    "IsMemberOfCluster",
    "ServerRole",
    "AdminDisplayVersion",
    "Edition",
    "Site",
    "Name",
    "StorageGroup",
    "EdbFilePath",
    "Mounted",
    "LogFolderPath",
    "SystemFolderPath",
    "What",
    "ErrorId",
    "ErrorText",
)
SHARED = "Shared"
"""ClusteredStorageType of a Single Copy Cluster."""
ONLINE, OFFLINE = "Online", "Offline"

EXPLAINS: Mapping[int, str] = MappingProxyType({1: "the Exchange shell refused it"})
EXPOSES = ("the task's password stands on the command line of schtasks.exe while it is created",)

_MACHINE = re.compile(r"(?P<name>[^<]*?)\s*(?:<(?P<tags>[^>]*)>)?")


@dataclass(frozen=True)
class Status:
    """Get-ClusteredMailboxServerStatus. machines: in service; active, quorum: one of them."""

    state: str
    machines: tuple[str, ...]
    active: str | None
    quorum: str | None
    failed: tuple[str, ...]


@dataclass(frozen=True)
class Server:
    """The mailbox server as the directory has it. machines: every node that may run it."""

    storage: str
    machines: tuple[str, ...]
    is_clustered: bool
    role: str
    version: str
    edition: str
    site: str


@dataclass(frozen=True)
class Database:
    """One database. is_mounted: None when the information store gave no answer."""

    name: str
    storage_group: str
    file: str
    is_mounted: bool | None


@dataclass(frozen=True)
class StorageGroup:
    """One storage group and its two folders."""

    name: str
    logs: str
    system: str


@dataclass(frozen=True)
class MailboxServer:
    """Everything that was asked; None where it could not be read, `faults` then say why."""

    status: Status | None
    server: Server | None
    databases: tuple[Database, ...]
    storage_groups: tuple[StorageGroup, ...]
    faults: tuple[str, ...]

    @property
    def dismounted(self) -> tuple[Database, ...]:
        """Return the databases that are not known to be mounted."""
        return tuple(each for each in self.databases if not each.is_mounted)

    def paths(self) -> tuple[str, ...]:
        """Return every file and folder that must lie on the shared disk."""
        groups = ((each.logs, each.system) for each in self.storage_groups)
        return (
            *(each.file for each in self.databases),
            *(path for pair in groups for path in pair),
        )


def mailbox_server(name: str, account: TaskAccount) -> Query[MailboxServer]:
    """Return what the Exchange shell of the asked node says of a mailbox server."""
    script = Script("read_exchange", (("Server", name),))
    return Query((Read(Detached(script, account), PROPERTIES),), _mailbox_server)


def moves_seen(comment: str) -> Query[tuple[str, ...]]:
    """Return the records of the node's Application log that hold the begin of a move's comment.

    Move-ClusteredMailboxServer has its comment written to the event log; which source writes it
    is not documented, so the text alone decides. One search serves every move of the same begin:
    on a full log it takes long.
    """
    condition = f"Logfile = 'Application' AND Message LIKE '%{comment}%'"
    read = Read(
        Cmdlet("Get-WmiObject", (("Class", "Win32_NTLogEvent"), ("Filter", condition))),
        ("Message",),
    )

    def parse(answers: Sequence[Answer]) -> tuple[str, ...]:
        return tuple(rows.text(row, "Message") for row in rows.answered(answers[0]).rows)

    return Query((read,), parse)


def move(server: str, target: str, comment: str, account: TaskAccount, deadline_s: float) -> Action:
    """Move a mailbox server to another node; an interruption of service, which is measured."""
    given = (("Identity", server), ("TargetMachine", target), ("MoveComment", comment))
    return _call("Move-ClusteredMailboxServer", given, account, deadline_s, watch=server)


def start(server: str, account: TaskAccount, deadline_s: float) -> Action:
    """Start a stopped mailbox server; what came online is told by the next read."""
    return _call("Start-ClusteredMailboxServer", (("Identity", server),), account, deadline_s)


def mount(server: str, database: Database, account: TaskAccount, deadline_s: float) -> Action:
    """Mount one database of a mailbox server."""
    identity = identity_of(server, database)
    return _call("Mount-Database", (("Identity", identity),), account, deadline_s)


def identity_of(server: str, database: Database) -> str:
    r"""Return SERVER\STORAGE GROUP\DATABASE, by which the shell finds one database."""
    group = database.storage_group.rpartition("\\")[2]
    return rf"{server}\{group}\{database.name}"


def _call(
    name: str,
    given: Sequence[tuple[str, Value]],
    account: TaskAccount,
    deadline_s: float,
    watch: str = "",
) -> Action:
    parameters: Mapping[str, Value] = {**dict(given), "Confirm": False}
    script = Script("call_exchange", (("Name", name), ("Parameters", parameters), ("Watch", watch)))
    return Action(
        Detached(script, account), explains=EXPLAINS, deadline_s=deadline_s, exposes=EXPOSES
    )


def _mailbox_server(answers: Sequence[Answer]) -> MailboxServer:
    if not answers[0].ok:
        return MailboxServer(None, None, (), (), (f"the script: {answers[0].text}",))
    by_kind: dict[str, list[Row]] = {}
    for row in answers[0].rows:
        by_kind.setdefault(rows.text(row, "Kind"), []).append(row)
    status, server = by_kind.get("status", []), by_kind.get("server", [])
    return MailboxServer(
        status=_status(status[0]) if status else None,
        server=_server(server[0]) if server else None,
        databases=tuple(
            Database(
                rows.text(row, "Name"),
                rows.text(row, "StorageGroup"),
                rows.text(row, "EdbFilePath"),
                rows.optional_flag(row, "Mounted"),
            )
            for row in by_kind.get("database", [])
        ),
        storage_groups=tuple(
            StorageGroup(
                rows.text(row, "Name"),
                rows.text(row, "LogFolderPath"),
                rows.text(row, "SystemFolderPath"),
            )
            for row in by_kind.get("storage group", [])
        ),
        faults=tuple(
            f"{rows.text(row, 'What')}: {(rows.optional_text(row, 'ErrorText') or '').strip()}"
            for row in by_kind.get("error", [])
        ),
    )


def _status(row: Row) -> Status:
    """Return the status; a machine is told as `NAME <Active, Quorum Owner>`."""
    names, active, quorum = [], None, None
    for told in rows.texts(row, "OperationalMachines"):
        match = _MACHINE.fullmatch(told.strip())
        if match is None:
            raise ValueError(f"OperationalMachines names {told[:80]!r}")
        name, tags = match["name"], (match["tags"] or "").lower()
        names.append(name)
        active = name if "active" in tags else active
        quorum = name if "quorum owner" in tags else quorum
    return Status(
        rows.text(row, "State"), tuple(names), active, quorum, rows.texts(row, "FailedResources")
    )


def _server(row: Row) -> Server:
    return Server(
        storage=rows.text(row, "ClusteredStorageType"),
        machines=rows.texts(row, "RedundantMachines"),
        is_clustered=rows.text(row, "IsMemberOfCluster").lower() == "yes",
        role=rows.text(row, "ServerRole"),
        version=rows.text(row, "AdminDisplayVersion"),
        edition=rows.text(row, "Edition"),
        site=rows.text(row, "Site"),
    )
