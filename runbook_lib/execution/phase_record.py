"""What the journal says of a phase's earlier attempts, and how an attempt's end is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runbook_lib.errors import ExitCode, RunbookError
from runbook_lib.execution.phase_plan import PhasePlan
from runbook_lib.execution.run_folder import attempts_of
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal


def journal_end(
    journal: Journal,
    phase: str,
    ended: tuple[str, int],
    *,
    step: str | None = None,
    error: Exception | None = None,
) -> None:
    """Append why and how an attempt at a phase ended: its outcome and exit code."""
    outcome, code = ended
    if outcome == "interrupted":
        signal_ = "SIGTERM" if code == ExitCode.TERMINATED else "SIGINT"
        journal.append("interrupted", {"phase": phase, "signal": signal_})
    if error is not None:
        known = isinstance(error, RunbookError)
        journal.append(
            "failed",
            {
                "phase": phase,
                "step": step,
                "node": None,
                "error": type(error).__name__,
                "what": error.what if isinstance(error, RunbookError) else "an error of its own",
                "why": error.why if isinstance(error, RunbookError) else type(error).__name__,
                "next": error.next_step if isinstance(error, RunbookError) else "report it",
                "exit_code": code,
                "known": known,
            },
        )
    attempt = attempts_of(journal.entries, phase)
    journal.append(
        "phase_closed",
        {"phase": phase, "attempt": attempt, "outcome": outcome, "exit_code": code},
    )


def open_intents(entries: Sequence[JournalEntry], phase: str) -> list[JournalEntry]:
    """Return the changes of a phase that were about to be sent and have no result."""
    waiting: dict[int, JournalEntry] = {}
    for entry in entries:
        if entry.event == "intent" and entry.data["phase"] == phase:
            waiting[entry.seq] = entry
        elif entry.event in {"result", "adopted"}:
            waiting.pop(entry.data["intent"], None)
    return list(waiting.values())


def approved_before(entries: Sequence[JournalEntry], phase: str) -> dict[str, Any] | None:
    """Return the data of the plan that was approved last for a phase.

    None without one, and after a refusal: it takes back what was approved before.
    """
    plans = {
        e.data["plan_sha256"]: e.data
        for e in entries
        if e.event == "planned" and e.data["phase"] == phase
    }
    answers = [
        e.data for e in entries if e.event == "gate_answered" and e.data["gate"] == f"{phase}.plan"
    ]
    if not answers or answers[-1]["answer"] != "approve":
        return None
    digest = answers[-1]["plan_sha256"]
    return dict(plans[digest]) if digest in plans else None


def changed_since(entries: Sequence[JournalEntry], phase: str, digest: str) -> bool:
    """Tell whether anything was about to be sent, or a person asked to act, since the approval."""
    approved = max(
        e.seq for e in entries if e.event == "gate_answered" and e.data["plan_sha256"] == digest
    )
    return any(
        (e.event == "intent" or (e.event == "gate_opened" and e.data["kind"] == "manual"))
        and e.data["phase"] == phase
        and e.seq > approved
        for e in entries
    )


def differences(approved: dict[str, Any], now: PhasePlan) -> str:
    """Return which steps' outcomes differ between an approved plan's data and a plan."""
    then = {(s["step"], s["node"]): _essence(s) for s in approved["steps"]}
    found = [
        f"{p.title} on {p.step.node}: {then.get(p.key, 'not planned')}, now {_essence(p.data())}"
        for p in now.steps
        if then.get(p.key) != _essence(p.data())
    ]
    return "; ".join(found)


def _essence(step: dict[str, Any]) -> str:
    changes = [f"{c['setting']} {c['before']} -> {c['after']}" for c in step["changes"]]
    return ", ".join(changes) or str(step["outcome"])


def waiting_for_restart(entries: Sequence[JournalEntry], phase: str) -> set[tuple[str, str]]:
    """Return the steps that were changed and come into force only now."""
    found = set()
    for entry in entries:
        data = entry.data
        if entry.event == "intent" and (data["phase"], data["effect"]) == (phase, "after reboot"):
            found.add((data["step"], data["node"]))
    return found


def verified_steps(entries: Sequence[JournalEntry], phase: str) -> list[dict[str, Any]]:
    """Return the data of every step of a phase that a read has shown, in order."""
    return [
        dict(entry.data)
        for entry in entries
        if entry.event == "verified" and entry.data["phase"] == phase
    ]
