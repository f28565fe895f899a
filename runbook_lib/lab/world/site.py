"""Everything that the simulated site consists of, and how its parts take notice of each other.

A part is state that belongs to no single node: the directory, the shared storage, the server
cluster, Exchange, the tasks that run on the nodes. Each keeps its own file, saves itself, and is
told when a node goes down or comes up and when something it planned falls due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from runbook_lib.lab.world.clock import Due, LabClock, Schedule
from runbook_lib.lab.world.domain import Domain
from runbook_lib.lab.world.exchange import Exchange
from runbook_lib.lab.world.ledger import Ledger
from runbook_lib.lab.world.server_cluster import ServerCluster
from runbook_lib.lab.world.shared_storage import SharedStorage
from runbook_lib.lab.world.tasks import ScheduledTasks
from runbook_lib.lab.world.windows_node import WindowsNode


class LogonKind(StrEnum):
    """How somebody is logged on: only a batch logon has credentials for a second hop."""

    NETWORK = "network"
    BATCH = "batch"


@dataclass(frozen=True)
class Token:
    r"""Who a command runs as: `Administrator`, `LAB\exinstall`, and by which kind of logon."""

    user: str
    kind: LogonKind = LogonKind.NETWORK

    @property
    def can_hop(self) -> bool:
        """Tell whether another machine can be reached under this logon: a domain account's."""
        return self.kind is LogonKind.BATCH and "\\" in self.user


class Part(Protocol):
    """What the site asks of each of its parts. A part's Due.what begins with "<its name>:"."""

    def as_json(self) -> dict[str, Any]:
        """Return the state without times and passwords."""
        ...

    def as_saved(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        ...

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Become what `as_saved` gave."""
        ...

    def node_is_down(self, site: Site, node: WindowsNode) -> None:
        """Take notice that a node fell silent."""
        ...

    def node_is_up(self, site: Site, node: WindowsNode) -> None:
        """Take notice that a node has started."""
        ...

    def happen(self, site: Site, due: Due) -> None:
        """Carry out what this part had planned."""
        ...


@dataclass
class Site:
    """The nodes by name and the parts around them."""

    nodes: Mapping[str, WindowsNode]
    clock: LabClock
    schedule: Schedule
    ledger: Ledger
    domain: Domain
    storage: SharedStorage
    cluster: ServerCluster
    exchange: Exchange
    tasks: ScheduledTasks

    @property
    def parts(self) -> Mapping[str, Part]:
        """Return the parts by name, in the order in which they hear of a node's power."""
        return {
            "domain": self.domain,
            "storage": self.storage,
            "cluster": self.cluster,
            "exchange": self.exchange,
            "tasks": self.tasks,
        }

    def node_of(self, computer: str) -> WindowsNode | None:
        """Return the node that runs under this computer name, or None."""
        wanted = computer.upper()
        return next((n for n in self.nodes.values() if n.computer_name.upper() == wanted), None)

    def other(self, node: WindowsNode) -> WindowsNode:
        """Return the node beside this one."""
        return next(each for each in self.nodes.values() if each is not node)

    def node_is_down(self, node: WindowsNode) -> None:
        """Tell every part that a node fell silent."""
        for part in self.parts.values():
            part.node_is_down(self, node)

    def node_is_up(self, node: WindowsNode) -> None:
        """Tell every part that a node has started."""
        for part in self.parts.values():
            part.node_is_up(self, node)

    def happen(self, due: Due) -> None:
        """Hand what falls due to the part or the node that planned it."""
        owner, colon, _ = due.what.partition(":")
        if colon and owner in self.parts:
            self.parts[owner].happen(self, due)
        else:
            self.nodes[due.node].happen(due)

    def as_json(self) -> dict[str, Any]:
        """Return every part's state by its name."""
        return {name: part.as_json() for name, part in self.parts.items()}

    def as_saved(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {name: part.as_saved() for name, part in self.parts.items()}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Become what `as_saved` gave."""
        for name, part in self.parts.items():
            part.restore(saved[name])
