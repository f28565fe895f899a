"""A phase whose work runs as a task: its record, its doubts, and what a resume finds."""

from __future__ import annotations

import hashlib
import json
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from runbook_lib import crash_points, redaction
from runbook_lib.commands.command import Answer, Detached, Query, Read, Script
from runbook_lib.errors import (
    AuthenticationError,
    CommandFailedError,
    OutcomeUnknownError,
    RunbookError,
    SessionLostError,
)
from runbook_lib.execution import attempts
from runbook_lib.execution.detached_work import Resumed
from runbook_lib.execution.run_folder import RunFolder, outcome_of
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.sessions.session import ExpectedIdentity
from runbook_lib.sessions.wire_form import ScriptCall
from runbook_lib.steps.accounts import installer
from tests.in_process import InProcessSession, Rehearsal, Sent
from tests.in_process import _raiser as raiser
from tests.in_process import _unknown as unknown
from tests.lab_world import NODE_1
from tests.phases import detached_phase
from tests.phases.crash import CrashError, Journey, uninterrupted, wrong
from tests.phases.detached_phase import PHASE

JOURNEY = Journey(PHASE, "before:30")


@pytest.fixture
def rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    detached_phase.install(monkeypatch)
    return JOURNEY.begin(tmp_path)


def folder(rehearsal: Rehearsal) -> RunFolder:
    assert rehearsal.folder is not None
    return rehearsal.folder


def entries(rehearsal: Rehearsal, event: str) -> list[JournalEntry]:
    return [each for each in folder(rehearsal).entries() if each.event == event]


def started(rehearsal: Rehearsal) -> list[str]:
    lines = [str(each["line"]) for each in rehearsal.world.command_lines()]
    return [line for line in lines if line.startswith("slow.exe")]


def left(rehearsal: Rehearsal) -> tuple[list[Any], list[str]]:
    state = rehearsal.world.state()
    files = state["nodes"][NODE_1]["files"]
    return state["tasks"]["tasks"], [path for path in files if path.startswith("\\runbook")]


def test_the_record_names_the_task_and_keeps_its_log(rehearsal: Rehearsal) -> None:
    password = rehearsal.world.password("installer")
    redaction.register(password)
    rehearsal.carry_out(PHASE)

    [intent], [result] = entries(rehearsal, "intent"), entries(rehearsal, "result")
    task = f"rb-{folder(rehearsal).entries()[0].digest[:8]}-{intent.seq}"
    assert (intent.data["task"], intent.data["deadline_s"], intent.data["accepts"]) == (
        task,
        600.0,
        {"0": "done"},
    )
    assert intent.data["exposes"] == [
        detached_phase.EXPOSED,
        r"the node's task scheduler keeps the password of LAB\exinstall until the task ends",
    ]
    log = folder(rehearsal).path / "logs" / f"{task}.log"
    text = log.read_bytes()
    assert text.decode().splitlines() == [
        "begun",
        r"as LAB\exinstall, with credentials",
        "half of it",
        r"done by LAB\exinstall",
    ]
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert result.data == {
        "intent": intent.seq,
        "outcome": "done",
        "code": 0,
        "output": text.decode().splitlines(),
        "log": f"logs/{task}.log",
        "log_sha256": hashlib.sha256(text).hexdigest(),
    }
    assert left(rehearsal) == ([], [])
    for path in folder(rehearsal).path.rglob("*"):
        assert path.is_dir() or password not in path.read_text()


def test_a_plan_shows_what_is_exposed_and_reads_as_a_task(rehearsal: Rehearsal) -> None:
    rehearsal.mode = "plan"
    opened = rehearsal.open(PHASE)
    opened.plan()

    assert opened.latest_plan is not None
    [step] = opened.latest_plan.data()["steps"]
    [change] = step["changes"]
    assert change["exposes"][0] == detached_phase.EXPOSED
    assert change["command"].splitlines()[0] == (
        r"""Set-Content -Path 'C:\runbook\rb-task.cmd' -Value ('slow.exe "/pass:' + """
        r"""(Read-Host -Prompt 'lab:installer') + '" > "C:\runbook\rb-task.out" 2>&1')"""
    )
    assert rehearsal.world.ledger() == []
    assert left(rehearsal) == ([], [])


