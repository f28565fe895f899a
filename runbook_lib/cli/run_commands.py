"""Commands that plan and carry out: plan, run, resume, approve, close."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runbook_lib.cli.failures import reported
from runbook_lib.cli.output import TONES, say, say_gates, say_json, say_table, tell
from runbook_lib.cli.paths import parameter_file
from runbook_lib.cli.progress import Lines
from runbook_lib.errors import BugError, ExitCode

if TYPE_CHECKING:
    from runbook_lib.execution.phase_plan import PhasePlan, PlannedStep
    from runbook_lib.execution.pipeline import RunResult

Parameters = Annotated[
    Path, typer.Argument(metavar="PARAMS", help="The parameter file, such as parameters/lab.yaml.")
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder, under runs/.")]
By = Annotated[str, typer.Option(metavar="NAME", help="Who decides.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; it goes into the record.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@reported
def plan(
    parameters: Parameters,
    phase: Annotated[
        str | None, typer.Option(metavar="P", help="One phase alone, by name or number.")
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 15 when a node is not as wished.")
    ] = False,
    as_json: Json = False,
) -> ExitCode:
    """Show what would be changed; changes nothing."""
    from runbook_lib.execution import pipeline

    plans = pipeline.plan(parameter_file(parameters), phase)
    if as_json:
        say_json([each.data() for each in plans])
    else:
        for each in plans:
            _say_plan(each)
    differs = any(each.differs() for each in plans)
    return ExitCode.DIFFERENT if exit_code and differs else ExitCode.DONE


@reported
def run(
    parameters: Parameters,
    first: Annotated[
        str | None, typer.Option("--from", metavar="P", help="The first phase to run.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="P", help="The last phase to run.")
    ] = None,
    run_folder: Annotated[
        Path | None,
        typer.Option(metavar="D", help="A new folder for the record; else one under runs/."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Run the procedure and keep its record."""
    from runbook_lib.execution import pipeline

    result = pipeline.run(
        parameter_file(parameters), first=first, last=last, run_folder=run_folder, progress=Lines()
    )
    return _say_result(result, as_json)


@reported
def resume(run: Run, as_json: Json = False) -> int:
    """Go on with a run that stopped.

    What became of a change in doubt is asked of the node; nothing is done twice.
    """
    from runbook_lib.execution import pipeline

    return _say_result(pipeline.resume(run, Lines()), as_json)


@reported
def approve(
    run: Run,
    gate: Annotated[str, typer.Argument(metavar="GATE", help="The gate's name, see `status`.")],
    *,
    by: By,
    reason: Reason,
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no.")] = False,
    note: Annotated[
        str, typer.Option(metavar="TEXT", help="What else the record should say.")
    ] = "",
    attach: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Kept in the record as it is; may be given again."),
    ] = None,
) -> None:
    """Answer a gate, with a name and a reason."""
    from runbook_lib.execution import gates

    files = attach or []
    gates.approve(str(run), gate, by=by, reason=reason, refuse=refuse, note=note, attach=files)
    say(f"{gate}: {'refused' if refuse else 'approved'} by {by}")
    for file in files:
        say(f"kept as it is, secrets in it included: {file}", "faint")
    tell(f"Next: scc-runbook resume {run}")


@reported
def close(run: Run, by: By, reason: Reason) -> None:
    """End a run that will not go on, and seal its record."""
    from runbook_lib.execution import pipeline

    digest = pipeline.close(run, by=by, reason=reason)
    say(f"{run}: closed by {by}; MANIFEST.json has SHA-256 {digest}")


def _say_plan(plan: PhasePlan) -> None:
    say(f"{plan.phase}  plan {plan.digest}", "strong")
    rows = [row for planned in plan.steps for row in _rows(planned)]
    say_table(("node", "what", "now", "then", "outcome"), rows, toned_column=4)
    if undo := plan.undo():
        say("how to undo it, last change first")
        for each in undo:
            say(f"  {each['node']}: {each['setting']}: {each['undo']}", "faint")
    say()


def _rows(planned: PlannedStep) -> list[tuple[str, str, str, str, str]]:
    """Return a line for each change of a step, or one line that says why there is none."""
    node, outcome = planned.step.node, planned.data()["outcome"]
    if not planned.changes:
        wishes = [(node, setting, "told at its turn", a, outcome) for setting, a in planned.wishes]
        return [(node, planned.title, planned.reason, "", outcome), *wishes]
    return [(node, c.setting, c.before, c.after, outcome) for c in planned.changes]


def _say_result(result: RunResult, as_json: bool) -> int:
    """Say how a run ended, and the one thing to do next; return its exit code."""
    folder = result.folder.path
    if result.manifest_sha256 is None and not result.exit_code:
        raise BugError(
            f"The run in {folder} did not end, and nothing says why.",
            why=f"it is {result.outcome}, without an exit code",
            next_step=f"report it with {folder / 'debug'} and {folder / 'logs'}",
        )
    if as_json:
        say_json(
            {
                "run_folder": folder,
                "outcome": result.outcome,
                "exit_code": result.exit_code,
                "error": result.error,
                "manifest_sha256": result.manifest_sha256,
            }
        )
        return int(result.exit_code)
    if result.phases:
        rows = [
            (each.phase, each.outcome, str(each.steps), str(each.changes), f"{each.seconds:.1f} s")
            if each.outcome != "not started"
            else (each.phase, each.outcome, "", "", "")
            for each in result.phases
        ]
        say_table(("phase", "outcome", "steps", "changes", "took"), rows, toned_column=1)
    say(f"{folder}: {result.outcome}", TONES.get(result.outcome))
    if result.manifest_sha256:
        say(f"  page      {result.folder.review}")
        say(f"  manifest  {result.manifest_sha256}")
    say_gates(folder, result.gates)
    if result.error:
        tell(str(result.error["what"]), "bad")
        tell(f"  Why:  {result.error['why']}")
        tell(f"  Next: {result.error['next']}")
    elif result.gates:
        tell(f"  Next: answer, then scc-runbook resume {folder}")
    elif result.outcome == "interrupted":
        tell(f"  Next: scc-runbook resume {folder}")
    elif result.exit_code:
        tell(f"  Next: scc-runbook status {folder}")
    return int(result.exit_code)
