"""What changed in the world and which programs ran: the lab's own account, in order.

Reads leave no trace here. Writing a value that is already there does, with `before == after`,
so that "nothing was sent" and "nothing became different" can be told apart.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Cause(StrEnum):
    """Who made a change."""

    WIRE = "wire"
    PERSON = "person"
    TIME = "time"


@dataclass(frozen=True)
class Effect:
    """One change of the world; `before` and `after` are plain JSON values without secrets."""

    seq: int
    node: str
    cause: Cause
    what: str
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        """Return the effect as the control address gives it."""
        return {
            "seq": self.seq,
            "node": self.node,
            "cause": self.cause.value,
            "what": self.what,
            "before": self.before,
            "after": self.after,
        }


@dataclass(frozen=True)
class CommandLine:
    """One program that was started on a node, with its arguments as one line."""

    node: str
    line: str

    def as_json(self) -> dict[str, str]:
        """Return the command line as the control address gives it."""
        return {"node": self.node, "line": self.line}


class Ledger:
    """The effects and command lines of one world, each list in the order of birth."""

    def __init__(self) -> None:
        self._effects: list[Effect] = []
        self._command_lines: list[CommandLine] = []
        self._notes = 0
        self._cause = Cause.TIME

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Return every effect so far."""
        return tuple(self._effects)

    @property
    def command_lines(self) -> tuple[CommandLine, ...]:
        """Return every program start so far."""
        return tuple(self._command_lines)

    @property
    def length(self) -> int:
        """Return how many entries there are; it grows with everything worth saving."""
        return len(self._effects) + len(self._command_lines) + self._notes

    @contextmanager
    def caused_by(self, cause: Cause) -> Iterator[None]:
        """Write down everything inside the block under this cause."""
        outer, self._cause = self._cause, cause
        try:
            yield
        finally:
            self._cause = outer

    def changed(self, node: str, what: str, before: object, after: object) -> Effect:
        """Keep one effect and return it."""
        effect = Effect(len(self._effects), node, self._cause, what, before, after)
        self._effects.append(effect)
        return effect

    def started(self, node: str, program: str, arguments: Sequence[str]) -> None:
        """Keep one program start, quoted as Windows builds a command line."""
        line = subprocess.list2cmdline([program, *arguments])
        self._command_lines.append(CommandLine(node, line))

    def note(self) -> None:
        """Count something worth saving that is no change of the site: how far a task is."""
        self._notes += 1

    def forget(self) -> None:
        """Begin an empty account: what made a starting state is no effect of anybody's."""
        self._effects.clear()
        self._command_lines.clear()

    def as_saved(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {
            "effects": [effect.as_json() for effect in self._effects],
            "command_lines": [line.as_json() for line in self._command_lines],
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from an account that `as_saved` gave."""
        self._effects = [
            Effect(**{**effect, "cause": Cause(effect["cause"])}) for effect in saved["effects"]
        ]
        self._command_lines = [CommandLine(**line) for line in saved["command_lines"]]
