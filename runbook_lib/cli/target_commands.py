"""Commands about what a run needs: its parameter file, simulated nodes, this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runbook_lib.cli.failures import reported
from runbook_lib.cli.output import say, say_json, say_table, tell
from runbook_lib.cli.paths import parameter_file
from runbook_lib.errors import ExitCode, ParametersError

if TYPE_CHECKING:
    from runbook_lib.execution.doctor import Finding

PARAMETERS = Path("parameters/lab.yaml")

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@reported
def validate(
    parameters: Annotated[
        Path, typer.Argument(metavar="PARAMS", help="The parameter file to be checked.")
    ],
    as_json: Json = False,
) -> ExitCode:
    """Check a parameter file; names all faults at once.

    Connects to nothing.
    """
    from runbook_lib.topology.loading import load

    path = parameter_file(parameters)
    try:
        loaded = load(path)
    except ParametersError as error:
        if not as_json:
            raise
        say_json({"file": path, "valid": False, "faults": error.why.splitlines()})
        return error.exit_code
    if as_json:
        say_json(
            {
                "file": path,
                "valid": True,
                "sha256": loaded.sha256,
                "target": loaded.topology.target,
                "nodes": [node.name for node in loaded.topology.nodes],
                "warnings": loaded.warnings,
            }
        )
        return ExitCode.DONE
    nodes = " and ".join(node.name for node in loaded.topology.nodes)
    say(f"{parameters}: valid, for {nodes} (target {loaded.topology.target.value})", "good")
    for warning in loaded.warnings:
        say(f"  note: {warning}", "change")
    return ExitCode.DONE


@reported
def lab(
    parameters: Annotated[
        Path, typer.Argument(metavar="PARAMS", help="Names, domain and accounts come from it.")
    ] = PARAMETERS,
    scenario: Annotated[
        str, typer.Option(metavar="S", help="What the nodes start as: factory or before:PHASE.")
    ] = "factory",
    state: Annotated[
        Path | None,
        typer.Option(metavar="D", help="Folder that keeps the nodes; used again, they go on."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the parameter file goes that joins it."),
    ] = None,
) -> None:
    """Serve simulated nodes until stopped.

    Prints a parameter file that joins them; it stands in runs/lab.yaml meanwhile.
    """
    from runbook_lib.cli.lab_server import serve

    serve(parameter_file(parameters), scenario=scenario, state=state, output=output)


@reported
def doctor(
    parameters: Annotated[
        Path | None,
        typer.Argument(metavar="PARAMS", help="With it, the nodes are looked at too."),
    ] = None,
    as_json: Json = False,
) -> ExitCode:
    """Say what is missing here, and what mends it.

    Looks at this machine and, with PARAMS, at the nodes. Ends with 15 when something that is
    needed is missing, else as the first node that cannot be used.
    """
    from runbook_lib.execution import doctor as examination

    findings = list(examination.judge(examination.facts()))
    code = ExitCode.DONE
    if parameters is not None:
        from runbook_lib.execution import doctor_nodes

        report = doctor_nodes.examine(parameter_file(parameters))
        findings += report.findings
        code = report.exit_code
    if any(each.verdict is examination.Verdict.MISSING for each in findings):
        code = code or ExitCode.DIFFERENT
    if as_json:
        say_json({"findings": findings, "exit_code": code})
    else:
        _say_findings(findings)
    return code


def _say_findings(findings: list[Finding]) -> None:
    rows = [(each.subject, each.verdict.value, each.found) for each in findings]
    say_table(("what", "is", "found"), rows, toned_column=1)
    for each in findings:
        if each.mend:
            tell(f"  {each.subject}: {each.mend}", TONES_OF_MENDING.get(each.verdict.value))


TONES_OF_MENDING = {"missing": "bad", "warning": "change"}
