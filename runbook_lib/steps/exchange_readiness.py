"""What must hold before Exchange Setup is started: our own readiness check, which changes nothing.

Setup's own check runs only as a part of Setup; what it would find is asked here beforehand. Once
Setup has done its work on the node, nothing of this is asked for any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import components, directory, exchange_setup_state, system
from runbook_lib.commands.components import WANTED_COMPONENTS, OptionalComponents
from runbook_lib.commands.directory import EXCHANGE_ADMINISTRATORS, Asked, Directory, Unanswered
from runbook_lib.commands.exchange_preparation import Role
from runbook_lib.commands.exchange_setup_state import (
    FIRST_RELEASE,
    Media,
    Progress,
    SetupState,
    build_of,
    release_of,
)
from runbook_lib.commands.system import LocalDisk, PendingReboot, Service
from runbook_lib.steps.step import At, Blocked, NoChange, Plan, Reads, Silence, StepClass

NEEDED_BYTES = 1_288_490_189
"""1.2 GB, which Setup wants on the drive that Exchange goes to."""
SYSTEM_DRIVE = "C:"
MAIL_SERVICES = {"SMTPSVC": "SMTP", "NNTPSVC": "NNTP"}


def is_done(setup: SetupState) -> bool:
    """Tell whether the node has its role; from then on readiness is no question."""
    return setup.role.progress is Progress.DONE


@dataclass(frozen=True)
class CheckMedia:
    """Setup.com of a released build lies on a drive of the node itself, the same on both nodes.

    The document was written for a beta (T2); a drive of the network does not exist for a task.
    """

    ids: ClassVar[tuple[str, ...]] = ("S070", "T2")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    other: str
    path: str
    shared_letters: tuple[str, ...]

    def reads(self) -> Reads:
        """Return the questions: the file on both nodes, the node's drives, how far Setup is."""
        return {
            "own": exchange_setup_state.media(self.path),
            "beside": At(self.other, exchange_setup_state.media(self.path)),
            "disks": system.local_disks(),
            "setup": exchange_setup_state.setup_state(),
        }

    def plan(
        self,
        own: Media | None,
        beside: Media | Silence | None,
        disks: tuple[LocalDisk, ...],
        setup: SetupState,
    ) -> Plan:
        """Return NoChange with release and build, or why Setup must not be run from there."""
        if is_done(setup):
            return NoChange(f"not needed any more: {setup.role.configured} is installed")
        drive = self.path[:2].upper()
        copy = f"copy the folders of the release to the same local folder of {self.node}"
        if drive not in {disk.letter.upper() for disk in disks} or drive in self.shared_letters:
            return Blocked(f"{drive} is no local drive of {self.node}", copy)
        if own is None:
            return Blocked(f"{self.path} is not there", copy)
        build = own.build
        release = release_of(build) if build else None
        if release is None:
            least = ".".join(map(str, FIRST_RELEASE))
            return Blocked(
                f"{self.path} is version {own.version or 'unknown'}, no released build "
                f"({least} is the first)",
                f"{copy}: Exchange 2007 with Service Pack 3 is the last one",
            )
        if isinstance(beside, Media) and beside.build != build:
            return Blocked(
                f"the nodes have different builds: {own.version} here, "
                f"{beside.version or 'an unknown one'} on {self.other}",
                "copy the same release to both nodes",
            )
        if setup.version and build_of(setup.version) != build:
            return Blocked(
                f"files of {setup.version} are installed, {self.path} is {own.version}",
                f"put the release of {setup.version} there, which Setup was begun with",
            )
        advice = "" if release == "SP3" else "; only SP3 is made for PowerShell 2.0"
        return NoChange(f"{release}, build {own.version}{advice}")


@dataclass(frozen=True)
class CheckNode:
    """Nothing on the node would make Setup refuse: restarts, components, mail services, space."""

    ids: ClassVar[tuple[str, ...]] = ("S080", "M006")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str

    def reads(self) -> Reads:
        """Return the questions: all of it, and how far Setup is."""
        return {
            "pending": system.pending_reboot(),
            "installed": components.optional_components(),
            "services": system.services(),
            "disks": system.local_disks(),
            "setup": exchange_setup_state.setup_state(),
        }

    def plan(
        self,
        pending: PendingReboot,
        installed: OptionalComponents,
        services: tuple[Service, ...],
        disks: tuple[LocalDisk, ...],
        setup: SetupState,
    ) -> Plan:
        """Return NoChange, or all that is wrong at once."""
        if is_done(setup):
            return NoChange("not needed any more: the role is installed")
        wrong = {
            f"a restart is pending: {'; '.join(pending.reasons)}": f"restart {self.node}",
            f"{_mail(services, installed)} installed": f"remove it from {self.node}",
            f"missing: {_missing(installed)}": "run phase 60_install_windows_components again",
            "the cluster service does not run": f"start the cluster service on {self.node}",
            f"less than 1.2 GB is free on {SYSTEM_DRIVE}": f"make room on {SYSTEM_DRIVE}",
        }
        holds = (
            bool(pending.reasons),
            bool(_mail(services, installed)),
            bool(_missing(installed)),
            not _runs(services, "ClusSvc"),
            _free(disks) < NEEDED_BYTES,
        )
        found = [each for each, is_so in zip(wrong.items(), holds, strict=True) if is_so]
        if found:
            return Blocked(
                "; ".join(reason for reason, _ in found), "; ".join(mend for _, mend in found)
            )
        return NoChange("no restart pending, components there, no SMTP, room enough")


