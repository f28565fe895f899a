"""A phase of tests alone, whose one step lets a task do slow work on the first node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import ClassVar

import pytest

from runbook_lib.commands.command import (
    Action,
    Answer,
    Detached,
    Program,
    Query,
    Read,
    Script,
    SecretText,
)
from runbook_lib.execution import phases
from runbook_lib.steps.accounts import installer
from runbook_lib.steps.step import Change, Changes, NoChange, Plan, Reads, StepClass
from runbook_lib.topology.models import Topology
from tests import lab_tasks

PHASE = "25_slow_work"
SETTING = "slow work"
EXPOSED = "the password stands in C:\\runbook until the task has ended"


@dataclass(frozen=True)
class SlowWork:
    """The work is done once, by a task; a script that runs as a task looks around before."""

    ids: ClassVar[tuple[str, ...]] = ("S095",)
    step_class: ClassVar[StepClass] = StepClass.ONE_SHOT
    node: str
    topology: Topology = field(repr=False)
    words: tuple[str, ...] = ()
    deadline_s: float = 600.0

    def reads(self) -> Reads:
        """Return the questions: whether the work's file is there, and what a script sees."""
        mark = Read(Program("cmd.exe", ("/c", "type", lab_tasks.DONE)))
        account = installer(self.topology)
        seen = Read(Detached(Script("read_components"), account), ("ManagerRuns",))

        def is_done(answers: Sequence[Answer]) -> bool:
            return bool(answers[0].rows[0]["ExitCode"] == 0)

        def is_quiet(answers: Sequence[Answer]) -> bool:
            return answers[0].rows[0]["ManagerRuns"] is False

        return {"done": Query((mark,), is_done), "quiet": Query((seen,), is_quiet)}

    def plan(self, *, done: bool, quiet: bool) -> Plan:
        """Return the work unless it is done."""
        if done:
            return NoChange(f"it is done, {'quietly' if quiet else 'loudly'}")
        account = installer(self.topology)
        program = Program("slow.exe", (*self.words, SecretText("/pass:{}", account.password)))
        action = Action(Detached(program, account), deadline_s=self.deadline_s, exposes=(EXPOSED,))
        return Changes(Change(SETTING, "not done", "done", action, "it cannot be undone"))


def work(topology: Topology) -> Iterator[SlowWork]:
    """The slow work is done (S095)."""
    yield SlowWork(topology.nodes[0].name, topology)


def work_that_stops(topology: Topology) -> Iterator[SlowWork]:
    """The slow work stops half way (S095)."""
    yield SlowWork(topology.nodes[0].name, topology, ("stop",))


def work_in_a_hurry(topology: Topology) -> Iterator[SlowWork]:
    """The slow work is done, and soon (S095)."""
    yield SlowWork(topology.nodes[0].name, topology, deadline_s=2.0)


def install(monkeypatch: pytest.MonkeyPatch, step: object = work) -> None:
    """Make this phase one of the procedure's, behind the joining of the domain."""
    lab_tasks.install(monkeypatch)
    module = ModuleType(PHASE)
    module.__dict__.update(PHASE=PHASE, STEPS=(step,))
    monkeypatch.setattr(phases, "MODULES", {**phases.MODULES, PHASE: module})
    names = tuple(dict.fromkeys((*phases.PHASES, PHASE)))
    monkeypatch.setattr(phases, "PHASES", names)
