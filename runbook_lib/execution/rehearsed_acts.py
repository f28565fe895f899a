"""An act that a person does at a real node, done on a simulated one.

A rehearsal whose gates a person answers (`approval: person`) has no machine to walk to. The lab
keeps its world beside the run, so the act can be done while no phase is open.
"""

from __future__ import annotations

from runbook_lib.commands.command import ManualAct
from runbook_lib.errors import PreconditionError
from runbook_lib.execution.connections import keep_lab
from runbook_lib.execution.gates import manual_gate
from runbook_lib.execution.phase_plan import PhasePlan
from runbook_lib.execution.start import Start
from runbook_lib.topology.models import Target


def is_rehearsal(started: Start) -> bool:
    """Tell whether the nodes are simulated ones."""
    return started.topology.target is Target.LAB


def perform(started: Start, plan: PhasePlan, gate: str) -> None:
    """Do the act that a gate waits for; the gate still wants its answer.

    Raises PreconditionError when the plan holds no such act or the nodes are real.
    """
    found = [
        (change.by, planned.step.node)
        for planned in plan.steps
        for change in planned.changes
        if isinstance(change.by, ManualAct)
        and manual_gate(plan.phase, planned.name, planned.step.node, "").name == gate
    ]
    folder = started.folder
    with keep_lab(started.loaded, folder.parameters, folder, started.phase) as lab:
        if lab is None or not found:
            raise PreconditionError(
                f"The act of gate {gate} cannot be done from here.",
                why="the nodes are real ones" if lab is None else "the plan holds no such act",
                next_step="do it at the node, then answer the gate",
            )
        for act, node in found:
            if not act.is_word:
                lab.control.perform(act, node)
