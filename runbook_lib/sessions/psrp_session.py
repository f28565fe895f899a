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
from runbook_lib.commands.command import Action, Query, Row
from runbook_lib.errors import (
    NodeUnreachableError,
    OutcomeUnknownError,
    RunbookError,
    SessionLostError,
)
from runbook_lib.sessions import wire_form
from runbook_lib.sessions.psrp import Link, Pipeline, Reveal, quieten_libraries
from runbook_lib.sessions.sealed_http import Endpoint, Logon, SealedHttp
from runbook_lib.sessions.session import ActionAnswer, ExpectedIdentity
from runbook_lib.sessions.wire_form import PackedReads

BEGIN_S = 20.0
"""For sending reads: opening what is closed, and one request."""

LONGEST_PAUSE_S = 60.0


class _PendingRead:
    """Reads that were sent, or could not be; sent again while the deadline lasts."""

    def __init__(self, link: Link, packed: PackedReads, first_pause_s: float) -> None:
        self._link = link
        self._packed = packed
        self._pause_s = first_pause_s
        self._pipeline: Pipeline | None = None
        self._failure: RunbookError | None = None
        if packed.reads:
            self._begin(Deadline.after(link.clock, BEGIN_S))

    def finish(self, deadline_s: float) -> list[Any]:
        """Return one value per query."""
        deadline = Deadline.after(self._link.clock, deadline_s)
        while self._packed.reads:
            try:
                objects = self._awaited(deadline)
            except (NodeUnreachableError, SessionLostError):
                if deadline.left() <= self._pause_s:
                    raise
            else:
                return self._packed.values(self._link.node, objects)
            self._link.clock.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            self._begin(deadline)
        return self._packed.values(self._link.node, [])

    def _begin(self, deadline: Deadline) -> None:
        call = self._packed.call
        self._failure = None
        self._pipeline = None
        try:
            self._pipeline = self._link.pipeline(call, deadline)
            self._pipeline = self._link.send(self._pipeline, call, deadline)
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


class _PendingAct:
    """A change that was sent, once, or could not be."""

    def __init__(self, link: Link, action: Action, identity: ExpectedIdentity) -> None:
        self._link = link
        self._action = action
        self._identity = identity
        self._pipeline: Pipeline | None = None
        self._failure: RunbookError | None = None
        self._begin()

    def finish(self, deadline_s: float) -> ActionAnswer:
        """Return the accepted answer."""
        if self._failure is not None or self._pipeline is None:
            raise self._failure or _unknown(self._link.node, self._action, "it was not sent")
        try:
            objects = self._pipeline.objects(Deadline.after(self._link.clock, deadline_s))
        except RunbookError as failure:
            self._link.lose(self._pipeline)
            raise _unknown(self._link.node, self._action, failure.why) from failure
        crash_points.reach("reply")
        self._link.retire(self._pipeline)
        return wire_form.act_answer(self._link.node, self._action, self._identity, objects)

    def _begin(self) -> None:
        call = wire_form.pack_act(self._action, self._identity)
        deadline = Deadline.after(self._link.clock, self._action.deadline_s)
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
            self._failure = _unknown(self._link.node, self._action, failure.why)
        crash_points.reach("send:after")


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
    ) -> None:
        """Know the way; nothing is opened before the first read or act.

        endpoints: tried in order at each connection. pause_s: before a read's second try; doubled
        each time.
        """
        quieten_libraries()
        self._http = SealedHttp(node, endpoints, account, clock, authentication=authentication)
        self._link = Link(self._http, clock, reveal, allow_secrets=self._allow_secrets)
        self._pause_s = pause_s

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
        return _PendingRead(self._link, wire_form.pack_reads(queries), self._pause_s)

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

    def begin_act(self, action: Action, identity: ExpectedIdentity) -> _PendingAct:
        """Send a change, once."""
        return _PendingAct(self._link, action, identity)


def _unknown(node: str, action: Action, why: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"What became of {wire_form.name_of(action)} on {node} is not known.",
        why=f"it was sent, and then: {why}",
        next_step="resume the run: it asks the node before anything is done again",
    )
