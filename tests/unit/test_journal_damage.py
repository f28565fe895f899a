"""What a journal does when the disk fails, a line is cut off, or somebody edits it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib import crash_points
from runbook_lib.clock import SteppedClock
from runbook_lib.errors import RecordDamagedError
from runbook_lib.journal.entry import BrokenEntryError, Chain, entry_of, line_of
from runbook_lib.journal.journal import Journal, read_entries
from runbook_lib.journal.storage import Disk

CLOCK = SteppedClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))


class Crash(BaseException):
    """Stands for the death of the process."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "journal.jsonl"


@pytest.fixture(autouse=True)
def no_listener() -> Iterator[None]:
    yield
    crash_points.listen(None)


def three_entries(path: Path) -> Journal:
    journal = Journal.create(path, CLOCK)
    for event in ("one", "intent", "three"):
        journal.append(event, {"text": f"this is {event}"})
    return journal


class FailingDisk:
    """Fails the `at`-th call of one kind with `code`, having done half of a write."""

    def __init__(self, kind: str, at: int, code: int) -> None:
        self.kind, self.at, self.code = kind, at, code
        self.calls: list[str] = []

    def write(self, descriptor: int, content: bytes) -> int:
        self._count("write")
        if self._is_due("write"):
            os.write(descriptor, content[: len(content) // 2])
            raise OSError(self.code, os.strerror(self.code))
        return os.write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        self._count("sync")
        if self._is_due("sync"):
            raise OSError(self.code, os.strerror(self.code))

    def _count(self, kind: str) -> None:
        self.calls.append(kind)

    def _is_due(self, kind: str) -> bool:
        return kind == self.kind and self.calls.count(kind) == self.at


@pytest.mark.parametrize("event_cut", [0, 1, 2])
@pytest.mark.parametrize("kept", ["one byte", "half", "all but the newline"])
def test_a_torn_last_line_is_kept_aside_and_told(path: Path, event_cut: int, kept: str) -> None:
    three_entries(path)
    lines = path.read_bytes().splitlines(keepends=True)
    line = lines[event_cut]
    cut = {"one byte": 1, "half": len(line) // 2, "all but the newline": len(line) - 1}[kept]
    path.write_bytes(b"".join(lines[:event_cut]) + line[:cut])

    entries = Journal.open(path, CLOCK).entries

    known = ("one", "intent", "three")[event_cut] if kept == "all but the newline" else None
    assert entries[-1].event == "recovered"
    assert entries[-1].data == {
        "torn_file": "journal.torn-1",
        "bytes": cut,
        "sha256": hashlib.sha256(line[:cut]).hexdigest(),
        "event": known,
    }
    torn = path.with_name("journal.torn-1")
    assert (torn.read_bytes(), torn.stat().st_mode & 0o777) == (line[:cut], 0o600)
    assert read_entries(path) == entries
    assert path.read_bytes().startswith(b"".join(lines[:event_cut]))


def test_a_last_line_of_garbage_with_a_newline_is_torn_too(path: Path) -> None:
    three_entries(path)
    with path.open("ab") as file:
        file.write(b"\0\0\0\0\n")

    entries = Journal.open(path, CLOCK).entries

    assert [entry.event for entry in entries] == ["one", "intent", "three", "recovered"]
    assert path.with_name("journal.torn-1").read_bytes() == b"\0\0\0\0\n"


def test_two_torn_lines_have_two_files(path: Path) -> None:
    three_entries(path)
    for _ in range(2):
        with path.open("ab") as file:
            file.write(b'{"at')
        Journal.open(path, CLOCK)

    told = [entry.data["torn_file"] for entry in read_entries(path) if entry.event == "recovered"]
    assert told == ["journal.torn-1", "journal.torn-2"]


def test_opening_a_whole_journal_writes_nothing(path: Path) -> None:
    three_entries(path)
    before = path.read_bytes()

    Journal.open(path, CLOCK)

    assert (path.read_bytes(), [each.name for each in path.parent.iterdir()]) == (
        before,
        ["journal.jsonl"],
    )


def test_a_torn_line_is_told_even_if_the_recovery_itself_dies(path: Path) -> None:
    """Whatever point the recovery dies at, the next one tells of every byte set aside."""
    journal = three_entries(path)
    whole = path.read_bytes()
    for stop_at in range(1, 20):
        path.write_bytes(whole + b'{"at":"20')
        for leftover in path.parent.glob("journal.torn-*"):
            leftover.unlink()

        def die(_name: str, n: int, stop_at: int = stop_at) -> None:
            if n == stop_at:
                raise Crash

        crash_points.listen(die)
        try:
            Journal.open(path, CLOCK)
            reached_the_end = True
        except Crash:
            reached_the_end = False
        crash_points.listen(None)
        recovered = Journal.open(path, CLOCK).entries[len(journal.entries) :]

        torn = sorted(each.name for each in path.parent.glob("journal.torn-*"))
        assert torn
        assert [entry.data["torn_file"] for entry in recovered] == torn
        assert path.read_bytes().startswith(whole)
        if reached_the_end:
            return
    pytest.fail("the recovery has more crash points than expected")


def test_a_foreign_torn_line_is_set_aside_before_the_next_entry(path: Path) -> None:
    journal = three_entries(path)
    with path.open("ab") as file:
        file.write(b'{"at')

    entry = journal.append("four", {})

    assert (entry.seq, [each.event for each in read_entries(path)][-2:]) == (
        4,
        ["recovered", "four"],
    )


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_what_was_synced_before_a_crash_begins_the_journal_after_it(
    path: Path, stop_at: int
) -> None:
    journal = three_entries(path)
    synced = path.read_bytes()

    def die(_name: str, n: int) -> None:
        if n == stop_at:
            raise Crash

    crash_points.listen(die)
    with pytest.raises(Crash):
        journal.append("four", {})
    crash_points.listen(None)
    resumed = Journal.open(path, CLOCK)
    resumed.append("five", {})

    assert path.read_bytes().startswith(synced)
    written = stop_at > 1
    assert [entry.event for entry in resumed.entries[3:]] == ["four"] * written + ["five"]


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("sync", errno.EIO, "Input/output error"),
        ("write", errno.EIO, "Input/output error"),
        ("write", errno.ENOSPC, "No space left on device"),
        ("write", errno.EFBIG, "File too large"),
    ],
)
def test_a_failing_disk_stops_the_journal_for_good(
    path: Path, kind: str, code: int, words: str
) -> None:
    three_entries(path)
    # Opening syncs once; the first append writes once and syncs once more.
    failing = FailingDisk(kind, 2 if kind == "sync" else 1, code)
    journal = Journal.open(path, CLOCK, disk=Disk(failing.write, failing.sync))

    with pytest.raises(RecordDamagedError) as first:
        journal.append("four", {})
    calls = list(failing.calls)
    with pytest.raises(RecordDamagedError) as second:
        journal.append("five", {})

    assert str(path.parent) in first.value.what
    assert words in first.value.why
    assert f"bytes free in {path.parent}" in first.value.why
    assert second.value is first.value
    assert failing.calls == calls, "neither write nor sync may be tried again"
    assert len(journal.entries) == 3


def test_the_run_goes_on_after_the_disk_is_well_again(path: Path) -> None:
    three_entries(path)
    failing = FailingDisk("write", 1, errno.ENOSPC)
    with pytest.raises(RecordDamagedError):
        Journal.open(path, CLOCK, disk=Disk(failing.write, failing.sync)).append("four", {})

    resumed = Journal.open(path, CLOCK)
    resumed.append("five", {})

    assert [entry.event for entry in read_entries(path)][3:] == ["recovered", "five"]


def test_a_short_write_is_completed(path: Path) -> None:
    Journal.create(path, CLOCK)

    def one_byte_at_a_time(descriptor: int, content: bytes) -> int:
        return os.write(descriptor, content[:1])

    entry = Journal.open(path, CLOCK, disk=Disk(write=one_byte_at_a_time)).append("one", {})

    assert read_entries(path) == (entry,)


def test_creating_on_a_failing_disk_names_folder_and_room(path: Path) -> None:
    failing = FailingDisk("sync", 1, errno.EIO)

    with pytest.raises(RecordDamagedError, match="bytes free"):
        Journal.create(path, CLOCK, disk=Disk(failing.write, failing.sync))


def test_opening_refuses_a_journal_that_cannot_be_synced(path: Path) -> None:
    three_entries(path)
    failing = FailingDisk("sync", 1, errno.EIO)

    with pytest.raises(RecordDamagedError, match="cannot be written"):
        Journal.open(path, CLOCK, disk=Disk(failing.write, failing.sync))


@pytest.mark.parametrize("at", [0, 1])
def test_a_changed_line_is_found_at_the_next(path: Path, at: int) -> None:
    three_entries(path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[at] = lines[at].replace(b"this is", b"that is")
    path.write_bytes(b"".join(lines))

    with pytest.raises(RecordDamagedError, match=f"Entry {at + 1} .* is not what was written"):
        read_entries(path)
    with pytest.raises(RecordDamagedError, match=f"Entry {at + 1} .* is not what was written"):
        Journal.open(path, CLOCK)


@pytest.mark.parametrize(
    ("order", "entry"),
    [
        ((1, 2), 0),
        ((0, 2), 1),
        ((0, 0, 1, 2), 1),
        ((0, 2, 1), 1),
        ((1, 0, 2), 0),
        ((0, 1, 1, 2), 2),
        ((0, 1, 2, 1), 3),
    ],
)
def test_lines_removed_doubled_or_moved_are_found(
    path: Path, order: tuple[int, ...], entry: int
) -> None:
    three_entries(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[number] for number in order))

    with pytest.raises(RecordDamagedError, match=rf"Entry {entry} "):
        read_entries(path)


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"{}",
        b'{"at":"x","data":[],"event":"e","prev":"p","seq":3}',
        b'{"at":"x","data":{},"event":"e","prev":"p","seq":"3"}',
        b'{"at":"x","data":{},"event":"e","prev":"p","seq":3,"more":1}',
        b'{"at":1,"data":{},"event":"e","prev":"p","seq":true}',
        b"not json",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_foreign_line_in_the_middle_is_damage_not_recovery(path: Path, line: bytes) -> None:
    three_entries(path)
    whole = path.read_bytes()
    path.write_bytes(whole + line + b"\n" + whole.splitlines(keepends=True)[2])

    for act in (read_entries, lambda path: Journal.open(path, CLOCK)):
        with pytest.raises(RecordDamagedError, match="Entry 3 "):
            act(path)
    assert path.read_bytes().startswith(whole + line)


def test_foreign_lines_are_checked_before_anything_is_appended(path: Path) -> None:
    journal = three_entries(path)
    foreign = b'{"at":"x","data":{},"event":"e","prev":"wrong","seq":3}\n'
    with path.open("ab") as file:
        file.write(foreign)

    with pytest.raises(RecordDamagedError, match="Entry 3 "):
        journal.append("four", {})

    assert path.read_bytes().endswith(foreign)


def test_a_journal_cut_back_or_replaced_under_its_writer_is_refused(path: Path) -> None:
    journal = three_entries(path)
    other = three_entries(path.parent.parent / "other" / "journal.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0])

    with pytest.raises(RecordDamagedError, match="no longer the file"):
        journal.append("four", {})

    other.path.with_name("copy").write_bytes(other.path.read_bytes())
    other.path.with_name("copy").replace(other.path)
    with pytest.raises(RecordDamagedError, match="no longer the file"):
        other.append("four", {})


@pytest.mark.parametrize("target", ["folder", "file"])
@pytest.mark.parametrize("mode", [0o040, 0o004, 0o020, 0o777])
def test_a_record_that_others_can_reach_is_refused(path: Path, target: str, mode: int) -> None:
    three_entries(path)
    wide = path.parent if target == "folder" else path
    wide.chmod(wide.stat().st_mode | mode)

    with pytest.raises(RecordDamagedError, match="cannot serve as a record") as refusal:
        Journal.open(path, CLOCK)

    assert "others may reach it" in refusal.value.why


def test_a_symbolic_link_is_not_followed(path: Path) -> None:
    three_entries(path)
    elsewhere = path.rename(path.with_name("elsewhere"))
    path.symlink_to(elsewhere)

    with pytest.raises(RecordDamagedError, match="cannot serve as a record"):
        Journal.open(path, CLOCK)
    with pytest.raises(RecordDamagedError, match="cannot be read"):
        read_entries(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_record_of_another_user_is_refused(path: Path) -> None:
    three_entries(path)
    os.chown(path, 65534, -1)

    with pytest.raises(RecordDamagedError) as refusal:
        Journal.open(path, CLOCK)

    assert "belongs to user 65534" in refusal.value.why


def test_a_missing_journal_is_told_with_a_next_step(path: Path) -> None:
    with pytest.raises(RecordDamagedError, match="No such file") as error:
        read_entries(path)

    assert error.value.next_step == "name the folder of a run; it holds a journal.jsonl"


def test_a_link_put_in_the_journals_place_while_it_is_open_is_refused(path: Path) -> None:
    journal = three_entries(path)
    elsewhere = path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(elsewhere)
    before = elsewhere.read_bytes()

    with pytest.raises(RecordDamagedError, match="cannot be written"):
        journal.append("four", {})

    assert elsewhere.read_bytes() == before


def test_a_number_that_does_not_count_on_is_found_even_in_a_forged_chain() -> None:
    chain = Chain()
    chain.follow(line_of(0, "at", "one", {}, chain.head))

    with pytest.raises(BrokenEntryError, match="numbered 2"):
        chain.follow(line_of(2, "at", "two", {}, chain.head))


@pytest.mark.parametrize("key", ["at", "data", "event", "prev", "seq"])
@pytest.mark.parametrize("value", [None, True, [], 1.0])
def test_a_value_of_another_type_makes_a_line_no_entry(key: str, value: object) -> None:
    line = {"at": "x", "data": {}, "event": "e", "prev": "p", "seq": 0, key: value}

    with pytest.raises(BrokenEntryError, match=f'its "{key}" is not of the type'):
        entry_of(json.dumps(line).encode())


@pytest.mark.parametrize("after", ["a whole line", "half a line"])
def test_garbage_before_a_good_line_is_damage_and_nothing_is_cut(path: Path, after: str) -> None:
    three_entries(path)
    lines = path.read_bytes().splitlines(keepends=True)
    rest = lines[2] if after == "a whole line" else lines[2][:20]
    path.write_bytes(lines[0] + lines[1] + b"garbage\n" + rest)
    before = path.read_bytes()

    with pytest.raises(RecordDamagedError, match="Entry 2 "):
        Journal.open(path, CLOCK)

    assert path.read_bytes() == before
