"""The seal of a finished run."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from runbook_lib import redaction
from runbook_lib.clock import SteppedClock
from runbook_lib.errors import ExitCode, RecordDamagedError
from runbook_lib.journal.entry import JsonValue
from runbook_lib.journal.journal import Journal, read_entries
from runbook_lib.journal.manifest import State, Verification, seal, verify

CLOCK = SteppedClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
BITS_APART = 29 if settings().max_examples < 100 else 7
"""Every run meets each place in a byte; the thorough one four times as many bytes."""
FACTS: dict[str, JsonValue] = {"run": "r1", "user": "anna", "versions": {"python": "3.11"}}


def write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(descriptor, content)
    os.close(descriptor)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A small run folder that has not been sealed."""
    folder = tmp_path / "run"
    journal = Journal.create(folder / "journal.jsonl", CLOCK)
    journal.append("run_opened", {"run": "r1"})
    journal.append("run_closed", {"outcome": "done"})
    (folder / "plans").mkdir(mode=0o700)
    (folder / "gates").mkdir(mode=0o700)
    write(folder / "plans" / "10.json", b"{}")
    write(folder / "review.html", b"<p>page</p>")
    return folder


def damaged(run: Path, *faults: str, digest: str | None = None) -> None:
    found = verify(run, digest)
    assert (found.state, found.faults) == (State.DAMAGED, faults)


def test_a_sealed_run_is_whole(run: Path) -> None:
    digest = seal(run, FACTS)

    entries = read_entries(run / "journal.jsonl")
    assert verify(run, digest) == Verification(
        State.WHOLE, (), (), 2, entries[-1].digest, digest
    )  # fmt: skip
    assert digest == hashlib.sha256((run / "MANIFEST.json").read_bytes()).hexdigest()


def test_the_manifest_lists_everything_but_itself(run: Path) -> None:
    seal(run, FACTS)

    manifest = json.loads((run / "MANIFEST.json").read_bytes())
    listed = [entry.pop("path") for entry in manifest["files"]]
    assert listed == ["journal.jsonl", "plans/10.json", "review.html"]
    assert manifest["files"][1:] == [
        {"bytes": 2, "sha256": hashlib.sha256(b"{}").hexdigest()},
        {"bytes": 11, "sha256": hashlib.sha256(b"<p>page</p>").hexdigest()},
    ]
    entries = read_entries(run / "journal.jsonl")
    assert (manifest["facts"], manifest["folders"], manifest["journal"], manifest["format"]) == (
        FACTS,
        ["gates", "plans"],
        {"path": "journal.jsonl", "entries": 2, "head": entries[-1].digest},
        1,
    )


