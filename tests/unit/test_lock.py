"""One driver a run."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.clock import SteppedClock
from runbook_lib.errors import ExitCode, PreconditionError, RunLockedError
from runbook_lib.journal.lock import RunLock, lock_path, read_holder

CLOCK = SteppedClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))


def test_the_lock_says_who_holds_it(tmp_path: Path) -> None:
    run = tmp_path / "run"

    with RunLock.take(run, CLOCK, who="anna") as lock:
        assert read_holder(run) == lock.holder

    holder = lock.holder
    assert (holder.who, holder.pid, holder.since) == (
        "anna",
        os.getpid(),
        "2026-11-23T10:00:00+00:00",
    )
    assert lock_path(run).stat().st_mode & 0o777 == 0o600
    assert read_holder(run) is None


def test_a_second_driver_is_told_who_host_pid_since_and_lock(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with RunLock.take(run, CLOCK, who="anna") as lock:
        holder = lock.holder

        with pytest.raises(RunLockedError) as refusal:
            RunLock.take(run, CLOCK, who="bert")

    held = f"held on {holder.host} by process {holder.pid}"
    assert refusal.value.exit_code is ExitCode.LOCKED
    assert refusal.value.lines() == [
        "anna drives the run run.",
        f"  Why:  {held} since 2026-11-23T10:00:00+00:00, lock {holder.lock_id}.",
        f"  Next: wait for anna, or end process {holder.pid} on {holder.host}",
    ]


def test_a_refused_second_driver_leaves_the_holder_named(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with RunLock.take(run, CLOCK, who="anna") as lock:
        with pytest.raises(RunLockedError):
            RunLock.take(run, CLOCK, who="bert")

        assert read_holder(run) == lock.holder


def test_each_taking_has_an_id_of_its_own(tmp_path: Path) -> None:
    with RunLock.take(tmp_path / "run", CLOCK, who="anna") as first:
        pass
    with RunLock.take(tmp_path / "run", CLOCK, who="anna") as second:
        pass

    assert first.holder.lock_id != second.holder.lock_id


def test_a_released_lock_is_free_and_releasing_twice_does_no_harm(tmp_path: Path) -> None:
    lock = RunLock.take(tmp_path / "run", CLOCK, who="anna")
    lock.release()
    lock.release()

    RunLock.take(tmp_path / "run", CLOCK, who="bert").release()


def test_two_runs_do_not_lock_each_other(tmp_path: Path) -> None:
    with (
        RunLock.take(tmp_path / "a", CLOCK, who="anna") as first,
        RunLock.take(tmp_path / "b", CLOCK, who="bert") as second,
    ):
        assert first.path != second.path


def test_an_unsigned_lock_that_is_held_is_refused_without_a_name(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with RunLock.take(run, CLOCK, who="anna"):
        lock_path(run).write_bytes(b"not json")

        with pytest.raises(RunLockedError, match="has not signed it"):
            RunLock.take(run, CLOCK, who="bert")


def test_a_place_where_nothing_can_be_locked_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(PreconditionError, match="cannot be locked"):
        RunLock.take(tmp_path / "file" / "run", CLOCK, who="anna")


def test_a_link_in_the_locks_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    lock_path(tmp_path / "run").symlink_to(victim)

    with pytest.raises(PreconditionError, match="cannot be locked"):
        RunLock.take(tmp_path / "run", CLOCK, who="anna")

    assert victim.read_bytes() == b"untouched"


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"who": "x"}', b"\xff"])
def test_a_lock_file_with_odd_content_names_nobody(tmp_path: Path, content: bytes) -> None:
    lock_path(tmp_path / "run").write_bytes(content)

    assert read_holder(tmp_path / "run") is None


def test_any_thread_of_the_holder_can_release(tmp_path: Path) -> None:
    lock = RunLock.take(tmp_path / "run", CLOCK, who="anna")
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()

    RunLock.take(tmp_path / "run", CLOCK, who="bert").release()
