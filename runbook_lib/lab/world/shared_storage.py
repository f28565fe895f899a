"""The shared storage: LUNs that both nodes are cabled to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runbook_lib.lab.world.disks import SharedDisk

if TYPE_CHECKING:
    from runbook_lib.lab.world.clock import Due
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode


class SharedStorage:
    """Raw LUNs."""

    def __init__(self, disks: Sequence[SharedDisk]) -> None:
        self.disks = tuple(disks)

    def as_json(self) -> dict[str, Any]:
        """Return the state without times and passwords."""
        return {"disks": [vars(disk) for disk in self.disks]}

    def as_saved(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Become what `as_saved` gave."""

    def node_is_down(self, site: Site, node: WindowsNode) -> None:
        """Take notice that a node fell silent."""

    def node_is_up(self, site: Site, node: WindowsNode) -> None:
        """Take notice that a node has started."""

    def happen(self, site: Site, due: Due) -> None:
        """Carry out what was planned."""
