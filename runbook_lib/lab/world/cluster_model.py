"""What a server cluster consists of: nodes, groups, resources, networks, and their states.

Names are found without regard to case and kept as they were given. A node goes by its computer
name in upper case, as the cluster itself shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any, TypeVar

CLUSTER_GROUP = "Cluster Group"
IP_NAME = "Cluster IP Address"
NAME_NAME = "Cluster Name"
LOCAL_QUORUM = "Local Quorum"
QUORUM_FOLDER = "MSCS"
QUORUM_LOG_KB = 4096


class NodeState(IntEnum):
    """MSCluster_Node.State."""

    UP = 0
    DOWN = 1
    PAUSED = 2
    JOINING = 3


class GroupState(IntEnum):
    """MSCluster_ResourceGroup.State on Windows Server 2003."""

    ONLINE = 0
    OFFLINE = 1
    FAILED = 2
    PARTIALLY_ONLINE = 3
    PENDING = 4


class ResourceState(IntEnum):
    """MSCluster_Resource.State."""

    ONLINE = 2
    OFFLINE = 3
    FAILED = 4
    ONLINE_PENDING = 129
    OFFLINE_PENDING = 130


class NetworkState(IntEnum):
    """MSCluster_Network.State."""

    UNAVAILABLE = 0
    DOWN = 1
    PARTITIONED = 2
    UP = 3


class Role(IntEnum):
    """What a cluster uses a network for; bit 1 the heartbeat, bit 2 clients."""

    NONE = 0
    INTERNAL = 1
    CLIENT = 2
    MIXED = 3


@dataclass
class Member:
    """One node of the cluster: its name on the wire, its number, what it does."""

    node: str
    id: int
    state: NodeState = NodeState.UP


@dataclass
class Group:
    """Resources that are on one node together. owner: a computer name."""

    name: str
    guid: str
    owner: str
    preferred: list[str] = field(default_factory=list)
    properties: dict[str, int] = field(
        default_factory=lambda: {
            "FailoverThreshold": 10,
            "FailoverPeriod": 6,
            "AutoFailbackType": 0,
            "PersistentState": 1,
        }
    )


@dataclass
class Resource:
    """Something that can be online. owners: the computers that may have it.

    private: what its type keeps. stays_online: it is brought online whenever its group is.
    """

    name: str
    guid: str
    type: str
    group: str
    state: ResourceState = ResourceState.OFFLINE
    depends_on: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    private: dict[str, str | int] = field(default_factory=dict)
    core: bool = False
    stays_online: bool = False
    properties: dict[str, int] = field(
        default_factory=lambda: {
            "SeparateMonitor": 0,
            "LooksAlivePollInterval": 0xFFFFFFFF,
            "IsAlivePollInterval": 0xFFFFFFFF,
            "RestartAction": 2,
            "RestartThreshold": 3,
            "RestartPeriod": 900_000,
            "RetryPeriodOnFailure": 3_600_000,
            "PendingTimeout": 180_000,
        }
    )

    @property
    def is_online(self) -> bool:
        """Tell whether it is online."""
        return self.state is ResourceState.ONLINE


@dataclass
class ClusterNetwork:
    """A subnet that the members share; its name is the connection's on the node that found it."""

    name: str
    guid: str
    address: str
    mask: str
    role: Role = Role.MIXED


@dataclass
class Quorum:
    """Which resource holds the cluster's memory, where on it, and how large the log may be."""

    resource: str
    path: str
    log_kb: int = QUORUM_LOG_KB


T = TypeVar("T")


def find(things: Mapping[str, T], name: str) -> T | None:
    """Return the thing of a name, whatever its capitals, or None."""
    wanted = name.casefold()
    return next((thing for key, thing in things.items() if key.casefold() == wanted), None)


def spelling(names: Iterable[str], name: str) -> str | None:
    """Return a name as it is kept, or None."""
    return next((each for each in names if each.casefold() == name.casefold()), None)


def group_state(resources: Iterable[Resource], *, wanted_online: bool) -> GroupState:
    """Return the state that the resources of a group give it; an empty group is as it was left."""
    states = {resource.state for resource in resources}
    if ResourceState.FAILED in states:
        return GroupState.FAILED
    if states & {ResourceState.ONLINE_PENDING, ResourceState.OFFLINE_PENDING}:
        return GroupState.PENDING
    if not states:
        return GroupState.ONLINE if wanted_online else GroupState.OFFLINE
    if states == {ResourceState.ONLINE}:
        return GroupState.ONLINE
    return GroupState.PARTIALLY_ONLINE if ResourceState.ONLINE in states else GroupState.OFFLINE


def plain(thing: Any) -> dict[str, Any]:
    """Return a thing of this module as plain JSON values."""
    return {
        key: int(value) if isinstance(value, IntEnum) else value
        for key, value in asdict(thing).items()
    }


def member(saved: Mapping[str, Any]) -> Member:
    """Return the member that `plain` gave."""
    return Member(**{**saved, "state": NodeState(saved["state"])})


def resource(saved: Mapping[str, Any]) -> Resource:
    """Return the resource that `plain` gave."""
    return Resource(**{**saved, "state": ResourceState(saved["state"])})


def network(saved: Mapping[str, Any]) -> ClusterNetwork:
    """Return the network that `plain` gave."""
    return ClusterNetwork(**{**saved, "role": Role(saved["role"])})
