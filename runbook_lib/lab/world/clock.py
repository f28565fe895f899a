"""The lab's own clock: how much lab time passes, and what falls due in it.

Windows needs seconds to shut down and a minute to start. A world keeps such things in a schedule
of lab seconds; which clock it runs on decides how long that is for whoever waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

SHUT_DOWN_S = 5.0
"""Lab seconds from the end of the warning time until the node is silent."""

START_S = 25.0
"""Lab seconds from silence until WinRM listens again."""


class LabClock(Protocol):
    """What a world needs of time."""

    def now(self) -> datetime:
        """Return the wall time of the simulated site, UTC."""
        ...

    def elapsed(self) -> float:
        """Return the lab seconds since this clock was made."""
        ...

    def polled(self) -> None:
        """Hear that somebody asked in vain for a node that is down."""
        ...

    def until(self, elapsed: float) -> float | None:
        """Return real seconds until `elapsed` lab seconds; None when waiting does not help."""
        ...


@dataclass(frozen=True)
class RunningClock:
    """A clock that runs by itself, `pace` lab seconds in a real one."""

    pace: float = 100.0
    started: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """Return the real time: the wall clock of the site is not quickened."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Return the lab seconds since the start."""
        return (time.monotonic() - self.started) * self.pace

    def polled(self) -> None:
        """Change nothing: time passes anyway."""

    def until(self, elapsed: float) -> float | None:
        """Return the real seconds until then, never below zero."""
        return max(0.0, (elapsed - self.elapsed()) / self.pace)


@dataclass
class PolledClock:
    """A clock that only moves when it is told to, or when somebody polls in vain.

    step_s: lab seconds that one vain poll costs; a restart takes 30 / step_s polls.
    """

    wall: datetime
    step_s: float = 10.0
    passed_s: float = 0.0

    def now(self) -> datetime:
        """Return the start plus what has passed."""
        return self.wall + timedelta(seconds=self.passed_s)

    def elapsed(self) -> float:
        """Return what has passed."""
        return self.passed_s

    def polled(self) -> None:
        """Let one step pass."""
        self.passed_s += self.step_s

    def until(self, _elapsed: float) -> float | None:
        """Return None: real time changes nothing here."""
        return None


@dataclass(frozen=True)
class Due:
    """Something that happens to a node at a moment of lab time."""

    at: float
    node: str
    what: str


class Schedule:
    """What falls due, soonest first; at one moment, in the order in which it was planned."""

    def __init__(self, clock: LabClock) -> None:
        self._clock = clock
        self._due: list[Due] = []
        self._happening: float | None = None

    @property
    def waiting(self) -> tuple[Due, ...]:
        """Return everything that has not happened yet."""
        return tuple(self._due)

    def plan(self, node: str, what: str, after_s: float) -> None:
        """Let `what` happen to `node` `after_s` lab seconds from now.

        From within something that happens, they count from when that was due: what a late look
        finds does not depend on how late it was.
        """
        now = self._clock.elapsed() if self._happening is None else self._happening
        self._due.append(Due(now + after_s, node, what))
        self._due.sort(key=lambda due: due.at)

    def cancel(self, node: str, what: str | None = None) -> None:
        """Forget everything planned for a node, or one thing."""
        self._due = [due for due in self._due if due.node != node or what not in (None, due.what)]

    def run(self, happen: Callable[[Due], None]) -> None:
        """Take out and carry out what is due, and what becomes due by that."""
        while self._due and self._due[0].at <= self._clock.elapsed():
            due = self._due.pop(0)
            self._happening = due.at
            try:
                happen(due)
            finally:
                self._happening = None

    def next_in(self) -> float | None:
        """Return real seconds until the next thing; None when nothing is to be waited for."""
        return self._clock.until(self._due[0].at) if self._due else None
