"""How far a phase is, told from its journal: a state for each step on each node.

Pure: entries in, values out. What an earlier attempt made true stays shown as made until a newer
plan wants it changed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.journal.entry import JournalEntry

Key = tuple[str, str]
"""Step, node."""

MADE = frozenset({"changed", "adopted", "reboot pending"})
"""What a step counts as when it changed something, whoever looks at it later."""

_PLANNED = {"changes": "to change"}
_AFTER_RESULT = {
    "failed": "failed",
    "not sent": "failed",
    "absent": "to change",
    "adopted": "adopted",
}
"""What is known of a change before a read has proved it; after any other result it stays sent."""
_RESTART = "restart"


@dataclass
class Progress:
    """Where one phase stands.

    states: the word for each step on each node that has one; done: those that a read has shown.
    """

    phase: str
    attempt: int = 0
    ended: str = ""
    error: str = ""
    waits_for: tuple[str, ...] = ()
    planned: bool = False
    changes: int = 0
    states: dict[Key, str] = field(default_factory=dict)
    done: set[Key] = field(default_factory=set)

    def headline(self) -> str:
        """Return where the phase stands, in one line."""
        if not self.planned:
            return "not planned yet"
        planned = f"{self.changes} change{'' if self.changes == 1 else 's'} planned"
        if not self.attempt:
            return f"plan only \u00b7 {planned}"
        parts = [f"attempt {self.attempt}"] if self.attempt > 1 else []
        parts.append(f"{len(self.done)} of {len(self.states)} done")
        if self.changes and not self.done:
            parts.append(planned)
        if self.waits_for:
            parts.append(f"waits for a person: {', '.join(self.waits_for)}")
        elif self.ended:
            parts.append(f"{self.ended}: {self.error}" if self.error else self.ended)
        return " \u00b7 ".join(parts)


def progress_of(phase: str, entries: Iterable[JournalEntry]) -> Progress:
    """Return how far a phase is by a run's journal."""
    found = Progress(phase)
    waiting: dict[str, Mapping[str, Any]] = {}
    intents: dict[int, Key] = {}
    for entry in entries:
        data = entry.data
        if entry.event == "gate_answered":
            _answered(found, waiting.pop(data["gate"], {}), data["answer"])
        elif entry.event in {"result", "adopted"} and data["intent"] in intents:
            outcome = data.get("outcome", entry.event)
            key = intents[data["intent"]]
            found.states[key] = _AFTER_RESULT.get(outcome, found.states[key])
        elif data.get("phase") == phase:
            if entry.event == "intent" and data["step"] != _RESTART:
                intents[entry.seq] = (data["step"], data["node"])
            elif entry.event == "gate_opened":
                waiting[data["gate"]] = data
            _TELLERS.get(entry.event, _nothing)(found, data)
    asked = [gate for gate in waiting.values() if gate["phase"] == phase]
    found.waits_for = tuple(_short(gate) for gate in asked) if found.ended == "waiting" else ()
    return found


def progress_of_plan(phase: str, steps: Sequence[Mapping[str, Any]]) -> Progress:
    """Return what a plan alone says; steps: as plan file and journal hold them."""
    found = Progress(phase)
    _planned(found, {"steps": steps})
    return found


def _opened(found: Progress, data: Mapping[str, Any]) -> None:
    found.attempt, found.ended, found.error = data["attempt"], "", ""


def _planned(found: Progress, data: Mapping[str, Any]) -> None:
    found.planned = True
    found.changes = sum(len(step["changes"]) for step in data["steps"])
    for step in data["steps"]:
        key, outcome = (step["step"], step["node"]), step["outcome"]
        if outcome in {"changes", "blocked"}:
            found.done.discard(key)
        if key not in found.done:
            found.states[key] = _PLANNED.get(outcome, outcome)


def _gate_opened(found: Progress, data: Mapping[str, Any]) -> None:
    if data["step"] is not None:
        found.states[data["step"], data["node"]] = "waiting"


def _answered(found: Progress, gate: Mapping[str, Any], answer: str) -> None:
    if gate.get("phase") == found.phase and gate.get("step") is not None:
        state = "to change" if answer == "approve" else "refused"
        found.states[gate["step"], gate["node"]] = state


def _intended(found: Progress, data: Mapping[str, Any]) -> None:
    if data["step"] != _RESTART:
        found.states[data["step"], data["node"]] = "sent"


def _verified(found: Progress, data: Mapping[str, Any]) -> None:
    key, outcome = (data["step"], data["node"]), data["outcome"]
    before = found.states.get(key)
    if outcome == "unchanged" and before in MADE:
        # A later look at what this phase made; after its restart it is in force.
        outcome = "changed" if before == "reboot pending" else before
    found.states[key] = outcome
    found.done.add(key)


def _failed(found: Progress, data: Mapping[str, Any]) -> None:
    found.error = data["what"]
    of_step = {key: state for key, state in found.states.items() if key[0] == data["step"]}
    if "failed" in of_step.values():
        return  # The node is known by its own answer.
    for key, state in of_step.items():
        if state in {"sent", "to change", "waiting"}:
            found.states[key] = "failed"


def _closed(found: Progress, data: Mapping[str, Any]) -> None:
    found.ended = data["outcome"]


def _nothing(_found: Progress, _data: Mapping[str, Any]) -> None:
    """Leave progress as it is: the entry tells of something else."""


_TELLERS = {
    "phase_opened": _opened,
    "planned": _planned,
    "gate_opened": _gate_opened,
    "intent": _intended,
    "verified": _verified,
    "failed": _failed,
    "phase_closed": _closed,
}


def _short(gate: Mapping[str, Any]) -> str:
    return "approval of the plan" if gate["kind"] == "plan" else f"an act at {gate['node']}"
