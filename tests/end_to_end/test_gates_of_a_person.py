"""A run that asks people: it waits with a code of its own, and goes on with their answers only."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest

from runbook_lib.sessions.lab_control import LabControl
from tests.end_to_end.command_line import (
    AS_DOCUMENTED,
    MACS,
    NETWORKS,
    NODES,
    Desk,
    Ended,
    cell_states,
    effects,
    events,
    notebook,
    standing,
)

ASK = ("approval: auto ", "approval: person ")
SHORT_PATIENCE = ("service: 5m", "service: 1s")
ONLY_10 = ("--from", "10", "--to", "10")
PLAN = f"{NETWORKS}.plan"
BY_HAND = tuple(f"{NETWORKS}.unbind_file_sharing.{node}" for node in NODES)


def waiting(desk: Desk, lab: LabControl, *changes: tuple[str, str]) -> tuple[Ended, Path]:
    """Start a run that asks; return how far it got."""
    run = desk.folder / "run"
    parameters = desk.parameters(ASK, *changes, lab=lab)
    return desk.scc("run", parameters, *ONLY_10, "--run-folder", run), run


def answer(desk: Desk, run: Path, gate: str, *options: str, by: str = "Ann") -> Ended:
    return desk.scc("approve", run, gate, "--by", by, "--reason", "change 4711", *options)


def commands(ended: Ended) -> list[str]:
    """Return the commands that were told for the gates that wait."""
    return [line.strip() for line in ended.out.splitlines() if "scc-runbook approve" in line]


def test_a_person_approves_the_plan_acts_at_both_nodes_and_the_run_ends_well(
    desk: Desk, lab: LabControl
) -> None:
    began, run = waiting(desk, lab)
    assert began.code == 25
    assert commands(began) == [f'scc-runbook approve {run} {PLAN} --by "NAME" --reason "TEXT"']
    assert f"scc-runbook resume {run}" in began.err.splitlines()[-1]
    assert effects(lab) == []
    states = cell_states(notebook(run, NETWORKS))
    assert (states["phase.plan()"], states["phase.close()"]) == ("failed", "pending")

    still = desk.scc("resume", run)
    assert (still.code, effects(lab)) == (25, [])

    assert answer(desk, run, PLAN).code == 0
    by_hand = desk.scc("resume", run)
    assert by_hand.code == 25
    assert commands(by_hand) == [
        f'scc-runbook approve {run} {gate} --by "NAME" --reason "TEXT"' for gate in BY_HAND
    ]
    assert {effect["cause"] for effect in effects(lab)} == {"wire"}

    for node, gate in zip(NODES, BY_HAND, strict=True):
        lab.act("unbind-file-sharing", node, mac=MACS[node]["Private"])
        assert answer(desk, run, gate, by=f"Bob at {node}").code == 0
    ended = desk.scc("resume", run)

    assert ended.code == 0
    assert standing(lab) == AS_DOCUMENTED
    answered = [
        (e["data"]["gate"], e["data"]["by"], e["data"]["reason"], e["data"]["automatic"])
        for e in events(run, "gate_answered")
    ]
    assert answered == [
        (PLAN, "Ann", "change 4711", False),
        *(
            (gate, f"Bob at {node}", "change 4711", False)
            for node, gate in zip(NODES, BY_HAND, strict=True)
        ),
    ]
    assert {e["data"]["os_user"] for e in events(run, "gate_answered")} == {getpass.getuser()}
    assert [e["cause"] for e in effects(lab)].count("person") == 2
    assert desk.scc("verify", run).code == 0


def test_the_answer_is_bound_to_the_plan_that_was_shown(desk: Desk, lab: LabControl) -> None:
    _, run = waiting(desk, lab)
    assert answer(desk, run, PLAN).code == 0
    lab.act("set-netbios", NODES[0], mac=MACS[NODES[0]]["Private"], value=2)
    before = effects(lab)

    ended = desk.scc("resume", run)

    assert ended.code == 20
    what, why, then = ended.error
    assert "are no longer as the approved plan" in what
    assert "NetBIOS" in why
    assert f"scc-runbook approve {run} {PLAN}" in then
    assert effects(lab) == before
    assert answer(desk, run, PLAN).code == 0
    assert desk.scc("resume", run).code == 25


def test_a_refused_plan_changes_nothing_and_can_be_asked_for_again(
    desk: Desk, lab: LabControl
) -> None:
    _, run = waiting(desk, lab)
    assert answer(desk, run, PLAN, "--refuse").code == 0

    ended = desk.scc("resume", run)

    assert ended.code == 20
    assert ended.error[0] == f"Gate {PLAN} was refused; nothing was changed."
    assert ended.error[1].startswith("Ann: change 4711 (journal ")
    assert effects(lab) == []
    assert desk.scc("resume", run).code == 25


@pytest.mark.parametrize(
    ("gate", "by", "reason", "what"),
    [
        ("10_configure_networks.plan", " ", "x", f"Gate {PLAN} was not answered."),
        ("10_configure_networks.plan", "Ann", "", f"Gate {PLAN} was not answered."),
        (
            "00_check_prerequisites.plan",
            "Ann",
            "x",
            "Gate 00_check_prerequisites.plan does not wait for an answer.",
        ),
        ("../../journal", "Ann", "x", "Gate ../../journal does not wait for an answer."),
    ],
    ids=["a blank name", "an empty reason", "a gate of another phase", "a path"],
)
def test_an_answer_by_nobody_or_to_nothing_is_refused(
    asked: tuple[Desk, Path], gate: str, by: str, reason: str, what: str
) -> None:
    desk, run = asked
    before = sorted(path.name for path in run.rglob("*"))

    refused = desk.scc("approve", run, gate, "--by", by, "--reason", reason)

    assert (refused.code, refused.out, refused.error[0]) == (20, "", what)
    assert sorted(path.name for path in run.rglob("*")) == before


@pytest.fixture(scope="module")
def asked(
    served: LabControl, tmp_path_factory: pytest.TempPathFactory, home: Path
) -> tuple[Desk, Path]:
    """Return a run that waits for its plan's approval, for tests that do not give it."""
    served.reset("factory")
    desk = Desk(tmp_path_factory.mktemp("asked"), home)
    return desk, waiting(desk, served)[1]


