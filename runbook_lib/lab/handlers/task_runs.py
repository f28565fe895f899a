"""How a task comes to run: the batch logon, its batch file line by line, its programs' stages.

What a program says goes to its file at once, so that whoever looks sees it grow. A failed logon
is told in the scheduler's own log and nowhere else.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from runbook_lib.errors import RunbookError
from runbook_lib.lab.answers import Bag
from runbook_lib.lab.faults import Fault
from runbook_lib.lab.handlers import (
    batch_logon,
    cmd_exe,
    command_line,
    files,
    installed,
    objects_file,
    powershell,
)
from runbook_lib.lab.handlers.surface import (
    Begins,
    CommandError,
    Context,
    Ended,
    GoesOn,
    Progress,
    Ran,
)
from runbook_lib.lab.world.files import MASK
from runbook_lib.lab.world.ledger import Cause
from runbook_lib.lab.world.site import LogonKind, Site, Token
from runbook_lib.lab.world.tasks import COULD_NOT_START, RUNNING, SCHEDULER_LOG, Process, Task
from runbook_lib.lab.world.windows_node import TIME_ZONE_MINUTES, WindowsNode

MARK = "[ ***** Most recent entry is above this line ***** ]"
NOT_RECOGNIZED = 9009

_log = logging.getLogger(__name__)


def begin(site: Site, task: Task, fault: Fault | None) -> None:
    """Let a task run now, or write into the scheduler's log why it cannot.

    fault: one that strikes the program in it.
    """
    node = site.nodes[task.node]
    refusal = batch_logon.refusal(site, node, task)
    task.runs += 1
    node.ledger.note()
    if refusal:
        task.status = COULD_NOT_START
        code, text = refusal
        _schedule_log(
            node,
            f'"{task.name}.job" ({_file_name(task)}) {_stamp(node)} ** ERROR **',
            "\tThe attempt to log on to the account associated with the task failed, therefore, "
            "the task did not run.",
            "\tThe specific error is:",
            f"\t0x{0x80070000 | code:08x}: {text}",
            "\tVerify that the task's Run-as name and password are valid and try again.",
        )
        return
    task.status = RUNNING
    task.last_run = _local(node).strftime("%H:%M:%S, %d/%m/%Y")
    task.errorlevel = 0
    task.process = None
    task.lines = list(node.files.lines(task.command)) if node.files.is_file(task.command) else []
    secrets = node.files.secrets(task.command) if task.lines else ()
    _schedule_log(node, f'"{task.name}.job" ({_file_name(task)})', f"\tStarted {_stamp(node)}")
    _go_through(Context(node, site, _token(task), fault), task, secrets)


def carry_on(site: Site, task: Task) -> None:
    """Do the stage that is due, and what follows at once."""
    node = site.nodes[task.node]
    context = Context(node, site, _token(task))
    with site.ledger.caused_by(Cause.WIRE):
        site.ledger.note()
        if _work(context, task):
            _go_through(context, task, ())


def _go_through(context: Context, task: Task, secrets: Sequence[str]) -> None:
    """Carry out the batch file's lines until one takes time, or none is left."""
    while task.lines:
        text = task.lines.pop(0)
        line = cmd_exe.line_of(text.removeprefix("@"))
        variables = {"errorlevel": str(task.errorlevel)}
        command = cmd_exe.expanded(line.command, variables, in_batch=True)
        try:
            given = _carried_out(context, task, command_line.split(command), secrets)
        except Ended:
            task.lines = []
            break
        target = None if line.target in (None, "nul") else line.target
        if isinstance(given, Begins):
            # The secrets stood in the line that has begun; what is left holds none.
            _begin_process(context, task, given, target)
            return
        _write(context, target, given.lines, anew=True)
    task.stop()
    task.last_result = task.errorlevel
    node = context.node
    _schedule_log(
        node,
        f'"{task.name}.job" ({_file_name(task)})',
        f"\tFinished {_stamp(node)}",
        f"\tResult: The task completed with an exit code of ({task.errorlevel:x}).",
    )


def _carried_out(
    context: Context, task: Task, words: Sequence[str], secrets: Sequence[str]
) -> Ran | Begins:
    own = cmd_exe.own_command(context, words)
    if own is not None:
        return own
    shown = list(words)
    for secret in secrets:
        shown = [word.replace(secret, MASK) for word in shown]
    try:
        given = _begun(context, words, shown)
    except (CommandError, RunbookError) as error:
        given = Ran(*_failure(words[0], error))
    if isinstance(given, Ran):
        task.errorlevel = given.exit_code
    return given


