"""Phases 40 and 50 stopped at every point, and carried on: one forming, one adding, no more."""

from __future__ import annotations

import pytest

from tests.phases.crash import Journey, uninterrupted, wrong

FORM, JOIN = Journey("40_form_cluster"), Journey("50_join_second_node")
SHARE = 8


@pytest.mark.parametrize("first", range(1, SHARE + 1))
@pytest.mark.parametrize("journey", [FORM, JOIN], ids=["forming", "joining"])
def test_stopped_at_any_point_it_ends_alike(journey: Journey, first: int) -> None:
    assert wrong(journey, first=first, every=SHARE) == {}


@pytest.mark.parametrize(("journey", "least"), [(FORM, 100), (JOIN, 150)])
def test_the_points_are_many(journey: Journey, least: int) -> None:
    assert len(uninterrupted(journey).points) >= least
