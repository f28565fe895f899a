"""Phase 10, stopped at every point where it writes, sends or hears, and carried on.

Behind the Session seam, in one process: the crash is an exception that nothing of ours catches,
the world goes on with what it had received, and the next attempt opens journal and sessions anew.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from runbook_lib import crash_points
from runbook_lib.execution.run_folder import RunFolder, outcome_of
from tests.in_process import Rehearsal

PHASE = "10_configure_networks"


class CrashError(BaseException):
    """The process is gone: not an Exception, so that no handler of ours can write on."""


class Points:
    """Counts the points, and crashes at one of them."""

    def __init__(self, stop_at: int = 0) -> None:
        self.names: list[str] = []
        self._stop_at = stop_at

    def __call__(self, name: str, n: int) -> None:
        self.names.append(name)
        if n == self._stop_at:
            raise CrashError(name)


def carry_out(rehearsal: Rehearsal, stop_at: int = 0) -> list[str]:
    """Run the phase; return the names of the points that it reached."""
    points = Points(stop_at)
    crash_points.listen(points)
    try:
        rehearsal.carry_out(PHASE)
    finally:
        crash_points.listen(None)
    return points.names


def effects(rehearsal: Rehearsal) -> Counter[tuple[Any, ...]]:
    return Counter(
        (e["node"], e["cause"], e["what"], str(e["before"]), str(e["after"]))
        for e in rehearsal.world.ledger()
        if e["cause"] != "time"
    )


# A memory file system where there is one: an fsync to a disk costs more than all the rest.
MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None


@cache
def uninterrupted() -> tuple[list[str], dict[str, Any], Counter[tuple[Any, ...]]]:
    """Return the points, the end state and the effects of a run that nothing stops."""
    with TemporaryDirectory(dir=MEMORY) as runs:
        rehearsal = Rehearsal.on_factory_nodes(Path(runs))
        names = carry_out(rehearsal)
        return names, rehearsal.world.state(), effects(rehearsal)


def unsettled(folder: RunFolder) -> set[int]:
    """Return the intents of which the journal does not say what became of them."""
    entries = folder.entries()
    intents = {e.seq for e in entries if e.event == "intent" and e.data["step"] != "restart"}
    return intents - {e.data["intent"] for e in entries if e.event in {"result", "adopted"}}


def restarts(folder: RunFolder) -> Counter[str]:
    return Counter(str(e.data["node"]) for e in folder.entries() if e.event == "rebooted")


def test_the_points_are_those_that_the_code_counts() -> None:
    names, _, _ = uninterrupted()

    assert {name.partition(":")[0] for name in names} >= {"journal", "send", "reply"}
    assert len(names) > 300


# One test a tenth of the points: parallel, and a failure names the point.
@pytest.mark.parametrize("tenth", range(10))
def test_stopped_at_any_point_it_ends_in_the_same_state_with_nothing_done_twice(
    tenth: int,
) -> None:
    names, state, expected = uninterrupted()

    wrong = {}
    for point in range(1 + tenth, len(names) + 1, 10):
        with TemporaryDirectory(dir=MEMORY) as runs:
            found = stopped_at(point, Path(runs), state, expected)
        if found != RIGHT:
            wrong[point, names[point - 1]] = found

    assert wrong == {}


RIGHT: tuple[Any, ...] = (
    True,
    Counter(),
    Counter(),
    set(),
    Counter(E2K7SCCNode1=1, E2K7SCCNode2=1),
    "done",
)


def stopped_at(
    point: int, runs: Path, state: dict[str, Any], expected: Counter[tuple[Any, ...]]
) -> tuple[Any, ...]:
    """Return what differs after a crash at this point and a resume; `RIGHT` when nothing does."""
    rehearsal = Rehearsal.on_factory_nodes(runs)
    with pytest.raises(CrashError):
        carry_out(rehearsal, stop_at=point)
    carry_out(rehearsal)
    assert rehearsal.folder is not None
    return (
        rehearsal.world.state() == state,
        effects(rehearsal) - expected,
        expected - effects(rehearsal),
        unsettled(rehearsal.folder),
        restarts(rehearsal.folder),
        outcome_of(rehearsal.folder.entries(), PHASE),
    )
