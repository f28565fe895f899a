"""Which node runs while nothing guards the shared disks: never both with them in sight (T14).

Nobody can switch a machine on over the network, so a person does it; "off" is what a node is when
it has stayed silent.
"""

from __future__ import annotations

from typing import ClassVar

from runbook_lib.commands.command import ManualAct, PersonsAct
from runbook_lib.steps.disk_step import PHASE, DiskStep
from runbook_lib.steps.shared_disks import Situation
from runbook_lib.steps.step import Change, Changes, Deferred, NoChange, Plan, StepClass

SETTING = "running nodes"


class RunFirstNodeAlone(DiskStep):
    """Only the first node runs, unless the second one is at its part already."""

    ids: ClassVar[tuple[str, ...]] = ("M020", "T14")
    step_class: ClassVar[StepClass] = StepClass.SET

    @property
    def node(self) -> str:
        """Return the node that shall run."""
        return self.first

    def decide(self, now: Situation) -> Plan:
        """Return the act unless a node runs alone and can go on."""
        if now.first_alone:
            return NoChange(f"{self.first} runs alone")
        if now.second_alone and not now.first_has_to_begin:
            return NoChange(f"{self.second} runs alone, and goes on with the prepared disks")
        return Changes(run_alone(self.first, self.second, now))


class RunSecondNodeAlone(DiskStep):
    """Only the second node runs, once the first one has prepared the disks."""

    ids: ClassVar[tuple[str, ...]] = ("M020", "T14")
    step_class: ClassVar[StepClass] = StepClass.SET

    @property
    def node(self) -> str:
        """Return the node that shall run."""
        return self.second

    def decide(self, now: Situation) -> Plan:
        """Return the act once the first node shows its marks on all volumes."""
        if now.is_proved:
            return NoChange(f"{self.second} has left its marks on the disks")
        if now.second_alone and not now.first_has_to_begin:
            return NoChange(f"{self.second} runs alone")
        if now.first_alone and now.is_prepared:
            return Changes(run_alone(self.second, self.first, now))
        wishes = ((SETTING, alone(self.second)),)
        return Deferred(PHASE, wishes, why=f"once {self.first} has prepared the disks")


class RunFirstNodeAgain(DiskStep):
    """Only the first node runs again: it is the one that forms the cluster."""

    ids: ClassVar[tuple[str, ...]] = ("M020", "T14")
    step_class: ClassVar[StepClass] = StepClass.SET

    @property
    def node(self) -> str:
        """Return the node that shall run."""
        return self.first

    def decide(self, now: Situation) -> Plan:
        """Return the act once the second node shows the marks of both."""
        if now.first_alone and now.is_proved:
            return NoChange(f"{self.first} runs alone")
        if now.second_is_through:
            return Changes(run_alone(self.first, self.second, now))
        wishes = ((SETTING, alone(self.first)),)
        return Deferred(PHASE, wishes, why=f"once {self.second} has found the disks")


def alone(node: str) -> str:
    """Return the wish that only this node runs."""
    return f"{node} alone"


def run_alone(node: str, other: str, now: Situation) -> Change:
    """Return the act that leaves one node running."""
    return Change(
        SETTING,
        now.running,
        alone(node),
        by=ManualAct(
            PersonsAct.RUN_ALONE,
            f"Shut {other} down and leave it off; only then switch {node} on, if it is off. While "
            "nothing guards the shared disks, two running nodes destroy what is on them",
        ),
        undo=f"shut {node} down before {other} is switched on; both may run once the cluster "
        "guards the disks",
    )