def test_the_same_folder_and_facts_give_the_same_manifest(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")

    assert seal(run, FACTS) == seal(tmp_path / "copy", FACTS)


def test_a_secret_among_the_facts_is_masked(run: Path) -> None:
    redaction.register("manifest-test-5ecret")

    seal(run, {"note": "manifest-test-5ecret"})

    assert json.loads((run / "MANIFEST.json").read_bytes())["facts"] == {"note": "<redacted>"}


def test_without_the_printed_digest_the_reader_is_told_to_compare_it(run: Path) -> None:
    seal(run, FACTS)

    found = verify(run)

    assert (found.state, found.notes) == (
        State.WHOLE,
        ("MANIFEST.json: compare its SHA-256 with the one that sealing printed",),
    )


def test_a_run_that_has_not_ended_is_told_to_be_not_sealed(run: Path) -> None:
    head = read_entries(run / "journal.jsonl")[-1].digest

    assert verify(run) == Verification(State.NOT_SEALED, (), (), 2, head, None)


def test_an_unsealed_run_with_a_torn_line_is_told_so_without_repair(run: Path) -> None:
    journal = run / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"at')

    found = verify(run)

    assert (found.state, found.notes) == (
        State.NOT_SEALED,
        ("journal.jsonl: its last line is cut off; a resume sets it aside",),
    )
    assert journal.read_bytes().endswith(b'{"at')


def test_every_change_is_named(run: Path) -> None:
    digest = seal(run, FACTS)
    write(run / "review.html", b"<p>other page</p>")
    (run / "plans" / "10.json").unlink()
    write(run / "extra.txt", b"")
    (run / "gates").rmdir()
    (run / "more").mkdir(mode=0o700)

    damaged(
        run,
        "extra.txt: added after sealing",
        "plans/10.json: missing",
        "review.html: changed after sealing",
        "gates/: missing",
        "more/: added after sealing",
        digest=digest,
    )


def test_a_broken_chain_is_named_by_entry_sealed_or_not(run: Path) -> None:
    whole = (run / "journal.jsonl").read_bytes()
    write(run / "journal.jsonl", whole.replace(b'"r1"', b'"r2"'))

    unsealed = verify(run)
    write(run / "journal.jsonl", whole)
    seal(run, FACTS)
    write(run / "journal.jsonl", whole.replace(b'"r1"', b'"r2"'))
    sealed = verify(run)

    assert unsealed.state is sealed.state is State.DAMAGED
    assert unsealed.faults[0].startswith(f"Entry 1 of {run / 'journal.jsonl'} is not what was")
    assert sealed.faults == (
        unsealed.faults[0],
        "journal.jsonl: changed after sealing",
        "journal.jsonl: holds 0 whole entries, 2 were sealed",
    )


def test_a_journal_cut_back_to_an_earlier_entry_is_named(run: Path) -> None:
    seal(run, FACTS)
    first = (run / "journal.jsonl").read_bytes().splitlines(keepends=True)[0]
    write(run / "journal.jsonl", first)

    damaged(
        run,
        "journal.jsonl: changed after sealing",
        "journal.jsonl: holds 1 whole entries, 2 were sealed",
    )


def test_a_change_to_the_last_entry_is_named(run: Path) -> None:
    seal(run, FACTS)
    whole = (run / "journal.jsonl").read_bytes()
    write(run / "journal.jsonl", whole.replace(b'"done"', b'"gone"'))

    damaged(
        run,
        "journal.jsonl: changed after sealing",
        "journal.jsonl: entry 1, the last, is not the one that was sealed",
    )


def test_every_single_bit_of_the_folder_counts(run: Path) -> None:
    digest = seal(run, FACTS)
    for path in sorted(each for each in run.rglob("*") if each.is_file()):
        whole = path.read_bytes()
        for bit in range(0, len(whole) * 8, BITS_APART):
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << (bit % 8)
            write(path, bytes(changed))
            assert verify(run, digest).state is State.DAMAGED, f"{path.name}, bit {bit}"
        write(path, whole)

    assert verify(run, digest).state is State.WHOLE


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"\xff", b'{"files": [1]}'])
def test_a_manifest_that_is_none_is_damage_without_a_traceback(run: Path, content: bytes) -> None:
    write(run / "MANIFEST.json", content)

    damaged(run, "MANIFEST.json: is not readable as a manifest")


def test_a_manifest_that_lists_files_outside_opens_none_of_them(run: Path) -> None:
    seal(run, FACTS)
    manifest = json.loads((run / "MANIFEST.json").read_bytes())
    manifest["files"].append({"path": "../../etc/passwd", "bytes": 0, "sha256": "0"})
    write(run / "MANIFEST.json", json.dumps(manifest).encode())

    damaged(run, "../../etc/passwd: missing")


def test_a_missing_manifest_is_damage_when_its_digest_is_known(run: Path) -> None:
    digest = seal(run, FACTS)
    (run / "MANIFEST.json").unlink()

    damaged(run, f"MANIFEST.json: missing, though sealed with SHA-256 {digest}", digest=digest)


def test_a_manifest_written_anew_is_found_by_the_printed_digest(run: Path) -> None:
    digest = seal(run, FACTS)
    (run / "MANIFEST.json").unlink()
    write(run / "review.html", b"<p>other</p>")
    second = seal(run, FACTS)

    damaged(
        run, f"MANIFEST.json: has SHA-256 {second}, sealed was {digest}", digest=digest
    )  # fmt: skip


