"""Progress of long work: noted beside the run folder, told on the terminal, gone afterwards."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from runbook_lib import redaction
from runbook_lib.cli.progress import Lines
from runbook_lib.execution import work_notes
from runbook_lib.execution.progress import WorkTeller
from runbook_lib.execution.run_folder import RunFolder
from runbook_lib.execution.work_notes import WorkNotes
from runbook_lib.sessions.session import WorkSeen

SETUP = WorkSeen(
    "NODE1",
    r"C:\ExchangeSetup\Setup.com Install",
    "rb-1-40",
    12.4,
    7200.0,
    "Mailbox Server Role ......... 50%",
)
READ = replace(SETUP, node="NODE2", name="read_exchange", task="rb-read-1", may_take_s=300.0)
LINE = "Setup.com Install on NODE1: 12 s of 2 h at most, Mailbox Server Role ......... 50%"


@dataclass
class Told:
    """Keeps what it is told; everything else is of no interest here."""

    seen: list[WorkSeen] = field(default_factory=list)

    def phase_started(self, phase: str, n: int, total: int) -> None:
        raise AssertionError(phase, n, total)

    def step_finished(self, phase: str, step: str, node: str, outcome: str) -> None:
        raise AssertionError(phase, step, node, outcome)

    def work_seen(self, seen: WorkSeen) -> None:
        self.seen.append(seen)

    def phase_finished(self, phase: str, outcome: str, seconds: float) -> None:
        raise AssertionError(phase, outcome, seconds)

    def note(self, text: str) -> None:
        raise AssertionError(text)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "run").mkdir()
    return RunFolder(tmp_path / "run")


def test_notes_stand_beside_the_folder_and_are_gone_when_nothing_is_waited_for(
    folder: RunFolder,
) -> None:
    path = folder.work_notes
    notes = WorkNotes(path)

    notes.tell("NODE1", SETUP)
    notes.tell("NODE2", READ)

    assert work_notes.read(path) == (SETUP, READ)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.parent == folder.path.parent
    assert [*folder.path.iterdir()] == []

    notes.tell("NODE1", None)
    assert work_notes.read(path) == (READ,)
    notes.tell("NODE2", None)
    assert [*path.parent.iterdir()] == [folder.path]


def test_notes_mask_secrets(folder: RunFolder) -> None:
    redaction.register("hunter2-hunter2")
    notes = WorkNotes(folder.work_notes)

    notes.tell("NODE1", replace(SETUP, last="logging on with hunter2-hunter2"))

    assert "hunter2-hunter2" not in folder.work_notes.read_text("utf-8")
    assert "hunter2-hunter2" not in notes.lines()[0]


def test_notes_that_cannot_be_written_stop_nothing(tmp_path: Path) -> None:
    notes = WorkNotes(tmp_path / "gone" / "run.at-work.json")

    notes.tell("NODE1", SETUP)

    assert notes.lines() == (LINE,)


@pytest.mark.parametrize("text", ["", "[{]", "{}", "7", '[{"node": "NODE1"}]', "[7]"])
def test_notes_that_make_no_sense_are_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.at-work.json"
    path.write_text(text, "utf-8")

    assert work_notes.read(path) == ()


def test_the_teller_tells_each_look_once(folder: RunFolder) -> None:
    told = Told()
    tell = WorkTeller(folder.work_notes, told)
    notes = WorkNotes(folder.work_notes)
    later = replace(SETUP, waited_s=17.0)

    tell()
    notes.tell("NODE1", SETUP)
    tell()
    tell()
    notes.tell("NODE2", READ)
    tell()
    notes.tell("NODE1", later)
    tell()

    assert told.seen == [SETUP, READ, later]


def test_what_is_over_soon_is_not_worth_a_line() -> None:
    assert work_notes.lines([replace(SETUP, waited_s=0.9), READ]) == (
        "read_exchange on NODE2: 12 s of 5 min at most, Mailbox Server Role ......... 50%",
    )


def said(capsys: pytest.CaptureFixture[str], *seen: tuple[float, str]) -> list[str]:
    lines = Lines()
    for waited_s, last in seen:
        lines.work_seen(replace(SETUP, waited_s=waited_s, last=last))
    output = capsys.readouterr()
    assert output.out == ""
    return [line.partition(": ")[2] for line in output.err.splitlines()]


def test_the_terminal_shows_what_work_says(capsys: pytest.CaptureFixture[str]) -> None:
    Lines().work_seen(SETUP)

    assert capsys.readouterr().err == f"      {LINE}\n"


def test_the_terminal_shows_news_soon_and_silence_seldom(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert said(
        capsys, (0.5, "a"), (1.0, "a"), (3.0, "b"), (6.0, "b"), (20.0, "b"), (36.0, "b")
    ) == [
        "1 s of 2 h at most, a",
        "6 s of 2 h at most, b",
        "36 s of 2 h at most, b",
    ]


def test_the_longer_work_takes_the_fewer_lines_it_gets(capsys: pytest.CaptureFixture[str]) -> None:
    every_five_seconds = [(5.0 * n, f"line {n}") for n in range(1, 721)]

    assert len(said(capsys, *every_five_seconds)) < 60
