"""A session on a lab world in the same process: no sockets, the same wire form, the same errors.

Crash points are counted as the real session counts them, and a change that resets the node's
connections loses its reply here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook_lib import crash_points
from runbook_lib.clock import Clock, SteppedClock
from runbook_lib.commands.command import (
    Action,
    Answer,
    Detached,
    ManualAct,
    Query,
    Read,
    Secret,
)
from runbook_lib.errors import (
    CommandFailedError,
    NodeUnreachableError,
    OutcomeUnknownError,
    RunbookError,
    SessionLostError,
)
from runbook_lib.execution.connections import Connections
from runbook_lib.execution.phase import Phase
from runbook_lib.execution.phases import account_of
from runbook_lib.execution.run_folder import RunFolder
from runbook_lib.execution.run_record import open_run
from runbook_lib.execution.start import Start
from runbook_lib.journal.journal import Journal
from runbook_lib.lab.answers import Bag, Invocation, Reply, SecretText
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.power import NodeIsDownError
from runbook_lib.lab.world.world import World
from runbook_lib.sessions import detached
from runbook_lib.sessions.detached import AttachedWork, DetachedAct
from runbook_lib.sessions.session import ExpectedIdentity, WorkSeen
from runbook_lib.sessions.wire_form import (
    SCRIPT_FAILED,
    ScriptCall,
    act_answer,
    pack_act,
    pack_reads,
    pack_script,
    script_answer,
)
from runbook_lib.topology.loading import Loaded
from runbook_lib.topology.models import Approval
from tests import builders
from tests.builders import LAB

WALL = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class Pending:
    """An answer that is already there; an error waits for `finish`, as sessions promise."""

    take: Callable[[], Any]

    def go_on(self, _deadline_s: float) -> None:
        """Start nothing: tasks that read are run by `finish`."""

    def finish(self, _deadline_s: float) -> Any:
        """Return the values, or raise what went wrong."""
        return self.take()


@dataclass
class Sent:
    """A pipeline's objects that are already there; an error waits for `rows`."""

    take: Callable[[], list[dict[str, Any]]]

    def rows(self, _deadline_s: float) -> list[dict[str, Any]]:
        """Return the objects, or raise what went wrong."""
        return self.take()


@dataclass
class InProcessSession:
    """One node of a world. lose_reply: the next act's reply is lost after its effect."""

    world: World
    node: str
    lose_reply: bool = False
    acts: int = 0
    user: str = "Administrator"
    clock: Clock = field(default_factory=lambda: SteppedClock(WALL))
    told: list[WorkSeen | None] = field(default_factory=list)
    _resets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Hear when the node's connections are reset."""
        self.world.on_connections_reset(self._resets.append)

    @property
    def pause_s(self) -> float:
        """Return the seconds between two looks at a task."""
        return 1.0

    def begin_read(self, queries: Sequence[Query[Any]]) -> Pending:
        """Ask at once; the answer is looked at by `finish`, and tasks that read are run there."""
        return self._begin_read(queries, self._call)

    def _begin_read(
        self, queries: Sequence[Query[Any]], call: Callable[[ScriptCall], Reply]
    ) -> Pending:
        packed = pack_reads(queries)
        inline = [read for read in packed.alone if not isinstance(read.command, Detached)]
        try:
            replies = {read: call(pack_script(read)) for read in inline}
            reply = call(packed.call) if packed.carried else Reply()
        except (NodeIsDownError, ConnectionResetError) as error:
            return Pending(_raiser(_unreachable(self.node, error)))

        def take() -> list[Any]:
            answers = {read: self._script_answer(read, replies[read]) for read in inline}
            for read in packed.alone:
                if read not in answers:
                    answers[read] = detached.DetachedRead(self, read).finish()
            return packed.values(self.node, rows(reply), answers)

        return Pending(take)

    def begin_act(self, action: Action, identity: ExpectedIdentity) -> Pending | DetachedAct:
        """Send once; what the world did stays done, whatever becomes of the reply."""
        self.acts += 1
        if isinstance(action.command, Detached):
            return DetachedAct(self, action, identity)
        sent = self.send(pack_act(action, identity), "an act", action.deadline_s)
        return Pending(lambda: act_answer(self.node, action, identity, sent.rows(0)))

    def tell(self, seen: WorkSeen | None) -> None:
        """Keep what is shown to whoever waits."""
        self.told.append(seen)

    def attach(self, action: Action) -> AttachedWork:
        """Wait for detached work that an earlier process started under the task's name."""
        return AttachedWork(self, action)

    def clean_up(self, task: str, identity: ExpectedIdentity) -> None:
        """Remove a task that has ended with all its files."""
        detached.clean_up(self, task, identity)

    def ask(self, query: Query[Any], deadline_s: float) -> Any:
        """Return a query's value; a look at a task is no point to crash at, there are many."""
        return self._begin_read([query], self._heard).finish(deadline_s)[0]

    def send(self, call: ScriptCall, name: str, deadline_s: float) -> Sent:
        """Send a pipeline, once."""
        try:
            reply = self._call(call)
        except NodeIsDownError as error:
            return Sent(_raiser(_unreachable(self.node, error)))
        except ConnectionResetError:
            return Sent(_raiser(_unknown(self.node)))
        if self.lose_reply:
            self.lose_reply = False
            return Sent(_raiser(_unknown(self.node)))

        def take() -> list[dict[str, Any]]:
            if reply.terminating is not None:
                raise CommandFailedError("refused", why=reply.terminating.message, next_step="-")
            return rows(reply)

        return Sent(take)

    def _script_answer(self, read: Read, reply: Reply) -> Answer:
        if reply.terminating is not None:
            return Answer(error_id=SCRIPT_FAILED, text=reply.terminating.message)
        return script_answer(self.node, read, rows(reply))

    def listens(self) -> bool:
        """Tell whether the node takes connections now."""
        return self.world.is_listening(self.node)

    def reconnect(self) -> None:
        """Open the way again; raises while the node is down."""
        self._resets.clear()
        if not self.world.is_listening(self.node):
            raise _unreachable(self.node, NodeIsDownError(self.node))

    def close(self) -> None:
        """Hold nothing, so give nothing back."""

    def _revealed(self, value: Any) -> Any:
        """Return parameters with each secret's text in its place, as a SecureString brings it."""
        if isinstance(value, Secret):
            return SecretText(self.world.password(value.reference.partition(":")[2]))
        if isinstance(value, Mapping):
            return {name: self._revealed(item) for name, item in value.items()}
        return [self._revealed(item) for item in value] if isinstance(value, list) else value

    def _call(self, call: ScriptCall) -> Reply:
        crash_points.reach("send:before")
        reply = self._heard(call)
        crash_points.reach("send:after")
        if self.node in self._resets:
            raise ConnectionResetError
        crash_points.reach("reply")
        return reply

    def _heard(self, call: ScriptCall) -> Reply:
        self._resets.clear()
        return self.world.answer(
            self.node, self.user, Invocation(call.text, True, self._revealed(call.parameters))
        )


