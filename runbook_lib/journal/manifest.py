"""The seal of a finished run: MANIFEST.json with the SHA-256 of everything else in the folder.

What it shows: any change to what was sealed, by accident or by a careless hand. What it does not
show: a change by somebody who also writes the manifest anew; against that its digest, printed at
sealing, must be kept elsewhere (or the manifest be signed).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from runbook_lib.errors import RecordDamagedError
from runbook_lib.journal import storage
from runbook_lib.journal.entry import NOTHING_BEFORE, JournalEntry, JsonValue, masked
from runbook_lib.journal.journal import read_with_torn_tail

MANIFEST = "MANIFEST.json"
JOURNAL = "journal.jsonl"
FORMAT = 1

_CHECKPOINTS = ".ipynb_checkpoints"
"""What JupyterLab puts beside a notebook that is looked at: copies, no part of the record."""

_LEFT_BY_A_DEAD_WRITER = re.compile(r"\..+\.\d+\.tmp")


class State(StrEnum):
    """What a run folder turned out to be."""

    WHOLE = "whole"
    NOT_SEALED = "not sealed"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Verification:
    """What was found out about a run folder.

    faults: each names a file or an entry; empty unless `state` is DAMAGED.
    notes: what a reader should know though it is no fault. entries, head: of the journal as it
    is now. digest: the SHA-256 of MANIFEST.json, None without one.
    """

    state: State
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    entries: int
    head: str
    digest: str | None


def seal(run: Path, facts: Mapping[str, JsonValue]) -> str:
    """Write MANIFEST.json and return its SHA-256; from then on nothing in `run` may change.

    facts: who, where, when, versions, as the caller knows them; they go under "facts", masked.
    What JupyterLab left beside notebooks is removed, and named under "removed".
    Raises RecordDamagedError if the folder is sealed already, is not private throughout, or its
    journal is broken: what is wrong now must not be sealed as if it were right.
    """
    if (run / MANIFEST).exists():
        raise RecordDamagedError(
            f"{run} is sealed already.",
            why=f"it holds {MANIFEST}.",
            next_step=f"scc-runbook verify {run}",
        )
    _remove_leftovers(run)
    removed = _remove_checkpoints(run)
    faults = _privacy_faults(run)
    entries, torn = read_with_torn_tail(run / JOURNAL)
    if torn:
        faults.append(f"{JOURNAL}: its last line is cut off after {len(torn)} bytes")
    if faults:
        raise RecordDamagedError(
            f"{run} cannot be sealed as it is.",
            why="; ".join(faults),
            next_step="put right what is named, then resume the run: it goes on at the sealing",
        )
    folders, files = _inventory(run)
    manifest: dict[str, JsonValue] = {
        "format": FORMAT,
        "facts": masked(facts),
        "journal": {"path": JOURNAL, "entries": len(entries), "head": _head(entries)},
        "folders": folders,
        "files": [
            {"path": name, "bytes": size, "sha256": digest}
            for name, (size, digest) in files.items()
        ],
    }
    if removed:
        manifest["removed"] = removed
    text = json.dumps(manifest, sort_keys=True, indent=2, allow_nan=False) + "\n"
    content = text.encode("ascii")
    storage.write_atomically(run / MANIFEST, content)
    return hashlib.sha256(content).hexdigest()


def verify(run: Path, digest: str | None = None) -> Verification:
    """Return what can be said about `run`; nothing is written, nothing repaired.

    digest: the SHA-256 that sealing printed; with it the manifest itself is checked too.
    A run that was not sealed has its chain and privacy checked and is told to be NOT_SEALED.
    Raises RecordDamagedError if there is no such folder.
    """
    if not run.is_dir():
        raise RecordDamagedError(
            f"{run} is not the folder of a run.",
            why="there is no folder of this name.",
            next_step="name a folder under runs/",
        )
    faults = _privacy_faults(run)
    notes = [
        f"{path.relative_to(run).as_posix()}: copies that JupyterLab made, no part of the record"
        for path in _checkpoints(run)
    ]
    entries: tuple[JournalEntry, ...] = ()
    torn = b""
    try:
        entries, torn = read_with_torn_tail(run / JOURNAL)
    except RecordDamagedError as error:
        faults.append(f"{error.what} {error.why}")
    found_digest = None
    if os.path.lexists(run / MANIFEST):
        content = _read_manifest(run, faults)
        found_digest = hashlib.sha256(content).hexdigest()
        if digest not in (None, found_digest):
            faults.append(f"{MANIFEST}: has SHA-256 {found_digest}, sealed was {digest}")
        faults += _differences(run, content, entries)
    elif digest is not None:
        faults.append(f"{MANIFEST}: missing, though sealed with SHA-256 {digest}")
    elif torn:
        notes.append(f"{JOURNAL}: its last line is cut off; a resume sets it aside")
    state = State.WHOLE if found_digest else State.NOT_SEALED
    if faults:
        state = State.DAMAGED
    if state is State.WHOLE and digest is None:
        notes.append(f"{MANIFEST}: compare its SHA-256 with the one that sealing printed")
    return Verification(
        state, tuple(faults), tuple(notes), len(entries), _head(entries), found_digest
    )


def _head(entries: tuple[JournalEntry, ...]) -> str:
    return entries[-1].digest if entries else NOTHING_BEFORE


def _differences(run: Path, content: bytes, entries: tuple[JournalEntry, ...]) -> Iterator[str]:
    """Yield what is not as the manifest says; the manifest's own text is trusted in nothing."""
    try:
        manifest = json.loads(content)
        sealed = {entry["path"]: entry["sha256"] for entry in manifest["files"]}
        sealed_folders = set(manifest["folders"])
        head, count = manifest["journal"]["head"], manifest["journal"]["entries"]
        is_known = manifest["format"] == FORMAT
    except (ValueError, KeyError, TypeError, RecursionError):
        yield f"{MANIFEST}: is not readable as a manifest"
        return
    if not is_known:
        yield f"{MANIFEST}: is of format {manifest['format']!r}; this version reads {FORMAT}"
    folders, files = _inventory(run)
    for name in sorted(sealed.keys() | files.keys(), key=str):
        if name not in files:
            yield f"{name}: missing"
        elif name not in sealed:
            yield f"{name}: added after sealing"
        elif files[name][1] != sealed[name]:
            yield f"{name}: changed after sealing"
    for name in sorted(sealed_folders.symmetric_difference(folders), key=str):
        yield f"{name}/: {'missing' if name in sealed_folders else 'added after sealing'}"
    if len(entries) != count:
        yield f"{JOURNAL}: holds {len(entries)} whole entries, {count!r} were sealed"
    elif _head(entries) != head:
        yield f"{JOURNAL}: entry {len(entries) - 1}, the last, is not the one that was sealed"


