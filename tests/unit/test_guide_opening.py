"""Boards and forms are there when they were promised, and cost nothing otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.execution.phase import Phase
from runbook_lib.execution.start import DRIVER
from runbook_lib.guide import opening
from runbook_lib.guide.guided_phase import GuidedPhase

ROOT = Path(__file__).parents[2]
HEAVY = ("pandas", "ipywidgets", "IPython", "papermill", "jinja2")


def loaded_by(statement: str, **environment: str) -> list[str]:
    """Return which of the heavy packages a fresh interpreter has loaded after a statement."""
    program = f"import sys\n{statement}\nprint(*[n for n in {HEAVY} if n in sys.modules])"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.split()


@pytest.mark.parametrize(
    "statement",
    [
        "import runbook_lib.execution.phase",
        "import runbook_lib.guide.opening",
        "from runbook_lib.pictures.table import step_table; step_table([]).html()",
    ],
)
def test_a_headless_notebook_loads_neither_pandas_nor_widgets(statement: str) -> None:
    assert loaded_by(statement) == []


def test_a_table_loads_pandas_when_a_frame_is_asked_for() -> None:
    statement = "from runbook_lib.pictures.table import step_table; step_table([]).frame()"

    assert loaded_by(statement) == ["pandas"]


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
