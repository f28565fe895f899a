r"""The form of detached work: how a task is started, what is looked at, and what its end means.

Pure, as `wire_form` is. A task's files lie in C:\runbook under its name: .cmd is the batch file,
.out grows while the program works, .rc with the exit code appears when it has ended; a script has
.out.xml with its objects besides. Facts of schtasks: an idle task's status is empty; a task whose
account could not be set is made all the same and never runs; SchedLgU.txt tells why one failed.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runbook_lib.commands.command import (
    Action,
    Answer,
    Cmdlet,
    Detached,
    Program,
    Query,
    Read,
    Row,
    Secret,
    SecretText,
)
from runbook_lib.errors import BugError, MalformedReplyError, OutcomeUnknownError
from runbook_lib.sessions.session import (
    ActionAnswer,
    ExpectedIdentity,
    FinishedWork,
    WorkFailedError,
    WorkLostError,
)
from runbook_lib.sessions.wire_form import (
    SHOWN,
    ScriptCall,
    Wire,
    error_answer,
    read_script,
    script_answer,
    script_text,
)

START_TASK, RUN_DETACHED, END_TASK = "start_task", "run_detached", "end_task"
FOLDER = r"C:\runbook"
SCHEDULER_LOG = r"%windir%\Tasks\SchedLgU.Txt"
LINES_KEPT = 40
"""Of a program's output in the answer; the whole of it is the answer's log."""

_CLOSING = ("_given", "_error", "_text")
_ACT = ("Outcome", "Code", "Output", "ErrorId", "ErrorText")


class Standing(StrEnum):
    """How the task scheduler has a task."""

    ABSENT = "absent"
    WAITING = "waiting"
    RUNNING = "running"
    FAILED = "could not start"
    OVER = "over"


@dataclass(frozen=True)
class Sight:
    """One look at a task. code: None while its program has not ended."""

    standing: Standing
    code: int | None
    log: tuple[str, ...]


def pack_start(
    work: Detached, identity: ExpectedIdentity | None, *, may_reveal: bool = False
) -> ScriptCall:
    """Return the pipeline that starts a task; without an identity on any machine."""
    command = work.command
    parameters: dict[str, Wire] = {
        "Identity": _identity(identity),
        "Task": _named(work),
        "User": work.account.user,
        "Password": work.account.password,
    }
    if isinstance(command, Program):
        parameters["Program"] = command.path
        parameters["Arguments"] = [_argument(one) for one in command.arguments]
    else:
        given = _plain(dict(command.parameters))
        parameters["Script"] = script_text(command.name)
        parameters["Carrier"] = script_text(RUN_DETACHED)
        parameters["Parameters"] = given
    return ScriptCall(START_TASK, parameters, may_reveal=may_reveal)


def pack_start_of_read(read: Read, task: str) -> ScriptCall:
    """Return the pipeline that starts a script which only reads as a task of this name."""
    script = read_script(read)
    work = read.command
    if not isinstance(work, Detached):
        raise _bug("A read in the session was about to be a task.", script.name)
    return pack_start(Detached(script, work.account, task), None, may_reveal=True)


def pack_end(task: str, identity: ExpectedIdentity | None) -> ScriptCall:
    """Return the pipeline that removes a task that has ended, and all its files."""
    return ScriptCall(END_TASK, {"Identity": _identity(identity), "Task": task}, may_reveal=True)


def started(action: Action) -> Action:
    """Return the same work as an action that only starts it: accepted with code 0."""
    return Action(action.command)


def look(task: str) -> Query[Sight]:
    """Return one look at a task: its exit code, its status, its output so far."""

    def parse(answers: Sequence[Answer]) -> Sight:
        code, tasks, log = (_ran(answer) for answer in answers)
        return Sight(_standing(task, tasks), _exit_code(code), _lines(log))

    return Query((_type(_file(task, "rc")), _all_tasks(), _type(_file(task, "out"))), parse)


def outcome(task: str, wanted: tuple[str, ...] = _ACT) -> Query[FinishedWork]:
    """Return what an ended task left: exit code, log, and a script's objects.

    wanted: the properties asked of each object.
    """
    names = tuple(dict.fromkeys((*wanted, *_CLOSING)))
    objects = Read(Cmdlet("Import-Clixml", (("Path", _file(task, "out.xml")),)), names)

    def parse(answers: Sequence[Answer]) -> FinishedWork:
        code = _exit_code(_ran(answers[0]))
        if code is None:
            raise ValueError(f"the exit code of {task} is gone")
        rows = answers[2].rows if answers[2].ok else None
        return FinishedWork(code, _lines(_ran(answers[1])), rows)

    return Query((_type(_file(task, "rc")), _type(_file(task, "out")), objects), parse)


def scheduler_log(task: str) -> Query[str]:
    """Return what the task scheduler's own log says last of a task, "" for nothing."""

    def parse(answers: Sequence[Answer]) -> str:
        return _last_entry(task, _lines(_ran(answers[0])))

    return Query((_type(SCHEDULER_LOG),), parse)


