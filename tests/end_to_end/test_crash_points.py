"""Phase 10, stopped at every point where it writes, sends or hears, and carried on."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.phases.crash import Journey, uninterrupted, wrong

JOURNEY = Journey("10_configure_networks", "factory")


def test_the_points_are_those_that_the_code_counts() -> None:
    end = uninterrupted(JOURNEY)

    assert {name.partition(":")[0] for name in end.points} >= {"journal", "send", "reply"}
    assert len(end.points) > 300


def test_what_is_compared_is_a_whole_phase() -> None:
    end = uninterrupted(JOURNEY)

    assert (end.outcome, end.unsettled) == ("done", frozenset())
    assert end.restarts == Counter(E2K7SCCNode1=1, E2K7SCCNode2=1)
    assert len(end.effects) > 20


# One test a tenth of the points: parallel, and a failure names the point.
@pytest.mark.parametrize("first", range(1, 11))
def test_stopped_at_any_point_it_ends_in_the_same_state_with_nothing_done_twice(
    first: int,
) -> None:
    assert wrong(JOURNEY, first=first, every=10) == {}
