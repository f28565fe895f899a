"""How a run shows itself while it goes on: a line for what changed, counts for the rest."""

from __future__ import annotations

from collections import Counter

from runbook_lib.cli.output import TONES, tell

QUIET = frozenset({"no change", "unchanged"})
"""Outcomes that are counted, not listed: nothing had to be done."""


class Lines:
    """Progress as lines on standard error, the same for a terminal and for a log."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self._counts: Counter[str] = Counter()

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

    def phase_finished(self, phase: str, outcome: str, seconds: float) -> None:
        """Say how a phase ended."""
        counts = ", ".join(f"{count} {word}" for word, count in sorted(self._counts.items()))
        steps = f": {counts}" if counts else ""
        tell(f"      {phase} {outcome} in {seconds:.1f} s{steps}", TONES.get(outcome))

    def note(self, text: str) -> None:
        """Say something else that a person should know."""
        tell(f"      {text}")
