"""How a command ends: its exit code, and what, why and next step of what went wrong.

No traceback reaches a terminal. What nobody foresaw is our bug: its trace goes, masked, into a
file, and the message names that file.
"""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec

import typer

from runbook_lib.cli.output import tell
from runbook_lib.errors import (
    BugError,
    ExitCode,
    InterruptedRunError,
    PreconditionError,
    RunbookError,
    exit_code_of,
)
from runbook_lib.redaction import redact

P = ParamSpec("P")

Command = Callable[P, ExitCode | int | None]


def reported(command: Callable[P, ExitCode | int | None]) -> Callable[P, None]:
    """Make a function a command: what it returns or raises becomes an exit code, and is told."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            refuse_native_windows(sys.platform)
            code = int(command(*args, **kwargs) or 0)
            sys.stdout.flush()
        except typer.Exit:
            raise
        except BrokenPipeError:
            code = _leave_quietly()
        except BaseException as error:  # noqa: BLE001 - the one place that turns all into codes
            run_folder = kwargs.get("run")
            code = report(error, run_folder if isinstance(run_folder, Path) else None)
        if code:
            raise typer.Exit(code)

    return run


def report(error: BaseException, run: Path | None = None) -> int:
    """Tell what went wrong on standard error; return the exit code.

    run: the run folder in question; it keeps the trace of a bug while it is not sealed.
    """
    if isinstance(error, KeyboardInterrupt):
        error = InterruptedRunError(
            "Stopped by Ctrl-C.",
            why="a person asked for it",
            next_step="see scc-runbook status with the run's folder",
        )
    elif isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(ExitCode.BUG)
    if not isinstance(error, RunbookError):
        error = _bug(error, run)
    tell(error.what, "bad")
    for title, text in (("Why: ", error.why), ("Next:", error.next_step)):
        first, *more = text.splitlines() or [""]
        tell(f"  {title} {first}")
        for line in more:
            tell(f"        {line}")
    return int(exit_code_of(error))


def refuse_native_windows(platform: str) -> None:
    """Raise PreconditionError on native Windows; WSL2 is Linux."""
    if platform == "win32":
        raise PreconditionError(
            "scc-runbook does not run on native Windows.",
            why="its locks, pipes and process groups are those of Linux and macOS",
            next_step="run it in WSL2",
        )


def _bug(error: BaseException, run: Path | None) -> BugError:
    trace = redact("".join(traceback.format_exception(error)))
    try:
        where = f"report it with {_keep(trace, run)}"
    except OSError as failure:
        tell(trace)
        where = f"report it with the trace above (it cannot be kept: {failure.strerror})"
    return BugError(
        "scc-runbook stopped at an error of its own.",
        why=f"{type(error).__name__}: {error}".splitlines()[0],
        next_step=where,
    )


def _keep(trace: str, run: Path | None) -> Path:
    """Write the trace into the run's debug/, or beside all runs; return the file."""
    from runbook_lib.execution.run_folder import RunFolder, runs_folder

    open_run = run is not None and (run / "debug").is_dir() and not RunFolder(run).is_sealed
    folder = run / "debug" if run is not None and open_run else runs_folder() / "debug"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(trace)
    return path


def _leave_quietly() -> int:
    """End well when the reader of our output has left (`| head`)."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return int(ExitCode.DONE)
