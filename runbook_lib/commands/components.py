"""Windows components and updates that the procedure asks for: reads only, so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.commands import rows, windows_registry, wmi
from runbook_lib.commands.command import Answer, Query

OPTIONAL_COMPONENTS = (
    "complusnetwork",
    "iis_common",
    "iis_inetmgr",
    "iis_www",
    "iis_smtp",
    "iis_nntp",
)
"""Network COM+ access, IIS common files, its manager, World Wide Web; SMTP and NNTP must be off."""


@dataclass(frozen=True)
class DotNet:
    """.NET Framework 2.0: whether it is installed, and its service pack."""

    installed: bool
    service_pack: int


@dataclass(frozen=True)
class OptionalComponents:
    """What the optional-component manager has installed, by its own names."""

    installed: tuple[str, ...]
    network_com_access: bool

    def has(self, name: str) -> bool:
        """Tell whether a component of `OPTIONAL_COMPONENTS` is installed."""
        return name in self.installed


def dotnet_20() -> Query[DotNet]:
    """Return the state of .NET Framework 2.0."""

    def parse(answers: Sequence[Answer]) -> DotNet:
        row = rows.key_row(answers[0]) or {}
        installed = rows.optional_number(row, "Install") == 1
        return DotNet(installed, rows.optional_number(row, "SP") or 0)

    return Query((windows_registry.DOTNET_20,), parse)


def powershell_version() -> Query[str | None]:
    """Return the version of PowerShell ("2.0"), or None without one."""

    def parse(answers: Sequence[Answer]) -> str | None:
        return rows.optional_text(rows.key_row(answers[0]) or {}, "PowerShellVersion")

    return Query((windows_registry.POWERSHELL,), parse)


def hotfixes() -> Query[frozenset[str]]:
    """Return the installed updates by their ids ("KB898790")."""

    def parse(answers: Sequence[Answer]) -> frozenset[str]:
        found = (rows.optional_text(row, "HotFixID") for row in rows.answered(answers[0]).rows)
        return frozenset(name.upper() for name in found if name)

    return Query((wmi.QUICK_FIX_ENGINEERING,), parse)


def optional_components() -> Query[OptionalComponents]:
    """Return which of the components that matter to a mailbox server are installed."""

    def parse(answers: Sequence[Answer]) -> OptionalComponents:
        listed = rows.key_row(answers[0]) or {}
        com_plus = rows.key_row(answers[1]) or {}
        return OptionalComponents(
            installed=tuple(
                name for name in OPTIONAL_COMPONENTS if rows.optional_number(listed, name) == 1
            ),
            network_com_access=rows.optional_number(com_plus, "RemoteAccessEnabled") == 1,
        )

    reads = (
        windows_registry.optional_components(*OPTIONAL_COMPONENTS),
        windows_registry.COM_PLUS,
    )
    return Query(reads, parse)
