"""Boards and forms are there when they were promised."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.execution.phase import Phase
from runbook_lib.execution.start import DRIVER
from runbook_lib.guide import opening
from runbook_lib.guide.guided_phase import GuidedPhase


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({}, Phase),
        ({opening.SWITCH: "0"}, Phase),
        ({opening.SWITCH: ""}, Phase),
        ({opening.SWITCH: "1"}, GuidedPhase),
        ({opening.SWITCH: "1", DRIVER: "1"}, Phase),
    ],
)
def test_only_the_switch_makes_a_phase_guided_and_never_under_a_driver(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], kind: type[Phase]
) -> None:
    for name in (opening.SWITCH, DRIVER):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    opened: list[tuple[type[Phase], str, dict[str, Any]]] = []

    def open_(cls: type[Phase], /, phase: str, **inputs: Any) -> Any:
        opened.append((cls, phase, inputs))

    monkeypatch.setattr(Phase, "open", classmethod(open_))
    inputs = {
        "parameters_file": "parameters/lab.yaml",
        "mode": "plan",
        "run_folder": "run",
        "approved_plan": "ab",
    }

    opening.open_phase("10", **inputs)

    assert opened == [(kind, "10", inputs)]
