"""Who logged on how often, and who was refused: the measure of careless retries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Lock


class LogonCounts:
    """How often who logged on, and how often somebody failed to."""

    def __init__(self, heard: Callable[[str], None] = lambda _user: None) -> None:
        """Start at zero; heard: is told of each refused user, without the lock held."""
        self._heard = heard
        self._lock = Lock()
        self._good: Counter[str] = Counter()
        self._bad: Counter[str] = Counter()

    def add_good(self, user: str) -> None:
        """Count one logon."""
        with self._lock:
            self._good[user] += 1

    def add_bad(self, user: str) -> None:
        """Count one refused logon."""
        with self._lock:
            self._bad[user] += 1
        self._heard(user)

    def good(self) -> dict[str, int]:
        """Return logons by user."""
        with self._lock:
            return dict(self._good)

    def bad(self) -> dict[str, int]:
        """Return refused logons by user."""
        with self._lock:
            return dict(self._bad)
