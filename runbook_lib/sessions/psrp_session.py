"""The session on a real listener: what is sent again, what is never, and what a loss means.

Rules that bind this file:
1. A read may be sent again while its deadline lasts.
2. An act is sent once: a failure before its first byte is known to have changed nothing, any
   doubt afterwards is an OutcomeUnknownError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runbook_lib import crash_points
from runbook_lib.clock import Clock, Deadline
from runbook_lib.commands.command import Action, Answer, Detached, Query, Read, Row
from runbook_lib.errors import (
    CommandFailedError,
    NodeUnreachableError,
    OutcomeUnknownError,
    RunbookError,
    SessionLostError,
)
from runbook_lib.sessions import detached, task_form, wire_form
from runbook_lib.sessions.detached import AttachedWork, DetachedAct, DetachedRead
from runbook_lib.sessions.psrp import Link, Pipeline, Reveal, quieten_libraries
from runbook_lib.sessions.sealed_http import Endpoint, Logon, SealedHttp
from runbook_lib.sessions.session import (
    ActionAnswer,
    ExpectedIdentity,
    PendingAct,
    TellWork,
    WorkSeen,
)
from runbook_lib.sessions.wire_form import PackedReads, ScriptCall

BEGIN_S = 20.0
"""For sending reads: opening what is closed, and one request."""

LONGEST_PAUSE_S = 60.0


def _to_nobody(_node: str, _seen: WorkSeen | None) -> None:
    """Tell nobody."""


class _Repeated:
    """A pipeline that may be sent again while the deadline lasts."""

    def __init__(self, link: Link, call: ScriptCall, first_pause_s: float) -> None:
        """Send at once; whatever goes wrong is raised by `rows`."""
        self._link = link
        self._call = call
        self._pause_s = first_pause_s
        self._pipeline: Pipeline | None = None
        self._failure: RunbookError | None = None
        self._begin(Deadline.after(link.clock, BEGIN_S))

    def rows(self, deadline: Deadline) -> list[Row]:
        """Return the pipeline's objects."""
        while True:
            try:
                return self._awaited(deadline)
            except (NodeUnreachableError, SessionLostError):
                if deadline.left() <= self._pause_s:
                    raise
            self._link.clock.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            self._begin(deadline)

    def _begin(self, deadline: Deadline) -> None:
        self._failure = None
        self._pipeline = None
        try:
            self._pipeline = self._link.pipeline(self._call, deadline)
            self._pipeline = self._link.send(self._pipeline, self._call, deadline)
        except RunbookError as failure:
            self._link.lose(self._pipeline)
            self._failure = failure

    def _awaited(self, deadline: Deadline) -> list[Row]:
        if self._failure is not None:
            raise self._failure
        if self._pipeline is None:
            return []
        try:
            objects = self._pipeline.objects(deadline)
        except RunbookError:
            self._link.lose(self._pipeline)
            raise
        self._link.retire(self._pipeline)
        return objects


class _PendingRead:
    """Reads of one sweep: the carrier is on its way, the others follow it one by one."""

    def __init__(self, way: _Way, packed: PackedReads) -> None:
        """Send the carrier at once, if anything is in it."""
        self._way = way
        self._packed = packed
        self._carrier = way.repeated(packed.call) if packed.carried else None
        self._objects: list[Row] | None = None
        self._tasks: dict[Read, DetachedRead] = {}
        self._failure: RunbookError | None = None

    def go_on(self, deadline_s: float) -> None:
        """Start what has to run as a task, once the carrier has come back."""
        if any(isinstance(read.command, Detached) for read in self._packed.alone):
            try:
                self._begin_tasks(Deadline.after(self._way.clock, deadline_s))
            except RunbookError as failure:
                self._failure = failure

    def finish(self, deadline_s: float) -> list[Any]:
        """Return one value per query."""
        if self._failure is not None:
            raise self._failure
        deadline = Deadline.after(self._way.clock, deadline_s)
        tasks = self._begin_tasks(deadline)
        try:
            inline = [read for read in self._packed.alone if read not in tasks]
            answers = {read: self._inline(read, deadline) for read in inline}
            answers |= {read: tasks.pop(read).finish() for read in [*tasks]}
        finally:
            for task in tasks.values():
                task.clean_up()
        return self._packed.values(self._way.node, self._objects or [], answers)

    def _begin_tasks(self, deadline: Deadline) -> dict[Read, DetachedRead]:
        """Return the tasks that read, sent to be started after the carrier has come back."""
        if self._objects is None:
            self._objects = self._carrier.rows(deadline) if self._carrier else []
            for read in self._packed.alone:
                if isinstance(read.command, Detached):
                    for task in self._tasks.values():
                        task.await_start()
                    self._tasks[read] = DetachedRead(self._way, read)
        return self._tasks

    def _inline(self, read: Read, deadline: Deadline) -> Answer:
        for task in self._tasks.values():
            task.await_start()
        try:
            rows = self._way.repeated(wire_form.pack_script(read)).rows(deadline)
        except CommandFailedError as failure:
            return Answer(error_id=wire_form.SCRIPT_FAILED, text=failure.why)
        return wire_form.script_answer(self._way.node, read, rows)


