"""Exchange 2007 on the site: what Setup did, the mailbox server, its databases.

A node's own part is in its registry (`exchange_installation`), the server's resources are in the
cluster and its account in the directory; here is what the directory knows of the server itself.
A database is mounted while its resource is online, and never else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from runbook_lib.lab.world import exchange_moves, exchange_resources
from runbook_lib.lab.world.cluster_types import RESOURCE_TYPES
from runbook_lib.lab.world.exchange_installation import Installation

if TYPE_CHECKING:
    from runbook_lib.lab.world.clock import Due
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode

FIRST_GROUP, SECOND_GROUP = "First Storage Group", "Second Storage Group"
MAILBOX_DATABASE, PUBLIC_DATABASE = "Mailbox Database", "Public Folder Database"
REPLICATED = "exchange:replicated "

RESOURCE_TYPES.update(exchange_resources.TYPES)


class Trick(StrEnum):
    """Something that goes wrong once, the next time there is an occasion."""

    ROLE_UNFINISHED = "role without ConfiguredVersion"
    """Setup ends with 0 and leaves the role without ConfiguredVersion."""
    LATE_MOVE_FAILURE = "late move failure"
    """A move arrives, its databases stay dismounted."""


@dataclass
class Database:
    """One database and the storage group that it has for itself.

    tried_on: the computer that last brought its resource online, or failed to.
    """

    name: str
    storage_group: str
    resource: str
    is_public: bool = False
    tried_on: str = ""


@dataclass
class ClusteredServer:
    r"""The clustered mailbox server as the directory has it.

    data_path: `S:\ExchangeData`. machines: the computers that may run it, in upper case.
    """

    name: str
    address: str
    data_path: str
    machines: list[str] = field(default_factory=list)
    databases: list[Database] = field(default_factory=list)

    def folder(self, database: Database) -> str:
        """Return where a database and its logs lie."""
        return rf"{self.data_path}\{database.storage_group}"

    def file(self, database: Database) -> str:
        """Return the database's file."""
        return rf"{self.folder(database)}\{database.name}.edb"

    def database_of(self, resource: str) -> Database | None:
        """Return the database behind a resource, or None."""
        wanted = resource.casefold()
        return next((each for each in self.databases if each.resource.casefold() == wanted), None)


class Exchange:
    """The mailbox server, and what is armed to go wrong.

    stand_alone: computers outside a cluster that have the role. wants_public_database: the role
    was installed for old clients, so the server gets a database for them. replication_s: lab
    seconds until the controller that Setup asks knows a new computer account; unreplicated: the
    accounts that it does not know yet. arrives_at: the computer to which the server is under way,
    empty while it is not.
    """

    def __init__(self) -> None:
        self.clustered_server: ClusteredServer | None = None
        self.stand_alone: list[str] = []
        self.wants_public_database = False
        self.tricks: list[Trick] = []
        self.replication_s = 0.0
        self.unreplicated: list[str] = []
        self.arrives_at = ""

    def installation(self, node: WindowsNode) -> Installation:
        """Return Exchange on one node."""
        return Installation(node)

    def strikes(self, trick: Trick) -> bool:
        """Tell whether a trick is armed; it is not any more afterwards."""
        if trick not in self.tricks:
            return False
        self.tricks.remove(trick)
        return True

    def a_move_fails_late(self) -> bool:
        """Tell whether the databases of the move under way stay dismounted."""
        return self.strikes(Trick.LATE_MOVE_FAILURE)

    def account_made(self, site: Site, name: str) -> None:
        """Hear that a computer account was made on the domain's first controller."""
        if self.replication_s > 0:
            self.unreplicated.append(name.upper())
            controller = site.domain.facts.controller
            site.schedule.plan(controller, REPLICATED + name.upper(), self.replication_s)

    def as_json(self) -> dict[str, Any]:
        """Return the state without times and passwords."""
        server = self.clustered_server
        return {
            "clustered_server": asdict(server) if server else None,
            "stand_alone": list(self.stand_alone),
            "wants_public_database": self.wants_public_database,
            "tricks": [trick.value for trick in self.tricks],
            "replication_s": self.replication_s,
            "unreplicated": list(self.unreplicated),
            "arrives_at": self.arrives_at,
        }

    def as_saved(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return self.as_json()

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Become what `as_saved` gave."""
        self.clustered_server = _server(saved["clustered_server"])
        self.stand_alone = list(saved["stand_alone"])
        self.wants_public_database = saved["wants_public_database"]
        self.tricks = [Trick(each) for each in saved["tricks"]]
        self.replication_s = saved["replication_s"]
        self.unreplicated = list(saved["unreplicated"])
        self.arrives_at = saved["arrives_at"]

    def node_is_down(self, site: Site, node: WindowsNode) -> None:
        """Take no notice: the cluster moves the server's resources."""

    def node_is_up(self, site: Site, node: WindowsNode) -> None:
        """Take no notice: the cluster starts what it wants."""

    def happen(self, site: Site, due: Due) -> None:
        """Let the server arrive, or an account be known everywhere."""
        if due.what == exchange_moves.ARRIVES:
            exchange_moves.arrived(site, due)
            return
        name = due.what.removeprefix(REPLICATED)
        if name in self.unreplicated:
            self.unreplicated.remove(name)
            site.ledger.changed(due.node, f"account {name} replicated", before=False, after=True)


def _server(saved: Mapping[str, Any] | None) -> ClusteredServer | None:
    if saved is None:
        return None
    databases = [Database(**each) for each in saved["databases"]]
    return ClusteredServer(**{**saved, "machines": list(saved["machines"]), "databases": databases})
