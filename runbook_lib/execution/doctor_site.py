"""What stands around the nodes: shared disks, Exchange's files, accounts, the directory.

Nothing of it is needed by the first phases, so what is not there yet is told and stops nobody; a
phase that needs it refuses to begin. The directory is asked by one node, once: each wrong
password counts towards a lock-out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.commands import directory, disks, exchange_setup_state
from runbook_lib.commands.directory import (
    DOMAIN_ADMINS,
    EXCHANGE_ADMINISTRATORS,
    Directory,
    Unanswered,
)
from runbook_lib.commands.disks import CYLINDER, MIB, Drive, Storage
from runbook_lib.commands.exchange_preparation import Role
from runbook_lib.commands.exchange_setup_state import Media, release_of
from runbook_lib.errors import AuthenticationError, RunbookError
from runbook_lib.execution.doctor import Finding, Verdict
from runbook_lib.sessions.session import Reader
from runbook_lib.steps import accounts
from runbook_lib.topology.models import Disk, Node, Topology

DEADLINE_S = 120.0
LAST_RELEASE = "SP3"
"""The release that is made for PowerShell 2.0, and what the directory is prepared for."""


@dataclass(frozen=True)
class Around:
    """What one node shows of its disks, and Setup.com where it is to be; None without it."""

    storage: Storage
    media: Media | None


@dataclass(frozen=True)
class Surroundings:
    """What was seen, or why not. directory: None where no node could ask."""

    nodes: Mapping[str, Around | RunbookError]
    directory: Directory | Unanswered | RunbookError | None


def ask(sessions: Mapping[str, Reader], topology: Topology, reached: Sequence[str]) -> Surroundings:
    """Return what the nodes that answered show; the first of them asks the directory, once."""
    letters = (topology.disks.quorum.letter, topology.disks.database.letter)
    queries = (
        disks.storage(letters),
        exchange_setup_state.media(rf"{topology.exchange.media}\Setup.com"),
    )
    found: dict[str, Around | RunbookError] = {}
    for node in reached:
        try:
            found[node] = Around(*sessions[node].begin_read(queries).finish(DEADLINE_S))
        except RunbookError as error:
            found[node] = error
    return Surroundings(found, _directory(sessions[reached[0]], topology) if reached else None)


def _directory(session: Reader, topology: Topology) -> Directory | Unanswered | RunbookError:
    query = directory.seen(accounts.directory(topology))
    try:
        (seen,) = session.begin_read([query]).finish(DEADLINE_S)
    except RunbookError as error:
        return error
    answer: Directory | Unanswered = seen
    return answer


def judge(topology: Topology, seen: Surroundings) -> tuple[Finding, ...]:
    """Return the findings, node 1 first, then the domain's."""
    findings: list[Finding] = []
    for node in topology.nodes:
        around = seen.nodes.get(node.name)
        if isinstance(around, Around):
            findings += [*_disks(node, topology, around.storage), _media(node, topology, around)]
        elif around is not None:
            findings.append(_unasked(f"{node.name} surroundings", around))
    match seen.directory:
        case Directory() as answered:
            findings += _domain(topology, answered)
        case Unanswered(reason=reason, next_step=next_step):
            findings.append(Finding("directory", Verdict.WARNING, reason, next_step))
        case RunbookError() as error:
            findings.append(_unasked("directory", error))
    return tuple(findings)


def _unasked(subject: str, error: RunbookError) -> Finding:
    kind = Verdict.MISSING if isinstance(error, AuthenticationError) else Verdict.WARNING
    return Finding(subject, kind, f"{error.what} Why: {error.why}", error.next_step)


# -- disks


def _disks(node: Node, topology: Topology, storage: Storage) -> list[Finding]:
    """Return each disk beside the system's, to be copied into the file, then those that lack."""
    wished = {"quorum": topology.disks.quorum, "database": topology.disks.database}
    found = []
    shared = [drive for drive in storage.drives if not drive.is_local]
    for drive in shared:
        if drive.size_bytes is None:
            facts = (
                f"lun: {drive.lun}  (cannot be read here now: the cluster's other node may own it)"
            )
            found.append(Finding(f"{node.name} disk {drive.index}", Verdict.OPTIONAL, facts))
            continue
        roles = [name for name, disk in wished.items() if _is(drive, disk)]
        use = roles[0] if roles else "not in the file"
        state = f"partitions: {drive.partition_count}" if drive.partition_count else "raw"
        facts = f"lun: {drive.lun}, size_mb: {_size(drive)}  ({state}); {use}"
        verdict = Verdict.OK if roles else Verdict.OPTIONAL
        found.append(Finding(f"{node.name} disk {drive.index}", verdict, facts))
    found += [
        Finding(
            f"{node.name} {name} disk",
            Verdict.WARNING,
            f"no disk shows lun {disk.lun} with {disk.size_mb} MB",
            f"present the LUN to {node.name}, or write lun and size_mb of one of its disks",
        )
        for name, disk in wished.items()
        # What the cluster's other node owns shows its LUN here and no size.
        if not any(_is(drive, disk) or _is_owned(drive, disk) for drive in shared)
    ]
    return found


def _is_owned(drive: Drive, wished: Disk) -> bool:
    return drive.lun == wished.lun and drive.size_bytes is None


def _is(drive: Drive, wished: Disk) -> bool:
    return drive.lun == wished.lun and drive.is_of_size(wished.size_mb)


