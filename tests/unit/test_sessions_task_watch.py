"""The watch over a task: how often it looks, how long it is patient, and whom it tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from runbook_lib.clock import Clock, Deadline, SteppedClock
from runbook_lib.commands.command import Query
from runbook_lib.errors import OutcomeUnknownError
from runbook_lib.sessions.session import FinishedWork, WorkLostError, WorkSeen
from runbook_lib.sessions.task_form import Sight, Standing
from runbook_lib.sessions.task_watch import PendingRows, Watch
from runbook_lib.sessions.wire_form import ScriptCall

ENDED = FinishedWork(0, ("done",))


@dataclass
class Node:
    """A way to a node that shows `running` until `ends_s`, then `then`; it notes each look."""

    pause_s: float
    ends_s: float = 1e9
    then: Sight = field(default_factory=lambda: Sight(Standing.OVER, 0, ("done",)))
    log: tuple[str, ...] = ()
    clock: Clock = field(default_factory=lambda: SteppedClock(datetime(2026, 11, 23, tzinfo=UTC)))
    looks: list[float] = field(default_factory=list)
    told: list[WorkSeen | None] = field(default_factory=list)
    node: str = "NODE1"

    def tell(self, seen: WorkSeen | None) -> None:
        self.told.append(seen)

    def ask(self, query: Query[Any], deadline_s: float) -> Any:
        del deadline_s
        if len(self.looks) and self.looks[-1] == self.clock.monotonic():
            return ENDED
        self.looks.append(self.clock.monotonic())
        assert query.reads
        running = Sight(Standing.RUNNING, None, self.log)
        return running if self.clock.monotonic() < self.ends_s else self.then

    def send(self, call: ScriptCall, name: str, deadline_s: float) -> PendingRows:
        raise AssertionError(call, name, deadline_s)


def watch(node: Node, deadline_s: float = 3600.0, *, was_started: bool = True) -> Any:
    deadline = Deadline.after(node.clock, deadline_s)
    return Watch(node, "rb-1", "Setup.com", deadline).until_the_end(was_started=was_started)


def gaps(looks: Sequence[float]) -> list[float]:
    return [round(after - before, 2) for before, after in pairwise(looks)]


def test_looks_soon_at_first_then_at_the_files_pause_and_seldom_at_long_work() -> None:
    node = Node(pause_s=5.0, ends_s=1800.0)

    assert watch(node) == ENDED
    assert node.looks[0] == 1.0
    assert gaps(node.looks)[:6] == [1.0, 1.0, 1.5, 2.25, 3.38, 5.0]
    assert max(gaps(node.looks)) == 15.0
    assert node.looks[-1] < 1800.0 + 15.0


def test_a_pause_that_is_short_is_kept_at_first() -> None:
    node = Node(pause_s=0.05, ends_s=0.39)

    watch(node)

    assert [round(look, 2) for look in node.looks] == [round(0.05 * n, 2) for n in range(1, 9)]


def test_what_an_earlier_process_started_is_looked_at_at_once() -> None:
    node = Node(pause_s=5.0, ends_s=0.0)

    assert watch(node, was_started=False) == ENDED
    assert node.looks == [0.0]


@pytest.mark.parametrize(
    ("standing", "was_started", "patience_s"),
    [
        (Standing.ABSENT, False, 25.0),
        (Standing.ABSENT, True, 10.0),
        (Standing.OVER, True, 10.0),
    ],
)
def test_quick_looks_make_nobody_less_patient(
    standing: Standing, was_started: bool, patience_s: float
) -> None:
    node = Node(pause_s=5.0, ends_s=0.0, then=Sight(standing, None, ()))

    if was_started:
        with pytest.raises(WorkLostError):
            watch(node)
    else:
        assert watch(node, was_started=False) is None

    assert patience_s * 0.99 <= node.looks[-1] - node.looks[0] <= patience_s + 5.0


def test_tells_what_each_look_shows_and_that_it_is_over() -> None:
    node = Node(pause_s=1.0, ends_s=3.0, log=("Copying files", " Mailbox Role ... 50% ", ""))

    watch(node, 600.0)

    assert node.told == [
        WorkSeen("NODE1", "Setup.com", "rb-1", 1.0, 600.0, "Mailbox Role ... 50%"),
        WorkSeen("NODE1", "Setup.com", "rb-1", 2.0, 600.0, "Mailbox Role ... 50%"),
        None,
    ]


def test_tells_that_it_is_over_when_it_fails() -> None:
    node = Node(pause_s=1.0)

    with pytest.raises(OutcomeUnknownError):
        watch(node, 2.0)

    assert node.told[-1] is None
