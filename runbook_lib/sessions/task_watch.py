"""The watch over a task on a node, look by look, until it has ended or is known to be lost.

It survives whatever happens to the connection; only the deadline ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runbook_lib.clock import Clock, Deadline
from runbook_lib.commands.command import Query, Row
from runbook_lib.errors import (
    CommandFailedError,
    MalformedReplyError,
    OutcomeUnknownError,
    RunbookError,
    TransportError,
)
from runbook_lib.sessions import task_form, wire_form
from runbook_lib.sessions.session import FinishedWork, WorkSeen
from runbook_lib.sessions.task_form import Sight, Standing
from runbook_lib.sessions.wire_form import ScriptCall

SOONEST_S = 1.0
"""Before the first look at a task that was just started; nothing ends before."""

LONGEST_PAUSES = 3
"""Pauses of the parameter file between two looks at work that takes long."""

LOOK_S = 60.0
"""For one look at a task, its connection opened anew where it has to be."""

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

    def tell(self, seen: WorkSeen | None) -> None:
        """Show whoever waits what the last look at a task showed; None at the end."""
        ...

    def ask(self, query: Query[Any], deadline_s: float) -> Any:
        """Return a query's value; raises as a read does."""
        ...

    def send(self, call: ScriptCall, name: str, deadline_s: float) -> PendingRows:
        """Send a pipeline, once; `name` stands for it in errors."""
        ...


class _Patience:
    """Counts looks that show the same unwanted thing, one after the other.

    Looks that come quicker than the parameter file's pause make nobody less patient.
    """

    def __init__(self, way: Way) -> None:
        self._clock = way.clock
        self._pause_s = way.pause_s
        self._standing: Standing | None = None
        self._looks = 0
        self._since = 0.0

    def is_over(self, standing: Standing, limit: int) -> bool:
        if standing is not self._standing:
            self._standing, self._looks, self._since = standing, 0, self._clock.monotonic()
        self._looks += 1
        spent_s = self._clock.monotonic() - self._since
        # Sums of pauses are not exact.
        return self._looks >= limit and spent_s >= (limit - 1) * self._pause_s * 0.99


@dataclass
class Watch:
    """The watch over one task. wanted: what is asked of each object of a script that reads."""

    way: Way
    task: str
    name: str
    deadline: Deadline
    wanted: tuple[str, ...] = ()
    last: str = "no answer"
    nonsense: int = 0

    def until_the_end(self, *, was_started: bool) -> FinishedWork | None:
        """Return what the task left when it has ended; None for one that never was.

        Raises CommandFailedError for a task that never ran, OutcomeUnknownError for one whose
        program is gone without an exit code, and when the deadline is over.
        """
        way, clock = self.way, self.way.clock
        patience, seen = _Patience(way), was_started
        began, may_take_s = clock.monotonic(), self.deadline.left()
        if was_started:
            clock.sleep(min(SOONEST_S, way.pause_s))
        try:
            while True:
                found = self._look()
                if isinstance(found, FinishedWork):
                    return found
                if found is not None and found.standing is Standing.ABSENT:
                    limit = LOOKS_BEFORE_LOST if seen else LOOKS_BEFORE_ABSENT
                    if patience.is_over(Standing.ABSENT, limit):
                        if not seen:
                            return None
                        why = f"task {self.task} is gone from the node and left no exit code"
                        raise task_form.lost(way.node, self.name, why)
                elif found is not None:
                    seen = True
                    _refuse_idle(way, self.task, self.name, found, patience)
                if self.deadline.is_over:
                    raise self._unknown(f"its time is over; last seen: {self.last}")
                waited_s = clock.monotonic() - began
                way.tell(WorkSeen(way.node, self.name, self.task, waited_s, may_take_s, self.last))
                clock.sleep(_pause_s(way.pause_s, waited_s))
        finally:
            way.tell(None)

    def _look(self) -> Sight | FinishedWork | None:
        """Return what one look shows, what the task left if it has ended; None for no answer."""
        left_s = self.deadline.left()
        try:
            sight: Sight = self.way.ask(task_form.look(self.task), min(LOOK_S, max(left_s, 1.0)))
            if sight.code is not None:
                asked = (self.task, self.wanted) if self.wanted else (self.task,)
                ended: FinishedWork = self.way.ask(task_form.outcome(*asked), max(left_s, LOOK_S))
                return ended
        except NOT_NOW as failure:
            self.last = failure.why
            self.nonsense = self.nonsense + 1 if isinstance(failure, MalformedReplyError) else 0
            if self.nonsense == MOST_NONSENSE:
                raise self._unknown(f"the node's answers: {self.last}") from failure
            return None
        self.nonsense = 0
        self.last = _last_line(sight) or sight.standing.value
        return sight

    def _unknown(self, why: str) -> OutcomeUnknownError:
        return task_form.unknown(self.way.node, self.name, why)


def _pause_s(pause_s: float, waited_s: float) -> float:
    """Return the time to the next look: short for what may end soon, longer for what takes long."""
    soon_s = max(min(SOONEST_S, pause_s), min(waited_s / 2, pause_s))
    return min(max(waited_s / 10, soon_s), LONGEST_PAUSES * pause_s)


def _last_line(sight: Sight) -> str:
    """Return the last line with something in it that the program wrote."""
    return next((line.strip() for line in reversed(sight.log) if line.strip()), "")


def _refuse_idle(way: Way, task: str, name: str, sight: Sight, patience: _Patience) -> None:
    """Raise for a task that does not run and has left no exit code, once that is certain."""
    if sight.standing is Standing.RUNNING:
        patience.is_over(Standing.RUNNING, 1)
        return
    if sight.standing is Standing.OVER:
        if patience.is_over(Standing.OVER, LOOKS_BEFORE_LOST):
            last = _last_line(sight) or "nothing was written"
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
