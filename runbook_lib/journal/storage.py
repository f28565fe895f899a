"""What the record asks of the file system: private files, durable writes, honest failures.

Rules: a path of ours is never followed through a symbolic link; nothing of ours is readable by
others; an fsync that failed is never tried again, because the kernel may have dropped the data
and would then report success.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runbook_lib import crash_points
from runbook_lib.errors import PreconditionError, RecordDamagedError

FOLDER_MODE = 0o700
FILE_MODE = 0o600
BYTES_WANTED = 64 * 1024 * 1024
"""Free space that a run should find at its start."""


@dataclass(frozen=True)
class Disk:
    """The two calls through which bytes become durable; tests put failing ones in their place."""

    write: Callable[[int, bytes], int] = os.write
    sync: Callable[[int], None] = os.fsync


SYSTEM_DISK = Disk()


def bytes_free(folder: Path) -> int:
    """Return the bytes that this user may still write in `folder`'s file system; 0 if unknown."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def cannot_write(path: Path, error: OSError) -> RecordDamagedError:
    """Return the error for a write that failed: the run must stop, nothing more may be sent."""
    folder = path.parent
    free = bytes_free(folder)
    reason = os.strerror(error.errno) if error.errno else str(error)
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return RecordDamagedError(
        f"The record in {folder} cannot be written.",
        why=f"{path.name}: {reason}; {free:,} bytes free in {folder}.",
        next_step=(
            "make room there, then resume the run"
            if is_full
            else "check the disk under this folder, then resume the run"
        ),
    )


def write_all(descriptor: int, content: bytes, disk: Disk) -> None:
    """Write every byte; a short write goes on where it stopped, so that the cause shows."""
    view = content
    while view:
        written = disk.write(descriptor, view)
        view = view[written:]


def sync_folder(folder: Path, disk: Disk = SYSTEM_DISK) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


def make_private_folder(folder: Path, disk: Disk = SYSTEM_DISK) -> None:
    """Make `folder` exist, mode 0700, and its name durable; an existing one must be private."""
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=False)
    except FileExistsError:
        refuse_if_not_private(folder)
        return
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        sync_folder(folder.parent, disk)
    except OSError as error:
        raise cannot_write(folder, error) from error


def refuse_if_not_private(path: Path) -> None:
    """Raise RecordDamagedError unless `path` is a real file or folder that is ours alone."""
    fault = privacy_fault(path)
    if fault is not None:
        raise RecordDamagedError(
            f"{path} cannot serve as a record.",
            why=f"{fault}.",
            next_step=f"find out who changed it; then chmod go-rwx {path}",
        )


def privacy_fault(path: Path, owner: int | None = None) -> str | None:
    """Return what makes `path` less than private to `owner` (this process's user), or None."""
    owner = os.geteuid() if owner is None else owner
    try:
        status = path.lstat()
    except OSError as error:
        return f"it cannot be looked at: {os.strerror(error.errno or 0)}"
    if stat.S_ISLNK(status.st_mode):
        return "it is a symbolic link"
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return "it is neither a file nor a folder"
    if status.st_uid != owner:
        return f"it belongs to user {status.st_uid}, not to {owner}"
    if status.st_mode & 0o077:
        return f"others may reach it (mode {stat.S_IMODE(status.st_mode):04o})"
    return None


def write_atomically(path: Path, content: bytes, disk: Disk = SYSTEM_DISK) -> None:
    """Make `path` hold `content`, durably; at every instant it holds the old or the new whole.

    Raises RecordDamagedError if the disk refuses; the old content is then untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(temporary, flags, FILE_MODE)
        try:
            write_all(descriptor, content, disk)
            disk.sync(descriptor)
        finally:
            os.close(descriptor)
        crash_points.reach("rename:before")
        temporary.replace(path)
        crash_points.reach("rename:after")
        sync_folder(path.parent, disk)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise cannot_write(path, error) from error


def require_storage(folder: Path, bytes_wanted: int = BYTES_WANTED) -> None:
    """Return if runs can be recorded in `folder`: room, working locks, rename and fsync.

    Raises PreconditionError naming what does not work; a file made for the test is gone after it.
    """
    free = bytes_free(folder)
    if free < bytes_wanted:
        raise PreconditionError(
            f"{folder} has too little room for the record of a run.",
            why=f"{free:,} bytes free, {bytes_wanted:,} wanted.",
            next_step="make room, or let RUNBOOK_RUNS name another folder",
        )
    probe = folder / f".storage-test.{os.getpid()}"
    renamed = folder / f".storage-test.{os.getpid()}.renamed"
    tried = "creating a file"
    try:
        descriptor = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            tried = "locking (flock)"
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            tried = "writing through to the disk (fsync)"
            write_all(descriptor, b"storage test\n", SYSTEM_DISK)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        tried = "renaming over a file"
        renamed.touch(mode=FILE_MODE)
        probe.replace(renamed)
        sync_folder(folder)
    except OSError as error:
        raise PreconditionError(
            f"{folder} cannot hold the record of a run.",
            why=f"{tried} failed: {os.strerror(error.errno or 0)}.",
            next_step="let RUNBOOK_RUNS name a folder on a local disk",
        ) from error
    finally:
        for path in (probe, renamed):
            with suppress(OSError):
                path.unlink()
