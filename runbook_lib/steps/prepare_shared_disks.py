"""Phase 30: the shared disks, prepared by one node and proved on the other (M020, T14, T15).

The document shows them in figures that are lost. Until the cluster guards them only one node may
run with them in sight: the first one partitions and formats, the second one finds the same volumes
under the same letters, and the first one runs again. Every step is planned from what the running
node shows, so the phase goes on from wherever it was left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.steps.disk_power import RunFirstNodeAgain, RunFirstNodeAlone, RunSecondNodeAlone
from runbook_lib.steps.disk_step import PHASE, DiskStep, for_disks, switching
from runbook_lib.steps.disk_work import (
    FormatVolumes,
    GiveLetters,
    MakePartitions,
    WriteFirstMarks,
    WriteSecondMarks,
    prepared_here,
)
from runbook_lib.steps.shared_disks import Found, Situation, View, wished
from runbook_lib.steps.step import (
    Blocked,
    Deferred,
    NoChange,
    Plan,
    Silence,
    StepClass,
    StepFactory,
)
from runbook_lib.topology.models import Topology

MAY_BE_OFF = True


@dataclass(frozen=True)
class CheckDisks(DiskStep):
    """The right disks are visible on a node, their letters are free, nobody's data are on them."""

    ids: ClassVar[tuple[str, ...]] = ("M020", "T15")
    step_class: ClassVar[StepClass] = StepClass.READ
    is_first: bool = True

    @property
    def node(self) -> str:
        """Return the node whose disks are looked at."""
        return self.first if self.is_first else self.second

    def plan(self, first: View | Silence, second: View | Silence) -> Plan:
        """Return the step's plan; in a cluster, whether a disk's owner finds it as prepared."""
        view = first if self.is_first else second
        if not isinstance(view, Silence) and view.is_clustered:
            return self._guarded(view)
        return super().plan(first, second)

    def _guarded(self, view: View) -> Plan:
        """Return what is wrong with a disk that the cluster lets this node read, if anything."""
        for wish in self.disks:
            drive = view.drive(wish)
            if drive is None or not drive.partitions:
                continue
            found = view.found(wish)
            if isinstance(found, Blocked):
                return found
            if found is not Found.READY:
                return Blocked(
                    f"{wish.what} is not as it was prepared on {view.node}: {found}",
                    f"give {wish.what} its letter {wish.letter} again in Disk Management on "
                    f"{view.node}, which owns it in the cluster",
                )
        return NoChange("the cluster guards the disks")

    def decide(self, now: Situation) -> Plan:
        """Return Blocked for the first disk that cannot be used."""
        view = now.first if self.is_first else now.second
        if view is None:
            return self._unseen(now)
        states = [
            (wish, prepared_here(view, wish) if self.is_first else view.found(wish))
            for wish in self.disks
        ]
        blocked = [state for _, state in states if isinstance(state, Blocked)]
        if blocked:
            return Blocked(
                "; ".join(dict.fromkeys(state.reason for state in blocked)),
                "; ".join(dict.fromkeys(state.next_step for state in blocked)),
            )
        other = now.second if self.is_first else now.first
        return self._compared(view, other) or NoChange(
            "; ".join(f"{wish.what}: {state}" for wish, state in states)
        )

    def _unseen(self, now: Situation) -> Plan:
        if not self.is_first:
            return NoChange(f"{self.second} is off: it looks at the disks when it runs alone")
        if now.first_has_to_begin:
            return Deferred(PHASE, why=f"once {self.first} runs alone")
        return NoChange(f"{self.first} is off: {self.second} goes on with what it has prepared")

    def _compared(self, view: View, other: View | None) -> Blocked | None:
        """Return why a disk is not the same one on both nodes, if both can be asked."""
        for wish in self.disks if other else ():
            own, beside = view.drive(wish), other.drive(wish) if other else None
            if own is None or beside is None or own.signature == beside.signature:
                continue
            return Blocked(
                f"{wish.what} is not the same disk on both nodes: signatures "
                f"{_hexadecimal(own.signature)} and {_hexadecimal(beside.signature)}",
                f"present the same LUN {wish.lun} to both nodes",
            )
        return None


def run_first_node_alone(topology: Topology) -> Iterator[RunFirstNodeAlone]:
    """Only the first node runs (M020, T14)."""
    yield from switching(RunFirstNodeAlone, topology)


def check_disks(topology: Topology) -> Iterator[CheckDisks]:
    """The disks are visible, their letters free, and nobody's data on them (M020, T15)."""
    first, second = topology.nodes
    for is_first in (True, False):
        yield CheckDisks((first.name, second.name), wished(topology), is_first=is_first)


def make_partitions(topology: Topology) -> Iterator[MakePartitions]:
    """Each empty disk has one partition and its letter (M020)."""
    yield from for_disks(MakePartitions, topology)


def format_volumes(topology: Topology) -> Iterator[FormatVolumes]:
    """Each volume has NTFS and its label (M020)."""
    yield from for_disks(FormatVolumes, topology)


def mark_volumes(topology: Topology) -> Iterator[WriteFirstMarks]:
    """The first node has left its mark on each volume (M020)."""
    yield from for_disks(WriteFirstMarks, topology)


def run_second_node_alone(topology: Topology) -> Iterator[RunSecondNodeAlone]:
    """Only the second node runs (M020, T14)."""
    yield from switching(RunSecondNodeAlone, topology)


def give_letters(topology: Topology) -> Iterator[GiveLetters]:
    """The disks have the same letters on the second node (M020)."""
    yield from for_disks(GiveLetters, topology)


def answer_marks(topology: Topology) -> Iterator[WriteSecondMarks]:
    """The second node finds the marks on the same disks, and has left its own (M020)."""
    yield from for_disks(WriteSecondMarks, topology)


def run_first_node_again(topology: Topology) -> Iterator[RunFirstNodeAgain]:
    """Only the first node runs, with the disks proved on both (M020, T14)."""
    yield from switching(RunFirstNodeAgain, topology)


def _hexadecimal(signature: int | None) -> str:
    return "none" if signature is None else f"{signature:08X}"


STEPS: tuple[StepFactory, ...] = (
    run_first_node_alone,
    check_disks,
    make_partitions,
    format_volumes,
    mark_volumes,
    run_second_node_alone,
    give_letters,
    answer_marks,
    run_first_node_again,
)
