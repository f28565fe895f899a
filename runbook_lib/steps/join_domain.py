"""Phase 20: both nodes become member servers of the domain.

What stands in the way is looked for first: the way to the controller, the clocks, the accounts,
the computer's name in the directory. The directory is asked by node 1 alone and once a look,
because every wrong password counts towards a lock-out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from runbook_lib.commands import directory, domain, system
from runbook_lib.commands.command import Query, TaskAccount
from runbook_lib.commands.directory import (
    DOMAIN_ADMINS,
    Asked,
    ComputerAccount,
    Directory,
    Reach,
    Unanswered,
)
from runbook_lib.commands.domain import Membership
from runbook_lib.commands.system import ComputerNames, DomainRole
from runbook_lib.steps import accounts
from runbook_lib.steps.step import (
    At,
    Blocked,
    Change,
    Changes,
    Deferred,
    Effect,
    NoChange,
    Plan,
    Reads,
    RebootPending,
    Silence,
    StepClass,
    StepFactory,
)
from runbook_lib.topology.models import Topology

PHASE = "20_join_domain"
MOST_SKEW = timedelta(minutes=5)
"""Kerberos refuses a greater difference between two clocks."""


@dataclass(frozen=True)
class Domain:
    """What the parameter file says of the domain, as the steps on one node want it."""

    node: str
    name: str
    controller: str
    address: str
    hosts: tuple[str, ...]

    @property
    def reach(self) -> Query[Reach]:
        """Return the question how the node finds the domain."""
        return directory.reach(self.name, self.address, self.hosts)


@dataclass(frozen=True)
class FindDomain:
    """The node finds the domain through its own DNS servers, and its controller answers."""

    ids: ClassVar[tuple[str, ...]] = ("S019", "M006")
    step_class: ClassVar[StepClass] = StepClass.READ
    domain: Domain

    @property
    def node(self) -> str:
        """Return the node's name."""
        return self.domain.node

    def reads(self) -> Reads:
        """Return the question: the way to the domain."""
        return {"reach": self.domain.reach}

    def plan(self, reach: Reach) -> Plan:
        """Return NoChange with the controller found, or what is missing on the way."""
        wanted = self.domain
        found = reach.addresses.get(wanted.name, ())
        mend = f"see that the DNS servers of Public on {wanted.node} are those of {wanted.name}"
        if not found:
            return Blocked(f"its DNS servers do not know {wanted.name}", mend)
        if wanted.address not in found:
            return Blocked(
                f"its DNS servers take {wanted.name} for {', '.join(found)}, the parameter file "
                f"names {wanted.address}",
                f"{mend}, or correct domain.controller.address",
            )
        if reach.clock_ahead is None:
            return Blocked(
                f"{wanted.controller} ({wanted.address}) does not answer: "
                f"{reach.failures.get('rootDSE', 'no reason given')}",
                f"see that {wanted.controller} runs and that {wanted.node} reaches its port 389",
            )
        if reach.controller is None:
            return Blocked(
                f"Windows finds no controller of {wanted.name}: "
                f"{reach.failures.get('locator', 'no reason given')}",
                f"see that DNS has the service records of {wanted.name} "
                f"(_ldap._tcp.dc._msdcs.{wanted.name})",
            )
        return NoChange(f"{reach.controller} at {wanted.address}")


@dataclass(frozen=True)
class CompareClocks:
    """Node and controller agree on the time to five minutes: Kerberos wants it."""

    ids: ClassVar[tuple[str, ...]] = ("M006",)
    step_class: ClassVar[StepClass] = StepClass.READ
    domain: Domain

    @property
    def node(self) -> str:
        """Return the node's name."""
        return self.domain.node

    def reads(self) -> Reads:
        """Return the question: both clocks in one moment."""
        return {"reach": self.domain.reach}

    def plan(self, reach: Reach) -> Plan:
        """Return NoChange within five minutes; without an answer another step says why."""
        ahead, controller = reach.clock_ahead, self.domain.controller
        if ahead is None:
            return Blocked(
                f"{controller} does not answer, so its clock is unknown",
                f"see that {controller} runs and that {self.node} reaches its port 389",
            )
        if abs(ahead) <= MOST_SKEW:
            return NoChange("less than five minutes apart")
        seconds = round(ahead.total_seconds())
        return Blocked(
            f"its clock is {seconds:+d} s against {controller}; Kerberos bears 300",
            f"set the clocks right: on {self.node} or {controller}, date and time zone first",
        )


