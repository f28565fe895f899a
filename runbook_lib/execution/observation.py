"""Reading both nodes: many questions in one trip each, answered side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from runbook_lib.commands import system
from runbook_lib.commands.command import Query
from runbook_lib.errors import RunbookError, WrongNodeError
from runbook_lib.execution.phase_plan import PlannedStep
from runbook_lib.sessions.session import ExpectedIdentity, Reader
from runbook_lib.steps.step import Step, StepFactory
from runbook_lib.topology.models import Topology

READ_DEADLINE_S = 120.0
"""For one sweep; longer than any single read may take, shorter than a person's patience."""


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


def observe_machines(
    sessions: Mapping[str, Reader],
    wanted: Sequence[tuple[str, Mapping[str, Query[Any]]]],
    machines: Mapping[str, ExpectedIdentity],
) -> list[dict[str, Any]]:
    """Return what `observe` does, once each node has shown in the same trip which machine it is.

    Raises WrongNodeError: a session may have come back to another machine at the same address.
    """
    nodes = dict.fromkeys(node for node, reads in wanted if reads)
    who = [(node, {"guid": system.machine_guid()}) for node in nodes]
    answers = observe(sessions, [*wanted, *who])
    for node, seen in zip(nodes, answers[len(wanted) :], strict=True):
        if seen["guid"] != machines[node].machine_guid:
            raise WrongNodeError(
                f"Another machine answers for {node} now.",
                why=f"MachineGuid {seen['guid']}, this run works on {machines[node].machine_guid}",
                next_step=f"find out which machine has the address of {node}, then resume the run",
            )
    return answers[: len(wanted)]


def sweep(
    factories: Iterable[StepFactory],
    topology: Topology,
    sessions: Mapping[str, Reader],
    machines: Mapping[str, ExpectedIdentity] | None = None,
) -> tuple[PlannedStep, ...]:
    """Return every step of these factories, planned from one trip to each node.

    machines: which ones may answer; None before they are known.
    """
    steps: list[tuple[str, str, Step]] = [
        (factory.__name__, title_of(factory), step)
        for factory in factories
        for step in factory(topology)
    ]
    wanted = [(step.node, step.reads()) for _, _, step in steps]
    answers = (
        observe(sessions, wanted)
        if machines is None
        else observe_machines(sessions, wanted, machines)
    )
    return tuple(
        PlannedStep(name, title, step, step.plan(**seen))
        for (name, title, step), seen in zip(steps, answers, strict=True)
    )
