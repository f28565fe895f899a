"""How far a run is, told from what stands in its journal, not from what papermill thinks."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from runbook_lib.journal.journal import read_entries


class Progress(Protocol):
    """Who tells a person how far the run is."""

    def phase_started(self, phase: str, n: int, total: int) -> None:
        """Phase n of total begins."""

    def step_finished(self, phase: str, step: str, node: str, outcome: str) -> None:
        """A step is verified on a node."""

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
