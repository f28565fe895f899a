"""The plans of several phases from one visit to the nodes; nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runbook_lib.clock import Clock
from runbook_lib.execution import identity, phases
from runbook_lib.execution.connections import Connections
from runbook_lib.execution.nodes import Nodes
from runbook_lib.execution.observation import sweep
from runbook_lib.execution.phase_plan import PhasePlan
from runbook_lib.steps.step import Deferred
from runbook_lib.topology.models import Topology


def plans_of(
    topology: Topology, chosen: Sequence[str], connections: Connections, clock: Clock
) -> list[PhasePlan]:
    """Return what each of these phases would do on the nodes as they stand.

    connections: as the first phase's account. A later phase's domain account is unknown to nodes
    that are in no domain; until they have joined, all its steps are deferred.
    """
    first = phases.account_of(topology, chosen[0])
    met: dict[str, Nodes] = {}
    is_joined: bool | None = None
    plans = []
    for phase in chosen:
        account = phases.account_of(topology, phase)
        if account != first and is_joined is None:
            found = identity.ask(connections.sessions, connections.sessions)
            is_joined = all(seen.domain is not None for seen in found.values())
        if account != first and not is_joined:
            plans.append(_deferred(phase, topology))
            continue
        sessions = connections.sessions if account == first else connections.sessions_for(phase)
        nodes = met.setdefault(account.user, Nodes(topology, sessions, clock, tuple))
        nodes.may_be_off = phases.may_be_off(phase)
        plans.append(PhasePlan(phase, sweep(phase, phases.steps_of(phase), topology, nodes.ask)))
    return plans


def _deferred(phase: str, topology: Topology) -> PhasePlan:
    """Return the plan of a phase that nobody can be asked about yet."""
    steps = sweep(phase, phases.steps_of(phase), topology, lambda wanted: [None] * len(wanted))
    until = Deferred(phases.JOINED_BY)
    return PhasePlan(phase, tuple(replace(planned, plan=until) for planned in steps))
