"""What went over the wire, kept while somebody asked for it, and how much the server worked."""

from __future__ import annotations

import base64
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

_MOST_ENTRIES = 20_000


@dataclass(frozen=True)
class Message:
    """One HTTP message. raw: as it stood on the wire; text: the envelope without its seal."""

    node: str
    connection: int
    direction: str
    raw: bytes
    text: bytes

    def as_json(self) -> dict[str, object]:
        """Return it for the control address; raw bytes in base64."""
        return {
            "node": self.node,
            "connection": self.connection,
            "direction": self.direction,
            "raw": base64.b64encode(self.raw).decode(),
            "text": self.text.decode("utf-8", errors="replace"),
        }


class WireRecord:
    """The record and the work counters of one lab. Any thread may call."""

    def __init__(self) -> None:
        """Start without recording."""
        self._lock = Lock()
        self._messages: deque[Message] = deque(maxlen=_MOST_ENTRIES)
        self._requests = 0
        self._busy_s = 0.0
        self.is_on = False

    def switch(self, *, on: bool) -> None:
        """Start recording anew, or stop; what was recorded stays until the next start."""
        with self._lock:
            if on and not self.is_on:
                self._messages.clear()
            self.is_on = on

    def add(self, message: Message) -> None:
        """Keep one message if recording is on."""
        if self.is_on:
            with self._lock:
                self._messages.append(message)

    def messages(self) -> list[Message]:
        """Return what was recorded, oldest first."""
        with self._lock:
            return list(self._messages)

    @contextmanager
    def working(self, *, is_request: bool) -> Iterator[None]:
        """Count the processor time that the calling thread spends inside."""
        start = time.thread_time()
        try:
            yield
        finally:
            spent = time.thread_time() - start
            with self._lock:
                self._busy_s += spent
                self._requests += is_request

    @property
    def requests(self) -> int:
        """Return how many requests were answered or tried to be."""
        with self._lock:
            return self._requests

    @property
    def busy_s(self) -> float:
        """Return processor seconds spent on requests and pipelines."""
        with self._lock:
            return self._busy_s
