"""The step board and the live picture: what a journal makes them show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from runbook_lib.guide.board import MARKS, Board, LivePicture
from runbook_lib.guide.progress import Progress, progress_of
from runbook_lib.journal.entry import JournalEntry

PHASE = "10_configure_networks"
NODES = ("Node1", "Node2")
WAITS = "waits for a person"
Told = tuple[str, Mapping[str, Any]]


def progress(*told: Told) -> Progress:
    entries = [JournalEntry(n, "", event, data, "", "") for n, (event, data) in enumerate(told)]
    return progress_of(PHASE, entries)


def planned(first: str, second: str = "no change", phase: str = PHASE) -> Told:
    steps = [
        {
            "step": "netbios",
            "node": node,
            "outcome": outcome,
            "changes": [{}] if outcome == "changes" else [],
        }
        for node, outcome in zip(NODES, (first, second), strict=True)
    ]
    return ("planned", {"phase": phase, "steps": steps})


def opened(attempt: int = 1) -> Told:
    return ("phase_opened", {"phase": PHASE, "attempt": attempt})


def closed(outcome: str) -> Told:
    return ("phase_closed", {"phase": PHASE, "outcome": outcome})


def told(event: str, **facts: Any) -> Told:
    return (event, {"phase": PHASE, "step": "netbios", "node": "Node1", **facts})


def gate(kind: str = "manual", **facts: Any) -> Told:
    return told("gate_opened", **{"gate": "g", "kind": kind, **facts})


INTENT = told("intent")
FAILED = told("failed", node=None, what="It broke.")


@pytest.mark.parametrize(
    ("story", "state"),
    [
        ([planned("changes")], "to change"),
        ([planned("blocked")], "blocked"),
        ([planned("deferred")], "deferred"),
        ([planned("changes"), gate()], "waiting"),
        ([planned("changes"), gate(), ("gate_answered", {"gate": "g", "answer": "refuse"})],
         "refused"),
        ([planned("changes"), gate(), ("gate_answered", {"gate": "g", "answer": "approve"})],
         "to change"),
        ([planned("changes"), INTENT], "sent"),
        ([planned("changes"), INTENT, ("result", {"intent": 1, "outcome": "done"})], "sent"),
        ([planned("changes"), INTENT, ("result", {"intent": 1, "outcome": "failed"})], "failed"),
        ([planned("changes"), INTENT, ("result", {"intent": 1, "outcome": "absent"})], "to change"),
        ([planned("changes"), INTENT, ("adopted", {"intent": 1})], "adopted"),
        ([planned("changes"), INTENT, FAILED], "failed"),
        ([planned("changes"), told("verified", outcome="changed")], "changed"),
        ([planned("changes"), told("verified", outcome="reboot pending")], "reboot pending"),
        ([planned("no change"), told("verified", outcome="unchanged")], "unchanged"),
    ],
)  # fmt: skip
def test_each_entry_moves_a_step_to_its_state(story: list[Told], state: str) -> None:
    found = progress(*story).states

    assert found[("netbios", "Node1")] == state
    assert found[("netbios", "Node2")] == "no change"


@pytest.mark.parametrize(
    ("first", "later", "state"),
    [
        ("changed", "unchanged", "changed"),
        ("adopted", "unchanged", "adopted"),
        ("reboot pending", "unchanged", "changed"),
        ("reboot pending", "changed", "changed"),
        ("unchanged", "changed", "changed"),
    ],
)
def test_what_an_earlier_attempt_made_stays_shown_as_made(
    first: str, later: str, state: str
) -> None:
    found = progress(
        planned("changes"),
        told("verified", outcome=first),
        planned("no change"),
        told("verified", outcome=later),
    )

    assert found.states[("netbios", "Node1")] == state


def test_what_was_undone_since_is_to_change_again() -> None:
    found = progress(planned("changes"), told("verified", outcome="changed"), planned("changes"))

    assert found.states[("netbios", "Node1")] == "to change"
    assert found.done == set()


def test_another_nodes_failure_leaves_a_change_as_sent() -> None:
    found = progress(
        planned("changes", "changes"),
        INTENT,
        told("intent", node="Node2"),
        ("result", {"intent": 2, "outcome": "failed"}),
        FAILED,
    )

    assert list(found.states.values()) == ["sent", "failed"]


def test_other_phases_and_restarts_move_nothing() -> None:
    found = progress(
        planned("changes"),
        planned("blocked", phase="00_check_prerequisites"),
        told("intent", step="restart"),
        ("gate_answered", {"gate": "of another phase", "answer": "approve"}),
        ("result", {"intent": 2, "outcome": "failed"}),
    )

    assert found.states[("netbios", "Node1")] == "to change"


@pytest.mark.parametrize(
    ("story", "headline"),
    [
        ([], "not planned yet"),
        ([planned("changes")], "plan only \u00b7 1 change planned"),
        ([opened(), planned("changes")], "0 of 2 done \u00b7 1 change planned"),
        (
            [opened(), planned("changes"), gate("plan", step=None, node=None), closed("waiting")],
            f"0 of 2 done \u00b7 1 change planned \u00b7 {WAITS}: approval of the plan",
        ),
        (
            [opened(), planned("changes"), gate(), closed("waiting")],
            f"0 of 2 done \u00b7 1 change planned \u00b7 {WAITS}: an act at Node1",
        ),
        (
            [opened(2), planned("no change"), told("verified", outcome="unchanged"), FAILED,
             closed("failed")],
            "attempt 2 \u00b7 1 of 2 done \u00b7 failed: It broke.",
        ),
        (
            [opened(), planned("no change"), told("verified", outcome="unchanged"),
             closed("interrupted")],
            "1 of 2 done \u00b7 interrupted",
        ),
    ],
)  # fmt: skip
def test_one_line_says_where_the_phase_stands(story: list[Told], headline: str) -> None:
    assert progress(*story).headline() == headline


def board(*story: Told, title: str = "NetBIOS is off") -> Board:
    return Board([("netbios", title), ("other", "Not begun")], NODES, progress(*story))


def test_a_board_is_a_table_of_steps_and_nodes() -> None:
    shown = board(planned("changes"), told("verified", outcome="changed"))

    assert shown.text().splitlines() == [
        f"{PHASE}: plan only \u00b7 1 change planned",
        "                Node1    Node2",
        "NetBIOS is off  changed  no change",
        "Not begun",
    ]


def test_a_state_is_told_by_word_and_mark_not_by_colour_alone() -> None:
    html = board(planned("changes"), told("verified", outcome="changed")).html()

    cells = re.findall(r'<td class="rb-state rb-(\w+)"><span[^>]*>(.)</span>([^<]+)</td>', html)
    assert cells == [("good", "\u2713", "changed"), ("quiet", "\u00b7", "no change")]
    assert html.count('<td class="rb-none">') == 2


def test_every_state_has_its_mark() -> None:
    assert set(MARKS) >= {
        "waiting", "changed", "unchanged", "adopted", "reboot pending", "failed", "deferred",
        "blocked", "refused", "to change", "sent", "no change",
    }  # fmt: skip


def test_a_board_and_its_errors_are_escaped() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    story = [opened(), planned("changes"), told("failed", what=hostile), closed("failed")]

    html = board(*story, title=hostile).html()

    assert "<img" not in html
    assert html.count("&lt;img") == 2


def test_panels_are_plain_html_that_needs_no_kernel() -> None:
    for panel in (board(planned("changes")), LivePicture(), LivePicture({"title": "now"})):
        bundle = panel._repr_mimebundle_()
        assert set(bundle) == {"text/plain", "text/html"}
        assert not re.search(r"<script|https?:|url\(", bundle["text/html"])


def test_the_picture_follows_jupyterlabs_theme() -> None:
    html = LivePicture({"title": "now"}).html()

    assert '[data-jp-theme-light="true"] .rb-live .rb-pic{--rb-bg:#fff;' in html.replace("\n", "")
    assert '[data-jp-theme-light="false"] .rb-live .rb-pic{--rb-bg:#0d1117;' in html.replace(
        "\n", ""
    )


def test_the_board_shows_what_is_at_work_on_the_nodes() -> None:
    work = ("Setup.com on Node1: 12 s of 2 h at most, <role>",)
    board = Board([("netbios", "Disable NetBIOS")], NODES, Progress(PHASE), work)

    assert board.text().splitlines()[1] == f"at work: {work[0]}"
    assert "at work: Setup.com on Node1: 12 s of 2 h at most, &lt;role&gt;" in board.html()
    assert "at work" not in Board([], NODES, Progress(PHASE)).html()
