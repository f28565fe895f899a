"""A note and files that a person hands in with an answer, kept in the record."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import ApprovalError, WaitingForPersonError
from runbook_lib.execution import evidence, gates
from runbook_lib.review.telling import story_of
from tests.in_process import Rehearsal, with_person

PHASE = "10_configure_networks"
GATE = f"{PHASE}.plan"


@pytest.fixture
def waiting(tmp_path: Path) -> Rehearsal:
    """Return a rehearsal whose plan waits for a person."""
    rehearsal = with_person(Rehearsal.on_factory_nodes(tmp_path / "runs"))
    with pytest.raises(WaitingForPersonError):
        rehearsal.carry_out(PHASE)
    return rehearsal


def approve(rehearsal: Rehearsal, **given: Any) -> None:
    assert rehearsal.folder is not None
    gates.approve(str(rehearsal.folder.path), GATE, by="Ann", reason="CHG-1", **given)


def answered(rehearsal: Rehearsal) -> dict[str, Any]:
    assert rehearsal.folder is not None
    (entry,) = [e for e in rehearsal.folder.entries() if e.event == "gate_answered"]
    return dict(entry.data)


def test_a_note_and_a_file_are_in_the_record_and_the_story(
    waiting: Rehearsal, tmp_path: Path
) -> None:
    photo = tmp_path / "rack 4 (off).jpg"
    photo.write_bytes(b"\x89 not looked into")
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    approve(waiting, note=" checked on site ", attach=[photo])

    with pytest.raises(WaitingForPersonError):
        waiting.carry_out(PHASE)

    kept: dict[str, Any] = {
        "file": f"evidence/{GATE}.{digest[:12]}.rack-4-off-.jpg",
        "name": "rack 4 (off).jpg",
        "bytes": 17,
        "sha256": digest,
    }
    data = answered(waiting)
    assert (data["note"], data["evidence"]) == ("checked on site", [kept])
    assert waiting.folder is not None
    copy = waiting.folder.path / kept["file"]
    assert copy.read_bytes() == photo.read_bytes()
    assert (copy.stat().st_mode & 0o777, copy.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    gate = next(g for g in story_of(waiting.folder.entries()).gates if g.name == GATE)
    assert gate.note == "checked on site"
    assert [(e.name, e.file, e.sha256) for e in gate.evidence] == [
        ("rack 4 (off).jpg", kept["file"], digest)
    ]


def test_all_files_that_cannot_be_taken_are_named_and_nothing_is_answered(
    waiting: Rehearsal, tmp_path: Path
) -> None:
    good = tmp_path / "good.txt"
    good.write_text("fine")
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(evidence.LARGEST + 1)

    with pytest.raises(ApprovalError) as caught:
        approve(waiting, attach=[good, tmp_path / "none.txt", tmp_path, large])

    assert caught.value.why == (
        f"{tmp_path / 'none.txt'} cannot be read: no such file or directory; "
        f"{tmp_path} is no file; {large} has {evidence.LARGEST + 1} bytes, "
        f"more than {evidence.LARGEST}"
    )
    assert waiting.folder is not None
    assert not (waiting.folder.path / "evidence").exists()
    assert [*(waiting.folder.path / "gates").iterdir()] == []
