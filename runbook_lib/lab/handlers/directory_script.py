"""read_directory.ps1: what the controller answers, and the errors on the way to it.

The directory is asked as the account that the script names, whoever runs the script. What the
lab knows of LDAP is only what this one script asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from runbook_lib.lab.answers import Bag, SecretText
from runbook_lib.lab.handlers import powershell
from runbook_lib.lab.handlers.surface import Context
from runbook_lib.lab.world import domain as codes
from runbook_lib.lab.world.domain import Domain
from runbook_lib.lab.world.domain_objects import (
    DOMAIN_SID,
    GROUP_RIDS,
    SITE,
    Account,
    Computer,
)

SOURCE = (
    "documented: the script's own text, RootDSE, MS-ADTS for attributes, TechNet for the numbers "
    "of Exchange's preparation; inferred: error texts, and data codes of a refused bind"
)
DATA = {
    codes.LOGON_FAILURE: "52e",
    codes.PASSWORD_EXPIRED: "532",
    codes.ACCOUNT_DISABLED: "533",
    codes.ACCOUNT_EXPIRED: "701",
    codes.MUST_CHANGE_PASSWORD: "773",
    codes.LOCKED_OUT: "775",
}
"""Why a logon is refused -> what a controller adds to the refusal of a bind."""

NOT_OPERATIONAL = ("0x8007203A", "The server is not operational.\r\n", "")
HOST_NOT_FOUND = ("0x00002AF9", "No such host is known", "")
NORMAL, DISABLED, MEMBER, CONTROLLER, NEVER_EXPIRES = 0x200, 0x2, 0x1000, 0x2000, 0x10000
LOCKED, PASSWORD_EXPIRED = 0x10, 0x800000
NEVER = 9223372036854775807
LONG_AGO = 127_000_000_000_000_000
"""A moment of the year 2003 in 100 ns since 1601: when passwords were set, when accounts ended."""

Row = tuple[str, str, tuple[str, ...]]


def read_directory(context: Context, parameters: Mapping[str, object]) -> tuple[Bag, ...]:
    """Return the script's objects, in its order."""
    return tuple(
        Bag({"Subject": subject, "Attribute": attribute, "Values": list(values)}, powershell.CUSTOM)
        for subject, attribute, values in _rows(context, parameters)
    )


def label(parameters: Mapping[str, object]) -> str:
    """Return whom the script asks, and as whom."""
    user = powershell.text(parameters.get("User")) or "nobody"
    return f"{powershell.text(parameters.get('Server'))} as {user}"


def _rows(context: Context, parameters: Mapping[str, object]) -> Iterator[Row]:
    domain = context.domain
    yield from _machine(context)
    for host in _words(parameters, "Hosts"):
        yield _resolved(context, host)
    yield _located(context, powershell.text(parameters.get("Domain")))
    if not _is_asked(context, powershell.text(parameters.get("Server"))):
        yield ("failure", "rootDSE", NOT_OPERATIONAL)
        return
    yield ("machine", "now", (f"{context.node.now.astimezone(UTC):%Y%m%d%H%M%S}",))
    yield from _root(domain)
    user = powershell.text(parameters.get("User"))
    if not user:
        return
    given = parameters.get("Password")
    password = given.reveal() if isinstance(given, SecretText) else powershell.text(given)
    refusal = domain.logon(user, password)
    if refusal:
        yield ("failure", "bind", _refused(refusal))
        return
    yield from _levels(domain)
    yield from _objects(domain, parameters)
    yield ("machine", "answered", ("all",))


def _machine(context: Context) -> Iterator[Row]:
    member_of = context.domain.memberships.get(context.node.name)
    if member_of is None:
        return
    yield ("machine", "domain", (member_of,))
    site = context.domain.site_of(context.node)
    yield ("machine", "site", (site,) if site else ())
    yield ("machine", "channel", (str(context.domain.has_channel(context.node)),))


def _resolved(context: Context, host: str) -> Row:
    found = context.domain.resolve(host) if context.domain.is_found_by(context.node) else ()
    return ("dns", host, found) if found else ("failure", f"dns {host}", HOST_NOT_FOUND)


def _located(context: Context, name: str) -> Row:
    domain = context.domain
    if name.lower() == domain.facts.name.lower() and domain.is_found_by(context.node):
        return ("locator", "controller", (_host(domain),))
    text = f'Domain controller not found in the domain "{name}".'
    return ("failure", "locator", ("", text, ""))


def _is_asked(context: Context, server: str) -> bool:
    """Tell whether the script's server is the controller, and a bind comes through to it."""
    domain = context.domain
    if server == domain.facts.controller_address:
        return domain.is_reachable_from(context.node)
    return domain.is_found_by(context.node) and domain.resolve(server) == (
        domain.facts.controller_address,
    )


