"""status, verify, approve and review on a record as the journal writes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from runbook_lib.cli.main import app
from runbook_lib.clock import SteppedClock
from runbook_lib.errors import ExitCode
from runbook_lib.execution.run_folder import RunFolder, create
from runbook_lib.journal.entry import JsonValue
from runbook_lib.journal.journal import Journal
from runbook_lib.journal.manifest import seal

CLOCK = SteppedClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
PHASES = ["00_check_prerequisites", "10_configure_networks"]
PLAN = "cd" * 32


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run that waits for its second phase to be approved."""
    folder = create(tmp_path / "run", "version: 1\n", label="E2K7CLU", now=CLOCK.now())
    journal = Journal.create(folder.journal, CLOCK)
    journal.append("run_opened", {"run": "run", "target": "lab", "phases": PHASES})
    for phase, outcome, code in zip(PHASES, ("done", "waiting"), (0, 25), strict=True):
        journal.append("phase_opened", {"phase": phase, "attempt": 1, "mode": "apply"})
        if outcome == "waiting":
            gate: dict[str, JsonValue] = {
                "gate": f"{phase}.plan",
                "kind": "plan",
                "phase": phase,
                "instruction": "approve the plan of phase 10",
                "plan_sha256": PLAN,
                "step": None,
                "node": None,
            }
            journal.append("gate_opened", gate)
        closed: dict[str, JsonValue] = {
            "phase": phase,
            "attempt": 1,
            "outcome": outcome,
            "exit_code": code,
        }
        journal.append("phase_closed", closed)
    return folder


def test_status_shows_each_phase_and_how_to_answer_the_gate(run: RunFolder) -> None:
    result = invoke("status", str(run.path))

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "run: waiting for a person (target lab)",
        "phase                   outcome  attempts",
        "00_check_prerequisites  done     1",
        "10_configure_networks   waiting  1",
        "waits for a person: approve the plan of phase 10",
        f'  scc-runbook approve {run.path} 10_configure_networks.plan --by "NAME" --reason "TEXT"',
    ]


def test_status_is_told_to_machines(run: RunFolder) -> None:
    answer = json.loads(invoke("status", str(run.path), "--json").stdout)

    assert (answer["state"], answer["exit_code"], answer["sealed"]) == (
        "waiting for a person",
        25,
        False,
    )
    assert [gate["gate"] for gate in answer["gates"]] == ["10_configure_networks.plan"]


def test_status_of_a_failed_run_tells_what_why_and_next(run: RunFolder) -> None:
    journal = Journal.open(run.journal, CLOCK)
    failed: dict[str, JsonValue] = {
        "what": "The cable is out.",
        "why": "status 7",
        "next": "plug it in",
    }
    phase: dict[str, JsonValue] = {"phase": PHASES[1], "attempt": 2}
    journal.append("phase_opened", {**phase, "mode": "apply"})
    journal.append("failed", {**failed, "phase": PHASES[1], "step": None, "node": None})
    journal.append("phase_closed", {**phase, "outcome": "failed", "exit_code": 50})

    assert invoke("status", str(run.path)).stdout.splitlines()[-3:] == [
        "stopped with exit code 50: The cable is out.",
        "  Why:  status 7",
        "  Next: plug it in",
    ]


def test_status_of_an_interrupted_run_tells_how_it_goes_on(run: RunFolder) -> None:
    journal = Journal.open(run.journal, CLOCK)
    gate: dict[str, JsonValue] = {"gate": f"{PHASES[1]}.plan", "answer": "approve"}
    journal.append("gate_answered", gate)
    phase: dict[str, JsonValue] = {"phase": PHASES[1], "attempt": 2}
    journal.append("phase_opened", {**phase, "mode": "apply"})
    journal.append("interrupted", {"phase": PHASES[1], "signal": "SIGINT"})
    journal.append("phase_closed", {**phase, "outcome": "interrupted", "exit_code": 130})

    assert invoke("status", str(run.path)).stdout.splitlines()[-1] == (
        f"  Next: scc-runbook resume {run.path}"
    )


