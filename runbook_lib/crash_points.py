"""Numbered places where a process may be made to die, so that tests can stop at each.

Every journal write, send, reply, rename and notebook save calls `reach`. In production nothing
listens and the call costs one comparison. A point is (role, n): n counts within one process role,
because a kernel and a pipeline count side by side.

The environment variable RUNBOOK_CRASH_AT="role:n" makes the process with that role exit with 137
at its n-th point, as SIGKILL would: no `finally`, no flush.
"""

from __future__ import annotations

import os
from collections.abc import Callable

Listener = Callable[[str, int], None]
"""Called with the point's name and its number; may raise or end the process."""

_listener: Listener | None = None
_count = 0


def reach(name: str) -> None:
    """Count one point; nothing else happens unless somebody listens."""
    global _count  # noqa: PLW0603 - one counter a process is the definition of a point
    if _listener is None:
        return
    _count += 1
    _listener(name, _count)


def listen(listener: Listener | None) -> None:
    """Make `listener` hear every point from number 1 on; None stops it."""
    global _listener, _count  # noqa: PLW0603
    _listener = listener
    _count = 0


def arm_from_environment(role: str) -> None:
    """Die at the point that RUNBOOK_CRASH_AT names, if it names this role."""
    wanted_role, _, number = os.environ.get("RUNBOOK_CRASH_AT", "").partition(":")
    if wanted_role != role or not number.isdigit():
        return
    stop_at = int(number)

    def die(_name: str, n: int) -> None:
        if n == stop_at:
            os._exit(137)

    listen(die)
