"""Secrets are masked in whatever is written: journal, logs, debug files, messages.

Whoever resolves a secret registers its value here once; every writer passes its text through
`redact`. The registry is one per process and stands behind functions, an exception to the rule
against globals with a reason: a logging filter, a traceback hook and a writer deep in a library
must all know every secret, and none of them can be handed an object by its caller. It gives no
value back: neither by a function nor in a repr.

A value is found in any mixture, character by character, of plain text, percent, JSON and CLIXML
escapes, XML and HTML entities; and as a whole in hex and base64 (of UTF-8 and UTF-16LE, wherever
it begins inside a longer base64 text) and reversed. Not found: a value cut in two by its carrier,
compressed or encrypted. Masking is the last net; the first is never to write a secret.
"""

from __future__ import annotations

import base64
import html.entities
import logging
import re
import threading
import traceback
from collections.abc import Iterable

MASK = "<redacted>"

SHORTEST = 4
"""Shorter values are not registered: masking them would eat ordinary words."""


class Redactor:
    """Masks registered values; its repr tells only how many there are."""

    __slots__ = ("_lock", "_pattern", "_values")

    def __init__(self) -> None:
        """Know no value yet."""
        self._lock = threading.Lock()
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def __repr__(self) -> str:
        """Return the count of values, never a value."""
        return f"<Redactor of {len(self._values)} values>"

    def __reduce__(self) -> str:
        """Refuse to be pickled or copied: the values would go along."""
        message = "a Redactor holds secrets and cannot be pickled"
        raise TypeError(message)

    def register(self, value: str) -> None:
        """Mask `value` from now on; a value shorter than SHORTEST is not taken."""
        if len(value) < SHORTEST:
            return
        with self._lock:
            if value not in self._values:
                self._values.add(value)
                self._pattern = _pattern_of(self._values)

    def redact(self, text: str) -> str:
        """Return `text` with every registered value masked, in any of its encodings."""
        if self._pattern is None:
            return text
        return self._pattern.sub(MASK, text)


_REDACTOR = Redactor()


def register(value: str) -> None:
    """Mask `value` in this process from now on."""
    _REDACTOR.register(value)


def redact(text: str) -> str:
    """Return `text` with every value registered in this process masked."""
    return _REDACTOR.redact(text)


class RedactingFilter(logging.Filter):
    """Masks a log record's message and traceback.

    Belongs on handlers: a filter on a logger does not see what its child loggers emit.
    """

    def __init__(self, redactor: Redactor = _REDACTOR) -> None:
        """Mask what `redactor` knows; without one, what this process registered."""
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, masked; arguments and exception become text first."""
        record.msg = self._redactor.redact(_message_of(record))
        record.args = None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self._redactor.redact(record.exc_text)
        if record.stack_info:
            record.stack_info = self._redactor.redact(record.stack_info)
        return True


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a wrong format string must not print its arguments
        return f"{record.msg} (its arguments do not fit)"


def _pattern_of(values: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern of all values, longer ones first so that none hides inside another."""
    spellings: dict[str, None] = {}
    for value in sorted(values, key=lambda value: (-len(value), value)):
        spellings[_any_mixture(value)] = None
        spellings[_any_mixture(value[::-1])] = None
        for whole in _as_a_whole(value):
            spellings[whole] = None
    return re.compile("|".join(spellings))


def _any_mixture(value: str) -> str:
    """Return a pattern for `value`, each of its characters escaped or not.

    Every branch begins with a literal, so that the search can skip to the few characters that
    may begin one.
    """
    # A NUL may stand between: UTF-16 text that was read as if it were bytes of a code page.
    return "\x00?".join(_one_character(character) for character in value)


def _one_character(character: str) -> str:
    # The character itself comes last: an underscore also begins its own escape.
    spellings = []
    if character in _DOUBLED_QUOTES:
        spellings.append(re.escape(character * 2))
    units = _utf16_units(character)
    spellings.append("".join(rf"\\+u{_hexadecimal(f'{unit:04x}')}" for unit in units))
    spellings.append("".join(f"_[xX]{_hexadecimal(f'{unit:04x}')}_" for unit in units))
    as_bytes = character.encode("utf-8", "surrogatepass")
    spellings.append("".join(f"%{_hexadecimal(f'{byte:02x}')}" for byte in as_bytes))
    numbers = [f"#0*{ord(character)}", f"#[xX]0*{_hexadecimal(f'{ord(character):x}')}"]
    names = [*_NAMES.get(character, ()), *numbers]
    spellings.append(f"&(?:amp;)*(?:{'|'.join(names)});")
    if character in _SHORT_ESCAPES:
        spellings.append(rf"\\+{re.escape(_SHORT_ESCAPES[character])}")
    if character == " ":
        spellings.append(r"\+")
    spellings.append(re.escape(character))
    return f"(?:{'|'.join(spellings)})"


def _as_a_whole(value: str) -> list[str]:
    """Return patterns for the encodings that mix several characters."""
    wholes = []
    for as_bytes in (value.encode("utf-8", "surrogatepass"), value.encode("utf-16-le", "replace")):
        wholes.append(_hexadecimal(as_bytes.hex()))
        wholes.extend(_base64_core(as_bytes, offset) for offset in range(3))
    return wholes


def _base64_core(as_bytes: bytes, offset: int) -> str:
    """Return the part of the base64 text that the value alone decides.

    offset: how many bytes stand before it in its group of three. The characters at both ends,
    which neighbours share in, are masked too if they are there.
    """
    text = base64.b64encode(bytes(offset) + as_bytes).decode("ascii")
    first = (0, 2, 3)[offset]
    last = len(text.rstrip("="))
    if (offset + len(as_bytes)) % 3:
        last -= 1
    # The standard alphabet's last two characters have stand-ins in the one for addresses.
    core = "".join({"+": "[+-]", "/": "[/_]"}.get(char, char) for char in text[first:last])
    return f"{core}[A-Za-z0-9+/]?={{0,2}}"


def _hexadecimal(digits: str) -> str:
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in digits)


def _utf16_units(character: str) -> list[int]:
    encoded = character.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(encoded[at : at + 2], "little") for at in range(0, len(encoded), 2)]


def _names_of_characters() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, character in html.entities.html5.items():
        if name.endswith(";") and len(character) == 1:
            names.setdefault(character, []).append(name[:-1])
    names.setdefault("'", []).append("apos")
    return names


_NAMES = _names_of_characters()
_SHORT_ESCAPES = {
    '"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t",
    "'": "'",
}  # fmt: skip
_DOUBLED_QUOTES = frozenset("'\"\u2018\u2019\u201a\u201b\u201c\u201d\u201e")
