"""What stands in the directory: accounts, computers, and what Exchange's preparation left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

DOMAIN_SID = "S-1-5-21-1004336348-1177238915-682003330"
BUILTIN_ADMINISTRATORS = "S-1-5-32-544"
DOMAIN_ADMINS = "Domain Admins"
DOMAIN_USERS = "Domain Users"
EXCHANGE_ADMINISTRATORS = "Exchange Organization Administrators"
GROUP_RIDS: Mapping[str, int] = {
    DOMAIN_ADMINS: 512,
    DOMAIN_USERS: 513,
    "Schema Admins": 518,
    "Enterprise Admins": 519,
    EXCHANGE_ADMINISTRATORS: 1107,
    "Exchange Servers": 1108,
}
SITE = "Default-First-Site-Name"

MAILBOX, CLIENT_ACCESS, HUB_TRANSPORT = 2, 4, 32
"""Bits of msExchCurrentServerRoles."""


@dataclass
class Account:
    """One user account; its password is known to the site's Passwords, by password_name.

    password_changed: somebody gave it another password, which nobody who asks the lab is told.
    """

    user: str
    rid: int
    groups: set[str] = field(default_factory=lambda: {DOMAIN_USERS})
    password_name: str | None = None
    enabled: bool = True
    locked: bool = False
    expired: bool = False
    password_expired: bool = False
    must_change: bool = False
    password_changed: bool = False
    bad_passwords: int = 0

    @property
    def name(self) -> str:
        """Return the account name without the domain."""
        return self.user.rpartition("\\")[2]

    @property
    def sid(self) -> str:
        """Return the account's SID."""
        return f"{DOMAIN_SID}-{self.rid}"

    @property
    def group_sids(self) -> tuple[str, ...]:
        """Return the SIDs of its groups, those that groups lie in included."""
        sids = [f"{DOMAIN_SID}-{GROUP_RIDS[name]}" for name in sorted(self.groups)]
        return (*sids, BUILTIN_ADMINISTRATORS) if DOMAIN_ADMINS in self.groups else tuple(sids)

    def as_json(self) -> dict[str, Any]:
        """Return it without any password."""
        return {**asdict(self), "groups": sorted(self.groups)}

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Account:
        """Return what `as_json` gave."""
        return cls(**{**saved, "groups": set(saved["groups"])})


@dataclass
class Computer:
    """One computer account, without the $ that ends its name.

    dns_name: written by the machine that uses the account. held_by: the node that knows the
    account's password; None when that is another machine, or nobody.
    """

    name: str
    place: str
    created_by: str
    dns_name: str | None = None
    enabled: bool = True
    held_by: str | None = None


@dataclass
class ExchangeServer:
    """One Exchange server object: its roles' bits, its AD site, its serial number."""

    name: str
    roles: int
    site: str = SITE
    serial: str = "Version 8.3 (Build 30083.6)"


@dataclass
class ExchangeDirectory:
    """What Setup's preparation of Exchange 2007 SP3 left, and the servers that are there.

    None where nothing was prepared.
    """

    schema_range_upper: int | None = 14625
    org_version: int | None = 11222
    domain_version: int | None = 11221
    organization: str | None = "First Organization"
    servers: list[ExchangeServer] = field(
        default_factory=lambda: [ExchangeServer("EXHUB1", CLIENT_ACCESS | HUB_TRANSPORT)]
    )

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> ExchangeDirectory:
        """Return what `asdict` gave."""
        return cls(**{**saved, "servers": [ExchangeServer(**each) for each in saved["servers"]]})
