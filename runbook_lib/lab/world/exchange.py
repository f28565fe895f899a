"""Exchange 2007 on the site: what Setup did, the mailbox server, its databases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook_lib.lab.world.clock import Due
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode


class Exchange:
    """No Exchange yet."""

    def as_json(self) -> dict[str, Any]:
        """Return the state without times and passwords."""
        return {}

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
