"""Each phase's notebook through plain papermill, without our command line."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from runbook_lib.sessions.lab_control import LabControl
from tests.builders import ROOT
from tests.end_to_end.command_line import (
    CHECK,
    END,
    NETWORKS,
    Desk,
    cell_states,
    effects,
    events,
    executed,
    standing,
)

PAPERMILL = Path(sys.executable).with_name("papermill")
CLUSTER, FAILOVER = "40_form_cluster", "90_prove_failover"
PHASES = (CHECK, NETWORKS, END)


def papermill(desk: Desk, *arguments: object) -> tuple[int, str]:
    ended = desk.start([str(PAPERMILL), *map(str, arguments)]).ended()
    return ended.code, ended.out + ended.err


def source(phase: str) -> Path:
    return ROOT / "notebooks" / f"{phase}.ipynb"


@pytest.mark.parametrize("phase", PHASES)
def test_papermill_tells_the_four_parameters_each_with_its_help(desk: Desk, phase: str) -> None:
    code, told = papermill(desk, "--help-notebook", source(phase))

    assert code == 0
    # Name and type, default, and on the next line the help.
    found = re.findall(r"^  (\w+): .* \(default (.*)\)\s+(\S.*)$", told, re.MULTILINE)
    assert [(name, default) for name, default, _ in found] == [
        ("parameters_file", '"parameters/lab.yaml"'),
        ("mode", '"apply"'),
        ("run_folder", '""'),
        ("approved_plan", '""'),
    ]
    assert all(len(text) > 15 for _, _, text in found)


@pytest.mark.parametrize("phase", [NETWORKS, CLUSTER])
def test_a_notebook_alone_rehearses_its_phase_and_leaves_a_run(desk: Desk, phase: str) -> None:
    output = desk.folder / "out.ipynb"

    code, told = papermill(desk, source(phase), output)

    assert (code, told.count("Error")) == (0, 0)
    assert set(cell_states(executed(output)).values()) == {"completed"}
    (closed,) = events(desk.run, "phase_closed")
    assert (closed["data"]["phase"], closed["data"]["outcome"]) == (phase, "done")
    assert desk.scc("verify", desk.run).code == 15


def test_notebooks_one_after_the_other_make_one_run_that_a_resume_seals(
    desk: Desk, lab: LabControl
) -> None:
    parameters = desk.parameters(lab=lab)
    lab.reset(f"before:{FAILOVER}")
    for phase in (FAILOVER, END):
        run = ["-p", "run_folder", str(desk.run)] if phase != FAILOVER else []
        output = desk.folder / f"{phase}.ipynb"
        code, _ = papermill(desk, source(phase), output, "-p", "parameters_file", parameters, *run)
        assert (phase, code) == (phase, 0)

    resumed = desk.scc("resume", desk.run)

    assert resumed.code == 0
    assert [e["data"]["phase"] for e in events(desk.run, "phase_closed")] == [FAILOVER, END]
    assert desk.scc("verify", desk.run).code == 0


def test_in_plan_mode_a_notebook_changes_nothing_and_leaves_no_run(
    desk: Desk, lab: LabControl
) -> None:
    parameters, output = desk.parameters(lab=lab), desk.folder / "out.ipynb"
    before = (effects(lab), standing(lab))

    code, _ = papermill(
        desk, source(NETWORKS), output, "-p", "parameters_file", parameters, "-p", "mode", "plan"
    )

    assert code == 0
    assert set(cell_states(executed(output)).values()) == {"completed"}
    assert (effects(lab), standing(lab)) == before
    assert list(desk.runs.iterdir()) == []


def test_an_unknown_mode_is_refused_in_the_notebook_without_a_traceback(
    desk: Desk, lab: LabControl
) -> None:
    output = desk.folder / "out.ipynb"

    code = desk.start(
        [
            str(PAPERMILL),
            str(source(NETWORKS)),
            str(output),
            *("-p", "parameters_file", str(desk.parameters(lab=lab))),
            *("-p", "mode", "simulate"),
        ]
    ).process.wait(240)

    (error,) = [
        found
        for cell in executed(output)["cells"]
        for found in cell.get("outputs", ())
        if found["output_type"] == "error"
    ]
    assert code == 1
    assert error["traceback"] == [
        "ParametersError: The mode 'simulate' is not known.",
        "  Why:  it must be one of apply, plan",
        "  Next: correct the notebook's parameter `mode`",
    ]
    assert effects(lab) == []
