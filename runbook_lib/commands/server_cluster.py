r"""What a node tells of the server cluster: by root\MSCluster, its registry hive and its service.

On Windows Server 2003 a resource does not name its group, nor a group its node: associations do.
While the service does not run on a node, the node knows no more than that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from runbook_lib.commands import rows, windows_registry, wmi
from runbook_lib.commands.command import Answer, Cmdlet, Query, Read

CLUSTER_GROUP = "Cluster Group"
IP_ADDRESS = "IP Address"
NETWORK_NAME = "Network Name"
PHYSICAL_DISK = "Physical Disk"
LOCAL_QUORUM = "Local Quorum"
SERVICE = "ClusSvc"

_NAMESPACE = r"root\MSCluster"
_NAME = re.compile(r'\.Name="((?:[^"\\]|\\.)*)"$')


class Configured(StrEnum):
    """How far a node's cluster service is configured."""

    ABSENT = "there is no cluster service"
    NO = "not configured"
    STOPPED = "configured, not running"
    RUNNING = "running"


class NodeState(IntEnum):
    """MSCluster_Node.State."""

    UNKNOWN = -1
    UP = 0
    DOWN = 1
    PAUSED = 2
    JOINING = 3


class GroupState(IntEnum):
    """MSCluster_ResourceGroup.State on Windows Server 2003."""

    UNKNOWN = -1
    ONLINE = 0
    OFFLINE = 1
    FAILED = 2
    PARTIALLY_ONLINE = 3
    PENDING = 4


class ResourceState(IntEnum):
    """MSCluster_Resource.State."""

    UNKNOWN = -1
    INHERITED = 0
    INITIALIZING = 1
    ONLINE = 2
    OFFLINE = 3
    FAILED = 4
    PENDING = 128
    ONLINE_PENDING = 129
    OFFLINE_PENDING = 130


class NetworkState(IntEnum):
    """MSCluster_Network.State."""

    UNKNOWN = -1
    UNAVAILABLE = 0
    DOWN = 1
    PARTITIONED = 2
    UP = 3


class Role(IntEnum):
    """What the cluster uses a network for."""

    NONE = 0
    INTERNAL = 1
    CLIENT = 2
    MIXED = 3

    def __str__(self) -> str:
        """Return the words for a reader."""
        return {
            Role.NONE: "not used",
            Role.INTERNAL: "internal only",
            Role.CLIENT: "clients only",
            Role.MIXED: "internal and clients",
        }[self]


def word(state: IntEnum) -> str:
    """Return a state for a reader."""
    return state.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Node:
    """One member; name in upper case."""

    name: str
    state: NodeState


@dataclass(frozen=True)
class Group:
    """One group; owner: the node that has it now."""

    name: str
    state: GroupState
    owner: str


@dataclass(frozen=True)
class Resource:
    """One resource. depends_on: directly. owners: the nodes that may have it."""

    name: str
    type: str
    state: ResourceState
    group: str
    depends_on: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()

    @property
    def is_online(self) -> bool:
        """Tell whether it is online."""
        return self.state is ResourceState.ONLINE


@dataclass(frozen=True)
class Network:
    """One network; address is the subnet's."""

    name: str
    role: Role
    state: NetworkState
    address: str


@dataclass(frozen=True)
class Interface:
    """One member's connection to one network."""

    node: str
    network: str
    is_up: bool