def _root(domain: Domain) -> Iterator[Row]:
    values = {
        "currentTime": generalized(domain.now),
        "dnsHostName": _host(domain),
        "domainFunctionality": str(domain.level),
        "forestFunctionality": str(domain.forest_level),
        "defaultNamingContext": domain.facts.naming_context,
    }
    for name, value in values.items():
        yield ("rootDSE", name, (value,))


def _levels(domain: Domain) -> Iterator[Row]:
    settings = _settings(domain)
    exchange = domain.exchange
    yield ("domain", "objectSid", (DOMAIN_SID,))
    yield ("domain", "nTMixedDomain", ("0" if domain.level else "1",))
    yield ("domain", "fSMORoleOwner", (settings,))
    yield ("domain", "lockoutThreshold", (str(domain.lockout_threshold),))
    if exchange.domain_version is not None:
        yield ("system objects", "objectVersion", (str(exchange.domain_version),))
    yield ("schema", "fSMORoleOwner", (settings,))
    if exchange.schema_range_upper is not None:
        yield ("schema version", "rangeUpper", (str(exchange.schema_range_upper),))
    if exchange.organization is not None and exchange.org_version is not None:
        yield ("organization", "name", (exchange.organization,))
        yield ("organization", "objectVersion", (str(exchange.org_version),))
    for server in exchange.servers:
        place = f"CN={server.site},CN=Sites,CN=Configuration,{domain.facts.naming_context}"
        yield (f"server {server.name}", "msExchCurrentServerRoles", (str(server.roles),))
        yield (f"server {server.name}", "msExchServerSite", (place,))
        yield (f"server {server.name}", "serialNumber", (server.serial,))


def _objects(domain: Domain, parameters: Mapping[str, object]) -> Iterator[Row]:
    for name in _words(parameters, "Users"):
        account = domain.accounts.get(unescaped(name).lower())
        if account is not None:
            yield from _account(f"user {name}", account)
    for name in _words(parameters, "Groups"):
        rid = {group.lower(): rid for group, rid in GROUP_RIDS.items()}.get(name.lower())
        if rid is not None:
            yield (f"group {name}", "objectSid", (f"{DOMAIN_SID}-{rid}",))
    for name in _words(parameters, "Computers"):
        computer = domain.computers.get(name.upper())
        if computer is not None:
            yield from _computer(domain, f"computer {name}", computer)


def _account(subject: str, account: Account) -> Iterator[Row]:
    control = NORMAL | NEVER_EXPIRES | (0 if account.enabled else DISABLED)
    if account.password_expired or account.must_change:
        control &= ~NEVER_EXPIRES
    has_expired = account.password_expired or account.must_change
    computed = (LOCKED if account.locked else 0) | (PASSWORD_EXPIRED if has_expired else 0)
    values: dict[str, Sequence[str]] = {
        "sAMAccountName": (account.name,),
        "objectSid": (account.sid,),
        "userAccountControl": (str(control),),
        "msDS-User-Account-Control-Computed": (str(computed),),
        "accountExpires": (str(LONG_AGO if account.expired else NEVER),),
        "pwdLastSet": ("0" if account.must_change else str(LONG_AGO),),
        "tokenGroups": account.group_sids,
    }
    for name, found in values.items():
        yield (subject, name, tuple(found))


def _computer(domain: Domain, subject: str, computer: Computer) -> Iterator[Row]:
    kind = CONTROLLER if computer.name == domain.facts.controller.upper() else MEMBER
    yield (subject, "distinguishedName", (computer.place,))
    yield (subject, "dNSHostName", (computer.dns_name,) if computer.dns_name else ())
    yield (subject, "userAccountControl", (str(kind | (0 if computer.enabled else DISABLED)),))


def _refused(code: int) -> tuple[str, ...]:
    detail = f"comment: AcceptSecurityContext error, data {DATA[code]}, v1772"
    text = "Logon failure: unknown user name or bad password.\r\n"
    return ("0x8007052E", text, f"8009030C: LdapErr: DSID-0C09043E, {detail}")


def _settings(domain: Domain) -> str:
    controller, context = domain.facts.controller.upper(), domain.facts.naming_context
    place = f"CN=Servers,CN={SITE},CN=Sites,CN=Configuration,{context}"
    return f"CN=NTDS Settings,CN={controller},{place}"


def _host(domain: Domain) -> str:
    return f"{domain.facts.controller.lower()}.{domain.facts.name}"


def generalized(moment: datetime) -> str:
    """Return a moment as RootDSE gives it."""
    return f"{moment.astimezone(UTC):%Y%m%d%H%M%S}.0Z"


def unescaped(text: str) -> str:
    """Return what a value in an LDAP filter stands for."""
    head, *rest = text.split("\\")
    return head + "".join(chr(int(part[:2], 16)) + part[2:] for part in rest)


def _words(parameters: Mapping[str, object], name: str) -> list[str]:
    given = parameters.get(name)
    words = [] if given is None else powershell.as_list(given)
    return [text for word in words if (text := powershell.text(word))]