def with_person(rehearsal: Rehearsal) -> Rehearsal:
    """Make a person answer the gates, as in production."""
    given = rehearsal.loaded
    waits = given.topology.waits.model_copy(update={"service_s": 0.2})
    topology = given.topology.model_copy(update={"approval": Approval.PERSON, "waits": waits})
    rehearsal.loaded = Loaded(topology, given.text, given.sha256, given.warnings)
    return rehearsal


def rows(reply: Reply) -> list[dict[str, Any]]:
    """Return a reply's objects as the wire form wants them."""
    return [dict(bag.properties) for bag in reply.output if isinstance(bag, Bag)]


def _raiser(error: RunbookError) -> Callable[[], Any]:
    def raise_it() -> Any:
        raise error

    return raise_it


def _unreachable(node: str, error: Exception) -> RunbookError:
    kind = NodeUnreachableError if isinstance(error, NodeIsDownError) else SessionLostError
    return kind(f"{node} does not answer.", why=type(error).__name__, next_step="look at the node")


def _unknown(node: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"The reply of {node} was lost.", why="connection reset", next_step="resume the run"
    )


@dataclass
class Rehearsal:
    """A world, its sessions and a run folder: phases are opened on it as notebooks do."""

    world: World
    runs: Path
    loaded: Loaded = field(default_factory=builders.loaded)
    mode: str = "apply"
    approved_plan: str = ""
    folder: RunFolder | None = None
    sessions: dict[str, InProcessSession] = field(default_factory=dict)
    started: list[Start] = field(default_factory=list)

    @classmethod
    def on_factory_nodes(cls, runs: Path) -> Rehearsal:
        """Return a rehearsal before its first phase."""
        loaded = builders.loaded()
        world = World.create("factory", loaded.topology, 1, clock=PolledClock(WALL))
        return cls(world, runs, loaded)

    def start(self, phase: str) -> Start:
        """Return the surroundings of a phase, as a fresh kernel would have them."""
        clock = SteppedClock(WALL)
        journal = None
        if self.folder is None and self.mode == "apply":
            # A crash before the run began leaves a folder that no run goes on with.
            path = next(p for n in range(9) if not (p := self.runs / f"run-{n}").exists())
            self.folder, journal = open_run(self.loaded, path, (phase,), str(LAB), clock)
        elif self.mode == "apply" and self.folder is not None:
            journal = Journal.open(self.folder.journal, clock)
        user = account_of(self.loaded.topology, phase).user
        self.sessions = {
            node.name: InProcessSession(self.world, node.name, user=user)
            for node in self.loaded.topology.nodes
        }
        started = Start(
            phase,
            self.mode,
            self.loaded,
            self.folder or RunFolder(self.runs / "none"),
            journal,
            Connections(dict(self.sessions), hands=self.hands),
            clock,
            self.approved_plan,
            again=lambda: self.start(phase),
        )
        self.started.append(started)
        return started

    def open(self, phase: str) -> Phase:
        """Return an opened phase."""
        return Phase(self.start(phase))

    def hands(self, act: ManualAct, node: str) -> None:
        """Act as a person would."""
        self.world.act(str(act.act), {"node": node, **dict(act.arguments)})

    def carry_out(self, phase: str) -> Phase:
        """Run a phase as its notebook does, from plan to close."""
        opened = self.open(phase)
        opened.plan()
        for step in opened.steps:
            opened.run(step)
        opened.close()
        return opened
