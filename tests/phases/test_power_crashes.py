"""A phase that switches machines, stopped at every point: nobody is sent to a switch twice."""

from __future__ import annotations

import pytest

from tests.phases import power_phase
from tests.phases.crash import Journey, uninterrupted, wrong
from tests.phases.power_phase import PHASE

JOURNEY = Journey(PHASE, "factory")


@pytest.mark.parametrize("first", range(1, 5))
def test_stopped_at_any_point_machines_are_switched_once(
    monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    power_phase.install(monkeypatch)

    assert wrong(JOURNEY, first=first, every=4) == {}
    switched = [effect for effect in uninterrupted(JOURNEY).effects if effect[2] == "power"]
    assert len(switched) == 4
