"""What the domain's controller says of clock, accounts, names and Exchange; reads only.

A session has no credentials for a second machine, so the script that is sent binds with an
explicit account. All questions of one `Asked` are one pipeline with one bind: a wrong password
is tried once, and equal questions of many steps travel once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runbook_lib.commands import rows
from runbook_lib.commands.command import Answer, Query, Read, Script, TaskAccount
from runbook_lib.commands.directory_account import Account, account_of, refused_logon
from runbook_lib.commands.exchange_preparation import ExchangePreparation, preparation_of

SCRIPT = "read_directory"
PROPERTIES = ("Subject", "Attribute", "Values")

DOMAIN_ADMINS = "Domain Admins"
EXCHANGE_ADMINISTRATORS = "Exchange Organization Administrators"
GROUPS = (DOMAIN_ADMINS, EXCHANGE_ADMINISTRATORS)

DISABLED = 0x2


@dataclass(frozen=True)
class Asked:
    r"""Whom to ask, as whom, and about what.

    controller: name or address. account: None asks only what anybody may (DNS, clock, levels).
    users: such as `LAB\exinstall`. computers: names that are, or are to be, in the directory.
    hosts: names that the node's own DNS servers are asked for, besides the domain's.
    """

    domain: str
    controller: str
    account: TaskAccount | None = None
    users: tuple[str, ...] = ()
    computers: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def read(self) -> Read:
        """Return the one read that answers all of it."""
        parameters: list[tuple[str, object]] = [
            ("Server", self.controller),
            ("Domain", self.domain),
            ("Hosts", (self.domain, *self.hosts)),
        ]
        if self.account is not None:
            parameters += [
                ("User", self.account.user),
                ("Password", self.account.password),
                ("Users", tuple(_escaped(_short(user)) for user in self.users)),
                ("Groups", GROUPS),
                ("Computers", self.computers),
            ]
        return Read(Script(SCRIPT, tuple(parameters)), PROPERTIES)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Unanswered:
    """The controller gave no answer, or refused the account; both texts are for a reader."""

    reason: str
    next_step: str


@dataclass(frozen=True)
class Reach:
    """How the node finds its domain, without any account.

    member_of: the domain it belongs to, or None. site: the AD site that Windows found itself in.
    channel: whether its own account in the domain works; None when it is no member or Windows
    could not say. addresses: host -> what the node's DNS servers say. controller: the one that
    Windows itself finds. clock_ahead: of the node, against the controller that was asked; None
    when that one did not answer. failures: what was asked -> what went wrong.
    """

    member_of: str | None
    site: str | None
    channel: bool | None
    addresses: Mapping[str, tuple[str, ...]]
    controller: str | None
    clock_ahead: timedelta | None
    failures: Mapping[str, str]


@dataclass(frozen=True)
class ComputerAccount:
    """A computer's account. dns_name: set by the machine that uses it, None for a prepared one."""

    name: str
    place: str
    dns_name: str | None
    enabled: bool


@dataclass(frozen=True)
class Directory:
    """What the controller answered. accounts, computers: as they were asked for.

    domain_level, forest_level: 0 is Windows 2000, 2 is Windows Server 2003. schema_master, pdc:
    computer names. lockout_threshold: bad passwords until an account is locked, 0 for never.
    """

    reach: Reach
    controller: str
    sid: str
    domain_level: int
    forest_level: int
    is_mixed: bool
    schema_master: str
    pdc: str
    lockout_threshold: int
    exchange: ExchangePreparation
    accounts: Mapping[str, Account | None]
    computers: Mapping[str, ComputerAccount | None]
    groups: Mapping[str, str]

    def account(self, user: str) -> Account | None:
        """Return an account that was asked for, None when the domain has none of that name."""
        return self.accounts[user]

    def is_member(self, user: str, group: str) -> bool:
        """Tell whether an account belongs to one of `GROUPS`, through other groups too."""
        account, sid = self.accounts[user], self.groups.get(group)
        return account is not None and sid is not None and sid in account.groups

    def computer(self, name: str) -> ComputerAccount | None:
        """Return the computer account with a name that was asked for, or None."""
        return self.computers[name]

    def name_in_use(self, name: str) -> str | None:
        """Return who uses a name that was asked for, in a clause; None when it is free.

        DNS counts when the name was among the asked hosts (in full, or with the domain).
        """
        account = self.computers.get(name)
        if account is not None:
            return f"the directory has a computer account {account.name}"
        for host, addresses in self.reach.addresses.items():
            if addresses and host.partition(".")[0].upper() == name.upper():
                return f"DNS knows {host} as {', '.join(addresses)}"
        return None


def reach(domain: str, controller: str, hosts: tuple[str, ...] = ()) -> Query[Reach]:
    """Return how the node finds the domain; needs no account."""
    return Query((Asked(domain, controller, hosts=hosts).read,), _reach)


