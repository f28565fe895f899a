"""A socket whose reads all end with one deadline, however slowly the other side speaks.

The time-out of a plain socket starts anew with each byte, so a trickle would hold us for hours.
"""

from __future__ import annotations

import io
import socket
from typing import Any

from runbook_lib.clock import Deadline


def seconds(ends: Deadline) -> float:
    """Return what is left as a socket's time-out, which may not be zero."""
    return max(0.001, ends.left())


class TimedSocket:
    """What http.client needs of a socket to read one answer; closing it is left to the owner."""

    def __init__(self, sock: socket.socket, ends: Deadline) -> None:
        """Read from `sock` until `ends`."""
        self._sock = sock
        self._ends = ends

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader of the answer."""
        return io.BufferedReader(_TimedReader(self._sock, self._ends))

    def close(self) -> None:
        """Leave the socket open: the answer may still be on it."""


class _TimedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, ends: Deadline) -> None:
        super().__init__()
        self._sock = sock
        self._ends = ends

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._ends.is_over:
            raise TimeoutError
        self._sock.settimeout(seconds(self._ends))
        return self._sock.recv_into(buffer)