def act_answer(node: str, action: Action, name: str, work: FinishedWork) -> ActionAnswer:
    """Return the accepted answer of detached work; WorkFailedError for any other.

    name: the action in a few words.
    """
    log = "".join(f"{line}\n" for line in work.log)
    code, output, refusal = work.code, work.log[-LINES_KEPT:], ""
    if work.rows is not None:
        code, output, refusal = _script_answer(node, work)
    if code in action.accepts and not refusal:
        return ActionAnswer(code, output, action.accepts[code], log=log)
    meaning = action.explains.get(code, "the documentation does not name it")
    said = " / ".join(line.strip() for line in output[-9:] if line.strip())
    why = refusal or f"code {code}: {meaning}" + (f"; {said}" if said else "")
    raise WorkFailedError(
        f"{name} failed on {node}.",
        why=why[: 2 * SHOWN],
        next_step="put right what the node names, then resume the run",
        code=code,
        log=log,
    )


def read_answer(node: str, read: Read, work: FinishedWork) -> Answer:
    """Return the rows of a script that ran as a task; its error if it had one."""
    if work.rows is None or not work.rows or work.rows[-1].get("_given") is None:
        said = " / ".join(work.log[-5:])
        return Answer(error_id="NoObjects", text=f"exit code {work.code}; {said}"[:SHOWN])
    *rows, closing = work.rows
    if closing["_error"] is not None:
        return error_answer(node, closing["_error"], closing["_text"])
    if closing["_given"] != len(rows):
        raise _malformed(node, f"{len(rows)} rows where {closing['_given']!r} are announced")
    return script_answer(node, read, rows)


def lost(node: str, name: str, why: str) -> WorkLostError:
    """Return the error for work that is over and left no exit code."""
    return WorkLostError(
        f"{name} on {node} was cut off.",
        why=why,
        next_step="resume the run: it asks the node how far that came before anything is done",
    )


def unknown(node: str, name: str, why: str) -> OutcomeUnknownError:
    """Return the error for work whose end nobody has seen."""
    return OutcomeUnknownError(
        f"What became of {name} on {node} is not known.",
        why=why,
        next_step="resume the run: it asks the node before anything is done again",
    )


def _identity(identity: ExpectedIdentity | None) -> dict[str, Any]:
    if identity is None:
        return {"MachineGuid": None, "ComputerName": None}
    return {"MachineGuid": identity.machine_guid, "ComputerName": identity.computer_name}


def _named(work: Detached) -> str:
    if not work.task:
        raise _bug("Detached work was about to start without a name.", str(work.command))
    return work.task


def _argument(argument: object) -> Wire:
    if isinstance(argument, SecretText):
        return {"Before": argument.before, "Secret": argument.secret, "After": argument.after}
    return argument  # type: ignore[return-value] # a Scalar, by the type of Program


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        raise _bug("A secret was about to be written into a file on a node.", str(value))
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _file(task: str, ending: str) -> str:
    return rf"{FOLDER}\{task}.{ending}"