def _mail(services: tuple[Service, ...], installed: OptionalComponents) -> str:
    names = {service.name.upper() for service in services}
    found = [
        text
        for service, text in MAIL_SERVICES.items()
        if service in names or installed.has(f"iis_{text.lower()}")
    ]
    return " and ".join(found)


def _missing(installed: OptionalComponents) -> str:
    missing = [name for name in WANTED_COMPONENTS if not installed.has(name)]
    return ", ".join(missing)


def _runs(services: tuple[Service, ...], name: str) -> bool:
    return any(s.name.upper() == name.upper() and s.state == "Running" for s in services)


def _free(disks: tuple[LocalDisk, ...]) -> int:
    found = [disk.free_bytes or 0 for disk in disks if disk.letter.upper() == SYSTEM_DRIVE]
    return found[0] if found else 0


@dataclass(frozen=True)
class CheckPreparation:
    """The directory is prepared for the release that is to be installed.

    Preparing it needs rights over the whole forest and cannot be taken back: it is looked at
    here, and done by nobody but its administrators.
    """

    ids: ClassVar[tuple[str, ...]] = ("T16", "M006")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    asked: Asked
    media: str

    def reads(self) -> Reads:
        """Return the questions: the directory's levels and the release."""
        return {
            "seen": directory.seen(self.asked),
            "media": exchange_setup_state.media(self.media),
            "setup": exchange_setup_state.setup_state(),
        }

    def plan(self, seen: Directory | Unanswered, media: Media | None, setup: SetupState) -> Plan:
        """Return NoChange with the levels, or what is not prepared."""
        if isinstance(seen, Unanswered):
            return Blocked(seen.reason, seen.next_step)
        build = (media.build if media else None) or build_of(setup.version)
        release = (release_of(build) if build else None) or "RTM"
        lacks = seen.exchange.lacks(release)
        if lacks:
            return Blocked(
                f"the directory is not prepared for Exchange 2007 {release}: {'; '.join(lacks)}",
                "let an administrator of schema and enterprise run Setup.com /PrepareSchema, then "
                "/PrepareAD (with /OrganizationName where there is none) from the same release, "
                "and wait until every controller has it; this runbook never does that",
            )
        if seen.is_mixed:
            return Blocked(
                f"the domain is in mixed mode ({seen.controller})",
                "let an administrator of the domain raise it to Windows 2000 native or higher",
            )
        found = seen.exchange
        return NoChange(
            f"{found.organization}: schema {found.schema}, organization "
            f"{found.organization_version}, domain {found.domain_version}"
        )


@dataclass(frozen=True)
class CheckOtherRoles:
    """A Hub Transport and a Client Access server are in the site of both nodes.

    A cluster's node can hold the Mailbox role alone, so others must do the rest.
    """

    ids: ClassVar[tuple[str, ...]] = ("M006", "T16")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    asked: Asked
    other: str

    def reads(self) -> Reads:
        """Return the questions: the servers, and the sites of both nodes."""
        near = directory.reach(self.asked.domain, self.asked.controller)
        return {"seen": directory.seen(self.asked), "beside": At(self.other, near)}

    def plan(self, seen: Directory | Unanswered, beside: directory.Reach | Silence) -> Plan:
        """Return NoChange with the servers, or which role is missing in which site."""
        if isinstance(seen, Unanswered):
            return Blocked(seen.reason, seen.next_step)
        site = seen.reach.site
        if site is None:
            return Blocked(
                f"Windows does not know the site of {self.node}",
                "give its subnet to a site of the directory, then plan the phase again",
            )
        if not isinstance(beside, Silence) and beside.site and beside.site != site:
            return Blocked(
                f"{self.node} is in site {site}, {self.other} in {beside.site}",
                "give the subnets of both nodes to the same site of the directory",
            )
        names = []
        for role, words in (
            (Role.HUB_TRANSPORT, "Hub Transport"),
            (Role.CLIENT_ACCESS, "Client Access"),
        ):
            servers = seen.exchange.servers_with(role, site)
            if not servers:
                return Blocked(
                    f"no {words} server is in site {site}",
                    f"install one there (on another server: a cluster's node can hold the Mailbox "
                    f"role only) before {self.node} gets its role",
                )
            names.append(f"{words} on {servers[0].name}")
        return NoChange(f"{', '.join(names)} in {site}")


@dataclass(frozen=True)
class CheckRights:
    """The installer is an Exchange Organization Administrator."""

    ids: ClassVar[tuple[str, ...]] = ("M006",)
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    asked: Asked
    user: str

    def reads(self) -> Reads:
        """Return the question: the account and its groups."""
        return {"seen": directory.seen(self.asked)}

    def plan(self, seen: Directory | Unanswered) -> Plan:
        """Return NoChange, or the group that the account is not in."""
        if isinstance(seen, Unanswered):
            return Blocked(seen.reason, seen.next_step)
        if not seen.is_member(self.user, EXCHANGE_ADMINISTRATORS):
            return Blocked(
                f"{self.user} is not in {EXCHANGE_ADMINISTRATORS}",
                f"let an administrator of Exchange add {self.user} to that group",
            )
        return NoChange(f"{self.user} is in {EXCHANGE_ADMINISTRATORS}")
