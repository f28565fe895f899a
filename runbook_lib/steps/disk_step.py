"""What all steps at the shared disks have in common: both nodes' views, and the cluster's word."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from runbook_lib.steps.shared_disks import Situation, View, Wished, look, wished
from runbook_lib.steps.step import At, NoChange, Plan, Reads, Silence
from runbook_lib.topology.models import Topology

PHASE = "30_prepare_shared_disks"

Wish = tuple[str, str]
"""A setting and what it shall be, as an approval covers it."""


@dataclass(frozen=True)
class DiskStep(ABC):
    """A step that is planned from what both nodes show, of which one may be off."""

    nodes: tuple[str, str]
    disks: tuple[Wished, ...]

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
        return {
            "first": At(self.first, look(self.first, self.nodes, self.disks)),
            "second": At(self.second, look(self.second, self.nodes, self.disks)),
        }

    def plan(self, first: View | Silence, second: View | Silence) -> Plan:
        """Return the step's plan; nothing is to be done once the cluster guards the disks."""
        now = Situation.of(self.nodes, self.disks, first, second)
        if now.is_clustered:
            return NoChange("the cluster guards the disks")
        return self.decide(now)

    @abstractmethod
    def decide(self, now: Situation) -> Plan:
        """Return the plan while no cluster guards the disks."""


S = TypeVar("S", bound=DiskStep)


def for_disks(kind: type[S], topology: Topology) -> Iterator[S]:
    """Yield the one step of its kind."""
    first, second = topology.nodes
    yield kind((first.name, second.name), wished(topology))
