"""One driver a run: the lock beside the run folder, held from the first act to the last.

The lock is the kernel's (flock on `<run>.lock`): it is free the moment its last holder is dead,
whatever the file says. The file only tells people who it is.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from dataclasses import asdict, dataclass
from datetime import UTC
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from runbook_lib import crash_points
from runbook_lib.clock import Clock
from runbook_lib.errors import PreconditionError, RunLockedError
from runbook_lib.journal.storage import FILE_MODE

RESUME_WAIT_S = 5.0
"""How long a resume waits for the kernel of a killed driver to be gone."""

_POLL_S = 0.02
_READS_OF_HOLDER = 25


@dataclass(frozen=True)
class Holder:
    """Who drives a run. since: UTC, ISO 8601; lock_id: new with each taking."""

    who: str
    host: str
    pid: int
    since: str
    lock_id: str


class RunLock:
    """A held lock; free after `release`, or when every process that holds it is dead."""

    def __init__(self, path: Path, holder: Holder) -> None:
        """Use `take`; this locks nothing yet."""
        self.path = path
        self.holder = holder
        self._descriptor = -1
        self._lock = FileLock(
            path,
            mode=FILE_MODE,
            poll_interval=_POLL_S,
            # A kernel's threads hold it together, and a fallback would outlive its holder.
            thread_local=False,
            fallback_to_soft=False,
            on_acquired=self._sign,
        )

    @classmethod
    def take(cls, run: Path, clock: Clock, *, who: str, wait_s: float = 0.0) -> RunLock:
        """Return the lock of the run folder `run`, held by this process.

        wait_s: real seconds to wait for another holder to go (RESUME_WAIT_S for a resume).
        Raises RunLockedError naming the holder, PreconditionError if nothing can be locked there.
        """
        holder = Holder(
            who=who,
            host=socket.gethostname(),
            pid=os.getpid(),
            since=clock.now().astimezone(UTC).isoformat(timespec="seconds"),
            lock_id=secrets.token_hex(4),
        )
        lock = cls(lock_path(run), holder)
        crash_points.reach("lock:before")
        try:
            lock._lock.acquire(timeout=wait_s)
        except Timeout as error:
            raise _locked(run) from error
        except OSError as error:
            raise PreconditionError(
                f"The run {run.name} cannot be locked.",
                why=f"{lock.path}: {os.strerror(error.errno or 0)}.",
                next_step="let RUNBOOK_RUNS name a folder of yours on a local disk",
            ) from error
        crash_points.reach("lock:taken")
        return lock

    def __enter__(self) -> Self:
        """Return the lock, held."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the lock, whatever happened."""
        self.release()

    @property
    def descriptor(self) -> int:
        """Return the open file; a child that inherits it holds the lock together with us."""
        return self._descriptor

    def release(self) -> None:
        """Free the lock and forget its holder; a second call does nothing."""
        if not self._lock.is_locked:
            return
        os.ftruncate(self._descriptor, 0)
        self._descriptor = -1
        self._lock.release()

    def _sign(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(self.holder)).encode("utf-8"), 0)


def lock_path(run: Path) -> Path:
    """Return the lock of the run folder `run`: beside it, so that the folder can be sealed."""
    return run.with_name(f"{run.name}.lock")


def read_holder(run: Path) -> Holder | None:
    """Return who signed the lock last; None if nobody did or it was released.

    Tells nothing about whether the lock is held now: only taking it does.
    """
    try:
        descriptor = os.open(lock_path(run), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return Holder(**json.loads(os.read(descriptor, 65536)))
    except (ValueError, TypeError):
        return None
    finally:
        os.close(descriptor)


def _locked(run: Path) -> RunLockedError:
    holder = _living_holder(run)
    if holder is None:
        return RunLockedError(
            f"Another process drives the run {run.name}.",
            why=f"{lock_path(run)} is held by a process that has not signed it.",
            next_step=f"see who holds it: fuser -v {lock_path(run)}",
        )
    state = "" if _is_alive(holder) else " (this process has ended, a child of it has not)"
    return RunLockedError(
        f"{holder.who} drives the run {run.name}.",
        why=(
            f"held on {holder.host} by process {holder.pid}{state} since {holder.since},"
            f" lock {holder.lock_id}."
        ),
        next_step=f"wait for {holder.who}, or end process {holder.pid} on {holder.host}",
    )


def _living_holder(run: Path) -> Holder | None:
    """Return the holder, giving a process that has just won the lock the time to sign it."""
    holder = read_holder(run)
    for _ in range(_READS_OF_HOLDER):
        if holder is not None and _is_alive(holder):
            break
        time.sleep(_POLL_S)
        holder = read_holder(run) or holder
    return holder


def _is_alive(holder: Holder) -> bool:
    if holder.host != socket.gethostname():
        return True
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
