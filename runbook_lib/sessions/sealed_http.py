"""Sealed HTTP to one node: one connection, logged on once, every body encrypted both ways.

Our own transport below pypsrp, because what the library's does is not wanted here: it takes an
unencrypted reply on an encrypted session, follows redirects to another host and logs on there,
obeys proxy variables, reads without bound and sends again by itself. This one knows none of that.

Rules that bind this file:
1. A message leaves only sealed, and only over the connection that was logged on for it: a lost
   connection is never replaced in the middle of an exchange.
2. An error of `connect` means that nothing was sent but the logon.
3. Every wait ends with the deadline.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import os
import selectors
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import spnego

from runbook_lib.clock import Clock, Deadline
from runbook_lib.errors import (
    AuthenticationError,
    MalformedReplyError,
    NodeUnreachableError,
    SessionLostError,
)
from runbook_lib.sessions import sealed_envelope
from runbook_lib.sessions.timed_socket import TimedSocket, seconds

CONNECT_S = 10.0
LISTENS_S = 3.0
"""For one look at an address: a machine on the same network answers at once or is off."""

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes that one pipeline may answer with, all its exchanges together."""

SHOWN = 200
WEAKEST_LM_LEVEL = 3
"""pyspnego obeys LM_COMPAT_LEVEL; below 3 it would answer with NTLM version 1."""

Lost = type[SessionLostError | NodeUnreachableError]


@dataclass(frozen=True)
class Endpoint:
    """Where a node listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return host:port."""
        return f"{self.host}:{self.port}"


class Logon(Protocol):
    """Who logs on."""

    @property
    def user(self) -> str:
        """Return the account's name."""
        ...

    def password(self) -> str:
        """Return the password; raises AuthenticationError once the account was refused."""
        ...

    def refused(self, node: str) -> None:
        """Note that a node refused the account: no later try may be made."""
        ...


