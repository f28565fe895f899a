"""What numbers, switches, durations, drive letters, folders and host names may look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from runbook_lib.topology.addresses import DOTTED_QUAD, number
from runbook_lib.topology.faults import UnfitError, quoted, with_length
from runbook_lib.topology.names import DEVICES, HOST_NAME, LAST_LABEL_DIGITS

E = TypeVar("E", bound=StrEnum)

LETTER = "one capital letter from D to Z"
FOLDER = r"a local folder such as S:\ExchangeData, at most 200 characters"
HOST = "an IPv4 address or a host name"
CONTROL = "the address that the lab printed, http://127.0.0.1:PORT"
SWITCH = "true or false"

WHOLE = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
DURATION = re.compile(r"(?P<count>0|[1-9][0-9]{0,8})(?P<unit>ms|s|m|h)", re.ASCII)
MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
LETTER_TEXT = re.compile(r"[D-Z]", re.ASCII)
FOLDER_TEXT = re.compile(r"[A-Z]:\\(?P<parts>.*)", re.ASCII)
FOLDER_PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]*[A-Za-z0-9_-])?", re.ASCII)
CONTROL_TEXT = re.compile(r"http://127\.0\.0\.1:(?P<port>[1-9][0-9]{0,4})", re.ASCII)
REFUSED_HOSTS = ((0x00000000, 8), (0xE0000000, 4), (0xF0000000, 4))


def parse_switch(text: str) -> bool:
    """Return true or false; yes, on and 1 are not taken for one."""
    if text not in {"true", "false"}:
        raise UnfitError(SWITCH)
    return text == "true"


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    """Return a parser of decimal numbers within bounds."""
    wanted = whole_wanted(lowest, highest)

    def parse(text: str) -> int:
        if not WHOLE.fullmatch(text) or not lowest <= int(text) <= highest:
            raise UnfitError(wanted)
        return int(text)

    return parse


def whole_wanted(lowest: int, highest: int) -> str:
    """Return what is wanted of a whole number."""
    return f"a whole number from {lowest} to {highest}" if lowest < highest else str(lowest)


def duration(lowest: str, highest: str) -> Callable[[str], float]:
    """Return a parser of durations such as 50ms, 5s, 10m, 2h; it gives seconds."""
    wanted = duration_wanted(lowest, highest)
    bounds = (milliseconds(lowest), milliseconds(highest))

    def parse(text: str) -> float:
        if not DURATION.fullmatch(text) or not bounds[0] <= milliseconds(text) <= bounds[1]:
            raise UnfitError(wanted)
        return milliseconds(text) / 1000

    return parse


def duration_wanted(lowest: str, highest: str) -> str:
    """Return what is wanted of a duration."""
    return f"a duration from {lowest} to {highest} such as 50ms, 5s, 10m, 2h"


def milliseconds(text: str) -> int:
    """Return the length of a duration that follows the grammar."""
    found = DURATION.fullmatch(text)
    if found is None:
        raise UnfitError("a duration")
    return int(found["count"]) * MILLISECONDS[found["unit"]]


def one_of(choices: type[E]) -> Callable[[str], E]:
    """Return a parser of an enumeration's words, letter by letter as they are."""

    def parse(text: str) -> E:
        try:
            return choices(text)
        except ValueError:
            raise UnfitError(listed(choices)) from None

    return parse


def listed(choices: type[StrEnum]) -> str:
    """Return an enumeration's words for a message."""
    *first, last = choices
    return f"{', '.join(first)} or {last}" if first else str(last)


def parse_letter(text: str) -> str:
    """Return a drive letter; A to C are the machine's own."""
    if not LETTER_TEXT.fullmatch(text):
        raise UnfitError(LETTER)
    return text


def parse_folder(text: str) -> str:
    r"""Return a folder below a drive's root, spelled in full (S:\a\b)."""
    if len(text) > 200:
        raise UnfitError(FOLDER, with_length(text))
    found = FOLDER_TEXT.fullmatch(text)
    if found is None:
        raise UnfitError(FOLDER)
    for part in found["parts"].split("\\"):
        if not FOLDER_PART.fullmatch(part):
            odd = f"{quoted(part)} as a part" if part else "an empty part"
            raise UnfitError(FOLDER, f"{quoted(text)} with {odd}")
        if part.split(".")[0].rstrip().upper() in DEVICES:
            raise UnfitError(FOLDER, f"{quoted(text)} with the reserved name {quoted(part)}")
    return text


def parse_media(text: str) -> str:
    r"""Return a folder, or the root of a drive (D:\), where Setup's files are."""
    return text if re.fullmatch(r"[A-Z]:\\", text, re.ASCII) else parse_folder(text)


def parse_host(text: str) -> str:
    """Return an address or a name that a node can be reached at."""
    if DOTTED_QUAD.fullmatch(text):
        value = number(text)
        if any(value >> (32 - bits) == first >> (32 - bits) for first, bits in REFUSED_HOSTS):
            raise UnfitError(HOST, f"{quoted(text)} (no machine's address)")
        return text
    if len(text) > 253 or not HOST_NAME.fullmatch(text) or LAST_LABEL_DIGITS.fullmatch(text):
        raise UnfitError(HOST)
    return text


def parse_control(text: str) -> str:
    """Return the lab's control address; it is on this machine or it is none."""
    found = CONTROL_TEXT.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        raise UnfitError(CONTROL)
    return text