def _begun(context: Context, words: Sequence[str], shown: Sequence[str]) -> Ran | Begins:
    fault = context.fault
    if fault is not None and fault.deed == "exit" and fault.is_before:
        installed.note_start(context, words[0], shown[1:])
        return Ran(fault.number)
    given = installed.begin_program(context, words[0], words[1:], shown[1:])
    if isinstance(given, Ran) and fault is not None and fault.deed == "exit":
        return Ran(fault.number, given.lines)
    return given


def _begin_process(context: Context, task: Task, begun: Begins, output: str | None) -> None:
    fault = context.fault
    process = Process(begun.procedure.name, dict(begun.data), output=output)
    process.base = str(begun.data.get("base", "")) if begun.procedure.keeps_objects else ""
    if fault is not None and fault.deed == "kill":
        process.kill = fault.number
    if fault is not None and fault.deed == "exit":
        process.exit = fault.number
    task.process = process
    _write(context, output, begun.lines, anew=True)
    _next_stage(context, task)


def _next_stage(context: Context, task: Task) -> None:
    process = task.process
    if process is not None:
        stages = installed.find_procedure(process.procedure).stages
        lasts_s = stages[process.done].lasts_s if process.done < len(stages) else 0.0
        context.site.tasks.plan(context.site, task, lasts_s)


def _work(context: Context, task: Task) -> bool:
    """Do one stage of a task's program; return whether it has ended."""
    process = task.process
    if process is None:
        return True
    stages = installed.find_procedure(process.procedure).stages
    progress, code = Progress(), None
    if process.done + 1 == process.kill:
        code = installed.KILLED
    elif process.done < len(stages):
        try:
            stages[process.done].do(context, process.data, progress)
        except GoesOn as other:
            process.procedure = other.begun.procedure.name
            process.data = dict(other.begun.data)
            process.done = -1
            progress.say(*other.begun.lines)
        except Ended as end:
            progress.say(*end.lines)
            code = end.code
        except (CommandError, RunbookError) as error:
            code, lines = _failure(process.procedure, error)
            progress.say(*lines)
            progress.failure = error if isinstance(error, CommandError) else None
    process.done += 1
    _write(context, process.output, progress.lines)
    process.objects += [objects_file.encoded(each) for each in progress.bags]
    if code is None and process.done < len(installed.find_procedure(process.procedure).stages):
        _next_stage(context, task)
        return False
    killed = code == installed.KILLED and process.done == process.kill
    task.errorlevel = (code or 0) if process.exit is None else process.exit
    if process.base and not killed:
        _keep_objects(context, process, progress.failure)
    task.process = None
    return True


def _keep_objects(context: Context, process: Process, failure: CommandError | None) -> None:
    """Write what a script gave, and its closing object, where its carrier would."""
    closing = {
        "_given": len(process.objects),
        "_error": failure.reply.error_id if failure else None,
        "_text": failure.reply.message if failure else None,
    }
    given = [objects_file.decoded(each) for each in process.objects]
    kept = objects_file.dump([*given, Bag(closing, powershell.CUSTOM)])
    context.node.files.write(f"{process.base}.out.xml", kept)


def _write(context: Context, path: str | None, lines: Sequence[str], *, anew: bool = False) -> None:
    found = files.volume(context, path) if path else None
    if found is None or path is None:
        return
    if anew:
        found.write_lines(path, lines)
    else:
        found.append(path, *lines)


def _failure(name: str, error: CommandError | RunbookError) -> tuple[int, tuple[str, ...]]:
    """Return how a program ends that the lab does not know, or that failed within."""
    if isinstance(error, CommandError):
        if "CommandNotFound" in error.reply.error_id:
            line = f"'{name}' is not recognized as an internal or external command,"
            return NOT_RECOGNIZED, (line, "operable program or batch file.")
        return 1, (error.reply.message,)
    _log.error("%s in a task: %s", name, error)
    return 1, tuple(error.lines())


def _token(task: Task) -> Token:
    return Token(task.user, LogonKind.BATCH)


def _schedule_log(node: WindowsNode, *lines: str) -> None:
    kept = node.files.lines(SCHEDULER_LOG) if node.files.is_file(SCHEDULER_LOG) else ()
    older = [line for line in kept if line != MARK]
    node.files.write_lines(SCHEDULER_LOG, [*older, *lines, MARK])


def _file_name(task: Task) -> str:
    return task.command.rpartition("\\")[2]


def _local(node: WindowsNode) -> datetime:
    return node.now + timedelta(minutes=TIME_ZONE_MINUTES)


def _stamp(node: WindowsNode) -> str:
    local = _local(node)
    half, hour = ("AM" if local.hour < 12 else "PM"), local.hour % 12 or 12
    return f"{local.month}/{local.day}/{local.year} {hour}:{local:%M:%S} {half}"
