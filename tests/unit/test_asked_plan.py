"""What is laid before the person who approves a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.cli.output import say_gates
from runbook_lib.execution import asked_plan
from runbook_lib.execution.run_folder import OpenGate

DISKS = "30_prepare_shared_disks"
NODE = "E2K7SCCNode1"
DIGEST = "ab" * 32


def change(**facts: Any) -> dict[str, Any]:
    return {
        "setting": "running nodes",
        "before": "both",
        "after": "E2K7SCCNode1 alone",
        "undo": "switch it on",
        "effect": "now",
        "command": "by hand: shut it down",
    } | facts


STEPS = (
    {"step": "alone", "node": NODE, "changes": [change()], "wishes": []},
    {"step": "make", "node": NODE, "changes": [], "wishes": [["partition of LUN 0", "one"]]},
)


def test_what_is_done_at_its_turn_is_listed_and_counted_too() -> None:
    assert asked_plan.rows(STEPS) == (
        (NODE, "running nodes", "both", "E2K7SCCNode1 alone", "switch it on"),
        (NODE, "partition of LUN 0", "told at its turn", "one", "told at its turn"),
    )
    assert asked_plan.counts(STEPS) == (
        f"1 change: 1 on {NODE}; up to 1 more that are told at its turn; 1 done by hand."
    )


def test_the_approver_is_told_of_restarts_of_what_stays_and_of_secrets() -> None:
    steps = [
        {
            "node": NODE,
            "changes": [change(effect="after reboot", exposes=["the task keeps a password"])],
        }
    ]

    assert asked_plan.notes(DISKS, steps) == (
        f"Restarted at the end: {NODE}.",
        f"Not taken back: {asked_plan.stays(DISKS)}.",
        "Exposed meanwhile: the task keeps a password.",
    )


def test_a_move_announces_its_interruption_and_a_plan_that_leaves_nothing_says_nothing() -> None:
    assert asked_plan.stays("90_prove_failover") == (
        "an interruption: clients are shut out while the mailbox server moves, each time"
    )
    assert asked_plan.notes("10_configure_networks", STEPS) == ()
    assert asked_plan.notes(DISKS, ()) == ()


def test_a_waiting_gate_shows_the_plan_that_it_asks_for_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plans").mkdir()
    file = tmp_path / "plans" / f"{DISKS}.json"
    file.write_text(json.dumps({"plan_sha256": DIGEST, "steps": STEPS}), "utf-8")
    gate = OpenGate(f"{DISKS}.plan", 7, "plan", DISKS, "approve the plan", DIGEST)

    say_gates(tmp_path, [gate])
    shown = capsys.readouterr().out

    assert "partition of LUN 0" in shown
    assert "Not taken back: disk signatures" in shown
    assert asked_plan.of_gate(tmp_path, OpenGate(*("x", 7, "plan", DISKS, "", "cd" * 32))) == ()


def test_a_persons_act_is_reported_when_it_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = OpenGate(f"{DISKS}.alone.{NODE}", 7, "manual", DISKS, "Shut node 2 down", None)

    say_gates(tmp_path, [gate])

    assert capsys.readouterr().out.splitlines() == [
        "waits for a person: Shut node 2 down",
        "  when that is done:",
        f'  scc-runbook approve {tmp_path} {gate.gate} --by "NAME" --reason "TEXT"',
    ]

    tmp_path.with_name(f"{tmp_path.name}.lab").mkdir()
    say_gates(tmp_path, [gate])

    assert "the run does it on its simulated nodes" in capsys.readouterr().out
