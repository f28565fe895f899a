"""What a session promises, whoever carries it out: PSRP, or a world in the same process.

Rules of every implementation:
1. `begin_*` sends and returns at once, so that one thread can ask both nodes before it waits.
   Whatever goes wrong, in beginning or in waiting, is raised by `finish`.
2. A read may be repeated under its deadline; an act is sent once. A failure before an act's first
   byte is a TransportError or an AuthenticationError; any doubt afterwards is an
   OutcomeUnknownError, and only a separate read can settle it.
3. `Reader` has no way to act: in plan mode nothing else is given out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runbook_lib.commands.command import Action, Outcome, Query, Row
from runbook_lib.errors import CommandFailedError, OutcomeUnknownError


@dataclass(frozen=True)
class ExpectedIdentity:
    """Which machine may carry out an act; checked on it, in the same trip.

    computer_name: None until the name is known to be settled.
    """

    machine_guid: str
    computer_name: str | None


@dataclass(frozen=True)
class ActionAnswer:
    """An accepted answer to an act: return value or exit code, its meaning, and what was said.

    log: all that detached work wrote, line by line; None for everything else.
    """

    code: int
    output: tuple[str, ...]
    outcome: Outcome
    log: str | None = None


@dataclass(frozen=True)
class FinishedWork:
    """What detached work left behind: exit code, what it wrote, and a script's objects."""

    code: int
    log: tuple[str, ...]
    rows: tuple[Row, ...] | None = None


class WorkFailedError(CommandFailedError):
    """Detached work ended in a way that is not accepted; what it wrote comes along."""

    def __init__(
        self, what: str, *, why: str, next_step: str, code: int = 0, log: str = ""
    ) -> None:
        """Keep exit code and log beside the three parts; a pickled error loses them."""
        super().__init__(what, why=why, next_step=next_step)
        self.code = code
        self.log = log


class WorkLostError(OutcomeUnknownError):
    """Detached work is over and left no exit code: its node was restarted, or somebody ended it."""


@dataclass(frozen=True)
class WorkSeen:
    """Detached work that is waited for, as the last look showed it.

    waited_s: since when we wait. may_take_s: how long we do. last: the last line that it wrote.
    """

    node: str
    name: str
    task: str
    waited_s: float
    may_take_s: float
    last: str


TellWork = Callable[[str, WorkSeen | None], None]
"""(node, what the last look showed; None once nothing is waited for there)."""


class PendingRead(Protocol):
    """Reads that were sent."""

    def go_on(self, deadline_s: float) -> None:
        """Start what has to run as a task, once the rest is answered; raises nothing.

        So both nodes' tasks are at work before one is waited for. `finish` does it otherwise.
        """
        ...

    def finish(self, deadline_s: float) -> list[Any]:
        """Return one value per query, in the queries' order; waits `deadline_s` at most.

        Reads that run as a task have a time of their own besides, DETACHED_READ_S each.

        Raises NodeUnreachableError, SessionLostError, AuthenticationError, MalformedReplyError,
        or CommandFailedError when the node refuses the whole reading.
        """
        ...


class PendingAct(Protocol):
    """A change that was sent."""

    def finish(self, deadline_s: float) -> ActionAnswer:
        """Return the accepted answer; waits `deadline_s` at most.

        Raises CommandFailedError (the node said no), WrongNodeError (nothing was changed),
        NodeUnreachableError or AuthenticationError (nothing was sent), OutcomeUnknownError.
        """
        ...


class PendingWork(Protocol):
    """Detached work of an earlier process."""

    def finish(self, deadline_s: float) -> ActionAnswer | None:
        """Return the accepted answer, or None for work that never was; waits `deadline_s` at most.

        Raises as `PendingAct.finish` does.
        """
        ...


class Reader(Protocol):
    """An open way to one node that cannot change it."""

    @property
    def node(self) -> str:
        """Return the node's wished name, as the topology spells it."""
        ...

    def begin_read(self, queries: Sequence[Query[Any]]) -> PendingRead:
        """Send these queries' reads, equal ones once."""
        ...

    def listens(self) -> bool:
        """Tell whether the node takes a connection now; nothing is sent and nobody logs on."""
        ...

    def reconnect(self) -> None:
        """Drop the connection and open it again, one try; raises as a read does."""
        ...

    def close(self) -> None:
        """Give back what the node holds for us; never raises."""
        ...


class Session(Reader, Protocol):
    """An open way to one node."""

    def begin_act(self, action: Action, identity: ExpectedIdentity) -> PendingAct:
        """Send a change, once; detached work is started, and awaited by `finish`."""
        ...

    def attach(self, action: Action) -> PendingWork:
        """Wait for detached work that an earlier process started under the task's name."""
        ...

    def clean_up(self, task: str, identity: ExpectedIdentity) -> None:
        """Remove a task that has ended with all its files; raises as a read does."""
        ...
