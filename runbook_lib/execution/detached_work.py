"""Detached work in a run's record: its task's name in the intent, what it wrote in the logs.

A task outlives the process that started it. So before anything is planned on resume, work whose
end nobody has seen is watched to its end: it is never started a second time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from runbook_lib import redaction
from runbook_lib.commands.command import (
    Action,
    Detached,
    ManualAct,
    Outcome,
    Program,
    Secret,
    TaskAccount,
)
from runbook_lib.errors import CommandFailedError, OutcomeUnknownError, RunbookError
from runbook_lib.execution.phase_record import open_intents
from runbook_lib.execution.run_folder import outcome_of, write_file
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal
from runbook_lib.sessions.session import (
    ExpectedIdentity,
    Session,
    WorkFailedError,
    WorkLostError,
)
from runbook_lib.steps.step import Change

_NOBODY = TaskAccount("", Secret(""))
"""Work that is only waited for needs no account."""


def named(change: Change, journal: Journal) -> Change:
    """Return a change with its task named after run and journal; others as they are."""
    action = change.by
    if isinstance(action, ManualAct) or not isinstance(action.command, Detached):
        return change
    # A folder's name may come again: in it or from another machine, on the same nodes.
    run = journal.entries[0].digest[:8] if journal.entries else "0"
    work = replace(action.command, task=f"rb-{run}-{len(journal.entries)}")
    return replace(change, by=replace(action, command=work))


def task_of(change: Change) -> str:
    """Return the name of a change's task, "" for work in the session."""
    action = change.by
    is_detached = isinstance(action, Action) and isinstance(action.command, Detached)
    return action.command.task if is_detached else ""  # type: ignore[union-attr] # just asked


def intent_data(change: Change) -> dict[str, Any]:
    """Return what an intent holds besides, so that another process can wait for the work."""
    task = task_of(change)
    if not task or not isinstance(change.by, Action):
        return {}
    accepts = {str(code): meaning.value for code, meaning in change.by.accepts.items()}
    return {"task": task, "deadline_s": change.by.deadline_s, "accepts": accepts}


def refuse_beside_another(change: Change, node: str, open_: Sequence[JournalEntry]) -> None:
    """Raise OutcomeUnknownError for a task while nobody has seen the end of one on that node.

    open_: what was about to be sent and has no result. A node that was silent when the attempt
    began may have been at work all the time: the next attempt waits for that.
    """
    others = [_task(intent) for intent in open_ if intent.data["node"] == node and _task(intent)]
    if others and task_of(change):
        raise OutcomeUnknownError(
            f"{node} may still be at work for an earlier attempt; nothing was started beside it.",
            why=f"task {others[0]} was begun while {node} answered last, and nobody saw its end",
            next_step="resume the run: it waits for that task first",
        )


def keep_log(journal: Journal, task: str, log: str | None) -> dict[str, str]:
    """Write what a task wrote to logs/<task>.log, secrets masked; return what a result says."""
    if not task or log is None:
        return {}
    text = redaction.redact(log)
    name = f"logs/{task}.log"
    write_file(journal.path.parent / name, text)
    return {"log": name, "log_sha256": hashlib.sha256(text.encode("utf-8")).hexdigest()}


Left = tuple[str, str]
"""A node, and the name of a task that may still be on it: its batch file may hold a secret."""


def clean_up(session: Session, task: str, identity: ExpectedIdentity) -> bool:
    """Remove an ended task from its node; return whether nothing of it is left there."""
    try:
        if task:
            session.clean_up(task, identity)
    except RunbookError:
        return False
    return True


@dataclass(frozen=True)
class Resumed:
    """Detached work that an earlier attempt at a phase began."""

    phase: str
    journal: Journal
    sessions: Mapping[str, Session]
    identities: Mapping[str, ExpectedIdentity]
    _left: set[Left] = field(default_factory=set)

    def settle(self, off: AbstractSet[str]) -> set[Left]:
        """Watch every unfinished task to its end, and journal that; then remove what is left.

        off: nodes that are switched off; their tasks are judged later, by what a read shows.
        Returns what could not be removed.
        Raises CommandFailedError for work that failed, OutcomeUnknownError for work that has
        not ended within its time.
        """
        open_ = [each for each in open_intents(self.journal.entries, self.phase) if _task(each)]
        for intent in open_:
            if intent.data["node"] not in off:
                self._await(intent)
        awaited = {intent.seq for intent in open_ if intent.data["node"] not in off}
        for intent in self._earlier_tasks():
            if intent.seq in awaited:
                continue
            if intent.data["node"] in off:
                self._left.add((intent.data["node"], _task(intent)))
            else:
                self._clean_up(intent)
        return self._left

    def _await(self, intent: JournalEntry) -> None:
        data = intent.data
        work = Detached(Program(str(data["setting"])), _NOBODY, _task(intent))
        accepts = {int(code): Outcome(meaning) for code, meaning in data["accepts"].items()}
        pending = self.sessions[data["node"]].attach(Action(work, accepts=accepts))
        try:
            answer = pending.finish(float(data["deadline_s"]))
        except WorkLostError as lost:
            # What it has left undone, the plan will show.
            self._result(intent, "failed", None, [lost.why])
        except WorkFailedError as failure:
            kept = keep_log(self.journal, _task(intent), failure.log)
            self._result(intent, "failed", failure.code, [failure.why], kept)
            self._clean_up(intent)
            raise
        except CommandFailedError as failure:
            self._result(intent, "failed", None, [failure.why])
            self._clean_up(intent)
            raise
        else:
            if answer is None:
                self._result(intent, "absent", None, ["the node has no such task"])
            else:
                kept = keep_log(self.journal, _task(intent), answer.log)
                outcome = answer.outcome.value
                self._result(intent, outcome, answer.code, list(answer.output), kept)
        self._clean_up(intent)

    def _result(
        self,
        intent: JournalEntry,
        outcome: str,
        code: int | None,
        output: Sequence[str],
        kept: Mapping[str, str] | None = None,
    ) -> None:
        said: dict[str, Any] = {
            "intent": intent.seq,
            "outcome": outcome,
            "code": code,
            "output": list(output),
        }
        self.journal.append("result", {**said, **(kept or {})})

    def _clean_up(self, intent: JournalEntry) -> None:
        node, task = intent.data["node"], _task(intent)
        if not clean_up(self.sessions[node], task, self.identities[node]):
            self._left.add((node, task))

    def _earlier_tasks(self) -> Iterator[JournalEntry]:
        """Yield the tasks of a phase that did not end well: each may still be on its node."""
        entries = self.journal.entries
        # This attempt is open already; what counts is how the one before it ended.
        before = entries[: max((e.seq for e in entries if _opens(e, self.phase)), default=0)]
        if outcome_of(before, self.phase) in {"not started", "done"}:
            return
        for entry in before:
            if entry.event == "intent" and entry.data["phase"] == self.phase and _task(entry):
                yield entry


def _task(intent: JournalEntry) -> str:
    return str(intent.data.get("task", ""))


def _opens(entry: JournalEntry, phase: str) -> bool:
    return entry.event == "phase_opened" and entry.data["phase"] == phase
