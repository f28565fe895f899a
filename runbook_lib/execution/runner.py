"""Read, plan, act, verify: the steps of one phase on its nodes, from one thread.

What a step finds must equal what our own last read found; else somebody else changed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from runbook_lib.clock import Deadline
from runbook_lib.errors import (
    NodeUnreachableError,
    PreconditionError,
    RunbookError,
    StalePlanError,
    StoppedMidwayError,
    VerificationError,
)
from runbook_lib.execution.acting import Actor
from runbook_lib.execution.observation import sweep
from runbook_lib.execution.passed import Passed, passed
from runbook_lib.execution.phase_plan import (
    PhasePlan,
    PlannedStep,
    change_data,
    describe,
    fingerprint,
    outcome_of,
    remaining_is_covered,
)
from runbook_lib.steps.step import (
    Blocked,
    Changes,
    Deferred,
    Effect,
    Plan,
    RebootPending,
    StepFactory,
)
from runbook_lib.topology.models import Topology

ANSWER_AT_TURN_S = 20.0
"""For a node that is off when a step needs it: it may be starting."""


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
class Runner:
    """Carries out the steps of one phase; `plan` first, then `run` step by step."""

    phase: str
    factories: Sequence[StepFactory]
    topology: Topology
    actor: Actor
    _seen: dict[tuple[str, str], Plan] = field(default_factory=dict)
    _agreed: PhasePlan | None = None
    _latest: dict[tuple[str, str], PlannedStep] = field(default_factory=dict)
    _passed: Passed = field(init=False)

    def __post_init__(self) -> None:
        """Know which steps earlier attempts of this run have left behind."""
        steps = [(f.__name__, step) for f in self.factories for step in f(self.topology)]
        self._passed = passed(self.phase, self.actor.crew.journal.entries, steps)

    @property
    def latest(self) -> PhasePlan:
        """Return every step as it was planned last: at its own turn, or with all others."""
        return PhasePlan(self.phase, tuple(self._latest.values()))

    def plan(self) -> PhasePlan:
        """Return the phase's plan from one sweep over all steps and both nodes.

        The first one is the one that passes the gate: what it does not hold, `run` refuses.
        """
        plan = PhasePlan(self.phase, self._sweep(self.factories))
        self._agreed = self._agreed or plan
        self._seen = {planned.key: planned.plan for planned in plan.steps}
        self._latest = {planned.key: planned for planned in plan.steps}
        return plan

    def _sweep(self, factories: Iterable[StepFactory]) -> tuple[PlannedStep, ...]:
        steps = sweep(self.phase, factories, self.topology, self.actor.crew.nodes.ask)
        return tuple(self._passed.by(planned) for planned in steps)

    def run(self, factory: StepFactory) -> list[Row]:
        """Make one step true on every node it concerns; return what was done, line by line.

        Raises StalePlanError or PreconditionError (StoppedMidwayError once this attempt has
        changed anything), CommandFailedError, VerificationError, OutcomeUnknownError, or what
        the gates raise.
        """
        began = self.actor.crew.clock.monotonic()
        planned = self._at_its_turn(factory)
        for step in planned:
            self._refuse_stale(step)
        self._refuse_unagreed(planned)
        refuse_blocked(self.phase, planned, self._refusal(PreconditionError))
        rounds = max((len(step.changes) for step in planned), default=0)
        adopted: set[tuple[str, str]] = set()  # (node, setting)
        for n in range(rounds):
            adopted |= self.actor.carry_out(
                [(s, s.changes[n]) for s in planned if n < len(s.changes)]
            )
        after = self._after(factory) if rounds else planned
        spent = self.actor.crew.clock.monotonic() - began
        return [
            row
            for step, now in zip(planned, after, strict=True)
            for row in self._verify(step, now, spent, adopted)
        ]

    def _at_its_turn(self, factory: StepFactory) -> tuple[PlannedStep, ...]:
        """Return the step planned now; what it waits for may come by itself, for a while.

        Raises NodeUnreachableError for a node that would have to be asked and stays off.
        """
        clock = self.actor.crew.clock
        began = clock.monotonic()
        while True:
            planned = self._sweep((factory,))
            unasked = [step for step in planned if step.is_unasked]
            waits = [step for step in planned if _waits_here(step.plan, self.phase)]
            patience_s = ANSWER_AT_TURN_S if unasked else self.actor.crew.patience_s
            if not waits or clock.monotonic() - began >= patience_s:
                break
            clock.sleep(self.actor.crew.poll_s)
        if unasked:
            nodes = ", ".join(dict.fromkeys(step.step.node for step in unasked))
            raise NodeUnreachableError(
                f"{nodes} does not answer, and {unasked[0].title} needs it.",
                why=f"nothing listens there for WinRM; it stayed so for {patience_s:g} s",
                next_step=f"see that {nodes} is on, that its network is connected and that its "
                "WinRM service runs; then resume the run",
            )
        self._latest.update({step.key: step for step in planned})
        return planned

    def confirm(self, planned: PlannedStep, *, was_waiting: bool) -> list[Row]:
        """Journal a step that a read after the restart shows as wished; return its line."""
        return self._verify(planned, planned, 0.0, set(), was_waiting=was_waiting)

    def _refuse_stale(self, now: PlannedStep) -> None:
        """Refuse when a node is not as our own last read saw it (rule 2).

        Nothing was seen of what waits for its turn: there its wishes decide.
        """
        seen = self._seen[now.key]
        if _waits_here(seen, self.phase) or fingerprint(seen) == fingerprint(now.plan):
            return
        raise self._refusal(StalePlanError)(
            f"{now.step.node} is no longer as the plan of {self.phase} saw it.",
            why=f"{now.title}: the plan saw {describe(seen)}; now {describe(now.plan)}",
            next_step="find out who works on the node, then plan the phase again",
        )

    def _refuse_unagreed(self, now: Iterable[PlannedStep]) -> None:
        """Refuse what somebody made necessary while a step of ours acted on the node."""
        unagreed = remaining_is_covered(self._agreed.data(), now) if self._agreed else []
        if unagreed:
            raise self._refusal(StalePlanError)(
                f"{self.phase} has come to changes that its plan did not hold.",
                why="; ".join(unagreed),
                next_step="find out who works on the node, then plan the phase again",
            )

    def _refusal(self, before_any_change: type[RunbookError]) -> type[RunbookError]:
        """Return what a step that cannot be begun means: a refusal, or a stop midway."""
        entries = self.actor.crew.journal.entries
        opened = max(
            (e.seq for e in entries if e.event == "phase_opened" and e.data["phase"] == self.phase),
            default=0,
        )
        acted = any(entry.event == "intent" for entry in entries[opened:])
        return StoppedMidwayError if acted else before_any_change

    def _after(self, factory: StepFactory) -> tuple[PlannedStep, ...]:
        """Read every step again: what our changes moved elsewhere is then known as ours."""
        clock = self.actor.crew.clock
        deadline = Deadline.after(clock, self.actor.crew.patience_s)
        while True:
            after = [step for step in self.plan().steps if step.name == factory.__name__]
            waits = any(_waits_here(s.plan, self.phase) and not s.is_unasked for s in after)
            if not waits or deadline.is_over:
                return tuple(after)
            clock.sleep(self.actor.crew.poll_s)

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
            self.actor.reboot_nodes.add(now.step.node)
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
        entry = self.actor.crew.journal.append(
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


def _waits_here(plan: Plan, phase: str) -> bool:
    return isinstance(plan, Deferred) and plan.until == phase


def refuse_blocked(
    phase: str,
    planned: Iterable[PlannedStep],
    error: type[RunbookError] = PreconditionError,
) -> None:
    """Raise one error that names every step that cannot be done; none of them was begun."""
    blocked = [(p, p.plan) for p in planned if isinstance(p.plan, Blocked)]
    if not blocked:
        return
    raise error(
        f"{phase} cannot go on: {len(blocked)} of its steps are blocked.",
        why="; ".join(f"{p.step.node}, {p.title}: {plan.reason}" for p, plan in blocked),
        next_step="; ".join(dict.fromkeys(plan.next_step for _, plan in blocked)),
    )