def seen(asked: Asked) -> Query[Directory | Unanswered]:
    """Return what the controller says, or why it says nothing."""

    def parse(answers: Sequence[Answer]) -> Directory | Unanswered:
        try:
            return _directory(asked, answers)
        except (KeyError, IndexError) as error:
            raise ValueError(f"the directory's answer lacks {error}") from error

    return Query((asked.read,), parse)


Facts = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Subject -> attribute -> values, as the script gives them."""


def _facts(answers: Sequence[Answer]) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in rows.answered(answers[0]).rows:
        subject, attribute = rows.text(row, "Subject"), rows.text(row, "Attribute")
        found.setdefault(subject, {})[attribute] = rows.texts(row, "Values")
    return found


def _reach(answers: Sequence[Answer]) -> Reach:
    return _reach_of(_facts(answers))


def _reach_of(facts: Facts) -> Reach:
    machine = facts.get("machine", {})
    clocks = (machine.get("now"), facts.get("rootDSE", {}).get("currentTime"))
    ahead = None
    if clocks[0] and clocks[1]:
        ahead = _moment(clocks[0][0]) - _moment(clocks[1][0].partition(".")[0])
    return Reach(
        member_of=next(iter(machine.get("domain", ())), None),
        site=next(iter(machine.get("site", ())), None),
        channel=machine["channel"] == ("True",) if "channel" in machine else None,
        addresses=dict(facts.get("dns", {})),
        controller=next(iter(facts.get("locator", {}).get("controller", ())), None),
        clock_ahead=ahead,
        failures={asked: _said(values) for asked, values in facts.get("failure", {}).items()},
    )


def _directory(asked: Asked, answers: Sequence[Answer]) -> Directory | Unanswered:
    facts = _facts(answers)
    failure = next(
        ((what, told) for what, told in facts.get("failure", {}).items() if _is_of_bind(what)), None
    )
    if failure is not None:
        return _unanswered(asked, *failure)
    if "answered" not in facts.get("machine", {}):
        raise ValueError("the script ended before its last question")
    domain, root = facts["domain"], facts["rootDSE"]
    return Directory(
        reach=_reach_of(facts),
        controller=root["dnsHostName"][0],
        sid=domain["objectSid"][0],
        domain_level=int(root["domainFunctionality"][0] or 0),
        forest_level=int(root["forestFunctionality"][0] or 0),
        is_mixed=domain["nTMixedDomain"] == ("1",),
        schema_master=_server_in(facts["schema"]["fSMORoleOwner"][0]),
        pdc=_server_in(domain["fSMORoleOwner"][0]),
        lockout_threshold=int((*domain["lockoutThreshold"], "0")[0]),
        exchange=preparation_of(facts),
        accounts={user: account_of(facts, _escaped(_short(user))) for user in asked.users},
        computers={name: _computer(name, facts) for name in asked.computers},
        groups={
            name: facts[f"group {name}"]["objectSid"][0]
            for name in GROUPS
            if f"group {name}" in facts
        },
    )


def _is_of_bind(asked: str) -> bool:
    """Tell a failure of the directory from one that only concerns the way to it."""
    return asked not in {"channel", "site", "locator"} and not asked.startswith("dns ")


def _unanswered(asked: Asked, what: str, told: tuple[str, ...]) -> Unanswered:
    if what == "rootDSE":
        return Unanswered(
            f"the domain controller {asked.controller} does not answer: {_said(told)}",
            "see that it runs and that the node reaches its port 389, then plan the phase again",
        )
    user = asked.account.user if asked.account else "nobody"
    if what == "bind":
        return Unanswered(*refused_logon(user, told))
    return Unanswered(
        f"{user} may not read the directory ({what}): {_said(told)}",
        "give the account the rights that the procedure's installer has",
    )


def _computer(name: str, facts: Facts) -> ComputerAccount | None:
    found = facts.get(f"computer {name}")
    if found is None:
        return None
    return ComputerAccount(
        name=name,
        place=found["distinguishedName"][0],
        dns_name=next(iter(found["dNSHostName"]), None),
        enabled=not int(found["userAccountControl"][0]) & DISABLED,
    )


def _server_in(settings: str) -> str:
    """Return the server's name out of the DN of its NTDS settings."""
    parts = [part.partition("=")[2] for part in settings.split(",")]
    if len(parts) < 2:
        raise ValueError(f"no name of a server's settings: {settings[:80]!r}")
    return parts[1]


def _moment(digits: str) -> datetime:
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _said(told: tuple[str, ...]) -> str:
    code, text, _ = (*told, "", "", "")[:3]
    return f"{text.strip()} ({code})" if code else text.strip()


def _short(user: str) -> str:
    r"""Return the account name alone, of `LAB\name` and of `name@lab.local`."""
    return user.rpartition("\\")[2].partition("@")[0]


def _escaped(text: str) -> str:
    """Return a text as a value in an LDAP filter (RFC 4515)."""
    return "".join(f"\\{ord(c):02x}" if c in "\\*()\0" else c for c in text)
