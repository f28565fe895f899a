"""Both nodes as one attempt meets them: who answers, who is off, and that each is the right one.

Rules that bind this file:
1. Silence is believed slowly: a node is off when nothing listens there, several looks in a row.
2. Where nobody answers at all, that is the network's silence as well as the nodes': an error.
3. Whoever answers again after a silence is identified before anything else is asked or sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.clock import Clock, Deadline
from runbook_lib.errors import CommandFailedError, NodeUnreachableError, TransportError
from runbook_lib.execution import identity
from runbook_lib.execution.observation import READ_DEADLINE_S, observe_machines
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal
from runbook_lib.sessions.session import ExpectedIdentity, Reader
from runbook_lib.steps.step import Reads
from runbook_lib.topology.models import Topology

FIRST_ANSWER_S = 20.0
"""For a node that was not met yet: a wrong address in the file should show before one is bored."""

LOOKS = 3
"""Looks in a row without a listener, before a node counts as off."""

STEADY_ANSWERS = 3
"""Answers in a row before a node that starts counts as on: its services start one by one."""

ANSWER_S = 30.0
"""For one answer of a node that starts: WMI takes seconds at first."""

NOT_YET = (TransportError, CommandFailedError)
"""What a look at a starting node may meet: Windows stops scripts then, too."""


def silent_now(sessions: Mapping[str, Reader]) -> frozenset[str]:
    """Return the nodes at which nothing listens at this moment; it may be a moment only."""
    return frozenset(node for node, session in sessions.items() if not session.listens())


@dataclass
class Nodes:
    """The sessions, and which machines stand behind them.

    may_be_off: whether the phase goes on while a node is off. entries: the run's journal as it
    stands. journal: where a node that is met first is enrolled; None in plan mode.
    machines: what each act will check, of every node that this run has met.
    """

    topology: Topology
    sessions: Mapping[str, Reader]
    clock: Clock
    entries: Callable[[], Sequence[JournalEntry]]
    journal: Journal | None = None
    may_be_off: bool = False
    machines: dict[str, ExpectedIdentity] = field(default_factory=dict)
    _met: set[str] = field(default_factory=set)
    _off: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Know the machines that an earlier phase or attempt of the run has met."""
        self.machines.update(identity.enrolled(self.entries()))

    def off(self) -> frozenset[str]:
        """Return the nodes that are off now; every other one was identified since its last silence.

        None are in a phase that needs both nodes: there silence shows as an error of what is
        asked. Raises NodeUnreachableError when no node answers, WrongNodeError for another machine.
        """
        before, self._off = self._off, self._believed_silent() if self.may_be_off else set()
        self._met -= self._off
        new = [node for node in self.sessions if node not in self._off and node not in self._met]
        for node in new:
            if node in before:
                self._await_steady(node, Deadline.after(self.clock, READ_DEADLINE_S))
        if new:
            patience_s = FIRST_ANSWER_S if set(new) - before else READ_DEADLINE_S
            found = identity.ask(self.sessions, new, patience_s)
            self.machines |= identity.recognise(self.topology, found, self.entries(), self.journal)
            self._met |= set(new)
        return frozenset(self._off)

    def ask(self, wanted: Sequence[tuple[str, Reads]]) -> list[dict[str, Any] | None]:
        """Return each (node, reads)'s answers; None where the node is off that must answer."""
        off = self.off()
        try:
            return observe_machines(self.sessions, wanted, self.machines, off)
        except TransportError:
            now = self.off()
            if now == off:
                raise
            return observe_machines(self.sessions, wanted, self.machines, now)

    def await_power(
        self, *, on: AbstractSet[str], off: AbstractSet[str], deadline: Deadline
    ) -> str:
        """Return "" once these nodes are on and those off, else what is not so at the deadline."""
        looks = 0
        while True:
            listening = {node for node in self.sessions if self.sessions[node].listens()}
            wrong = [
                *(f"{node} does not answer" for node in sorted(on - listening)),
                *(f"{node} still answers" for node in sorted(off & listening)),
            ]
            looks = 0 if wrong else looks + 1
            if looks == LOOKS:
                break
            if wrong and deadline.is_over:
                return "; ".join(wrong)
            self._pause()
        # Nobody has identified them since; and those that start answer before all is up.
        self._met -= on
        self._off |= off
        self._off -= on
        try:
            for node in sorted(on):
                self._await_steady(node, deadline)
        except TransportError as error:
            return error.why
        return ""

    def _believed_silent(self) -> set[str]:
        """Return the nodes without a listener, after the looks that a new silence takes."""
        silent = set(silent_now(self.sessions))
        deadline = Deadline.after(self.clock, self.topology.waits.service_s)
        while len(silent) == len(self.sessions):
            if deadline.is_over:
                raise NodeUnreachableError(
                    f"None of {', '.join(self.sessions)} answers.",
                    why=f"nothing has listened at any of them for "
                    f"{self.topology.waits.service_s:g} s: both are off, or the network between",
                    next_step="see that this machine reaches the nodes' network, and switch on the "
                    "node that the phase's gate wants to run; then resume the run",
                )
            self._pause()
            silent = set(silent_now(self.sessions))
        for _ in range(LOOKS - 1):
            if silent <= self._off:
                break
            self._pause()
            silent = {node for node in silent if not self.sessions[node].listens()}
        return silent

    def _await_steady(self, node: str, deadline: Deadline) -> None:
        """Return when the node, over a new connection, answered several times in a row."""
        steady = 0
        while steady < STEADY_ANSWERS:
            try:
                if steady == 0:
                    self.sessions[node].reconnect()
                identity.ask(self.sessions, [node], ANSWER_S)
            except NOT_YET as error:
                steady = 0
                if deadline.is_over:
                    raise NodeUnreachableError(
                        f"{node} listens, and does not answer steadily.",
                        why=f"{node}: {error.why}",
                        next_step=f"look at the console of {node}, then resume the run",
                    ) from error
                self._pause()
            else:
                steady += 1

    def _pause(self) -> None:
        self.clock.sleep(self.topology.waits.poll_s)
