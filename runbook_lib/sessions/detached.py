"""Work that runs on a node as a scheduled task: begun, watched to its end, cleaned up.

Rules that bind this file:
1. A task is started once. Whether a start took place whose reply was lost, the task tells.
2. The watch survives whatever happens to the connection; only the deadline ends it.
3. Nothing is removed before the caller has kept what the task left: `clean_up` is for later.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress

from runbook_lib.clock import Deadline
from runbook_lib.commands.command import Action, Answer, Detached, Read, Script
from runbook_lib.errors import (
    CommandFailedError,
    OutcomeUnknownError,
    RunbookError,
    SessionLostError,
)
from runbook_lib.sessions import task_form, wire_form
from runbook_lib.sessions.session import (
    ActionAnswer,
    ExpectedIdentity,
)
from runbook_lib.sessions.task_watch import PendingRows, Watch, Way

START_S = 120.0
"""For starting a task: files, cacls and schtasks take seconds."""

DETACHED_READ_S = 300.0
"""For one script that reads as a task: Exchange's shell alone takes a minute to load at times."""

STARTS_OF_A_READ = 3
"""Until the node says that it started one: what only reads may be started again."""

ANY_MACHINE = ExpectedIdentity("", None)


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
            watch = Watch(way, task, self._name, deadline)
            ended = watch.until_the_end(was_started=is_certain)
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
        watch = Watch(way, _work(self._action).task, name, deadline)
        ended = watch.until_the_end(was_started=False)
        if ended is None:
            return None
        return task_form.act_answer(way.node, self._action, name, ended)


class DetachedRead:
    """A script that reads as a task, sent to be started; the task is gone after `finish`."""

    def __init__(self, way: Way, question: Read) -> None:
        """Send the start at once; whatever goes wrong is raised by `finish`."""
        self._way = way
        self._question = question
        self._script = wire_form.read_script(question)
        # One name for one question: what a killed process left is replaced by whoever asks again.
        asked = repr((self._script, question.properties))
        self._task = f"rb-read-{hashlib.sha256(asked.encode('utf-8')).hexdigest()[:8]}"
        self._deadline = Deadline.after(way.clock, DETACHED_READ_S)
        self._start: PendingRows | None = None
        self._is_certain = False
        self._refusal: RunbookError | None = None
        self._send()

    def await_start(self) -> None:
        """Hear whether it was started: one connection carries one pipeline at a time."""
        start, self._start = self._start, None
        if start is None:
            return
        action = Action(self._script)
        try:
            self._is_certain = _was_started(self._way, action, ANY_MACHINE, start, self._deadline)
        except RunbookError as refusal:
            self._refusal = refusal

    def finish(self) -> Answer:
        """Return its rows."""
        for _ in range(STARTS_OF_A_READ - 1):
            answer = self._awaited()
            if answer is not None:
                return answer
            # What lies there without a word that it was started may be the answer of another day.
            self._send()
        answer = self._awaited()
        if answer is None:
            raise _not_started(self._way.node, self._script.name)
        return answer

    def clean_up(self) -> None:
        """Remove the task, if the node can be reached."""
        self.await_start()
        with suppress(RunbookError):
            clean_up(self._way, self._task, None)

    def _send(self) -> None:
        call = task_form.pack_start_of_read(self._question, self._task)
        self._start = self._way.send(call, self._script.name, START_S)

    def _awaited(self) -> Answer | None:
        """Return the rows, None where the node has not said that it started the task."""
        self.await_start()
        if self._refusal is not None:
            raise self._refusal
        way, wanted = self._way, self._question.properties
        watch = Watch(way, self._task, self._script.name, self._deadline, wanted)
        try:
            ended = watch.until_the_end(was_started=self._is_certain)
            if ended is None or not self._is_certain:
                return None
            return task_form.read_answer(way.node, self._question, ended)
        except OutcomeUnknownError as doubt:
            raise SessionLostError(doubt.what, why=doubt.why, next_step="resume the run") from doubt
        finally:
            self.clean_up()


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


def _not_started(node: str, name: str) -> SessionLostError:
    return SessionLostError(
        f"{name} was not started on {node}; nothing was changed.",
        why="the connection broke while it was sent, and the node has no such task",
        next_step="resume the run",
    )
