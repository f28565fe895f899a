"""What a cluster consists of, with its ways to be asked, saved and restored."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runbook_lib.lab.world import cluster_model as model
from runbook_lib.lab.world.cluster_model import (
    ClusterNetwork,
    Group,
    Member,
    Quorum,
    Resource,
    find,
    plain,
)

if TYPE_CHECKING:
    from runbook_lib.lab.world.windows_node import WindowsNode

SERVICE = "ClusSvc"


class ClusterState:
    """One cluster, or none yet.

    account: under which its service runs. trusted: node -> account that set-up made a local
    administrator. foreign: node -> the other cluster that it is a member of.
    """

    def __init__(self) -> None:
        self.trusted: dict[str, str] = {}
        self.foreign: dict[str, str] = {}
        self.forget()

    def forget(self) -> None:
        """Be no cluster any more."""
        self.name = ""
        self.account = ""
        self.seed = ""
        self.made = 0
        self.members: dict[str, Member] = {}
        self.groups: dict[str, Group] = {}
        self.resources: dict[str, Resource] = {}
        self.networks: dict[str, ClusterNetwork] = {}
        self.quorum: Quorum | None = None

    # -- what there is

    @property
    def is_formed(self) -> bool:
        """Tell whether there is a cluster, running or not."""
        return bool(self.members)

    @property
    def address(self) -> str:
        """Return the cluster's own address, "" without one."""
        own = self.resources.get(model.IP_NAME)
        return str(own.private["Address"]) if own else ""

    @property
    def quorum_resource(self) -> str | None:
        """Return the name of the quorum resource."""
        return self.quorum.resource if self.quorum else None

    def member_of(self, node: WindowsNode) -> Member | None:
        """Return what a node is in this cluster, or None."""
        return next((each for each in self.members.values() if each.node == node.name), None)

    def computer_of(self, member: Member) -> str:
        """Return a member's name in the cluster."""
        return next(name for name, each in self.members.items() if each is member)

    def group_of(self, resource: str) -> str | None:
        """Return the name of the group that a resource is in."""
        found = find(self.resources, resource)
        return found.group if found else None

    def group_owner(self, group: str = model.CLUSTER_GROUP) -> str:
        """Return the computer that has a group; by default the one with the cluster's name."""
        found = find(self.groups, group)
        return found.owner if found else ""

    def is_running(self, node: WindowsNode) -> bool:
        """Tell whether a node's cluster service runs."""
        service = node.services.find(SERVICE)
        return node.is_on and service is not None and service.running

    def node_cluster_state(self, node: WindowsNode) -> int:
        """Return what GetNodeClusterState does: 0 none, 1 not configured, 3 stopped, 19 running."""
        service = node.services.find(SERVICE)
        if service is None:
            return 0
        if service.start_mode == "Disabled":
            return 1
        return 19 if service.running else 3

    def guid(self, thing: str) -> str:
        """Return a new GUID: the same story gives the same ones."""
        self.made += 1
        return str(uuid.uuid5(uuid.UUID(self.seed), f"{self.made} {thing}"))

    def as_json(self) -> dict[str, Any]:
        """Return the state without times and passwords."""
        return self.as_saved()

    def as_saved(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {
            "name": self.name,
            "account": self.account,
            "seed": self.seed,
            "made": self.made,
            "trusted": dict(sorted(self.trusted.items())),
            "foreign": dict(sorted(self.foreign.items())),
            "members": {name: plain(each) for name, each in self.members.items()},
            "groups": [plain(each) for each in self.groups.values()],
            "resources": [plain(each) for each in self.resources.values()],
            "networks": [plain(each) for each in self.networks.values()],
            "quorum": plain(self.quorum) if self.quorum else None,
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Become what `as_saved` gave."""
        self.name, self.account = saved["name"], saved["account"]
        self.seed, self.made = saved["seed"], saved["made"]
        self.trusted, self.foreign = dict(saved["trusted"]), dict(saved["foreign"])
        self.members = {name: model.member(each) for name, each in saved["members"].items()}
        self.groups = {each["name"]: Group(**each) for each in saved["groups"]}
        self.resources = {each["name"]: model.resource(each) for each in saved["resources"]}
        self.networks = {each["name"]: model.network(each) for each in saved["networks"]}
        self.quorum = Quorum(**saved["quorum"]) if saved["quorum"] else None
