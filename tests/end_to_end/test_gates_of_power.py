"""Phases in which a person switches machines: what is asked, what passes, what is found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.sessions.lab_control import LabControl
from tests.end_to_end.command_line import NODES, Desk, Ended, events

DISKS = "30_prepare_shared_disks"
ASK = ("approval: auto ", "approval: person ")
SHORT_PATIENCE = ("reboot: 10m, service: 5m", "reboot: 3s, service: 2s")
FIRST, SECOND = NODES
ACTS = (
    (f"{DISKS}.run_first_node_alone.{FIRST}", FIRST),
    (f"{DISKS}.run_second_node_alone.{SECOND}", SECOND),
    (f"{DISKS}.run_first_node_again.{FIRST}", FIRST),
)


@pytest.fixture
def lab(served: LabControl) -> LabControl:
    """Return the file's lab with joined nodes and bare shared disks."""
    served.clear_faults()
    served.reset(f"before:{DISKS}")
    return served


def begin(desk: Desk, lab: LabControl, *changes: tuple[str, str]) -> tuple[Ended, Path]:
    run = desk.folder / "run"
    parameters = desk.parameters(ASK, *changes, lab=lab)
    return desk.scc("run", parameters, "--from", "30", "--to", "30", "--run-folder", run), run


def answer(desk: Desk, run: Path, gate: str) -> None:
    ended = desk.scc("approve", run, gate, "--by", "Ann", "--reason", "change 4711")
    assert ended.code == 0, ended


def gates(run: Path, event: str = "gate_opened") -> list[str]:
    return [str(entry["data"]["gate"]) for entry in events(run, event)]


def test_each_switching_is_asked_for_once_and_done_once(desk: Desk, lab: LabControl) -> None:
    ended, run = begin(desk, lab)
    answer(desk, run, f"{DISKS}.plan")
    for gate, node in ACTS:
        ended = desk.scc("resume", run)
        assert (ended.code, gates(run)[-1]) == (25, gate)
        lab.act("run-alone", node)
        answer(desk, run, gate)
    ended = desk.scc("resume", run)

    assert ended.code == 0
    assert gates(run) == gates(run, "gate_answered") == [f"{DISKS}.plan", *(g for g, _ in ACTS)]
    power = {name: node["power"] for name, node in lab.state()["nodes"].items()}
    assert power == {FIRST: "on", SECOND: "off"}
    named = [e["data"]["instruction"] for e in events(run, "gate_opened")][1:]
    assert [(FIRST in text, SECOND in text) for text in named] == [(True, True)] * 3


def test_a_machine_that_was_not_switched_off_is_found_out(desk: Desk, lab: LabControl) -> None:
    _, run = begin(desk, lab, SHORT_PATIENCE)
    answer(desk, run, f"{DISKS}.plan")
    desk.scc("resume", run)
    answer(desk, run, ACTS[0][0])

    ended = desk.scc("resume", run)

    assert ended.code == 50
    assert ended.error[0] == f"{FIRST} does not show what was done by hand: running nodes."
    assert ended.error[1] == f"{SECOND} still answers after 3 s"
    assert desk.scc("resume", run).code == 25
    assert gates(run)[-1] == ACTS[0][0]


def test_where_both_machines_are_off_nothing_is_told_of_them(desk: Desk, lab: LabControl) -> None:
    _, run = begin(desk, lab, SHORT_PATIENCE)
    for node in NODES:
        lab.act("power-off", node)
    answer(desk, run, f"{DISKS}.plan")

    ended = desk.scc("resume", run)
    lab.act("power-on", FIRST)

    assert (ended.code, ended.error[0]) == (30, f"None of {FIRST}, {SECOND} answers.")
    # Nobody asked for the second one to be off: that is another plan, which wants its own word.
    assert desk.scc("resume", run).code == 20
    assert gates(run) == [f"{DISKS}.plan"] * 2
