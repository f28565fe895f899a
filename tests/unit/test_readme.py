"""The README's table of what is carried out is what the steps say of themselves."""

from __future__ import annotations

from runbook_lib.execution import coverage, phases
from tests.builders import ROOT, topology

README = ROOT / "README.md"


def ranges(numbers: list[int]) -> list[str]:
    """Return "1 to 7" for numbers in a row, a lone one by itself."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] + 1 == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]


def rows() -> list[str]:
    """Return the table's rows: phase, sentences, figures, steps."""
    steps = coverage.carrying_steps(topology())
    laid = coverage.lay_out(coverage.procedure().sentences, steps)
    found = []
    for phase in phases.PHASES:
        lines = [line for line in laid.lines if line.sentence.phase == phase]
        ids = " ".join(
            line.sentence.id if line.steps else f"({line.sentence.id})" for line in lines
        )
        figures = sorted({figure for line in lines for figure in line.sentence.figures})
        shown = ", ".join(ranges(figures))
        found.append(f"| {phase} | {ids} | {shown} | {len(phases.steps_of(phase))} |")
    return found


def test_the_table_of_sentences_is_the_steps_own() -> None:
    lines = README.read_text("utf-8").splitlines()
    start = lines.index("| phase | sentences | figures | steps |")

    assert lines[start + 2 : start + 2 + len(phases.PHASES)] == rows()


def test_the_number_of_constant_scripts_is_right() -> None:
    scripts = [*(ROOT / "runbook_lib" / "commands" / "scripts").glob("*.ps1")]

    assert f"as values; {len(scripts)} constant PowerShell 2.0 scripts" in README.read_text("utf-8")
