"""Read, plan, act, verify: the steps of one phase on its nodes, from one thread.

Rules that bind this file:
1. Nothing is sent that changes a node before its intent is on disk.
2. What a step finds must equal what our own last read found; else somebody else changed it.
3. After a doubt the node is asked what became of the change; it is never sent again blindly.
4. Every node's answer is collected before an error of one of them is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.clock import Clock, Deadline
from runbook_lib.commands.command import Action, ManualAct, Outcome, Query
from runbook_lib.errors import (
    BugError,
    CommandFailedError,
    OutcomeUnknownError,
    PreconditionError,
    RunbookError,
    StalePlanError,
    TransportError,
    VerificationError,
)
from runbook_lib.execution.gates import Gate, GateKeeper, manual_gate
from runbook_lib.execution.phase_plan import (
    PhasePlan,
    PlannedStep,
    change_data,
    outcome_of,
)
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal
from runbook_lib.sessions.session import ExpectedIdentity, PendingAct, Reader, Session
from runbook_lib.steps.step import (
    Blocked,
    Change,
    Changes,
    Deferred,
    Effect,
    Plan,
    RebootPending,
    Step,
    StepClass,
    StepFactory,
)
from runbook_lib.topology.models import Topology

READ_DEADLINE_S = 120.0
"""For one sweep; longer than any single read may take, shorter than a person's patience."""

Hands = Callable[[ManualAct, str], None]
"""Performs a manual act on a node in a person's place (the lab's control address)."""


@dataclass(frozen=True)
class Row:
    """One line of what a step did, as notebook and page show it."""

    node: str
    what: str
    before: str
    after: str
    outcome: str
    journal: int


@dataclass
class Crew:
    """What the runner works with: the nodes' sessions and what stands around them."""

    sessions: Mapping[str, Session]
    identities: Mapping[str, ExpectedIdentity]
    journal: Journal
    gates: GateKeeper
    clock: Clock
    poll_s: float
    patience_s: float
    hands: Hands | None = None
    alive: Callable[[], None] = lambda: None


def title_of(factory: StepFactory) -> str:
    """Return a step's title: the first line of its factory's docstring, without the ids."""
    first = (factory.__doc__ or "").strip().splitlines()[0]
    return first.partition(" (")[0].rstrip(".")


def observe(
    sessions: Mapping[str, Reader],
    wanted: Sequence[tuple[str, Mapping[str, Query[Any]]]],
    deadline_s: float = READ_DEADLINE_S,
) -> list[dict[str, Any]]:
    """Return each (node, name -> query)'s values, both nodes asked side by side.

    Queries of one node travel in one trip; equal reads are sent once. A session repeats a read
    that fails, until `deadline_s` is over.
    """
    queries = {
        node: [query for other, reads in wanted if other == node for query in reads.values()]
        for node in dict.fromkeys(node for node, _ in wanted)
    }
    pending = {node: sessions[node].begin_read(asked) for node, asked in queries.items() if asked}
    values: dict[str, Iterator[Any]] = {}
    error: RunbookError | None = None
    for node, read in pending.items():
        try:
            values[node] = iter(read.finish(deadline_s))
        except RunbookError as failure:
            error = error or failure
    if error:
        raise error
    return [{name: next(values[node]) for name in reads} for node, reads in wanted]


def sweep(
    factories: Iterable[StepFactory], topology: Topology, sessions: Mapping[str, Reader]
) -> tuple[PlannedStep, ...]:
    """Return every step of these factories, planned from one trip to each node."""
    steps: list[tuple[str, str, Step]] = [
        (factory.__name__, title_of(factory), step)
        for factory in factories
        for step in factory(topology)
    ]
    answers = observe(sessions, [(step.node, step.reads()) for _, _, step in steps])
    return tuple(
        PlannedStep(name, title, step, step.plan(**seen))
        for (name, title, step), seen in zip(steps, answers, strict=True)
    )


