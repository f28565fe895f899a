"""A node's port on loopback: open while the node is up, kept but refusing while it is down."""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import logging
import selectors
import socket
import sys
from http.server import ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from runbook_lib.lab.server.http import ConnectionHandler, Front, Link

_log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
# Linux lets a listener share its port with a bound socket that does not listen under the first
# option, BSD systems under the second.
_SHARING = socket.SO_REUSEADDR if sys.platform == "linux" else socket.SO_REUSEPORT


class NotLoopbackError(ValueError):
    """Somebody wanted the lab to be reachable from elsewhere."""


def require_loopback(host: str) -> None:
    """Raise NotLoopbackError unless `host` is 127.0.0.1 itself."""
    if host != LOOPBACK:
        raise NotLoopbackError(f"the lab listens on {LOOPBACK} only, not on {host}")


class NodeListener:
    """One port of one node. `open`, `close` and `reset` may come from any thread."""

    def __init__(self, front: Front, host: str = LOOPBACK) -> None:
        """Take a free port and keep it until `release`; nothing listens yet."""
        require_loopback(host)
        self._front = front
        self._lock = Lock()
        self._server: _Server | None = None
        self._keeper = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._keeper.setsockopt(socket.SOL_SOCKET, _SHARING, 1)
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
                self._server = _Server((self.host, self.port), self._front)
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = _SHARING == socket.SO_REUSEADDR
    allow_reuse_port = _SHARING != socket.SO_REUSEADDR

    def __init__(self, address: tuple[str, int], front: Front) -> None:
        self.front = front
        self._links: dict[int, Link] = {}
        self._links_lock = Lock()
        self._numbers = itertools.count(1)
        self._wake, self._woken = socket.socketpair()
        super().__init__(address, ConnectionHandler)

    def server_bind(self) -> None:
        """Bind without looking the host's name up: a resolver may take seconds."""
        if self.allow_reuse_port:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        else:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.server_address[:2]

    def start(self) -> None:
        Thread(target=self._accept_until_woken, daemon=True).start()

    def stop(self) -> None:
        # Closing comes first: when this returns, a connect is refused, whatever the thread does.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._wake.close()

    def link_of(self, request: socket.socket) -> Link:
        """Return the connection's link; made when it was accepted."""
        return self._links[id(request)]

    def reset_links(self) -> None:
        with self._links_lock:
            links = list(self._links.values())
        for link in links:
            link.reset()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Turn away whoever does not come over loopback."""
        del request
        return ipaddress.ip_address(client_address[0]).is_loopback

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._links_lock:
            self._links[id(request)] = Link(next(self._numbers), request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection: politely, or with the reset that somebody ordered."""
        with self._links_lock:
            link = self._links.pop(id(request), None)
        if link is not None and link.is_gone:
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell the lab's log: an error here is ours."""
        del request, client_address
        _log.exception("the lab's server failed")

    def _accept_until_woken(self) -> None:
        with self._woken, selectors.DefaultSelector() as selector:
            try:
                selector.register(self.socket, selectors.EVENT_READ)
            except (OSError, ValueError):  # stopped before it began
                return
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    return
                self._accept()

    def _accept(self) -> None:
        try:
            request, address = self.get_request()
        except OSError:
            return
        if self.verify_request(request, address):
            self.process_request(request, address)
        else:
            self.shutdown_request(request)
