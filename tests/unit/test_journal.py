"""Appending to a journal and reading it back."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib import crash_points, redaction
from runbook_lib.clock import SteppedClock
from runbook_lib.errors import RecordDamagedError
from runbook_lib.journal.entry import JournalEntry, JsonValue, entry_of, line_of
from runbook_lib.journal.journal import Journal, read_entries
from runbook_lib.journal.storage import Disk

ZEROS = "0" * 64


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "journal.jsonl"


@pytest.fixture
def crash_points_heard() -> Iterator[list[str]]:
    heard: list[str] = []
    crash_points.listen(lambda name, _n: heard.append(name))
    yield heard
    crash_points.listen(None)


def test_an_entry_is_one_canonical_ascii_line(path: Path, clock: SteppedClock) -> None:
    journal = Journal.create(path, clock)

    journal.append("observed", {"b": "Gerät", "a": (1, None)})

    assert path.read_bytes() == (
        b'{"at":"2026-11-23T10:00:00.000+00:00","data":{"a":[1,null],"b":"Ger\\u00e4t"},'
        b'"event":"observed","prev":"' + ZEROS.encode() + b'","seq":0}\n'
    )


def test_each_entry_names_the_digest_of_the_line_before(path: Path, clock: SteppedClock) -> None:
    journal = Journal.create(path, clock)

    first = journal.append("one", {})
    second = journal.append("two", {})

    lines = path.read_bytes().splitlines()
    assert (first.prev, second.prev) == (ZEROS, hashlib.sha256(lines[0]).hexdigest())
    assert journal.head == second.digest == hashlib.sha256(lines[1]).hexdigest()


def test_what_append_returns_is_what_a_reader_gets(path: Path, clock: SteppedClock) -> None:
    journal = Journal.create(path, clock)

    returned = (journal.append("one", {"a": ("x",)}), journal.append("two", {"b": 1.5}))

    assert returned == journal.entries == read_entries(path) == Journal.open(path, clock).entries
    assert returned[0].data == {"a": ["x"]}


def test_two_writers_take_turns_and_see_each_other(path: Path, clock: SteppedClock) -> None:
    first = Journal.create(path, clock)
    second = Journal.open(path, clock)

    first.append("a", {})
    second.append("b", {})
    first.append("c", {})

    assert [entry.event for entry in first.entries] == ["a", "b", "c"]
    assert [entry.event for entry in second.catch_up()] == ["c"]
    assert second.entries == first.entries == read_entries(path)


def test_an_empty_journal_is_whole(path: Path, clock: SteppedClock) -> None:
    journal = Journal.create(path, clock)

    assert (journal.entries, journal.head, read_entries(path)) == ((), ZEROS, ())


def test_folder_file_and_lock_are_private(path: Path, clock: SteppedClock) -> None:
    before = os.umask(0)
    try:
        Journal.create(path, clock).append("one", {})
    finally:
        os.umask(before)

    lock = path.parent.with_name("run.journal.lock")
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path, lock)]
    assert modes == [0o700, 0o600, 0o600]


def test_a_second_journal_in_one_folder_is_refused(path: Path, clock: SteppedClock) -> None:
    Journal.create(path, clock).append("one", {})

    with pytest.raises(RecordDamagedError, match="already holds the record"):
        Journal.create(path, clock)

    assert len(read_entries(path)) == 1


def test_crash_points_stand_around_write_and_sync(
    path: Path, clock: SteppedClock, crash_points_heard: list[str]
) -> None:
    journal = Journal.create(path, clock)
    crash_points_heard.clear()

    journal.append("one", {})

    assert crash_points_heard == ["journal:before", "journal:written", "journal:synced"]


def test_the_order_does_not_depend_on_the_wall_clock(path: Path, clock: SteppedClock) -> None:
    journal = Journal.create(path, clock)
    journal.append("one", {})
    journal.append("two", {})
    clock.wall = datetime(1970, 1, 1, tzinfo=UTC)
    journal.append("three", {})
    clock.wall = datetime(2099, 1, 1, tzinfo=UTC)
    journal.append("four", {})

    told = [(entry.seq, entry.event, entry.at[:4]) for entry in Journal.open(path, clock).entries]
    assert told == [
        (0, "one", "2026"),
        (1, "two", "2026"),
        (2, "three", "1970"),
        (3, "four", "2099"),
    ]


def test_a_registered_secret_is_masked_in_names_and_values(path: Path, clock: SteppedClock) -> None:
    redaction.register("journal-test-5ecret")
    journal = Journal.create(path, clock)

    entry = journal.append(
        "result", {"output": ["the password is journal-test-5ecret!"], "journal-test-5ecret": 1}
    )

    assert entry.data == {"output": ["the password is <redacted>!"], "<redacted>": 1}
    assert b"5ecret" not in path.read_bytes()


def test_numbers_that_json_does_not_know_are_not_written(path: Path, clock: SteppedClock) -> None:
    journal = Journal.create(path, clock)

    with pytest.raises(ValueError, match="JSON compliant"):
        journal.append("one", {"duration_s": float("nan")})

    assert (path.read_bytes(), journal.append("two", {}).seq) == (b"", 0)


def test_a_reader_ignores_a_line_that_is_still_being_written(
    path: Path, clock: SteppedClock
) -> None:
    journal = Journal.create(path, clock)
    whole = journal.append("one", {})
    with path.open("ab") as file:
        file.write(b'{"at":"2026')

    assert read_entries(path) == (whole,)
    assert path.read_bytes().endswith(b'{"at":"2026')


def test_appending_reads_nothing_again(
    path: Path, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.create(path, clock)
    journal.append("one", {})

    def refuse(*_arguments: object) -> bytes:
        raise AssertionError

    monkeypatch.setattr(os, "pread", refuse)

    assert journal.append("two", {}).seq == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(st.characters()), json_values, max_size=4))
def test_any_json_survives_one_line_of_ascii(data: dict[str, JsonValue]) -> None:
    line = line_of(7, "at", "event", data, ZEROS)

    assert line.isascii()
    assert b"\n" not in line
    digest = hashlib.sha256(line).hexdigest()
    assert entry_of(line) == JournalEntry(7, "at", "event", data, ZEROS, digest)
    assert line == json.dumps(
        json.loads(line), sort_keys=True, separators=(",", ":")
    ).encode("ascii")  # fmt: skip


def test_files_and_folders_are_synced_when_a_journal_begins(
    tmp_path: Path, clock: SteppedClock
) -> None:
    synced: list[str] = []

    def sync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    Journal.create(tmp_path / "run" / "journal.jsonl", clock, disk=Disk(sync=sync))

    # The folder's own name, the file, its name in the folder, and the file again on opening.
    assert synced == [tmp_path.name, "journal.jsonl", "run", "journal.jsonl"]
