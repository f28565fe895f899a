"""What a shell, or one command of it, has to say: chunks in order, taken by one Receive at a time.

A later Receive takes the place of an earlier one, whose connection may be long dead: a client that
lost its connection asks again, and nobody can tell the server that the first one gave up.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition

from runbook_lib.lab.server.wsman_faults import ABORTED, TIMED_OUT, FaultError

_ELEMENT_BYTES = 128
"""What the XML around one chunk takes, in bytes before base64."""


class ConnectionGoneError(Exception):
    """The connection that was to carry a reply is no more; nothing can be answered on it."""


class NoReplyError(Exception):
    """The node fell silent over a pipeline: nobody will ever hear what became of it."""


@dataclass
class OutputStream:
    """One queue of output. Every method is called with `changed` held by its caller."""

    changed: Condition
    chunks: deque[bytes] = field(default_factory=deque)
    is_done: bool = False
    is_aborted: bool = False
    _turn: int = 0
    _waiting: int = 0

    @property
    def has_reader(self) -> bool:
        """Tell whether a Receive is waiting."""
        return self._waiting > 0

    def put(self, chunk: bytes) -> None:
        """Append output."""
        self.chunks.append(chunk)
        self.changed.notify_all()

    def finish(self) -> None:
        """No more output will come."""
        self.is_done = True
        self.changed.notify_all()

    def abort(self) -> None:
        """Drop everything; whoever waits gets fault 995."""
        self.is_aborted = True
        self.chunks.clear()
        self.changed.notify_all()

    def take(
        self, room: int, timeout_s: float, is_gone: Callable[[], bool]
    ) -> tuple[list[bytes], bool]:
        """Return chunks that fit into `room` bytes, and whether they are the last.

        Waits for output; raises the time-out fault after `timeout_s`, fault 995 when the stream is
        aborted or another Receive took over, ConnectionGoneError when nobody is there to answer.
        """
        self._turn += 1
        turn, deadline = self._turn, time.monotonic() + timeout_s
        self._waiting += 1
        self.changed.notify_all()
        try:
            while not (self.chunks or self.is_done):
                self._stand(turn, is_gone)
                left = deadline - time.monotonic()
                if left <= 0:
                    raise FaultError(TIMED_OUT)
                self.changed.wait(left)
            self._stand(turn, is_gone)
        finally:
            self._waiting -= 1
        return self._pop(room), self.is_done and not self.chunks

    def _stand(self, turn: int, is_gone: Callable[[], bool]) -> None:
        if is_gone():
            raise ConnectionGoneError
        if self.is_aborted or turn != self._turn:
            raise FaultError(ABORTED)

    def _pop(self, room: int) -> list[bytes]:
        taken: list[bytes] = []
        while self.chunks and (not taken or len(self.chunks[0]) <= room):
            taken.append(self.chunks.popleft())
            room -= len(taken[-1]) + _ELEMENT_BYTES
        return taken
