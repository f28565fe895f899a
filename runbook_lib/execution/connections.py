"""The nodes of a run, connected: on the lab or on real machines, by the parameter file alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runbook_lib.commands.command import ManualAct
from runbook_lib.sessions.session import Session

Hands = Callable[[ManualAct, str], None]
"""Performs a manual act on a node in a person's place; only a lab has them."""


@dataclass(frozen=True)
class Connections:
    """One session a node, by node name; and, in the lab, hands for what a person would do."""

    sessions: Mapping[str, Session]
    hands: Hands | None = None

    def close(self) -> None:
        """Close every session."""
        for session in self.sessions.values():
            session.close()


def connect(*_a: object, **_k: object) -> Connections:
    raise NotImplementedError


def keep_lab(*_a: object, **_k: object): ...
def hand_over_secrets(*_a: object, **_k: object): ...
