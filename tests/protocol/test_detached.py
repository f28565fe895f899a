"""Detached work through real sessions: started once, watched through losses, told in the end."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.clock import Clock, SystemClock
from runbook_lib.commands.command import (
    Action,
    Answer,
    Detached,
    Outcome,
    Program,
    Query,
    Read,
    Script,
    Secret,
    SecretText,
    TaskAccount,
)
from runbook_lib.commands.system import computer
from runbook_lib.errors import (
    BugError,
    CommandFailedError,
    OutcomeUnknownError,
    SessionLostError,
    WrongNodeError,
)
from runbook_lib.execution.observation import observe
from runbook_lib.lab.lab import Lab
from runbook_lib.sessions import psrp_session
from runbook_lib.sessions.accounts import Breaker
from runbook_lib.sessions.credentials import SecretValue
from runbook_lib.sessions.psrp_session import PsrpReader, PsrpSession
from runbook_lib.sessions.sealed_http import Endpoint
from runbook_lib.sessions.session import (
    ExpectedIdentity,
    TellWork,
    WorkFailedError,
    WorkLostError,
    WorkSeen,
)
from runbook_lib.sessions.wire_form import ScriptCall
from tests import lab_tasks
from tests.protocol.nodes import EagerClock, account, identity

ACCOUNT = TaskAccount(lab_tasks.INSTALLER, Secret("lab:installer"))
TASK = "rb-0123abcd-7"
IN_ARGUMENTS = "in-an-argument: 50% sure & <safe>"


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    lab_tasks.install(monkeypatch)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Lab]:
    with Lab.start("before:30", state_folder=tmp_path / "lab") as lab:
        yield lab


def opened(
    site: Lab,
    *,
    read_only: bool = False,
    password: str = "",
    clock: Clock | None = None,
    which: int = 0,
    tell_work: TellWork = lambda *_: None,
) -> PsrpSession:
    at = site.nodes[which]

    def reveal(reference: str) -> SecretValue:
        own = {"lab:installer": password or site.world.password("installer")}
        return SecretValue(reference, own.get(reference, IN_ARGUMENTS))

    kind = PsrpReader if read_only else PsrpSession
    return kind(  # type: ignore[return-value]
        at.name,
        (Endpoint(at.host, at.port),),
        account(site, breaker=Breaker()),
        clock or SystemClock(),
        reveal=reveal,
        pause_s=0.02,
        tell_work=tell_work,
    )


@pytest.fixture
def node(site: Lab) -> Iterator[PsrpSession]:
    with closing(opened(site)) as session:
        yield session


def work(*words: str | SecretText, task: str = TASK, program: str = "slow.exe") -> Action:
    return Action(Detached(Program(program, words), ACCOUNT, task))


def begin(node: PsrpSession) -> None:
    """Start work, and go away while it runs."""
    with pytest.raises(OutcomeUnknownError, match="not known"):
        node.begin_act(work(), identity(node)).finish(0.01)


def started(site: Lab) -> list[str]:
    lines = [str(line["line"]) for line in site.world.command_lines()]
    return [line for line in lines if line.startswith(("slow.exe", "quick.exe"))]


def left(site: Lab) -> tuple[list[object], list[str]]:
    """Return the tasks and the files that lie on the node."""
    state = site.world.state()
    files = state["nodes"][site.nodes[0].name]["files"]
    return state["tasks"]["tasks"], [path for path in files if path.startswith("\\runbook")]


def test_work_ends_with_its_code_its_output_and_its_log(site: Lab, node: PsrpSession) -> None:
    here = identity(node)

    answer = node.begin_act(work(), here).finish(60)

    lines = ("begun", r"as LAB\exinstall, with credentials", "half of it")
    assert (answer.code, answer.outcome) == (0, Outcome.DONE)
    assert answer.output == (*lines, r"done by LAB\exinstall")
    assert answer.log == "".join(f"{line}\n" for line in answer.output)
    assert left(site)[1] != []

    node.clean_up(TASK, here)
    assert left(site) == ([], [])


def test_who_waits_hears_what_the_work_says(site: Lab) -> None:
    heard: list[tuple[str, WorkSeen | None]] = []
    with closing(opened(site, tell_work=lambda *told: heard.append(told))) as node:
        node.begin_act(work(), identity(node)).finish(60)

    seen = [each for _, each in heard if each is not None]
    assert {name for name, _ in heard} == {site.nodes[0].name}
    assert heard[-1] == (site.nodes[0].name, None)
    assert {(each.name, each.task, round(each.may_take_s)) for each in seen} == {
        ("slow.exe", TASK, 60)
    }
    assert "half of it" in [each.last for each in seen]
    assert [each.waited_s for each in seen] == sorted(each.waited_s for each in seen)


def test_an_exit_code_means_what_the_action_says(site: Lab, node: PsrpSession) -> None:
    accepted = Action(
        Detached(Program("slow.exe", ("stop",)), ACCOUNT, TASK),
        accepts={7: Outcome.REBOOT_NEEDED},
    )

    assert node.begin_act(accepted, identity(node)).finish(60).outcome is Outcome.REBOOT_NEEDED

    other = Action(
        Detached(Program("slow.exe", ("stop",)), ACCOUNT, TASK), explains={7: "it was stopped"}
    )
    with pytest.raises(WorkFailedError, match=r"slow\.exe stop failed on") as caught:
        node.begin_act(other, identity(node)).finish(60)
    assert caught.value.why.startswith("code 7: it was stopped; ")
    assert (caught.value.code, caught.value.log.splitlines()[-1]) == (7, "stopped half way")


def test_a_killed_program_has_failed(site: Lab, node: PsrpSession) -> None:
    site.arm_fault({"match": "slow.exe", "do": "kill:2"})

    with pytest.raises(WorkFailedError) as caught:
        node.begin_act(work(), identity(node)).finish(60)

    assert caught.value.code == 1


def test_another_machine_starts_nothing(site: Lab, node: PsrpSession) -> None:
    other = ExpectedIdentity("00000000-0000-0000-0000-000000000000", None)

    with pytest.raises(WrongNodeError):
        node.begin_act(work(), other).finish(60)

    assert (left(site), started(site)) == (([], []), [])


@pytest.mark.parametrize("when", ["after_effect", "mid_reply"])
def test_a_start_whose_reply_is_lost_is_watched_like_any_other(
    site: Lab, node: PsrpSession, when: str
) -> None:
    here = identity(node)
    site.arm_fault({"match": "start_task", "do": "reset", "when": when})

    assert node.begin_act(work(), here).finish(60).code == 0

    assert started(site) == ["slow.exe"]


def test_a_start_that_never_arrived_has_changed_nothing(site: Lab, node: PsrpSession) -> None:
    here = identity(node)
    site.arm_fault({"match": "start_task", "do": "reset", "when": "before"})

    with pytest.raises(SessionLostError, match="was not started") as caught:
        node.begin_act(work(), here).finish(60)

    assert caught.value.why.endswith("the node has no such task")
    assert (left(site), started(site)) == (([], []), [])


@pytest.mark.parametrize("deed", ["reset", "status:503", "garbage"])
def test_the_watch_survives_what_happens_to_the_connection(
    site: Lab, node: PsrpSession, deed: str
) -> None:
    here = identity(node)
    pending = node.begin_act(work(), here)
    for nth in (1, 2, 4):
        site.arm_fault({"match": f"{TASK}.rc", "nth": nth, "do": deed})

    assert pending.finish(60).code == 0

    assert started(site) == ["slow.exe"]


def test_a_restart_of_the_node_cuts_work_off(site: Lab, node: PsrpSession) -> None:
    pending = node.begin_act(work(), identity(node))
    name = site.nodes[0].name

    def restart() -> None:
        site.world.act("power-off", {"node": name})
        site.world.act("power-on", {"node": name})

    threading.Timer(0.1, restart).start()

    with pytest.raises(WorkLostError, match="was cut off") as caught:
        pending.finish(60)

    assert "ended without an exit code" in caught.value.why


def test_a_deadline_ends_the_watch_and_not_the_work(site: Lab, node: PsrpSession) -> None:
    here = identity(node)

    with pytest.raises(OutcomeUnknownError) as caught:
        node.begin_act(work(), here).finish(0.05)

    assert caught.value.why.startswith("its time is over; last seen: ")
    again = node.attach(work()).finish(60)
    assert again is not None
    assert again.code == 0
    assert started(site) == ["slow.exe"]


def test_another_process_finds_running_and_finished_work_by_its_name(site: Lab) -> None:
    with closing(opened(site)) as first:
        begin(first)

    with closing(opened(site)) as second:
        running = second.attach(work()).finish(60)
        finished = second.attach(work()).finish(60)
        never = second.attach(work(task="rb-0123abcd-8")).finish(60)

    assert running == finished
    assert running is not None
    assert running.output[-1] == r"done by LAB\exinstall"
    assert never is None
    assert started(site) == ["slow.exe"]


def test_a_wrong_task_password_is_told_and_tried_once(site: Lab) -> None:
    with closing(opened(site, password="not the one")) as node:
        with pytest.raises(CommandFailedError) as caught:
            node.begin_act(work(), identity(node)).finish(60)
        node.clean_up(TASK, identity(node))

    assert "the account information could not be set" in caught.value.why
    assert left(site) == ([], [])
    tries = [one for one in site.world.ledger() if str(one["what"]).startswith("bad passwords")]
    assert len(tries) == 1


def test_a_logon_that_fails_later_is_told_by_the_schedulers_log(
    site: Lab, node: PsrpSession
) -> None:
    site.world.act("disable-account", {"account": "exinstall"})

    with pytest.raises(CommandFailedError, match="never began") as caught:
        node.begin_act(work(), identity(node)).finish(60)

    assert caught.value.why.startswith(
        f"task {TASK}: 0x80070533: Logon failure: account currently disabled."
    )


def test_a_task_that_the_scheduler_leaves_alone_is_told(site: Lab, node: PsrpSession) -> None:
    begin(node)
    task = site.world._site.tasks.find(site.nodes[0].name, TASK)  # type: ignore[attr-defined]
    task.stop()
    task.last_run = None

    with pytest.raises(CommandFailedError, match="never began"):
        node.attach(work()).finish(60)


def test_a_task_that_somebody_deletes_is_told(site: Lab) -> None:
    tasks = site.world._site.tasks  # type: ignore[attr-defined]

    def remove() -> None:
        for task in tasks.of(site.nodes[0].name):
            tasks.remove(task)

    clock = EagerClock(remove)

    with closing(opened(site, clock=clock)) as node:
        pending = node.begin_act(work(), identity(node))
        with pytest.raises(WorkLostError) as caught:
            pending.finish(60)

    assert "is gone from the node" in caught.value.why


def test_no_secret_is_left_anywhere(site: Lab, node: PsrpSession, tmp_path: Path) -> None:
    site.record.switch(on=True)
    here = identity(node)

    answer = node.begin_act(work(SecretText("/pass:{}", Secret("x:y"))), here).finish(60)
    before = site.world.state()
    node.clean_up(TASK, here)

    kept = "\n".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    told = json.dumps([site.world.ledger(), site.world.command_lines(), before])
    for text in (
        kept,
        told,
        str(answer),
        json.dumps([m.as_json() for m in site.record.messages()]),
    ):
        assert "50% sure" not in text
        assert "50%% sure" not in text
        assert site.world.password("installer") not in text
    assert started(site) == ["slow.exe /pass:<secret>"]
    assert left(site) == ([], [])


COMPONENTS = ("ManagerRuns", "NoSuchProperty")


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("detached", [False, True])
def test_a_script_answers_in_the_session_and_as_a_task(
    site: Lab, *, read_only: bool, detached: bool
) -> None:
    script = Script("read_components")
    command = Detached(script, ACCOUNT) if detached else script
    asked: Query[Answer] = Query((Read(command, COMPONENTS),), lambda answers: answers[0])

    with closing(opened(site, read_only=read_only)) as node:
        first, second = node.begin_read([asked, asked]).finish(60)

    assert first == second == Answer(({"ManagerRuns": False, "NoSuchProperty": None},))
    assert left(site) == ([], [])
    assert [one["what"] for one in site.world.ledger()] == []


def test_both_nodes_read_as_tasks_at_the_same_time(
    site: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []
    send = psrp_session._Way.send

    def noted(self: Any, call: ScriptCall, name: str, deadline_s: float) -> Any:
        sent.append((self.node, call.script))
        return send(self, call, name, deadline_s)

    monkeypatch.setattr(psrp_session._Way, "send", noted)
    read = Read(Detached(Script("read_components"), ACCOUNT), COMPONENTS)
    asked: Query[Answer] = Query((read,), lambda answers: answers[0])
    names = [node.name for node in site.nodes]

    with closing(opened(site)) as one, closing(opened(site, which=1)) as two:
        reads: dict[str, Query[Any]] = {"components": asked, "name": computer()}
        sessions = dict(zip(names, (one, two), strict=True))
        seen = observe(sessions, [(name, reads) for name in names])

    assert [each["components"].rows[0]["ManagerRuns"] for each in seen] == [False, False]
    assert sent == [(name, script) for script in ("start_task", "end_task") for name in names]
    assert left(site) == ([], [])


def test_a_task_that_reads_has_time_of_its_own(site: Lab, node: PsrpSession) -> None:
    read = Read(Detached(Script("read_components"), ACCOUNT), COMPONENTS)
    asked: Query[Answer] = Query((read,), lambda answers: answers[0])

    assert node.begin_read([asked]).finish(0.001)[0].ok


def test_a_script_that_may_change_a_node_is_no_read(site: Lab) -> None:
    command = Detached(Script("write_registry_lists"), ACCOUNT)
    for asked in (command, command.command, Detached(Program("slow.exe"), ACCOUNT)):
        query: Query[Answer] = Query((Read(asked, ("x",)),), lambda answers: answers[0])
        with closing(opened(site, read_only=True)) as node, pytest.raises(BugError):
            node.begin_read([query]).finish(60)

    assert site.world.ledger() == []
