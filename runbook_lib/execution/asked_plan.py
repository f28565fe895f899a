"""A plan as it is laid before the person who approves it: all that it may do, and what stays.

What a step does only at its turn is approved too: a partition, a format, a move. It is therefore
listed and counted beside the changes that are known already.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook_lib.execution import backout
from runbook_lib.execution.run_folder import OpenGate, RunFolder
from runbook_lib.steps.step import Effect

BY_HAND = "by hand: "
"""How the plan tells a person's act from a command."""

AT_ITS_TURN = "told at its turn"
COLUMNS = ("node", "what", "before", "after", "undone by")
INTERRUPTIONS = "an interruption: clients are shut out while the mailbox server moves, each time"

Steps = Sequence[Mapping[str, Any]]


def rows(steps: Steps) -> tuple[tuple[str, str, str, str, str], ...]:
    """Return a line for each change that the plan makes or may make, in order (COLUMNS)."""
    found: list[tuple[str, str, str, str, str]] = []
    for step in steps:
        node = str(step["node"])
        found += [
            (node, each["setting"], each["before"], each["after"], each["undo"])
            for each in step["changes"]
        ]
        found += [
            (node, setting, AT_ITS_TURN, after, AT_ITS_TURN)
            for setting, after in step.get("wishes", ())
        ]
    return tuple(found)


def counts(steps: Steps) -> str:
    """Return a plan in figures: changes by node, what may follow, acts by hand, restarts."""
    changes = [(step["node"], change) for step in steps for change in step["changes"]]
    nodes = dict.fromkeys(step["node"] for step in steps)
    by_node = ", ".join(f"{sum(on == node for on, _ in changes)} on {node}" for node in nodes)
    at_turn = sum(len(step.get("wishes", ())) for step in steps)
    by_hand = sum(change["command"].startswith(BY_HAND) for _, change in changes)
    later = sum(change["effect"] == Effect.AFTER_REBOOT.value for _, change in changes)
    parts = [f"{len(changes)} change{'' if len(changes) == 1 else 's'}: {by_node}"]
    parts += [f"up to {at_turn} more that are {AT_ITS_TURN}"] if at_turn else []
    parts += [f"{by_hand} done by hand"] if by_hand else []
    parts += [f"{later} in force after a restart"] if later else []
    return f"{'; '.join(parts)}."


def notes(phase: str, steps: Steps) -> tuple[str, ...]:
    """Return what else the approver should know: restarts, what stays, where secrets stand."""
    changes = [(str(step["node"]), change) for step in steps for change in step["changes"]]
    restarts = _unique(n for n, c in changes if c["effect"] == Effect.AFTER_REBOOT.value)
    exposed = _unique(str(each) for _, change in changes for each in change.get("exposes", ()))
    parts = (
        ("Restarted at the end", restarts),
        ("Not taken back", (stays(phase),) if rows(steps) else ()),
        ("Exposed meanwhile", exposed),
    )
    return tuple(f"{label}: {'; '.join(each)}." for label, each in parts if any(each))


def stays(phase: str) -> str:
    """Return what nobody takes back of a phase; empty when there is nothing."""
    if phase == "90_prove_failover":
        return INTERRUPTIONS
    found = next((stage.stays for stage in backout.STAGES if phase in stage.phases), "")
    return "" if found == backout.NOTHING else found


def of_gate(run: Path, gate: OpenGate) -> Steps:
    """Return the steps of the plan that a gate asks about; none when its file holds another."""
    try:
        plan = json.loads(RunFolder(run).plan(gate.phase).read_text("utf-8"))
    except (OSError, ValueError):
        return ()
    if gate.kind != "plan" or plan.get("plan_sha256") != gate.plan_sha256:
        return ()
    return tuple(plan["steps"])


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
