"""The lab as a process of its own: started, or joined where another process of the run started it.

It ends when the last writer of its standard input is gone, so whoever started it keeps that pipe.
What it holds survives it in its state folder, from where the next process starts it again.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from filelock import FileLock, Timeout

from runbook_lib.errors import NodeUnreachableError, PreconditionError
from runbook_lib.sessions.lab_control import ANSWER_S, LabControl

READY_S = 60.0
"""For a start on a busy machine; an idle one needs less than a second."""

LARGEST_LINE = 64 * 1024
ADDRESS_FILE = "lab.json"
LOG_FILE = "lab.log"


@dataclass
class RunningLab:
    """A lab that this process can reach; `close` ends it if this process started it."""

    control: LabControl
    pid: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def is_ours(self) -> bool:
        """Tell whether this process started it."""
        return self._process is not None

    def __enter__(self) -> Self:
        """Return the lab itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the lab if it is ours."""
        self.close()

    def close(self) -> None:
        """Let the lab end, and wait for it; one that was joined goes on."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(ANSWER_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def start(
    parameters: Path | None,
    *,
    scenario: str = "factory",
    state: Path | None = None,
    seed: int | None = None,
    ready_s: float = READY_S,
) -> RunningLab:
    """Start a lab as a process; with `state` it goes on from there and keeps its world there."""
    command = [sys.executable, "-m", "runbook_lib.lab"]
    command += [str(parameters)] if parameters else []
    command += ["--scenario", scenario]
    command += ["--state", str(state)] if state else []
    command += [] if seed is None else ["--seed", str(seed)]
    with _log(state) as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            env=_environment(),
        )
        try:
            ready = _ready_line(process, ready_s)
            return RunningLab(LabControl(str(ready["control"])), int(ready["pid"]), process)
        except (KeyError, TypeError, ValueError, TimeoutError) as error:
            process.kill()
            # Closes both pipes as well: nobody else will.
            process.communicate()
            raise _not_started(log, error) from error


def join_or_start(state: Path, parameters: Path | None, *, scenario: str) -> RunningLab:
    """Return the lab of this state folder: the one that runs, or else a new one.

    Whoever starts it leaves its address in the folder; two processes cannot start two.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    address = state / ADDRESS_FILE
    try:
        with FileLock(f"{address}.lock", timeout=READY_S + ANSWER_S):
            running = _running(address)
            if running is not None:
                return running
            lab = start(parameters, scenario=scenario, state=state)
            _write(address, {"control": lab.control.url, "pid": lab.pid})
            return lab
    except Timeout as error:
        raise NodeUnreachableError(
            "The lab of this run cannot be joined.",
            why=f"another process has been starting it for too long ({address}.lock)",
            next_step="see which process that is, end it, then resume the run",
        ) from error


def _running(address: Path) -> RunningLab | None:
    """Return the lab that the file names, if it is alive and still that one."""
    try:
        written = json.loads(address.read_text("utf-8"))
        lab = RunningLab(LabControl(str(written["control"])), int(written["pid"]))
        alive = lab.control.describe()
    except (OSError, ValueError, KeyError, TypeError, NodeUnreachableError, PreconditionError):
        return None
    # A port may have gone to another program since; another lab may have got it, too.
    return lab if alive.get("pid") == lab.pid else None


def _write(address: Path, content: Mapping[str, Any]) -> None:
    new = address.with_suffix(".new")
    new.write_text(json.dumps(content, sort_keys=True) + "\n", "utf-8")
    new.chmod(0o600)
    new.replace(address)


def _log(state: Path | None) -> IO[bytes]:
    if state is None:
        return tempfile.TemporaryFile()
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = state / LOG_FILE
    log = path.open("a+b")
    path.chmod(0o600)
    return log


def _environment() -> dict[str, str]:
    """Return our environment, with the package findable wherever we were started from."""
    root = str(Path(__file__).parents[2])
    before = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, before] if before else [root])}


def _ready_line(process: subprocess.Popen[bytes], ready_s: float) -> dict[str, Any]:
    """Return the one line that a lab prints when it is ready."""
    if process.stdout is None:
        raise ValueError("no standard output")
    ends = time.monotonic() + ready_s
    line = b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([process.stdout], [], [], max(0.0, ends - time.monotonic()))
        if not readable:
            raise TimeoutError(f"not ready within {ready_s:g} s")
        piece = os.read(process.stdout.fileno(), LARGEST_LINE)
        line += piece
        if not piece or len(line) > LARGEST_LINE:
            raise ValueError(f"it ended with {process.wait(ANSWER_S)} before it was ready")
    process.stdout.close()
    found: dict[str, Any] = json.loads(line)
    return found


def _not_started(log: IO[bytes], error: Exception) -> NodeUnreachableError:
    log.seek(0)
    last = log.read()[-600:].decode("utf-8", "replace").strip()
    return NodeUnreachableError(
        "The lab did not start.",
        why=f"{error}" + (f"; it said: {last}" if last else ""),
        next_step="put right what it says, then start again",
    )
