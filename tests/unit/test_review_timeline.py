"""The phases of a run along its time."""

from __future__ import annotations

import re

import pytest

from runbook_lib.review.story import Attempt, Event, GateStory, PhaseStory, Story
from runbook_lib.review.timeline import duration, kind_of, moment, seconds_between, timeline


def at(seconds: int) -> str:
    return f"2026-11-23T10:{seconds // 60:02d}:{seconds % 60:02d}.000+00:00"


def story(*attempts: Attempt) -> Story:
    told = Story({}, at(0), at(100), "done", {}, "", 1)
    told.phases["10_configure_networks"] = PhaseStory("10_configure_networks", list(attempts))
    return told


def gate(*, automatic: bool) -> GateStory:
    return GateStory(
        "g", "plan", "10_configure_networks", "", "", "", 1, at(20),
        answered_at=at(70), answered=2, automatic=automatic,
    )  # fmt: skip


def bars(svg: str, kind: str) -> list[tuple[float, float]]:
    """Return (left, width) of the bars of a kind in the phase's row; the legend stands below."""
    found = re.findall(rf'class="tl-{kind}" x="([0-9.]+)" y="28" width="([0-9.]+)"', svg)
    return [(float(left), float(width)) for left, width in found]


def test_a_bar_stands_where_its_attempt_was() -> None:
    svg = timeline(story(Attempt(1, "apply", at(50), 1, at(100), "done")))

    assert bars(svg, "ok") == [(545.0, 305.0)]
    assert ">10 configure networks<" in svg
    assert ">50 s<" in svg


def test_each_attempt_has_a_bar_in_the_colour_of_its_end() -> None:
    svg = timeline(
        story(
            Attempt(1, "apply", at(0), 1, at(10), "failed"),
            Attempt(2, "apply", at(20), 1, at(20), "interrupted"),
            Attempt(3, "apply", at(90), 1),
        )
    )

    assert bars(svg, "bad") == [(240.0, 61.0)]
    assert bars(svg, "warn") == [(362.0, 3.0), (789.0, 61.0)]


def test_waiting_for_a_person_is_drawn_and_an_automatic_answer_is_not() -> None:
    waited, went_on = (
        story(Attempt(1, "apply", at(0), 1, at(100), "done")) for _ in range(2)
    )  # fmt: skip
    waited.gates.append(gate(automatic=False))
    went_on.gates.append(gate(automatic=True))

    assert bars(timeline(waited), "wait") == [(362.0, 305.0)]
    assert bars(timeline(went_on), "wait") == []


def test_a_restart_is_marked_in_its_phase() -> None:
    told = story(Attempt(1, "apply", at(0), 1, at(100), "done"))
    before = timeline(told).count("tl-restart")
    told.events.append(Event(5, at(50), "rebooted", "10_configure_networks", {}))
    told.events.append(Event(6, at(60), "rebooted", "another_phase", {}))

    assert timeline(told).count("tl-restart") == before + 1


@pytest.mark.parametrize("ended", [at(0), "", "no time", "2026-11-23T09:00:00+00:00"])
def test_a_record_without_a_span_of_time_has_no_drawing(ended: str) -> None:
    told = story(Attempt(1, "apply", at(0), 1, at(100), "done"))
    told.ended = ended

    assert timeline(told) == ""


def test_a_clock_that_went_back_draws_nothing_before_the_beginning() -> None:
    svg = timeline(story(Attempt(1, "apply", "1970-01-01T00:00:00+00:00", 1, at(10), "done")))

    assert bars(svg, "ok") == []


@pytest.mark.parametrize("text", ["", "soon", "2026-11-23", "2026-11-23T10:00:00", "12:00"])
def test_what_is_no_moment_is_none(text: str) -> None:
    assert moment(text) is None
    assert seconds_between(text, at(0)) is None
    assert seconds_between(at(0), text) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.04, "0.0 s"),
        (9.9, "9.9 s"),
        (61.2, "61 s"),
        (120, "2 min 00 s"),
        (3725, "62 min 05 s"),
        (7265, "2 h 01 min"),
    ],
)
def test_a_span_of_time_is_said_as_people_say_it(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("done", "ok"),
        ("failed", "bad"),
        ("waiting", "warn"),
        ("unchanged", "quiet"),
        ("?", "quiet"),
    ],
)
def test_an_outcomes_word_decides_its_colour(word: str, kind: str) -> None:
    assert kind_of(word) == kind
