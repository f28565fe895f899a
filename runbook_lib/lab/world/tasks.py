"""Scheduled tasks of the nodes, and the programs that they run over lab time.

A task runs one batch file. A program in it that takes time works stage by stage as lab time
passes; between two stages all there is of it is data that can be saved. What a program's end is
and how a line of the batch file goes on, the handlers know: `begin` and `carry_on`
are theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook_lib.lab.faults import Fault
    from runbook_lib.lab.world.clock import Due
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode

IDLE, RUNNING, COULD_NOT_START = "", "Running", "Could not start"
SCHEDULER_LOG = r"C:\WINDOWS\Tasks\SchedLgU.Txt"


@dataclass
class Process:
    """A program at work: the procedure's name, and how many of its stages are done.

    kill: before which stage it is ended by a fault, 0 for none. exit: the code with which a
    fault lets it end. base: where a script's objects are kept, and `objects` those so far.
    """

    procedure: str
    data: dict[str, Any]
    done: int = 0
    output: str | None = None
    kill: int = 0
    exit: int | None = None
    base: str = ""
    objects: list[Any] = field(default_factory=list)


@dataclass
class Task:
    """One task of a node.

    has_account: whether user and password were accepted when it was made. runs: how often it was
    told to run. lines: what is still to be done of its batch file; errorlevel: the last exit code.
    """

    node: str
    name: str
    command: str
    user: str
    creator: str
    start_time: str
    start_date: str
    has_account: bool
    status: str = IDLE
    last_run: str | None = None
    last_result: int = 0
    runs: int = 0
    lines: list[str] = field(default_factory=list)
    errorlevel: int = 0
    process: Process | None = None

    @property
    def is_running(self) -> bool:
        """Tell whether it is at work now."""
        return self.status == RUNNING

    def stop(self) -> None:
        """Forget what was under way."""
        self.status = IDLE
        self.lines = []
        self.process = None


Begin = Callable[["Site", Task, "Fault | None"], None]
CarryOn = Callable[["Site", Task], None]


def _begin_nothing(_site: Site, _task: Task, _fault: Fault | None) -> None:
    """Do nothing: a site without handlers."""


def _carry_nothing_on(_site: Site, _task: Task) -> None:
    """Do nothing: a site without handlers."""


class ScheduledTasks:
    """The tasks of all nodes."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, str], Task] = {}
        self.begin: Begin = _begin_nothing
        self.carry_on: CarryOn = _carry_nothing_on
        self.without_batch_right: set[str] = set()

    def find(self, node: str, name: str) -> Task | None:
        """Return a task of a node by its name, or None."""
        return self._tasks.get((node, name.lower()))

    def of(self, node: str) -> tuple[Task, ...]:
        """Return a node's tasks by name."""
        return tuple(task for (owner, _), task in sorted(self._tasks.items()) if owner == node)

    def is_busy(self, node: str) -> bool:
        """Tell whether a task runs on a node."""
        return any(task.is_running for task in self.of(node))

    def add(self, task: Task) -> None:
        """Make a task, in place of one with its name."""
        self._tasks[(task.node, task.name.lower())] = task

    def remove(self, task: Task) -> None:
        """Remove a task; a program that it began is forgotten with it."""
        self._tasks.pop((task.node, task.name.lower()), None)

    def plan(self, site: Site, task: Task, after_s: float) -> None:
        """Let a running task be carried on after some lab seconds."""
        site.schedule.plan(task.node, f"tasks:{task.runs}:{task.name}", after_s)

    def as_json(self) -> dict[str, Any]:
        """Return the state without times and passwords."""
        return {
            "tasks": [
                {
                    "node": task.node,
                    "name": task.name,
                    "user": task.user,
                    "status": task.status,
                    "stage": task.process.done if task.process else None,
                }
                for _, task in sorted(self._tasks.items())
            ],
            "without_batch_right": sorted(self.without_batch_right),
        }

    def as_saved(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {
            "tasks": [asdict(task) for task in self._tasks.values()],
            "without_batch_right": sorted(self.without_batch_right),
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Become what `as_saved` gave."""
        self._tasks = {}
        for each in saved["tasks"]:
            process = Process(**each["process"]) if each["process"] else None
            self.add(Task(**{**each, "process": process}))
        self.without_batch_right = set(saved["without_batch_right"])

    def node_is_down(self, _site: Site, node: WindowsNode) -> None:
        """End what runs on a node: no exit code, no further line of its batch file."""
        for task in self.of(node.name):
            task.stop()

    def node_is_up(self, site: Site, node: WindowsNode) -> None:
        """Take no notice: a task that is to run once is not run again."""

    def happen(self, site: Site, due: Due) -> None:
        """Carry on the task for which something was planned, if it still runs."""
        _, run, name = due.what.split(":", 2)
        task = self.find(due.node, name)
        if task is not None and task.is_running and task.runs == int(run):
            self.carry_on(site, task)
