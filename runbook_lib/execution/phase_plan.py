"""The plan of one phase: every step's outcome on every node, as plain data with a digest.

The digest covers outcomes, settings and values, nothing that moves by itself (boot time, free
space, an adapter's index): two sweeps of unchanged nodes have the same digest, and any value that
a plan compared makes another one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.commands.command import Detached, ManualAct
from runbook_lib.commands.powershell_text import render
from runbook_lib.steps.step import (
    Blocked,
    Change,
    Changes,
    Deferred,
    NoChange,
    Plan,
    RebootPending,
    Step,
    StepClass,
)

OUTCOMES: Mapping[type, str] = {
    Changes: "changes",
    NoChange: "no change",
    RebootPending: "reboot pending",
    Deferred: "deferred",
    Blocked: "blocked",
}


def outcome_of(plan: Plan) -> str:
    """Return a plan's outcome in the words of journal and plan file."""
    return next(word for kind, word in OUTCOMES.items() if isinstance(plan, kind))


def command_text(change: Change) -> str:
    """Return the change's command as an administrator could paste it, or a person's act."""
    if isinstance(change.by, ManualAct):
        return f"by hand: {change.by.instruction}"
    return render(change.by.command)


@dataclass(frozen=True)
class PlannedStep:
    """One step on one node, and what is to be done there.

    is_unasked: the node is off that would have to be asked.
    """

    name: str
    title: str
    step: Step
    plan: Plan
    is_unasked: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Return (step name, node): unique within a phase."""
        return (self.name, self.step.node)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return the changes, none for every other outcome."""
        return self.plan.changes if isinstance(self.plan, Changes) else ()

    @property
    def wishes(self) -> tuple[tuple[str, str], ...]:
        """Return (setting, after) of what the step may do at its turn, beside its changes."""
        return self.plan.wishes if isinstance(self.plan, Deferred | NoChange) else ()

    @property
    def reason(self) -> str:
        """Return why there is nothing to change, or why nothing can be."""
        match self.plan:
            case Changes():
                return ""
            case Blocked(reason=reason, next_step=next_step):
                return f"{reason}. Next: {next_step}"
            case other:
                return other.reason

    def data(self) -> dict[str, Any]:
        """Return the step as the journal and the plan file hold it."""
        return {
            "step": self.name,
            "node": self.step.node,
            "ids": list(self.step.ids),
            "step_class": self.step.step_class.value,
            "title": self.title,
            "outcome": outcome_of(self.plan),
            "reason": self.reason,
            "changes": [change_data(change) for change in self.changes],
            "wishes": [list(wish) for wish in self.wishes],
        }


def change_data(change: Change) -> dict[str, Any]:
    """Return one change as the journal and the plan file hold it."""
    data: dict[str, Any] = {
        "setting": change.setting,
        "before": change.before,
        "after": change.after,
        "undo": change.undo,
        "effect": change.effect.value,
        "command": command_text(change),
    }
    exposes = exposures(change)
    return {**data, "exposes": exposes} if exposes else data


def intent_data(planned: PlannedStep, change: Change) -> dict[str, Any]:
    """Return one change with what an intent says of its step."""
    step = planned.step
    told = {"ids": list(step.ids), "step_class": step.step_class.value}
    return {**told, **change_data(change)}


def exposures(change: Change) -> list[str]:
    """Return where secrets stand in plain text, or are kept, because of a change."""
    if isinstance(change.by, ManualAct):
        return []
    found = list(change.by.exposes)
    if isinstance(change.by.command, Detached):
        user = change.by.command.account.user
        found.append(f"the node's task scheduler keeps the password of {user} until the task ends")
    return found


