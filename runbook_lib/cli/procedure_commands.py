"""Commands about the procedure itself: which step carries which of its sentences, first contact."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runbook_lib.cli.failures import reported
from runbook_lib.cli.output import say, say_json, say_table, tell
from runbook_lib.cli.paths import parameter_file
from runbook_lib.cli.target_commands import PARAMETERS, Json
from runbook_lib.errors import ExitCode

if TYPE_CHECKING:
    from runbook_lib.execution.coverage import Coverage, Line

FIRST_CONTACT = ("first_contact.md", "first_contact.ps1")
FEW = 3
"""How many names one cell shows; --json has all."""


@reported
def coverage(
    parameters: Annotated[
        Path, typer.Argument(metavar="PARAMS", help="The steps are those for this file.")
    ] = PARAMETERS,
    tests: Annotated[
        bool, typer.Option("--tests", help="Also name the tests of each sentence.")
    ] = False,
    as_json: Json = False,
) -> ExitCode:
    """Lay every sentence of the procedure beside the steps that carry it.

    Ends with 15 when one has neither a step nor a written reason.
    """
    from runbook_lib.execution import coverage as book
    from runbook_lib.execution import coverage_tests
    from runbook_lib.topology.loading import load

    topology = load(parameter_file(parameters)).topology
    sentences = book.procedure().sentences
    steps = book.carrying_steps(topology)
    named = None
    if tests:
        folder = coverage_tests.folder_of_tests()
        named = coverage_tests.named_in_tests([each.id for each in sentences], steps, folder)
    found = book.lay_out(sentences, steps, named)
    if as_json:
        say_json({"lines": [_data(line) for line in found.lines], **_open(found)})
    else:
        _say(found, with_tests=tests)
    return ExitCode.DONE if found.is_whole else ExitCode.DIFFERENT


def _say(found: Coverage, *, with_tests: bool) -> None:
    columns = ("id", "phase", "figure", "is", "step", "check")
    rows = []
    for line in found.lines:
        sentence = line.sentence
        word = "covered" if line.steps else "not a step" if sentence.reason else "missing"
        cells = (
            sentence.id,
            sentence.phase,
            ", ".join(map(str, sentence.figures)),
            word,
            _few(_steps(line)) or sentence.reason,
            _few(line.checks) or ("read again after the change" if line.steps else ""),
        )
        rows.append((*cells, str(len(line.tests))) if with_tests else cells)
    say_table((*columns, "tests") if with_tests else columns, rows, toned_column=3)
    covered = sum(1 for line in found.lines if line.steps)
    excused = sum(1 for line in found.lines if not line.steps and line.sentence.reason)
    say(
        f"{len(found.lines)} sentences: {covered} carried by steps, {excused} with a reason why not"
    )
    for words, names in _open(found).items():
        if names:
            say(f"{words.replace('_', ' ')}: {', '.join(names)}", "bad")


def _steps(line: Line) -> list[str]:
    """Return the steps of the sentence's phase, then those of others with the phase's number."""
    own = line.sentence.phase
    steps = sorted(line.steps, key=lambda step: step.phase != own)
    return [
        step.name if step.phase == own else f"{step.phase.partition('_')[0]}: {step.name}"
        for step in steps
    ]


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + more


def _data(line: Line) -> dict[str, object]:
    sentence = line.sentence
    return {
        "id": sentence.id,
        "phase": sentence.phase,
        "figures": sentence.figures,
        "text": sentence.text,
        "steps": [{"phase": step.phase, "step": step.name} for step in line.steps],
        "checks": line.checks,
        "reason": sentence.reason,
        "tests": line.tests,
    }


def _open(found: Coverage) -> dict[str, list[str]]:
    return {
        "neither_step_nor_reason": [each.id for each in found.uncovered],
        "steps_in_other_phases_only": [each.id for each in found.misplaced],
        "reason_beside_a_step": [each.id for each in found.idle_reasons],
        "ids_without_a_sentence": [f"{name} ({step})" for name, step in found.unknown.items()],
    }


@reported
def backout(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="With it, also what that run changed."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how the whole is taken back, in order.

    Reads the run's journal and asks no node.
    """
    from runbook_lib.execution import backout as way_back
    from runbook_lib.execution.run_folder import open_existing

    made = way_back.undos(open_existing(run).entries()) if run else ()
    if as_json:
        say_json({"stages": way_back.STAGES, "changes": made})
        return
    for stage in way_back.STAGES:
        of_stage = [each for each in made if each.phase in stage.phases]
        if run and not of_stage:
            continue
        say(stage.title, "strong")
        for number, each in enumerate(stage.how, 1):
            say(f"  {number}. {each}")
        say(f"  stays: {stage.stays}")
        if of_stage:
            rows = [(u.node, u.setting, u.before, u.after, u.state, u.undo) for u in of_stage]
            columns = ("node", "setting", "was", "became", "is", "undo")
            say_table(columns, rows, toned_column=4)
        say()
    if run and not made:
        say("This run changed nothing.")


@reported
def bootstrap(
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write page and script there; else show the page."),
    ] = None,
) -> None:
    """Show what a node needs before the first contact, and the script that looks."""
    from importlib import resources

    from runbook_lib.execution.run_folder import write_file

    folder = resources.files("runbook_lib").joinpath("bootstrap")
    texts = {name: folder.joinpath(name).read_text("utf-8") for name in FIRST_CONTACT}
    if output is None:
        say(texts[FIRST_CONTACT[0]].rstrip())
        say()
        say(f"The script {FIRST_CONTACT[1]} is written by scc-runbook bootstrap --output FOLDER")
        return
    output.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_file(output / name, text)
        tell(f"written: {output / name}")