def test_what_failed_work_wrote_is_kept(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    detached_phase.install(monkeypatch, detached_phase.work_that_stops)

    with pytest.raises(CommandFailedError, match=r"slow\.exe stop failed"):
        rehearsal.carry_out(PHASE)

    [result] = entries(rehearsal, "result")
    assert (result.data["outcome"], result.data["code"]) == ("failed", 7)
    log = folder(rehearsal).path / str(result.data["log"])
    assert log.read_text().splitlines()[-1] == "stopped half way"
    assert left(rehearsal) == ([], [])


def crash_while_it_runs(rehearsal: Rehearsal) -> None:
    """Stop the process as soon as the node has started the work."""

    def crash(name: str, _number: int) -> None:
        if started(rehearsal):
            raise CrashError(name)

    crash_points.listen(crash)
    try:
        with pytest.raises(CrashError):
            rehearsal.carry_out(PHASE)
    finally:
        crash_points.listen(None)
    assert len(started(rehearsal)) == 1
    assert [task["status"] for task in left(rehearsal)[0]] == ["Running"]


def test_a_resume_awaits_what_still_runs_and_starts_nothing(rehearsal: Rehearsal) -> None:
    crash_while_it_runs(rehearsal)

    rehearsal.carry_out(PHASE)

    assert len(started(rehearsal)) == 1
    [intent], [result] = entries(rehearsal, "intent"), entries(rehearsal, "result")
    assert (result.data["intent"], result.data["outcome"]) == (intent.seq, "done")
    assert result.data["log"] == f"logs/{intent.data['task']}.log"
    planned = entries(rehearsal, "planned")[-1]
    assert planned.seq > result.seq
    assert left(rehearsal) == ([], [])


def test_work_that_a_loss_of_power_cut_off_is_planned_anew(rehearsal: Rehearsal) -> None:
    crash_while_it_runs(rehearsal)
    rehearsal.world.act("power-off", {"node": NODE_1})
    rehearsal.world.act("power-on", {"node": NODE_1})
    while not rehearsal.world.is_listening(NODE_1):
        continue

    rehearsal.carry_out(PHASE)

    first, second = entries(rehearsal, "result")
    assert (first.data["outcome"], first.data["code"]) == ("failed", None)
    assert "ended without an exit code" in first.data["output"][0]
    assert second.data["outcome"] == "done"
    assert len(started(rehearsal)) == 2


def test_nothing_is_started_beside_a_task_whose_end_nobody_saw(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Resumed, "settle", lambda _self, _off: set())
    monkeypatch.setattr(attempts, "settle", lambda _journal, _plan: (set(), set()))
    crash_while_it_runs(rehearsal)
    # It shall not come to its end while the phase is planned.
    rehearsal.world._site.tasks.of(NODE_1)[0].stop()

    with pytest.raises(OutcomeUnknownError, match="nothing was started beside it"):
        rehearsal.carry_out(PHASE)

    assert len(started(rehearsal)) == len(entries(rehearsal, "intent")) == 1


def test_work_that_outlives_its_deadline_is_never_started_again(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    detached_phase.install(monkeypatch, detached_phase.work_in_a_hurry)

    attempts = 0
    while not entries(rehearsal, "result") if rehearsal.folder else True:
        attempts += 1
        with suppress(OutcomeUnknownError):
            rehearsal.carry_out(PHASE)

    assert attempts > 1
    assert len(started(rehearsal)) == 1
    assert [each.data["outcome"] for each in entries(rehearsal, "result")] == ["done"]


def refused() -> RunbookError:
    return AuthenticationError("The account is refused.", why="401", next_step="see the account")


def lost() -> RunbookError:
    return SessionLostError("It broke.", why="reset", next_step="resume the run")


def test_work_whose_watcher_is_refused_is_awaited_and_not_started_again(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = InProcessSession.ask

    def ask_while_idle(self: InProcessSession, query: Any, deadline_s: float) -> Any:
        if started(rehearsal):
            raise refused()
        return ask(self, query, deadline_s)

    def reconnect(_self: InProcessSession) -> None:
        raise refused()

    monkeypatch.setattr(InProcessSession, "ask", ask_while_idle)
    monkeypatch.setattr(InProcessSession, "reconnect", reconnect)
    with pytest.raises(AuthenticationError):
        rehearsal.carry_out(PHASE)
    assert entries(rehearsal, "result") == []
    monkeypatch.undo()
    detached_phase.install(monkeypatch)

    rehearsal.carry_out(PHASE)

    assert len(started(rehearsal)) == 1
    assert [each.data["outcome"] for each in entries(rehearsal, "result")] == ["done"]


def bar_removals(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    clean_up, barred = InProcessSession.clean_up, [True] * times

    def clean_up_late(self: InProcessSession, task: str, identity: ExpectedIdentity) -> None:
        if barred:
            barred.pop()
            raise lost()
        clean_up(self, task, identity)

    monkeypatch.setattr(InProcessSession, "clean_up", clean_up_late)


def test_a_task_that_could_not_be_removed_is_removed_before_the_phase_ends(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar_removals(monkeypatch, 1)

    rehearsal.carry_out(PHASE)

    assert left(rehearsal) == ([], [])


def test_a_phase_does_not_end_well_while_a_task_is_left_on_a_node(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar_removals(monkeypatch, 4)

    for _ in range(2):
        with pytest.raises(SessionLostError):
            rehearsal.carry_out(PHASE)
        assert outcome_of(folder(rehearsal).entries(), PHASE) == "failed"
    assert left(rehearsal)[1] != []

    rehearsal.carry_out(PHASE)

    assert left(rehearsal) == ([], [])
    assert len(started(rehearsal)) == 1


def test_a_read_whose_start_was_lost_gives_no_answer_of_another_day(rehearsal: Rehearsal) -> None:
    session = InProcessSession(rehearsal.world, NODE_1, user=r"LAB\exinstall")
    account = installer(rehearsal.loaded.topology)
    read = Read(Detached(Script("read_components"), account), ("ManagerRuns",))
    asked: Query[Answer] = Query((read,), lambda answers: answers[0])
    starts, removals = 0, 0
    send = session.send

    def send_badly(call: ScriptCall, name: str, deadline_s: float) -> Sent:
        nonlocal starts, removals
        if call.script == "end_task" and removals == 0:
            removals += 1
            raise lost()
        if call.script == "start_task":
            starts += 1
            if starts == 2:
                return Sent(raiser(unknown(NODE_1)))
        return send(call, name, deadline_s)

    session.send = send_badly  # type: ignore[method-assign]
    first = session.begin_read([asked]).finish(60)
    assert left(rehearsal)[1] != []
    for path in left(rehearsal)[1]:
        if path.endswith("out.xml"):
            files = rehearsal.world._nodes[NODE_1].files
            files.write(path, files.read(path).replace(">false<", ">true<"))

    second = session.begin_read([asked]).finish(60)

    assert first == second == [Answer(({"ManagerRuns": False},))]
    assert starts == 3
    assert left(rehearsal) == ([], [])


@pytest.mark.parametrize("first", range(1, 5))
def test_stopped_at_any_point_the_work_is_done_once(
    monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    detached_phase.install(monkeypatch)

    assert wrong(JOURNEY, first=first, every=4) == {}
    assert json.dumps(uninterrupted(JOURNEY).state["tasks"]["tasks"]) == "[]"
