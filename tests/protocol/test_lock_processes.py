"""One driver a run, whichever process it is and however it ends."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.clock import SteppedClock
from runbook_lib.errors import RunLockedError
from runbook_lib.journal.lock import RunLock, read_holder
from tests.builders import ROOT

CLOCK = SteppedClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))

HOLD = """
import sys
from pathlib import Path
from runbook_lib.clock import SystemClock
from runbook_lib.errors import RunLockedError
from runbook_lib.journal.lock import RunLock
try:
    lock = RunLock.take(Path(sys.argv[1]), SystemClock(), who=sys.argv[2])
except RunLockedError as error:
    sys.exit(int(error.exit_code))
sys.stdout.write("held\\n")
sys.stdout.flush()
sys.stdin.read()
"""


def start_holder(run: Path, who: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, run, who],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_of_many_that_start_at_once_exactly_one_wins(tmp_path: Path) -> None:
    run = tmp_path / "run"
    rivals = [start_holder(run, f"rival {number}") for number in range(6)]

    winners = [rival for rival in rivals if said(rival) == "held\n"]
    codes = sorted(rival.wait() for rival in rivals if rival not in winners)
    for rival in rivals:
        end(rival)

    assert (len(winners), codes) == (1, [80] * 5)


def test_death_frees_the_lock_whatever_the_file_says(tmp_path: Path) -> None:
    run = tmp_path / "run"
    holder = start_holder(run, "anna")
    assert said(holder) == "held\n"
    end(holder)
    left = read_holder(run)

    with RunLock.take(run, CLOCK, who="bert") as lock:
        assert read_holder(run) == lock.holder

    assert left is not None
    assert left.who == "anna"


def test_a_resume_waits_for_a_holder_that_is_about_to_go(tmp_path: Path) -> None:
    run = tmp_path / "run"
    holder = start_holder(run, "anna")
    assert said(holder) == "held\n"
    with pytest.raises(RunLockedError):
        RunLock.take(run, CLOCK, who="bert")
    holder.kill()

    RunLock.take(run, CLOCK, who="bert", wait_s=30.0).release()

    end(holder)


def test_a_child_that_inherits_the_lock_holds_it_after_its_parents_death(tmp_path: Path) -> None:
    run = tmp_path / "run"
    script = HOLD.replace(
        'sys.stdout.write("held\\n")',
        "import subprocess; child = subprocess.Popen([sys.executable, '-c', 'input()'],"
        " pass_fds=(lock.descriptor,)); sys.stdout.write(f'{child.pid}\\n')",
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, run, "anna"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    child = int(said(parent))
    parent.kill()
    parent.wait()

    with pytest.raises(RunLockedError, match="this process has ended, a child of it has not"):
        RunLock.take(run, CLOCK, who="bert")
    # The child reads the parent's standard input; its end ends the child.
    parent.communicate()
    RunLock.take(run, CLOCK, who="bert", wait_s=30.0).release()

    assert child != parent.pid