def test_status_shows_what_is_waited_for_and_how_to_answer(asked: tuple[Desk, Path]) -> None:
    desk, run = asked

    status = desk.scc("status", run)
    as_json = desk.scc("status", run, "--json").json

    assert status.code == 0
    assert commands(status) == [f'scc-runbook approve {run} {PLAN} --by "NAME" --reason "TEXT"']
    assert [gate["gate"] for gate in as_json["gates"]] == [PLAN]
    assert (as_json["state"], as_json["exit_code"]) == ("waiting for a person", 25)
    plan = json.loads((run / "plans" / f"{NETWORKS}.json").read_text("utf-8"))
    assert as_json["gates"][0]["plan_sha256"] == plan["plan_sha256"]


def test_an_act_that_was_promised_and_not_done_is_found_out(desk: Desk, lab: LabControl) -> None:
    _, run = waiting(desk, lab, SHORT_PATIENCE)
    for gate in (PLAN, BY_HAND[0]):
        desk.scc("resume", run)
        assert answer(desk, run, gate).code == 0

    ended = desk.scc("resume", run)

    assert ended.code == 50
    assert ended.error[0] == (
        f"{NODES[0]} does not show what was done by hand: file and printer sharing on Private."
    )
    assert [e["cause"] for e in effects(lab)].count("person") == 0


def test_a_run_that_will_not_go_on_is_closed_by_a_person_and_sealed(
    desk: Desk, lab: LabControl
) -> None:
    _, run = waiting(desk, lab)
    nobody = desk.scc("close", run, "--by", "", "--reason", "x")
    closed = desk.scc("close", run, "--by", "Ann", "--reason", "not this week")

    assert (nobody.code, nobody.error[0]) == (10, "The run was not closed.")
    assert (closed.code, closed.err) == (0, "")
    assert [e["data"] for e in events(run, "run_closed")] == [
        {"outcome": "abandoned", "by": "Ann", "reason": "not this week"}
    ]
    verified = desk.scc("verify", run, "--json")
    assert verified.code == 0
    assert closed.out == (
        f"{run}: closed by Ann; MANIFEST.json has SHA-256 {verified.json['digest']}\n"
    )
    assert desk.scc("resume", run).code == 20
    assert effects(lab) == []
