"""The power is gone: every process of a run is killed at some entry of its journal, and resumed.

SIGKILL, so that nothing of ours can tidy up; the kernel dies as it comes, a moment later.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.journal.manifest import State, verify
from runbook_lib.sessions import lab_process
from runbook_lib.sessions.lab_control import LabControl
from tests.builders import LAB
from tests.end_to_end.command_line import (
    AS_DOCUMENTED,
    Begun,
    Desk,
    Entry,
    deeds,
    entries,
    events,
    gone,
    standing,
    unsettled,
    wait_for,
)

ONLY_10 = ("--from", "10", "--to", "10")
KILLED = 137
"""What RUNBOOK_CRASH_AT ends a process with."""


def last(entries: list[Entry], event: str, **data: str) -> bool:
    """Tell whether such an entry stands in the journal."""
    return any(
        e["event"] == event and all(e["data"].get(name) == data[name] for name in data)
        for e in entries
    )


AT: dict[str, Callable[[list[Entry]], bool]] = {
    "the first intent": lambda found: last(found, "intent"),
    "the first result": lambda found: last(found, "result"),
    "an adopted change": lambda found: last(found, "adopted"),
    "a verified step": lambda found: last(found, "verified", step="turn_off_lmhosts"),
    "the intent of a restart": lambda found: last(found, "intent", step="restart"),
}


@dataclass(frozen=True)
class Undisturbed:
    """What a run that nothing stops leaves on the nodes, and what it did there."""

    state: dict[str, Any]
    deeds: Counter[tuple[str, str, str, str]]


@pytest.fixture(scope="module")
def undisturbed(
    served: LabControl, tmp_path_factory: pytest.TempPathFactory, home: Path
) -> Iterator[Undisturbed]:
    desk = Desk(tmp_path_factory.mktemp("undisturbed"), home)
    assert desk.scc("run", desk.parameters(lab=served), *ONLY_10).code == 0
    yield Undisturbed(served.state()["nodes"], deeds(served))
    desk.close()


def kill_at(point: str, begun: Begun, run: Path, *, with_lab: bool) -> bytes:
    """Kill the run as soon as its journal holds the entry; return what stood there at the end."""
    wait_for(run, AT[point], begun)
    kernels = begun.kernels()
    lab = begun.lab() if with_lab else None
    begun.process.kill()
    if lab is not None:
        lab.kill()
        gone(lab)
    begun.process.wait()
    gone(*kernels)
    return (run / "journal.jsonl").read_bytes()


@pytest.mark.parametrize("point", AT)
def test_killed_at_an_entry_it_goes_on_where_it_was_and_does_nothing_twice(
    point: str, desk: Desk, undisturbed: Undisturbed, lab: LabControl
) -> None:
    run = desk.folder / "run"
    begun = desk.begin("run", desk.parameters(lab=lab), *ONLY_10, "--run-folder", run)
    before = kill_at(point, begun, run, with_lab=False)

    resumed = desk.scc("resume", run)

    check_end(desk, run, resumed.code, before)
    assert standing(lab) == AS_DOCUMENTED
    assert lab.state()["nodes"] == undisturbed.state
    assert deeds(lab) == undisturbed.deeds


@pytest.mark.parametrize("point", AT)
def test_killed_together_with_the_nodes_own_process_it_goes_on_as_well(
    point: str, desk: Desk, undisturbed: Undisturbed
) -> None:
    run = desk.folder / "run"
    begun = desk.begin("run", desk.parameters(), *ONLY_10, "--run-folder", run)
    before = kill_at(point, begun, run, with_lab=True)

    resumed = desk.scc("resume", run)

    check_end(desk, run, resumed.code, before)
    with lab_process.start(LAB, state=desk.folder / "run.lab") as lab:
        assert standing(lab.control) == AS_DOCUMENTED
        assert lab.control.state()["nodes"] == undisturbed.state
        assert deeds(lab.control) == undisturbed.deeds


def check_end(desk: Desk, run: Path, code: int, before: bytes) -> None:
    """Assert that the record is whole, and that what stood there at the kill still does."""
    assert code == 0
    assert unsettled(run) == []
    assert [e["data"]["node"] for e in events(run, "rebooted")] == ["E2K7SCCNode1", "E2K7SCCNode2"]
    whole = before[: before.rfind(b"\n") + 1]
    assert (run / "journal.jsonl").read_bytes().startswith(whole)
    assert desk.scc("verify", run).code == 0


def test_killed_at_any_point_of_the_sealing_a_resume_seals_and_asks_no_node_anything(
    desk: Desk, lab: LabControl
) -> None:
    first = desk.folder / "first"
    parameters = desk.parameters(lab=lab)
    ran = desk.scc("run", parameters, "--from", "00", "--to", "00", "--run-folder", first)
    asked = lab.counters()["pipelines"]
    at_the_end_of_its_phase(first)

    found: list[tuple[int, State]] = []
    while not found or found[-1][0] == KILLED:
        run = shutil.copytree(first, desk.folder / f"run-{len(found) + 1}")
        killed = desk.scc("resume", run, RUNBOOK_CRASH_AT=f"pipeline:{len(found) + 1}")
        if killed.code == KILLED and not (run / "MANIFEST.json").exists():
            assert desk.scc("resume", run).code == 0
        found.append((killed.code, verify(run).state))
        assert [e["event"] for e in entries(run)][-2:] == ["phase_closed", "run_closed"]

    assert ran.code == 0
    assert len(found) > 5
    assert found == [(KILLED, State.WHOLE)] * (len(found) - 1) + [(0, State.WHOLE)]
    assert lab.counters()["pipelines"] == asked


def at_the_end_of_its_phase(run: Path) -> None:
    """Take from a sealed run what its end put there, as if it had been stopped before."""
    for name in ("MANIFEST.json", "review.html", "summary.json"):
        (run / name).unlink()
    lines = (run / "journal.jsonl").read_bytes().splitlines(keepends=True)
    assert b'"run_closed"' in lines[-1]
    (run / "journal.jsonl").write_bytes(b"".join(lines[:-1]))
