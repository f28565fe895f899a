"""The one restart of a phase: asked for under an intent, believed only by a moved boot time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from runbook_lib.clock import Deadline
from runbook_lib.commands import power
from runbook_lib.commands.system import Identity
from runbook_lib.errors import (
    CommandFailedError,
    OutcomeUnknownError,
    RebootError,
    RunbookError,
    TransportError,
    WrongNodeError,
)
from runbook_lib.execution import identity
from runbook_lib.execution.acting import Crew
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.steps.step import Effect, StepClass

STEP = "restart"
TOLERANCE = timedelta(seconds=2)
"""A corrected clock moves the boot time a little; a restart moves it by far more."""
PROBE_S = 30.0
"""For one look at a node: just after a start, WMI takes seconds to answer at all."""

NOT_NOW = (TransportError, CommandFailedError)
"""What a look at a node may meet that goes down or comes up: Windows stops scripts then, too."""

LOOKS_WHILE_STOPPING = 6
"""WinRM may answer for a while after the warning, until Windows has stopped its service."""

STEADY_PROBES = 3
"""Answers in a row before a node counts as back: its services start one after the other."""


def needed(entries: Iterable[JournalEntry], phase: str) -> set[str]:
    """Return the nodes with a change of this phase that still waits for a restart.

    Another phase's restart is not this one's to make: nobody agreed to it here.
    """
    waiting: set[str] = set()
    effects: dict[int, tuple[str, bool]] = {}
    for entry in entries:
        data = entry.data
        if entry.event == "intent" and data["phase"] == phase:
            later = data["effect"] == Effect.AFTER_REBOOT.value
            effects[entry.seq] = (str(data["node"]), later)
        elif entry.event in {"result", "adopted"}:
            node, later = effects.get(int(str(data["intent"])), ("", False))
            accepted = data.get("outcome") not in {"failed", "absent", "not sent"}
            if accepted and (later or data.get("outcome") == "reboot needed"):
                waiting.add(node)
        elif entry.event == "rebooted":
            waiting.discard(str(data["node"]))
    return waiting


def unfinished(entries: Iterable[JournalEntry]) -> dict[str, JournalEntry]:
    """Return the restarts that were asked for and not seen to end, by node."""
    open_: dict[str, JournalEntry] = {}
    for entry in entries:
        if entry.event == "intent" and entry.data["step"] == STEP:
            open_[str(entry.data["node"])] = entry
        elif entry.event == "rebooted":
            open_.pop(str(entry.data["node"]), None)
    return open_


def settle(phase: str, crew: Crew, *, deadline_s: float) -> None:
    """Find out what became of restarts that an earlier attempt asked for.

    A restart that Windows accepted is awaited. One whose answer nobody has heard is given the
    time in which Windows would go down; if the node still runs by then, it was never asked.
    """
    entries = crew.journal.entries
    answered = {e.data["intent"]: e.data["outcome"] for e in entries if e.event == "result"}
    for node, intent in unfinished(entries).items():
        before = datetime.fromisoformat(str(intent.data["before"]))
        answer = answered.get(intent.seq)
        if answer in {"failed", "absent"}:
            continue
        if answer == "accepted" or _goes_down(node, before, crew):
            _await(phase, node, before, crew, Deadline.after(crew.clock, deadline_s))
        else:
            _result(crew, intent, "absent", None)


def _goes_down(node: str, before: datetime, crew: Crew) -> bool:
    """Tell whether a node goes down, or has been down, within the time that Windows takes."""
    patience_s = 2 * power.SECONDS_OF_WARNING + LOOKS_WHILE_STOPPING * crew.poll_s
    deadline = Deadline.after(crew.clock, patience_s)
    while not deadline.is_over:
        try:
            seen = identity.ask(crew.sessions, [node], PROBE_S)[node]
        except NOT_NOW:
            return True
        if seen.booted_at > before + TOLERANCE:
            return True
        crew.clock.sleep(max(crew.poll_s, 0.1))
    return False


def restart(
    phase: str, nodes: Iterable[str], crew: Crew, *, deadline_s: float
) -> dict[str, JournalEntry]:
    """Restart the nodes side by side; return each node's `rebooted` entry.

    Raises RebootError when a node does not go, or does not come back within `deadline_s`.
    """
    found = identity.ask(crew.sessions, nodes)
    pending = {}
    for node, seen in found.items():
        crew.alive()
        intent = _intend(phase, node, seen.booted_at, crew)
        action = power.restart(f"scc-runbook {phase}")
        pending[node] = intent, crew.sessions[node].begin_act(action, crew.identities[node])
    refused = None
    for intent, act in pending.values():
        try:
            answer = act.finish(60.0)
        except OutcomeUnknownError:
            # The node may go down before it answers; its boot time will tell.
            _result(crew, intent, "unknown", None)
        except RunbookError as error:
            _result(crew, intent, "failed", None)
            refused = refused or error
        else:
            _result(crew, intent, "accepted", answer.code)
    if refused:
        raise refused
    deadline = Deadline.after(crew.clock, deadline_s)
    return {
        node: _await(phase, node, seen.booted_at, crew, deadline) for node, seen in found.items()
    }


def _intend(phase: str, node: str, booted_at: datetime, crew: Crew) -> JournalEntry:
    return crew.journal.append(
        "intent",
        {
            "phase": phase,
            "step": STEP,
            "node": node,
            "ids": [],
            "step_class": StepClass.ONE_SHOT.value,
            "setting": "started at",
            "before": booted_at.isoformat(),
            "after": "restarted once",
            "undo": "a restart cannot be undone",
            "effect": Effect.NOW.value,
            "command": "shutdown.exe /r /t 5 /f",
        },
    )


def _result(crew: Crew, intent: JournalEntry, outcome: str, code: int | None) -> None:
    crew.journal.append(
        "result", {"intent": intent.seq, "outcome": outcome, "code": code, "output": []}
    )


def _await(phase: str, node: str, before: datetime, crew: Crew, deadline: Deadline) -> JournalEntry:
    """Return when the node answered steadily with a later boot time."""
    steady, last = 0, "no answer"
    while steady < STEADY_PROBES:
        try:
            if steady == 0:
                crew.sessions[node].reconnect()
            seen = identity.ask(crew.sessions, [node], PROBE_S)[node]
        except NOT_NOW as error:
            steady, last = 0, error.why
        else:
            _refuse_other(node, seen, crew)
            if seen.booted_at > before + TOLERANCE:
                steady += 1
                continue
            steady, last = 0, f"it answers, started at {seen.booted_at.isoformat()} as before"
        if deadline.is_over:
            raise RebootError(
                f"{node} did not come back from its restart in time.",
                why=f"last seen: {last}",
                next_step=f"look at the console of {node} and, if it never went down, restart it "
                "there; when it runs again, resume the run",
            )
        crew.clock.sleep(crew.poll_s)
    return crew.journal.append(
        "rebooted",
        {
            "phase": phase,
            "node": node,
            "boot_before": before.isoformat(),
            "boot_after": seen.booted_at.isoformat(),
        },
    )


def _refuse_other(node: str, seen: Identity, crew: Crew) -> None:
    expected = crew.identities[node].machine_guid
    if seen.machine_guid != expected:
        raise WrongNodeError(
            f"Another machine came back at the address of {node}.",
            why=f"MachineGuid {seen.machine_guid} ({seen.computer_name}) answers, "
            f"{expected} was restarted",
            next_step="find out which machine has the address now; nothing more was changed",
        )