@dataclass(frozen=True)
class CheckAccounts:
    """Both accounts can log on, and the installer is an administrator of the domain.

    As one it will be a local administrator of both nodes, and may add computers. Each of the two
    passwords is tried here once a look, and one that is wrong ends the phase.
    """

    ids: ClassVar[tuple[str, ...]] = ("M006", "S031")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    asked: Asked
    service: Asked

    def reads(self) -> Reads:
        """Return the questions: the accounts in the directory, and the service's own logon."""
        return {"found": directory.seen(self.asked), "service": directory.seen(self.service)}

    def plan(self, found: Directory | Unanswered, service: Directory | Unanswered) -> Plan:
        """Return NoChange with the accounts, or all that is wrong with them."""
        if isinstance(found, Unanswered):
            return Blocked(found.reason, found.next_step)
        wrong: dict[str, str] = {}
        for user in self.asked.users:
            account = found.account(user)
            if account is None:
                wrong[f"{user} is not in the directory"] = f"create {user}, or correct its name"
            elif account.faults:
                wrong[f"{user}: {'; '.join(account.faults)}"] = f"let {user} log on again"
        installer = self.asked.users[0]
        if found.account(installer) and not found.is_member(installer, DOMAIN_ADMINS):
            wrong[f"{installer} is no member of {DOMAIN_ADMINS}"] = (
                f"add {installer} to {DOMAIN_ADMINS}: the later phases log on to the nodes with it"
            )
        if not wrong and isinstance(service, Unanswered):
            return Blocked(service.reason, service.next_step)
        if wrong:
            return Blocked("; ".join(wrong), "; ".join(wrong.values()))
        return NoChange(f"{' and '.join(self.asked.users)} may log on")


@dataclass(frozen=True)
class JoinDomain:
    """The computer is a member of the domain, in force after the phase's restart."""

    ids: ClassVar[tuple[str, ...]] = ("S019",)
    step_class: ClassVar[StepClass] = StepClass.ONE_SHOT
    domain: Domain
    asked: Asked
    by: TaskAccount
    asks: str
    unit: str | None

    @property
    def node(self) -> str:
        """Return the node's name."""
        return self.domain.node

    def reads(self) -> Reads:
        """Return the questions: membership, names, channel; and the directory, at node 1."""
        return {
            "membership": domain.membership(),
            "names": system.computer_names(),
            "reach": self.domain.reach,
            "found": At(self.asks, directory.seen(self.asked)),
        }

    def plan(
        self,
        membership: Membership,
        names: ComputerNames,
        reach: Reach,
        found: Directory | Unanswered | Silence,
    ) -> Plan:
        """Return a join for a machine of a workgroup whose name is free or prepared for it."""
        computer, wanted = membership.computer, self.domain.name
        if membership.is_of(wanted):
            return self._as_member(membership, reach)
        if computer.part_of_domain:
            return Blocked(
                f"it is a member of {computer.domain}, not of {wanted}",
                f"take {self.node} out of {computer.domain}, or correct domain.name",
            )
        if names.rename_is_pending:
            return Blocked(
                f"it is called {names.running} and becomes {names.pending} at its next start",
                f"restart {self.node}",
            )
        if not isinstance(found, Directory):
            return _not_asked(found, self.asks)
        account = found.computer(self.node)
        if account is not None and (account.dns_name or not account.enabled):
            return _taken(self.node, account)
        return Changes(
            Change(
                "domain",
                f"workgroup {computer.domain}",
                f"member of {wanted}",
                by=domain.join(
                    names.running, wanted, self.by, self.unit, is_prepared=account is not None
                ),
                undo=f"take the computer out of {wanted} (UnjoinDomainOrWorkgroup) and restart "
                "it; only before the cluster is formed",
                effect=Effect.AFTER_REBOOT,
            )
        )

    def _as_member(self, membership: Membership, reach: Reach) -> Plan:
        if membership.waits_for_restart:
            return RebootPending(f"member of {self.domain.name} after the next start")
        if reach.channel:
            return NoChange(f"member of {membership.computer.domain}, its account works")
        why = reach.failures.get("channel", "the secure channel does not stand")
        return Blocked(
            f"it is a member of {self.domain.name}, but its account there does not work: {why}",
            f"see that {self.domain.controller} answers; if it does, reset the computer account "
            f"of {self.node} and join it again by hand",
        )


