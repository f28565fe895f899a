"""The Active Directory domain: its controller, its accounts and computers, its DNS, its members.

A node that has joined is a member at once, but nothing of the domain works on it before the next
start: only then does Net Logon run and its secure channel stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING, Any

from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.accounts import Passwords, made_up
from runbook_lib.lab.world.clock import LabClock
from runbook_lib.lab.world.domain_objects import (
    DOMAIN_ADMINS,
    EXCHANGE_ADMINISTRATORS,
    SITE,
    Account,
    Computer,
    ExchangeDirectory,
)
from runbook_lib.lab.world.ledger import Ledger

if TYPE_CHECKING:
    from runbook_lib.lab.world.clock import Due
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode

ACCESS_DENIED, LOGON_FAILURE, ACCOUNT_EXISTS = 5, 1326, 2224
PASSWORD_EXPIRED, ACCOUNT_DISABLED, ACCOUNT_EXPIRED = 1330, 1331, 1793
MUST_CHANGE_PASSWORD, LOCKED_OUT = 1907, 1909
QUOTA_EXCEEDED = 8557
NETLOGON = "Netlogon"
MOST_SKEW = timedelta(minutes=5)
"""What Kerberos bears between two clocks."""


@dataclass(frozen=True)
class DomainFacts:
    """What the parameter file says of the domain; accounts by the names of their passwords."""

    name: str
    netbios_name: str
    controller: str
    controller_address: str
    accounts: Mapping[str, str] = field(default_factory=dict)

    @property
    def naming_context(self) -> str:
        """Return the domain's distinguished name."""
        return ",".join(f"DC={part}" for part in self.name.split("."))


