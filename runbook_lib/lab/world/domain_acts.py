"""What an administrator of the domain does there, or what befalls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

from runbook_lib.lab.world import domain_membership
from runbook_lib.lab.world.acts import ActError, Arguments
from runbook_lib.lab.world.domain_objects import GROUP_RIDS, Account, Computer
from runbook_lib.lab.world.site import Site
from runbook_lib.lab.world.windows_node import WindowsNode

Deed = Callable[[Site, Arguments], None]


def _setting(attribute: str, value: object) -> Deed:
    """Return the act that gives an attribute of an account (`account`) a value."""

    def act(site: Site, arguments: Arguments) -> None:
        account = _account(site, arguments)
        before = getattr(account, attribute)
        setattr(account, attribute, value)
        site.domain.changed(f"{account.user} {attribute}", before, value)

    return act


def unlock_account(site: Site, arguments: Arguments) -> None:
    """Let an account log on again; what it tried wrongly is forgotten."""
    _setting("locked", value=False)(site, arguments)
    _account(site, arguments).bad_passwords = 0


def add_to_group(site: Site, arguments: Arguments) -> None:
    """Make an account a member of a group."""
    account, group = _account(site, arguments), _group(arguments)
    before = group in account.groups
    account.groups.add(group)
    site.domain.changed(f"{account.user} in {group}", before, after=True)


def remove_from_group(site: Site, arguments: Arguments) -> None:
    """Take an account out of a group."""
    account, group = _account(site, arguments), _group(arguments)
    before = group in account.groups
    account.groups.discard(group)
    site.domain.changed(f"{account.user} in {group}", before, after=False)


def controller_off(site: Site, _arguments: Arguments) -> None:
    """Switch the domain controller off."""
    before, site.domain.is_on = site.domain.is_on, False
    site.domain.changed("power", "on" if before else "off", "off")


def controller_on(site: Site, _arguments: Arguments) -> None:
    """Switch the domain controller on; members that run find it by themselves."""
    before, site.domain.is_on = site.domain.is_on, True
    site.domain.changed("power", "on" if before else "off", "on")
    for node in site.nodes.values():
        if node.is_on:
            site.domain.node_is_up(site, node)


def set_controller_clock(site: Site, arguments: Arguments) -> None:
    """Set the controller's clock this many `seconds` ahead, or behind with a minus."""
    seconds = _number(arguments, "seconds")
    before, site.domain.skew = site.domain.skew, timedelta(seconds=seconds)
    site.domain.changed("clock ahead, s", before.total_seconds(), seconds)


def add_computer(site: Site, arguments: Arguments) -> None:
    """Add a computer account: prepared for a machine, or with `dns_name` of another one."""
    name, domain = _text(arguments, "name").upper(), site.domain
    dns_name = str(arguments.get("dns_name") or "") or None
    place = f"CN={name},CN=Computers,{domain.facts.naming_context}"
    enabled = bool(arguments.get("enabled", True))
    domain.computers[name] = Computer(name, place, "", dns_name, enabled)
    domain.changed(f"computer account {name}", None, place)


def remove_computer(site: Site, arguments: Arguments) -> None:
    """Delete a computer account."""
    name = _text(arguments, "name").upper()
    found = site.domain.computers.pop(name, None)
    site.domain.changed(f"computer account {name}", found.place if found else None, None)


def reset_computer(site: Site, arguments: Arguments) -> None:
    """Reset a computer account: the machine that used it cannot log on any more."""
    found = site.domain.computers.get(_text(arguments, "name").upper())
    if found is None:
        raise ActError("the directory has no such computer account")
    before, found.held_by = found.held_by, None
    site.domain.changed(f"computer account {found.name} used by", before, None)


def add_dns_record(site: Site, arguments: Arguments) -> None:
    """Give a host `name` an `address` in the domain's DNS zone."""
    name, address = _text(arguments, "name").lower(), _text(arguments, "address")
    before, site.domain.dns[name] = site.domain.dns.get(name), address
    site.domain.changed(f"DNS name {name}", before, address)


def remove_dns_record(site: Site, arguments: Arguments) -> None:
    """Take a host out of the domain's DNS zone."""
    name = _text(arguments, "name").lower()
    site.domain.changed(f"DNS name {name}", site.domain.dns.pop(name, None), None)


