"""Journals as large and as shared as none will be: many entries, several processes."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.clock import SteppedClock
from runbook_lib.journal.entry import NOTHING_BEFORE, line_of
from runbook_lib.journal.journal import Journal, read_entries

CLOCK = SteppedClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
ROOT = Path(__file__).parents[2]

APPEND_MANY = """
import sys
from pathlib import Path
from runbook_lib.clock import SystemClock
from runbook_lib.journal.journal import Journal
journal = Journal.open(Path(sys.argv[1]), SystemClock())
for number in range(int(sys.argv[3])):
    journal.append("mine", {"writer": sys.argv[2], "number": number})
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "journal.jsonl"


def test_processes_that_append_at_once_leave_one_whole_chain(path: Path) -> None:
    Journal.create(path, CLOCK)
    writers = [
        subprocess.Popen([sys.executable, "-c", APPEND_MANY, path, name, "40"], cwd=ROOT)
        for name in ("a", "b", "c")
    ]
    codes = [writer.wait() for writer in writers]

    entries = read_entries(path)
    assert codes == [0, 0, 0]
    assert len(entries) == 120
    for name in ("a", "b", "c"):
        mine = [entry.data["number"] for entry in entries if entry.data["writer"] == name]
        assert mine == list(range(40))


def test_a_killed_writer_leaves_a_journal_that_another_goes_on_with(path: Path) -> None:
    Journal.create(path, CLOCK)
    writer = subprocess.Popen([sys.executable, "-c", APPEND_MANY, path, "a", "1000000"], cwd=ROOT)
    journal = Journal.open(path, CLOCK)
    while not journal.catch_up():
        pass
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()

    last = journal.append("mine", {"writer": "b", "number": 0})

    assert read_entries(path)[-1] == last
    assert journal.entries == read_entries(path)


def test_a_hundred_thousand_entries_are_read_and_checked(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    prev = NOTHING_BEFORE
    with path.open("wb") as file:
        for seq in range(100_000):
            line = line_of(seq, "2026-11-23T10:00:00.000+00:00", "result", {"code": 0}, prev)
            prev = hashlib.sha256(line).hexdigest()
            file.write(line + b"\n")

    entries = read_entries(path)

    assert (len(entries), entries[-1].digest) == (100_000, prev)
