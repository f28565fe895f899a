"""Measuring two ways of doing the same thing in turn, and showing how they compare."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
LOOK_S = 0.05


@dataclass(frozen=True)
class Ratio:
    """One line of the table: what ours costs, what the other way costs, and the goal."""

    what: str
    ours_s: float
    other_s: float
    goal: float

    @property
    def value(self) -> float:
        """Return ours over the other."""
        return self.ours_s / self.other_s

    def line(self) -> str:
        """Return it as one line of the table."""
        word = "holds" if self.value <= self.goal else "MISSED"
        return (
            f"{self.what:<64} {self.ours_s:>7.3f} {self.other_s:>7.3f} "
            f"{self.value:>6.2f} {f'<= {self.goal:g}':>8}  {word}"
        )


HEAD = f"{'':<64} {'ours s':>7} {'other s':>7} {'ratio':>6} {'goal':>8}"


def in_turn(
    ours: Callable[[], float], other: Callable[[], float], rounds: int
) -> tuple[float, float]:
    """Return the least cost of each; they take turns, so that a busy machine hits both."""
    costs = [(ours(), other()) for _ in range(rounds)]
    return min(mine for mine, _ in costs), min(its for _, its in costs)


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Return a function that does the work and returns the seconds it took."""

    def measured() -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    return measured


@dataclass
class Memory:
    """The most memory that a process and its descendants held together, by command."""

    peak_bytes: int = 0
    parts: dict[str, int] = field(default_factory=dict)

    def look(self, pid: int) -> None:
        """Count once."""
        sizes: dict[str, int] = {}
        for each in (pid, *_descendants(pid)):
            try:
                resident = int(Path(f"/proc/{each}/statm").read_text().split()[1]) * PAGE
                words = Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")
            except (OSError, IndexError):
                continue
            kind = "kernel" if any(b"ipykernel" in word for word in words) else "pipeline"
            sizes[kind] = sizes.get(kind, 0) + resident
        if sum(sizes.values()) > self.peak_bytes:
            self.peak_bytes, self.parts = sum(sizes.values()), sizes


@dataclass(frozen=True)
class WholeRun:
    """What the whole procedure cost.

    cpu_s: of pipeline and kernels. nodes_s: seconds in which a node of the lab worked.
    """

    wall_s: float
    cpu_s: float
    nodes_s: float
    requests: int
    pipelines: int
    memory: Memory

    def lines(self) -> str:
        """Return it as lines of the table."""
        cpu = f"{self.cpu_s:>7.1f} s; {self.nodes_s:.1f} s"
        lines = [
            f"{'whole run, start to seal':<64} {self.wall_s:>7.1f} s",
            f"{'   CPU of pipeline and kernels; of the nodes':<64} {cpu}",
            f"{'   pipelines on the nodes; requests':<64} {self.pipelines:>7}; {self.requests}",
        ]
        if self.memory.peak_bytes:
            sizes = self.memory.parts.items()
            parts = ", ".join(f"{name} {size / 2**20:.0f}" for name, size in sizes)
            peak = self.memory.peak_bytes / 2**20
            lines.append(f"{'   most memory at once':<64} {peak:>7.0f} MiB ({parts})")
        return "\n".join(lines)


def cpu_of_children() -> float:
    """Return the CPU seconds of all processes that ended below this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def memory_of(pid: int) -> Iterator[Memory]:
    """Watch a process tree while the block runs (Linux)."""
    memory, ended = Memory(), threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_S):
            memory.look(pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield memory
    finally:
        ended.set()
        watcher.join()


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children: Sequence[str] = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield int(child)
            yield from _descendants(int(child))
