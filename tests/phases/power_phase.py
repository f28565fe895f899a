"""A phase of tests alone, in which the nodes are switched off and on again in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import pytest

from runbook_lib.commands.command import ManualAct, PersonsAct, Query
from runbook_lib.execution import phases
from runbook_lib.steps.adapters import private
from runbook_lib.steps.name_resolution import DisableNetbios
from runbook_lib.steps.step import (
    At,
    Blocked,
    Change,
    Changes,
    NoChange,
    Plan,
    PowerOf,
    Reads,
    StepClass,
)
from runbook_lib.topology.models import Topology

PHASE = "35_power"
RUNNING = "running nodes"
NETBIOS = "NetBIOS over TCP/IP on Private"


@dataclass(frozen=True)
class RunAlone:
    """One node runs, the other is off."""

    ids: ClassVar[tuple[str, ...]] = ("S099",)
    step_class: ClassVar[StepClass] = StepClass.SET
    node: str
    other: str

    def reads(self) -> Reads:
        """Return the questions: which nodes answer."""
        return {"mine": PowerOf(self.node), "others": PowerOf(self.other)}

    def plan(self, *, mine: bool, others: bool) -> Plan:
        """Return the act unless it is done."""
        if mine and not others:
            # A stage before this one may switch it on again.
            return NoChange(f"{self.other} is off", wishes=((RUNNING, f"{self.node} alone"),))
        before = "both" if mine and others else f"{self.other} alone"
        text = f"leave {self.node} running, and shut {self.other} down"
        act = ManualAct(PersonsAct.RUN_ALONE, text)
        return Changes(Change(RUNNING, before, f"{self.node} alone", act, "switch it on again"))


@dataclass(frozen=True)
class SwitchOn:
    """Both nodes run."""

    ids: ClassVar[tuple[str, ...]] = ("S098",)
    step_class: ClassVar[StepClass] = StepClass.SET
    node: str

    def reads(self) -> Reads:
        """Return the question: whether the node answers."""
        return {"mine": PowerOf(self.node)}

    def plan(self, *, mine: bool) -> Plan:
        """Return the act unless it is done."""
        if mine:
            return NoChange("it runs", wishes=((RUNNING, "both"),))
        act = ManualAct(PersonsAct.POWER_ON, f"switch {self.node} on")
        return Changes(Change(RUNNING, "the other alone", "both", act, "shut it down"))


@dataclass(frozen=True)
class Netbios:
    """NetBIOS is off on one node's private connection, which may be foretold."""

    ids: ClassVar[tuple[str, ...]] = ("S017",)
    step_class: ClassVar[StepClass] = StepClass.SET
    step: DisableNetbios
    wishes: tuple[tuple[str, str], ...] = ((NETBIOS, "off"),)

    @property
    def node(self) -> str:
        """Return the node's name."""
        return self.step.node

    def reads(self) -> Reads:
        """Return what the real step asks."""
        return self.step.reads()

    def plan(self, **seen: Any) -> Plan:
        """Return what the real step plans."""
        return self.step.plan(**seen)


@dataclass(frozen=True)
class OtherIsOff:
    """A question to the other node, which is off."""

    ids: ClassVar[tuple[str, ...]] = ("S097",)
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    step: DisableNetbios

    def reads(self) -> Reads:
        """Return a question of each kind."""
        reads = self.step.reads().items()
        return {name: At(self.step.node, read) for name, read in reads if isinstance(read, Query)}

    def plan(self, **seen: Any) -> Plan:
        """Return what came back, as a reason."""
        return NoChange(", ".join(sorted({type(value).__name__ for value in seen.values()})))


@dataclass(frozen=True)
class Refused:
    """A step that cannot be done."""

    ids: ClassVar[tuple[str, ...]] = ("S096",)
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    other: str

    def reads(self) -> Reads:
        """Return the question: whether the other one answers."""
        return {"others": PowerOf(self.other)}

    def plan(self, *, others: bool) -> Plan:
        """Return Blocked while the other one is off."""
        return NoChange("both run") if others else Blocked("the other is off", "switch it on")


def _netbios(topology: Topology) -> list[DisableNetbios]:
    return [DisableNetbios(wished) for wished in private(topology)]


def leave_first(topology: Topology) -> Iterator[RunAlone]:
    """The first node runs alone (S099)."""
    yield RunAlone(topology.nodes[0].name, topology.nodes[1].name)


def set_first(topology: Topology) -> Iterator[Netbios]:
    """The first node's NetBIOS is off (S017)."""
    yield Netbios(_netbios(topology)[0])


def ask_second(topology: Topology) -> Iterator[OtherIsOff]:
    """The second node is asked from the first one's step (S097)."""
    yield OtherIsOff(topology.nodes[0].name, _netbios(topology)[1])


def leave_second(topology: Topology) -> Iterator[RunAlone]:
    """The second node runs alone (S099)."""
    yield RunAlone(topology.nodes[1].name, topology.nodes[0].name)


def set_second(topology: Topology) -> Iterator[Netbios]:
    """The second node's NetBIOS is off (S017)."""
    yield Netbios(_netbios(topology)[1])


def set_second_unforetold(topology: Topology) -> Iterator[DisableNetbios]:
    """The second node's NetBIOS is off, which nobody foretells (S017)."""
    yield _netbios(topology)[1]


def switch_first_on(topology: Topology) -> Iterator[SwitchOn]:
    """The first node runs again (S098)."""
    yield SwitchOn(topology.nodes[0].name)


def need_second(topology: Topology) -> Iterator[Refused]:
    """The second node runs as well (S096)."""
    yield Refused(topology.nodes[0].name, topology.nodes[1].name)


STEPS = (leave_first, set_first, ask_second, leave_second, set_second, switch_first_on)


def install(monkeypatch: pytest.MonkeyPatch, *steps: Any, may_be_off: bool = True) -> None:
    """Make this phase one of the procedure's, with these steps."""
    module = ModuleType(PHASE)
    module.__dict__.update(PHASE=PHASE, STEPS=steps or STEPS, MAY_BE_OFF=may_be_off)
    monkeypatch.setattr(phases, "MODULES", {**phases.MODULES, PHASE: module})
    monkeypatch.setattr(phases, "PHASES", (*phases.PHASES, PHASE))