def test_links_and_wide_modes_are_damage(run: Path) -> None:
    seal(run, FACTS)
    (run / "review.html").rename(run.parent / "elsewhere")
    (run / "review.html").symlink_to(run.parent / "elsewhere")
    (run / "plans").chmod(0o750)
    os.mkfifo(run / "pipe", 0o600)

    damaged(
        run,
        "pipe: it is neither a file nor a folder",
        "plans: others may reach it (mode 0750)",
        "review.html: it is a symbolic link",
        "pipe: added after sealing",
        "review.html: changed after sealing",
    )


def test_a_folder_that_is_not_private_is_not_sealed(run: Path) -> None:
    (run / "review.html").chmod(0o644)

    with pytest.raises(RecordDamagedError) as refusal:
        seal(run, FACTS)

    assert refusal.value.why == "review.html: others may reach it (mode 0644)"
    assert refusal.value.exit_code is ExitCode.RECORD
    assert not (run / "MANIFEST.json").exists()


def test_a_broken_or_torn_journal_is_not_sealed(run: Path) -> None:
    journal = run / "journal.jsonl"
    whole = journal.read_bytes()
    write(journal, whole + b'{"at')
    with pytest.raises(RecordDamagedError, match="its last line is cut off after 4 bytes"):
        seal(run, FACTS)
    write(journal, whole.replace(b'"r1"', b'"r2"'))
    with pytest.raises(RecordDamagedError, match="Entry 1 "):
        seal(run, FACTS)

    assert not (run / "MANIFEST.json").exists()


def test_a_sealed_run_is_not_sealed_again(run: Path) -> None:
    digest = seal(run, FACTS)

    with pytest.raises(RecordDamagedError, match="sealed already"):
        seal(run, FACTS)

    assert verify(run, digest).state is State.WHOLE


def test_what_a_dead_writer_left_half_written_is_not_sealed(run: Path) -> None:
    write(run / ".review.html.4711.tmp", b"half a page")
    write(run / "plans" / ".10.json.12.tmp", b"")

    seal(run, FACTS)

    assert not list(run.rglob("*.tmp"))
    assert verify(run).state is State.WHOLE


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordDamagedError, match="is not the folder of a run"):
        verify(tmp_path / "nowhere")


def looked_at_in_jupyterlab(run: Path) -> Path:
    """Leave what JupyterLab leaves, open to all as it makes it; return the folder."""
    folder = run / "notebooks" / ".ipynb_checkpoints"
    folder.mkdir(mode=0o755)
    (folder / "10.1-checkpoint.ipynb").write_bytes(b"{}")
    return folder


def test_what_jupyterlab_left_is_removed_at_the_sealing_and_named(run: Path) -> None:
    (run / "notebooks").mkdir(mode=0o700)
    folder = looked_at_in_jupyterlab(run)

    digest = seal(run, FACTS)

    manifest = json.loads((run / "MANIFEST.json").read_bytes())
    assert manifest["removed"] == ["notebooks/.ipynb_checkpoints"]
    assert not folder.exists()
    assert verify(run, digest).state is State.WHOLE


@pytest.mark.parametrize("is_sealed", [True, False])
def test_looking_at_a_run_in_jupyterlab_damages_nothing(run: Path, *, is_sealed: bool) -> None:
    (run / "notebooks").mkdir(mode=0o700)
    digest = seal(run, FACTS) if is_sealed else None
    looked_at_in_jupyterlab(run)

    found = verify(run, digest)

    assert found.state is (State.WHOLE if is_sealed else State.NOT_SEALED)
    note = "notebooks/.ipynb_checkpoints: copies that JupyterLab made, no part of the record"
    assert found.notes == (note,)


def test_a_link_in_the_place_of_jupyterlabs_folder_is_no_exception(run: Path) -> None:
    (run / "plans" / ".ipynb_checkpoints").symlink_to(run)

    with pytest.raises(RecordDamagedError, match="cannot be sealed"):
        seal(run, FACTS)
