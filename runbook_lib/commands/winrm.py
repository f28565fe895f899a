"""What a node's WinRM lets one shell and one user have, as PowerShell's WSMan: drive tells.

MaxShellRunTime is there too and is not asked for: WinRM 2.0 keeps it and does not act on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from runbook_lib.commands import rows
from runbook_lib.commands.command import Answer, Cmdlet, Query, Read, Row

SHELL_SETTINGS = Read(
    Cmdlet("Get-ChildItem", (("Path", r"WSMan:\localhost\Shell"),)), ("Name", "Value")
)

SETTING_OF: Mapping[str, str] = MappingProxyType(
    {
        "shells_per_user": "MaxShellsPerUser",
        "memory_per_shell_mb": "MaxMemoryPerShellMB",
        "processes_per_shell": "MaxProcessesPerShell",
        "concurrent_users": "MaxConcurrentUsers",
        "idle_timeout_ms": "IdleTimeout",
    }
)
"""Field of `ShellQuotas` -> the setting's name."""

_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True)
class ShellQuotas:
    """The limits on remote shells; 0 stands for no limit."""

    shells_per_user: int
    memory_per_shell_mb: int
    processes_per_shell: int
    concurrent_users: int
    idle_timeout_ms: int

    def allows_memory(self, megabytes: int) -> bool:
        """Tell whether a shell with its child processes may take this much."""
        return self.memory_per_shell_mb == 0 or self.memory_per_shell_mb >= megabytes


def shell_quotas() -> Query[ShellQuotas | None]:
    """Return the limits, or None where the node does not show them: no work depends on them."""
    return Query((SHELL_SETTINGS,), _shell_quotas)


def _shell_quotas(answers: Sequence[Answer]) -> ShellQuotas | None:
    told = {rows.text(row, "Name"): row for row in answers[0].rows}
    if not answers[0].ok or not told.keys() >= set(SETTING_OF.values()):
        return None
    return ShellQuotas(**{field: _limit(told[name], name) for field, name in SETTING_OF.items()})


def _limit(row: Row, name: str) -> int:
    """Return one setting's number, which the drive gives as text."""
    value = row.get("Value")
    written = rows.text(row, "Value") if isinstance(value, str) else str(rows.number(row, "Value"))
    if not _NUMBER.fullmatch(written):
        raise ValueError(f"{name} should be a number from 0 on, and is {written[:80]!r}")
    return int(written)
