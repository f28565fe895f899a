"""The time as the package sees it: passed in, so that tests need not wait.

Order in a journal comes from its sequence numbers and deadlines from the monotonic clock; wall
time is information for readers only (a workstation's clock may jump).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What a caller needs of time."""

    def now(self) -> datetime:
        """Return the wall time, UTC and aware."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


@dataclass(frozen=True)
class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the wall time, UTC and aware."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block for `seconds`."""
        time.sleep(seconds)


@dataclass
class SteppedClock:
    """A clock that moves only when somebody sleeps: for virtual time inside one process."""

    wall: datetime
    elapsed: float = 0.0

    def now(self) -> datetime:
        """Return the start plus what was slept."""
        return datetime.fromtimestamp(self.wall.timestamp() + self.elapsed, UTC)

    def monotonic(self) -> float:
        """Return the seconds slept so far."""
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        """Move on by `seconds` at once."""
        self.elapsed += seconds


@dataclass(frozen=True)
class Deadline:
    """A moment after which waiting is over."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> Deadline:
        """Return the deadline `seconds` from now."""
        return cls(clock, clock.monotonic() + seconds)

    def left(self) -> float:
        """Return the seconds left, never below zero."""
        return max(0.0, self.at - self.clock.monotonic())

    @property
    def is_over(self) -> bool:
        """Tell whether no time is left."""
        return self.left() <= 0.0