def _size(drive: Drive) -> int:
    """Return the roundest size in MB that Windows may show as this: up to a cylinder is cut off."""
    if drive.size_bytes is None:
        return 0
    least = -(-drive.size_bytes // MIB)
    most = (drive.size_bytes + CYLINDER - 1) // MIB
    return max(range(least, most + 1), key=lambda size: (size & -size, -size), default=least)


# -- Exchange's files


def _media(node: Node, topology: Topology, around: Around) -> Finding:
    subject = f"{node.name} Exchange's files"
    copy = f"copy the release to {topology.exchange.media} on {node.name} before phase 70"
    if around.media is None:
        found = f"there is no Setup.com in {topology.exchange.media}"
        return Finding(subject, Verdict.OPTIONAL, found, copy)
    build = around.media.build
    release = release_of(build) if build else None
    found = f"version {around.media.version or 'unknown'}"
    if release is None:
        return Finding(subject, Verdict.WARNING, f"{found}, no released Exchange 2007", copy)
    # Standard and Enterprise are one set of files; only the key, entered later, tells.
    found = f"Exchange 2007 {release}, {found}; a cluster needs an Enterprise key"
    if release != LAST_RELEASE:
        return Finding(subject, Verdict.WARNING, f"{found}; made for PowerShell 1.0", copy)
    return Finding(subject, Verdict.OK, found)


# -- the domain


def _domain(topology: Topology, seen: Directory) -> list[Finding]:
    levels = {0: "Windows 2000", 1: "Windows Server 2003 interim", 2: "Windows Server 2003"}
    found = f"{seen.controller}, level {levels.get(seen.domain_level, str(seen.domain_level))}"
    findings = [Finding("domain", Verdict.OK, found)]
    if seen.is_mixed:
        mend = "raise the domain to Windows 2000 native mode or higher; it cannot be lowered again"
        findings = [Finding("domain", Verdict.WARNING, f"{found}, mixed mode", mend)]
    return [
        *findings,
        _installer(topology.accounts.installer.user, seen),
        _service(topology, seen),
        _names(topology, seen),
        _preparation(seen),
        _servers(seen),
    ]


def _unable(user: str, seen: Directory) -> Finding | None:
    """Return why an account cannot log on, None when it can."""
    account = seen.account(user)
    if account is None:
        return Finding(f"account {user}", Verdict.WARNING, "not in the directory", f"create {user}")
    if account.faults:
        found = "; ".join(account.faults)
        return Finding(f"account {user}", Verdict.WARNING, found, f"let {user} log on again")
    return None


def _installer(user: str, seen: Directory) -> Finding:
    unable = _unable(user, seen)
    if unable:
        return unable
    groups = (DOMAIN_ADMINS, EXCHANGE_ADMINISTRATORS)
    lacking = [group for group in groups if not seen.is_member(user, group)]
    found = f"it logs on to the domain; member of {', '.join(groups)}"
    if lacking:
        found = f"it logs on to the domain, but is no member of {', '.join(lacking)}"
        mend = f"add {user} to {', '.join(lacking)}"
        return Finding(f"account {user}", Verdict.WARNING, found, mend)
    return Finding(f"account {user}", Verdict.OK, found)


def _service(topology: Topology, seen: Directory) -> Finding:
    service = topology.accounts.cluster_service
    unable = _unable(service.user, seen)
    if unable:
        return unable
    subject = f"account {service.user}"
    if not seen.is_member(service.user, DOMAIN_ADMINS):
        return Finding(subject, Verdict.OK, "an account of its own")
    found = f"a member of {DOMAIN_ADMINS}: more than the cluster service needs"
    verdict = Verdict.OPTIONAL if service.accept_administrator else Verdict.WARNING
    return Finding(subject, verdict, found, "use an account that is no administrator")


def _names(topology: Topology, seen: Directory) -> Finding:
    names = (topology.cluster.name, topology.mailbox_server.name)
    used = [f"{name}: {use}" for name in names if (use := seen.name_in_use(name))]
    if not used:
        return Finding("names", Verdict.OK, f"{' and '.join(names)} are free")
    found = f"{'; '.join(used)}; well if this cluster is what uses it"
    return Finding("names", Verdict.OPTIONAL, found)


def _preparation(seen: Directory) -> Finding:
    lacking = seen.exchange.lacks(LAST_RELEASE)
    if not lacking:
        found = f"prepared for Exchange 2007 {LAST_RELEASE}: {seen.exchange.organization}"
        return Finding("directory", Verdict.OK, found)
    mend = (
        "prepare it before phase 70: Setup.com /PrepareAD as a member of Schema Admins and "
        "Enterprise Admins, on a machine of the schema master's site"
    )
    return Finding("directory", Verdict.WARNING, "; ".join(lacking), mend)


def _servers(seen: Directory) -> Finding:
    wanted = {"Hub Transport": Role.HUB_TRANSPORT, "Client Access": Role.CLIENT_ACCESS}
    missing = [name for name, role in wanted.items() if not seen.exchange.servers_with(role)]
    if missing:
        found = f"no server with {' or '.join(missing)}"
        mend = "install it in the nodes' site before phase 70: a clustered node cannot hold it"
        return Finding("Exchange servers", Verdict.WARNING, found, mend)
    servers = ", ".join(f"{each.name} ({each.site})" for each in seen.exchange.servers)
    return Finding("Exchange servers", Verdict.OK, servers)
