"""netsh.exe of Windows Server 2003: the contexts `interface` and `interface ip`.

Arguments are `tag=value`, or values in the order of the help; contexts and commands may be
shortened. Exit 0 says done, 1 refused; every text is followed by an empty line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from runbook_lib.lab.handlers.surface import Context, Ran, runs
from runbook_lib.lab.world import ip_settings
from runbook_lib.lab.world.network_adapters import Adapter

OK = "Ok."
NOT_REGISTERED = "An interface with this name is not registered with the router."
NAME_IN_USE = "An interface with this name is already registered with the router."
BAD_SYNTAX = "The syntax supplied for this command is not valid. Check help for the correct syntax."
DHCP_ALREADY = "DHCP is already enabled on this interface."

Tags = Mapping[str, str]

_REGISTRATIONS: Mapping[str, tuple[bool, bool]] = MappingProxyType(
    {"none": (False, False), "primary": (True, False), "both": (True, True)}
)
"""Tag register -> the two boxes of the DNS page."""


class _RefusedError(Exception):
    """netsh says this and ends with 1."""


@runs(
    "netsh.exe",
    source="documented: netsh help of XP and 2003; inferred: exit codes and some texts",
)
def netsh(context: Context, arguments: Sequence[str]) -> Ran:
    """Carry out one netsh command."""
    try:
        command, rest = _command(arguments)
        order, deed = _COMMANDS[command]
        deed(context, _tags(order, rest))
    except _RefusedError as refused:
        return Ran(1, (str(refused), ""))
    return Ran(0, (OK, ""))


PROGRAMS = (netsh,)


def _rename(context: Context, tags: Tags) -> None:
    adapter = context.node.connection(tags["name"])
    if adapter is None:
        raise _RefusedError(NOT_REGISTERED)
    if set(tags) != {"name", "newname"} or not tags["newname"]:
        # Enabling and disabling is not simulated: nothing in the procedure does it.
        raise _RefusedError(BAD_SYNTAX)
    if not ip_settings.rename_connection(context.node, adapter, tags["newname"]):
        raise _RefusedError(NAME_IN_USE)


def _set_address(context: Context, tags: Tags) -> None:
    adapter = _adapter(context, tags)
    if _is_dhcp(tags):
        if adapter.dhcp:
            raise _RefusedError(DHCP_ALREADY)
        ip_settings.set_dhcp(context.node, adapter)
        return
    gateways = _gateways(tags)
    if "addr" not in tags and "mask" not in tags and gateways is not None:
        ip_settings.set_gateways(context.node, adapter, gateways)
        return
    address, mask = tags.get("addr", ""), tags.get("mask", "")
    if not ip_settings.is_address(address) or not ip_settings.is_mask(mask):
        raise _RefusedError(BAD_SYNTAX)
    ip_settings.set_static(context.node, adapter, ((address, mask),), gateways)


def _set_dns(context: Context, tags: Tags) -> None:
    adapter = _adapter(context, tags)
    register = tags.get("register", "").lower()
    if register and register not in _REGISTRATIONS:
        raise _RefusedError(BAD_SYNTAX)
    ip_settings.set_dns_servers(context.node, adapter, _servers(tags))
    if register:
        full, suffix = _REGISTRATIONS[register]
        ip_settings.write_dns_registration(context.node, adapter, full=full, suffix=suffix)


def _set_wins(context: Context, tags: Tags) -> None:
    ip_settings.set_wins_servers(context.node, _adapter(context, tags), _servers(tags))


_COMMANDS: Mapping[tuple[str, ...], tuple[tuple[str, ...], Callable[[Context, Tags], None]]] = (
    MappingProxyType(
        {
            ("interface", "set", "interface"): (
                ("name", "admin", "connect", "newname"),
                _rename,
            ),
            ("interface", "ip", "set", "address"): (
                ("name", "source", "addr", "mask", "gateway", "gwmetric"),
                _set_address,
            ),
            ("interface", "ip", "set", "dns"): (("name", "source", "addr", "register"), _set_dns),
            ("interface", "ip", "set", "wins"): (("name", "source", "addr"), _set_wins),
        }
    )
)
"""Command -> its tags in the order in which they may stand without their names, and the deed."""


def _command(arguments: Sequence[str]) -> tuple[tuple[str, ...], Sequence[str]]:
    for words in _COMMANDS:
        given = arguments[: len(words)]
        if len(given) == len(words) and all(
            word.startswith(each.lower()) for word, each in zip(words, given, strict=True)
        ):
            return words, arguments[len(words) :]
    raise _RefusedError(BAD_SYNTAX)


def _tags(order: Sequence[str], arguments: Sequence[str]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for place, argument in enumerate(arguments):
        tag, equals, value = argument.partition("=")
        if not equals:
            tag, value = (order[place] if place < len(order) else ""), argument
        if tag.lower() not in order or tag.lower() in tags:
            raise _RefusedError(BAD_SYNTAX)
        tags[tag.lower()] = value
    if not tags.get("name"):
        raise _RefusedError(BAD_SYNTAX)
    return tags


def _adapter(context: Context, tags: Tags) -> Adapter:
    adapter = context.node.connection(tags["name"])
    if adapter is None:
        raise _RefusedError(f"Invalid interface {tags['name']} specified.")
    return adapter


def _is_dhcp(tags: Tags) -> bool:
    source = tags.get("source", "").lower()
    if source not in ("dhcp", "static"):
        raise _RefusedError(BAD_SYNTAX)
    return source == "dhcp"


def _gateways(tags: Tags) -> tuple[tuple[str, int], ...] | None:
    """Return the gateways asked for; None where the command leaves them alone."""
    gateway, metric = tags.get("gateway"), tags.get("gwmetric", "1")
    if gateway is None:
        return None
    if gateway.lower() == "none":
        return ()
    if not ip_settings.is_address(gateway) or not metric.isdigit():
        raise _RefusedError(BAD_SYNTAX)
    return ((gateway, int(metric)),)


def _servers(tags: Tags) -> tuple[str, ...]:
    if _is_dhcp(tags):
        return ()
    address = tags.get("addr", "").lower()
    if address == "none":
        return ()
    if not ip_settings.is_address(address):
        raise _RefusedError(BAD_SYNTAX)
    return (address,)
