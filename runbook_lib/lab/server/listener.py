"""A node's port on loopback: open while the node is up, kept but refusing while it is down.

What serves a connection is imported when the first one comes (or `warm_up` was called): psrpcore
and pyspnego take a third of the time that a lab needs to start.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import TYPE_CHECKING, Any

from runbook_lib.lab.server.link import Link
from runbook_lib.lab.server.loopback import LOOPBACK, SHARING, LoopbackServer, require_loopback

if TYPE_CHECKING:
    from runbook_lib.lab.server.http import Front


class NodeListener:
    """One port of one node. `open`, `close` and `reset` may come from any thread.

    front: gives what the node's connections share; asked when the first connection comes.
    """

    def __init__(self, front: Callable[[], Front], host: str = LOOPBACK) -> None:
        """Take a free port and keep it until `release`; nothing listens yet."""
        require_loopback(host)
        self._front = front
        self._lock = Lock()
        self._server: _NodeServer | None = None
        self._keeper = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._keeper.setsockopt(socket.SOL_SOCKET, SHARING, 1)
        self._keeper.bind((host, 0))
        self.host = host
        self.port: int = self._keeper.getsockname()[1]

    @property
    def is_open(self) -> bool:
        """Tell whether connections are accepted."""
        return self._server is not None

    def open(self) -> None:
        """Accept connections, on the same port as ever."""
        with self._lock:
            if self._server is None:
                self._server = _NodeServer(self._front, self.port)
                self._server.start()

    def close(self) -> None:
        """Refuse connections and reset those that stand."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.stop()
            server.reset_links()

    def reset(self) -> None:
        """Reset the connections that stand; new ones are welcome."""
        server = self._server
        if server is not None:
            server.reset_links()

    def release(self) -> None:
        """Close and give the port back."""
        self.close()
        self._keeper.close()


class _NodeServer(LoopbackServer):
    def __init__(self, front: Callable[[], Front], port: int) -> None:
        self._front = front
        self._links: dict[int, Link] = {}
        self._links_lock = Lock()
        self._numbers = itertools.count(1)
        super().__init__(BaseHTTPRequestHandler, port)

    @property
    def front(self) -> Front:
        """Return what the node's connections share."""
        return self._front()

    def link_of(self, request: socket.socket) -> Link:
        """Return the connection's link; made when it was accepted."""
        return self._links[id(request)]

    def reset_links(self) -> None:
        with self._links_lock:
            links = list(self._links.values())
        for link in links:
            link.reset()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._links_lock:
            self._links[id(request)] = Link(next(self._numbers), request)
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection to its end."""
        from runbook_lib.lab.server.http import ConnectionHandler

        ConnectionHandler(request, client_address, self)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection: politely, or with the reset that somebody ordered."""
        with self._links_lock:
            link = self._links.pop(id(request), None)
        if link is not None and link.is_gone:
            request.close()
        else:
            super().shutdown_request(request)