class AfterTheJoin(Deferred):
    """It can be told as soon as the node has joined and was restarted."""

    @property
    def reason(self) -> str:
        """Return when it is told."""
        return "checked after the restart"


@dataclass(frozen=True)
class ConfirmMembership:
    """After its restart the node is a member server that its domain knows by its address."""

    ids: ClassVar[tuple[str, ...]] = ("S019",)
    step_class: ClassVar[StepClass] = StepClass.READ
    domain: Domain
    address: str

    @property
    def node(self) -> str:
        """Return the node's name."""
        return self.domain.node

    def reads(self) -> Reads:
        """Return the questions: membership and channel."""
        return {"membership": domain.membership(), "reach": self.domain.reach}

    def plan(self, membership: Membership, reach: Reach) -> Plan:
        """Return NoChange for a member server with a working channel and the right address."""
        computer = membership.computer
        if not membership.is_of(self.domain.name):
            return AfterTheJoin(PHASE)
        if membership.waits_for_restart:
            return RebootPending("checked after the restart")
        if computer.role is not DomainRole.MEMBER_SERVER:
            return Blocked(
                f"it is a {computer.role}", f"use a member server instead of {self.node}"
            )
        if not reach.channel:
            return Blocked(
                "its account in the domain does not work",
                f"see that {self.domain.controller} answers {self.node}",
            )
        host = f"{self.node}.{self.domain.name}"
        known = reach.addresses.get(host, ())
        if known and known != (self.address,):
            return Blocked(
                f"DNS knows {host} as {', '.join(known)}, not as {self.address} alone",
                f"delete the wrong address records of {host}",
            )
        where = f"site {reach.site}" if reach.site else "no site yet"
        return NoChange(
            f"{computer.role}, secure channel stands, {where}, "
            + (f"{host} is {self.address}" if known else f"DNS does not know {host} yet")
        )


def find_domain(topology: Topology) -> Iterator[FindDomain]:
    """The domain is found and its controller answers (S019, M006)."""
    yield from (FindDomain(each) for each in _domains(topology))


def compare_clocks(topology: Topology) -> Iterator[CompareClocks]:
    """The clocks of nodes and controller agree (M006)."""
    yield from (CompareClocks(each) for each in _domains(topology))


def check_accounts(topology: Topology) -> Iterator[CheckAccounts]:
    """Installer and cluster service account may log on (M006, S031)."""
    asked = accounts.directory(topology)
    yield CheckAccounts(topology.nodes[0].name, asked, accounts.service_logon(topology))


def join_domain(topology: Topology) -> Iterator[JoinDomain]:
    """The computer is a member of the domain (S019)."""
    for each in _domains(topology):
        yield JoinDomain(
            each,
            accounts.directory(topology),
            accounts.installer(topology),
            topology.nodes[0].name,
            topology.domain.organizational_unit,
        )


def confirm_membership(topology: Topology) -> Iterator[ConfirmMembership]:
    """Member server, with a channel and a name that stand (S019)."""
    for each, node in zip(_domains(topology), topology.nodes, strict=True):
        yield ConfirmMembership(each, node.public.address)


def _domains(topology: Topology) -> Iterator[Domain]:
    name, controller = topology.domain.name, topology.domain.controller
    hosts = tuple(f"{node.name}.{name}" for node in topology.nodes)
    for node in topology.nodes:
        yield Domain(node.name, name, controller.name, controller.address, hosts)


def _not_asked(found: Unanswered | Silence, asks: str) -> Blocked:
    if isinstance(found, Unanswered):
        return Blocked("whether its name is free in the directory is not known", found.next_step)
    return Blocked(f"{asks}, which asks the directory, does not answer", f"switch {asks} on")


def _taken(node: str, account: ComputerAccount) -> Blocked:
    state = f"used by {account.dns_name}" if account.dns_name else "disabled"
    return Blocked(
        f"the directory has a computer account {account.name} already, {state}",
        f"find out whose it is ({account.place}); delete it if nobody uses it, else give {node} "
        "another name",
    )


STEPS: tuple[StepFactory, ...] = (
    find_domain,
    compare_clocks,
    check_accounts,
    join_domain,
    confirm_membership,
)
