"""Phase 20 stopped at every point, and carried on: each node joins once and restarts once."""

from __future__ import annotations

import pytest

from tests.phases.crash import Journey, uninterrupted, wrong

JOURNEY = Journey("20_join_domain")
SHARE = 6


@pytest.mark.parametrize("first", range(1, SHARE + 1))
def test_stopped_at_any_point_it_ends_alike(first: int) -> None:
    assert wrong(JOURNEY, first=first, every=SHARE) == {}


def test_the_points_are_those_that_were_counted() -> None:
    assert len(uninterrupted(JOURNEY).points) == 301
