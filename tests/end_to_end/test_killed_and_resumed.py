"""The power is gone: every process of a run is killed at some entry of its journal, and resumed.

SIGKILL, so that nothing of ours can tidy up. In phase 10 the kernel dies as it comes, a moment
later; in the others it is killed first, in the middle of the phase's greatest act.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
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
    LOOK_S,
    NODES,
    PATIENCE_S,
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
from tests.phases.crash import Journey, done_once, uninterrupted

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


@pytest.mark.parametrize("point", ["the first result", "the intent of a restart"])
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


@dataclass(frozen=True)
class Middle:
    """Where a phase is cut: the act that it is about, and whether that one is a task."""

    step: str
    is_a_task: bool = False


IN_THE_MIDDLE = {
    "20_join_domain": Middle("join_domain"),
    "30_prepare_shared_disks": Middle("format_volumes"),
    "40_form_cluster": Middle("create_cluster", is_a_task=True),
    "50_join_second_node": Middle("add_node", is_a_task=True),
    "70_install_exchange_active_node": Middle("make_mailbox_server", is_a_task=True),
    "80_install_exchange_passive_node": Middle("install_role", is_a_task=True),
    "90_prove_failover": Middle("move_to_second_node", is_a_task=True),
}


def counts(effect: Mapping[str, Any]) -> bool:
    """Tell that an effect is of the procedure: tasks that only read may be begun again."""
    what = str(effect["what"])
    return done_once(effect) and "rb-" not in what and r"C:\runbook" not in what


def only(phase: str) -> tuple[str, ...]:
    return "--from", phase, "--to", phase


def check_as_undisturbed(lab: LabControl, phase: str, *, is_done_once: bool = True) -> None:
    """Assert that the site is what the phase makes of it in one go, and that it was made once."""
    reference = uninterrupted(Journey(phase, counts=counts))
    done = Counter(
        (e["node"], e["cause"], e["what"], str(e["before"]), str(e["after"]))
        for e in lab.ledger()
        if counts(e)
    )
    assert lab.state() == json.loads(json.dumps(reference.state))
    if is_done_once:
        assert done == reference.effects


def wait_for_task(lab: LabControl) -> None:
    """Return once a node has a task at work."""
    ends = time.monotonic() + PATIENCE_S
    while lab.state()["tasks"]["tasks"] == []:
        assert time.monotonic() < ends
        time.sleep(LOOK_S)


@pytest.mark.parametrize("phase", IN_THE_MIDDLE)
def test_killed_in_the_middle_of_its_act_a_phase_goes_on_and_does_it_once(
    phase: str, desk: Desk, lab: LabControl
) -> None:
    middle, run = IN_THE_MIDDLE[phase], desk.folder / "run"
    lab.reset(f"before:{phase}")
    begun = desk.begin("run", desk.parameters(lab=lab), *only(phase), "--run-folder", run)
    wait_for(run, lambda found: last(found, "intent", step=middle.step), begun)
    if middle.is_a_task:
        wait_for_task(lab)
    for process in (*begun.kernels(), begun.process):
        process.kill()
    begun.process.wait()
    before = (run / "journal.jsonl").read_bytes()

    resumed = desk.scc("resume", run)

    assert (resumed.code, unsettled(run)) == (0, []), resumed.err
    assert (run / "journal.jsonl").read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert desk.scc("verify", run).code == 0
    check_as_undisturbed(lab, phase)


def test_a_setup_that_was_killed_on_its_node_is_found_out_and_gone_on_with(
    desk: Desk, lab: LabControl
) -> None:
    phase, run = "80_install_exchange_passive_node", desk.folder / "run"
    lab.reset(f"before:{phase}")
    lab.arm_fault({"node": NODES[1], "match": "Setup.com /mode:Install", "do": "kill:5"})

    failed = desk.scc("run", desk.parameters(lab=lab), *only(phase), "--run-folder", run)
    resumed = desk.scc("resume", run)

    assert (failed.code, resumed.code) == (50, 0)
    assert [e["data"]["before"] for e in events(run, "intent")] == [
        "absent",
        "half done (Install broke off; Setup resumes it)",
    ]
    check_as_undisturbed(lab, phase, is_done_once=False)


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
