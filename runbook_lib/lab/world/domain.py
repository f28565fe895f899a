"""The Active Directory domain: its names, its controller, its accounts, its member computers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook_lib.lab.world.clock import Due
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode


@dataclass(frozen=True)
class DomainFacts:
    """What the parameter file says of the domain; accounts by the names of their passwords."""

    name: str
    netbios_name: str
    controller: str
    controller_address: str
    accounts: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Domain:
    """The domain as its controller knows it; members are computer names in upper case."""

    facts: DomainFacts
    members: list[str] = field(default_factory=list)

    def as_saved(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return self.as_json()

    def node_is_down(self, site: Site, node: WindowsNode) -> None:
        """Take no notice: the directory does not watch its members."""

    def node_is_up(self, site: Site, node: WindowsNode) -> None:
        """Take no notice."""

    def happen(self, site: Site, due: Due) -> None:
        """Carry out what was planned; nothing is yet."""

    def as_json(self) -> dict[str, Any]:
        """Return names and members."""
        return {
            "name": self.facts.name,
            "controller": self.facts.controller,
            "members": sorted(self.members),
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take the members that `as_json` gave."""
        self.members = list(saved["members"])
