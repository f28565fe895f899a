"""What a node can be told: its cmdlets and programs, found and run as PowerShell does."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.handlers import (
    arp_exe,
    cluster_exe,
    cluster_procedures,
    cmd_exe,
    diskpart_exe,
    exchange_scripts,
    files,
    net_exe,
    netsh,
    ping_exe,
    powershell,
    powershell_exe,
    schtasks_exe,
    services,
    setup_com,
    shutdown_exe,
    windows_components,
    windows_registry,
    winrm,
    wmi,
    wmi_methods,
)
from runbook_lib.lab.handlers.surface import (
    Answer,
    Begins,
    Cmdlet,
    CommandError,
    Context,
    Ended,
    GoesOn,
    Procedure,
    Program,
    ProgramFunction,
    Progress,
    Ran,
)
from runbook_lib.lab.world.windows_node import WindowsNode

CMDLETS: tuple[Cmdlet, ...] = (
    *files.CMDLETS,
    wmi.get_wmi_object,
    *wmi_methods.CMDLETS,
    *windows_registry.CMDLETS,
    *services.CMDLETS,
    *winrm.CMDLETS,
)
PROGRAMS: tuple[Program, ...] = (
    *arp_exe.PROGRAMS,
    *cluster_exe.PROGRAMS,
    *cmd_exe.PROGRAMS,
    *diskpart_exe.PROGRAMS,
    *netsh.PROGRAMS,
    *net_exe.PROGRAMS,
    *ping_exe.PROGRAMS,
    *powershell_exe.PROGRAMS,
    *schtasks_exe.PROGRAMS,
    *setup_com.PROGRAMS,
    *shutdown_exe.PROGRAMS,
    *windows_components.PROGRAMS,
)
PROCEDURES: tuple[Procedure, ...] = (
    *powershell_exe.PROCEDURES,
    *cluster_procedures.PROCEDURES,
    *exchange_scripts.PROCEDURES,
    *setup_com.PROCEDURES,
)
"""What takes lab time; a saved lab finds a process's procedure here by its name."""

REFUSED_BY_ALL = (
    "Debug",
    "ErrorVariable",
    "OutBuffer",
    "OutVariable",
    "Verbose",
    "WarningAction",
    "WarningVariable",
)
"""Common parameters that a node knows and the lab does not simulate."""
KILLED = 1
"""Exit code of a process that somebody ended."""
_SYSTEM32 = "c:\\windows\\system32\\"
_POWERSHELL = "windowspowershell\\v1.0\\"

_log = logging.getLogger(__name__)


def find_cmdlet(name: str) -> Cmdlet | None:
    """Return a cmdlet by name, or None."""
    return next((each for each in CMDLETS if each.name.lower() == name.lower()), None)


def find_program(name: str) -> Program | None:
    """Return a program by name or full path, with or without .exe, or None."""
    wanted = name.lower().removeprefix(_SYSTEM32).removeprefix(_POWERSHELL).removesuffix(".exe")
    folder, _, last = wanted.rpartition("\\")
    for each in PROGRAMS:
        if each.name.removesuffix(".exe") == (wanted if each.on_path else last):
            return each if each.on_path or folder else None
    return None


def program_on(node: WindowsNode, name: str) -> Program | None:
    """Return a program that a node has: one off the PATH must be a file there."""
    found = find_program(name)
    if found is None or found.on_path or node.files.is_file(name):
        return found
    return None


def run_cmdlet(context: Context, name: str, parameters: Mapping[str, object]) -> Answer:
    """Return what a cmdlet answers; CommandError for what ends it."""
    cmdlet = find_cmdlet(name)
    if cmdlet is None:
        if find_program(name) is not None:
            raise UnsimulatedCommandError(
                f"The lab does not run {name} as if it were a cmdlet.",
                why="a program has no named parameters",
                next_step="send it as a program with a list of arguments",
            )
        raise not_found(name)
    bound = bind(cmdlet, parameters)
    preference = powershell.text(bound.pop("ErrorAction", "Stop")).lower()
    answer = cmdlet.function(context, bound)
    if preference == "silentlycontinue":
        return Answer(answer.output)
    if preference != "stop":
        raise UnsimulatedCommandError(
            f"The lab does not simulate -ErrorAction {preference}.",
            why="only Stop and SilentlyContinue are",
            next_step="add it to runbook_lib/lab/handlers/installed.py",
        )
    return answer


