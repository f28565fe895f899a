"""A parameter file's bytes and characters: what is refused before YAML is asked.

Rules of this file: what is not a small regular file is never opened; no character passes that is
unseen, turns the direction of writing, or is a line end for some readers and not for others.
Letters of any language may stand in comments; names and values are ASCII by their grammars.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from pathlib import Path

from runbook_lib.errors import ParametersError
from runbook_lib.topology.faults import Fault, code_point, plain

LARGEST = 64 * 1024
REFUSED = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])
KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_bytes(path: Path) -> tuple[bytes, tuple[str, ...]]:
    """Return the file's bytes, and remarks on who else can write it.

    Raises ParametersError for what cannot or should not be read.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise unusable(path, f"it is {_kind(facts.st_mode)}", "a regular file")
        if facts.st_size > LARGEST:
            raise unusable(path, f"it has {facts.st_size} bytes", f"at most {LARGEST} bytes")
        # O_NONBLOCK: should a pipe have taken the file's place since, opening it does not hang.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is no file name"
        raise unusable(path, f"it cannot be read: {reason}", "a file that can be read") from error
    if len(data) > LARGEST:
        raise unusable(path, f"it has more than {LARGEST} bytes", f"at most {LARGEST} bytes")
    return data, _remarks(facts)


def decode(data: bytes) -> tuple[str, tuple[Fault, ...]]:
    """Return the text without the bytes that are not UTF-8, and those faults."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "", (Fault(1, "", "a file in UTF-16", "UTF-8"),)
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError:
        lines = enumerate(data.split(b"\n"), start=1)
        found = [fault for number, line in lines for fault in _bad_bytes(number, line)]
        return data.decode("utf-8", errors="ignore"), tuple(found)


def clean(text: str) -> tuple[str, tuple[Fault, ...]]:
    """Return the text without the refused characters, and one fault for each such line."""
    if "\r" in text and "\n" not in text:
        return "", (
            Fault(1, "", "carriage returns (U+000D) alone at the ends of lines", "LF or CRLF"),
        )
    faults: list[Fault] = []
    lines = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        bad = [one for one in line if _is_refused(one)]
        if bad:
            faults.append(Fault(number, "", f"the character {_described(bad[0])}", "none such"))
            line = "".join(one for one in line if not _is_refused(one))  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines), tuple(faults)


def unusable(path: Path, why: str, wanted: str) -> ParametersError:
    """Return the error for a file that has no lines to speak of."""
    return ParametersError(
        f"The parameter file {plain(str(path))} cannot be used.",
        why=why,
        next_step=f"name {wanted}.",
    )


def _kind(mode: int) -> str:
    return next((name for test, name in KINDS if test(mode)), "no regular file")


def _remarks(facts: os.stat_result) -> tuple[str, ...]:
    remarks = []
    if facts.st_mode & stat.S_IWOTH:
        remarks.append("the parameter file can be written by everybody")
    if facts.st_uid not in {0, os.geteuid()}:
        remarks.append(f"the parameter file belongs to another user ({facts.st_uid})")
    return tuple(remarks)


def _bad_bytes(number: int, line: bytes) -> list[Fault]:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"the byte 0x{line[error.start]:02X} as byte {error.start + 1} of the line"
        return [Fault(number, "", found, "UTF-8")]
    return []


def _is_refused(character: str) -> bool:
    if "\x20" <= character <= "\x7e" or character == "\t":
        return False
    return unicodedata.category(character) in REFUSED


def _described(character: str) -> str:
    name = "a carriage return alone" if character == "\r" else unicodedata.name(character, "")
    return f"{code_point(character)} {f'({name.lower()})' * bool(name)}".strip()
