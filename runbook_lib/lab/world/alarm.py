"""A clock that wakes a world when something falls due although nobody asks."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Alarm:
    """One alarm at a time; `ring` is called from a thread of its own. Callers hold one lock."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._timer: threading.Timer | None = None
        self.is_off = False

    def wind(self, wait_s: float | None) -> None:
        """Ring once after this many seconds, or not at all; what was wound before is forgotten."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if wait_s is not None and not self.is_off:
            self._timer = threading.Timer(wait_s, self._ring)
            self._timer.daemon = True
            self._timer.start()

    def switch_off(self) -> None:
        """Ring no more."""
        self.is_off = True
        self.wind(None)
