"""Faults that can be armed: plain values with a rule for when one strikes.

Some belong to the wire (resets, hanging, wrong bytes), the others to the world (exit codes,
restarts, another identity). Both sides read the same form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

WIRE_DEEDS = frozenset(
    {
        "refuse",
        "reset",
        "hang",
        "status",
        "plain",
        "garbage",
        "duplicate",
        "drop_fragment",
        "slow",
        "redirect",
    }
)
WORLD_DEEDS = frozenset(
    {
        "exit",
        "kill",
        "return",
        "reboot",
        "power_loss",
        "no_reboot",
        "no_return",
        "swap_identity",
        "skew",
    }
)
NEEDS_NUMBER = frozenset({"exit", "kill", "return", "status", "skew"})


class FaultError(ValueError):
    """A fault that nobody here can do."""


class When(StrEnum):
    """Before the command takes effect, after it, or while its reply is on the way."""

    BEFORE = "before"
    AFTER_EFFECT = "after_effect"
    MID_REPLY = "mid_reply"


@dataclass(frozen=True)
class Fault:
    """One fault.

    node: None strikes on every node. match: part of what the command is called, without regard
    to case; empty matches all. nth: which of the matching commands, from 1. deed and argument:
    "exit" and "5" of "exit:5".
    """

    deed: str
    argument: str = ""
    node: str | None = None
    match: str = ""
    nth: int = 1
    when: When = When.BEFORE

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> Fault:
        """Return the fault that a JSON object describes; FaultError says what is wrong with it."""
        unknown = set(given) - {"node", "match", "nth", "when", "do"}
        if unknown:
            raise FaultError(f"a fault has no {', '.join(sorted(unknown))}")
        deed, _, argument = str(given.get("do", "")).partition(":")
        if deed not in WIRE_DEEDS | WORLD_DEEDS:
            raise FaultError(
                f"do: {deed!r} is none of {', '.join(sorted(WIRE_DEEDS | WORLD_DEEDS))}"
            )
        if deed in NEEDS_NUMBER and not argument.lstrip("-").isdigit():
            raise FaultError(f"do: {deed} needs a number, as in {deed}:5")
        nth = given.get("nth", 1)
        if not isinstance(nth, int) or nth < 1:
            raise FaultError(f"nth: {nth!r} is no number from 1 on")
        try:
            when = When(str(given.get("when") or When.BEFORE))
        except ValueError as error:
            raise FaultError(f"when: {error}") from error
        node = given.get("node")
        return cls(
            deed, argument, str(node) if node else None, str(given.get("match") or ""), nth, when
        )

    @property
    def is_of_the_wire(self) -> bool:
        """Tell whether the wire, not the world, must do this."""
        return self.deed in WIRE_DEEDS

    @property
    def is_before(self) -> bool:
        """Tell whether it comes in place of the effect."""
        return self.when is When.BEFORE

    @property
    def number(self) -> int:
        """Return the argument as a number."""
        return int(self.argument)


@dataclass
class _Armed:
    fault: Fault
    seen: int = 0
    struck: bool = False


class ArmedFaults:
    """Faults that wait for their command; each strikes once."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def arm(self, fault: Fault) -> None:
        """Let a fault wait."""
        self._armed.append(_Armed(fault))

    def clear(self) -> None:
        """Forget all of them."""
        self._armed = []

    def strike(self, node: str, label: str) -> Fault | None:
        """Return the fault that strikes this command; every matching one counts it."""
        found: Fault | None = None
        for armed in self._armed:
            fault = armed.fault
            on_node = fault.node is None or fault.node.lower() == node.lower()
            if armed.struck or not on_node or fault.match.lower() not in label.lower():
                continue
            armed.seen += 1
            if armed.seen == fault.nth and found is None:
                armed.struck, found = True, fault
        return found
