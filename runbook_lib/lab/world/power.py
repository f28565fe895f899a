"""Whether a node runs, and how it goes down and comes up.

A restart is: warning time, services stop, silence, start. Only the registry, the disks and the
event log live through it. Losing power skips the orderly half, and the next start says so.
"""

from __future__ import annotations

from enum import StrEnum


class Power(StrEnum):
    """What a node does."""

    ON = "on"
    STARTING = "starting"
    OFF = "off"


class GoingDown(StrEnum):
    """What follows an orderly shutdown that was asked for."""

    RESTART = "restart"
    POWER_OFF = "power off"


class NodeIsDownError(Exception):
    """The node does not answer, or fell silent before its answer was sent."""

    def __init__(self, node: str) -> None:
        super().__init__(f"{node} does not answer: it is down")
        self.node = node
