"""`scc-runbook`: one command for the whole procedure; see `scc-runbook --help`.

Rules of this package: a command's function holds its options and a few lines; what it needs is
imported inside it, so that `--help` and `validate` answer at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from runbook_lib import __version__
from runbook_lib.cli import procedure_commands, record_commands, run_commands, target_commands

app = typer.Typer(
    name="scc-runbook",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    epilog="Exit codes: 0 done, 2 usage, 10 parameters, 15 something differs or is missing, "
    "20 refused before any change, 25 waiting for a person, 30 transport, 40 identity or "
    "authentication, 50 step failed, 60 outcome unknown, 70 record damaged, 80 locked, 90 our "
    "bug, 130 and 143 stopped.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"scc-runbook {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Build an Exchange Server 2007 Single Copy Cluster, phase by phase, with a record."""


app.command("validate")(target_commands.validate)
app.command("plan")(run_commands.plan)
app.command("run")(run_commands.run)
app.command("resume")(run_commands.resume)
app.command("approve")(run_commands.approve)
app.command("close")(run_commands.close)
app.command("status")(record_commands.status)
app.command("verify")(record_commands.verify)
app.command("review")(record_commands.review)
app.command("lab")(target_commands.lab)
app.command("doctor")(target_commands.doctor)
app.command("coverage")(procedure_commands.coverage)
app.command("backout")(procedure_commands.backout)
app.command("bootstrap")(procedure_commands.bootstrap)


def main() -> None:
    """Run the command line; ends the process with one of our exit codes."""
    app(prog_name="scc-runbook")
