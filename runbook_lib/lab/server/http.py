"""HTTP/1.1 of one node: one handler object per TCP connection, which is exactly NTLM's state.

Behaviour of the HTTP layer (401 with Negotiate, an empty 500 for a plain body, an empty 400 for a
seal that does not open, 413 for too much) is what clients of WinRM report; source: documented in
their issue trackers, except 405 and 411, which are inferred.
"""

from __future__ import annotations

import contextlib
import email.utils
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from threading import Condition
from typing import Any

from runbook_lib.lab.faults import Fault, When
from runbook_lib.lab.server import soap, winrm_config
from runbook_lib.lab.server.authentication import (
    SEALED_TYPE,
    Accounts,
    Challenge,
    Handshake,
    RefusedLogonError,
    SealError,
)
from runbook_lib.lab.server.link import Link
from runbook_lib.lab.server.logon_counts import LogonCounts
from runbook_lib.lab.server.output import ConnectionGoneError
from runbook_lib.lab.server.wire_record import Message, WireRecord
from runbook_lib.lab.server.wsman import Answered, Caller, NodeService

SERVER = "Microsoft-HTTPAPI/1.0"
PLAIN_TYPE = "application/soap+xml;charset=UTF-8"
_SEAL_ROOM = 1024
_IDLE_S = 120.0
_NOT_FOUND = (
    b"<HTML><HEAD><TITLE>Not Found</TITLE></HEAD>\r\n"
    b"<BODY><h2>Not Found</h2>\r\n"
    b"<hr><p>HTTP Error 404. The requested resource is not found.</p>\r\n</BODY></HTML>\r\n"
)


@dataclass(frozen=True)
class Front:
    """What the connections of one node share.

    refuse: called when a fault says that the node refuses connections from now on.
    """

    service: NodeService
    accounts: Accounts
    counts: LogonCounts
    record: WireRecord
    refuse: Callable[[], None] = lambda: None


