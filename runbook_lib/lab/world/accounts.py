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
        self._domain_accounts = domain_accounts
        names = (LOCAL_ADMINISTRATOR, *domain_accounts)
        self._values = {name: f"{secrets.token_urlsafe(15)}!aA1" for name in names}

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name that `value` takes."""
        return tuple(self._values)

    def value(self, name: str) -> str:
        """Return the password of a name such as "installer"."""
        if name not in self._values:
            raise UnknownPasswordError(name)
        return self._values[name]

    def accounts_of(self, node: WindowsNode, *, joined: bool) -> dict[str, str]:
        r"""Return who may log on to a node: the local administrator, once joined the installer."""
        local = self._values[LOCAL_ADMINISTRATOR]
        accounts = {
            self._administrator: local,
            f"{node.computer_name}\\{self._administrator}": local,
        }
        if joined and "installer" in self._domain_accounts:
            # The cluster service's account is no administrator of the nodes before phase 40.
            accounts[self._domain_accounts["installer"]] = self._values["installer"]
        return accounts