@dataclass(frozen=True)
class PhasePlan:
    """What one phase would do, in the order in which it would do it."""

    phase: str
    steps: tuple[PlannedStep, ...]

    def data(self) -> dict[str, Any]:
        """Return the plan as it is written to plans/<phase>.json."""
        return {
            "phase": self.phase,
            "plan_sha256": self.digest,
            "steps": [planned.data() for planned in self.steps],
            "undo": self.undo(),
        }

    @property
    def digest(self) -> str:
        """Return the SHA-256 over what would be done and what was seen (hexadecimal)."""
        compared = [
            {
                "step": planned.name,
                "node": planned.step.node,
                "outcome": outcome_of(planned.plan),
                "changes": [[c.setting, c.before, c.after] for c in planned.changes],
                "wishes": [list(wish) for wish in planned.wishes],
            }
            for planned in self.steps
        ]
        text = json.dumps([self.phase, compared], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def undo(self) -> list[dict[str, str]]:
        """Return how the phase is taken back: the changes' undo sentences, last change first."""
        return [
            {"node": planned.step.node, "setting": change.setting, "undo": change.undo}
            for planned in reversed(self.steps)
            for change in reversed(planned.changes)
        ]

    @property
    def needs_approval(self) -> bool:
        """Tell whether anything could be changed; checks alone need nobody's word.

        A setting that only waits for a restart counts: the phase would restart the node.
        """
        return any(
            planned.changes
            or planned.wishes
            or (
                isinstance(planned.plan, Deferred | RebootPending)
                and planned.step.step_class is not StepClass.READ
            )
            for planned in self.steps
        )

    def blocked(self) -> tuple[PlannedStep, ...]:
        """Return the steps that cannot be done as things stand."""
        return tuple(p for p in self.steps if isinstance(p.plan, Blocked))

    def differs(self) -> bool:
        """Tell whether a node is not as wished (for `plan --exit-code`)."""
        return any(not isinstance(p.plan, NoChange | Deferred) for p in self.steps)

    def of(self, name: str) -> tuple[PlannedStep, ...]:
        """Return the planned steps of one name, node 1 first."""
        return tuple(planned for planned in self.steps if planned.name == name)


def remaining_is_covered(approved: Mapping[str, Any], now: Iterable[PlannedStep]) -> list[str]:
    """Return what `now` would change and the approved plan's data does not hold; empty is good.

    Used on resume, after some of the approved changes are made: settings and wished values
    must have been approved, as changes or as what a step may come to at its turn; what stood
    before may have moved by our own earlier changes.
    """
    wished = {
        (step["step"], step["node"], change["setting"], change["after"])
        for step in approved["steps"]
        for change in step["changes"]
    } | {
        (step["step"], step["node"], setting, after)
        for step in approved["steps"]
        for setting, after in step.get("wishes", ())
    }
    return [
        f"{planned.name} on {planned.step.node}: {change.setting}, "
        f"{change.before} -> {change.after}"
        for planned in now
        for change in planned.changes
        if (planned.name, planned.step.node, change.setting, change.after) not in wished
    ]


def shows(plan: Plan, setting: str, after: str) -> bool | None:
    """Tell from a plan made after an act whether the change is there.

    None: the read could not see it, because the step cannot be planned as things stand.
    """
    if isinstance(plan, Blocked | Deferred):
        return None
    return wanted_again(plan, setting, after) is None


def wanted_again(plan: Plan, setting: str, after: str) -> Change | None:
    """Return the change that a plan made after an act still wants, as it is to be made now."""
    changes = plan.changes if isinstance(plan, Changes) else ()
    return next((c for c in changes if (c.setting, c.after) == (setting, after)), None)


def fingerprint(plan: Plan) -> tuple[str, frozenset[tuple[str, str, str]]]:
    """Return what two sweeps of an unchanged node share."""
    changes = plan.changes if isinstance(plan, Changes) else ()
    return outcome_of(plan), frozenset((c.setting, c.before, c.after) for c in changes)


def describe(plan: Plan) -> str:
    """Return a plan in one clause, for an error's Why."""
    match plan:
        case Changes(changes=changes):
            return "; ".join(f"{c.setting} {c.before}, wanted {c.after}" for c in changes)
        case Deferred(until=until, why=why):
            return f"nothing to tell yet ({why})" if why else f"nothing to tell before {until}"
        case _:
            return f"{outcome_of(plan)}: {plan.reason}"
