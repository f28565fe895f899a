"""Joining a domain and leaving it, as one node does it: what Windows checks, in its order."""

from __future__ import annotations

import re

from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.domain import MOST_SKEW, NETLOGON, Domain
from runbook_lib.lab.world.domain_objects import DOMAIN_ADMINS
from runbook_lib.lab.world.windows_node import WindowsNode

WORKGROUP = "WORKGROUP"
BAD_PARAMETER, TIME_SKEW, NO_SUCH_DOMAIN = 87, 1398, 1355
USER_NOT_FOUND, ALREADY_JOINED, NOT_JOINED = 2221, 2691, 2692
JOIN_DOMAIN, ACCOUNT_CREATE, DOMAIN_JOIN_IF_JOINED = 1, 2, 32
ACCOUNT_DELETE = 2
AUTOMATIC, MANUAL = 2, 3
_DOMAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


def join(
    domain: Domain,
    node: WindowsNode,
    name: str,
    user: str,
    password: str,
    *,
    unit: str | None = None,
    options: int = JOIN_DOMAIN | ACCOUNT_CREATE,
) -> int:
    """Make a node a member, in force from the next start on; return 0 or a Win32 error."""
    if not _DOMAIN.fullmatch(name) or not options & JOIN_DOMAIN:
        return BAD_PARAMETER
    if node.name in domain.memberships and not options & DOMAIN_JOIN_IF_JOINED:
        return ALREADY_JOINED
    own = (domain.facts.name.lower(), domain.facts.netbios_name.lower())
    if name.lower() not in own or not domain.is_found_by(node):
        return NO_SUCH_DOMAIN
    if abs(node.now - domain.now) > MOST_SKEW:
        return TIME_SKEW
    code = domain.logon(user, password) or _take_account(domain, node, user, unit, options)
    if not code:
        _become_member(domain, node)
    return code


def leave(domain: Domain, node: WindowsNode, user: str, password: str, options: int = 0) -> int:
    """Make a member a machine of a workgroup; return 0 or a Win32 error.

    With the account's deletion asked for, it is disabled, for which rights are needed.
    """
    before = domain.memberships.get(node.name)
    if before is None:
        return NOT_JOINED
    account = domain.computers.get(node.computer_name.upper())
    if options & ACCOUNT_DELETE:
        code = domain.logon(user, password)
        if code:
            return code
        if account is not None and account.held_by == node.name:
            account.enabled = False
            domain.changed(f"computer account {account.name} enabled", before=True, after=False)
    del domain.memberships[node.name]
    node.changed("domain", before, WORKGROUP)
    group = rf"{domain.facts.netbios_name}\{DOMAIN_ADMINS}"
    _set_administrators(node, [each for each in node.administrators if each != group])
    node.registry.put(places.TCPIP, "NV Domain", "")
    node.services.set_start(NETLOGON, MANUAL)
    return 0


def put_into(domain: Domain, node: WindowsNode, name: str) -> None:
    """Let a node belong to a domain that is none of this site."""
    before = domain.memberships.get(node.name, WORKGROUP)
    domain.memberships[node.name] = name
    node.registry.put(places.TCPIP, "NV Domain", name)
    node.registry.put(places.TCPIP, "Domain", name)
    node.changed("domain", before, name)


def _take_account(
    domain: Domain, node: WindowsNode, user: str, unit: str | None, options: int
) -> int:
    """Make the node's account, or take over the one that was prepared for it."""
    name, host = node.computer_name.upper(), node.registry.text(places.TCPIP, "Hostname")
    dns_name = f"{host.lower()}.{domain.facts.name}"
    if options & ACCOUNT_CREATE:
        return domain.create_computer(
            name, user, held_by=node.name, dns_name=dns_name, place=unit or None
        )
    account = domain.computers.get(name)
    if account is None:
        return USER_NOT_FOUND
    if not domain.is_member(user, DOMAIN_ADMINS):
        return 5
    domain.changed(f"computer account {name} used by", account.held_by, node.name)
    account.held_by, account.dns_name, account.enabled = node.name, dns_name, True
    return 0


def _become_member(domain: Domain, node: WindowsNode) -> None:
    before = domain.memberships.get(node.name, WORKGROUP)
    domain.memberships[node.name] = domain.facts.name
    node.changed("domain", before, domain.facts.name)
    group = rf"{domain.facts.netbios_name}\{DOMAIN_ADMINS}"
    if group not in node.administrators:
        _set_administrators(node, [*node.administrators, group])
    node.registry.put(places.TCPIP, "NV Domain", domain.facts.name)
    # It is only set to start: nothing of the domain works before the machine was restarted.
    node.services.set_start(NETLOGON, AUTOMATIC)


def _set_administrators(node: WindowsNode, members: list[str]) -> None:
    before, node.administrators = node.administrators, members
    if before != members:
        node.changed("members of Administrators", before, members)
