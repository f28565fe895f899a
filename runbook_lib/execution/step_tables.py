"""Plans and results as the tables that notebooks and the command line show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.execution.phase_plan import PlannedStep, outcome_of
from runbook_lib.pictures.table import Table, step_table
from runbook_lib.steps.step import Changes, Deferred, NoChange, RebootPending


def planned_table(steps: Sequence[PlannedStep]) -> Table:
    """Return what steps would do, a line for each change that they will or may make."""
    rows: list[tuple[str, str, str, str, str, int | None]] = []
    for planned in steps:
        node = planned.step.node
        match planned.plan:
            case Changes(changes=changes):
                rows.extend(
                    (node, c.setting, c.before, c.after, "to change", None) for c in changes
                )
            case NoChange() | Deferred() | RebootPending():
                outcome = outcome_of(planned.plan)
                rows.append((node, planned.title, planned.reason, "", outcome, None))
                rows.extend(
                    (node, setting, "told at its turn", after, "deferred", None)
                    for setting, after in planned.wishes
                )
            case _:
                rows.append((node, planned.title, planned.reason, "", "blocked", None))
    return step_table(rows)


def undo_table(steps: Sequence[Mapping[str, Any]]) -> Table:
    """Return how the changes of steps are undone, the last change first.

    steps: the data of planned or verified steps, in the order of the procedure.
    """
    return step_table(
        (step["node"], change["setting"], change["after"], change["undo"], "undo", None)
        for step in reversed(steps)
        for change in reversed(step["changes"])
    )
