"""Finds secrets in what a run leaves behind, in twelve encodings.

Shares no code with `runbook_lib.redaction` and works the other way round: redaction builds the
spellings of a secret, this decodes whatever can be decoded and looks for the secret itself. So a
spelling that one of the two forgot still shows.

`plant` is the positive control: it writes one file per encoding, and a scan that does not find
each of them proves nothing.
"""

from __future__ import annotations

import base64
import gzip
import html
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

ENCODINGS = (
    "utf-8",
    "utf-16le",
    "base64 of utf-8",
    "base64 of utf-16le",
    "hex",
    "percent",
    "json escape",
    "xml entity",
    "html entity",
    "clixml",
    "gzip",
    "reversed",
)

_DEPTH = 3
_JSON = re.compile(rb"\\u([0-9a-fA-F]{4})|\\([\"\\/bfnrt])")
_SHORT = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_CLIXML = re.compile(rb"_[xX]([0-9a-fA-F]{4})_")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{6,}(?:\r?\n[A-Za-z0-9+/_-]{6,})*")
_HEX = re.compile(rb"[0-9a-fA-F]{8,}")
_GZIP_MAGIC = b"\x1f\x8b\x08"
_MEMBER_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """Where a secret stands. secret: its name; way: the decodings that led to it."""

    secret: str
    place: str
    way: str


def scan(secrets: Mapping[str, str], places: Iterable[Path]) -> tuple[Finding, ...]:
    """Return every finding in the files at and below `places`, and in their names.

    secrets: name -> value. Links are read as text, not followed; what is no file is skipped.
    """
    return tuple(
        finding
        for place in places
        for path in _files(place)
        for finding in (
            *scan_bytes(secrets, str(path).encode("utf-8", "surrogateescape"), f"name of {path}"),
            *scan_bytes(secrets, _content(path), str(path)),
        )
    )


def scan_bytes(secrets: Mapping[str, str], content: bytes, place: str) -> tuple[Finding, ...]:
    """Return the findings in one piece of content (a command line, an environment, a wire)."""
    found: dict[Finding, None] = {}
    for way, view in _views(content, _DEPTH):
        for name, value in secrets.items():
            for spelling, needle in (
                ("utf-8", value.encode("utf-8")),
                ("utf-16le", value.encode("utf-16-le")),
                ("reversed", value[::-1].encode("utf-8")),
            ):
                if needle in view:
                    found[Finding(name, place, " > ".join((*way, spelling)))] = None
    return tuple(found)


def plant(folder: Path, secret: str) -> dict[str, Path]:
    """Write one file per encoding of `secret` into `folder` and return them by encoding."""
    as_utf8 = secret.encode("utf-8")
    as_utf16 = secret.encode("utf-16-le")
    units = [int.from_bytes(as_utf16[at : at + 2], "little") for at in range(0, len(as_utf16), 2)]
    contents = {
        "utf-8": b"x " + as_utf8 + b" y",
        "utf-16le": "x ".encode("utf-16-le") + as_utf16,
        # One byte before, so that the secret begins inside a group of three.
        "base64 of utf-8": base64.b64encode(b"x" + as_utf8 + b"yz"),
        "base64 of utf-16le": base64.b64encode(b"xy" + as_utf16 + b"yz"),
        "hex": as_utf8.hex().encode(),
        "percent": quote(secret, safe="").encode()
        if quote(secret, safe="") != secret
        else "".join(f"%{byte:02X}" for byte in as_utf8).encode(),
        "json escape": "".join(f"\\u{unit:04x}" for unit in units).encode(),
        "xml entity": "".join(f"&#{ord(character)};" for character in secret).encode(),
        "html entity": "".join(f"&#x{ord(character):X};" for character in secret).encode(),
        "clixml": "".join(f"_x{unit:04X}_" for unit in units).encode(),
        "gzip": b"leading bytes" + gzip.compress(b"inside: " + as_utf8) + b"trailing",
        "reversed": secret[::-1].encode("utf-8"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for encoding, content in contents.items():
        files[encoding] = folder / encoding.replace(" ", "-")
        files[encoding].write_bytes(content)
    return files


def _files(place: Path) -> Iterator[Path]:
    if place.is_dir() and not place.is_symlink():
        for path in sorted(place.iterdir()):
            yield from _files(path)
    elif place.is_symlink() or place.is_file():
        yield place


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return str(path.readlink()).encode("utf-8", "surrogateescape")
    return path.read_bytes()


def _views(content: bytes, depth: int) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Yield the content and what it decodes to, once per distinct decoding."""
    yield (), content
    if depth == 0:
        return
    for name, decoded in _decodings(content):
        if decoded and decoded != content:
            for way, view in _views(decoded, depth - 1):
                yield (name, *way), view


def _decodings(content: bytes) -> Iterator[tuple[str, bytes]]:
    if b"%" in content:
        yield "percent", unquote_to_bytes(content)
    if b"\\" in content:
        yield "json escape", _utf16_escapes(_JSON, content)
    if b"_x" in content or b"_X" in content:
        yield "clixml", _utf16_escapes(_CLIXML, content)
    if b"&" in content:
        text = content.decode("utf-8", "surrogateescape")
        yield "entity", html.unescape(text).encode("utf-8", "surrogatepass")
    hexadecimal = b"\n".join(_hex_runs(content))
    if hexadecimal:
        yield "hex", hexadecimal
    decoded = b"\n".join(_base64_runs(content))
    if decoded:
        yield "base64", decoded
    members = b"\n".join(_gzip_members(content))
    if members:
        yield "gzip", members


def _utf16_escapes(pattern: re.Pattern[bytes], content: bytes) -> bytes:
    """Return the content with its escapes resolved, pairs of surrogates joined."""

    def resolve(match: re.Match[bytes]) -> bytes:
        short = match.group(2) if pattern.groups > 1 else None
        if short:
            return _SHORT.get(short, short)
        return chr(int(match.group(1), 16)).encode("utf-8", "surrogatepass")

    resolved = pattern.sub(resolve, content)
    text = resolved.decode("utf-8", "surrogatepass") if _is_utf8(resolved) else None
    if text is None:
        return resolved
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.encode("utf-8", "replace")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _hex_runs(content: bytes) -> Iterator[bytes]:
    for match in _HEX.finditer(content):
        run = match.group()
        for start in (0, 1):
            part = run[start : start + (len(run) - start) // 2 * 2]
            yield bytes.fromhex(part.decode("ascii"))


def _base64_runs(content: bytes) -> Iterator[bytes]:
    """Yield each run decoded from each of its first four characters: one is the true start."""
    for match in _BASE64.finditer(content):
        run = re.sub(rb"\s", b"", match.group()).replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            part = run[start:]
            part = part[: len(part) - (len(part) % 4 == 1)]
            yield base64.b64decode(part + b"=" * (-len(part) % 4))


def _gzip_members(content: bytes) -> Iterator[bytes]:
    at = content.find(_GZIP_MAGIC)
    while at >= 0:
        member = zlib.decompressobj(wbits=31)
        with suppress(zlib.error):
            yield member.decompress(content[at:], _MEMBER_LIMIT)
        at = content.find(_GZIP_MAGIC, at + 1)