def set_exchange_preparation(site: Site, arguments: Arguments) -> None:
    """Give levels of Exchange's preparation other numbers (0 for none), as an older release has."""
    exchange = site.domain.exchange
    for name in ("schema_range_upper", "org_version", "domain_version"):
        if name in arguments:
            before, after = getattr(exchange, name), _number(arguments, name) or None
            setattr(exchange, name, after)
            site.domain.changed(f"Exchange {name}", before, after)


def remove_exchange_server(site: Site, arguments: Arguments) -> None:
    """Take a `name`d Exchange server out of the directory, or all with the bits of `roles`."""
    exchange, name = site.domain.exchange, str(arguments.get("name") or "")
    roles = 0 if name else _number(arguments, "roles")
    for server in list(exchange.servers):
        if server.name.lower() == name.lower() or server.roles & roles:
            exchange.servers.remove(server)
            site.domain.changed(f"Exchange server {server.name}", server.roles, None)


def set_exchange_site(site: Site, arguments: Arguments) -> None:
    """Put an Exchange server into another AD site."""
    name, place = _text(arguments, "name"), _text(arguments, "site")
    for server in site.domain.exchange.servers:
        if server.name.lower() == name.lower():
            before, server.site = server.site, place
            site.domain.changed(f"site of {server.name}", before, place)


def set_level(site: Site, arguments: Arguments) -> None:
    """Give domain and forest a functional level: 0 is Windows 2000, 2 is Windows Server 2003."""
    before, level = site.domain.level, _number(arguments, "level")
    site.domain.level = site.domain.forest_level = level
    site.domain.changed("functional level", before, level)


def set_machine_quota(site: Site, arguments: Arguments) -> None:
    """Choose how many computers a plain user may add to the domain."""
    before, site.domain.machine_quota = site.domain.machine_quota, _number(arguments, "value")
    site.domain.changed("machine account quota", before, site.domain.machine_quota)


def put_into_domain(site: Site, arguments: Arguments) -> None:
    """Let a node be a member of a domain that is none of this site."""
    name = _text(arguments, "domain")
    domain_membership.put_into(site.domain, _node(site, arguments), name)


ACTS: Mapping[str, Deed] = MappingProxyType(
    {
        "lock-account": _setting("locked", value=True),
        "unlock-account": unlock_account,
        "disable-account": _setting("enabled", value=False),
        "enable-account": _setting("enabled", value=True),
        "expire-account": _setting("expired", value=True),
        "extend-account": _setting("expired", value=False),
        "expire-password": _setting("password_expired", value=True),
        "demand-new-password": _setting("must_change", value=True),
        "change-password": _setting("password_changed", value=True),
        "restore-password": _setting("password_changed", value=False),
        "add-to-group": add_to_group,
        "remove-from-group": remove_from_group,
        "controller-off": controller_off,
        "controller-on": controller_on,
        "set-controller-clock": set_controller_clock,
        "add-computer": add_computer,
        "remove-computer": remove_computer,
        "reset-computer": reset_computer,
        "add-dns-record": add_dns_record,
        "remove-dns-record": remove_dns_record,
        "set-exchange-preparation": set_exchange_preparation,
        "remove-exchange-server": remove_exchange_server,
        "set-exchange-site": set_exchange_site,
        "set-functional-level": set_level,
        "set-machine-quota": set_machine_quota,
        "put-into-domain": put_into_domain,
    }
)


def _account(site: Site, arguments: Arguments) -> Account:
    found = site.domain.account(_text(arguments, "account"))
    if found is None:
        raise ActError(f"the domain has no account {arguments['account']}")
    return found


def _group(arguments: Arguments) -> str:
    wanted = _text(arguments, "group").lower()
    for name in GROUP_RIDS:
        if name.lower() == wanted:
            return name
    raise ActError(f"group is one of {', '.join(GROUP_RIDS)}")


def _node(site: Site, arguments: Arguments) -> WindowsNode:
    wanted = _text(arguments, "node").lower()
    return next(node for name, node in site.nodes.items() if name.lower() == wanted)


def _text(arguments: Arguments, name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise ActError(f"the act needs {name}, a text")
    return value


def _number(arguments: Arguments, name: str) -> int:
    try:
        return int(str(arguments[name]))
    except (KeyError, ValueError) as error:
        raise ActError(f"the act needs {name}, a number") from error