def run_program(context: Context, name: str, arguments: Sequence[str]) -> Ran:
    """Return what a program does, and keep its command line; a fault may decide its exit code."""
    function = _function_of(context, name)
    note_start(context, name, arguments)
    lines: list[str] = []

    def honest() -> int:
        ran = at_once(context, function(context, arguments))
        lines.extend(ran.lines)
        return ran.exit_code

    return Ran(context.code_by_fault("exit", honest), tuple(lines))


def begin_program(
    context: Context, name: str, arguments: Sequence[str], shown: Sequence[str]
) -> Ran | Begins:
    """Return what a program does, or that it begins to; its command line is kept as `shown`."""
    function = _function_of(context, name)
    note_start(context, name, shown)
    return function(context, arguments)


def note_start(context: Context, name: str, arguments: Sequence[str]) -> None:
    """Keep a program's command line."""
    context.node.ledger.started(context.node.name, name, arguments)


def _function_of(context: Context, name: str) -> ProgramFunction:
    program = program_on(context.node, name)
    if program is None:
        raise not_found(name)
    return program.function


def find_procedure(name: str) -> Procedure:
    """Return a procedure by its name; a saved process names one that is installed."""
    return {each.name: each for each in PROCEDURES}[name]


def at_once(context: Context, given: Ran | Begins) -> Ran:
    """Return what a program gives in the end, its stages done while no lab time passes."""
    if isinstance(given, Ran):
        return given
    code, progress = to_its_end(context, given)
    return Ran(code, tuple(progress.lines))


def to_its_end(context: Context, begun: Begins) -> tuple[int, Progress]:
    """Do all stages; return the exit code and what was said and given.

    The fault kill:N of this very command ends it before its stage N.
    """
    fault = context.fault
    killed = fault.number if fault is not None and fault.deed == "kill" else 0
    progress = Progress([*begun.lines])
    for number, stage in enumerate(begun.procedure.stages, 1):
        if number == killed:
            return KILLED, progress
        try:
            stage.do(context, begun.data, progress)
        except GoesOn as other:
            progress.say(*other.begun.lines)
            code, rest = to_its_end(context, other.begun)
            progress.say(*rest.lines)
            progress.give(*rest.bags)
            return code, progress
        except Ended as end:
            progress.say(*end.lines)
            return end.code, progress
    return 0, progress


def bind(cmdlet: Cmdlet, given: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters in the cmdlet's spelling; a beginning will do if only one fits."""
    bound: dict[str, object] = {}
    for name, value in given.items():
        unsimulated = (*cmdlet.refuses, *REFUSED_BY_ALL)
        known = (*cmdlet.parameters, "ErrorAction", *unsimulated)
        exact = [each for each in known if each.lower() == str(name).lower()]
        begun = [each for each in known if each.lower().startswith(str(name).lower())]
        found = exact or begun
        if len(found) > 1:
            raise CommandError(
                powershell.ambiguous_parameter(str(name), found, cmdlet.implementation)
            )
        if not found:
            raise CommandError(powershell.unknown_parameter(str(name), cmdlet.implementation))
        if found[0] in unsimulated:
            raise UnsimulatedCommandError(
                f"The lab does not simulate {cmdlet.name} -{found[0]}.",
                why="a node takes this parameter, the lab has no answer for it",
                next_step="add it to the cmdlet's handler in runbook_lib/lab/handlers",
            )
        bound[found[0]] = value
    return bound


def not_found(name: str) -> CommandError:
    """Return the error for an unknown command, and tell the lab's log where it would belong."""
    if not name:
        return CommandError(powershell.no_command(name))
    _log.error("the lab has no command %r: add it to runbook_lib/lab/handlers/installed.py", name)
    return CommandError(powershell.unknown_command(name))
