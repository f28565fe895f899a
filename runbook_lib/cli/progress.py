"""How a run shows itself while it goes on: a line for what changed, counts for the rest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from runbook_lib.cli.output import TONES, tell

if TYPE_CHECKING:
    from runbook_lib.sessions.session import WorkSeen

QUIET = frozenset({"no change", "unchanged"})
"""Outcomes that are counted, not listed: nothing had to be done."""

SAYS_MORE_S = 5.0
"""Between two lines about one work that says something new; long work is told of less often."""

SAYS_NOTHING_S = 30.0
"""Between two lines about one work that says nothing new."""


class Lines:
    """Progress as lines on standard error, the same for a terminal and for a log."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self._counts: Counter[str] = Counter()
        self._told: dict[str, WorkSeen] = {}

    def phase_started(self, phase: str, n: int, total: int) -> None:
        """Say which phase begins."""
        self._counts.clear()
        tell(f"[{n}/{total}] {phase}", "strong")

    def step_finished(self, phase: str, step: str, node: str, outcome: str) -> None:
        """Say what a step did, unless nothing had to be done."""
        del phase
        self._counts[outcome] += 1
        if outcome not in QUIET:
            tell(f"      {outcome:<15} {step.replace('_', ' ')}, {node}", TONES.get(outcome))

    def work_seen(self, seen: WorkSeen) -> None:
        """Say how far long work is, sooner when it says something new."""
        # Imported here: a command that waits for no node needs none of it.
        from runbook_lib.execution.work_notes import lines

        told = self._told.get(seen.task)
        if told is not None:
            says_more = seen.last != told.last
            pause_s = SAYS_MORE_S if says_more else SAYS_NOTHING_S
            if seen.waited_s - told.waited_s < max(pause_s, told.waited_s / 10):
                return
        for text in lines([seen]):
            self._told[seen.task] = seen
            tell(f"      {text}")

    def phase_finished(self, phase: str, outcome: str, seconds: float) -> None:
        """Say how a phase ended."""
        counts = ", ".join(f"{count} {word}" for word, count in sorted(self._counts.items()))
        steps = f": {counts}" if counts else ""
        tell(f"      {phase} {outcome} in {seconds:.1f} s{steps}", TONES.get(outcome))

    def note(self, text: str) -> None:
        """Say something else that a person should know."""
        tell(f"      {text}")
