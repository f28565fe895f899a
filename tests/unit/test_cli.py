"""The command line: usage, parameter files, and how errors are told."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from runbook_lib import __version__, redaction
from runbook_lib.cli.failures import refuse_native_windows, report, reported
from runbook_lib.cli.main import app
from runbook_lib.errors import (
    ExitCode,
    OutcomeUnknownError,
    PreconditionError,
    RunLockedError,
    WaitingForPersonError,
)
from tests.builders import LAB

COMMANDS = [
    "validate",
    "plan",
    "run",
    "resume",
    "approve",
    "close",
    "status",
    "verify",
    "review",
    "lab",
    "doctor",
    "coverage",
    "backout",
    "bootstrap",
]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def failing(error: BaseException, run: Path | None = None) -> Result:
    """Return how a command ends whose body raises `error`."""
    other = typer.Typer(pretty_exceptions_enable=False)

    @other.command()
    @reported
    def command(run: Path | None = None) -> None:
        del run
        raise error

    return CliRunner().invoke(other, ["--run", str(run)] if run else [])


def test_help_names_every_command_in_the_order_of_their_use() -> None:
    lines = invoke("--help").stdout.splitlines()
    begin = lines.index("Commands:") + 1

    assert [line.split()[0] for line in lines[begin : begin + len(COMMANDS)]] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_without_touching_anything(command: str) -> None:
    result = invoke(command, "--help")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: scc-runbook {command} ")


def test_version_is_told() -> None:
    assert invoke("--version").stdout == f"scc-runbook {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["unknown"],
        ["run"],
        ["plan", "a.yaml", "--unknown"],
        ["approve", "runs/x", "gate", "--by", "A. Person"],
        ["close", "runs/x", "--reason", "test"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    result = invoke(*arguments)

    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert "Usage: scc-runbook" in result.stderr


def test_a_valid_file_is_named_with_its_nodes() -> None:
    result = invoke("validate", str(LAB))

    assert result.exit_code == 0
    first, *notes = result.stdout.splitlines()
    assert first == f"{LAB}: valid, for E2K7SCCNode1 and E2K7SCCNode2 (target lab)"
    assert all(note.startswith("  note: ") for note in notes)


def test_a_valid_file_is_told_to_machines() -> None:
    answer = json.loads(invoke("validate", str(LAB), "--json").stdout)

    assert answer["sha256"] == hashlib.sha256(LAB.read_bytes()).hexdigest()
    assert (answer["valid"], answer["nodes"]) == (True, ["E2K7SCCNode1", "E2K7SCCNode2"])


def faulty(folder: Path) -> Path:
    path = folder / "faulty.yaml"
    text = LAB.read_text("utf-8").replace("letter: Q", "letter: QQ")
    path.write_text(text.replace("approval: auto", "approval: maybe"), "utf-8")
    return path


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    result = invoke("validate", str(faulty(tmp_path)))

    what, why, more, following = result.stderr.splitlines()
    assert (result.exit_code, result.stdout) == (ExitCode.PARAMETERS, "")
    assert what.endswith("has 2 faults.")
    assert why.startswith("  Why:  line ")
    assert more.startswith("        line ")
    assert following.startswith("  Next: correct each line")


def test_a_faulty_file_is_told_to_machines(tmp_path: Path) -> None:
    result = invoke("validate", str(faulty(tmp_path)), "--json")
    answer = json.loads(result.stdout)

    assert (result.exit_code, result.stderr) == (ExitCode.PARAMETERS, "")
    assert (answer["valid"], len(answer["faults"])) == (False, 2)


def test_a_file_is_found_from_the_shell_first_and_from_the_root_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, text in ((tmp_path, LAB.read_text("utf-8")), (tmp_path / "sub", "version: 1\n")):
        (folder / "parameters").mkdir(parents=True)
        (folder / "parameters" / "lab.yaml").write_text(text, "utf-8")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_check.ipynb").touch()
    (tmp_path / "other").mkdir()

    monkeypatch.chdir(tmp_path / "sub")
    assert invoke("validate", "parameters/lab.yaml").exit_code == ExitCode.PARAMETERS
    monkeypatch.chdir(tmp_path / "other")
    assert invoke("validate", "parameters/lab.yaml").exit_code == 0


def test_an_absent_file_is_an_error_of_parameters() -> None:
    result = invoke("validate", "parameters/none.yaml")

    assert result.exit_code == ExitCode.PARAMETERS
    assert "parameters/none.yaml" in result.stderr


@pytest.mark.parametrize(
    "error", [PreconditionError, WaitingForPersonError, OutcomeUnknownError, RunLockedError]
)
def test_our_errors_are_told_in_three_lines_with_their_code(error: type[PreconditionError]) -> None:
    result = failing(
        error("The disk is not there.", why="LUN 1 has no answer", next_step="zone it")
    )

    assert result.exit_code == error.exit_code
    assert (result.stdout, result.stderr.splitlines()) == (
        "",
        ["The disk is not there.", "  Why:  LUN 1 has no answer", "  Next: zone it"],
    )


def test_an_error_shows_no_secret_and_no_escape_of_a_terminal() -> None:
    redaction.register("Tr0ub4dor-3")
    result = failing(
        PreconditionError("Node said \x1b[2Jno.", why="password Tr0ub4dor-3", next_step="ask")
    )

    assert result.stderr.splitlines() == [
        "Node said \ufffd[2Jno.",
        f"  Why:  password {redaction.MASK}",
        "  Next: ask",
    ]


def test_ctrl_c_ends_with_130() -> None:
    result = failing(KeyboardInterrupt())

    assert result.exit_code == ExitCode.INTERRUPTED
    assert result.stderr.startswith("Stopped by Ctrl-C.\n")


def trace_in(folder: Path) -> str:
    (path,) = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path.read_text("utf-8")


def test_an_unforeseen_error_leaves_a_masked_trace_beside_the_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNBOOK_RUNS", str(tmp_path / "elsewhere"))
    redaction.register("c0rrect-horse")
    result = failing(RuntimeError("lost c0rrect-horse"))

    what, why, following = result.stderr.splitlines()
    trace = trace_in(tmp_path / "elsewhere" / "debug")
    assert result.exit_code == ExitCode.BUG
    assert what == "scc-runbook stopped at an error of its own."
    assert why == f"  Why:  RuntimeError: lost {redaction.MASK}"
    assert following.startswith(f"  Next: report it with {tmp_path / 'elsewhere' / 'debug'}/")
    assert trace.startswith("Traceback (most recent call last):\n")
    assert trace.endswith(f"RuntimeError: lost {redaction.MASK}\n")


def test_the_trace_goes_into_the_run_that_is_open(tmp_path: Path) -> None:
    (tmp_path / "run" / "debug").mkdir(parents=True)
    failing(RuntimeError("lost"), run=tmp_path / "run")

    assert "RuntimeError: lost" in trace_in(tmp_path / "run" / "debug")


def test_no_trace_is_written_into_a_sealed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOK_RUNS", str(tmp_path / "runs"))
    (tmp_path / "run" / "debug").mkdir(parents=True)
    (tmp_path / "run" / "MANIFEST.json").write_text("{}", "utf-8")
    failing(RuntimeError("lost"), run=tmp_path / "run")

    assert list((tmp_path / "run" / "debug").iterdir()) == []
    assert "RuntimeError: lost" in trace_in(tmp_path / "runs" / "debug")


def test_a_trace_that_cannot_be_kept_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("RUNBOOK_RUNS", str(tmp_path / "file" / "runs"))

    code = report(RuntimeError("lost"))

    assert code == ExitCode.BUG
    assert "RuntimeError: lost" in capsys.readouterr().err.split("stopped at an error")[0]


def test_native_windows_is_refused_and_its_linux_is_not() -> None:
    refuse_native_windows("linux")
    with pytest.raises(PreconditionError, match="native Windows"):
        refuse_native_windows("win32")
