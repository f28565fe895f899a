"""What a step is: declared reads, and a pure plan made from their answers.

Rules of this package: no session, no clock, no file; `plan` gets values and returns one of five
outcomes. Waiting, retries, the reboot, gates and the record belong to `execution`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Protocol, runtime_checkable

from runbook_lib.commands.command import Action, ManualAct, Query
from runbook_lib.topology.models import Topology


class Silence(Enum):
    """What a question gets from a node that does not answer."""

    SILENT = "silent"


SILENT = Silence.SILENT


@dataclass(frozen=True)
class At:
    """A query for a named node that may be switched off; `plan` then gets SILENT."""

    node: str
    query: Query[Any]


@dataclass(frozen=True)
class PowerOf:
    """Whether a node answers at all; `plan` gets True, or False once it has stayed silent."""

    node: str


Reads = Mapping[str, Query[Any] | At | PowerOf]
"""Name -> question; the runner hands the values to `plan` under the same names.

A plain query goes to the step's own node, which must be on when the step's turn comes.
"""


class StepClass(StrEnum):
    """What may be done again after a doubt."""

    READ = "R"
    SET = "S"
    ONE_SHOT = "G"


class Effect(StrEnum):
    """When a change is in force."""

    NOW = "now"
    AFTER_REBOOT = "after reboot"


@dataclass(frozen=True)
class Change:
    """One setting that differs, how it becomes the wish, and how that is undone.

    before, after: as a reader sees them. undo: one sentence, or why there is none.
    """

    setting: str
    before: str
    after: str
    by: Action | ManualAct
    undo: str
    effect: Effect = Effect.NOW


@dataclass(frozen=True)
class Changes:
    """What differs, in the order in which it is changed."""

    changes: tuple[Change, ...]

    def __init__(self, *changes: Change) -> None:
        """Keep at least one change; without any the plan is `NoChange`."""
        if not changes:
            message = "a plan without a change is NoChange(reason)"
            raise ValueError(message)
        object.__setattr__(self, "changes", changes)


@dataclass(frozen=True)
class NoChange:
    """The node is as wished; the reason says what was seen.

    wishes: (setting, after) of every change that the step may still have to make at its turn,
    because earlier steps of its phase move the setting meanwhile.
    """

    reason: str
    wishes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class RebootPending:
    """The wish is written and comes into force at the next start."""

    reason: str


@dataclass(frozen=True)
class Deferred:
    """It cannot be told yet; `until` names the phase that can, which may be the step's own.

    At its turn a step that is deferred to its own phase is read again for a while: what it waits
    for may come by itself.
    wishes: (setting, after) of every change that the step may then make; any other one needs
    a new approval. why: what it waits for, "" when `until` says it all.
    """

    until: str
    wishes: tuple[tuple[str, str], ...] = ()
    why: str = ""

    @property
    def reason(self) -> str:
        """Return when it is told."""
        return self.why or f"checked in {self.until}"


@dataclass(frozen=True)
class Blocked:
    """It cannot be done as things stand."""

    reason: str
    next_step: str


Plan = Changes | NoChange | RebootPending | Deferred | Blocked


class Step(Protocol):
    """One sentence of the procedure on one node."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of the source's sentences that the step carries out (S017)."""
        ...

    @property
    def step_class(self) -> StepClass:
        """Return what may be done again after a doubt."""
        ...

    @property
    def node(self) -> str:
        """Return the node's wished name, as the topology spells it."""
        ...

    def reads(self) -> Reads:
        """Return what must be asked before planning."""
        ...

    @property
    def plan(self) -> Callable[..., Plan]:
        """Return the pure function that gets each answer under its name in `reads`."""
        ...


@runtime_checkable
class ForetellingStep(Protocol):
    """A step that can say, without asking its node, what it might set there.

    Its node may be off when the phase is planned; what is not foretold needs a new approval.
    """

    @property
    def wishes(self) -> tuple[tuple[str, str], ...]:
        """Return (setting, after) of every change that the step could come to."""
        ...


StepFactory = Callable[[Topology], Iterable[Step]]
"""A member of a phase's STEPS: yields the step for every node it concerns, node 1 first.

Its __name__ is the step's name in plan and journal; its docstring's first line is the title.
"""