@pytest.mark.parametrize("command", ["status", "resume", "verify", "review"])
def test_a_folder_that_is_no_run_is_refused(command: str, tmp_path: Path) -> None:
    result = invoke(command, str(tmp_path))

    assert result.exit_code == ExitCode.PARAMETERS
    assert result.stderr.startswith(f"{tmp_path} is not a run folder.\n")


def test_verify_says_that_a_run_is_whole_so_far_and_not_sealed(run: RunFolder) -> None:
    result = invoke("verify", str(run.path))

    assert result.exit_code == ExitCode.DIFFERENT
    assert result.stdout.splitlines()[0] == f"{run.path}: not sealed"


def test_verify_ends_with_0_for_a_sealed_run_and_its_digest(run: RunFolder) -> None:
    digest = seal(run.path, {})

    assert invoke("verify", str(run.path)).exit_code == 0
    assert invoke("verify", str(run.path), "--digest", digest).exit_code == 0
    assert invoke("verify", str(run.path), "--digest", "0" * 64).exit_code == ExitCode.RECORD


def test_verify_names_what_was_changed_after_sealing(run: RunFolder) -> None:
    seal(run.path, {})
    run.parameters.write_text("version: 2\n", "utf-8")

    result = invoke("verify", str(run.path))
    answer = json.loads(invoke("verify", str(run.path), "--json").stdout)

    assert result.exit_code == ExitCode.RECORD
    assert "  fault: parameters.yaml: changed after sealing" in result.stdout.splitlines()
    assert (answer["state"], answer["faults"]) == (
        "damaged",
        ["parameters.yaml: changed after sealing"],
    )


def test_verify_shows_the_first_faults_of_many(run: RunFolder) -> None:
    seal(run.path, {})
    for number in range(30):
        path = run.path / "logs" / f"{number:02}.txt"
        path.touch(mode=0o600)

    lines = invoke("verify", str(run.path)).stdout.splitlines()

    assert sum(line.startswith("  fault: ") for line in lines) == 20
    assert "  and 10 more; --json names all" in lines


def test_a_sealed_run_whose_journal_is_gone_is_damaged(run: RunFolder) -> None:
    seal(run.path, {})
    run.journal.unlink()

    assert invoke("verify", str(run.path)).exit_code == ExitCode.RECORD


@pytest.mark.parametrize(
    ("options", "word", "answer"),
    [([], "approved", "approve"), (["--refuse"], "refused", "refuse")],
)
def test_approve_answers_the_gate_that_waits(
    run: RunFolder, options: list[str], word: str, answer: str
) -> None:
    gate = "10_configure_networks.plan"
    by = ["--by", "A. Person", "--reason", "read it"]

    result = invoke("approve", str(run.path), gate, *by, *options)

    assert (result.exit_code, result.stdout) == (0, f"{gate}: {word} by A. Person\n")
    assert result.stderr == f"Next: scc-runbook resume {run.path}\n"
    (file,) = (run.path / "gates").iterdir()
    given = json.loads(file.read_text("utf-8"))
    assert (given["answer"], given["by"], given["plan_sha256"]) == (answer, "A. Person", PLAN)


def test_approve_refuses_a_gate_that_does_not_wait(run: RunFolder) -> None:
    result = invoke("approve", str(run.path), "other", "--by", "A", "--reason", "b")

    assert result.exit_code == ExitCode.REFUSED
    assert "gates that wait" in result.stderr


def test_review_writes_the_page_of_the_record_and_touches_nothing_else(
    run: RunFolder, tmp_path: Path
) -> None:
    before = sorted(run.path.rglob("*"))

    shown = invoke("review", str(run.path))
    kept = invoke("review", str(run.path), "--output", str(tmp_path / "page.html"))

    assert (shown.exit_code, kept.exit_code, kept.stdout) == (0, 0, "")
    assert shown.stdout == (tmp_path / "page.html").read_text("utf-8")
    assert "10_configure_networks" in shown.stdout
    assert sorted(run.path.rglob("*")) == before


def test_review_writes_no_page_into_the_runs_folder(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(run.path)

    for output in (run.path / "logs" / "page.html", tmp_path / "link" / "page.html"):
        result = invoke("review", str(run.path), "--output", str(output))

        assert result.exit_code == ExitCode.REFUSED
        assert not output.exists()