def _type(path: str) -> Read:
    return Read(Program("cmd.exe", ("/c", "type", path)))


def _all_tasks() -> Read:
    return Read(Program("schtasks.exe", ("/query", "/fo", "CSV", "/v")))


def _ran(answer: Answer) -> Row:
    if not answer.ok or len(answer.rows) != 1:
        raise ValueError(f"a program did not run: {answer.text}")
    return answer.rows[0]


def _lines(ran: Row) -> tuple[str, ...]:
    """Return what `type` wrote; nothing where there is no file."""
    output = ran["Output"]
    lines = (output,) if isinstance(output, str) else tuple(output or ())
    return lines if ran["ExitCode"] == 0 else ()


def _exit_code(ran: Row) -> int | None:
    text = " ".join(_lines(ran)).strip()
    if not text:
        return None
    if not text.lstrip("-").isdigit():
        raise ValueError(f"the exit code is {text!r}")
    return int(text)


def _standing(task: str, ran: Row) -> Standing:
    output = ran["Output"]
    listed = [line for line in ((output,) if isinstance(output, str) else output or ()) if line]
    if ran["ExitCode"] != 0:
        raise ValueError(f"schtasks.exe ended with {ran['ExitCode']}: {' '.join(listed)[:SHOWN]}")
    # schtasks puts an empty line before its header.
    rows = csv.DictReader(line for line in listed if line.startswith('"'))
    for row in rows:
        if str(row.get("TaskName", "")).strip().lower() == task.lower():
            return _standing_of(row)
    return Standing.ABSENT


def _standing_of(row: Mapping[str, Any]) -> Standing:
    status = str(row.get("Status") or "").strip().lower()
    if status == "running":
        return Standing.RUNNING
    if status == "could not start":
        return Standing.FAILED
    last = str(row.get("Last Run Time") or "").strip().lower()
    return Standing.WAITING if last in {"never", "n/a", ""} else Standing.OVER


def _last_entry(task: str, lines: Sequence[str]) -> str:
    """Return the reason in the newest entry of a task: of an error its code and its text."""
    entry: list[str] = []
    mine = False
    for line in lines:
        if line.startswith('"'):
            mine = line.lower().startswith(f'"{task}.job"'.lower())
            entry = [line] if mine else entry
        elif line.startswith("["):
            # A ring: what follows this mark is older.
            if entry:
                break
            mine = False
        elif mine:
            entry.append(line)
    said = " ".join(line.strip() for line in entry[1:])
    return said.partition("The specific error is: ")[2] or said


def _script_answer(node: str, work: FinishedWork) -> tuple[int, tuple[str, ...], str]:
    """Return code, output and, where the script did not do it, why not."""
    if not work.rows or work.rows[-1].get("_given") is None:
        return work.code, work.log[-LINES_KEPT:], "the script left no objects"
    *rows, closing = work.rows
    if closing["_error"] is not None:
        return work.code, (), str(error_answer(node, closing["_error"], closing["_text"]).text)
    bag: Row = rows[0] if len(rows) == 1 else {}
    code = bag.get("Code") if isinstance(bag.get("Code"), int) else work.code
    output = bag.get("Output")
    lines = (output,) if isinstance(output, str) else tuple(map(str, output or ()))
    refusal = str(bag.get("ErrorText")) if bag.get("Outcome") == "refused" else ""
    return int(code or 0), lines, refusal


def _malformed(node: str, why: str) -> MalformedReplyError:
    return MalformedReplyError(
        f"The task on {node} left what it was not asked for.",
        why=why,
        next_step="run it again; if it comes back, keep the run folder's debug/ and report it",
    )


def _bug(what: str, why: str) -> BugError:
    return BugError(what, why=why, next_step="report this with the run folder's debug/")
