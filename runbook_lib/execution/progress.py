"""How far a run is, told from what stands in its journal, not from what papermill thinks.

What a node works on meanwhile is told from the notes beside the run folder: no record holds it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from runbook_lib.execution import work_notes
from runbook_lib.journal.journal import read_entries
from runbook_lib.sessions.session import WorkSeen


class Progress(Protocol):
    """Who tells a person how far the run is."""

    def phase_started(self, phase: str, n: int, total: int) -> None:
        """Phase n of total begins."""

    def step_finished(self, phase: str, step: str, node: str, outcome: str) -> None:
        """A step is verified on a node."""

    def work_seen(self, seen: WorkSeen) -> None:
        """A node's work that is waited for was looked at."""

    def phase_finished(self, phase: str, outcome: str, seconds: float) -> None:
        """A phase ended."""

    def note(self, text: str) -> None:
        """Something worth a line happened."""


class Teller:
    """Tells what each look at the journal finds new."""

    def __init__(self, journal: Path, progress: Progress, known: int) -> None:
        """known: how many entries need not be told."""
        self._journal = journal
        self._progress = progress
        self._known = known
        self._size = -1
        self._last = ""
        self.has_begun = False

    def __call__(self) -> None:
        """Tell what was verified since the last look."""
        size = self._journal.stat().st_size
        if size == self._size:
            return
        self._size = size
        entries = read_entries(self._journal)
        for entry in entries[self._known :]:
            data = entry.data
            self.has_begun |= entry.event == "phase_opened"
            if entry.event == "verified":
                self._progress.step_finished(
                    data["phase"], data["step"], data["node"], data["outcome"]
                )
            elif entry.event == "rebooted":
                self._progress.step_finished(data["phase"], "restart", data["node"], "changed")
        self._known = len(entries)
        self._last = entries[-1].event if entries else ""

    def is_stopping(self) -> bool:
        """Tell whether the phase has journalled that it was interrupted, or is closed."""
        return self._last in {"interrupted", "phase_closed"}


class WorkTeller:
    """Tells what each look at the notes of a kernel finds new."""

    def __init__(self, notes: Path, progress: Progress) -> None:
        """Nothing was told yet."""
        self._notes = notes
        self._progress = progress
        self._known: tuple[WorkSeen, ...] = ()

    def __call__(self) -> None:
        """Tell what was looked at since the last time."""
        found = work_notes.read(self._notes)
        for seen in found:
            if seen not in self._known:
                self._progress.work_seen(seen)
        self._known = found
