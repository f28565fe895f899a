"""Steps that a run has left behind, in a phase whose nodes are switched off and on in turn.

What was shown while one node ran alone cannot be shown again once the other one does: asking for
it would send a person back to the switches for ever. The journal of this run says that it was.
Rules that bind this file:
1. Only a step of an earlier stage is passed by; a stage begins with a step that switches.
2. A node that runs is asked, whatever the journal says of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from runbook_lib.commands.command import ManualAct
from runbook_lib.execution.phase_plan import PlannedStep
from runbook_lib.execution.power_watch import is_about_power
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.steps.step import Deferred, NoChange, PowerOf, Step, StepClass

Key = tuple[str, str]
"""(step name, node)."""

SHOWN = frozenset({"changed", "unchanged", "adopted"})


@dataclass(frozen=True)
class Passed:
    """The steps of one phase that lie behind: key -> the entry that shows it."""

    phase: str
    entries: Mapping[Key, int]

    def by(self, planned: PlannedStep) -> PlannedStep:
        """Return the step as it was planned, or as passed where it cannot be asked any more."""
        seq = self.entries.get(planned.key)
        if seq is None or not (_switches_back(planned) or self._waits(planned)):
            return planned
        reason = f"shown before a machine was switched (journal {seq})"
        return replace(planned, plan=NoChange(reason), is_unasked=False)

    def _waits(self, planned: PlannedStep) -> bool:
        return isinstance(planned.plan, Deferred) and planned.plan.until == self.phase


def passed(
    phase: str, entries: Iterable[JournalEntry], steps: Sequence[tuple[str, Step]]
) -> Passed:
    """Return what lies behind: the stages before the first one that was not shown to its end."""
    shown = _shown(phase, entries)
    behind: dict[Key, int] = {}
    stages = _stages(steps)
    for stage in stages[:-1]:
        if not all(key in shown for key in stage):
            break
        behind.update({key: shown[key] for key in stage})
    return Passed(phase, behind)


def _shown(phase: str, entries: Iterable[JournalEntry]) -> dict[Key, int]:
    """Return which steps were verified since they were last to be changed."""
    shown: dict[Key, int] = {}
    for entry in entries:
        if entry.event not in {"verified", "intent"} or entry.data["phase"] != phase:
            continue
        key = (str(entry.data["step"]), str(entry.data["node"]))
        if entry.event == "verified" and entry.data["outcome"] in SHOWN:
            shown[key] = entry.seq
        else:
            shown.pop(key, None)
    return shown


def _stages(steps: Sequence[tuple[str, Step]]) -> list[list[Key]]:
    stages: list[list[Key]] = [[]]
    for name, step in steps:
        if _may_switch(step):
            stages.append([])
        stages[-1].append((name, step.node))
    return stages


def _may_switch(step: Step) -> bool:
    """Tell whether a step is about the power of a machine: it asks for it, and may change it."""
    asks = any(isinstance(read, PowerOf) for read in step.reads().values())
    return asks and step.step_class is not StepClass.READ


def _switches_back(planned: PlannedStep) -> bool:
    return any(
        isinstance(change.by, ManualAct) and is_about_power(change.by) for change in planned.changes
    )
