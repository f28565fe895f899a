"""Changing a node: intent first, one try, and a probe after every doubt.

Rules that bind this file:
1. Nothing is sent that changes a node before its intent is on disk.
2. After a doubt the node is asked what became of the change; it is never sent again blindly.
3. Every node's answer is collected before an error of one of them is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runbook_lib.clock import Clock, Deadline
from runbook_lib.commands.command import Action, ManualAct, Outcome
from runbook_lib.errors import (
    BugError,
    CommandFailedError,
    OutcomeUnknownError,
    RunbookError,
    TransportError,
    VerificationError,
)
from runbook_lib.execution import detached_work
from runbook_lib.execution.gates import Gate, GateKeeper, manual_gate
from runbook_lib.execution.nodes import Nodes
from runbook_lib.execution.observation import waiting_for_node
from runbook_lib.execution.phase_plan import (
    PlannedStep,
    describe,
    intent_data,
    shows,
    wanted_again,
)
from runbook_lib.execution.phase_record import open_intents
from runbook_lib.execution.power_watch import await_power, is_about_power
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal
from runbook_lib.sessions.session import (
    ExpectedIdentity,
    PendingAct,
    Session,
    WorkFailedError,
    WorkLostError,
)
from runbook_lib.steps.step import Change, Effect, StepClass

Hands = Callable[[ManualAct, str], None]
"""Performs a manual act on a node in a person's place (the lab's control address)."""


@dataclass
class Crew:
    """What the runner works with: the nodes' sessions and what stands around them.

    patience_s: for what a person or a service does. starting_s: for a machine that starts.
    left: tasks that have to be removed still.
    """

    sessions: Mapping[str, Session]
    nodes: Nodes
    journal: Journal
    gates: GateKeeper
    clock: Clock
    poll_s: float
    patience_s: float
    starting_s: float
    hands: Hands | None = None
    alive: Callable[[], None] = lambda: None
    left: set[detached_work.Left] = field(default_factory=set)

    @property
    def identities(self) -> Mapping[str, ExpectedIdentity]:
        """Return what each act checks, by node."""
        return self.nodes.machines

    def remove_left(self) -> None:
        """Remove every task that is still on a node; raises as a removal does."""
        for node, task in sorted(self.left):
            self.sessions[node].clean_up(task, self.identities[node])
            self.left.discard((node, task))


@dataclass
class Actor:
    """Carries out planned changes of one phase; knows afterwards which nodes need a restart."""

    phase: str
    crew: Crew
    reboot_nodes: set[str] = field(default_factory=set)

    def carry_out(self, wave: Sequence[tuple[PlannedStep, Change]]) -> set[tuple[str, str]]:
        """Carry out one change per node, sent to all before any is waited for."""
        begun: list[tuple[PlannedStep, Change, JournalEntry, PendingAct]] = []
        adopted: set[tuple[str, str]] = set()
        error: RunbookError | None = None
        by_hand = [(p, c, c.by) for p, c in wave if isinstance(c.by, ManualAct)]
        for planned, change, act in by_hand:
            # All questions first: a person walks to both machines once.
            self.crew.gates.open(self._gate(planned, change, act))
        for planned, change, act in by_hand:
            self._by_hand(planned, change, act)
        for planned, unnamed in wave:
            if isinstance(unnamed.by, ManualAct):
                continue
            change = detached_work.named(unnamed, self.crew.journal)
            try:
                detached_work.refuse_beside_another(change, planned.step.node, self._open())
                intent = self._intend(planned, change)
            except RunbookError as failure:
                error = failure
                break
            begun.append((planned, change, intent, self._send(planned, change)))
        for planned, change, intent, pending in begun:
            try:
                if self._finish(planned, change, intent, pending):
                    adopted.add((planned.step.node, change.setting))
            except RunbookError as failure:
                error = error or failure
        if error:
            raise error
        return adopted

    def _open(self) -> list[JournalEntry]:
        return open_intents(self.crew.journal.entries, self.phase)

    def _intend(self, planned: PlannedStep, change: Change) -> JournalEntry:
        self.crew.alive()
        return self.crew.journal.append(
            "intent",
            {
                "phase": self.phase,
                "step": planned.name,
                "node": planned.step.node,
                **intent_data(planned, change),
                **detached_work.intent_data(change),
            },
        )

    def _send(self, planned: PlannedStep, change: Change) -> PendingAct:
        if not isinstance(change.by, Action):
            raise BugError(
                "A manual act was about to be sent to a node.",
                why=change.setting,
                next_step="report this with the run folder's debug/",
            )
        node = planned.step.node
        return self.crew.sessions[node].begin_act(change.by, self.crew.identities[node])

    def _finish(
        self,
        planned: PlannedStep,
        change: Change,
        intent: JournalEntry,
        pending: PendingAct,
        *,
        is_second: bool = False,
    ) -> bool:
        """Journal a change's result; return True when only a probe found it done."""
        deadline_s = change.by.deadline_s if isinstance(change.by, Action) else 0.0
        try:
            answer = pending.finish(deadline_s)
        except OutcomeUnknownError as doubt:
            return self._settle(planned, change, intent, doubt, is_second=is_second)
        except CommandFailedError as failure:
            self._failed(planned, change, intent, failure)
            raise
        except RunbookError as failure:
            # Whatever else a session raises tells that the node was not reached or refused to act.
            self._result(intent, "not sent", None, [failure.why])
            raise
        if answer.outcome is Outcome.REBOOT_NEEDED or change.effect is Effect.AFTER_REBOOT:
            self.reboot_nodes.add(planned.step.node)
        kept = self._keep_log(change, answer.log)
        self._result(intent, answer.outcome.value, answer.code, list(answer.output), kept)
        self._clean_up(planned, change)
        return False

    def _failed(
        self,
        planned: PlannedStep,
        change: Change,
        intent: JournalEntry,
        failure: CommandFailedError,
    ) -> None:
        """Journal that a node said no; what detached work wrote is kept."""
        code, log = None, None
        if isinstance(failure, WorkFailedError):
            code, log = failure.code, failure.log
        self._result(intent, "failed", code, [failure.why], self._keep_log(change, log))
        self._clean_up(planned, change)

    def _keep_log(self, change: Change, log: str | None) -> dict[str, str]:
        return detached_work.keep_log(self.crew.journal, detached_work.task_of(change), log)

    def _clean_up(self, planned: PlannedStep, change: Change) -> None:
        node = planned.step.node
        task = detached_work.task_of(change)
        session, identity = self.crew.sessions[node], self.crew.identities[node]
        if not detached_work.clean_up(session, task, identity):
            self.crew.left.add((node, task))

    def _result(
        self,
        intent: JournalEntry,
        outcome: str,
        code: int | None,
        output: list[str],
        kept: Mapping[str, str] | None = None,
    ) -> JournalEntry:
        said: dict[str, Any] = {
            "intent": intent.seq,
            "outcome": outcome,
            "code": code,
            "output": output,
        }
        return self.crew.journal.append("result", {**said, **(kept or {})})

    def _settle(
        self,
        planned: PlannedStep,
        change: Change,
        intent: JournalEntry,
        doubt: RunbookError,
        *,
        is_second: bool,
    ) -> bool:
        """Find out what became of a change whose reply was lost (rule 2).

        Seen done, it is adopted: True. Seen absent, a step that sets a value is sent once more
        under a new intent, and a one-shot step stops for a person, as does what cannot be seen.
        """
        now = self._probe(planned, doubt)
        done = shows(now.plan, change.setting, change.after)
        if done:
            if change.effect is Effect.AFTER_REBOOT:
                self.reboot_nodes.add(planned.step.node)
            evidence = f"read after the link was lost: {change.setting} is {change.after}"
            self.crew.journal.append("adopted", {"intent": intent.seq, "evidence": evidence})
            if isinstance(doubt, WorkLostError):
                self._clean_up(planned, change)
            elif task := detached_work.task_of(change):
                # It may still be at work: it is removed when the phase ends.
                self.crew.left.add((planned.step.node, task))
            return True
        if done is None:
            raise OutcomeUnknownError(
                doubt.what,
                why=f"{doubt.why}; a read shows {describe(now.plan)}",
                next_step=doubt.next_step,
            )
        if planned.step.step_class is not StepClass.SET or detached_work.task_of(change):
            # A task may still be at work, whatever the read shows.
            raise doubt
        self._result(intent, "absent", None, ["a separate read shows that nothing was changed"])
        again = wanted_again(now.plan, change.setting, change.after)
        if is_second or again is None:
            raise doubt
        second = self._intend(now, again)
        # Its reply may be lost as well: a change of address always loses it.
        return self._finish(now, again, second, self._send(now, again), is_second=True)

    def _probe(self, planned: PlannedStep, doubt: RunbookError) -> PlannedStep:
        """Return the step planned anew over a new connection; raise `doubt` if none comes."""
        session = self.crew.sessions[planned.step.node]
        deadline = Deadline.after(self.crew.clock, self.crew.patience_s)
        while True:
            try:
                session.reconnect()
                now = self._look(planned)
            except TransportError as failure:
                if deadline.is_over:
                    raise OutcomeUnknownError(
                        doubt.what,
                        why=f"{doubt.why}; then: {failure.why}",
                        next_step=doubt.next_step,
                    ) from failure
                self.crew.clock.sleep(self.crew.poll_s)
                continue
            return now

    def _look(self, planned: PlannedStep) -> PlannedStep:
        """Return the step planned anew from a read of its node."""
        wanted = [(planned.step.node, planned.step.reads())]
        (seen,) = self.crew.nodes.ask(wanted)
        if seen is None:
            waiting = waiting_for_node(self.phase, planned.step)
            return replace(planned, plan=waiting, is_unasked=True)
        return replace(planned, plan=planned.step.plan(**seen), is_unasked=False)

    def _gate(self, planned: PlannedStep, change: Change, act: ManualAct) -> Gate:
        node, told = planned.step.node, [intent_data(planned, change)]
        return manual_gate(self.phase, planned.name, node, act.instruction, told)

    def _by_hand(self, planned: PlannedStep, change: Change, act: ManualAct) -> None:
        """Let a person act, and wait until a read shows it."""
        node = planned.step.node
        self.crew.gates.pass_through(self._gate(planned, change, act))
        intent = self._intend(planned, change)
        if act.is_word:
            self._result(intent, "done", None, ["answered at its gate; no node shows it"])
            return
        if self.crew.hands:
            self.crew.hands(act, node)
        moves_power = is_about_power(act)
        patience_s = self.crew.starting_s if moves_power else self.crew.patience_s
        deadline = Deadline.after(self.crew.clock, patience_s)
        # Nothing is asked of a machine that starts or goes down, before its power is settled.
        seen = await_power(self.crew.nodes, act, node, deadline) if moves_power else ""
        while not seen:
            now = self._look(planned).plan
            if shows(now, change.setting, change.after):
                self._result(intent, "done", None, [])
                return
            if deadline.is_over:
                seen = f"still {describe(now)}"
            self.crew.clock.sleep(self.crew.poll_s)
        self._result(intent, "absent", None, ["a read does not show the act"])
        raise VerificationError(
            f"{node} does not show what was done by hand: {change.setting}.",
            why=f"{seen} after {patience_s:g} s",
            next_step=f"{act.instruction}; then resume the run and answer its gate",
        )
