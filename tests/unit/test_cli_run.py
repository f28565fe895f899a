"""What plan, run, resume, approve and close hand on, and what they say of the outcome."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import runbook_lib.execution
from runbook_lib.cli.main import app
from runbook_lib.cli.progress import Lines
from runbook_lib.commands.command import Action, WmiMethod
from runbook_lib.errors import ExitCode, StalePlanError
from runbook_lib.execution.phase_plan import PhasePlan, PlannedStep
from runbook_lib.execution.run_folder import OpenGate, RunFolder
from runbook_lib.execution.run_record import PhaseSummary
from runbook_lib.steps.step import Change, Changes, Deferred, NoChange, Plan, StepClass
from tests.builders import LAB

PARAMETERS = str(LAB)
DIGEST = "ab" * 32


@dataclass
class Pipeline:
    """Stands in for execution.pipeline: keeps what it was called with, answers as told."""

    answer: Any = None
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def _answered(self, *call: object) -> Any:
        self.calls.append(call)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def run(
        self,
        parameters: Path,
        *,
        first: str | None,
        last: str | None,
        run_folder: Path | None,
        progress: object,
    ) -> Any:
        assert isinstance(progress, Lines)
        return self._answered("run", parameters, first, last, run_folder)

    def resume(self, run: Path, progress: object) -> Any:
        assert isinstance(progress, Lines)
        return self._answered("resume", run)

    def plan(self, parameters: Path, phase: str | None) -> Any:
        return self._answered("plan", parameters, phase)

    def close(self, run: Path, *, by: str, reason: str) -> Any:
        return self._answered("close", run, by, reason)


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    stand_in = Pipeline()
    monkeypatch.setattr(runbook_lib.execution, "pipeline", stand_in, raising=False)
    return stand_in


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def result(**changes: Any) -> SimpleNamespace:
    ended: dict[str, Any] = {
        "folder": RunFolder(Path("/srv/runs/one")),
        "outcome": "done",
        "exit_code": 0,
        "error": None,
        "manifest_sha256": DIGEST,
        "phases": (PhaseSummary("10_configure_networks", "done", 20, 24, 3.04),),
        "gates": (),
    }
    return SimpleNamespace(**{**ended, **changes})


ERROR = {
    "what": "The cable of Private is out.",
    "why": "status media disconnected",
    "next": "plug it in, then resume",
}


def planned(plan: Plan) -> PlannedStep:
    step: Any = SimpleNamespace(
        node="E2K7SCCNode1", ids=("S017",), step_class=StepClass.SET, reads=dict, plan=None
    )
    return PlannedStep("disable_netbios", "NetBIOS is off", step, plan)


CHANGE = Change(
    "NetBIOS over TCP/IP",
    "on",
    "off",
    by=Action(WmiMethod("Win32_NetworkAdapterConfiguration", "SetTcpipNetbios")),
    undo="switch it on again",
)
WISHED = PhasePlan("10_configure_networks", (planned(NoChange("already off")),))
OTHER = PhasePlan("10_configure_networks", (planned(Changes(CHANGE)),))


def test_run_hands_on_its_options_and_says_where_the_record_is(pipeline: Pipeline) -> None:
    pipeline.answer = result()

    ended = invoke("run", PARAMETERS, "--from", "10", "--to", "20", "--run-folder", "/srv/runs/one")

    assert pipeline.calls == [("run", LAB, "10", "20", Path("/srv/runs/one"))]
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "phase                  outcome  steps  changes  took",
        "10_configure_networks  done     20     24       3.0 s",
        "/srv/runs/one: done",
        "  page      /srv/runs/one/review.html",
        f"  manifest  {DIGEST}",
    ]


def test_a_phase_that_did_not_begin_has_no_figures(pipeline: Pipeline) -> None:
    idle = PhaseSummary("20_join_domain", "not started", 0, 0, 0.0)
    pipeline.answer = result(phases=(idle,))

    assert invoke("run", PARAMETERS).stdout.splitlines()[1] == "20_join_domain  not started"


def test_a_run_that_failed_ends_with_its_code_and_the_next_step(pipeline: Pipeline) -> None:
    pipeline.answer = result(
        outcome="failed", exit_code=50, error=ERROR, manifest_sha256=None, phases=()
    )

    ended = invoke("run", PARAMETERS)

    assert (ended.exit_code, ended.stdout) == (ExitCode.FAILED, "/srv/runs/one: failed\n")
    assert ended.stderr.splitlines() == [
        "The cable of Private is out.",
        "  Why:  status media disconnected",
        "  Next: plug it in, then resume",
    ]


def test_a_run_that_waits_says_what_for_and_how_it_is_answered(pipeline: Pipeline) -> None:
    gate = OpenGate("10.plan", 7, "plan", "10", "approve the plan", "ab")
    pipeline.answer = result(
        outcome="waiting", exit_code=25, manifest_sha256=None, phases=(), gates=(gate,)
    )

    ended = invoke("resume", "/srv/runs/one")

    assert pipeline.calls == [("resume", Path("/srv/runs/one"))]
    assert ended.exit_code == ExitCode.WAITING
    assert ended.stdout.splitlines() == [
        "/srv/runs/one: waiting",
        "waits for a person: approve the plan",
        '  scc-runbook approve /srv/runs/one 10.plan --by "NAME" --reason "TEXT"',
    ]
    assert ended.stderr == "  Next: answer, then scc-runbook resume /srv/runs/one\n"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_run_that_did_nothing_never_ends_with_0(pipeline: Pipeline, options: list[str]) -> None:
    pipeline.answer = result(outcome="not started", manifest_sha256=None)

    ended = invoke("run", PARAMETERS, *options)

    assert (ended.exit_code, ended.stdout) == (ExitCode.BUG, "")
    assert "  Why:  it is not started, without an exit code" in ended.stderr


def test_a_run_is_told_to_machines(pipeline: Pipeline) -> None:
    pipeline.answer = result(outcome="failed", exit_code=50, error=ERROR, manifest_sha256=None)

    ended = invoke("run", PARAMETERS, "--json")

    assert (ended.exit_code, ended.stderr) == (ExitCode.FAILED, "")
    assert json.loads(ended.stdout) == {
        "run_folder": "/srv/runs/one",
        "outcome": "failed",
        "exit_code": 50,
        "error": ERROR,
        "manifest_sha256": None,
    }


def test_an_error_before_the_run_keeps_its_code(pipeline: Pipeline) -> None:
    pipeline.answer = StalePlanError("Nodes changed.", why="Private is on", next_step="plan again")

    assert invoke("run", PARAMETERS).exit_code == ExitCode.REFUSED


def test_plan_shows_each_change_with_what_stands_and_what_is_wished(pipeline: Pipeline) -> None:
    pipeline.answer = [OTHER]

    ended = invoke("plan", PARAMETERS, "--phase", "10")

    assert pipeline.calls == [("plan", LAB, "10")]
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        f"10_configure_networks  plan {OTHER.digest}",
        "node          what                 now  then  outcome",
        "E2K7SCCNode1  NetBIOS over TCP/IP  on   off   changes",
        "how to undo it, last change first",
        "  E2K7SCCNode1: NetBIOS over TCP/IP: switch it on again",
        "",
    ]


def test_plan_says_why_there_is_no_change(pipeline: Pipeline) -> None:
    pipeline.answer = [WISHED]

    assert invoke("plan", PARAMETERS).stdout.splitlines()[2] == (
        "E2K7SCCNode1  NetBIOS is off  already off        no change"
    )


def test_plan_says_what_a_step_may_come_to_at_its_turn(pipeline: Pipeline) -> None:
    waits = Deferred("10_configure_networks", (("NetBIOS over TCP/IP", "off"),), "when it is on")
    pipeline.answer = [PhasePlan("10_configure_networks", (planned(waits),))]

    ended = invoke("plan", PARAMETERS)

    shown = [line.split("  ") for line in ended.stdout.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in shown]
    assert [cell[1:] for cell in cells if cell and cell[-1] == "deferred"] == [
        ["NetBIOS is off", "when it is on", "deferred"],
        ["NetBIOS over TCP/IP", "told at its turn", "off", "deferred"],
    ]


@pytest.mark.parametrize(
    ("plans", "options", "code"),
    [
        ([WISHED], [], ExitCode.DONE),
        ([WISHED], ["--exit-code"], ExitCode.DONE),
        ([WISHED, OTHER], [], ExitCode.DONE),
        ([WISHED, OTHER], ["--exit-code"], ExitCode.DIFFERENT),
        ([WISHED, OTHER], ["--exit-code", "--json"], ExitCode.DIFFERENT),
    ],
)
def test_plan_ends_with_15_only_when_asked_and_something_differs(
    pipeline: Pipeline, plans: list[PhasePlan], options: list[str], code: ExitCode
) -> None:
    pipeline.answer = plans

    assert invoke("plan", PARAMETERS, *options).exit_code == code


def test_plans_are_told_to_machines_as_they_are_written(pipeline: Pipeline) -> None:
    pipeline.answer = [WISHED, OTHER]

    assert json.loads(invoke("plan", PARAMETERS, "--json").stdout) == [WISHED.data(), OTHER.data()]


def test_close_says_who_closed_and_the_manifests_digest(pipeline: Pipeline) -> None:
    pipeline.answer = DIGEST

    ended = invoke("close", "/srv/runs/one", "--by", "A. Person", "--reason", "wrong cluster")

    assert pipeline.calls == [("close", Path("/srv/runs/one"), "A. Person", "wrong cluster")]
    assert ended.stdout == (
        f"/srv/runs/one: closed by A. Person; MANIFEST.json has SHA-256 {DIGEST}\n"
    )


def test_progress_lists_what_was_done_and_counts_the_rest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = Lines()
    lines.phase_started("10_configure_networks", 2, 3)
    lines.step_finished("10_configure_networks", "disable_netbios", "NODE1", "changed")
    lines.step_finished("10_configure_networks", "disable_netbios", "NODE2", "unchanged")
    lines.step_finished("10_configure_networks", "set_gateway", "NODE1", "unchanged")
    lines.note("the lab restarted NODE1")
    lines.phase_finished("10_configure_networks", "done", 3.14)

    output = capsys.readouterr()
    assert (output.out, output.err.splitlines()) == (
        "",
        [
            "[2/3] 10_configure_networks",
            "      changed         disable netbios, NODE1",
            "      the lab restarted NODE1",
            "      10_configure_networks done in 3.1 s: 1 changed, 2 unchanged",
        ],
    )
