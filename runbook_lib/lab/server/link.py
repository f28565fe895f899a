"""One TCP connection as others see it: anybody may end it, its own thread closes it."""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass, field
from threading import Condition, Event


@dataclass(eq=False)
class Link:
    """One connection. `ended` is set once nothing more may be said on it."""

    number: int
    socket: socket.socket
    ended: Event = field(default_factory=Event)
    waits_on: Condition | None = None

    @property
    def is_gone(self) -> bool:
        """Tell whether a reply would be lost."""
        return self.ended.is_set()

    def reset(self) -> None:
        """End the connection with a TCP reset; a reply that is still to come is lost."""
        self.ended.set()
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.shutdown(socket.SHUT_RD)  # wakes the reader and sends nothing
        condition = self.waits_on
        if condition is not None:
            with condition:
                condition.notify_all()
