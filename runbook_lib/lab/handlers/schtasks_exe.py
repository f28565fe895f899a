"""schtasks.exe and cacls.exe, as far as a task that runs once needs them.

The traps that are known of the real one are here: a task is made without its account, with a
warning and exit code 0, and then never runs; making one anew under a name in use asks a question
that nobody answers; a query knows no filter.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.handlers import batch_logon, files
from runbook_lib.lab.handlers.surface import Context, Ran, runs
from runbook_lib.lab.world.tasks import COULD_NOT_START, Task
from runbook_lib.lab.world.windows_node import TIME_ZONE_MINUTES

COLUMNS = (
    "HostName",
    "TaskName",
    "Next Run Time",
    "Status",
    "Logon Mode",
    "Last Run Time",
    "Last Result",
    "Creator",
    "Schedule",
    "Task To Run",
    "Start In",
    "Comment",
    "Scheduled Task State",
    "Scheduled Type",
    "Start Time",
    "Start Date",
    "End Date",
    "Days",
    "Months",
    "Run As User",
    "Delete Task If Not Rescheduled",
    "Stop Task If Runs X Hours and X Mins",
    "Repeat: Every",
    "Repeat: Until: Time",
    "Repeat: Until: Duration",
    "Repeat: Stop If Still Running",
    "Idle Time",
    "Power Management",
)
"""The header of /query /fo CSV /v."""

LONGEST_NAME, LONGEST_COMMAND = 238, 261
_SWITCHES = ("/tn", "/tr", "/sc", "/st", "/ru", "/rp", "/fo")
_FLAGS = ("/f", "/v", "/nh")
_DEEDS = ("/create", "/run", "/query", "/delete", "/end")


@runs(
    "schtasks.exe",
    source="documented: public captures of a query on 2003 R2 and of the account warning; "
    "documented: schtasks of Windows Server 2003; inferred: texts of run and end, exit code 1",
)
def schtasks(context: Context, arguments: Sequence[str]) -> Ran:
    """Make, run, list, remove or end tasks."""
    deed, given = _parsed(arguments)
    service = context.node.services.find("Schedule")
    if service is None or not service.running:
        return Ran(1, ("ERROR: The Task Scheduler service is not running.",))
    if deed == "/query":
        return _query(context, given)
    name = given.get("/tn", "")
    if deed == "/create":
        return _create(context, name, given)
    task = context.site.tasks.find(context.node.name, name)
    if task is None:
        line = f'ERROR: The specified task name "{name}" does not exist in the system.'
        return Ran(1, (line,))
    if deed == "/run":
        context.site.tasks.begin(context.site, task, context.fault)
        return Ran(0, (f'SUCCESS: Attempted to run the scheduled task "{name}".',))
    if deed == "/end":
        task.stop()
        context.node.ledger.note()
        line = f'SUCCESS: The scheduled task "{name}" has been terminated successfully.'
        return Ran(0, (line,))
    context.site.tasks.remove(task)
    context.node.ledger.note()
    return Ran(0, (f'SUCCESS: The scheduled task "{name}" was successfully deleted.',))


@runs(
    "cacls.exe",
    source="documented: cacls of Windows Server 2003; inferred: its question and its answer",
)
def cacls(context: Context, arguments: Sequence[str]) -> Ran:
    """Set who may reach a folder; the lab keeps no access lists."""
    path = arguments[0] if arguments else ""
    if not files.exists(context, path):
        return Ran(1, ("The system cannot find the file specified.",))
    return Ran(0, (f"Are you sure (Y/N)?processed dir: {path}",))


PROGRAMS = (schtasks, cacls)


def _parsed(arguments: Sequence[str]) -> tuple[str, Mapping[str, str]]:
    words = list(arguments)
    deed = words.pop(0).lower() if words else ""
    given: dict[str, str] = {}
    while words and deed in _DEEDS:
        switch = words.pop(0)
        if switch.lower() in _FLAGS:
            given[switch.lower()] = "yes"
        elif switch.lower() in _SWITCHES and words:
            given[switch.lower()] = words.pop(0)
        else:
            words.insert(0, switch)
            break
    if deed not in _DEEDS or words:
        said = " ".join(words or arguments)
        raise UnsimulatedCommandError(
            "The lab does not simulate this use of schtasks.exe.",
            why=f"it was given {said[:60]!r}",
            next_step="add it to runbook_lib/lab/handlers/schtasks_exe.py",
        )
    return deed, given


def _create(context: Context, name: str, given: Mapping[str, str]) -> Ran:
    tasks, node = context.site.tasks, context.node
    if tasks.find(node.name, name) is not None and "/f" not in given:
        raise UnsimulatedCommandError(
            "schtasks.exe asks whether to replace the task, and nobody answers.",
            why=f"there is a task {name}, and /f is not given",
            next_step="give /f, or remove the task first",
        )
    command = given.get("/tr", "")
    too_long = len(name) > LONGEST_NAME or len(command) > LONGEST_COMMAND
    if not name or not command or too_long or given.get("/sc", "").lower() != "once":
        return Ran(1, ("ERROR: Invalid syntax. A value is missing, too long or not known.",))
    user = given.get("/ru", "")
    has_account = batch_logon.account_is_accepted(context, user, given.get("/rp", ""))
    start_time = given.get("/st", "00:00:00")
    task = Task(
        node=node.name,
        name=name,
        command=command,
        user=user,
        creator=context.user.rpartition("\\")[2],
        start_time=start_time if start_time.count(":") > 1 else f"{start_time}:00",
        start_date=_local(context).strftime("%d/%m/%Y"),
        has_account=has_account,
    )
    tasks.add(task)
    node.ledger.note()
    if not has_account:
        line = (
            f'WARNING: The scheduled task "{name}" has been created, but may not run because the '
            "account information could not be set."
        )
        return Ran(0, (line,))
    line = f'SUCCESS: The scheduled task "{name}" has successfully been created.'
    return Ran(0, (line,))


def _query(context: Context, given: Mapping[str, str]) -> Ran:
    if given.get("/fo", "").lower() != "csv" or "/v" not in given:
        raise UnsimulatedCommandError(
            "The lab's schtasks.exe lists tasks in one form.",
            why="only /fo CSV /v is simulated",
            next_step="ask for that form",
        )
    tasks = context.site.tasks.of(context.node.name)
    if not tasks:
        return Ran(0, ("INFO: There are no scheduled tasks present in the system.",))
    rows = [_row(context, task) for task in tasks]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([*([] if "/nh" in given else [COLUMNS]), *rows])
    return Ran(0, ("", *text.getvalue().splitlines()))


def _row(context: Context, task: Task) -> tuple[str, ...]:
    folder = task.command.rpartition("\\")[0]
    has_run = task.last_run is not None
    # A program that was ended, or never came to run, leaves the result of the time before.
    result = "0" if task.status == COULD_NOT_START else str(task.last_result)
    return (
        context.node.computer_name,
        task.name,
        f"{task.start_time}, {task.start_date}",
        task.status,
        "Interactive/Background",
        task.last_run or "Never",
        result if has_run else "0",
        task.creator,
        f"At {task.start_time} on {task.start_date}",
        f"{task.command} ",
        folder,
        "N/A",
        "Enabled",
        "Run Once",
        task.start_time,
        task.start_date,
        "N/A",
        "N/A",
        "N/A",
        task.user,
        "Disabled",
        "72:0",
        *(("Disabled",) * 5),
        "No Start On Batteries, Stop On Battery Mode",
    )


def _local(context: Context) -> datetime:
    return context.node.now + timedelta(minutes=TIME_ZONE_MINUTES)
