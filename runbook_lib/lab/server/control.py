"""The control address: what a test, a gate or a person asks of the lab besides talking to nodes.

Plain HTTP with JSON on a loopback port of its own. A browser page must not reach it, whatever
name it resolves to this machine: another Host than the address itself and any Origin are refused.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from runbook_lib.lab.server.loopback import LOOPBACK, LoopbackServer

_log = logging.getLogger(__name__)
_LONGEST_BODY = 64 * 1024

Route = Callable[[str, Mapping[str, object]], object]
"""Gets what follows the route's path, and the JSON body; returns what is answered as JSON."""


class BadRequestError(Exception):
    """What was asked for makes no sense; the message says why."""


class NotFoundError(Exception):
    """There is no such thing."""


@dataclass(frozen=True)
class Routes:
    """What is served: method and first part of the path -> function."""

    table: Mapping[tuple[str, str], Route]

    def find(self, method: str, path: str) -> tuple[Route, str]:
        """Return the function for a path and the rest of the path; raise NotFoundError."""
        first, _, rest = path.strip("/").partition("/")
        route = self.table.get((method, first))
        if route is None:
            raise NotFoundError(f"{method} {path} is not served")
        return route, rest


class ControlServer(LoopbackServer):
    """The control address of one lab."""

    def __init__(self, routes: Routes) -> None:
        """Take a free port; `start` serves it."""
        super().__init__(_ControlHandler)
        self.routes = routes

    @property
    def address(self) -> str:
        """Return the address without a slash at its end."""
        return f"http://{LOOPBACK}:{self.server_port}"


class _ControlHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60.0
    server: ControlServer

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_DELETE = do_GET  # noqa: N815 - the base's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Stay silent."""

    def _serve(self) -> None:
        try:
            body = self._body()
            self._require_local()
            route, rest = self.server.routes.find(self.command, self.path)
            self._respond(HTTPStatus.OK, route(rest, body))
        except PermissionError as error:
            self._respond(HTTPStatus.FORBIDDEN, {"error": str(error)})
        except NotFoundError as error:
            self._respond(HTTPStatus.NOT_FOUND, {"error": str(error)})
        except BadRequestError as error:
            self._respond(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception as error:  # noqa: BLE001 - whoever asked shall hear of it
            _log.exception("the lab's control address failed")
            self._respond(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": repr(error)})

    def _require_local(self) -> None:
        expected = self.server.address.removeprefix("http://")
        if self.headers.get("Host") != expected or self.headers.get("Origin") is not None:
            raise PermissionError("the control address serves programs on this machine only")

    def _body(self) -> Mapping[str, object]:
        text = self.headers.get("Content-Length", "0")
        if not text.isdigit() or int(text) > _LONGEST_BODY:
            self.close_connection = True
            raise BadRequestError("a body of at most 64 KiB, with its length")
        raw = self.rfile.read(int(text))
        if not raw:
            return {}
        try:
            body: Any = json.loads(raw)
        except ValueError as error:
            raise BadRequestError("the body is no JSON") from error
        if not isinstance(body, dict):
            raise BadRequestError("the body is no JSON object")
        return body

    def _respond(self, status: HTTPStatus, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