class Domain:
    """The domain as its one controller knows it.

    computers, dns: by name, in upper and in lower case. memberships: node -> the domain that
    it belongs to. sites: node -> AD site, where it is not the first one. skew: how far the
    controller's clock is ahead. machine_quota: computers that a plain user may add.
    """

    def __init__(self, facts: DomainFacts, clock: LabClock, ledger: Ledger) -> None:
        """Be the domain as it stands before the procedure; `passwords` is set by the world."""
        self.facts = facts
        self.clock = clock
        self.ledger = ledger
        self.passwords: Passwords | None = None
        self.is_on = True
        self.skew = timedelta()
        self.level = 2
        self.forest_level = 2
        self.machine_quota = 10
        self.lockout_threshold = 10
        self.accounts = {each.name.lower(): each for each in _accounts(facts)}
        controller = facts.controller.upper()
        place = f"CN={controller},OU=Domain Controllers,{facts.naming_context}"
        own = Computer(controller, place, "", f"{controller.lower()}.{facts.name}")
        self.computers = {controller: own}
        self.dns = {controller.lower(): facts.controller_address}
        self.memberships: dict[str, str] = {}
        self.sites: dict[str, str] = {}
        self.exchange = ExchangeDirectory()

    # -- what others ask

    @property
    def now(self) -> datetime:
        """Return what the controller's clock shows, UTC."""
        return self.clock.now() + self.skew

    def account(self, user: str) -> Account | None:
        r"""Return an account by `LAB\name`, `name@lab.local` or the bare name, or None."""
        domain, backslash, name = user.rpartition("\\")
        name, at, suffix = name.partition("@")
        if backslash and domain.lower() not in self._own_names():
            return None
        if at and suffix.lower() not in self._own_names():
            return None
        return self.accounts.get(name.lower())

    def is_member(self, user: str, group: str) -> bool:
        """Tell whether an account of the domain belongs to a group of it."""
        account = self.account(user)
        return account is not None and group in account.groups

    def password_of(self, account: Account) -> str | None:
        """Return an account's password, None where nobody here knows it."""
        if self.passwords is None or account.password_name is None or account.password_changed:
            return None
        return self.passwords.value(account.password_name)

    def may_log_on(self, account: Account) -> bool:
        """Tell whether the account itself is in order."""
        return not self._refusal(account)

    def logon(self, user: str, password: str) -> int:
        """Return 0, or the Win32 error with which the controller refuses a logon.

        A wrong password counts; the one too many locks the account.
        """
        account = self.account(user)
        if account is None:
            return LOGON_FAILURE
        if account.locked:
            return LOCKED_OUT
        if password != self.password_of(account):
            self.bad_password(account)
            return LOGON_FAILURE
        refusal = self._refusal(account)
        if not refusal and account.bad_passwords:
            before, account.bad_passwords = account.bad_passwords, 0
            self.changed(f"bad passwords of {account.user}", before, 0)
        return refusal

    def bad_password(self, account: Account) -> None:
        """Count a wrong password."""
        if account.locked:
            return
        account.bad_passwords += 1
        count = account.bad_passwords
        self.changed(f"bad passwords of {account.user}", count - 1, count)
        if 0 < self.lockout_threshold <= count:
            account.locked = True
            self.changed(f"{account.user} locked", before=False, after=True)

    def create_computer(
        self,
        name: str,
        by: str,
        *,
        held_by: str | None = None,
        dns_name: str | None = None,
        place: str | None = None,
    ) -> int:
        """Add a computer account as `by`; return 0 or a Win32 error.

        Whoever is no administrator of the domain may add ten, in the usual place only.
        """
        if name.upper() in self.computers:
            return ACCOUNT_EXISTS
        if not self.is_member(by, DOMAIN_ADMINS):
            account = self.account(by)
            if account is None or place is not None:
                return ACCESS_DENIED
            own = [each for each in self.computers.values() if each.created_by == account.user]
            if len(own) >= self.machine_quota:
                return QUOTA_EXCEEDED if self.machine_quota else ACCESS_DENIED
        below = place or f"CN=Computers,{self.facts.naming_context}"
        creator = self.account(by)
        self.computers[name.upper()] = Computer(
            name.upper(),
            f"CN={name.upper()},{below}",
            creator.user if creator else by,
            dns_name,
            held_by=held_by,
        )
        self.changed(f"computer account {name.upper()}", None, below)
        return 0

    def resolve(self, host: str) -> tuple[str, ...]:
        """Return the addresses of a host of this domain, or of the domain itself."""
        wanted = host.lower().rstrip(".")
        if wanted == self.facts.name.lower():
            found = self.dns.get(self.facts.controller.lower())
        else:
            found = self.dns.get(wanted.removesuffix(f".{self.facts.name.lower()}"))
        return (found,) if found else ()

    def is_reachable_from(self, node: WindowsNode) -> bool:
        """Tell whether the controller runs and a packet of the node comes to it."""
        address = self.facts.controller_address
        return self.is_on and any(
            adapter.hardware.segment is not None
            and IPv4Address(address) in IPv4Interface(f"{own}/{mask}").network
            and node.site.holder(adapter.hardware.segment, address, adapter.hardware.mac or "")
            for adapter in node.connections
            if not adapter.conflict
            for own, mask in adapter.addresses
        )

    def is_found_by(self, node: WindowsNode) -> bool:
        """Tell whether the node's DNS servers lead it to the controller."""
        servers = {server for each in node.connections for server in each.dns_servers}
        asked = self.facts.controller_address in servers
        return asked and self.is_reachable_from(node) and bool(self.resolve(self.facts.name))

    def has_channel(self, node: WindowsNode) -> bool:
        """Tell whether the node's own logon at the domain works."""
        account = self.computers.get(node.computer_name.upper())
        netlogon = node.services.find(NETLOGON)
        return bool(
            self.memberships.get(node.name) == self.facts.name
            and netlogon is not None
            and netlogon.running
            and self.is_found_by(node)
            and account is not None
            and account.enabled
            and account.held_by == node.name
        )

    def site_of(self, node: WindowsNode) -> str | None:
        """Return the AD site of a member that has found its domain, or None."""
        found = node.registry.text(places.NETLOGON, "DynamicSiteName")
        return found or None

    def logons_on(self, node: WindowsNode) -> dict[str, str]:
        """Return who of the domain may log on to a node over the network now: user -> password.

        An account that is locked, disabled or expired is not among them; one whose password
        somebody changed is, under a password that nobody has.
        """
        found: dict[str, str] = {}
        for account in self.administrators_on(node):
            if self.may_log_on(account):
                password = self.password_of(account) or made_up()
                found |= dict.fromkeys(self._spellings(account), password)
        return found

    def administrators_on(self, node: WindowsNode) -> list[Account]:
        """Return the accounts of the domain that belong to a node's Administrators."""
        if not self.has_channel(node):
            return []
        named = {each.lower() for each in node.administrators}
        prefix = self.facts.netbios_name.lower()
        return [
            account
            for account in self.accounts.values()
            if account.user.lower() in named
            or any(f"{prefix}\\{group.lower()}" in named for group in account.groups)
        ]

    def changed(self, what: str, before: object, after: object) -> None:
        """Write one effect on the controller into the ledger."""
        self.ledger.changed(self.facts.controller, what, before, after)

    def _spellings(self, account: Account) -> tuple[str, ...]:
        own = rf"{self.facts.netbios_name}\{account.name}"
        return own, rf"{self.facts.name}\{account.name}", f"{account.name}@{self.facts.name}"

    def _own_names(self) -> tuple[str, str]:
        return self.facts.name.lower(), self.facts.netbios_name.lower()

    def _refusal(self, account: Account) -> int:
        found = (
            (account.locked, LOCKED_OUT),
            (not account.enabled, ACCOUNT_DISABLED),
            (account.expired, ACCOUNT_EXPIRED),
            (account.must_change, MUST_CHANGE_PASSWORD),
            (account.password_expired, PASSWORD_EXPIRED),
        )
        return next((code for holds, code in found if holds), 0)

    # -- what a part of the site does

    def node_is_down(self, site: Site, node: WindowsNode) -> None:
        """Take no notice: the directory does not watch its members."""

    def node_is_up(self, _site: Site, node: WindowsNode) -> None:
        """Let a member that finds its domain learn its site and register itself in DNS."""
        if not self.has_channel(node):
            return
        node.registry.put(places.NETLOGON, "DynamicSiteName", self.sites.get(node.name, SITE))
        host = node.registry.text(places.TCPIP, "Hostname").lower()
        for adapter in node.connections:
            if adapter.registers_in_dns and not adapter.conflict and adapter.addresses:
                address, before = adapter.addresses[0][0], self.dns.get(host)
                if before != address:
                    self.dns[host] = address
                    self.changed(f"DNS name {host}", before, address)

    def happen(self, site: Site, due: Due) -> None:
        """Carry out what was planned; nothing ever is."""

    def as_json(self) -> dict[str, Any]:
        """Return the state without times and passwords."""
        return {
            "name": self.facts.name,
            "controller": self.facts.controller,
            "is_on": self.is_on,
            "skew_s": self.skew.total_seconds(),
            "level": self.level,
            "forest_level": self.forest_level,
            "machine_quota": self.machine_quota,
            "lockout_threshold": self.lockout_threshold,
            "accounts": [each.as_json() for each in self.accounts.values()],
            "computers": [asdict(each) for each in self.computers.values()],
            "dns": dict(sorted(self.dns.items())),
            "memberships": dict(sorted(self.memberships.items())),
            "sites": dict(self.sites),
            "exchange": asdict(self.exchange),
        }

    def as_saved(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return self.as_json()

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Become what `as_saved` gave."""
        self.is_on = saved["is_on"]
        self.skew = timedelta(seconds=saved["skew_s"])
        self.level, self.forest_level = saved["level"], saved["forest_level"]
        self.machine_quota = saved["machine_quota"]
        self.lockout_threshold = saved["lockout_threshold"]
        accounts = [Account.of(each) for each in saved["accounts"]]
        self.accounts = {each.name.lower(): each for each in accounts}
        computers = [Computer(**each) for each in saved["computers"]]
        self.computers = {each.name: each for each in computers}
        self.dns = dict(saved["dns"])
        self.memberships = dict(saved["memberships"])
        self.sites = dict(saved["sites"])
        self.exchange = ExchangeDirectory.of(saved["exchange"])


def _accounts(facts: DomainFacts) -> list[Account]:
    """Return the domain's first administrator and the accounts of the parameter file."""
    administrator = Account(rf"{facts.netbios_name}\Administrator", 500)
    administrator.groups |= {
        DOMAIN_ADMINS,
        "Schema Admins",
        "Enterprise Admins",
        EXCHANGE_ADMINISTRATORS,
    }
    found = [administrator]
    for number, (password_name, user) in enumerate(facts.accounts.items()):
        account = next((each for each in found if each.name.lower() == _short(user)), None)
        if account is None:
            spelled = user if "\\" in user else rf"{facts.netbios_name}\{user.partition('@')[0]}"
            account = Account(spelled, 1109 + number)
            found.append(account)
        account.password_name = account.password_name or password_name
        if password_name == "installer":  # noqa: S105 - the name of a password
            account.groups |= {DOMAIN_ADMINS, EXCHANGE_ADMINISTRATORS}
    return found


def _short(user: str) -> str:
    return user.rpartition("\\")[2].partition("@")[0].lower()
