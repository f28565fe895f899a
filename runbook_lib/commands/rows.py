"""Typed access to one row of an answer; ValueError for what no node would answer.

A node is untrusted input: a value of another kind is never bent into the wanted one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import NoReturn

from runbook_lib.commands.command import Answer, Row

_DMTF = re.compile(r"(\d{14})\.(\d{6})([+-])(\d{3})")
_MAC = re.compile(r"[0-9A-F]{2}(-[0-9A-F]{2}){5}")


def only_row(answer: Answer) -> Row:
    """Return the one row of an answer that must have exactly one."""
    if len(answer.rows) != 1:
        raise ValueError(f"expected one row, got {len(answer.rows)}")
    return answer.rows[0]


def first_row(answer: Answer) -> Row:
    """Return the first row, or an empty one: for keys and lists that may hold nothing."""
    return answer.rows[0] if answer.rows else {}


def text(row: Row, name: str) -> str:
    """Return a text that must be there."""
    value = row.get(name)
    if not isinstance(value, str):
        _refuse(name, "text", value)
    return value


def optional_text(row: Row, name: str) -> str | None:
    """Return a text, or None where the node has none."""
    return None if row.get(name) is None else text(row, name)


def number(row: Row, name: str) -> int:
    """Return an integer that must be there."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(name, "a number", value)
    return int(value)


def optional_number(row: Row, name: str) -> int | None:
    """Return an integer, or None where the node has none."""
    return None if row.get(name) is None else number(row, name)


def flag(row: Row, name: str) -> bool:
    """Return a truth value that must be there."""
    value = row.get(name)
    if not isinstance(value, bool):
        _refuse(name, "true or false", value)
    return value


def optional_flag(row: Row, name: str) -> bool | None:
    """Return a truth value, or None where the node has none."""
    return None if row.get(name) is None else flag(row, name)


def texts(row: Row, name: str) -> tuple[str, ...]:
    """Return a list of text; absent, null and one bare text are lists too."""
    value = row.get(name)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        _refuse(name, "a list of text", value)
    return tuple(value)


def binary(row: Row, name: str) -> bytes | None:
    """Return the bytes of a value, or None where the node has none."""
    value = row.get(name)
    if value is None:
        return None
    numbers = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    if not numbers or not all(isinstance(one, int) and 0 <= one < 256 for one in numbers):
        _refuse(name, "bytes", value)
    return bytes(numbers)


def moment(row: Row, name: str) -> datetime:
    """Return a WMI date and time (20061122101533.500000+060) as UTC.

    The three digits after the sign are minutes east of Greenwich.
    """
    value = text(row, name)
    match = _DMTF.fullmatch(value)
    if match is None:
        _refuse(name, "a WMI date and time", value)
    digits, micro, sign, minutes = match.groups()
    offset = timedelta(minutes=int(sign + minutes))
    local = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=timezone(offset))
    return local.replace(microsecond=int(micro)).astimezone(UTC)


def mac(value: str) -> str:
    """Return a MAC address as we spell it: upper case, hyphens (WMI writes colons)."""
    canonical = value.upper().replace(":", "-")
    if not _MAC.fullmatch(canonical):
        _refuse("MACAddress", "a MAC address", value)
    return canonical


def answered(answer: Answer) -> Answer:
    """Return the answer if the node gave one; ValueError with the node's error otherwise."""
    if not answer.ok:
        raise ValueError(f"the read failed: {answer.text} ({answer.error_id})")
    return answer


def is_missing(answer: Answer) -> bool:
    """Tell whether the node says that the registry key does not exist."""
    return answer.error_id is not None and answer.error_id.startswith("PathNotFound,")


def key_row(answer: Answer) -> Row | None:
    """Return a registry key's values, or None when the key does not exist.

    A key without values answers without a row, which is not the same as no key.
    """
    if is_missing(answer):
        return None
    return first_row(answered(answer))


def _refuse(name: str, wanted: str, value: object) -> NoReturn:
    found = f"{str(value)[:80]!r} ({type(value).__name__})"
    raise ValueError(f"{name} should be {wanted}, and is {found}")
