"""What a node says of its tasks, read by the rules of its own listings."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.commands.command import (
    Action,
    Answer,
    Detached,
    Outcome,
    Program,
    Read,
    Script,
    Secret,
    SecretText,
    TaskAccount,
)
from runbook_lib.errors import BugError, MalformedReplyError
from runbook_lib.sessions import task_form
from runbook_lib.sessions.session import (
    ActionAnswer,
    ExpectedIdentity,
    FinishedWork,
    WorkFailedError,
)
from runbook_lib.sessions.task_form import Sight, Standing

ACCOUNT = TaskAccount(r"LAB\exinstall", Secret("lab:installer"))
HEADER = '"HostName","TaskName","Status","Last Run Time","Last Result","Task To Run"'
NO_FILE = ("The system cannot find the file specified.",)


def ran(*lines: str, code: int = 0) -> Answer:
    return Answer(({"ExitCode": code, "Output": lines},))


def seen(*rows: str, rc: Answer | None = None, out: Answer | None = None) -> Sight:
    missing = ran(*NO_FILE, code=1)
    answers = [rc or missing, ran("", HEADER, *rows), out or missing]
    return task_form.look("rb-1").parse(answers)


def row(status: str, last_run: str = "Never", name: str = "rb-1") -> str:
    return f'"NODE1","{name}","{status}","{last_run}","0","C:\\runbook\\rb-1.cmd "'


@pytest.mark.parametrize(
    ("rows", "standing"),
    [
        ([], Standing.ABSENT),
        ([row("Running", name="other")], Standing.ABSENT),
        ([row("", name="other"), row("Running", "02:00:09, 06-10-2011", "RB-1")], Standing.RUNNING),
        ([row("")], Standing.WAITING),
        ([row("", "N/A")], Standing.WAITING),
        ([row("", "02:00:09, 06-10-2011")], Standing.OVER),
        ([row("Could not start")], Standing.FAILED),
    ],
)
def test_a_standing_is_read_by_the_headers_names(rows: list[str], standing: Standing) -> None:
    assert seen(*rows) == Sight(standing, None, ())


def test_a_listing_without_any_task_is_no_error() -> None:
    none = ran("INFO: There are no scheduled tasks present in the system.")
    missing = ran(*NO_FILE, code=1)

    assert task_form.look("rb-1").parse([missing, none, missing]).standing is Standing.ABSENT


def test_an_exit_code_is_believed_whatever_the_scheduler_says() -> None:
    assert seen(rc=ran("-1 "), out=ran("one", "two")) == Sight(Standing.ABSENT, -1, ("one", "two"))
    assert seen(rc=ran("")).code is None


@pytest.mark.parametrize("answer", [ran("x"), Answer(error_id="Any", text="no cmd.exe"), Answer()])
def test_nonsense_is_told_from_an_exit_code(answer: Answer) -> None:
    with pytest.raises(ValueError, match=r"exit code|did not run"):
        seen(rc=answer)


MARK = "[ ***** Most recent entry is above this line ***** ]"
FAILED = (
    '"rb-1.job" (rb-1.cmd) 2/23/2010 2:15:00 PM ** ERROR **',
    (
        "\tThe attempt to log on to the account associated with the task failed, therefore, the "
        "task did not run."
    ),
    "\tThe specific error is:",
    "\t0x8007052e: Logon failure: unknown user name or bad password.",
    "\tVerify that the task's Run-as name and password are valid and try again.",
)


@pytest.mark.parametrize(
    "lines",
    [
        FAILED,
        (*FAILED, MARK),
        ('"rb-2.job" (x.cmd)', "\tStarted now", *FAILED, '"rb-2.job" (x.cmd)', "\tx", MARK),
        (*FAILED, MARK, '"rb-1.job" (rb-1.cmd)', "\tStarted 2/6/2009 2:30:00 PM"),
        ('"rb-1.job" (rb-1.cmd)', "\tStarted 2/6/2010 2:30:00 PM", *FAILED, MARK),
    ],
)
def test_the_newest_reason_of_a_task_is_found_in_the_ring(lines: tuple[str, ...]) -> None:
    assert (
        task_form.scheduler_log("rb-1")
        .parse([ran(*lines)])
        .startswith("0x8007052e: Logon failure: unknown user name or bad password.")
    )
    assert task_form.scheduler_log("rb-3").parse([ran(*lines)]) == ""


ACTION = Action(
    Detached(Program("x.exe"), ACCOUNT, "rb-1"),
    accepts={0: Outcome.DONE, 3010: Outcome.REBOOT_NEEDED},
    explains={5: "access is denied"},
)


def answer(work: FinishedWork) -> ActionAnswer:
    return task_form.act_answer("NODE1", ACTION, "x.exe", work)


def test_a_long_output_is_cut_and_the_log_is_whole() -> None:
    lines = tuple(map(str, range(100)))

    given = answer(FinishedWork(3010, lines))

    assert (given.code, given.outcome) == (3010, Outcome.REBOOT_NEEDED)
    assert given.output == lines[-task_form.LINES_KEPT :]
    assert given.log == "".join(f"{line}\n" for line in lines)


def closing(given: int, error: str | None = None) -> dict[str, Any]:
    return {"_given": given, "_error": error, "_text": error}


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (FinishedWork(5, ("no", " ")), "code 5: access is denied; no"),
        (FinishedWork(6, ()), "code 6: the documentation does not name it"),
        (FinishedWork(0, (), (closing(0, "it threw"),)), "it threw"),
        (
            FinishedWork(0, (), ({"Outcome": "refused", "ErrorText": "not now"}, closing(1))),
            "not now",
        ),
        (FinishedWork(0, (), ()), "the script left no objects"),
    ],
)
def test_what_is_not_accepted_has_failed_for_a_reason(work: FinishedWork, why: str) -> None:
    with pytest.raises(WorkFailedError) as caught:
        answer(work)

    assert caught.value.why == why


def test_a_scripts_own_code_and_output_count() -> None:
    bag = {"Outcome": "answered", "Code": 3010, "Output": ["a", "b"], "ErrorText": None}

    given = answer(FinishedWork(0, ("its console",), (bag, closing(1))))

    assert (given.code, given.output, given.log) == (3010, ("a", "b"), "its console\n")


READ = Read(Detached(Script("read_exchange"), ACCOUNT), ("Name",))


def test_a_reads_rows_are_counted() -> None:
    rows: tuple[dict[str, Any], ...] = ({"Name": "a", "Other": 1}, {"Name": ["b"]})

    given = task_form.read_answer("NODE1", READ, FinishedWork(0, (), (*rows, closing(2))))

    assert given == Answer(({"Name": "a"}, {"Name": ("b",)}))
    with pytest.raises(MalformedReplyError, match="not asked for"):
        task_form.read_answer("NODE1", READ, FinishedWork(0, (), (*rows, closing(3))))


@pytest.mark.parametrize(
    ("rows", "error_id"), [(None, "NoObjects"), ((), "NoObjects"), ((closing(0, "e"),), "e")]
)
def test_a_read_that_failed_says_so(rows: Any, error_id: str) -> None:
    given = task_form.read_answer("NODE1", READ, FinishedWork(1, ("said",), rows))

    assert (given.ok, given.error_id) == (False, error_id)


def test_a_start_travels_as_data_with_its_secrets_sealed() -> None:
    words = ("a", SecretText("/p:{}", Secret("fd:3")), Secret("fd:4"))
    work = Detached(Program("x.exe", words), ACCOUNT, "rb-1")

    call = task_form.pack_start(work, ExpectedIdentity("guid", None))

    assert call.parameters == {
        "Identity": {"MachineGuid": "guid", "ComputerName": None},
        "Task": "rb-1",
        "User": r"LAB\exinstall",
        "Password": Secret("lab:installer"),
        "Program": "x.exe",
        "Arguments": [
            "a",
            {"Before": "/p:", "Secret": Secret("fd:3"), "After": ""},
            Secret("fd:4"),
        ],
    }
    assert (call.script, call.may_reveal) == ("start_task", False)


@pytest.mark.parametrize(
    "work",
    [
        Detached(Program("x.exe"), ACCOUNT),
        Detached(Script("read_exchange", (("Server", Secret("fd:3")),)), ACCOUNT, "rb-1"),
    ],
)
def test_what_may_not_be_sent_is_a_bug(work: Detached) -> None:
    with pytest.raises(BugError):
        task_form.pack_start(work, None)
