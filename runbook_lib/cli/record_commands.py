"""Commands about a run's record: where it stands, whether it is whole, its page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from runbook_lib.cli.failures import reported
from runbook_lib.cli.output import TONES, say, say_gates, say_json, say_table, tell
from runbook_lib.errors import ExitCode, PreconditionError

MOST_FAULTS = 20
"""How many faults are shown to a person."""

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder, under runs/.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@reported
def status(run: Run, as_json: Json = False) -> None:
    """Show where a run stands, from its journal alone."""
    from runbook_lib.execution import run_folder

    now = run_folder.status(run)
    if as_json:
        say_json(now)
        return
    say(f"{now.run}: {now.state}{', sealed' if now.sealed else ''} (target {now.target})", "strong")
    rows = [(phase, outcome, str(attempts or "")) for phase, outcome, attempts in now.phases]
    say_table(("phase", "outcome", "attempts"), rows, toned_column=1)
    say_gates(run, now.gates)
    if now.error:
        say(f"stopped with exit code {now.exit_code}: {now.error['what']}", "bad")
        say(f"  Why:  {now.error['why']}")
        say(f"  Next: {now.error['next']}")
    elif not now.gates and now.state in {"interrupted", "not finished"}:
        say(f"  Next: scc-runbook resume {run}")


@reported
def verify(
    run: Run,
    digest: Annotated[
        str | None,
        typer.Option(metavar="SHA256", help="What sealing printed; proves the manifest too."),
    ] = None,
    as_json: Json = False,
) -> ExitCode:
    """Check that a record is whole.

    Ends with 0 (whole and sealed), 15 (whole so far, not sealed) or 70 (damaged).
    """
    from runbook_lib.execution.run_folder import open_existing
    from runbook_lib.journal import manifest

    if not (run / manifest.MANIFEST).exists() and run.is_dir():
        # Without either file it is some other folder, and no use to walk through.
        open_existing(run)
    found = manifest.verify(run, digest)
    if as_json:
        say_json(found)
    else:
        say(f"{run}: {found.state.value}", TONES.get(found.state.value))
        say(f"  journal  {found.entries} entries in one chain, head {found.head}")
        if found.digest:
            say(f"  manifest {found.digest}")
        for fault in found.faults[:MOST_FAULTS]:
            say(f"  fault: {fault}", "bad")
        if len(found.faults) > MOST_FAULTS:
            say(f"  and {len(found.faults) - MOST_FAULTS} more; --json names all", "bad")
        for note in found.notes:
            say(f"  note:  {note}", "faint")
    return {
        manifest.State.WHOLE: ExitCode.DONE,
        manifest.State.NOT_SEALED: ExitCode.DIFFERENT,
        manifest.State.DAMAGED: ExitCode.RECORD,
    }[found.state]


@reported
def review(
    run: Run,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the page goes; else it is written out."),
    ] = None,
) -> None:
    """Make the page of a run from its record alone.

    Nothing in the run's folder is touched.
    """
    from runbook_lib.execution.run_folder import open_existing, write_file

    folder = open_existing(run)
    if output is not None and folder.path.resolve() in output.resolve().parents:
        raise PreconditionError(
            f"The page was not written to {output}.",
            why="that is inside the run's folder, which keeps what was sealed",
            next_step="name a file elsewhere with --output",
        )
    from runbook_lib.review.page import page

    text = page(folder.path)
    if output is None:
        sys.stdout.write(text)
    else:
        write_file(output, text)
        tell(f"page: {output}")
