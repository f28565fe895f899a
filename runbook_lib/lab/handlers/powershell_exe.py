"""powershell.exe, as a task calls it: one constant script from a file, and its objects kept.

A line of plain statements behind -Command is `powershell_lines`.

It takes a while to load. A script that takes time goes on with a procedure of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.handlers import objects_file, powershell_lines
from runbook_lib.lab.handlers.surface import (
    Begins,
    CommandError,
    Context,
    Ended,
    GoesOn,
    Procedure,
    Progress,
    Stage,
    runs,
)

if TYPE_CHECKING:
    from runbook_lib.lab.handlers.scripts import Script

LOADS_S = 5.0
CARRIER = "run_detached"
_SWITCHES = ("-noprofile", "-noninteractive", "-executionpolicy", "bypass", "-file")
_BEFORE_A_LINE = frozenset({"-noprofile", "-noninteractive", "-nologo"})


@runs("powershell.exe", source="documented: powershell.exe of 2.0; inferred: how long it loads")
def powershell_exe(context: Context, arguments: Sequence[str]) -> Begins:
    """Begin to run the carrier of a task's script, or a line of plain statements."""
    if len(arguments) > 1 and _is_line(arguments):
        return powershell_lines.begin(arguments[-1])
    switches, rest = arguments[: len(_SWITCHES)], arguments[len(_SWITCHES) :]
    if tuple(word.lower() for word in switches) != _SWITCHES or len(rest) != 2:
        _refuse(f"it was given {' '.join(arguments)[:60]!r}")
    path, base = rest
    script = _script(_text(context, path))
    if script is None or script.name != CARRIER:
        _refuse(f"{path} is not the carrier of a task's script")
    return Begins(POWERSHELL, {"base": base})


def _run(context: Context, data: Mapping[str, Any], progress: Progress) -> None:
    base = str(data["base"])
    script = _script(_text(context, f"{base}.ps1"))
    if script is None:
        _refuse(f"{base}.ps1 is none of the constant scripts")
    (parameters,) = objects_file.load(_text(context, f"{base}.in.xml"))
    try:
        given = script.function(context, parameters if isinstance(parameters, Mapping) else {})
    except CommandError as error:
        progress.failure = error
        raise Ended(1) from error
    if isinstance(given, Begins):
        raise GoesOn(given)
    progress.give(*given)


POWERSHELL = Procedure(
    "powershell.exe",
    (Stage(LOADS_S, _run),),
    keeps_objects=True,
)
PROGRAMS = (powershell_exe,)
PROCEDURES = (POWERSHELL, *powershell_lines.PROCEDURES)


def _is_line(arguments: Sequence[str]) -> bool:
    *switches, last = (word.lower() for word in arguments[:-1])
    return last == "-command" and set(switches) <= _BEFORE_A_LINE


def _script(text: str) -> Script | None:
    # The constant scripts run programs, and this is one of those.
    from runbook_lib.lab.handlers import scripts

    return scripts.find(text)


def _text(context: Context, path: str) -> str:
    files = context.node.files
    return files.read(path).rstrip("\n") + "\n" if files.is_file(path) else ""


def _refuse(why: str) -> NoReturn:
    raise UnsimulatedCommandError(
        "The lab has no powershell.exe of its own.",
        why=why,
        next_step="let a task run a packaged script, or send one over PSRP",
    )
