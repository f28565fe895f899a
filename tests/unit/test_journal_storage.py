"""What the file system must give before a run begins, and files written whole."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest

from runbook_lib.errors import ExitCode, PreconditionError, RecordDamagedError
from runbook_lib.journal import storage


def test_a_good_folder_is_accepted_and_left_as_it_was(tmp_path: Path) -> None:
    storage.require_storage(tmp_path, bytes_wanted=1)

    assert list(tmp_path.iterdir()) == []


def test_too_little_room_is_refused_with_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(PreconditionError, match="too little room") as refusal:
        storage.require_storage(tmp_path, bytes_wanted=10**18)

    assert refusal.value.why.endswith("bytes free, 1,000,000,000,000,000,000 wanted.")
    assert refusal.value.exit_code is ExitCode.REFUSED


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        (fcntl, "flock", "locking (flock) failed: No locks available"),
        (os, "fsync", "writing through to the disk (fsync) failed: No locks available"),
        (os, "rename", "renaming over a file failed: No locks available"),
    ],
)
def test_a_file_system_that_lacks_something_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str, words: str
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(module, name, refuse)
    if name == "rename":
        monkeypatch.setattr(os, "replace", refuse)

    with pytest.raises(PreconditionError, match="cannot hold the record") as refusal:
        storage.require_storage(tmp_path, bytes_wanted=1)

    assert refusal.value.why == f"{words}."
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    storage.write_atomically(path, b"old")

    storage.write_atomically(path, b"new")

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("kind", ["write", "sync"])
def test_a_failing_disk_leaves_the_old_file_untouched(tmp_path: Path, kind: str) -> None:
    def fail(*_arguments: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "file"
    storage.write_atomically(path, b"old")
    disk = storage.Disk(write=fail) if kind == "write" else storage.Disk(sync=fail)

    with pytest.raises(RecordDamagedError, match="No space left"):
        storage.write_atomically(path, b"new", disk)

    assert (path.read_bytes(), [each.name for each in tmp_path.iterdir()]) == (b"old", ["file"])


def test_a_link_in_a_files_place_is_replaced_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    path = tmp_path / "file"
    path.symlink_to(victim)

    storage.write_atomically(path, b"new")

    assert (victim.read_bytes(), path.is_symlink()) == (b"untouched", False)


def test_an_existing_folder_must_be_private(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)

    with pytest.raises(RecordDamagedError, match="cannot serve as a record"):
        storage.make_private_folder(folder)


def test_a_replaced_file_has_its_content_and_its_name_synced(tmp_path: Path) -> None:
    synced: list[bool] = []
    disk = storage.Disk(sync=lambda descriptor: synced.append(_is_folder(descriptor)))

    storage.write_atomically(tmp_path / "file", b"new", disk)

    assert synced == [False, True]


def _is_folder(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)
