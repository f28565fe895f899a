"""What the Exchange shell must say of the clustered mailbox server.

Services are not repaired here: on the passive node the information store and the system attendant
rest, and the cluster alone starts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import exchange_setup_state, exchange_shell, system
from runbook_lib.commands.command import TaskAccount
from runbook_lib.commands.exchange_setup_state import Progress, SetupState
from runbook_lib.commands.exchange_shell import OFFLINE, ONLINE, SHARED, MailboxServer, Server
from runbook_lib.commands.system import Service
from runbook_lib.steps.step import (
    Blocked,
    Change,
    Changes,
    Deferred,
    NoChange,
    Plan,
    Reads,
    StepClass,
)

STORE_SERVICES = ("MSExchangeIS", "MSExchangeSA")
"""The cluster starts both where the mailbox server is active; they rest everywhere else."""
ENTERPRISE = "Enterprise"
REPAIRABLE = ("Online", "PartiallyOnline", "Failed")
"""States in which a database can be mounted; while the server comes or goes nothing is done."""


@dataclass(frozen=True)
class Asked:
    """Whose state is asked for, and as whom."""

    name: str
    account: TaskAccount


def unreadable(seen: MailboxServer, name: str) -> Blocked:
    """Return that the shell could not tell what was asked, in its own words."""
    return Blocked(
        f"the Exchange shell cannot read {name}: {'; '.join(seen.faults) or 'it says nothing'}",
        "see that the cluster service runs on both nodes and the domain controller answers, then "
        "plan the phase again",
    )


def troubles(seen: MailboxServer) -> tuple[str, ...]:
    """Return why a mailbox server is not in full service; its status must have been read."""
    if seen.status is None:
        return ("its status is not known",)
    found = []
    if seen.status.state != ONLINE:
        found.append(f"it is {seen.status.state}, not {ONLINE}")
    if seen.status.failed:
        found.append(f"failed: {', '.join(seen.status.failed)}")
    if seen.dismounted:
        found.append(f"not mounted: {', '.join(each.name for each in seen.dismounted)}")
    if not seen.databases:
        found.append("it has no database")
    return tuple(found)


def awaits(phase: str, seen: MailboxServer, name: str, *wishes: tuple[str, str]) -> Deferred | None:
    """Return that a step waits for full service, or None; a server comes online by itself."""
    found = troubles(seen)
    return Deferred(phase, wishes, why=f"{name}: {'; '.join(found)}") if found else None


@dataclass(frozen=True)
class BringIntoService:
    """The mailbox server is started, and every database mounted.

    It stays down after Stop-ClusteredMailboxServer, and a move that fails late arrives with its
    databases dismounted: both are put right here, by the shell's own cmdlets.
    """

    ids: ClassVar[tuple[str, ...]] = ("S091",)
    step_class: ClassVar[StepClass] = StepClass.SET
    node: str
    asked: Asked
    deadline_s: float

    def reads(self) -> Reads:
        """Return the question: what the shell says."""
        return {"seen": exchange_shell.mailbox_server(self.asked.name, self.asked.account)}

    def plan(self, seen: MailboxServer) -> Plan:
        """Return a start where it is offline, else a change for each database to be mounted."""
        name, account = self.asked.name, self.asked.account
        if seen.status is None:
            return unreadable(seen, name)
        if seen.status.state == OFFLINE:
            start = exchange_shell.start(name, account, self.deadline_s)
            return Changes(
                Change(name, OFFLINE, ONLINE, by=start, undo="Stop-ClusteredMailboxServer")
            )
        if not seen.dismounted or seen.status.state not in REPAIRABLE:
            return NoChange(f"{seen.status.state}, databases: {len(seen.databases)}")
        return Changes(
            *(
                Change(
                    f"database {each.name}",
                    "dismounted",
                    "mounted",
                    by=exchange_shell.mount(name, each, account, self.deadline_s),
                    undo="none: a database that serves nobody is no state to go back to",
                )
                for each in seen.dismounted
            )
        )


@dataclass(frozen=True)
class CheckStatus:
    """The node's own shell says that the mailbox server is online, with every database mounted."""

    ids: ClassVar[tuple[str, ...]] = ("S091",)
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    asked: Asked
    phase: str

    def reads(self) -> Reads:
        """Return the question: what the shell of this node says."""
        return {"seen": exchange_shell.mailbox_server(self.asked.name, self.asked.account)}

    def plan(self, seen: MailboxServer) -> Plan:
        """Return NoChange with the active node, or what it waits for."""
        if seen.status is None:
            return unreadable(seen, self.asked.name)
        return awaits(self.phase, seen, self.asked.name) or NoChange(
            f"{ONLINE}, active on {seen.status.active}"
        )


