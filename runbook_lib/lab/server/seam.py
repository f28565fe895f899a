"""What the wire asks of the simulated site, and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from runbook_lib.lab.answers import Invocation, Reply


class LabWorld(Protocol):
    """The simulated site. Any thread may call; callbacks come on any thread.

    `answer` may raise: `NodeIsDownError` (lab.world.power) when the node falls silent, anything
    else fails the pipeline. What it changed is kept, and the callbacks were called, before it
    returns. `act` and `reset` raise ValueError for what cannot be done.
    """

    @property
    def scenario(self) -> str:
        """Where it began."""
        ...

    @property
    def seed(self) -> int:
        """What its GUIDs come from."""
        ...

    @property
    def node_names(self) -> tuple[str, ...]:
        """The names by which the wire knows the nodes."""
        ...

    @property
    def password_names(self) -> tuple[str, ...]:
        """The names that `password` takes."""
        ...

    def password(self, name: str) -> str:
        """Return a password by its name."""
        ...

    def answer(self, node: str, user: str, invocation: Invocation) -> Reply:
        """Return what a node answers to one pipeline."""
        ...

    def accounts(self, node: str) -> Mapping[str, str]:
        """Return who may log on to a node now: user form -> password."""
        ...

    def refused_logon(self, user: str) -> None:
        """Hear that a logon of this user was refused."""
        ...

    def is_listening(self, node: str) -> bool:
        """Tell whether a node takes connections now."""
        ...

    def act(self, name: str, arguments: Mapping[str, object]) -> dict[str, Any]:
        """Do what a person would do."""
        ...

    def state(self) -> dict[str, Any]:
        """Return the state of everything."""
        ...

    def ledger(self) -> list[dict[str, Any]]:
        """Return every change so far."""
        ...

    def command_lines(self) -> list[dict[str, str]]:
        """Return every program that was started."""
        ...

    def on_power_change(self, callback: Callable[[str, bool], None]) -> None:
        """Call `callback(node, is_listening)` when a node falls silent or answers again."""
        ...

    def on_connections_reset(self, callback: Callable[[str], None]) -> None:
        """Call `callback(node)` when a node's connections break."""
        ...

    def arm_fault(self, given: Mapping[str, object]) -> None:
        """Let a fault of the world wait for its command."""
        ...

    def clear_faults(self) -> None:
        """Forget all faults."""
        ...

    def reset(self, scenario: str, seed: int | None = None) -> None:
        """Begin again at a starting state."""
        ...

    def close(self) -> None:
        """End it."""
        ...
