"""Exchange's phases stopped at every point, and carried on: each Setup and each move once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.phases.crash import Journey, done_once, uninterrupted, wrong


def changes_the_site(effect: Mapping[str, Any]) -> bool:
    """Tell that an effect counts: not the tasks that only read, which may be begun again."""
    what = str(effect["what"])
    return done_once(effect) and "rb-" not in what and r"C:\runbook" not in what


ACTIVE = Journey("70_install_exchange_active_node", counts=changes_the_site)
PASSIVE = Journey("80_install_exchange_passive_node", counts=changes_the_site)
FAILOVER = Journey("90_prove_failover", counts=changes_the_site)
APART = 21
"""Every 21st point from three beginnings: a seventh of all, spread over the whole phase."""


@pytest.mark.parametrize("first", [1, 8, 15])
@pytest.mark.parametrize("journey", [ACTIVE, PASSIVE, FAILOVER], ids=["active", "passive", "move"])
def test_stopped_on_its_way_it_ends_alike(journey: Journey, first: int) -> None:
    assert wrong(journey, first=first, every=APART) == {}


@pytest.mark.parametrize(("journey", "least"), [(ACTIVE, 300), (PASSIVE, 120), (FAILOVER, 200)])
def test_the_points_are_many(journey: Journey, least: int) -> None:
    assert len(uninterrupted(journey).points) >= least
