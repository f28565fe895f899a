"""What is done to the shared disks and at their letters, by the only node that runs.

A disk is partitioned only while it holds nothing, a volume is formatted only while it has no file
system; the node itself asks both again in the trip that does it. The second node changes nothing
but its own letters, and leaves its marks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from runbook_lib.commands import disks, files
from runbook_lib.steps.disk_step import PHASE, DiskStep, Wish
from runbook_lib.steps.shared_disks import (
    Found,
    Situation,
    View,
    Wished,
    mark_path,
    mark_text,
)
from runbook_lib.steps.step import Blocked, Change, Changes, Deferred, NoChange, Plan, StepClass

ONE_PARTITION = "one primary partition"


class _FirstNodesWork(DiskStep):
    """Work of the first node, while it runs alone."""

    ids: ClassVar[tuple[str, ...]] = ("M020",)

    @property
    def node(self) -> str:
        """Return the node that prepares the disks."""
        return self.first

    def _unless_alone(
        self,
        now: Situation,
        wish_of: Callable[[Wished], Wish],
        is_done: Callable[[View, Wished], bool],
    ) -> Plan | View:
        """Return the first node's view if it may work now, else the plan.

        is_done: what a view shows while both nodes run, when nothing may be changed yet.
        """
        if now.is_proved:
            return NoChange("done, and both nodes have marked the disks")
        if now.second_alone and not now.first_has_to_begin:
            return NoChange(f"left to what {self.second} finds, which runs alone")
        if now.first_alone is not None:
            return now.first_alone
        view = now.first
        wanted = [wish for wish in self.disks if view is None or not is_done(view, wish)]
        if not wanted:
            return NoChange(f"done, as {self.first} shows")
        wishes = tuple(wish_of(wish) for wish in wanted)
        return Deferred(PHASE, wishes, why=f"once {self.first} runs alone")


class MakePartitions(_FirstNodesWork):
    """Each empty disk gets one partition over all of it, and its letter."""

    step_class: ClassVar[StepClass] = StepClass.ONE_SHOT

    def decide(self, now: Situation) -> Plan:
        """Return one change for every disk that holds nothing."""
        view = self._unless_alone(now, _partition, _is_partitioned)
        if not isinstance(view, View):
            return view
        found = _usable(view, self.disks)
        if isinstance(found, Blocked):
            return found
        raw = [wish for wish, state in found if state is Found.RAW]
        if not raw:
            return NoChange(_listed(f"{wish.what} as {wish.letter}" for wish in self.disks))
        return Changes(
            *(
                Change(
                    *_before(_partition(wish), str(Found.RAW)),
                    by=disks.make_partition(wish.lun, wish.size_mb, wish.letter[0]),
                    undo=f"delete the partition in Disk Management on {self.first}; only while "
                    "nothing is on it",
                )
                for wish in raw
            )
        )


class FormatVolumes(_FirstNodesWork):
    """Each volume without a file system gets NTFS and its label."""

    step_class: ClassVar[StepClass] = StepClass.ONE_SHOT

    def decide(self, now: Situation) -> Plan:
        """Return one change for every volume without a file system."""
        view = self._unless_alone(now, _format, _is_ready)
        if not isinstance(view, View):
            return view
        found = _usable(view, self.disks)
        if isinstance(found, Blocked):
            return found
        open_ = [wish for wish, state in found if state is not Found.READY]
        if not open_:
            return NoChange(_listed(f"{wish.letter} NTFS, {wish.label}" for wish in self.disks))
        if any(state is Found.RAW for _, state in found):
            wishes = tuple(_format(wish) for wish in open_)
            return Deferred(PHASE, wishes, why="once the partitions are there")
        return Changes(
            *(
                Change(
                    *_before(_format(wish), "none"),
                    by=disks.format_volume(wish.lun, wish.size_mb, wish.letter[0], wish.label),
                    undo="none is needed: nothing was on it; deleting the partition takes it away",
                )
                for wish in open_
            )
        )


class WriteFirstMarks(_FirstNodesWork):
    """The first node has left its mark on each volume."""

    step_class: ClassVar[StepClass] = StepClass.SET

    def decide(self, now: Situation) -> Plan:
        """Return one change for every volume without the mark of this node and disk."""

        def mark(wish: Wished) -> Wish:
            return _mark(wish, self.first)

        def is_marked(view: View, wish: Wished) -> bool:
            return _is_ready(view, wish) and view.is_marked(wish, self.first)

        view = self._unless_alone(now, mark, is_marked)
        if not isinstance(view, View):
            return view
        found = _usable(view, self.disks)
        if isinstance(found, Blocked):
            return found
        if any(state is not Found.READY for _, state in found):
            wishes = tuple(mark(wish) for wish in self.disks)
            return Deferred(PHASE, wishes, why="once the volumes are formatted")
        return _marks(view, self.disks, self.first)


class _SecondNodesWork(DiskStep):
    """Work of the second node, while it runs alone."""

    ids: ClassVar[tuple[str, ...]] = ("M020",)

    @property
    def node(self) -> str:
        """Return the node that finds the disks."""
        return self.second

    def _unless_alone(self, now: Situation, wish_of: Callable[[Wished], Wish]) -> Plan | View:
        """Return the second node's view if it may work now, else the plan."""
        if now.is_proved:
            return NoChange(f"{self.second} has left its marks on the disks")
        if now.second_alone is None or now.first_has_to_begin:
            wishes = tuple(wish_of(wish) for wish in self.disks)
            return Deferred(PHASE, wishes, why=f"once {self.second} runs alone")
        return now.second_alone