@dataclass(frozen=True)
class CheckConsole:
    """What the management console shows: a cluster server of both nodes, its databases on S:.

    machines: the nodes that must be able to run it.
    """

    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    ids: tuple[str, ...]
    asked: Asked
    machines: tuple[str, ...]
    data_path: str
    phase: str

    def reads(self) -> Reads:
        """Return the questions: what the shell says, and how far Setup is."""
        return {
            "seen": exchange_shell.mailbox_server(self.asked.name, self.asked.account),
            "setup": exchange_setup_state.setup_state(),
        }

    def plan(self, seen: MailboxServer, setup: SetupState) -> Plan:
        """Return NoChange with the server's values, or those that are not as wished."""
        if setup.role.progress is not Progress.DONE:
            return Deferred(self.phase, why="asked once Setup has ended")
        if seen.server is None or seen.status is None:
            return Deferred(self.phase, why=unreadable(seen, self.asked.name).reason)
        wrong = [*self._wrong_server(seen.server), *self._wrong_paths(seen)]
        if wrong:
            return Blocked(
                "; ".join(wrong),
                "compare with the parameter file; what Setup made is not moved by this runbook",
            )
        able = {each.upper() for each in seen.server.machines}
        missing = [name for name in self.machines if name.upper() not in able]
        if missing:
            # What a Setup has told one domain controller, another one may hear later.
            return Deferred(self.phase, why=f"{', '.join(missing)} cannot run {self.asked.name}")
        files = ", ".join(each.file for each in seen.databases)
        return awaits(self.phase, seen, self.asked.name) or NoChange(
            f"{seen.server.storage} storage, {seen.server.version}, "
            f"{' and '.join(seen.server.machines)}; {files}"
        )

    def _wrong_server(self, server: Server) -> list[str]:
        found = []
        if server.storage != SHARED:
            found.append(f"its storage is {server.storage}, not {SHARED}")
        if not server.is_clustered:
            found.append("it is no member of a cluster")
        if "mailbox" not in server.role.lower():
            found.append(f"its role is {server.role}")
        if server.edition and not server.edition.startswith(ENTERPRISE):
            found.append(f"its edition is {server.edition}, not {ENTERPRISE}")
        return found

    def _wrong_paths(self, seen: MailboxServer) -> list[str]:
        wanted = self.data_path.rstrip("\\").upper() + "\\"
        return [
            f"{path} is not below {self.data_path}"
            for path in seen.paths()
            if not path.upper().startswith(wanted)
        ]


@dataclass(frozen=True)
class CheckServices:
    """The services that the cluster starts run where the mailbox server is active, only there."""

    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    ids: tuple[str, ...]
    asked: Asked
    phase: str

    def reads(self) -> Reads:
        """Return the questions: the services, where the server is active, how far Setup is."""
        return {
            "services": system.services(),
            "seen": exchange_shell.mailbox_server(self.asked.name, self.asked.account),
            "setup": exchange_setup_state.setup_state(),
        }

    def plan(self, services: tuple[Service, ...], seen: MailboxServer, setup: SetupState) -> Plan:
        """Return NoChange with what they do; a service out of place is only told."""
        # A server of which Setup has made the name alone counts as online already.
        is_made = setup.server.progress not in (Progress.UNPACKED, Progress.BROKEN_OFF)
        if setup.role.progress is not Progress.DONE or not is_made:
            return Deferred(self.phase, why="asked once Setup has ended")
        if seen.status is None:
            return Deferred(self.phase, why=unreadable(seen, self.asked.name).reason)
        if seen.status.active is None or seen.status.state != ONLINE:
            return Deferred(self.phase, why=f"{self.asked.name} is {seen.status.state}")
        active = seen.status.active.upper() == self.node.upper()
        state = "Running" if active else "Stopped"
        states = {service.name.upper(): service.state for service in services}
        wrong = [
            f"{name} is {states.get(name.upper(), 'missing')}"
            for name in STORE_SERVICES
            if states.get(name.upper()) != state
        ]
        if wrong:
            return Blocked(
                f"{self.node} is the {'active' if active else 'passive'} node, but "
                f"{', '.join(wrong)}",
                "leave both services to the cluster: set them to manual and let it start them "
                "(Start-ClusteredMailboxServer); a node with the role and without them needs its "
                "Setup again",
            )
        return NoChange(f"{', '.join(STORE_SERVICES)}: {state}")
