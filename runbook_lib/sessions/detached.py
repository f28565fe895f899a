"""Work that runs on a node as a scheduled task: begun, watched to its end, cleaned up.

Rules that bind this file:
1. A task is started once. Whether a start took place whose reply was lost, the task tells.
2. The watch survives whatever happens to the connection; only the deadline ends it.
3. Nothing is removed before the caller has kept what the task left: `clean_up` is for later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from runbook_lib.clock import Clock, Deadline
from runbook_lib.commands.command import Action, Answer, Detached, Query, Read, Row, Script
from runbook_lib.errors import (
    CommandFailedError,
    MalformedReplyError,
    OutcomeUnknownError,
    RunbookError,
    SessionLostError,
    TransportError,
)
from runbook_lib.sessions import task_form, wire_form
from runbook_lib.sessions.session import ActionAnswer, ExpectedIdentity, FinishedWork
from runbook_lib.sessions.task_form import Sight, Standing
from runbook_lib.sessions.wire_form import ScriptCall

START_S = 120.0
"""For starting a task: files, cacls and schtasks take seconds."""

LOOK_S = 60.0
"""For one look at a task, its connection opened anew where it has to be."""

STARTS_OF_A_READ = 3
"""Until the node says that it started one: what only reads may be started again."""

LOOKS_BEFORE_ABSENT = 6
"""A start whose reply was lost may still be at work on the node."""

LOOKS_BEFORE_IDLE = 12
"""The scheduler takes a moment to start a task."""

LOOKS_BEFORE_LOST = 3
"""Between the program's end and its exit code on disk lies a moment."""

MOST_NONSENSE = 6
"""Answers in a row that make no sense; a connection that breaks may garble one or two."""

NOT_NOW = (TransportError, CommandFailedError)
"""What a look may meet while a node goes down or comes up: Windows stops scripts then, too."""

ANY_MACHINE = ExpectedIdentity("", None)


class PendingRows(Protocol):
    """A pipeline that was sent once."""

    def rows(self, deadline_s: float) -> Sequence[Row]:
        """Return its objects; raises as `PendingAct.finish` does."""
        ...


class Way(Protocol):
    """What detached work needs of a session."""

    @property
    def node(self) -> str:
        """Return the node's wished name."""
        ...

    @property
    def clock(self) -> Clock:
        """Return the time that deadlines count in."""
        ...

    @property
    def pause_s(self) -> float:
        """Return the seconds between two looks."""
        ...

    def ask(self, query: Query[Any], deadline_s: float) -> Any:
        """Return a query's value; raises as a read does."""
        ...

    def send(self, call: ScriptCall, name: str, deadline_s: float) -> PendingRows:
        """Send a pipeline, once; `name` stands for it in errors."""
        ...


class DetachedAct:
    """Work that was sent to be started; `finish` waits for its end."""

    def __init__(self, way: Way, action: Action, identity: ExpectedIdentity) -> None:
        """Send the start at once."""
        self._way = way
        self._action = action
        self._identity = identity
        self._name = wire_form.name_of(action)
        call = task_form.pack_start(_work(action), identity)
        self._start = way.send(call, self._name, START_S)

    def finish(self, deadline_s: float) -> ActionAnswer:
        """Return the accepted answer."""
        way, task = self._way, _work(self._action).task
        deadline = Deadline.after(way.clock, deadline_s)
        is_certain = _was_started(way, self._action, self._identity, self._start, deadline)
        try:
            ended = _watch(way, task, self._name, deadline, was_started=is_certain)
            if ended is not None:
                return task_form.act_answer(way.node, self._action, self._name, ended)
        except (CommandFailedError, OutcomeUnknownError):
            raise
        except RunbookError as failure:
            # What ends the watch (a refused account, nonsense) does not end the work.
            why = f"it was started, and then: {failure.what} {failure.why}"
            raise task_form.unknown(way.node, self._name, why) from failure
        raise _not_started(way.node, self._name)


class AttachedWork:
    """Work that an earlier process may have started."""

    def __init__(self, way: Way, action: Action) -> None:
        """Know its name; nothing is sent yet."""
        self._way = way
        self._action = action

    def finish(self, deadline_s: float) -> ActionAnswer | None:
        """Return the accepted answer, or None for work that never was."""
        way, name = self._way, wire_form.name_of(self._action)
        deadline = Deadline.after(way.clock, deadline_s)
        ended = _watch(way, _work(self._action).task, name, deadline, was_started=False)
        if ended is None:
            return None
        return task_form.act_answer(way.node, self._action, name, ended)


def read(way: Way, question: Read, deadline_s: float) -> Answer:
    """Return the rows of a script that reads as a task; the task is gone afterwards."""
    deadline = Deadline.after(way.clock, deadline_s)
    script = wire_form.read_script(question)
    # One name for one question: what a killed process left is replaced by whoever asks again.
    digest = hashlib.sha256(repr((script, question.properties)).encode("utf-8")).hexdigest()
    task = f"rb-read-{digest[:8]}"
    call, starts = task_form.pack_start_of_read(question, task), 0
    while True:
        starts += 1
        start = way.send(call, script.name, START_S)
        is_certain = _was_started(way, Action(script), ANY_MACHINE, start, deadline)
        try:
            ended = _watch(
                way,
                task,
                script.name,
                deadline,
                was_started=is_certain,
                wanted=question.properties,
            )
            if ended is not None and is_certain:
                return task_form.read_answer(way.node, question, ended)
        except OutcomeUnknownError as doubt:
            raise SessionLostError(doubt.what, why=doubt.why, next_step="resume the run") from doubt
        finally:
            with suppress(RunbookError):
                clean_up(way, task, None)
        # What lies there without a word that it was started may be the answer of another day.
        if starts == STARTS_OF_A_READ:
            raise _not_started(way.node, script.name)


