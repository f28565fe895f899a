"""One line of the record, and the rule that joins it to the line before.

A line is JSON in one fixed spelling (sorted keys, no spaces, ASCII) with five keys:
"seq" counts from 0, "at" is the wall time (information only), "event" and "data" say what
happened, and "prev" is the SHA-256 of the previous line without its newline (64 zeros in the
first). `tests/verify_chain.sh` checks the same rule with stock tools.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from runbook_lib import redaction

JsonValue: TypeAlias = (
    "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)
"""What may stand in an entry."""

NOTHING_BEFORE = "0" * 64
"""The "prev" of the first entry."""

_KEYS = frozenset({"at", "data", "event", "prev", "seq"})


class BrokenEntryError(ValueError):
    """A line is not the entry that belongs at its place; the text says how it shows."""


class UnreadableLineError(BrokenEntryError):
    """A line is not JSON at all, as after a write that was cut off."""


@dataclass(frozen=True)
class JournalEntry:
    """One entry as it stands in the file. digest: the SHA-256 of its line."""

    seq: int
    at: str
    event: str
    data: Mapping[str, Any]
    prev: str
    digest: str


def line_of(seq: int, at: str, event: str, data: Mapping[str, JsonValue], prev: str) -> bytes:
    """Return the line for these five values, without a newline.

    Raises ValueError for numbers that JSON does not know and TypeError for other values.
    """
    return canonical({"at": at, "data": data, "event": event, "prev": prev, "seq": seq})


def canonical(value: JsonValue) -> bytes:
    """Return the one spelling of a value: sorted keys, no spaces, ASCII."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def masked(value: JsonValue) -> JsonValue:
    """Return the value with every registered secret in its texts and names masked."""
    if isinstance(value, str):
        return redaction.redact(value)
    if isinstance(value, Mapping):
        return masked_names_and_values(value)
    if isinstance(value, (list, tuple)):
        return [masked(item) for item in value]
    return value


def masked_names_and_values(data: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a mapping as `masked` does."""
    return {redaction.redact(name): masked(item) for name, item in data.items()}


def entry_of(line: bytes) -> JournalEntry:
    """Return the entry that a line holds; its place in a chain is not looked at."""
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError) as error:
        message = "it is not readable JSON"
        raise UnreadableLineError(message) from error
    if not isinstance(parsed, dict) or parsed.keys() != _KEYS:
        message = f"it does not have exactly the keys {', '.join(sorted(_KEYS))}"
        raise BrokenEntryError(message)
    entry = JournalEntry(digest=hashlib.sha256(line).hexdigest(), **parsed)
    for value, kind, name in (
        (entry.seq, int, "seq"),
        (entry.at, str, "at"),
        (entry.event, str, "event"),
        (entry.data, dict, "data"),
        (entry.prev, str, "prev"),
    ):
        if type(value) is not kind:
            message = f'its "{name}" is not of the type that was written'
            raise BrokenEntryError(message)
    return entry


@dataclass
class Chain:
    """Follows lines one by one and refuses the first that does not belong.

    head: the digest of the last line, count: how many lines were followed.
    A change to the very last line shows only against a head kept elsewhere (the manifest).
    """

    head: str = NOTHING_BEFORE
    count: int = 0

    def follow(self, line: bytes) -> JournalEntry:
        """Return the line's entry and move on to it.

        Raises BrokenEntryError (its subclass UnreadableLineError if it is no JSON) and stays.
        """
        entry = entry_of(line)
        if entry.seq != self.count:
            message = f"it is numbered {entry.seq}: an entry was removed, added or moved"
            raise BrokenEntryError(message)
        if entry.prev != self.head:
            message = (
                f"it was written after a line with SHA-256 {entry.prev[:12]}, and the line before"
                f" it has {self.head[:12]}: one of the two was changed"
            )
            raise BrokenEntryError(message)
        self.head = entry.digest
        self.count += 1
        return entry
