"""The account of a run: a file that only grows, each line durable before its writer goes on.

Rules of this file: one entry is one write and one fsync under `<run>.journal.lock`; every writer
first follows the lines that others appended; after a failed write or fsync this object appends
nothing more, and what the disk holds is found out by opening the journal anew. A last line that
a crash cut off is kept as `journal.torn-<n>` and told in a `recovered` entry, never dropped.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

from filelock import FileLock, Timeout

from runbook_lib import crash_points
from runbook_lib.clock import Clock
from runbook_lib.errors import RecordDamagedError, RunLockedError
from runbook_lib.journal import storage
from runbook_lib.journal.entry import (
    BrokenEntryError,
    Chain,
    JournalEntry,
    JsonValue,
    UnreadableLineError,
    entry_of,
    line_of,
    masked_names_and_values,
)
from runbook_lib.journal.storage import SYSTEM_DISK, Disk

RECOVERED = "recovered"
LOCK_WAIT_S = 30.0
"""An append takes milliseconds; a lock held longer belongs to a stopped process."""


class Journal:
    """An open journal: what was read of it, and the way to append.

    Several processes may append one after the other; each has a Journal of its own.
    """

    def __init__(self, path: Path, clock: Clock, disk: Disk = SYSTEM_DISK) -> None:
        """Use `create` or `open`; this reads nothing yet."""
        self.path = path
        self._clock = clock
        self._disk = disk
        self._lock = FileLock(
            lock_path(path), timeout=LOCK_WAIT_S, mode=storage.FILE_MODE, fallback_to_soft=False
        )
        self._chain = Chain()
        self._entries: list[JournalEntry] = []
        self._offset = 0
        self._file: tuple[int, int] | None = None
        self._refusal: RecordDamagedError | None = None

    @classmethod
    def create(cls, path: Path, clock: Clock, *, disk: Disk = SYSTEM_DISK) -> Journal:
        """Return a new, empty journal; its folder (0700), file (0600) and names are durable."""
        storage.make_private_folder(path.parent, disk)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, storage.FILE_MODE)
            try:
                disk.sync(descriptor)
            finally:
                os.close(descriptor)
            storage.sync_folder(path.parent, disk)
        except FileExistsError as error:
            raise RecordDamagedError(
                f"{path.parent} already holds the record of a run.",
                why=f"{path.name} exists.",
                next_step="resume that run, or start one in a folder of its own",
            ) from error
        except OSError as error:
            raise storage.cannot_write(path, error) from error
        return cls.open(path, clock, disk=disk)

    @classmethod
    def open(cls, path: Path, clock: Clock, *, disk: Disk = SYSTEM_DISK) -> Journal:
        """Return the journal at `path`, checked, durable and ready for append.

        A torn last line is moved to `journal.torn-<n>` and told in a `recovered` entry.
        Raises RecordDamagedError if the chain is broken or the folder is not private.
        """
        storage.refuse_if_not_private(path.parent)
        storage.refuse_if_not_private(path)
        journal = cls(path, clock, disk)
        with journal._writing() as descriptor:
            # What a dead writer left between its write and its fsync must not count as durable.
            disk.sync(descriptor)
            journal._tell_of_torn_lines(descriptor)
        return journal

    @property
    def entries(self) -> tuple[JournalEntry, ...]:
        """Return what was read and appended so far, oldest first."""
        return tuple(self._entries)

    @property
    def head(self) -> str:
        """Return the digest of the last entry; 64 zeros while there is none."""
        return self._chain.head

    def append(self, event: str, data: Mapping[str, JsonValue]) -> JournalEntry:
        """Return the entry, durable on disk; registered secrets are masked in it.

        Raises RecordDamagedError if that cannot be had: then nothing may be sent to a node.
        """
        with self._writing() as descriptor:
            return self._append(descriptor, event, data)

    def catch_up(self) -> tuple[JournalEntry, ...]:
        """Return the entries that other processes appended since this one last looked."""
        known = len(self._entries)
        with self._writing():
            return tuple(self._entries[known:])

    @contextmanager
    def _writing(self) -> Iterator[int]:
        """Give the file, locked and caught up; a failure of the disk refuses all that follows."""
        if self._refusal is not None:
            raise self._refusal
        try:
            with self._lock:
                descriptor = os.open(
                    self.path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
                )
                try:
                    self._follow(descriptor)
                    yield descriptor
                finally:
                    os.close(descriptor)
        except Timeout as error:
            raise RunLockedError(
                f"The journal of {self.path.parent.name} is held by another process.",
                why=f"{lock_path(self.path)} was not free for {LOCK_WAIT_S:.0f} s.",
                next_step="find the stopped process that holds it and let it end",
            ) from error
        except OSError as error:
            self._refusal = storage.cannot_write(self.path, error)
            raise self._refusal from error
        except RecordDamagedError as error:
            self._refusal = error
            raise

    def _append(self, descriptor: int, event: str, data: Mapping[str, JsonValue]) -> JournalEntry:
        line = line_of(
            self._chain.count,
            self._clock.now().astimezone(UTC).isoformat(timespec="milliseconds"),
            event,
            masked_names_and_values(data),
            self._chain.head,
        )
        crash_points.reach("journal:before")
        storage.write_all(descriptor, line + b"\n", self._disk)
        crash_points.reach("journal:written")
        self._disk.sync(descriptor)
        crash_points.reach("journal:synced")
        self._take(line)
        return self._entries[-1]

    def _take(self, line: bytes) -> None:
        self._entries.append(self._chain.follow(line))
        self._offset += len(line) + 1

    def _follow(self, descriptor: int) -> None:
        """Read and check what others appended; set a torn last line aside."""
        status = os.fstat(descriptor)
        this_file = (status.st_dev, status.st_ino)
        if self._file not in (None, this_file) or status.st_size < self._offset:
            raise RecordDamagedError(
                f"{self.path} is no longer the file that this run writes.",
                why=f"it was replaced or cut: {self._offset} bytes read, now {status.st_size}.",
                next_step="keep both copies, and compare them before resuming",
            )
        self._file = this_file
        if status.st_size == self._offset:
            return
        lines, tail = _split(_read_from(descriptor, self._offset, status.st_size))
        for number, line in enumerate(lines):
            try:
                self._take(line)
            except UnreadableLineError as error:
                if number + 1 < len(lines) or tail:
                    raise _broken(self.path, self._chain.count, error) from error
                tail = line + b"\n"
            except BrokenEntryError as error:
                raise _broken(self.path, self._chain.count, error) from error
        if tail:
            self._set_aside(descriptor, tail)
            self._tell_of_torn_lines(descriptor)

    def _set_aside(self, descriptor: int, tail: bytes) -> None:
        number = 1
        while (torn := self.path.with_name(f"{self.path.stem}.torn-{number}")).exists():
            number += 1
        storage.write_atomically(torn, tail, self._disk)
        os.ftruncate(descriptor, self._offset)
        self._disk.sync(descriptor)

    def _tell_of_torn_lines(self, descriptor: int) -> None:
        """Append a `recovered` entry for each torn file that no entry names yet.

        Told from the files and not from the cut, so that a crash between the two loses nothing.
        """
        told = {entry.data.get("torn_file") for entry in self._entries if entry.event == RECOVERED}
        for torn in sorted(self.path.parent.glob(f"{self.path.stem}.torn-*")):
            if torn.name in told:
                continue
            content = torn.read_bytes()
            data: dict[str, JsonValue] = {
                "torn_file": torn.name,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "event": _event_of_torn(content),
            }
            self._append(descriptor, RECOVERED, data)


def lock_path(path: Path) -> Path:
    """Return the lock of the journal at `path`: beside the run folder, not inside it."""
    return path.parent.with_name(f"{path.parent.name}.journal.lock")


def read_entries(path: Path) -> tuple[JournalEntry, ...]:
    """Return the whole entries of the journal at `path`, after checking their chain.

    Nothing is written or locked; a last line without its newline is not an entry (yet).
    Raises RecordDamagedError naming the first entry that is not what was written.
    """
    entries, _torn = read_with_torn_tail(path)
    return entries


def read_with_torn_tail(path: Path) -> tuple[tuple[JournalEntry, ...], bytes]:
    """Return the entries as `read_entries` does, and the bytes after the last newline."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            content = _read_from(descriptor, 0, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RecordDamagedError(
            f"{path} cannot be read.",
            why=f"{os.strerror(error.errno or 0)}.",
            next_step="name the folder of a run; it holds a journal.jsonl",
        ) from error
    lines, tail = _split(content)
    chain = Chain()
    entries = []
    for line in lines:
        try:
            entries.append(chain.follow(line))
        except BrokenEntryError as error:
            raise _broken(path, chain.count, error) from error
    return tuple(entries), tail


def _split(content: bytes) -> tuple[list[bytes], bytes]:
    *lines, tail = content.split(b"\n")
    return lines, tail


def _read_from(descriptor: int, start: int, end: int) -> bytes:
    parts = []
    while start < end and (part := os.pread(descriptor, end - start, start)):
        parts.append(part)
        start += len(part)
    return b"".join(parts)


def _broken(path: Path, seq: int, error: BrokenEntryError) -> RecordDamagedError:
    return RecordDamagedError(
        f"Entry {seq} of {path} is not what was written there.",
        why=f"line {seq + 1}: {error}.",
        next_step="keep this folder as it is, and take the record from a copy that verifies",
    )


def _event_of_torn(content: bytes) -> str | None:
    """Return the torn entry's event if all but its newline was written; else nobody can tell."""
    try:
        return entry_of(content.rstrip(b"\n")).event
    except BrokenEntryError:
        return None