class ConnectionHandler(BaseHTTPRequestHandler):
    """Requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_S
    raw_requestline: bytes
    front: Front
    link: Link

    def __init__(self, request: socket.socket, address: Any, server: Any) -> None:
        """Serve the connection until either side ends it."""
        self.front = server.front
        self.link = server.link_of(request)
        self._handshake: Handshake | None = None
        self._user: str | None = None
        super().__init__(request, address, server)

    def handle(self) -> None:
        """Serve requests; a connection that breaks off is no error of ours."""
        with contextlib.suppress(OSError):
            super().handle()

    def do_POST(self) -> None:
        """Answer one request of WS-Management."""
        body = self._body()
        if body is None:
            return
        if self.path.partition("?")[0].rstrip("/").lower() != "/wsman":
            self._respond(HTTPStatus.NOT_FOUND, _NOT_FOUND, {"Content-Type": "text/html"})
            return
        try:
            with self.front.record.working(is_request=True):
                self._serve(body)
        except (ConnectionGoneError, OSError):
            self.close_connection = True

    def do_GET(self) -> None:
        """Refuse: WS-Management knows POST only."""
        self._respond(HTTPStatus.METHOD_NOT_ALLOWED, b"", {"Allow": "POST"}, close=True)

    do_HEAD = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_TRACE = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that is no HTTP, with nothing of what it held."""
        del message, explain
        self._respond(code, b"", {}, close=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Stay silent: the wire record and the counters tell what happened."""

    def _body(self) -> bytes | None:
        text = self.headers.get("Content-Length")
        if text is None or not text.isdigit():
            status = HTTPStatus.LENGTH_REQUIRED if text is None else HTTPStatus.BAD_REQUEST
            self._respond(status, b"", {}, close=True)
            return None
        if int(text) > self.front.service.quotas.envelope_bytes + _SEAL_ROOM:
            self._respond(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"", {}, close=True)
            return None
        return self.rfile.read(int(text))

    def _serve(self, body: bytes) -> None:
        fault = self.front.service.faults.meet_request(self.front.service.node, "http")
        if fault is not None:
            self._spoil(fault, Answered(200, b""))
            return
        token: str | None = None
        authorization = self.headers.get("Authorization")
        if authorization is not None:
            is_on, token = self._authenticate(authorization, body)
            if not is_on:
                return
        elif self._user is None:
            self._without_logon(body)
            return
        extra = {} if token is None else {"WWW-Authenticate": token}
        if not body:
            self._respond(HTTPStatus.OK, b"", extra)
        elif not (self.headers.get("Content-Type") or "").startswith("multipart/encrypted"):
            # AllowUnencrypted is false: a plain body is refused without a word.
            self._note("request", body, b"")
            self._respond(HTTPStatus.INTERNAL_SERVER_ERROR, b"", extra)
        else:
            self._sealed(body, extra)

    def _without_logon(self, body: bytes) -> None:
        if self.headers.get("WSMANIDENTIFY") and soap.identify_is_asked(body):
            reply = soap.identify_reply(winrm_config.ANONYMOUS_PRODUCT_VERSION)
            self._respond(HTTPStatus.OK, reply, {"Content-Type": PLAIN_TYPE})
            return
        self._note("request", body, b"")
        self._respond(HTTPStatus.UNAUTHORIZED, b"", {"WWW-Authenticate": "Negotiate"})

    def _authenticate(self, authorization: str, body: bytes) -> tuple[bool, str | None]:
        """Return whether the connection is logged on now, and the token to send along."""
        if self._handshake is None or self._user is not None:
            self._handshake, self._user = Handshake(self.front.accounts), None
        self._note("request", body, b"")
        try:
            answer = self._handshake.step(authorization)
        except RefusedLogonError as error:
            self._handshake = None
            self.front.counts.add_bad(error.user)
            self._respond(HTTPStatus.UNAUTHORIZED, b"", {"WWW-Authenticate": "Negotiate"})
            return False, None
        if isinstance(answer, Challenge):
            self._respond(HTTPStatus.UNAUTHORIZED, b"", {"WWW-Authenticate": answer.token})
            return False, None
        self._user = answer.user
        self.front.counts.add_good(answer.user)
        return True, answer.token

    def _sealed(self, body: bytes, extra: dict[str, str]) -> None:
        handshake, user = self._handshake, self._user
        if handshake is None or user is None:
            raise ConnectionGoneError
        try:
            envelope = handshake.open(body)
        except SealError:
            self._respond(HTTPStatus.BAD_REQUEST, b"", extra)
            return
        self._note("request", body, envelope)
        caller = Caller(
            user=user,
            address=str(self.client_address[0]),
            is_gone=lambda: self.link.is_gone,
            wait_on=self._wait_on,
        )
        try:
            answered = self.front.service.handle(envelope, caller)
        finally:
            self.link.waits_on = None
        if answered.fault is None:
            self._respond_sealed(answered, extra)
        else:
            self._spoil(answered.fault, answered)

    def _respond_sealed(self, answered: Answered, extra: dict[str, str]) -> None:
        headers = {"Content-Type": SEALED_TYPE, **extra}
        self._respond(answered.status, self._seal(answered), headers, text=answered.envelope)

    def _seal(self, answered: Answered) -> bytes:
        if self._handshake is None:
            raise ConnectionGoneError
        return self._handshake.seal(answered.envelope)

    def _wait_on(self, condition: Condition) -> None:
        self.link.waits_on = condition

    def _spoil(self, fault: Fault, answered: Answered) -> None:
        """Answer as an armed fault wants it."""
        spoil = {
            "refuse": self._refuse,
            "reset": self._cut,
            "hang": self._hang,
            "status": self._only_status,
            "redirect": self._redirect,
            "plain": self._unsealed,
            "slow": self._drip,
            "garbage": self._garble,
        }.get(fault.deed)
        if spoil is None:  # what spoils output was done where the output is
            self._respond_sealed(answered, {})
        else:
            spoil(fault, answered)

    def _refuse(self, _fault: Fault, _answered: Answered) -> None:
        self.front.refuse()
        self._reset()

    def _cut(self, fault: Fault, answered: Answered) -> None:
        if fault.when is When.MID_REPLY:
            reply = self._sealed_reply(answered)
            self.wfile.write(reply[: len(reply) // 2])
        self._reset()

    def _hang(self, _fault: Fault, _answered: Answered) -> None:
        self.front.service.faults.hold(self.link.ended)
        self._reset()

    def _only_status(self, fault: Fault, _answered: Answered) -> None:
        self._respond(int(fault.argument), b"", {})

    def _redirect(self, fault: Fault, _answered: Answered) -> None:
        self._respond(HTTPStatus.FOUND, b"", {"Location": fault.argument})

    def _unsealed(self, _fault: Fault, answered: Answered) -> None:
        self._respond(answered.status, answered.envelope, {"Content-Type": PLAIN_TYPE})

    def _drip(self, fault: Fault, answered: Answered) -> None:
        reply, pause_s = self._sealed_reply(answered), float(fault.argument or 1.0)
        faults, ended = self.front.service.faults, self.link.ended
        for index in range(len(reply)):
            self.wfile.write(reply[index : index + 1])
            if faults.hold(ended, pause_s):
                self._reset()
                return

    def _garble(self, fault: Fault, answered: Answered) -> None:
        envelope = answered.envelope
        if fault.when is When.BEFORE:  # no output to spoil: spoil the envelope
            envelope = envelope[: len(envelope) // 2]
        self._respond_sealed(Answered(answered.status, envelope), {})

    def _sealed_reply(self, answered: Answered) -> bytes:
        sealed, headers = self._seal(answered), {"Content-Type": SEALED_TYPE}
        return self._rendered(answered.status, sealed, headers)

    def _reset(self) -> None:
        self.link.reset()
        self.close_connection = True

    def _respond(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str],
        *,
        close: bool = False,
        text: bytes = b"",
    ) -> None:
        if close:
            self.close_connection = True
            headers = {**headers, "Connection": "close"}
        reply = self._rendered(status, body, headers)
        if self.link.is_gone:
            raise ConnectionGoneError
        self.front.record.add(
            Message(self.front.service.node, self.link.number, "reply", reply, text or body)
        )
        self.wfile.write(reply)

    def _rendered(self, status: int, body: bytes, headers: dict[str, str]) -> bytes:
        """Return the whole reply, so that it leaves in one piece."""
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = ""
        fields = {
            **headers,
            "Server": SERVER,
            "Date": email.utils.formatdate(usegmt=True),
            "Content-Length": str(len(body)),
        }
        lines = [f"HTTP/1.1 {int(status)} {phrase}", *(f"{k}: {v}" for k, v in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def _note(self, direction: str, body: bytes, text: bytes) -> None:
        if self.front.record.is_on:
            raw = self.raw_requestline + self.headers.as_bytes() + body
            number = self.link.number
            self.front.record.add(Message(self.front.service.node, number, direction, raw, text))
