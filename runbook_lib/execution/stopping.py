"""SIGTERM in a kernel: heard inside a phase's calls, where it can be journalled.

Ctrl-C comes as KeyboardInterrupt by itself. Between two calls nothing is under way on a node, so
SIGTERM simply ends the process there, and its driver writes down how.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from runbook_lib.errors import InterruptedRunError, RunbookError, TerminatedRunError
from runbook_lib.execution.start import DRIVER


class TerminationError(KeyboardInterrupt):
    """The process was asked to end; as with Ctrl-C, only who expects it may catch it."""


@contextmanager
def hearing_sigterm() -> Iterator[None]:
    """Let SIGTERM raise TerminationError inside, in a kernel that a pipeline drives."""
    driven = DRIVER in os.environ and threading.current_thread() is threading.main_thread()
    if not driven:
        yield
        return
    before = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def stopped(phase: str, step: str | None, run: str, by: KeyboardInterrupt) -> RunbookError:
    """Return the error that tells who stopped a phase, and where it was."""
    terminated = isinstance(by, TerminationError)
    kind = TerminatedRunError if terminated else InterruptedRunError
    return kind(
        f"{phase} was stopped by {'SIGTERM' if terminated else 'a person'}.",
        why=f"interrupted{f' in {step}' if step else ''}; the journal says how far it got",
        next_step=f"scc-runbook resume {run}",
    )


def _raise(_number: int, _frame: FrameType | None) -> NoReturn:
    raise TerminationError
