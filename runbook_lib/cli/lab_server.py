"""`scc-runbook lab`: simulated nodes for as long as a person wants them.

The lab is a process of its own, as in a run. It ends when its standard input closes, so it cannot
outlive this one, however this one ends.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from runbook_lib.cli.output import say, tell
from runbook_lib.errors import ExitCode, NodeUnreachableError, ParametersError
from runbook_lib.execution.run_folder import runs_folder, write_file
from runbook_lib.topology.loading import Loaded, load
from runbook_lib.topology.models import Target

LAB = (sys.executable, "-m", "runbook_lib.lab")
STOP_S = 10.0

_SCALAR = re.compile(r"""^("[^"]*"|'[^']*'|[^\s,}]*)""")


def serve(
    parameters: Path,
    *,
    scenario: str,
    state: Path | None,
    output: Path | None,
    command: Sequence[str] = LAB,
) -> None:
    """Serve until Ctrl-C or SIGTERM; the file that joins the lab stands while it is served.

    output: where that file goes and stays; None makes runs/lab.yaml, gone at the end.
    """
    loaded = load(parameters)
    if loaded.topology.target is not Target.LAB:
        raise ParametersError(
            f"{parameters} is for real nodes.",
            why="its target is nodes",
            next_step="give a file with target: lab, such as parameters/lab.yaml",
        )
    arguments = [str(parameters), "--scenario", scenario, "--seed", str(loaded.topology.lab.seed)]
    if state is not None:
        arguments += ["--state", str(state.absolute())]
    with _lab([*command, *arguments]) as (process, control):
        file = output or runs_folder() / "lab.yaml"
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = joining(loaded, control)
        write_file(file, text)
        try:
            _introduce(loaded, file, text)
            code = process.wait()
        finally:
            if output is None:
                file.unlink(missing_ok=True)
    raise _ended(code)


def joining(loaded: Loaded, control: str) -> str:
    """Return the parameter file's text with the lab's address in it, all else as it was."""
    from ruamel.yaml import YAML

    # The parser says where the value stands; written anew, the file would lose its layout.
    line, column = YAML().load(loaded.text)["lab"].lc.value("control")
    lines = loaded.text.splitlines(keepends=True)
    before, after = lines[line][:column], _SCALAR.sub("", lines[line][column:], count=1)
    lines[line] = f'{before}"{control}"{after}'
    return "".join(lines)


def _introduce(loaded: Loaded, file: Path, text: str) -> None:
    """Say how the lab is used; a pipe gets the file itself."""
    if not sys.stdout.isatty():
        sys.stdout.write(text)
        sys.stdout.flush()
    names = " and ".join(node.name for node in loaded.topology.nodes)
    tell(f"Serving {names} until Ctrl-C.", "good")
    if sys.stdout.isatty():
        say(f"  scc-runbook plan {file}")
        say(f"  scc-runbook run {file}")
        sys.stdout.flush()


@contextmanager
def _lab(command: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a lab and yield it with its control address; ends it, and ends well when stopped."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    earlier = signal.signal(signal.SIGTERM, _stop)
    try:
        yield process, _control_of(process)
    except KeyboardInterrupt:
        tell("Stopped.")
        raise SystemExit(0) from None
    finally:
        signal.signal(signal.SIGTERM, earlier)
        _end(process)


def _control_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - asked for above
    line = process.stdout.readline()
    if not line:
        code = process.wait()
        if code in set(ExitCode):
            # It has said itself what is wrong, in our words.
            raise SystemExit(code)
        raise _ended(code)
    return str(json.loads(line)["control"])


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None  # noqa: S101 - asked for above
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ended(code: int) -> NodeUnreachableError:
    return NodeUnreachableError(
        "The simulated nodes are gone.",
        why=f"their process ended by itself with exit code {code}",
        next_step="read what it wrote above, then start it again",
    )