class GiveLetters(_SecondNodesWork):
    """Each prepared disk has the same letter on the second node as on the first."""

    step_class: ClassVar[StepClass] = StepClass.SET

    def decide(self, now: Situation) -> Plan:
        """Return one change for every volume without a letter; nothing is written to the disk."""
        view = self._unless_alone(now, _letter)
        if not isinstance(view, View):
            return view
        states = [(wish, view.found(wish)) for wish in self.disks]
        for _, state in states:
            if isinstance(state, Blocked):
                return state
        bare = [wish for wish, state in states if state is Found.WITHOUT_LETTER]
        unformatted = [wish for wish, state in states if state is Found.WITHOUT_FILE_SYSTEM]
        if unformatted:
            wish = unformatted[0]
            return Blocked(
                f"{wish.letter} ({wish.what}) has no file system on {self.second}: it is not the "
                f"volume that {self.first} has prepared, or that one is not done",
                f"see that LUN {wish.lun} is the same on both nodes; then leave {self.first} "
                "running alone and plan the phase again",
            )
        if not bare:
            return NoChange(_listed(f"{wish.what} as {wish.letter}" for wish in self.disks))
        return Changes(
            *(
                Change(
                    *_before(_letter(wish), "none"),
                    by=disks.give_letter(wish.lun, wish.size_mb, wish.letter[0]),
                    undo=f"take the letter {wish.letter} away in Disk Management on {self.second}",
                )
                for wish in bare
            )
        )


class WriteSecondMarks(_SecondNodesWork):
    """The second node finds the first one's marks on the same disks, and has left its own."""

    step_class: ClassVar[StepClass] = StepClass.SET

    def decide(self, now: Situation) -> Plan:
        """Return one change for every volume without a mark; Blocked without the other's."""

        def mark(wish: Wished) -> Wish:
            return _mark(wish, self.second)

        view = self._unless_alone(now, mark)
        if not isinstance(view, View):
            return view
        if any(view.found(wish) is not Found.READY for wish in self.disks):
            wishes = tuple(mark(wish) for wish in self.disks)
            return Deferred(PHASE, wishes, why=f"once the letters are right on {self.second}")
        for wish in self.disks:
            if not view.is_marked(wish, self.first):
                return Blocked(
                    f"{wish.letter} on {self.second} ({wish.what}) does not carry the mark of "
                    f"{self.first}: it is another volume than the one prepared there",
                    f"see that LUN {wish.lun} is the same on both nodes; then leave {self.first} "
                    "running alone and plan the phase again",
                )
        return _marks(view, self.disks, self.second)


def _usable(view: View, wishes: Sequence[Wished]) -> list[tuple[Wished, Found]] | Blocked:
    """Return how far each disk is on the node that prepares them, or why one cannot be used."""
    found = []
    for wish in wishes:
        state = prepared_here(view, wish)
        if isinstance(state, Blocked):
            return state
        found.append((wish, state))
    return found


def prepared_here(view: View, wish: Wished) -> Found | Blocked:
    """Return how far a disk is on the first node: what is on it there must be known."""
    state = view.found(wish)
    if state is Found.WITHOUT_LETTER:
        return Blocked(
            f"{wish.what} holds a partition without a letter on {view.node}: whose data are on it "
            "cannot be told",
            f"look at it in Disk Management on {view.node}: give it the letter {wish.letter} if it "
            "was made for this, delete it if its data are meant to go, or put another LUN into "
            "the parameter file",
        )
    return state


def _is_partitioned(view: View, wish: Wished) -> bool:
    return view.found(wish) in (Found.WITHOUT_FILE_SYSTEM, Found.READY)


def _is_ready(view: View, wish: Wished) -> bool:
    return view.found(wish) is Found.READY


def _partition(wish: Wished) -> Wish:
    return f"partition of {wish.what}", f"{ONE_PARTITION}, {wish.letter}"


def _format(wish: Wished) -> Wish:
    return f"file system of {wish.letter} on {wish.what}", f"NTFS, label {wish.label}"


def _letter(wish: Wished) -> Wish:
    return f"letter of {wish.what}", wish.letter


def _mark(wish: Wished, by: str) -> Wish:
    return f"mark of {by} on {wish.letter}", "written"


def _before(wish: Wish, before: str) -> tuple[str, str, str]:
    setting, after = wish
    return setting, before, after


def _marks(view: View, wishes: Sequence[Wished], by: str) -> Plan:
    changes = []
    for wish in wishes:
        drive = view.drive(wish)
        if view.is_marked(wish, by) or drive is None or drive.signature is None:
            continue
        path = mark_path(wish.letter, by)
        before = "none" if view.marks[by, wish.letter] is None else "another text"
        changes.append(
            Change(
                *_before(_mark(wish, by), before),
                by=files.write(path, mark_text(by, wish, drive.signature)),
                undo=f"delete {path}",
            )
        )
    if not changes:
        return NoChange(_listed(f"{wish.letter} marked" for wish in wishes))
    return Changes(*changes)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
