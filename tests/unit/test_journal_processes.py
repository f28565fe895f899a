"""Several processes that append to one journal, and a journal checked with stock tools."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.clock import SteppedClock
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


def verify_with_stock_tools(path: Path, *head: str) -> tuple[int, str]:
    script = ROOT / "tests" / "verify_chain.sh"
    done = subprocess.run(
        ["bash", script, path, *head], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.strip()


def test_two_writers_take_turns_and_see_each_other(path: Path) -> None:
    first = Journal.create(path, CLOCK)
    second = Journal.open(path, CLOCK)

    first.append("a", {})
    second.append("b", {})
    first.append("c", {})

    assert [entry.event for entry in first.entries] == ["a", "b", "c"]
    assert [entry.event for entry in second.catch_up()] == ["c"]
    assert second.entries == first.entries == read_entries(path)


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


needs_stock_tools = pytest.mark.skipif(
    not (shutil.which("jq") and shutil.which("sha256sum")), reason="needs jq and sha256sum"
)


@needs_stock_tools
def test_stock_tools_agree_that_a_journal_is_whole(path: Path) -> None:
    journal = Journal.create(path, CLOCK)
    journal.append("one", {"text": "a \\ b \"c\" 'd' $e `f` \u00e9 \n"})
    journal.append("two", {})

    told = f"WHOLE 2 entries, head {journal.head}"
    assert verify_with_stock_tools(path) == (0, told)
    assert verify_with_stock_tools(path, journal.head) == (0, told)


@needs_stock_tools
def test_stock_tools_agree_on_where_a_journal_is_broken(path: Path) -> None:
    journal = Journal.create(path, CLOCK)
    for event in ("one", "two", "three"):
        journal.append(event, {})
    head = journal.head
    lines = path.read_bytes().splitlines(keepends=True)

    cases = {
        "changed": [lines[0].replace(b"one", b"uno"), lines[1], lines[2]],
        "removed": [lines[0], lines[2]],
        "doubled": [lines[0], lines[0], lines[1], lines[2]],
        "garbage": [lines[0], b"garbage\n", lines[1], lines[2]],
        "last changed": [lines[0], lines[1], lines[2].replace(b"three", b"drei!")],
        "cut back": [lines[0], lines[1]],
        "cut off": [lines[0], lines[1], lines[2][:-1]],
    }
    found = {}
    for name, changed in cases.items():
        path.write_bytes(b"".join(changed))
        code, told = verify_with_stock_tools(path, head)
        found[name] = (code, told.split(":")[0])
    assert found == {
        "changed": (1, "BROKEN at line 2"),
        "removed": (1, "BROKEN at line 2"),
        "doubled": (1, "BROKEN at line 2"),
        "garbage": (1, "BROKEN at line 2"),
        "last changed": (1, "BROKEN at line 3"),
        "cut back": (1, "BROKEN at line 2"),
        "cut off": (1, "BROKEN at line 3"),
    }
