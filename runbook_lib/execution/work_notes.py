"""What a phase waits for on its nodes, noted beside the run folder while it waits.

Work on a node may take an hour, and says in its log how far it is. That is no part of the record
(a finished task's log is) and no cell's output: it is true for a moment only. So it stands in one
small file beside the folder, which whoever shows the run's progress reads, and which is gone
afterwards. Notes are a courtesy: a disk that refuses them stops nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path, PureWindowsPath

from runbook_lib.redaction import redact
from runbook_lib.sessions.session import WorkSeen

WORTH_A_LINE_S = 1.0
"""What is over sooner, nobody waits for."""

LONGEST_LINE = 100
MINUTE_S = 60


class WorkNotes:
    """What is waited for now, by node; `tell` is what sessions call at each look."""

    def __init__(self, path: Path | None = None) -> None:
        """path: the file that others read; None keeps the notes in this process."""
        self._path = path
        self._work: dict[str, WorkSeen] = {}

    def tell(self, node: str, seen: WorkSeen | None) -> None:
        """Note what the last look showed, secrets masked; None when nothing is waited for."""
        work = {name: each for name, each in self._work.items() if name != node}
        if seen is not None:
            work[node] = replace(seen, last=redact(seen.last), name=redact(seen.name))
        # Another thread may be reading the old ones.
        self._work = work
        if self._path is not None:
            with suppress(OSError):
                _write(self._path, [*work.values()])

    def lines(self) -> tuple[str, ...]:
        """Return a line for each work that is worth one."""
        return lines([*self._work.values()])


def lines(work: Sequence[WorkSeen]) -> tuple[str, ...]:
    """Return a line for each work that is worth one."""
    return tuple(line(each) for each in work if each.waited_s >= WORTH_A_LINE_S)


def line(seen: WorkSeen) -> str:
    """Return what is at work where, for how long, for how long at most, and what it said last."""
    program, _, words = seen.name.partition(" ")
    name = " ".join(filter(None, (PureWindowsPath(program).name, words)))
    times = f"{_time(seen.waited_s)} of {_time(seen.may_take_s)} at most"
    last = " ".join(seen.last.split())
    return f"{name} on {seen.node}: {times}, {last[:LONGEST_LINE]}"


def read(path: Path) -> tuple[WorkSeen, ...]:
    """Return what the notes hold; nothing where there are none, or none that make sense."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return tuple(WorkSeen(**each) for each in found)
    except (OSError, ValueError, TypeError):
        return ()


def forget(path: Path) -> None:
    """Remove notes that a killed process left."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _write(path: Path, work: Sequence[WorkSeen]) -> None:
    if not work:
        path.unlink(missing_ok=True)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
        json.dump([asdict(each) for each in work], file)
    temporary.replace(path)


def _time(seconds: float) -> str:
    minutes = round(seconds / MINUTE_S)
    if seconds < 2 * MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes % 60 or minutes < 2 * 60 else f"{minutes // 60} h"
