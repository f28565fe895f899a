"""Negotiate (NTLM) per connection, and the sealing of bodies that comes with it.

NTLM's user file is process-wide: pyspnego finds it through an environment variable at each
handshake. So each step of a handshake writes the accounts of its own node into the file, under
one lock, and takes the file away again: labs that share a process never see each other's
accounts. The file holds hashes, lies in memory where the system can do that, and is gone after
the step.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import spnego
from spnego._ntlm_raw.crypto import ntowfv1  # the only MD4 at hand; hashlib's went with OpenSSL 3
from spnego.exceptions import SpnegoError

BOUNDARY = b"--Encrypted Boundary"
SEALED_TYPE = (
    'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";'
    'boundary="Encrypted Boundary"'
)
_PROTOCOL = b"application/HTTP-SPNEGO-session-encrypted"
_OCTETS = b"\tContent-Type: application/octet-stream\r\n"
_LENGTH = re.compile(
    rb"OriginalContent:\s*type=[^;]+;\s*charset=UTF-8;\s*Length=(\d+)", re.IGNORECASE
)
_SCHEME = re.compile(r"\s*(Negotiate|NTLM)\s+(\S+)\s*", re.IGNORECASE)
_FILE_LOCK = Lock()  # guards an environment variable, which is the process's by nature
_FILE_VARIABLE = "NTLM_USER_FILE"
_NO_LM = "0" * 32


class SealError(Exception):
    """A sealed body cannot be opened: it was sealed for another connection, or changed."""


class RefusedLogonError(Exception):
    """The handshake ended in a refusal; `user` is who asked, as far as that could be read."""

    def __init__(self, user: str) -> None:
        """Keep the user's name for the count of bad logons."""
        super().__init__("logon refused")
        self.user = user


class Accounts:
    """The accounts of one node, in the form that NTLM's file wants."""

    def __init__(self, passwords: Callable[[], Mapping[str, str]]) -> None:
        """Ask `passwords` (user form -> password) at every handshake: accounts come and go."""
        self._passwords = passwords
        self._hashes: dict[str, str] = {}

    def name_of(self, principal: str) -> str:
        """Return the account's own spelling for the name that a client used."""
        names = {name.casefold(): name for name in self._passwords()}
        return names.get(principal.casefold(), principal)

    def file_text(self) -> str:
        """Return the file: one line an account, hashes only."""
        return "".join(
            f"{name}:0:{_NO_LM}:{self._hash(password)}:[U]:LCT-0\n"
            for name, password in self._passwords().items()
        )

    def _hash(self, password: str) -> str:
        if password not in self._hashes:
            self._hashes[password] = base64.b16encode(ntowfv1(password)).decode()
        return self._hashes[password]


@dataclass(frozen=True)
class Challenge:
    """The handshake goes on: `token` is the WWW-Authenticate value."""

    token: str


@dataclass(frozen=True)
class Logon:
    """The handshake is complete; `token` is the last WWW-Authenticate value, if there is one."""

    user: str
    token: str | None


class Handshake:
    """One authentication on one connection, and afterwards its seal."""

    def __init__(self, accounts: Accounts) -> None:
        """Start from nothing."""
        self._accounts = accounts
        self._context: spnego.ContextProxy | None = None

    def step(self, authorization: str) -> Challenge | Logon:
        """Return the answer to one Authorization header; raise RefusedLogonError."""
        match = _SCHEME.fullmatch(authorization)
        if match is None:
            raise RefusedLogonError("")
        scheme = match[1]
        try:
            token = base64.b64decode(match[2], validate=True)
        except binascii.Error as error:
            raise RefusedLogonError("") from error
        try:
            answer = self._step(token)
        except (SpnegoError, ValueError, struct.error, IndexError, KeyError) as error:
            raise RefusedLogonError(_user_in(token)) from error
        spoken = None if answer is None else f"{scheme} {base64.b64encode(answer).decode()}"
        context = self._context
        if context is not None and context.complete:
            principal = context.client_principal or ""
            return Logon(self._accounts.name_of(principal), spoken)
        return Challenge(spoken or scheme)

    def open(self, body: bytes) -> bytes:
        """Return the message in a sealed body; raise SealError."""
        header, sealed, length = _parts(body)
        if self._context is None:
            raise SealError
        try:
            message = bytes(self._context.unwrap_winrm(header, sealed))
        except (SpnegoError, ValueError) as error:
            raise SealError from error
        if len(message) != length:
            raise SealError
        return message

    def seal(self, message: bytes) -> bytes:
        """Return the sealed body for a message; every call moves the key stream on."""
        if self._context is None:
            raise SealError
        wrapped = self._context.wrap_winrm(message)
        length = len(message) + wrapped.padding_length
        return b"".join(
            (
                BOUNDARY + b"\r\n\tContent-Type: " + _PROTOCOL + b"\r\n",
                b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n"
                % length,
                BOUNDARY + b"\r\n" + _OCTETS,
                struct.pack("<i", len(wrapped.header)) + wrapped.header + wrapped.data,
                BOUNDARY + b"--\r\n",
            )
        )

    def _step(self, token: bytes) -> bytes | None:
        with _user_file(self._accounts.file_text()):
            if self._context is None:
                self._context = spnego.server(
                    protocol="negotiate", options=spnego.NegotiateOptions.use_negotiate
                )
            return self._context.step(token)


def _parts(body: bytes) -> tuple[bytes, bytes, int]:
    """Return signature, sealed bytes and the length promised; raise SealError."""
    start, middle, end = BOUNDARY + b"\r\n", BOUNDARY + b"\r\n" + _OCTETS, BOUNDARY + b"--\r\n"
    split = body.find(middle, len(start))
    length = _LENGTH.search(body, 0, max(split, 0))
    if not body.startswith(start) or split < 0 or length is None or not body.endswith(end):
        raise SealError
    payload = body[split + len(middle) : -len(end)]
    if len(payload) < 4:
        raise SealError
    [size] = struct.unpack_from("<i", payload)
    if not 0 < size <= len(payload) - 4:
        raise SealError
    return payload[4 : 4 + size], payload[4 + size :], int(length[1])


def _user_in(token: bytes) -> str:
    """Return the account that an NTLM AUTHENTICATE message names, "" if it is none."""
    start = token.find(b"NTLMSSP\0\x03\0\0\0")
    if start < 0 or len(token) < start + 64:
        return ""
    message = token[start:]
    [flags] = struct.unpack_from("<I", message, 60)
    coding = "utf-16-le" if flags & 1 else "latin-1"
    names = []
    for field in (28, 36):  # domain, user: length, room, offset
        size, _, offset = struct.unpack_from("<HHI", message, field)
        names.append(message[offset : offset + size].decode(coding, errors="replace"))
    domain, user = names
    return f"{domain}\\{user}" if domain else user


@contextlib.contextmanager
def _user_file(text: str) -> Iterator[None]:
    with _FILE_LOCK, _readable(text) as path:
        before = os.environ.get(_FILE_VARIABLE)
        os.environ[_FILE_VARIABLE] = path
        try:
            yield
        finally:
            if before is None:
                del os.environ[_FILE_VARIABLE]
            else:
                os.environ[_FILE_VARIABLE] = before


@contextlib.contextmanager
def _readable(text: str) -> Iterator[str]:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("accounts")
        path = Path(f"/proc/self/fd/{descriptor}")
        try:
            if path.is_file():
                os.write(descriptor, text.encode())
                yield str(path)
                return
        finally:
            os.close(descriptor)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:  # 0600 by itself
        file.write(text)
        file.flush()
        yield file.name