@dataclass(frozen=True)
class Cluster:
    """A running cluster as one of its nodes tells of it. quorum_path: None where nobody says."""

    name: str
    nodes: tuple[Node, ...] = ()
    groups: tuple[Group, ...] = ()
    resources: tuple[Resource, ...] = ()
    networks: tuple[Network, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    quorum: str | None = None
    quorum_path: str | None = None

    def node(self, name: str) -> Node | None:
        """Return a member by its computer name, or None."""
        return next((each for each in self.nodes if same(each.name, name)), None)

    def group(self, name: str) -> Group | None:
        """Return a group by name, or None."""
        return next((each for each in self.groups if same(each.name, name)), None)

    def resource(self, name: str) -> Resource | None:
        """Return a resource by name, or None."""
        return next((each for each in self.resources if same(each.name, name)), None)

    def network(self, name: str) -> Network | None:
        """Return a network by name, or None."""
        return next((each for each in self.networks if same(each.name, name)), None)

    def of_type(self, kind: str) -> tuple[Resource, ...]:
        """Return the resources of a type."""
        return tuple(each for each in self.resources if same(each.type, kind))

    def owner_of(self, resource: Resource) -> str | None:
        """Return the node that has a resource's group now, or None where nobody says."""
        group = self.group(resource.group)
        return group.owner if group else None

    @property
    def quorum_resource(self) -> Resource | None:
        """Return the quorum resource, or None where it cannot be told."""
        return self.resource(self.quorum) if self.quorum is not None else None


@dataclass(frozen=True)
class Membership:
    """What one node is in which cluster.

    cluster: the name in its registry, None while its service does not run. account: under which
    the service is to run.
    """

    configured: Configured
    cluster: str | None = None
    account: str | None = None

    @property
    def is_free(self) -> bool:
        """Tell whether the node belongs to no cluster and none was begun on it."""
        return self.configured is Configured.NO

    def is_running_in(self, name: str) -> bool:
        """Tell whether the node's service runs in the cluster of this name."""
        running = self.configured is Configured.RUNNING
        return running and self.cluster is not None and same(self.cluster, name)


@dataclass(frozen=True)
class Seen:
    """A node's membership with all that it tells of its cluster.

    cluster: None while the service does not run, or does not answer (`failure` says how).
    """

    membership: Membership
    cluster: Cluster | None = None
    failure: str | None = field(default=None, compare=False)


def same(one: str, other: str) -> bool:
    """Tell whether two names of a cluster are the same: it shows computers in upper case."""
    return one.casefold() == other.casefold()


def _class(name: str, *properties: str) -> Read:
    return Read(Cmdlet("Get-WmiObject", (("Namespace", _NAMESPACE), ("Class", name))), properties)


_MEMBERSHIP = (
    wmi.SERVICE,
    windows_registry.key(r"HKLM:\SYSTEM\CurrentControlSet\Services\ClusSvc", "ObjectName"),
    windows_registry.key(r"HKLM:\Cluster", "ClusterName"),
)
_CLUSTER = (
    windows_registry.key(r"HKLM:\Cluster\Quorum", "Path"),
    _class("MSCluster_Node", "Name", "State"),
    _class("MSCluster_ResourceGroup", "Name", "State"),
    _class("MSCluster_Resource", "Name", "Type", "State"),
    _class("MSCluster_Network", "Name", "Role", "State", "Address"),
    _class("MSCluster_NetworkInterface", "Network", "SystemName", "State"),
    _class("MSCluster_NodeToActiveGroup", "GroupComponent", "PartComponent"),
    _class("MSCluster_ResourceGroupToResource", "GroupComponent", "PartComponent"),
    _class("MSCluster_ResourceToDependentResource", "Antecedent", "Dependent"),
    _class("MSCluster_ResourceToPossibleOwner", "GroupComponent", "PartComponent"),
    _class("MSCluster_ClusterToQuorumResource", "PartComponent"),
)


def membership() -> Query[Membership]:
    """Return what the node is in which cluster; needs no running service."""
    return Query(_MEMBERSHIP, _membership)


def seen() -> Query[Seen]:
    """Return the node's membership, and the whole cluster where its service answers."""

    def parse(answers: Sequence[Answer]) -> Seen:
        member = _membership(answers[: len(_MEMBERSHIP)])
        if member.cluster is None:
            return Seen(member)
        told = answers[len(_MEMBERSHIP) :]
        failed = [each for each in told if not each.ok and not rows.is_missing(each)]
        if failed:
            return Seen(member, failure=str(failed[0].text))
        return Seen(member, _cluster(member.cluster, told))

    return Query((*_MEMBERSHIP, *_CLUSTER), parse)


def _membership(answers: Sequence[Answer]) -> Membership:
    services, settings, hive = answers
    found = [row for row in rows.answered(services).rows if same(rows.text(row, "Name"), SERVICE)]
    if not found:
        return Membership(Configured.ABSENT)
    account = rows.optional_text(rows.key_row(settings) or {}, "ObjectName")
    name = rows.optional_text(rows.key_row(hive) or {}, "ClusterName")
    if rows.text(found[0], "StartMode") == "Disabled":
        return Membership(Configured.NO)
    if rows.text(found[0], "State") != "Running":
        return Membership(Configured.STOPPED, None, account)
    return Membership(Configured.RUNNING, name, account)


def _cluster(name: str, answers: Sequence[Answer]) -> Cluster:
    hive, *told = answers
    tables = [rows.answered(each).rows for each in told]
    nodes, groups, resources, networks, interfaces = tables[:5]
    active, contents, dependencies, possible, quorum = tables[5:]
    owner_of = dict(_pairs(active, "PartComponent", "GroupComponent"))
    group_of = dict(_pairs(contents, "PartComponent", "GroupComponent"))
    types = {rows.text(row, "Name"): rows.text(row, "Type") for row in resources}
    below = _many(_downwards(list(_pairs(dependencies, "Antecedent", "Dependent")), types))
    owners = _many(_pairs(possible, "GroupComponent", "PartComponent"))
    return Cluster(
        name=name,
        nodes=tuple(
            Node(rows.text(row, "Name"), NodeState(rows.number(row, "State"))) for row in nodes
        ),
        groups=tuple(
            Group(
                rows.text(row, "Name"),
                GroupState(rows.number(row, "State")),
                owner_of.get(rows.text(row, "Name"), ""),
            )
            for row in groups
        ),
        resources=tuple(
            Resource(
                rows.text(row, "Name"),
                rows.text(row, "Type"),
                ResourceState(rows.number(row, "State")),
                group_of.get(rows.text(row, "Name"), ""),
                below.get(rows.text(row, "Name"), ()),
                owners.get(rows.text(row, "Name"), ()),
            )
            for row in resources
        ),
        networks=tuple(
            Network(
                rows.text(row, "Name"),
                Role(rows.number(row, "Role")),
                NetworkState(rows.number(row, "State")),
                rows.text(row, "Address"),
            )
            for row in networks
        ),
        interfaces=tuple(
            Interface(
                rows.text(row, "SystemName"),
                rows.text(row, "Network"),
                rows.number(row, "State") == NetworkState.UP,
            )
            for row in interfaces
        ),
        quorum=_name(rows.text(quorum[0], "PartComponent")) if quorum else None,
        quorum_path=rows.optional_text(rows.key_row(hive) or {}, "Path"),
    )


def _pairs(
    table: Sequence[Mapping[str, object]], first: str, second: str
) -> Iterator[tuple[str, str]]:
    for row in table:
        yield _name(rows.text(row, first)), _name(rows.text(row, second))


def _downwards(
    pairs: Sequence[tuple[str, str]], types: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield (resource, what it depends on): a network name shows which way round a node says it.

    The documentation is of a later Windows, and its two words can be read both ways.
    """
    upwards = any((types.get(a), types.get(b)) == (IP_ADDRESS, NETWORK_NAME) for a, b in pairs)
    yield from (((b, a) if upwards else (a, b)) for a, b in pairs)


def _many(pairs: Iterator[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one, other in pairs:
        found[one] = (*found.get(one, ()), other)
    return found


def _name(path: str) -> str:
    r"""Return the name that a reference ends in, with or without a machine before it."""
    match = _NAME.search(path)
    if match is None:
        raise ValueError(f"no reference to a named object: {path[:80]!r}")
    return re.sub(r"\\(.)", r"\1", match[1])
