"""What the cluster uses each network for, and the two-node cluster as a whole (S050 to S052)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import cluster_exe, server_cluster
from runbook_lib.commands.server_cluster import (
    Cluster,
    NetworkState,
    NodeState,
    Role,
    Seen,
    word,
)
from runbook_lib.steps.cluster_creation import unanswering
from runbook_lib.steps.step import (
    Blocked,
    Change,
    Changes,
    Deferred,
    NoChange,
    Plan,
    PowerOf,
    Reads,
    StepClass,
)

ONE_HEARTBEAT = (
    "with Public for clients alone the nodes hear each other over Private alone: if it fails, one "
    "of them stops its cluster service"
)


@dataclass(frozen=True)
class Roles:
    """The wished use of both networks, by their connections' names.

    accepted: whether the parameter file consents to one heartbeat, where that is the wish.
    """

    private: str
    public: str
    public_role: Role
    accepted: bool

    @property
    def wanted(self) -> tuple[tuple[str, Role], ...]:
        """Return network and role, in the order in which they are set: Private must be first."""
        return ((self.private, Role.INTERNAL), (self.public, self.public_role))

    @property
    def remark(self) -> str:
        """Return the consent to one heartbeat, "" where the wish has two."""
        if self.public_role is not Role.CLIENT:
            return ""
        by = "accept_single_heartbeat" if self.accepted else "the rehearsal"
        return f"; one heartbeat, accepted by {by}"


@dataclass(frozen=True)
class SetNetworkRoles:
    """Private carries the nodes' own talk, Public serves clients (T5: and the heartbeat, or not).

    Private comes first: the cluster refuses to lose its last way between two nodes (5066).
    """

    ids: ClassVar[tuple[str, ...]] = ("S050", "S051", "T5")
    step_class: ClassVar[StepClass] = StepClass.SET
    phase: str
    node: str
    cluster: str
    roles: Roles

    def reads(self) -> Reads:
        """Return the question: the cluster."""
        return {"seen": server_cluster.seen()}

    def plan(self, seen: Seen) -> Plan:
        """Return each role that differs."""
        if not seen.membership.is_running_in(self.cluster):
            wishes = tuple((_setting(name), str(role)) for name, role in self.roles.wanted)
            return Deferred(self.phase, wishes, why="once the cluster runs")
        if seen.cluster is None:
            return unanswering(seen, self.node)
        changes = []
        for name, role in self.roles.wanted:
            network = seen.cluster.network(name)
            if network is None:
                names = ", ".join(each.name for each in seen.cluster.networks)
                return Blocked(
                    f"the cluster has no network {name}: {names}",
                    "networks are named after the first node's connections; rename it in Cluster "
                    f"Administrator to {name}",
                )
            if network.role is not role:
                changes.append(
                    Change(
                        _setting(name),
                        str(network.role),
                        str(role),
                        by=cluster_exe.set_network_role(name, role),
                        undo=f'cluster network "{name}" /prop Role={int(network.role)}'
                        + (f"; {ONE_HEARTBEAT}" if role is Role.CLIENT else ""),
                    )
                )
        if changes:
            return Changes(*changes)
        told = ", ".join(f"{name} {role}" for name, role in self.roles.wanted)
        return NoChange(f"{told}{self.roles.remark}")


def _setting(network: str) -> str:
    return f"role of {network}"


@dataclass(frozen=True)
class CheckWholeCluster:
    """Both nodes are up, both networks work, every resource is online."""

    ids: ClassVar[tuple[str, ...]] = ("S052",)
    step_class: ClassVar[StepClass] = StepClass.READ
    phase: str
    node: str
    cluster: str
    nodes: tuple[str, str]

    def reads(self) -> Reads:
        """Return the questions: the cluster, and whether the second node runs."""
        return {"seen": server_cluster.seen(), "power": PowerOf(self.nodes[1])}

    def plan(self, seen: Seen, *, power: bool) -> Plan:
        """Return NoChange for a working two-node cluster, or what does not work."""
        cluster = seen.cluster
        if cluster is None or any(cluster.node(name) is None for name in self.nodes):
            return Deferred(self.phase, why="checked once both nodes are members")
        if not power:
            return Deferred(self.phase, why=f"checked once {self.nodes[1]} is on")
        wrong = self._faults(cluster)
        if wrong:
            return Blocked(
                "; ".join(wrong),
                "look at the System log of both nodes (source ClusSvc), bring everything online "
                "in Cluster Administrator, then plan the phase again",
            )
        return NoChange(f"both up; online: {', '.join(each.name for each in cluster.resources)}")

    def _faults(self, cluster: Cluster) -> list[str]:
        wrong = []
        for name in self.nodes:
            member = cluster.node(name)
            if member is not None and member.state is not NodeState.UP:
                wrong.append(f"{name} is {word(member.state)}")
        wrong.extend(
            f"network {each.name} is {word(each.state)}"
            for each in cluster.networks
            if each.state is not NetworkState.UP
        )
        wrong.extend(
            f"{each.name} is {word(each.state)}" for each in cluster.resources if not each.is_online
        )
        return wrong
