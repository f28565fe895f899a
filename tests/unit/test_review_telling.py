"""A journal read as a story."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.journal.entry import NOTHING_BEFORE, JournalEntry
from runbook_lib.review.page import page
from runbook_lib.review.story import RESTART, ChangeStory, CheckStory
from runbook_lib.review.telling import story_of

PHASE = "10_configure_networks"
KEYS = {"phase": PHASE, "step": "disable_netbios", "node": "Node1", "ids": ["S017"]}
CHANGE = {
    "setting": "NetBIOS",
    "before": "default",
    "after": "off",
    "undo": "enable NetBIOS again",
    "effect": "now",
    "command": "$adapter.SetTcpipNetbios(2)",
}


def entries(*told: tuple[str, Mapping[str, Any]]) -> list[JournalEntry]:
    """Return entries a minute apart; their chain is no concern of a story."""
    return [
        JournalEntry(n, f"2026-11-23T10:{n:02d}:00.000+00:00", event, data, "", f"{n:064x}")
        for n, (event, data) in enumerate(told)
    ]


OPENED = ("run_opened", {"run": "r", "phases": [PHASE, "99_check_end_state"], "target": "lab"})
BEGUN = ("phase_opened", {"phase": PHASE, "attempt": 1, "mode": "apply"})
INTENT = ("intent", {**KEYS, **CHANGE, "step_class": "S"})


def verified(outcome: str, *changes: Mapping[str, Any], **facts: Any) -> tuple[str, dict[str, Any]]:
    return (
        "verified",
        {**KEYS, "title": "NetBIOS is off", "outcome": outcome, "reason": "", **facts}
        | {"changes": list(changes)},
    )


def told_change(**facts: Any) -> ChangeStory:
    return ChangeStory(**({"node": "Node1", **CHANGE} | facts))


def changes_of(*told: tuple[str, Mapping[str, Any]]) -> list[ChangeStory]:
    return story_of(entries(OPENED, BEGUN, *told)).steps[0].changes


def test_an_empty_record_is_a_story_too() -> None:
    story = story_of([])

    assert (story.outcome, story.head, story.phases) == ("not ended", NOTHING_BEFORE, {})


def test_a_change_is_told_from_intent_to_proof() -> None:
    done = {"intent": 2, "outcome": "done", "code": 0, "output": ["Ok."]}

    found = changes_of(
        INTENT, ("result", done), verified("changed", {**CHANGE, "outcome": "changed"})
    )

    assert found == [
        told_change(outcome="changed", intent=2, verified=4, code="0", output=("Ok.",))
    ]  # fmt: skip


def test_an_intent_without_an_answer_says_so() -> None:
    assert changes_of(INTENT) == [told_change(outcome="no answer on record", intent=2)]


def test_a_failed_change_keeps_its_answer() -> None:
    failed = {"intent": 2, "outcome": "failed", "code": 84, "output": ["IP not enabled"]}

    found = changes_of(INTENT, ("result", failed))

    assert found == [
        told_change(outcome="failed", intent=2, code="84", output=("IP not enabled",))
    ]  # fmt: skip


def test_an_adopted_change_tells_its_evidence_and_stays_adopted() -> None:
    evidence = ("adopted", {"intent": 2, "evidence": "read on resume: already off"})

    found = changes_of(INTENT, evidence, verified("unchanged", reason="already off"))

    assert found == [
        told_change(outcome="adopted", intent=2, note="read on resume: already off")
    ]  # fmt: skip


def test_a_change_found_absent_and_sent_again_is_told_twice() -> None:
    absent = ("result", {"intent": 2, "outcome": "absent", "code": None, "output": []})

    found = changes_of(
        INTENT, absent, INTENT, verified("changed", {**CHANGE, "outcome": "changed"})
    )

    assert [(c.intent, c.outcome, c.verified) for c in found] == [
        (2, "absent", None),
        (4, "changed", 5),
    ]


def test_a_change_that_waited_for_the_restart_is_told_as_changed_after_it() -> None:
    pending = {**CHANGE, "outcome": "reboot pending", "effect": "after reboot"}

    found = changes_of(INTENT, verified("reboot pending", pending), verified("changed"))

    assert [(c.outcome, c.note) for c in found] == [
        ("changed", "in force after the restart (journal 4)")
    ]


def test_a_proved_change_without_an_intent_is_still_told() -> None:
    assert changes_of(verified("changed", CHANGE)) == [told_change(outcome="changed", verified=2)]


def test_a_step_without_changes_keeps_the_last_check_of_each_node() -> None:
    story = story_of(
        entries(
            OPENED,
            BEGUN,
            verified("unchanged", reason="first look"),
            verified("unchanged", reason="second look"),
            verified("unchanged", node="Node2", reason="other"),
        )
    )

    step = story.steps[0]
    assert (step.title, step.ids, step.changes) == ("NetBIOS is off", ("S017",), [])
    assert step.checks == {
        "Node1": CheckStory("Node1", "unchanged", "second look", 3),
        "Node2": CheckStory("Node2", "unchanged", "other", 4),
    }
    assert step.outcomes == [("Node1", "unchanged"), ("Node2", "unchanged")]


def test_a_phase_is_told_with_every_attempt() -> None:
    story = story_of(
        entries(
            OPENED,
            BEGUN,
            ("phase_closed", {"phase": PHASE, "attempt": 1, "outcome": "failed", "exit_code": 50}),
            ("phase_opened", {"phase": PHASE, "attempt": 2, "mode": "apply"}),
        )
    )

    attempts = [(a.number, a.outcome, a.exit_code) for a in story.phases[PHASE].attempts]
    assert attempts == [(1, "failed", "50"), (2, "open", "")]
    assert story.phases["99_check_end_state"].outcome == "not begun"


def test_a_restart_is_no_change_to_be_undone() -> None:
    story = story_of(
        entries(
            OPENED,
            BEGUN,
            ("intent", {**KEYS, **CHANGE, "step": RESTART, "setting": "started at"}),
            ("rebooted", {"phase": PHASE, "node": "Node1", "boot_before": "a", "boot_after": "b"}),
        )
    )

    restart = story.phases[PHASE].steps[RESTART].changes[0]
    assert (restart.outcome, restart.after, restart.verified) == ("changed", "b", 3)
    assert story.changes == []
    assert [event.seq for event in story.of("rebooted")] == [3]


def test_the_first_picture_before_and_the_last_after_count() -> None:
    story = story_of(
        entries(
            OPENED,
            BEGUN,
            ("observed", {"phase": PHASE, "when": "before", "picture": {"title": "one"}}),
            ("observed", {"phase": PHASE, "when": "before", "picture": {"title": "two"}}),
            ("observed", {"phase": PHASE, "when": "after", "picture": {"title": "three"}}),
            ("observed", {"phase": PHASE, "when": "after", "picture": {"title": "four"}}),
        )
    )

    phase = story.phases[PHASE]
    assert (phase.before, phase.after) == ({"title": "one"}, {"title": "four"})


def test_a_gate_waits_until_it_is_answered() -> None:
    opened = {"gate": "g", "kind": "plan", "phase": PHASE, "plan_sha256": "p", "instruction": "i"}
    answer = {"gate": "g", "answer": "approve", "by": "Berta", "reason": "ok", "automatic": False}

    story = story_of(
        entries(OPENED, ("gate_opened", opened), ("gate_answered", answer), ("gate_opened", opened))
    )

    told = [(gate.opened, gate.answer, gate.by, gate.answered) for gate in story.gates]
    assert told == [(1, "approve", "Berta", 2), (3, "waiting", "", None)]


def test_an_event_named_like_our_own_methods_is_only_listed() -> None:
    names = ["tell", "phase_of", "step_of", "_phase_of", "__init__", "story", "change_of"]

    story = story_of(entries(OPENED, *((name, {"x": 1}) for name in names)))

    assert [event.event for event in story.events] == names


facts = st.dictionaries(
    st.sampled_from(
        [
            "phase", "step", "node", "ids", "changes", "steps", "intent", "outcome", "output",
            "picture", "when", "gate", "attempt", "phases", "run", "warnings", "by", "reason",
        ]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 5) | st.text(max_size=4) | st.just(PHASE),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["setting", "after", "title"]), inner, max_size=3),
        max_leaves=5,
    ),
    max_size=6,
)  # fmt: skip
events = st.sampled_from(
    [
        "run_opened", "enrolled", "phase_opened", "observed", "planned", "gate_opened",
        "gate_answered", "intent", "result", "adopted", "verified", "failed", "interrupted",
        "rebooted", "recovered", "phase_closed", "run_closed", "something else",
    ]
)  # fmt: skip


@given(st.lists(st.tuples(events, facts), max_size=12))
def test_whatever_a_record_holds_it_becomes_a_page(told: list[tuple[str, dict[str, Any]]]) -> None:
    assert page(entries(*told)).rstrip().endswith("</html>")


def test_each_change_of_a_step_has_its_own_outcome() -> None:
    second = {**CHANGE, "setting": "LMHOSTS", "outcome": "reboot pending"}

    found = changes_of(verified("changed", {**CHANGE, "outcome": "adopted"}, second))

    assert [(c.setting, c.outcome) for c in found] == [
        ("NetBIOS", "adopted"),
        ("LMHOSTS", "reboot pending"),
    ]


def test_a_proof_belongs_to_no_change_that_was_found_absent() -> None:
    absent = ("result", {"intent": 2, "outcome": "absent", "code": None, "output": []})

    found = changes_of(INTENT, absent, verified("changed", CHANGE))

    assert [(c.intent, c.outcome) for c in found] == [(2, "absent"), (None, "changed")]


def test_a_second_answer_does_not_overwrite_the_first() -> None:
    opened = {"gate": "g", "kind": "plan", "phase": PHASE, "plan_sha256": "p", "instruction": "i"}
    first = {"gate": "g", "answer": "refuse", "by": "Berta", "reason": "no"}
    second = {"gate": "g", "answer": "approve", "by": "Carl", "reason": "yes"}

    story = story_of(
        entries(
            OPENED, ("gate_opened", opened), ("gate_answered", first), ("gate_answered", second)
        )
    )

    assert [(gate.answer, gate.by) for gate in story.gates] == [("refuse", "Berta")]