def _inventory(run: Path) -> tuple[list[str], dict[str, tuple[int, str]]]:
    """Return the folders, and each file's size and SHA-256, by path; links are not followed."""
    folders = []
    files = {}
    for path in _walk(run):
        name = path.relative_to(run).as_posix()
        if path.is_dir() and not path.is_symlink():
            folders.append(name)
        elif name != MANIFEST:
            files[name] = _fingerprint(path)
    return folders, files


def _fingerprint(path: Path) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    try:
        # O_NONBLOCK: a pipe put in a file's place must not make the reader wait for ever.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(path, flags)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                while block := os.read(descriptor, 1 << 20):
                    digest.update(block)
                    size += len(block)
            else:
                return 0, "not a file"
        finally:
            os.close(descriptor)
    except OSError as error:
        return 0, f"unreadable: {os.strerror(error.errno or 0)}"
    return size, digest.hexdigest()


def _walk(folder: Path) -> Iterator[Path]:
    """Yield everything below `folder`, sorted; links are yielded, not followed.

    JupyterLab's checkpoints are passed by: they are no part of the record.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        # A folder that cannot be listed shows as everything in it missing.
        return
    for path in paths:
        if _is_checkpoints(path):
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)


def _privacy_faults(run: Path) -> list[str]:
    # An auditor may be another user than the operator; one folder has one owner all the same.
    owner = run.stat().st_uid
    faults = []
    for path in (run, *_walk(run)):
        fault = storage.privacy_fault(path, owner)
        if fault is not None:
            name = path.relative_to(run).as_posix() if path != run else str(run)
            faults.append(f"{name}: {fault}")
    return faults


def _read_manifest(run: Path, faults: list[str]) -> bytes:
    try:
        descriptor = os.open(run / MANIFEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        faults.append(f"{MANIFEST}: {os.strerror(error.errno or 0)}")
        return b""
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _is_checkpoints(path: Path) -> bool:
    return path.name == _CHECKPOINTS and path.is_dir() and not path.is_symlink()


def _checkpoints(run: Path) -> list[Path]:
    """Return JupyterLab's folders, beside which a notebook may lie: in `run` or one below it."""
    folders = (run, *(path for path in _walk(run) if path.is_dir() and not path.is_symlink()))
    return [path for folder in folders if _is_checkpoints(path := folder / _CHECKPOINTS)]


def _remove_checkpoints(run: Path) -> list[str]:
    found = _checkpoints(run)
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return [path.relative_to(run).as_posix() for path in found if not path.exists()]


def _remove_leftovers(run: Path) -> None:
    for path in list(_walk(run)):
        if _LEFT_BY_A_DEAD_WRITER.fullmatch(path.name):
            with suppress(OSError):
                path.unlink()
