"""Passwords of the lab: made anew in every process, never saved, asked for by name."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from runbook_lib.lab.world.windows_node import WindowsNode

LOCAL_ADMINISTRATOR = "local-administrator"


class UnknownPasswordError(KeyError):
    """A name that no password has."""


class Passwords:
    """One password a name; the local administrator's is the same on both nodes."""

    def __init__(self, administrator: str, domain_accounts: Mapping[str, str]) -> None:
        self._administrator = administrator
        values: dict[str, str] = {}
        # One account may stand in the parameter file twice; it has one password then.
        for user in dict.fromkeys(each.casefold() for each in domain_accounts.values()):
            values[user] = made_up()
        self._values = {LOCAL_ADMINISTRATOR: made_up()}
        self._values |= {name: values[user.casefold()] for name, user in domain_accounts.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name that `value` takes."""
        return tuple(self._values)

    def value(self, name: str) -> str:
        """Return the password of a name such as "installer"."""
        if name not in self._values:
            raise UnknownPasswordError(name)
        return self._values[name]

    def of_machine(self, node: WindowsNode) -> dict[str, str]:
        """Return the node's own accounts that may log on to it."""
        local = self._values[LOCAL_ADMINISTRATOR]
        return {
            self._administrator: local,
            f"{node.computer_name}\\{self._administrator}": local,
        }


def made_up() -> str:
    """Return a password that nobody has seen."""
    return f"{secrets.token_urlsafe(15)}!aA1"
