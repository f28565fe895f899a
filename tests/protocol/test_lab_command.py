"""`scc-runbook lab` as a process: what it starts, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runbook_lib.cli.lab_server import joining, serve
from runbook_lib.errors import ExitCode, NodeUnreachableError
from runbook_lib.topology.loading import load
from tests.builders import LAB, ROOT

CONTROL = "http://127.0.0.1:4242"
"""What the stand-in says; nothing is connected to."""

SERVING = "Serving E2K7SCCNode1 and E2K7SCCNode2 until Ctrl-C.\n"

STAND_IN = f"""
import json, sys
open(sys.argv[1], "w").write(json.dumps(sys.argv[2:]))
print(json.dumps({{"control": {CONTROL!r}, "pid": 1, "nodes": []}}), flush=True)
sys.stdin.read()
open(sys.argv[1], "a").write("\\nended")
"""

SERVE = """
import sys
from pathlib import Path
from runbook_lib.cli.failures import reported
from runbook_lib.cli.lab_server import serve
import typer
stand_in, noted, parameters, output = sys.argv[1:]
@reported
def command():
    serve(Path(parameters), scenario="before:10_configure_networks", state=Path("kept"),
        output=Path(output) if output else None, command=[sys.executable, "-c", stand_in, noted])
try:
    command()
except typer.Exit as end:
    sys.exit(end.exit_code)
"""


@contextmanager
def serving(folder: Path, output: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run `serve` on a stand-in for the lab, until its file stands."""
    with (folder / "output").open("w") as stdout:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, STAND_IN, str(folder / "noted"), str(LAB), output],
            cwd=ROOT,
            env={**os.environ, "RUNBOOK_RUNS": str(folder / "runs")},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == SERVING
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_ends_the_lab_and_takes_its_file_away(tmp_path: Path, number: int) -> None:
    with serving(tmp_path) as process:
        stood = (tmp_path / "runs" / "lab.yaml").exists()
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)

    arguments, ended = (tmp_path / "noted").read_text("utf-8").splitlines()
    assert (stood, process.returncode, ended) == (True, 0, "ended")
    assert json.loads(arguments) == [
        str(LAB),
        "--scenario",
        "before:10_configure_networks",
        "--seed",
        "1",
        "--state",
        str(ROOT / "kept"),
    ]
    assert (tmp_path / "output").read_text("utf-8") == joining(load(LAB), CONTROL)
    assert errors == "Stopped.\n"
    assert not (tmp_path / "runs" / "lab.yaml").exists()


def test_a_file_that_was_asked_for_stays(tmp_path: Path) -> None:
    with serving(tmp_path, str(tmp_path / "kept.yaml")) as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)

    assert load(tmp_path / "kept.yaml").topology.lab.control == CONTROL


def test_the_lab_ends_when_its_server_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path) as process:
        process.kill()
        process.wait()

    deadline = time.monotonic() + 20
    while not (tmp_path / "noted").read_text("utf-8").endswith("ended"):
        assert time.monotonic() < deadline
        os.sched_yield()


def serve_with(command: list[str], tmp_path: Path) -> None:
    serve(LAB, scenario="factory", state=None, output=tmp_path / "lab.yaml", command=command)


def test_a_lab_that_dies_is_an_error(tmp_path: Path) -> None:
    dies = f"import json; print(json.dumps({{'control': {CONTROL!r}}})); raise SystemExit(3)"

    with pytest.raises(NodeUnreachableError, match="gone") as caught:
        serve_with([sys.executable, "-c", dies], tmp_path)

    assert caught.value.why == "their process ended by itself with exit code 3"


def test_a_lab_that_refuses_to_start_passes_its_code_on(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        serve_with([sys.executable, "-c", "raise SystemExit(10)"], tmp_path)

    assert caught.value.code == ExitCode.PARAMETERS
