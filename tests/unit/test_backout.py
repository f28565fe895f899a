"""The way back: its order, and what a run's own changes say about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runbook_lib.cli.main import app
from runbook_lib.clock import SteppedClock
from runbook_lib.execution.backout import STAGES, Undo, undos
from runbook_lib.execution.run_folder import RunFolder, create
from runbook_lib.journal.journal import Journal
from runbook_lib.lab.scenarios import PHASES

CLOCK = SteppedClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
NETWORKS, COMPONENTS = "10_configure_networks", "60_install_windows_components"


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = create(tmp_path / "run", "version: 1\n", label="E2K7CLU", now=CLOCK.now())
    Journal.create(folder.journal, CLOCK).append("run_opened", {"run": "run", "phases": []})
    return folder


def change(run: RunFolder, phase: str, setting: str, before: str, *ends: str) -> None:
    """Journal an intent, and its result or how else it ended."""
    journal = Journal.open(run.journal, CLOCK)
    data = {"node": "N1", "setting": setting, "before": before, "after": "wish"}
    more = {"phase": phase, "step": setting, "undo": f"set {setting} to {before}"}
    intent = journal.append("intent", {**data, **more})
    for end in ends:
        if end == "adopted":
            journal.append("adopted", {"intent": intent.seq, "evidence": "seen"})
        else:
            journal.append("result", {"intent": intent.seq, "outcome": end})


def test_every_change_is_undone_once_the_last_one_first(run: RunFolder) -> None:
    change(run, NETWORKS, "name", "OLD", "reboot needed")
    change(run, NETWORKS, "restart", "09:00", "accepted")
    change(run, NETWORKS, "address", "DHCP", "absent")
    change(run, NETWORKS, "address", "DHCP", "adopted")
    change(run, NETWORKS, "gateway", "none", "not sent")
    change(run, COMPONENTS, "parts", "none", "failed")
    change(run, COMPONENTS, "parts", "half", "done")
    change(run, COMPONENTS, "offload", "on")

    assert undos(run.entries()) == (
        Undo(COMPONENTS, "N1", "offload", "on", "wish", "set offload to on", "unknown"),
        Undo(COMPONENTS, "N1", "parts", "none", "wish", "set parts to none", "done"),
        Undo(NETWORKS, "N1", "address", "DHCP", "wish", "set address to DHCP", "done"),
        Undo(NETWORKS, "N1", "name", "OLD", "wish", "set name to OLD", "done"),
    )


def test_every_phase_that_changes_something_has_its_stage_once() -> None:
    phases = [phase for stage in STAGES for phase in stage.phases]

    reading = {"00_check_prerequisites", "99_check_end_state"}
    assert sorted(phases) == sorted(set(PHASES) - reading)
    assert phases == sorted(phases, reverse=True)


def test_a_run_shows_the_stages_that_it_came_to(run: RunFolder) -> None:
    change(run, COMPONENTS, "parts", "none", "failed")

    told = CliRunner().invoke(app, ["backout", str(run.path)])
    lines = told.stdout.splitlines()

    assert told.exit_code == 0
    assert lines[0] == "Windows components"
    assert "N1    parts    none  wish    failed  set parts to none" in lines
    assert not [line for line in lines if "Exchange is removed" in line or line == "The cluster"]


def test_without_a_run_the_whole_order_is_told_and_machines_get_it_too() -> None:
    told = CliRunner().invoke(app, ["backout"])
    answer = json.loads(CliRunner().invoke(app, ["backout", "--json"]).stdout)

    titles = [stage.title for stage in STAGES]
    assert [line for line in told.stdout.splitlines() if line in titles] == titles
    assert [stage["title"] for stage in answer["stages"]] == titles
    assert answer["changes"] == []


def test_a_run_that_changed_nothing_says_so(run: RunFolder) -> None:
    told = CliRunner().invoke(app, ["backout", str(run.path)])

    assert told.stdout == "This run changed nothing.\n"
