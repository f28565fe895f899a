"""Any phase, stopped at every point where it writes, sends or hears, and carried on.

Behind the Session seam, in one process: the crash is an exception that nothing of ours catches,
the world goes on with what it had received, and the next attempt opens journal and sessions anew.

    JOURNEY = Journey("40_form_cluster")

    @pytest.mark.parametrize("first", range(1, 11))
    def test_stopped_at_any_point_it_ends_alike(first: int) -> None:
        assert wrong(JOURNEY, first=first, every=10) == {}

`wrong(journey, *, first=1, every=1) -> {(point, its name): what differs}`, empty when all is well;
`uninterrupted(journey).points` are the names of all points, so that a test can hold their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from runbook_lib import crash_points
from runbook_lib.execution.restart import STEP as RESTART
from runbook_lib.execution.run_folder import RunFolder, outcome_of
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.world import World
from tests.builders import loaded
from tests.in_process import WALL, Rehearsal

# A memory file system where there is one: an fsync to a disk costs more than all the rest.
MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None

Prepare = Callable[[Rehearsal], None]
Effect = Mapping[str, Any]


def nothing(_rehearsal: Rehearsal) -> None:
    """Leave the starting state as it is."""


def done_once(effect: Effect) -> bool:
    """Tell that everything counts, but for what time brings about."""
    return bool(effect["cause"] != "time")


@dataclass(frozen=True)
class Journey:
    """One phase from its starting state to its end.

    scenario: where the nodes stand, `before:<phase>` when empty. prepare: what is done to them
    before the phase begins. counts: which effects of the ledger must be there exactly once.
    """

    phase: str
    scenario: str = ""
    prepare: Prepare = nothing
    counts: Callable[[Effect], bool] = done_once

    def begin(self, runs: Path) -> Rehearsal:
        """Return the rehearsal before the phase; its run folders go into `runs`."""
        given = loaded()
        scenario = self.scenario or f"before:{self.phase}"
        world = World.create(scenario, given.topology, 1, clock=PolledClock(WALL))
        rehearsal = Rehearsal(world, runs, given)
        self.prepare(rehearsal)
        return rehearsal


@dataclass(frozen=True)
class End:
    """What one journey came to, whatever happened on its way."""

    state: Mapping[str, Any]
    effects: Counter[tuple[str, ...]]
    unsettled: frozenset[int]
    restarts: Counter[str]
    outcome: str
    points: tuple[str, ...] = ()

    def differences(self, other: End) -> dict[str, Any]:
        """Return what differs from another end; both sides' surplus of effects and restarts."""
        found: dict[str, Any] = {}
        for name in (field.name for field in fields(self) if field.name != "points"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine == theirs:
                continue
            if isinstance(mine, Counter):
                found[name] = {"more": dict(mine - theirs), "fewer": dict(theirs - mine)}
            elif name == "state":
                found[name] = list(_unequal(mine, theirs))
            else:
                found[name] = (mine, theirs)
        return found


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


def carry_out(rehearsal: Rehearsal, phase: str, stop_at: int = 0) -> tuple[str, ...]:
    """Run the phase; return the names of the points that it reached."""
    points = Points(stop_at)
    crash_points.listen(points)
    try:
        rehearsal.carry_out(phase)
    finally:
        crash_points.listen(None)
    return tuple(points.names)


@cache
def uninterrupted(journey: Journey) -> End:
    """Return the end of a journey that nothing stops."""
    with TemporaryDirectory(dir=MEMORY) as runs:
        rehearsal = journey.begin(Path(runs))
        points = carry_out(rehearsal, journey.phase)
        return _end(journey, rehearsal, points)


def wrong(
    journey: Journey, *, first: int = 1, every: int = 1
) -> dict[tuple[int, str], dict[str, Any]]:
    """Return what differs after a crash at point `first` and each `every`-th one behind it."""
    expected = uninterrupted(journey)
    found = {}
    for point in range(first, len(expected.points) + 1, every):
        differences = stopped_at(journey, point).differences(expected)
        if differences:
            found[point, expected.points[point - 1]] = differences
    return found


def stopped_at(journey: Journey, point: int) -> End:
    """Return the end of a journey that was stopped at this point and carried on."""
    with TemporaryDirectory(dir=MEMORY) as runs:
        rehearsal = journey.begin(Path(runs))
        with pytest.raises(CrashError):
            carry_out(rehearsal, journey.phase, stop_at=point)
        carry_out(rehearsal, journey.phase)
        return _end(journey, rehearsal)


def _end(journey: Journey, rehearsal: Rehearsal, points: tuple[str, ...] = ()) -> End:
    folder = rehearsal.folder
    assert folder is not None
    return End(
        rehearsal.world.state(),
        Counter(
            (e["node"], e["cause"], e["what"], str(e["before"]), str(e["after"]))
            for e in rehearsal.world.ledger()
            if journey.counts(e)
        ),
        _unsettled(folder),
        Counter(str(e.data["node"]) for e in folder.entries() if e.event == "rebooted"),
        outcome_of(folder.entries(), journey.phase),
        points,
    )


def _unsettled(folder: RunFolder) -> frozenset[int]:
    """Return the intents of which the journal does not say what became of them."""
    entries = folder.entries()
    intents = {e.seq for e in entries if e.event == "intent" and e.data["step"] != RESTART}
    settled = {e.data["intent"] for e in entries if e.event in {"result", "adopted"}}
    return frozenset(intents - settled)


def _unequal(one: Any, other: Any, place: str = "") -> Any:
    """Yield where two states differ, and how."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}, key=str):
            yield from _unequal(one.get(key), other.get(key), f"{place}/{key}")
    elif isinstance(one, list) and isinstance(other, list):
        more = [item for item in one if item not in other]
        fewer = [item for item in other if item not in one]
        if one != other:
            yield (place, {"more": more, "fewer": fewer})
    elif one != other:
        yield (place, one, other)
