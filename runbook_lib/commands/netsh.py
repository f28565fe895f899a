"""What only netsh of Windows Server 2003 can do (its context is `interface ip`).

The exit code is 0 or 1 and proves little: every change is read again through WMI. Each argument
is one element; netsh gets `name=Local Area Connection 2` as a single word.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from runbook_lib.commands.command import Action, Program

EXPLAINS: Mapping[int, str] = MappingProxyType({1: "netsh refused; its output says why"})


def rename_connection(connection: str, wanted: str) -> Action:
    """Give a connection another name; in force at once, sessions survive."""
    return _netsh("interface", "set", "interface", f"name={connection}", f"newname={wanted}")


def set_address_without_gateway(
    connection: str, address: str, mask: str, *, drops_session: bool = False
) -> Action:
    """Give a connection one fixed address and no gateway."""
    return _netsh(
        "interface",
        "ip",
        "set",
        "address",
        f"name={connection}",
        "source=static",
        f"addr={address}",
        f"mask={mask}",
        "gateway=none",
        drops_session=drops_session,
    )


def clear_dns_servers(connection: str) -> Action:
    """Take all DNS servers away from a connection."""
    return _clear("dns", connection)


def clear_wins_servers(connection: str) -> Action:
    """Take all WINS servers away from a connection."""
    return _clear("wins", connection)


def _clear(what: str, connection: str) -> Action:
    return _netsh(
        "interface", "ip", "set", what, f"name={connection}", "source=static", "addr=none"
    )


def _netsh(*arguments: str, drops_session: bool = False) -> Action:
    command = Program("netsh.exe", arguments)
    return Action(command, explains=EXPLAINS, drops_session=drops_session)