def clean_up(way: Way, task: str, identity: ExpectedIdentity | None) -> None:
    """Remove a task that has ended with all its files; raises as an act does."""
    call = task_form.pack_end(task, identity)
    rows = way.send(call, f"the removal of {task}", START_S).rows(START_S)
    action = Action(Script(task_form.END_TASK))
    wire_form.act_answer(way.node, action, identity or ANY_MACHINE, rows)


def _work(action: Action) -> Detached:
    if not isinstance(action.command, Detached):
        raise TypeError("this is for detached work")
    return action.command


def _was_started(
    way: Way,
    action: Action,
    identity: ExpectedIdentity,
    start: PendingRows,
    deadline: Deadline,
) -> bool:
    """Tell whether the node said that it started a task; what it refuses is raised."""
    try:
        rows = start.rows(min(START_S, deadline.left()))
        wire_form.act_answer(way.node, task_form.started(action), identity, rows)
    except OutcomeUnknownError:
        return False
    return True


class _Patience:
    """Counts looks that show the same unwanted thing, one after the other."""

    def __init__(self) -> None:
        self._standing: Standing | None = None
        self._looks = 0

    def is_over(self, standing: Standing, limit: int) -> bool:
        self._looks = self._looks + 1 if standing is self._standing else 1
        self._standing = standing
        return self._looks >= limit


def _watch(
    way: Way,
    task: str,
    name: str,
    deadline: Deadline,
    *,
    was_started: bool,
    wanted: tuple[str, ...] | None = None,
) -> FinishedWork | None:
    """Return what a task left when it has ended; None for one that never was.

    Raises CommandFailedError for a task that never ran, OutcomeUnknownError for one whose
    program is gone without an exit code, and when the deadline is over.
    """
    patience, seen, last, nonsense = _Patience(), was_started, "no answer", 0
    while True:
        sight: Sight | None = None
        try:
            sight = way.ask(task_form.look(task), min(LOOK_S, max(deadline.left(), 1.0)))
            if sight.code is not None:
                asked = task_form.outcome(task, wanted) if wanted else task_form.outcome(task)
                ended: FinishedWork = way.ask(asked, max(deadline.left(), LOOK_S))
                return ended
            nonsense = 0
        except NOT_NOW as failure:
            last = failure.why
            nonsense = nonsense + 1 if isinstance(failure, MalformedReplyError) else 0
            if nonsense == MOST_NONSENSE:
                raise task_form.unknown(way.node, name, f"the node's answers: {last}") from failure
        if sight is not None and sight.code is None:
            last = sight.log[-1].strip() if sight.log else sight.standing.value
            if sight.standing is Standing.ABSENT:
                limit = LOOKS_BEFORE_LOST if seen else LOOKS_BEFORE_ABSENT
                if patience.is_over(Standing.ABSENT, limit):
                    if not seen:
                        return None
                    why = f"task {task} is gone from the node and left no exit code"
                    raise task_form.lost(way.node, name, why)
            else:
                seen = True
                _refuse_idle(way, task, name, sight, patience)
        if deadline.is_over:
            raise task_form.unknown(way.node, name, f"its time is over; last seen: {last}")
        way.clock.sleep(way.pause_s)


def _refuse_idle(way: Way, task: str, name: str, sight: Sight, patience: _Patience) -> None:
    """Raise for a task that does not run and has left no exit code, once that is certain."""
    if sight.standing is Standing.RUNNING:
        patience.is_over(Standing.RUNNING, 1)
        return
    if sight.standing is Standing.OVER:
        if patience.is_over(Standing.OVER, LOOKS_BEFORE_LOST):
            last = sight.log[-1].strip() if sight.log else "nothing was written"
            why = f"task {task} ended without an exit code, as after a restart; {last}"
            raise task_form.lost(way.node, name, why)
        return
    limit = 1 if sight.standing is Standing.FAILED else LOOKS_BEFORE_IDLE
    if patience.is_over(sight.standing, limit):
        reason = _reason(way, task)
        raise CommandFailedError(
            f"{name} never began on {way.node}.",
            why=f"task {task}: {reason or 'the scheduler did not start it and says nothing'}",
            next_step="see that the account may log on there as a batch job and its password is "
            "right, then resume the run",
        )


def _reason(way: Way, task: str) -> str:
    try:
        return str(way.ask(task_form.scheduler_log(task), LOOK_S))[: wire_form.SHOWN]
    except RunbookError as failure:
        return failure.why


def _not_started(node: str, name: str) -> SessionLostError:
    return SessionLostError(
        f"{name} was not started on {node}; nothing was changed.",
        why="the connection broke while it was sent, and the node has no such task",
        next_step="resume the run",
    )