class _Once:
    """A pipeline that was sent, once, or could not be."""

    def __init__(self, link: Link, call: ScriptCall, name: str, deadline_s: float) -> None:
        """Send at once; `name` stands for the call in errors."""
        self._link = link
        self._name = name
        self._pipeline: Pipeline | None = None
        self._failure: RunbookError | None = None
        self._begin(call, Deadline.after(link.clock, deadline_s))

    def rows(self, deadline_s: float) -> list[Row]:
        """Return the pipeline's objects."""
        if self._failure is not None or self._pipeline is None:
            raise self._failure or self._unknown("it was not sent")
        try:
            objects = self._pipeline.objects(Deadline.after(self._link.clock, deadline_s))
        except RunbookError as failure:
            self._link.lose(self._pipeline)
            raise self._unknown(failure.why) from failure
        crash_points.reach("reply")
        self._link.retire(self._pipeline)
        return objects

    def _begin(self, call: ScriptCall, deadline: Deadline) -> None:
        try:
            self._pipeline = self._link.pipeline(call, deadline)
        except RunbookError as failure:
            self._link.lose(None)
            self._failure = failure
            return
        crash_points.reach("send:before")
        try:
            self._pipeline = self._link.send(self._pipeline, call, deadline)
        except RunbookError as failure:
            self._link.lose(self._pipeline)
            self._failure = self._unknown(failure.why)
        crash_points.reach("send:after")

    def _unknown(self, why: str) -> OutcomeUnknownError:
        return task_form.unknown(self._link.node, self._name, f"it was sent, and then: {why}")


class _PendingAct:
    """A change that was sent, once, or could not be."""

    def __init__(self, link: Link, action: Action, identity: ExpectedIdentity) -> None:
        call = wire_form.pack_act(action, identity)
        self._node = link.node
        self._action = action
        self._identity = identity
        self._sent = _Once(link, call, wire_form.name_of(action), action.deadline_s)

    def finish(self, deadline_s: float) -> ActionAnswer:
        """Return the accepted answer."""
        rows = self._sent.rows(deadline_s)
        return wire_form.act_answer(self._node, self._action, self._identity, rows)


class _Way:
    """What reads and detached work need of a link."""

    def __init__(self, link: Link, pause_s: float, tell_work: TellWork) -> None:
        self._link = link
        self._tell_work = tell_work
        self.node = link.node
        self.clock = link.clock
        self.pause_s = pause_s

    def tell(self, seen: WorkSeen | None) -> None:
        """Show whoever waits what the last look at a task showed."""
        self._tell_work(self.node, seen)

    def repeated(self, call: ScriptCall) -> _Repeated:
        """Send a pipeline that only reads."""
        return _Repeated(self._link, call, self.pause_s)

    def ask(self, query: Query[Any], deadline_s: float) -> Any:
        """Return a query's value."""
        return _PendingRead(self, wire_form.pack_reads([query])).finish(deadline_s)[0]

    def send(self, call: ScriptCall, name: str, deadline_s: float) -> _Once:
        """Send a pipeline, once."""
        return _Once(self._link, call, name, deadline_s)


class PsrpReader:
    """One node, read only: what plan mode gives out."""

    _allow_secrets = False

    def __init__(
        self,
        node: str,
        endpoints: Sequence[Endpoint],
        account: Logon,
        clock: Clock,
        *,
        reveal: Reveal,
        authentication: str = "negotiate",
        pause_s: float = 1.0,
        tell_work: TellWork = _to_nobody,
    ) -> None:
        """Know the way; nothing is opened before the first read or act.

        endpoints: tried in order at each connection. pause_s: before a read's second try; doubled
        each time. tell_work: hears of work that runs as a task while it is waited for.
        """
        quieten_libraries()
        self._http = SealedHttp(node, endpoints, account, clock, authentication=authentication)
        self._link = Link(self._http, clock, reveal, allow_secrets=self._allow_secrets)
        self._way = _Way(self._link, pause_s, tell_work)

    @property
    def node(self) -> str:
        """Return the node's wished name."""
        return self._http.node

    @property
    def protocol(self) -> str:
        """Return what the open connection was logged on with, "" while there is none."""
        return self._http.protocol

    def begin_read(self, queries: Sequence[Query[Any]]) -> _PendingRead:
        """Send these queries' reads, equal ones once."""
        return _PendingRead(self._way, wire_form.pack_reads(queries))

    def listens(self) -> bool:
        """Tell whether one of the node's addresses takes a connection now."""
        return self._http.listens()

    def reconnect(self) -> None:
        """Drop the connection and open it again, one try."""
        try:
            self._link.reconnect(Deadline.after(self._link.clock, BEGIN_S))
        except RunbookError:
            self._link.lose(None)
            raise

    def close(self) -> None:
        """Give back the node's shell, if it can still be reached."""
        self._link.close()


class PsrpSession(PsrpReader):
    """One node, to read and to change."""

    _allow_secrets = True

    def begin_act(self, action: Action, identity: ExpectedIdentity) -> PendingAct:
        """Send a change, once; detached work is started, and awaited by `finish`."""
        if isinstance(action.command, Detached):
            return DetachedAct(self._way, action, identity)
        return _PendingAct(self._link, action, identity)

    def attach(self, action: Action) -> AttachedWork:
        """Wait for detached work that an earlier process started under the task's name."""
        return AttachedWork(self._way, action)

    def clean_up(self, task: str, identity: ExpectedIdentity) -> None:
        """Remove a task that has ended with all its files."""
        detached.clean_up(self._way, task, identity)
