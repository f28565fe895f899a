"""The encrypted body of WS-Management over HTTP ([MS-WSMV] 2.2.9.1): made and opened, strictly.

Pure but for the security context, which is pyspnego's: it holds the keys and counts messages.
"""

from __future__ import annotations

import re
import struct
from typing import Protocol

SPNEGO = "application/HTTP-SPNEGO-session-encrypted"
KERBEROS = "application/HTTP-Kerberos-session-encrypted"

_BOUNDARY = b"--Encrypted Boundary"
_OCTETS = b"\tContent-Type: application/octet-stream\r\n"
_FRONT = re.compile(
    rb"--Encrypted Boundary\r\n(?P<head>.{0,500}?)\r\n--Encrypted Boundary\r\n" + _OCTETS,
    re.DOTALL,
)
_LENGTH = re.compile(rb"OriginalContent:[^\r\n]*Length=(\d{1,9})", re.IGNORECASE)


class Context(Protocol):
    """What is needed of a security context."""

    def wrap_winrm(self, data: bytes) -> tuple[bytes, bytes, int]:
        """Return header, sealed data and the length of the padding."""
        ...

    def unwrap_winrm(self, header: bytes, data: bytes) -> bytes:
        """Return the data; raises when the seal does not fit."""
        ...


def content_type(protocol: str) -> str:
    """Return the Content-Type of a sealed body."""
    return f'multipart/encrypted;protocol="{protocol}";boundary="Encrypted Boundary"'


def is_sealed(content: str) -> bool:
    """Tell whether a Content-Type announces a sealed body."""
    return content.lower().startswith("multipart/encrypted")


def seal(context: Context, protocol: str, message: bytes) -> bytes:
    """Return the sealed body of a message."""
    header, sealed, padding = context.wrap_winrm(message)
    front = (
        f"--Encrypted Boundary\r\n\tContent-Type: {protocol}\r\n\tOriginalContent: "
        f"type=application/soap+xml;charset=UTF-8;Length={len(message) + padding}\r\n"
        "--Encrypted Boundary\r\n"
    )
    size = struct.pack("<i", len(header))
    return b"".join((front.encode("ascii"), _OCTETS, size, header, sealed, _BOUNDARY, b"--\r\n"))


def unseal(context: Context, body: bytes) -> bytes:
    """Return the message of a sealed body; ValueError says what is wrong with it."""
    front = _FRONT.match(body)
    length = _LENGTH.search(front["head"]) if front else None
    end = body.rfind(_BOUNDARY + b"--")
    if front is None or length is None or end < front.end() + 4:
        raise ValueError("its encrypted envelope is not in the agreed form")
    payload = body[front.end() : end]
    (size,) = struct.unpack_from("<i", payload)
    if not 0 < size <= len(payload) - 4:
        raise ValueError("its encrypted envelope is not in the agreed form")
    try:
        message = context.unwrap_winrm(payload[4 : 4 + size], payload[4 + size :])
    except Exception as error:
        # Whatever the security library finds wrong with it, it is not what the node sealed.
        raise ValueError(f"its seal is broken ({type(error).__name__})") from error
    if len(message) != int(length[1]):
        raise ValueError(f"{len(message)} bytes where {int(length[1])} are announced")
    return message
