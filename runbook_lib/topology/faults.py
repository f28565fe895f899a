"""A fault of a parameter file as a value, and how a doubtful text is shown.

Rule of this file: nothing leaves it that a terminal could take for more than plain ASCII.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PRINTABLE = frozenset(map(chr, range(0x20, 0x7F)))
SHOWN_CHARACTERS = 60
PLACEHOLDER = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with the file: where, what was found, what is wanted.

    line: from 1; 0 when the file as a whole is meant. path: as in `nodes[0].public.address`.
    """

    line: int
    path: str
    found: str
    wanted: str

    def __str__(self) -> str:
        """Return the one line that an operator reads."""
        where = ": ".join(
            part for part in (f"line {self.line}" * bool(self.line), self.path) if part
        )
        return f"{where}: found {self.found}, wanted {self.wanted}".removeprefix(": ")


class UnfitError(ValueError):
    """A text does not follow its field's grammar.

    found: None lets the caller show the text itself.
    """

    def __init__(self, wanted: str, found: str | None = None) -> None:
        """Keep both halves of the later fault."""
        super().__init__(wanted)
        self.wanted = wanted
        self.found = found


def quoted(text: str) -> str:
    """Return the text in quotes, cut when long, each odd character as its code point."""
    shown = "".join(_shown(character) for character in text[:SHOWN_CHARACTERS])
    return f'"{shown}..."' if len(text) > SHOWN_CHARACTERS else f'"{shown}"'


def plain(text: str) -> str:
    """Return the text without quotes, uncut, each odd character as its code point."""
    return "".join(_shown(character) for character in text)


def with_length(text: str) -> str:
    """Return the text in quotes with its length."""
    return f"{quoted(text)} ({len(text)} characters)"


def code_point(character: str) -> str:
    """Return U+XXXX."""
    return f"U+{ord(character):04X}"


def with_character(text: str, place: int) -> str:
    """Return the text with the character at `place` (from 0) pointed out."""
    return f"{quoted(text)} with {_named(text[place])} as character {place + 1}"


def first_outside(text: str, allowed: frozenset[str]) -> int | None:
    """Return the place of the first character that is not allowed."""
    return next((place for place, one in enumerate(text) if one not in allowed), None)


def _shown(character: str) -> str:
    return character if character in PRINTABLE else f"<{code_point(character)}>"


def _named(character: str) -> str:
    if character == " ":
        return "a space"
    return f'"{character}"' if character in PRINTABLE else code_point(character)
