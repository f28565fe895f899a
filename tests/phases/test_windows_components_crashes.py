"""Phase 60 stopped at every point, and carried on: nothing is installed twice or left half."""

from __future__ import annotations

import pytest

from tests.phases.crash import Journey, uninterrupted, wrong

JOURNEY = Journey("60_install_windows_components")
SHARE = 4


@pytest.mark.parametrize("first", range(1, SHARE + 1))
def test_stopped_at_any_point_it_ends_alike(first: int) -> None:
    assert wrong(JOURNEY, first=first, every=SHARE) == {}


def test_there_is_a_point_for_every_write_and_every_message() -> None:
    assert len(uninterrupted(JOURNEY).points) > 100
