"""The story of a run as values: phases, attempts, steps, changes, gates, and the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Facts = Mapping[str, object]

EVENT_LOG = "event_log"
"""The journal's entry for the errors that a node's logs gained while a phase ran."""

RESTART = "restart"
"""The step under which a phase asks for its restarts."""

DONE_OUTCOMES = frozenset({"changed", "adopted", "reboot pending"})


@dataclass
class ChangeStory:
    """One change from its intent to the read that proved it.

    outcome: of the verifying read; before there is one, what is known of the intent.
    """

    node: str
    setting: str
    before: str
    after: str
    undo: str
    effect: str
    command: str
    outcome: str = "no answer on record"
    intent: int | None = None
    verified: int | None = None
    code: str = ""
    output: tuple[str, ...] = ()
    note: str = ""
    exposes: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Tell whether the change is in the node, as far as the record knows."""
        return self.outcome in DONE_OUTCOMES


@dataclass(frozen=True)
class CheckStory:
    """A read that showed a step as wished without any change."""

    node: str
    outcome: str
    reason: str
    seq: int


@dataclass
class StepStory:
    """One step on all its nodes, over all attempts. checks: the last one of each node."""

    name: str
    title: str = ""
    ids: tuple[str, ...] = ()
    changes: list[ChangeStory] = field(default_factory=list)
    checks: dict[str, CheckStory] = field(default_factory=dict)

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """Return how the step ended on each node: the strongest word, in the order of nodes."""
        found: dict[str, str] = {}
        for check in self.checks.values():
            found[check.node] = check.outcome
        for change in self.changes:
            found[change.node] = change.outcome
        return sorted(found.items())


@dataclass
class Attempt:
    """One opening of a phase. ended: empty while it goes on, or when nobody wrote its end."""

    number: int
    mode: str
    began: str
    first: int
    ended: str = ""
    outcome: str = "open"
    exit_code: str = ""


@dataclass
class PhaseStory:
    """One phase with all its attempts."""

    name: str
    attempts: list[Attempt] = field(default_factory=list)
    steps: dict[str, StepStory] = field(default_factory=dict)
    plan_sha256: str = ""
    planned_changes: int = 0
    planned: list[Facts] = field(default_factory=list)
    before: object = None
    after: object = None

    @property
    def outcome(self) -> str:
        """Return how the last attempt ended."""
        return self.attempts[-1].outcome if self.attempts else "not begun"

    @property
    def changes(self) -> list[ChangeStory]:
        """Return the changes that are in the nodes, in the order in which they were made.

        A restart changes no setting and cannot be undone: it is told by itself.
        """
        made = [
            change
            for step in self.steps.values()
            if step.name != RESTART
            for change in step.changes
            if change.is_done
        ]
        return sorted(made, key=lambda change: change.intent or change.verified or 0)


@dataclass(frozen=True)
class EvidenceStory:
    """A file that came with an answer: where the record keeps it, its own name, its digest."""

    file: str
    name: str
    sha256: str


@dataclass
class GateStory:
    """One question to a person, and its answer if there is one."""

    name: str
    kind: str
    phase: str
    instruction: str
    node: str
    plan_sha256: str
    opened: int
    opened_at: str
    answer: str = "waiting"
    by: str = ""
    reason: str = ""
    os_user: str = ""
    answered_at: str = ""
    answered: int | None = None
    automatic: bool = False
    note: str = ""
    evidence: list[EvidenceStory] = field(default_factory=list)


@dataclass(frozen=True)
class Event:
    """Anything else that a reader should see, with its entry."""

    seq: int
    at: str
    event: str
    phase: str
    facts: Facts


LOGGED = ("log", "source", "code", "at", "message")


@dataclass(frozen=True)
class LoggedError:
    """One error of a node's event log. at: by the node's clock, UTC. seq: of the journal."""

    node: str
    phase: str
    seq: int
    log: str
    source: str
    code: str
    at: str
    message: str


def _mappings(value: object) -> Iterable[Facts]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


@dataclass
class Story:
    """A whole run."""

    opened: Facts
    began: str
    ended: str
    outcome: str
    closed: Facts
    head: str
    count: int
    phases: dict[str, PhaseStory] = field(default_factory=dict)
    gates: list[GateStory] = field(default_factory=list)
    nodes: list[Event] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Event]:
        """Return the events of these kinds, oldest first."""
        return [event for event in self.events if event.event in kinds]

    @property
    def logged(self) -> list[LoggedError]:
        """Return the errors that the nodes' event logs gained, in the order of the journal."""
        return [
            LoggedError(
                node=str(event.facts.get("node", "")),
                phase=str(event.facts.get("phase", "")),
                seq=event.seq,
                **{name: str(error.get(name, "")) for name in LOGGED},
            )
            for event in self.of(EVENT_LOG)
            for error in _mappings(event.facts.get("errors"))
        ]

    @property
    def steps(self) -> list[StepStory]:
        """Return all steps of all phases."""
        return [step for phase in self.phases.values() for step in phase.steps.values()]

    @property
    def changes(self) -> list[ChangeStory]:
        """Return all changes that are in the nodes."""
        return [change for phase in self.phases.values() for change in phase.changes]
