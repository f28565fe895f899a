"""What all steps at the shared disks have in common: both nodes' views, and the cluster's word."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from runbook_lib.steps.shared_disks import Situation, View, Wished, look, not_off, wished
from runbook_lib.steps.step import At, Blocked, NoChange, Plan, Reads, Silence
from runbook_lib.topology.models import Node, Topology

PHASE = "30_prepare_shared_disks"

Wish = tuple[str, str]
"""A setting and what it shall be, as an approval covers it."""


@dataclass(frozen=True)
class DiskStep(ABC):
    """A step that is planned from what both nodes show, of which one may be off.

    addresses: of each node, where the other one looks whether it is off; none: it does not look.
    """

    nodes: tuple[str, str]
    disks: tuple[Wished, ...]
    addresses: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def first(self) -> str:
        """Return the name of the node that prepares the disks."""
        return self.nodes[0]

    @property
    def second(self) -> str:
        """Return the name of the node that finds them."""
        return self.nodes[1]

    def reads(self) -> Reads:
        """Return the questions: all that each node can say of the disks, if it is on."""
        of_first, of_second = self.addresses
        return {
            "first": At(self.first, look(self.first, self.nodes, self.disks, of_second)),
            "second": At(self.second, look(self.second, self.nodes, self.disks, of_first)),
        }

    def plan(self, first: View | Silence, second: View | Silence) -> Plan:
        """Return the step's plan; nothing is to be done once the cluster guards the disks."""
        now = Situation.of(self.nodes, self.disks, first, second)
        if now.is_clustered:
            return NoChange("the cluster guards the disks")
        return _only_silent(now) or self.decide(now)

    @abstractmethod
    def decide(self, now: Situation) -> Plan:
        """Return the plan while no cluster guards the disks."""


S = TypeVar("S", bound=DiskStep)


def for_disks(kind: type[S], topology: Topology) -> Iterator[S]:
    """Yield the one step of its kind."""
    first, second = topology.nodes
    yield kind((first.name, second.name), wished(topology))


def switching(kind: type[S], topology: Topology) -> Iterator[S]:
    """Yield the one step of its kind, which makes sure that a silent node does not run."""
    first, second = topology.nodes
    of_each = _addresses(first), _addresses(second)
    yield kind((first.name, second.name), wished(topology), of_each)


def _addresses(node: Node) -> tuple[str, ...]:
    return node.public.address, node.private.address


def _only_silent(now: Situation) -> Blocked | None:
    """Return why a node that takes no connection may run all the same."""
    view = now.first_alone or now.second_alone
    if view is None or not view.replying:
        return None
    other = next(name for name in now.nodes if name != view.node)
    return not_off(other, view.node, view.replying)
