"""A threaded HTTP server that binds loopback and nothing else."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import selectors
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

_log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
# Linux lets a listener share its port with a bound socket that does not listen under the first
# option, BSD systems under the second.
SHARING = socket.SO_REUSEADDR if sys.platform == "linux" else socket.SO_REUSEPORT


class NotLoopbackError(ValueError):
    """Somebody wanted the lab to be reachable from elsewhere."""


def require_loopback(host: str) -> None:
    """Raise NotLoopbackError unless `host` is 127.0.0.1 itself."""
    if host != LOOPBACK:
        raise NotLoopbackError(f"the lab listens on {LOOPBACK} only, not on {host}")


class LoopbackServer(ThreadingHTTPServer):
    """Accepts in a thread of its own from `start` until `stop`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, handler: type[BaseHTTPRequestHandler], port: int = 0, host: str = LOOPBACK
    ) -> None:
        """Bind; a port of 0 takes a free one."""
        require_loopback(host)
        self._wake, self._woken = socket.socketpair()
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Bind without looking the host's name up: a resolver may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, SHARING, 1)
        self.socket.bind(self.server_address)
        host, port = self.socket.getsockname()
        self.server_address = (host, port)
        self.server_name, self.server_port = host, port

    def start(self) -> None:
        """Accept connections from now on."""
        Thread(target=self._accept_until_woken, daemon=True).start()

    def stop(self) -> None:
        """Accept no more: when this returns, a connect is refused."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._wake.close()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Turn away whoever does not come over loopback."""
        del request
        return ipaddress.ip_address(client_address[0]).is_loopback

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell the lab's log: an error that gets here is ours."""
        del request, client_address
        _log.exception("the lab's server failed")

    def _accept_until_woken(self) -> None:
        with self._woken, selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            with contextlib.suppress(OSError, ValueError):  # stopped before it began
                selector.register(self.socket, selectors.EVENT_READ)
            while self._woken not in {key.fileobj for key, _ in selector.select()}:
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
