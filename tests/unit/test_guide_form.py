"""The form of waiting gates, its widgets driven without a browser."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.clock import SteppedClock
from runbook_lib.errors import NodeUnreachableError
from runbook_lib.execution.run_folder import open_gates
from runbook_lib.guide.gate_form import GateForm
from runbook_lib.guide.questions import Asked
from runbook_lib.journal.journal import Journal

PHASE = "10_configure_networks"
NODES = ("E2K7SCCNode1", "E2K7SCCNode2")
WIDGET = "application/vnd.jupyter.widget-view+json"
AGAIN = "run this cell again (\u25b6 in the toolbar)"


def change(**facts: Any) -> dict[str, Any]:
    return {
        "setting": "NetBIOS on Private",
        "before": "default",
        "after": "off",
        "undo": "enable NetBIOS again",
        "effect": "now",
        "command": "$adapter.SetTcpipNetbios(2)",
    } | facts


def step(node: str, *changes: Mapping[str, Any]) -> dict[str, Any]:
    return {"step": "disable_netbios", "node": node, "outcome": "changes", "changes": list(changes)}


COUNTS = "3 changes: 2 on E2K7SCCNode1, 1 on E2K7SCCNode2"
PLAN = [
    step(NODES[0], change(), change(command="by hand: clear the box")),
    step(NODES[1], change(effect="after reboot")),
    step(NODES[1]),
]


def plan_gate() -> dict[str, Any]:
    return {
        "gate": f"{PHASE}.plan",
        "kind": "plan",
        "phase": PHASE,
        "instruction": "approve",
        "plan_sha256": "ab" * 32,
        "step": None,
        "node": None,
    }


def act_gate(node: str, instruction: str = "clear the box") -> dict[str, Any]:
    return {
        "gate": f"{PHASE}.unbind_file_sharing.{node}",
        "kind": "manual",
        "phase": PHASE,
        "instruction": instruction,
        "plan_sha256": None,
        "step": "unbind_file_sharing",
        "node": node,
    }


def asked(folder: Path, *gates: Mapping[str, Any]) -> Asked:
    """Return the questions of a run in which these gates wait."""
    run = folder / "run"
    journal = Journal.create(
        run / "journal.jsonl", SteppedClock(datetime(2026, 11, 23, tzinfo=UTC))
    )
    (run / "gates").mkdir(mode=0o700)
    for gate in gates:
        journal.append("gate_opened", gate)
    return Asked(str(run), open_gates(journal.entries), PLAN)


def answers(form: GateForm) -> list[dict[str, Any]]:
    files = sorted((Path(form.asked.run) / "gates").glob("*.json"))
    return [json.loads(path.read_text("utf-8")) for path in files]


def fill(form: GateForm, name: str = " R. Viewer ", reason: str = "CHG-1") -> None:
    form.name.value, form.reason.value = name, reason


def test_a_plan_is_asked_with_its_counts_its_changes_and_its_digest(tmp_path: Path) -> None:
    shown = asked(tmp_path, plan_gate())._repr_mimebundle_()

    assert shown["text/plain"].splitlines() == [
        f"Approve the plan of {PHASE}?",
        f"{COUNTS}; 1 done by hand; 1 in force after a restart.",
        f"Restarted at the end: {NODES[1]}.",
        f"Plan {'ab' * 32}",
        f'scc-runbook approve {tmp_path / "run"} {PHASE}.plan --by "NAME" --reason "TEXT"',
    ]
    assert shown["text/html"].count("<tr>") == 4
    assert "enable NetBIOS again" in shown["text/html"]


def test_a_note_and_files_go_with_the_answer_they_were_given_for(tmp_path: Path) -> None:
    form = GateForm(asked(tmp_path, act_gate(NODES[0]), act_gate(NODES[1])))
    fill(form)
    form.note.value = " seen on site "
    form.files.value = (
        {
            "name": "rack.jpg",
            "type": "image/jpeg",
            "size": 3,
            "content": b"jpg",
            "last_modified": datetime(2026, 11, 23, tzinfo=UTC),
        },
    )

    form.rows[0].approve.click()
    form.rows[1].approve.click()

    first, second = answers(form)
    assert (first["note"], [each["name"] for each in first["evidence"]]) == (
        "seen on site",
        ["rack.jpg"],
    )
    assert (Path(form.asked.run) / first["evidence"][0]["file"]).read_bytes() == b"jpg"
    assert (second["note"], second["evidence"]) == ("", [])


def test_an_approval_is_the_file_that_the_command_line_writes(tmp_path: Path) -> None:
    form = GateForm(asked(tmp_path, plan_gate()))
    fill(form)

    form.rows[0].approve.click()

    [answer] = answers(form)
    assert {key: answer[key] for key in ("gate", "answer", "by", "reason", "plan_sha256")} == {
        "gate": f"{PHASE}.plan",
        "answer": "approve",
        "by": "R. Viewer",
        "reason": "CHG-1",
        "plan_sha256": "ab" * 32,
    }


def test_a_refusal_is_an_answer_too_and_says_what_it_does(tmp_path: Path) -> None:
    form = GateForm(asked(tmp_path, plan_gate()))
    fill(form, reason="freeze until Monday")

    form.rows[0].refuse.click()

    assert [answer["answer"] for answer in answers(form)] == ["refuse"]
    assert form._repr_mimebundle_()["text/plain"] == (
        f"Next: {AGAIN}: it records the refusal and changes nothing"
    )
    assert "Refused by R. Viewer: freeze until Monday" in form.asked.text()


@pytest.mark.parametrize(("name", "reason"), [("", "CHG-1"), ("R. Viewer", "  ")])
def test_without_name_or_reason_the_form_says_what_why_and_next(
    tmp_path: Path, name: str, reason: str
) -> None:
    form = GateForm(asked(tmp_path, plan_gate()))
    fill(form, name, reason)

    form.rows[0].approve.click()

    assert form.rows[0].said.value == (
        '<div class="rb-answer rb-bad">'
        f"Gate {PHASE}.plan was not answered.<br>"
        "<strong>Why:</strong> a name and a reason are both needed<br>"
        "<strong>Next:</strong> give both (on the command line --by NAME and --reason TEXT)</div>"
    )
    assert answers(form) == []
    assert not form.asked.is_answered
    assert not form.rows[0].approve.disabled


def test_a_gate_that_was_answered_elsewhere_meanwhile_is_told(tmp_path: Path) -> None:
    form = GateForm(asked(tmp_path, plan_gate()))
    journal = Journal.open(
        Path(form.asked.run) / "journal.jsonl", SteppedClock(datetime(2026, 11, 23, tzinfo=UTC))
    )
    journal.append("gate_answered", {"gate": f"{PHASE}.plan", "answer": "approve"})
    fill(form)

    form.rows[0].approve.click()

    assert "does not wait for an answer." in form.rows[0].said.value
    assert answers(form) == []


def test_an_answer_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    form = GateForm(asked(tmp_path, plan_gate()))
    (Path(form.asked.run) / "gates").rmdir()
    fill(form)

    form.rows[0].approve.click()

    assert "cannot be written." in form.rows[0].said.value
    assert "No such file or directory" in form.rows[0].said.value


def test_widgets_are_shown_until_the_last_answer_and_never_saved_after_it(tmp_path: Path) -> None:
    form = GateForm(asked(tmp_path, *(act_gate(node) for node in NODES)))
    fill(form)
    views = [set(form._repr_mimebundle_())]

    for row in form.rows:
        row.approve.click()
        views.append(set(form._repr_mimebundle_()))

    text_alone = {"text/plain", "text/html"}
    assert views == [text_alone | {WIDGET}, text_alone | {WIDGET}, text_alone]
    assert form.asked.text().splitlines() == [
        "To be done by a person: Clear the box.",
        "Reported done by R. Viewer: CHG-1",
        "Next: answer the other one too",
        "To be done by a person: Clear the box.",
        "Reported done by R. Viewer: CHG-1",
        f"Next: {AGAIN}",
    ]


def test_one_refused_act_decides_what_comes_next(tmp_path: Path) -> None:
    form = GateForm(asked(tmp_path, *(act_gate(node) for node in NODES)))
    fill(form)

    form.rows[0].refuse.click()
    form.rows[1].approve.click()

    assert form.asked.outcome.next_step == (f"{AGAIN}: it records the refusal and changes nothing")


def test_an_answer_is_told_to_whoever_shows_the_form(tmp_path: Path) -> None:
    form = GateForm(asked(tmp_path, *(act_gate(node) for node in NODES)))
    told: list[bool] = []
    form.on_answer(lambda: told.append(form.asked.is_answered))
    fill(form)

    for row in form.rows:
        row.approve.click()

    assert told == [False, True]


def test_what_nodes_and_people_wrote_is_escaped(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    form = GateForm(asked(tmp_path, act_gate(NODES[0], hostile)))
    fill(form, hostile, hostile)
    before = form.asked.html()

    form.rows[0].approve.click()

    for html in (before, form.asked.html(), form.rows[0].said.value):
        assert "<img" not in html
        assert "&lt;img" in html.lower()


def test_real_nodes_are_walked_to(tmp_path: Path) -> None:
    form = GateForm(asked(tmp_path, act_gate(NODES[0])))

    assert form.rows[0].buttons == (form.rows[0].approve, form.rows[0].refuse)


def test_an_act_on_a_simulated_node_still_wants_its_answer(tmp_path: Path) -> None:
    done: list[str] = []
    form = GateForm(asked(tmp_path, act_gate(NODES[0])), act=done.append)

    form.rows[0].act.click()

    assert done == [f"{PHASE}.unbind_file_sharing.{NODES[0]}"]
    assert "report it with Done" in form.rows[0].said.value
    assert form.rows[0].act.disabled
    assert answers(form) == []


def test_an_act_that_failed_can_be_tried_again(tmp_path: Path) -> None:
    def unreachable(_gate: str) -> None:
        raise NodeUnreachableError("The lab does not answer.", why="gone", next_step="start it")

    form = GateForm(asked(tmp_path, act_gate(NODES[0])), act=unreachable)

    form.rows[0].act.click()

    assert "<strong>Why:</strong> gone" in form.rows[0].said.value
    assert not form.rows[0].act.disabled


def test_a_plan_offers_no_act(tmp_path: Path) -> None:
    form = GateForm(asked(tmp_path, plan_gate()), act=lambda _: None)

    assert form.rows[0].act not in form.rows[0].buttons


def test_a_closed_form_frees_its_widgets(tmp_path: Path) -> None:
    form = GateForm(asked(tmp_path, plan_gate()))

    form.close()

    assert form.widget.comm is None
    assert form.rows[0].approve.comm is None
