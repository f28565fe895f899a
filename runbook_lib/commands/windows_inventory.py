"""What Windows has on board, as one value that two nodes can be compared by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.commands import components, system
from runbook_lib.commands.command import Answer, Query, Read
from runbook_lib.commands.components import WANTED_COMPONENTS

INSTALLED = "Windows components"
"""What an inventory calls the optional components that are installed."""

_UPDATE = re.compile(r"KB[0-9]+", re.ASCII)

_PARTS: tuple[Query[Any], ...] = (
    system.operating_system(),
    components.dotnet_20(),
    components.powershell_version(),
    components.component_files(),
    components.optional_components(),
    components.hotfixes(),
)


@dataclass(frozen=True)
class Inventory:
    """What one node has. components: what a reader calls it -> version or list.

    lacks: wanted components that are not installed. updates: by their KB numbers.
    """

    components: Mapping[str, str]
    lacks: tuple[str, ...]
    updates: frozenset[str]


def inventory() -> Query[Inventory]:
    """Return what the node has."""
    reads: tuple[Read, ...] = tuple(read for part in _PARTS for read in part.reads)
    return Query(reads, _inventory)


def _inventory(answers: Sequence[Answer]) -> Inventory:
    values, left = [], list(answers)
    for part in _PARTS:
        count = len(part.reads)
        values.append(part.parse(left[:count]))
        left = left[count:]
    windows, dotnet, powershell, files, optional, hotfixes = values
    return Inventory(
        components={
            "service pack": str(windows.service_pack),
            ".NET 2.0": f"SP{dotnet.service_pack}" if dotnet.installed else "missing",
            "PowerShell": powershell or "missing",
            "mmc.exe": files.mmc_version or "missing",
            INSTALLED: ", ".join(optional.installed) or "none",
        },
        lacks=tuple(name for name in WANTED_COMPONENTS if not optional.has(name)),
        updates=frozenset(
            found[0] for found in (_UPDATE.match(each) for each in hotfixes) if found
        ),
    )
