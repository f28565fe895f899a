"""A run that is stopped, or whose kernel dies: what it says, what is true, how it goes on."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.sessions.lab_control import LabControl
from tests.end_to_end.command_line import (
    AS_DOCUMENTED,
    NETWORKS,
    Begun,
    Desk,
    Ended,
    cell_states,
    events,
    gone,
    notebook,
    standing,
    unsettled,
    wait_for,
)

ONLY_10 = ("--from", "10", "--to", "10")
STEPS = (
    "name_computers",
    "name_connections",
    "order_bindings",
    "unbind_file_sharing",
    "set_public_addresses",
    "set_private_addresses",
    "stop_dns_registration",
    "turn_off_lmhosts",
    "disable_netbios",
    "confirm_settings",
)


def begin(desk: Desk, lab: LabControl, *changes: tuple[str, str]) -> tuple[Begun, Path]:
    run = desk.folder / "run"
    return desk.begin("run", desk.parameters(*changes, lab=lab), *ONLY_10, "--run-folder", run), run


def stop_at(step: str, begun: Begun, run: Path, number: signal.Signals) -> Ended:
    """Stop a run as soon as a step is begun on the nodes; return how it ended."""
    wait_for(
        run,
        lambda found: any(e["event"] == "intent" and e["data"]["step"] == step for e in found),
        begun,
    )
    begun.send(number)
    return begun.ended()


def states_of_steps(executed: dict[str, Any]) -> dict[str, str]:
    """Return the state of each step's cell."""
    return {
        cell.removeprefix("phase.run(steps.").removesuffix(")"): state
        for cell, state in cell_states(executed).items()
        if cell.startswith("phase.run")
    }


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_stopped_in_a_step_it_says_so_keeps_true_cells_and_goes_on_later(
    number: signal.Signals, code: int, desk: Desk, lab: LabControl
) -> None:
    begun, run = begin(desk, lab)

    ended = stop_at("set_private_addresses", begun, run, number)

    assert ended.code == code
    (interrupted,) = events(run, "interrupted")
    assert interrupted["data"] == {"phase": NETWORKS, "signal": number.name}
    (closed,) = events(run, "phase_closed")
    assert closed["data"] == {
        "phase": NETWORKS,
        "attempt": 1,
        "outcome": "interrupted",
        "exit_code": code,
    }
    assert ended.err.splitlines()[-1] == f"  Next: scc-runbook resume {run}"

    verified = {e["data"]["step"] for e in events(run, "verified")}
    states = states_of_steps(notebook(run, NETWORKS))
    completed = [step for step in STEPS if states[step] == "completed"]
    failed = [step for step in STEPS if states[step] == "failed"]
    assert verified == set(completed)
    assert failed == [STEPS[len(completed)]]
    assert [states[step] for step in STEPS[len(completed) + 1 :]] == ["pending"] * (
        len(STEPS) - len(completed) - 1
    )
    assert cell_states(notebook(run, NETWORKS))["phase.close()"] == "pending"

    resumed = desk.scc("resume", run)

    check_good_end(desk, run, resumed, lab)
    assert set(cell_states(notebook(run, NETWORKS, attempt=2)).values()) == {"completed"}


def test_status_tells_of_a_stopped_run_with_the_code_that_it_ended_with(
    desk: Desk, lab: LabControl
) -> None:
    begun, run = begin(desk, lab)
    ended = stop_at("name_connections", begun, run, signal.SIGTERM)

    status = desk.scc("status", run, "--json")
    verified = desk.scc("verify", run)

    assert (ended.code, status.code, verified.code) == (143, 0, 15)
    assert (status.json["state"], status.json["exit_code"]) == ("interrupted", 143)
    assert verified.out.splitlines()[0] == f"{run}: not sealed"


def test_stopped_while_a_node_is_silent_it_ends_at_once(desk: Desk, lab: LabControl) -> None:
    """The reply never comes: what became of the change is asked by the resume."""
    lab.arm_fault({"node": "E2K7SCCNode1", "match": "SetTcpipNetbios", "do": "hang"})
    begun, run = begin(desk, lab)

    ended = stop_at("disable_netbios", begun, run, signal.SIGINT)

    assert ended.code == 130
    assert states_of_steps(notebook(run, NETWORKS))["disable_netbios"] == "failed"
    lab.clear_faults()
    check_good_end(desk, run, desk.scc("resume", run), lab)


def test_stopped_while_a_node_does_not_come_back_it_goes_on_when_it_runs_again(
    desk: Desk, lab: LabControl
) -> None:
    lab.arm_fault({"node": "E2K7SCCNode2", "match": "shutdown", "do": "no_return"})
    begun, run = begin(desk, lab)
    wait_for(
        run,
        lambda found: any(
            e["event"] == "rebooted" and e["data"]["node"] == "E2K7SCCNode1" for e in found
        ),
        begun,
    )
    begun.send(signal.SIGINT)
    ended = begun.ended()
    lab.clear_faults()
    lab.act("power-on", "E2K7SCCNode2")

    resumed = desk.scc("resume", run)

    assert ended.code == 130
    check_good_end(desk, run, resumed, lab)


def test_when_the_kernel_is_killed_the_run_ends_with_60_and_goes_on_later(
    desk: Desk, lab: LabControl
) -> None:
    begun, run = begin(desk, lab)
    wait_for(run, lambda found: any(e["event"] == "intent" for e in found), begun)
    (kernel,) = begun.kernels()
    kernel.kill()
    gone(kernel)

    ended = begun.ended()

    assert ended.code == 60
    (closed,) = events(run, "phase_closed")
    assert (closed["data"]["outcome"], closed["data"]["exit_code"]) == ("failed", 60)
    verified = {e["data"]["step"] for e in events(run, "verified")}
    states = states_of_steps(notebook(run, NETWORKS))
    assert {step for step in STEPS if states[step] == "completed"} == verified
    assert "failed" in states.values()
    assert ended.err.splitlines()[-1] == f"  Next: scc-runbook resume {run}"
    check_good_end(desk, run, desk.scc("resume", run), lab)


def check_good_end(desk: Desk, run: Path, resumed: Ended, lab: LabControl) -> None:
    assert resumed.code == 0
    assert unsettled(run) == []
    assert standing(lab) == AS_DOCUMENTED
    assert [e["what"] for e in lab.ledger()].count("shutdown asked for") == 2
    assert desk.scc("verify", run).code == 0
