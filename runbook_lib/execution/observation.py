"""Reading both nodes: many questions in one trip each, answered side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from runbook_lib.commands import system
from runbook_lib.commands.command import Query
from runbook_lib.errors import RunbookError, WrongNodeError
from runbook_lib.execution.phase_plan import PlannedStep
from runbook_lib.sessions.session import ExpectedIdentity, Reader
from runbook_lib.steps.step import (
    SILENT,
    At,
    Deferred,
    ForetellingStep,
    PowerOf,
    Reads,
    Step,
    StepFactory,
)
from runbook_lib.topology.models import Topology

READ_DEADLINE_S = 120.0
"""For what one trip asks; what reads as a task has a time of its own besides."""

Ask = Callable[[Sequence[tuple[str, Reads]]], list[dict[str, Any] | None]]
"""(node, its step's reads) -> the answers; None where the node is off that must answer."""


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
    that fails, until `deadline_s` is over. What reads as a task is at work on both nodes before
    it is waited for on one.
    """
    queries = {
        node: [query for other, reads in wanted if other == node for query in reads.values()]
        for node in dict.fromkeys(node for node, _ in wanted)
    }
    pending = {node: sessions[node].begin_read(asked) for node, asked in queries.items() if asked}
    for read in pending.values():
        read.go_on(deadline_s)
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


def observe_machines(
    sessions: Mapping[str, Reader],
    wanted: Sequence[tuple[str, Reads]],
    machines: Mapping[str, ExpectedIdentity],
    off: AbstractSet[str] = frozenset(),
) -> list[dict[str, Any] | None]:
    """Return each (node, reads)'s answers, once every node has shown which machine it is.

    off: nodes that are not asked; a query to one of them by `At` gets SILENT, and a step's own
    plain query to it leaves the whole step without answers: None.
    Raises WrongNodeError: a session may have come back to another machine at the same address.
    """
    asked = [
        (at, query)
        for node, reads in wanted
        if not _must_wait(node, reads, off)
        for at, query in (_addressed(node, read) for read in reads.values())
        if query is not None and at not in off
    ]
    nodes = dict.fromkeys(node for node, _ in asked)
    who = [(node, system.machine_guid()) for node in nodes]
    answers = observe(sessions, [(node, {"": query}) for node, query in (*asked, *who)])
    for node, seen in zip(nodes, answers[len(asked) :], strict=True):
        if seen[""] != machines[node].machine_guid:
            raise WrongNodeError(
                f"Another machine answers for {node} now.",
                why=f"MachineGuid {seen['']}, this run works on {machines[node].machine_guid}",
                next_step=f"find out which machine has the address of {node}, then resume the run",
            )
    values = (seen[""] for seen in answers)

    def answer(node: str, read: Query[Any] | At | PowerOf) -> Any:
        if isinstance(read, PowerOf):
            return read.node not in off
        return SILENT if _addressed(node, read)[0] in off else next(values)

    return [
        None
        if _must_wait(node, reads, off)
        else {name: answer(node, read) for name, read in reads.items()}
        for node, reads in wanted
    ]


def _addressed(node: str, read: Query[Any] | At | PowerOf) -> tuple[str, Query[Any] | None]:
    """Return which node a read goes to, and the query; None for one that asks no node."""
    match read:
        case At(node=other, query=query):
            return other, query
        case PowerOf(node=other):
            return other, None
        case query:
            return node, query


def _must_wait(node: str, reads: Reads, off: AbstractSet[str]) -> bool:
    return node in off and any(isinstance(read, Query) for read in reads.values())


def sweep(
    phase: str, factories: Iterable[StepFactory], topology: Topology, ask: Ask
) -> tuple[PlannedStep, ...]:
    """Return every step of these factories of a phase, planned from one trip to each node.

    A step whose own node is off, and that has to ask it, is deferred until its turn.
    """
    steps: list[tuple[str, str, Step]] = [
        (factory.__name__, title_of(factory), step)
        for factory in factories
        for step in factory(topology)
    ]
    answers = ask([(step.node, step.reads()) for _, _, step in steps])
    return tuple(
        PlannedStep(name, title, step, waiting_for_node(phase, step), is_unasked=True)
        if seen is None
        else PlannedStep(name, title, step, step.plan(**seen))
        for (name, title, step), seen in zip(steps, answers, strict=True)
    )


def waiting_for_node(phase: str, step: Step) -> Deferred:
    """Return the plan of a step whose node is off."""
    wishes = step.wishes if isinstance(step, ForetellingStep) else ()
    return Deferred(phase, wishes, why="when the node is on")
