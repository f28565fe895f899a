"""Tasks of the simulated nodes: their logon, their programs over lab time, their traps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.answers import Bag, SecretText
from runbook_lib.lab.handlers.schtasks_exe import COLUMNS
from tests import lab_tasks
from tests.lab_tasks import program, shown, start, start_script, status, tasks
from tests.lab_world import NODE_1, NODE_2, Site, script_text

BASE = r"C:\runbook\rb-1"
SCHEDULER_LOG = r"%windir%\Tasks\SchedLgU.Txt"


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    lab_tasks.install(monkeypatch)


@pytest.fixture
def site() -> Site:
    return Site(scenario="before:30")


def code(site: Site) -> str:
    return "".join(shown(site, f"{BASE}.rc")).strip()


def look_until_ended(site: Site, most: int = 30) -> list[str | None]:
    """Look at the task until its exit code is there; return the statuses seen before."""
    seen: list[str | None] = []
    while not code(site) and len(seen) < most:
        seen.append(status(site))
    return seen


def test_a_task_has_its_own_logon_and_works_while_somebody_looks(site: Site) -> None:
    assert start(site, "slow.exe", "a b")["Code"] == 0
    first = shown(site, f"{BASE}.out")

    seen = look_until_ended(site)

    assert first == ["begun", r"as LAB\exinstall, with credentials"]
    assert set(seen) == {"Running"}
    assert code(site) == "0"
    assert status(site) == ""
    assert shown(site, f"{BASE}.out") == [
        "begun",
        r"as LAB\exinstall, with credentials",
        "half of it",
        r"done by LAB\exinstall",
    ]


def test_a_task_that_is_told_to_run_again_does_nothing(site: Site) -> None:
    start(site, "slow.exe")
    look_until_ended(site)
    kept = shown(site, f"{BASE}.out")
    site.world._nodes[NODE_1].files.remove(lab_tasks.DONE)

    assert program(site, "schtasks.exe", "/run", "/tn", "rb-1")[0] == 0

    assert status(site) == ""
    assert (code(site), shown(site, f"{BASE}.out")) == ("0", kept)
    assert shown(site, lab_tasks.DONE) == []


def test_a_task_whose_start_was_cut_short_does_nothing_at_its_hour(site: Site) -> None:
    start(site, "slow.exe", "stop")
    look_until_ended(site)
    files = site.world._nodes[NODE_1].files
    for end in ("rc", "out"):
        files.remove(f"{BASE}.{end}")

    program(site, "schtasks.exe", "/run", "/tn", "rb-1")

    assert (code(site), shown(site, f"{BASE}.out")) == ("", [])


def test_a_program_in_the_session_has_no_credentials_and_is_over_at_once(site: Site) -> None:
    ended, lines = site.program("slow.exe")

    assert (ended, lines[1]) == (0, "as Administrator, without credentials")
    assert len(lines) == 4


def test_a_stage_may_end_the_program(site: Site) -> None:
    start(site, "slow.exe", "stop")

    look_until_ended(site)

    assert code(site) == "7"
    assert shown(site, f"{BASE}.out")[-2:] == ["half of it", "stopped half way"]
    assert site.program("slow.exe", "stop")[0] == 7


def test_every_argument_arrives_as_it_was(site: Site) -> None:
    words = ["", "a b", "100%", "%PATH%", "a&b|c>d<e^f", "C:\\x y\\", "it's (so)!", "\\\\s\\s"]

    start(site, "quick.exe", *words)

    assert shown(site, f"{BASE}.out") == words
    assert code(site) == str(len(words))


def test_an_argument_that_a_batch_file_cannot_carry_is_refused(site: Site) -> None:
    for word in ('say "x"', "a\nb", "caf\u00e9"):
        answer = start(site, "quick.exe", word)

        assert answer["Outcome"] == "refused"
        assert answer["ErrorText"] == (
            "an argument holds a quote or a character that a batch file cannot carry"
        )
    assert tasks(site) == []


def test_a_secret_in_an_argument_stands_in_the_batch_file_only(site: Site, tmp_path: Path) -> None:
    site = Site(tmp_path, scenario="before:30")
    secret = "p%55 w'rd&"
    start(
        site,
        "slow.exe",
        {"Before": "/pass:", "Secret": SecretText(secret), "After": ""},
        SecretText("another:one"),
    )

    stands = shown(site, f"{BASE}.cmd")

    assert stands[3] == (
        rf'"slow.exe" "/pass:p%%55 w\'rd&" "another:one" > {BASE}.out 2>&1'.replace("\\'", "'")
    )
    everything = (
        str([site.world.ledger(), site.world.command_lines(), site.world.state()]),
        *(path.read_text() for path in tmp_path.rglob("*") if path.is_file()),
    )
    for text in everything:
        assert "55 w'rd" not in text
        assert "another:one" not in text
        assert site.world.password("installer") not in text
    lines = [line["line"] for line in site.world.command_lines()]
    assert "slow.exe /pass:<secret> <secret>" in lines


def test_a_wrong_password_makes_a_task_that_never_runs_and_exit_code_0(site: Site) -> None:
    base = ["/create", "/tn", "t", "/tr", "C:\\x.cmd", "/sc", "once", "/st", "23:59:00"]

    ended, [line] = program(site, "schtasks.exe", *base, "/ru", lab_tasks.INSTALLER, "/rp", "no")
    run = program(site, "schtasks.exe", "/run", "/tn", "t")

    assert ended == 0
    assert line == (
        'WARNING: The scheduled task "t" has been created, but may not run because the account '
        "information could not be set."
    )
    assert run == (0, ['SUCCESS: Attempted to run the scheduled task "t".'])
    assert status(site) == "Could not start"
    assert "\t0x8007052e: Logon failure: unknown user name or bad password." in shown(
        site, SCHEDULER_LOG
    )


def test_a_start_with_a_wrong_password_is_refused_and_leaves_nothing(site: Site) -> None:
    answer = start(site, "slow.exe", Password=SecretText("wrong"))

    assert answer["Outcome"] == "refused"
    assert "account information could not be set" in answer["ErrorText"]
    assert tasks(site) == []
    assert shown(site, f"{BASE}.cmd") == []


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (
            "deny-batch-logon",
            "0x80070569: Logon failure: the user has not been granted the requested logon type",
        ),
        ("disable-account", "0x80070533: Logon failure: account currently disabled."),
        (
            "lock-account",
            "0x80070775: The referenced account is currently locked out",
        ),
    ],
)
def test_an_account_that_may_not_log_on_starts_nothing(site: Site, act: str, reason: str) -> None:
    of_node = {"node": NODE_1} if act == "deny-batch-logon" else {}
    site.world.act(act, {"account": "exinstall", **of_node})

    start(site, "quick.exe")

    assert status(site) == "Could not start"
    assert any(line.startswith(f"\t{reason}") for line in shown(site, SCHEDULER_LOG))
    assert code(site) == ""


def test_a_killed_program_leaves_its_exit_code_and_what_it_had_done(site: Site) -> None:
    site.world.arm_fault({"match": "slow.exe", "do": "kill:3"})
    start(site, "slow.exe")

    look_until_ended(site)

    assert code(site) == "1"
    assert shown(site, f"{BASE}.out")[-1] == "half of it"
    assert [effect["what"] for effect in site.world.ledger()] == ["slow work"]


@pytest.mark.parametrize(("when", "lines"), [("before", 0), ("after_effect", 4)])
def test_a_fault_may_decide_a_tasks_exit_code(site: Site, when: str, lines: int) -> None:
    site.world.arm_fault({"match": "slow.exe", "do": "exit:5", "when": when})
    start(site, "slow.exe")

    look_until_ended(site)

    assert code(site) == "5"
    assert len(shown(site, f"{BASE}.out")) == lines


def test_a_loss_of_power_ends_a_task_without_an_exit_code(site: Site) -> None:
    start(site, "slow.exe")

    site.world.act("power-off", {"node": NODE_1})
    site.world.act("power-on", {"node": NODE_1})
    site.pass_time(600)

    assert (status(site), code(site)) == ("", "")
    assert [row["Last Run Time"] != "Never" for row in tasks(site)] == [True]


def test_taking_back_a_shutdown_stops_no_task(site: Site) -> None:
    start(site, "slow.exe")

    site.program("shutdown.exe", "/s", "/t", "300")
    site.program("shutdown.exe", "/a")
    look_until_ended(site)

    assert code(site) == "0"


def test_a_lab_that_was_killed_goes_on_with_its_tasks(tmp_path: Path) -> None:
    first = Site(tmp_path, scenario="before:30")
    start(first, "slow.exe", "x")
    assert shown(first, f"{BASE}.out")[-1] != "half of it"

    second = Site(tmp_path, scenario="before:30")
    assert status(second) == "Running"
    look_until_ended(second)

    assert code(second) == "0"
    assert shown(second, f"{BASE}.out")[-1] == r"done by LAB\exinstall"


def test_tasks_of_one_node_are_not_the_others(site: Site) -> None:
    start(site, "slow.exe")

    _, lines = site.program("schtasks.exe", "/query", "/fo", "CSV", "/v", node=NODE_2)

    assert lines == ["INFO: There are no scheduled tasks present in the system."]


def test_a_query_has_the_columns_of_the_real_one(site: Site) -> None:
    start(site, "slow.exe")

    [row] = tasks(site)

    assert tuple(row) == COLUMNS
    assert (row["TaskName"], row["Task To Run"], row["Run As User"]) == (
        "rb-1",
        f"{BASE}.cmd ",
        lab_tasks.INSTALLER,
    )


def test_a_task_is_ended_and_removed_by_name(site: Site) -> None:
    start(site, "slow.exe")

    ended = program(site, "schtasks.exe", "/end", "/tn", "RB-1")
    after = status(site)
    removed = program(site, "schtasks.exe", "/delete", "/tn", "rb-1", "/f")
    again = program(site, "schtasks.exe", "/delete", "/tn", "rb-1", "/f")

    assert (ended[0], after, removed[0]) == (0, "", 0)
    assert again == (
        1,
        ['ERROR: The specified task name "rb-1" does not exist in the system.'],
    )


def test_a_name_in_use_asks_a_question_that_nobody_answers(site: Site) -> None:
    start(site, "slow.exe")
    words = ["/create", "/tn", "rb-1", "/tr", "C:\\x.cmd", "/sc", "once"]

    with pytest.raises(UnsimulatedCommandError, match="nobody answers"):
        program(site, "schtasks.exe", *words)


def test_a_script_leaves_its_objects_and_a_closing_one(site: Site) -> None:
    start_script(site, "read_components")
    look_until_ended(site)

    given = site.ask("Import-Clixml", Path=f"{BASE}.out.xml").output
    *rows, closing = (bag.properties for bag in given if isinstance(bag, Bag))

    assert [row["ManagerRuns"] for row in rows] == [False]
    assert closing == {"_given": 1, "_error": None, "_text": None}
    assert code(site) == "0"


def test_removing_a_task_leaves_neither_file_nor_folder(site: Site) -> None:
    before = site.world.state()
    start(site, "quick.exe")

    [answer] = site.run("end_task", Identity=site.identity(), Task="rb-1")
    [again] = site.run("end_task", Identity=site.identity(), Task="rb-1")

    assert (answer["Code"], again["Code"]) == (0, 0)
    assert site.world.state() == before


def test_another_machine_starts_and_removes_nothing(site: Site) -> None:
    start(site, "slow.exe", task="rb-2")

    answer = start(site, "slow.exe", Identity=site.identity(NODE_2))
    [end] = site.run("end_task", Identity=site.identity(NODE_2), Task="rb-2")

    assert (answer["Outcome"], end["Outcome"]) == ("wrong node", "wrong node")
    assert [row["TaskName"] for row in tasks(site)] == ["rb-2"]


def test_without_an_identity_only_a_script_is_started(site: Site) -> None:
    nobody = {"MachineGuid": None, "ComputerName": None}

    refused = start(site, "slow.exe", Identity=nobody)
    script: dict[str, Any] = {
        "Script": script_text("read_components"),
        "Carrier": script_text("run_detached"),
        "Parameters": {},
    }
    begun = start(site, "", **script, Identity=nobody)

    assert (refused["Outcome"], begun["Outcome"]) == ("wrong node", "answered")