@dataclass
class Runner:
    """Carries out the steps of one phase; `plan` first, then `run` step by step."""

    phase: str
    factories: Sequence[StepFactory]
    topology: Topology
    crew: Crew
    reboot_nodes: set[str] = field(default_factory=set)
    _seen: dict[tuple[str, str], Plan] = field(default_factory=dict)

    def plan(self) -> PhasePlan:
        """Return the phase's plan from one sweep over all steps and both nodes."""
        plan = PhasePlan(self.phase, self._sweep(self.factories))
        self._seen = {planned.key: planned.plan for planned in plan.steps}
        return plan

    def _sweep(self, factories: Iterable[StepFactory]) -> tuple[PlannedStep, ...]:
        return sweep(factories, self.topology, self.crew.sessions)

    def run(self, factory: StepFactory) -> list[Row]:
        """Make one step true on every node it concerns; return what was done, line by line.

        Raises StalePlanError, PreconditionError, CommandFailedError, VerificationError,
        OutcomeUnknownError, or what the gates raise.
        """
        began = self.crew.clock.monotonic()
        planned = self._sweep((factory,))
        for step in planned:
            self._refuse_stale(step)
        refuse_blocked(self.phase, planned)
        rounds = max((len(step.changes) for step in planned), default=0)
        adopted: set[tuple[str, str]] = set()  # (node, setting)
        for n in range(rounds):
            adopted |= self._change([(s, s.changes[n]) for s in planned if n < len(s.changes)])
        after = self._after(factory) if rounds else planned
        spent = self.crew.clock.monotonic() - began
        return [
            row
            for step, now in zip(planned, after, strict=True)
            for row in self._verify(step, now, spent, adopted)
        ]

    def confirm(self, planned: PlannedStep, *, was_waiting: bool) -> list[Row]:
        """Journal a step that a read after the restart shows as wished; return its line."""
        return self._verify(planned, planned, 0.0, set(), was_waiting=was_waiting)

    def _refuse_stale(self, now: PlannedStep) -> None:
        """Refuse when a node is not as our own last read saw it (rule 2)."""
        seen = self._seen[now.key]
        if fingerprint(seen) == fingerprint(now.plan):
            return
        raise StalePlanError(
            f"{now.step.node} is no longer as the plan of {self.phase} saw it.",
            why=f"{now.title}: the plan saw {describe(seen)}; now {describe(now.plan)}",
            next_step="find out who works on the node, then plan the phase again",
        )

    def _after(self, factory: StepFactory) -> tuple[PlannedStep, ...]:
        """Read every step again: what our changes moved elsewhere is then known as ours."""
        swept = self.plan().steps
        return tuple(planned for planned in swept if planned.name == factory.__name__)

    def _change(self, wave: Sequence[tuple[PlannedStep, Change]]) -> set[tuple[str, str]]:
        """Carry out one change per node, sent to all before any is waited for."""
        begun: list[tuple[PlannedStep, Change, JournalEntry, PendingAct]] = []
        adopted: set[tuple[str, str]] = set()
        error: RunbookError | None = None
        by_hand = [(p, c, c.by) for p, c in wave if isinstance(c.by, ManualAct)]
        for planned, _, act in by_hand:
            # All questions first: a person walks to both machines once.
            self.crew.gates.open(self._gate(planned, act))
        for planned, change, act in by_hand:
            self._by_hand(planned, change, act)
        for planned, change in wave:
            if isinstance(change.by, ManualAct):
                continue
            try:
                self.crew.alive()
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

    def _intend(self, planned: PlannedStep, change: Change) -> JournalEntry:
        return self.crew.journal.append(
            "intent",
            {
                "phase": self.phase,
                "step": planned.name,
                "node": planned.step.node,
                "ids": list(planned.step.ids),
                "step_class": planned.step.step_class.value,
                **change_data(change),
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
        self, planned: PlannedStep, change: Change, intent: JournalEntry, pending: PendingAct
    ) -> bool:
        """Journal a change's result; return True when it had to be found out by a probe."""
        deadline_s = change.by.deadline_s if isinstance(change.by, Action) else 0.0
        try:
            answer = pending.finish(deadline_s)
        except OutcomeUnknownError as doubt:
            self._settle(planned, change, intent, doubt)
            return True
        except CommandFailedError as failure:
            self._result(intent, "failed", None, [failure.why])
            raise
        except RunbookError as failure:
            # Whatever else a session raises tells that the node was not reached or refused to act.
            self._result(intent, "not sent", None, [failure.why])
            raise
        if answer.outcome is Outcome.REBOOT_NEEDED or change.effect is Effect.AFTER_REBOOT:
            self.reboot_nodes.add(planned.step.node)
        self._result(intent, answer.outcome.value, answer.code, list(answer.output))
        return False

    def _result(
        self, intent: JournalEntry, outcome: str, code: int | None, output: list[str]
    ) -> JournalEntry:
        return self.crew.journal.append(
            "result", {"intent": intent.seq, "outcome": outcome, "code": code, "output": output}
        )

    def _settle(
        self, planned: PlannedStep, change: Change, intent: JournalEntry, doubt: RunbookError
    ) -> None:
        """Find out what became of a change whose reply was lost (rule 3).

        Settled, the change counts as adopted. Found absent, a step that sets a value is sent
        once more under a new intent; a one-shot step stops for a person.
        """
        node = planned.step.node
        now = self._probe(planned, doubt)
        if not _still_wanted(now, change):
            if change.effect is Effect.AFTER_REBOOT:
                self.reboot_nodes.add(node)
            evidence = f"read again after the link was lost: {now.reason or describe(now.plan)}"
            self.crew.journal.append("adopted", {"intent": intent.seq, "evidence": evidence})
            return
        if planned.step.step_class is not StepClass.SET:
            raise doubt
        self._result(intent, "absent", None, ["a separate read shows that nothing was changed"])
        second = self._intend(planned, change)
        answer = self._send(planned, change).finish(
            change.by.deadline_s if isinstance(change.by, Action) else 0.0
        )
        if answer.outcome is Outcome.REBOOT_NEEDED or change.effect is Effect.AFTER_REBOOT:
            self.reboot_nodes.add(node)
        self._result(second, answer.outcome.value, answer.code, list(answer.output))

    def _probe(self, planned: PlannedStep, doubt: RunbookError) -> PlannedStep:
        """Return the step planned anew over a new connection; raise `doubt` if none comes."""
        session = self.crew.sessions[planned.step.node]
        deadline = Deadline.after(self.crew.clock, self.crew.patience_s)
        while True:
            try:
                session.reconnect()
                seen = observe(self.crew.sessions, [(planned.step.node, planned.step.reads())])[0]
            except TransportError as failure:
                if deadline.is_over:
                    raise OutcomeUnknownError(
                        doubt.what,
                        why=f"{doubt.why}; then: {failure.why}",
                        next_step=doubt.next_step,
                    ) from failure
                self.crew.clock.sleep(self.crew.poll_s)
                continue
            return PlannedStep(planned.name, planned.title, planned.step, planned.step.plan(**seen))

    def _gate(self, planned: PlannedStep, act: ManualAct) -> Gate:
        return manual_gate(self.phase, planned.name, planned.step.node, act.instruction)

    def _by_hand(self, planned: PlannedStep, change: Change, act: ManualAct) -> None:
        """Let a person act, and wait until a read shows it."""
        node = planned.step.node
        self.crew.gates.pass_through(self._gate(planned, act))
        self.crew.alive()
        intent = self._intend(planned, change)
        if self.crew.hands:
            self.crew.hands(act, node)
        deadline = Deadline.after(self.crew.clock, self.crew.patience_s)
        while True:
            seen = observe(self.crew.sessions, [(node, planned.step.reads())])[0]
            now = PlannedStep(planned.name, planned.title, planned.step, planned.step.plan(**seen))
            if not _still_wanted(now, change):
                break
            if deadline.is_over:
                self._result(intent, "absent", None, ["a read does not show the act"])
                raise VerificationError(
                    f"{node} does not show what was done by hand: {change.setting}.",
                    why=f"still {describe(now.plan)} after {self.crew.patience_s:g} s",
                    next_step=f"{act.instruction}; then resume the run and answer its gate",
                )
            self.crew.clock.sleep(self.crew.poll_s)
        self._result(intent, "done", None, [])

    def _verify(
        self,
        before: PlannedStep,
        now: PlannedStep,
        spent_s: float,
        adopted: AbstractSet[tuple[str, str]],
        *,
        was_waiting: bool = False,
    ) -> list[Row]:
        """Journal that a separate read shows the step as wished; return its rows."""
        elsewhere = isinstance(now.plan, Deferred) and now.plan.until != self.phase
        if isinstance(now.plan, Changes | Blocked) or (
            isinstance(now.plan, Deferred) and not elsewhere
        ):
            raise VerificationError(
                f"{now.step.node}: {now.title}: a separate read does not show it.",
                why=f"the read after the change shows {describe(now.plan)}",
                next_step="look at the node, then resume the run: it plans this step anew",
            )
        if isinstance(now.plan, RebootPending):
            self.reboot_nodes.add(now.step.node)
        node = now.step.node
        outcomes = [
            "adopted"
            if (node, change.setting) in adopted
            else "reboot pending"
            if change.effect is Effect.AFTER_REBOOT
            else "changed"
            for change in before.changes
        ]
        outcome = "changed" if was_waiting else outcomes[0] if outcomes else "unchanged"
        if isinstance(now.plan, RebootPending | Deferred):
            outcome = outcome_of(now.plan)
        entry = self.crew.journal.append(
            "verified",
            {
                "phase": self.phase,
                "step": now.name,
                "node": node,
                "ids": list(now.step.ids),
                "title": now.title,
                "outcome": outcome,
                "reason": now.reason,
                "changes": [
                    {**change_data(change), "outcome": each}
                    for change, each in zip(before.changes, outcomes, strict=True)
                ],
                "duration_s": round(spent_s, 3),
            },
        )
        if not before.changes:
            return [Row(node, now.title, now.reason, "", outcome, entry.seq)]
        return [
            Row(node, change.setting, change.before, change.after, each, entry.seq)
            for change, each in zip(before.changes, outcomes, strict=True)
        ]


def refuse_blocked(
    phase: str,
    planned: Iterable[PlannedStep],
    error: type[RunbookError] = PreconditionError,
) -> None:
    """Raise one error that names every step that cannot be done; nothing was changed."""
    blocked = [(p, p.plan) for p in planned if isinstance(p.plan, Blocked)]
    if not blocked:
        return
    raise error(
        f"{phase} cannot go on: {len(blocked)} of its steps are blocked.",
        why="; ".join(f"{p.step.node}, {p.title}: {plan.reason}" for p, plan in blocked),
        next_step="; ".join(dict.fromkeys(plan.next_step for _, plan in blocked)),
    )


def fingerprint(plan: Plan) -> tuple[str, frozenset[tuple[str, str, str]]]:
    """Return what two sweeps of an unchanged node share."""
    changes = plan.changes if isinstance(plan, Changes) else ()
    return outcome_of(plan), frozenset((c.setting, c.before, c.after) for c in changes)


def describe(plan: Plan) -> str:
    """Return a plan in one clause, for an error's Why."""
    match plan:
        case Changes(changes=changes):
            return "; ".join(f"{c.setting} {c.before}, wanted {c.after}" for c in changes)
        case Deferred(until=until):
            return f"nothing to tell before {until}"
        case _:
            return f"{outcome_of(plan)}: {plan.reason}"


def _still_wanted(now: PlannedStep, change: Change) -> bool:
    return any(c.setting == change.setting and c.after == change.after for c in now.changes)