class SealedHttp:
    """One node's connection; `exchange` seals, sends, waits and unseals."""

    def __init__(
        self,
        node: str,
        endpoints: Sequence[Endpoint],
        logon: Logon,
        clock: Clock,
        *,
        authentication: str = "negotiate",
    ) -> None:
        """Know where and who; nothing is opened yet. Endpoints are tried in order."""
        self.node = node
        self.deadline = Deadline.after(clock, CONNECT_S)
        self.budget = LARGEST_ANSWER
        self.at = endpoints[0]
        self._endpoints = tuple(endpoints)
        self._logon = logon
        self._clock = clock
        self._authentication = authentication
        self._is_kerberos = authentication == "kerberos"
        self._connection: http.client.HTTPConnection | None = None
        self._context: Any = None

    @property
    def is_open(self) -> bool:
        """Tell whether a connection stands: logged on, and not closed by the other side."""
        if self._connection is None or self._connection.sock is None:
            return False
        with selectors.DefaultSelector() as selector:
            # Nothing is asked for, so whatever can be read is the end or does not belong to us.
            selector.register(self._connection.sock, selectors.EVENT_READ)
            return not selector.select(0)

    @property
    def protocol(self) -> str:
        """Return what the logon was made with: "ntlm" or "kerberos", "" before one."""
        return str(self._context.negotiated_protocol or "") if self._context else ""

    def connect(self) -> None:
        """Open a connection and log on; whatever was open before is closed."""
        self.close()
        _refuse_weak_ntlm(self.node)
        try:
            self._connection = self._opened()
            self._context = self._logged_on()
        except BaseException:
            self.close()
            raise

    def listens(self) -> bool:
        """Tell whether one of the addresses takes a connection; it is closed at once, unused.

        The connection that stands tells nothing: a machine that lost its power closes none.
        """
        for _, address in self._places([]):
            try:
                socket.create_connection(address, LISTENS_S).close()
            except OSError:
                continue
            return True
        return False

    def close(self) -> None:
        """Close the connection and forget its keys."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._context = None

    def exchange(self, message: bytes, limit_s: float) -> tuple[int, bytes]:
        """Return status and unsealed body; a connection in doubt is closed before raising."""
        try:
            with self._link_errors(SessionLostError, limit_s):
                headers = {"Content-Type": sealed_envelope.content_type(self._mime)}
                body = sealed_envelope.seal(self._keys(), self._mime, message)
                return self._unsealed(*self._asked(headers, body, limit_s))
        except BaseException:
            self.close()
            raise

    def _keys(self) -> Any:
        if self._context is None:
            raise ConnectionResetError("the connection is closed")
        return self._context

    @property
    def _mime(self) -> str:
        return sealed_envelope.KERBEROS if self._is_kerberos else sealed_envelope.SPNEGO

    @property
    def _scheme(self) -> str:
        return "Kerberos" if self._is_kerberos else "Negotiate"

    def _opened(self) -> http.client.HTTPConnection:
        failures: list[str] = []
        places = self._places(failures)
        for number, (endpoint, address) in enumerate(places):
            # Shared out, so that dead addresses leave time for the next one and for the logon.
            share_s = seconds(self.deadline) / (len(places) - number + 1)
            try:
                opened = socket.create_connection(address, min(CONNECT_S, share_s))
            except OSError as error:
                failures.append(f"{endpoint}: {error.strerror or str(error) or 'no answer'}")
                continue
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.at = endpoint
            connection = http.client.HTTPConnection(endpoint.host, endpoint.port)
            connection.auto_open = 0
            connection.sock = opened
            return connection
        raise NodeUnreachableError(
            f"No connection to {self.node} could be made.",
            why="; ".join(failures),
            next_step=f"see that {self.node} is on and that its WinRM service runs",
        )

    def _places(self, failures: list[str]) -> list[tuple[Endpoint, tuple[str, int]]]:
        """Return every address to try, the one that answered last first."""
        places = []
        for endpoint in sorted(self._endpoints, key=lambda one: one != self.at):
            try:
                found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
            except OSError as error:
                failures.append(f"{endpoint}: {error.strerror or error}")
                continue
            places += [(endpoint, (str(place[4][0]), endpoint.port)) for place in found]
        return places

    def _logged_on(self) -> Any:
        """Return the security context that both sides agreed on; one refusal is final."""
        with self._link_errors(NodeUnreachableError, CONNECT_S), self._logon_errors():
            context = spnego.client(
                self._logon.user,
                self._logon.password(),
                hostname=self.at.host,
                service="host",
                protocol=self._authentication,
                options=spnego.NegotiateOptions.wrapping_winrm,
            )
            token = context.step()
            while token:
                encoded = base64.b64encode(token).decode("ascii")
                headers = {"Authorization": f"{self._scheme} {encoded}"}
                status, found, _ = self._asked(headers, b"", CONNECT_S)
                if status == 401:
                    token = context.step(self._challenge(found))
                    continue
                if status != 200:
                    self._refuse_status(status, found, NodeUnreachableError)
                last = self._token_in(found)
                token = context.step(last) if last and not context.complete else None
        if not context.complete:
            self._unacceptable("the logon was cut short")
        if not context.context_attr & spnego.ContextReq.confidentiality:
            self._unacceptable("it does not agree to encrypt")
        return context

    def _challenge(self, found: http.client.HTTPMessage) -> bytes:
        """Return the token of a 401; without one the node has said no."""
        token = self._token_in(found)
        if token:
            return token
        offered = ", ".join(found.get_all("WWW-Authenticate") or [])
        if not offered:
            # HTTP demands an offer; without one the answer was cut in its header.
            raise ConnectionResetError("a refusal that offers nothing")
        if self._scheme.lower() not in offered.lower():
            self._unacceptable(f"it offers {offered[:SHOWN]} and not {self._scheme}")
        self._logon.refused(self.node)
        raise AuthenticationError(
            f"{self.node} refused the account {self._logon.user}.",
            why=f"HTTP 401 at {self.at}; one try was made, and no other will be",
            next_step="put the password reference right (for a domain's account also see that the "
            "node reaches its domain), then resume the run",
        )

    def _token_in(self, found: http.client.HTTPMessage) -> bytes | None:
        for value in found.get_all("WWW-Authenticate") or []:
            scheme, _, token = value.partition(" ")
            if scheme.lower() == self._scheme.lower() and token.strip():
                return base64.b64decode(token.strip(), validate=True)
        return None

    def _asked(
        self, headers: dict[str, str], body: bytes, limit_s: float
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send one request over the one connection; return status, headers and raw body."""
        connection = self._connection
        if connection is None or connection.sock is None:
            raise ConnectionResetError("the connection is closed")
        ends = Deadline.after(self._clock, min(limit_s, seconds(self.deadline)))
        sock = connection.sock
        sock.settimeout(seconds(ends))
        always = {"User-Agent": "scc-runbook", "Connection": "Keep-Alive"}
        connection.request("POST", "/wsman", body, {**always, **headers})
        connection.sock = TimedSocket(sock, ends)
        try:
            response = connection.getresponse()
            raw = response.read(self.budget + 1)
            is_last = response.will_close
        finally:
            connection.sock = sock
        self.budget -= len(raw)
        if self.budget < 0:
            self._malformed(f"more than {LARGEST_ANSWER} bytes")
        if response.length:
            raise ConnectionResetError(f"{response.length} bytes of the answer are missing")
        if is_last:
            connection.close()
        return response.status, response.headers, raw

    def _unsealed(
        self, status: int, found: http.client.HTTPMessage, body: bytes
    ) -> tuple[int, bytes]:
        content = str(found.get("Content-Type", ""))
        if not sealed_envelope.is_sealed(content):
            self._refuse_status(status, found, SessionLostError)
        try:
            return status, sealed_envelope.unseal(self._keys(), body)
        except ValueError as error:
            self._malformed(str(error), error)

    def _refuse_status(self, status: int, found: http.client.HTTPMessage, lost: Lost) -> NoReturn:
        """Raise for an answer of HTTP itself, which no node encrypts."""
        if status == 401:
            self._logon.refused(self.node)
            raise AuthenticationError(
                f"{self.node} no longer accepts the account {self._logon.user}.",
                why=f"HTTP 401 at {self.at} on a connection that was logged on",
                next_step="see what happened to the account, then resume the run",
            )
        if 300 <= status < 400:
            place = str(found.get("Location", "nowhere"))[:SHOWN]
            self._malformed(f"HTTP {status}, a redirect to {place}; nothing was sent there")
        if status == 503:
            raise lost(
                f"{self.node} does not serve requests.",
                why=f"HTTP 503 at {self.at}",
                next_step=f"see that the WinRM service of {self.node} runs, then resume the run",
            )
        content = str(found.get("Content-Type", "no type"))[:SHOWN]
        self._malformed(f"HTTP {status} with a body that is not encrypted ({content})")

    def _unacceptable(self, why: str) -> NoReturn:
        raise AuthenticationError(
            f"No acceptable way to log on to {self.node}.",
            why=f"{self.at}: {why}",
            next_step=f"allow Negotiate in the WinRM service of {self.node}, and nothing weaker",
        )

    def _malformed(self, why: str, error: Exception | None = None) -> NoReturn:
        raise MalformedReplyError(
            f"{self.node} answered in a way that cannot be trusted.",
            why=why,
            next_step=f"see what answers at {self.at}, then resume the run",
        ) from error

    @contextmanager
    def _link_errors(self, lost: Lost, limit_s: float) -> Iterator[None]:
        """Turn what sockets and HTTP raise into errors of ours."""
        try:
            yield
        except (TimeoutError, ConnectionError, http.client.IncompleteRead, OSError) as error:
            late = isinstance(error, TimeoutError)
            silent = f"no answer within {limit_s:.3g} s"
            raise lost(
                f"{self.node} {'did not answer in time' if late else 'hung up'}.",
                why=f"{self.at}: {silent if late else str(error) or type(error).__name__}",
                next_step=f"see that {self.node} is on and not overloaded, then resume the run",
            ) from error
        except http.client.HTTPException as error:
            self._malformed(f"it is no HTTP ({type(error).__name__})", error)

    @contextmanager
    def _logon_errors(self) -> Iterator[None]:
        """Turn what the security library raises into an authentication error; it is final."""
        try:
            yield
        except (spnego.exceptions.SpnegoError, binascii.Error, struct.error) as error:
            self._logon.refused(self.node)
            raise AuthenticationError(
                f"The logon of {self._logon.user} at {self.node} came to no end.",
                why=f"{self.at}: {str(error)[:SHOWN] or type(error).__name__}",
                next_step="see which ways of logging on the node accepts, then resume the run",
            ) from error


def _refuse_weak_ntlm(node: str) -> None:
    level = os.environ.get("LM_COMPAT_LEVEL", "")
    if level.isdigit() and int(level) < WEAKEST_LM_LEVEL:
        raise AuthenticationError(
            f"No logon to {node} is made with NTLM version 1.",
            why=f"the environment variable LM_COMPAT_LEVEL is {level}",
            next_step="unset LM_COMPAT_LEVEL",
        )
