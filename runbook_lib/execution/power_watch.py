"""Watching what a person does at the power switches, until machines and answers show it."""

from __future__ import annotations

from runbook_lib.clock import Deadline
from runbook_lib.commands.command import ManualAct, PersonsAct
from runbook_lib.execution.nodes import Nodes

POWER_ACTS = frozenset({PersonsAct.RUN_ALONE, PersonsAct.POWER_ON, PersonsAct.POWER_OFF})


def is_about_power(act: ManualAct) -> bool:
    """Tell whether a machine goes on or off by this act."""
    return act.act in POWER_ACTS


def await_power(nodes: Nodes, act: ManualAct, node: str, deadline: Deadline) -> str:
    """Return "" once the machines are on and off as the act wants, else what is not so.

    A node that goes on has then answered steadily over a new connection; one that goes off has
    been silent for several looks. What stood before the act counts as well.
    """
    others = {name for name in nodes.sessions if name != node}
    on = {node} if act.act in {PersonsAct.RUN_ALONE, PersonsAct.POWER_ON} else set[str]()
    off = {
        PersonsAct.RUN_ALONE: others,
        PersonsAct.POWER_OFF: {node},
    }.get(act.act, set())
    return nodes.await_power(on=on, off=off, deadline=deadline)
