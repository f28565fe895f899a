"""Phase 90: the mailbox server is looked at, moved to node 2 and back (figures 44 to 47).

A move shuts clients out for a while (T17): it needs its own approval, and the cmdlet that moves is
watched, so that the record holds how long the databases were gone. Move Group of the cluster does
none of the cmdlet's checks and is never used (N093).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import exchange_shell
from runbook_lib.commands.exchange_shell import MailboxServer
from runbook_lib.commands.server_cluster import same
from runbook_lib.steps import accounts
from runbook_lib.steps.mailbox_server_checks import (
    Asked,
    BringIntoService,
    CheckConsole,
    CheckServices,
    CheckStatus,
    awaits,
    unreadable,
)
from runbook_lib.steps.mailbox_storage import CheckResources, Storage
from runbook_lib.steps.step import (
    At,
    Blocked,
    Change,
    Changes,
    Deferred,
    NoChange,
    Plan,
    Reads,
    Silence,
    StepClass,
    StepFactory,
)
from runbook_lib.topology.models import Topology

PHASE = "90_prove_failover"
ACTIVE_NODE = "active node (clients are shut out while it moves)"


def proof(server: str) -> str:
    """Return how the comment of every move of a proof begins, by which the event log finds it."""
    return f"scc-runbook: proof of failover, {server} to "


def comment(server: str, target: str) -> str:
    """Return what the move to a node leaves in the event log; its end tells EX1 from EX11."""
    return f"{proof(server)}{target}."


@dataclass(frozen=True)
class Moves:
    """The proof: to `target` and from there back `home`."""

    asked: Asked
    home: str
    target: str
    deadline_s: float

    def reads(self) -> Reads:
        """Return the questions: the server, and both nodes' logs for comments of a proof."""
        seen = exchange_shell.moves_seen(proof(self.asked.name))
        return {
            "seen": exchange_shell.mailbox_server(self.asked.name, self.asked.account),
            "here": seen,
            "there": At(self.target, seen),
        }

    def has_moved(self, node: str, *logs: tuple[str, ...]) -> bool:
        """Tell whether a log holds the move to a node; computer names count in any capitals."""
        wanted = comment(self.asked.name, node).upper()
        return any(wanted in message.upper() for log in logs for message in log)


@dataclass(frozen=True)
class MoveThere:
    """The second node has run the mailbox server; the event log holds the move's comment."""

    ids: ClassVar[tuple[str, ...]] = ("S092", "N093", "T1", "T17")
    step_class: ClassVar[StepClass] = StepClass.ONE_SHOT
    moves: Moves

    @property
    def node(self) -> str:
        """Return the node whose shell moves: the one that gives the server away."""
        return self.moves.home

    def reads(self) -> Reads:
        """Return the questions: the server, and both logs."""
        return self.moves.reads()

    def plan(
        self, seen: MailboxServer, here: tuple[str, ...], there: tuple[str, ...] | Silence
    ) -> Plan:
        """Return one move unless it was made; nothing is moved that is not in full service."""
        target, name = self.moves.target, self.moves.asked.name
        if isinstance(there, Silence):
            return _is_off(target)
        if seen.status is None:
            return unreadable(seen, name)
        is_made = self.moves.has_moved(target, here, there)
        wish = () if is_made else ((ACTIVE_NODE, target),)
        waits = awaits(PHASE, seen, name, *wish)
        if waits or is_made:
            return waits or NoChange(f"moved to {target}; the event log has it")
        if same(seen.status.active or "", target):
            return Blocked(
                f"{name} is active on {target} already, and no event tells that this procedure "
                "moved it there",
                f"move it to {self.moves.home} with Move-ClusteredMailboxServer first",
            )
        return move(seen, self.moves, target)


@dataclass(frozen=True)
class MoveBack:
    """The first node runs the mailbox server again; the event log holds the move's comment."""

    ids: ClassVar[tuple[str, ...]] = ("S092", "N093", "T17")
    step_class: ClassVar[StepClass] = StepClass.ONE_SHOT
    moves: Moves

    @property
    def node(self) -> str:
        """Return the node whose shell moves: the one that has given the server away."""
        return self.moves.home

    def reads(self) -> Reads:
        """Return the questions: the server, and both logs."""
        return self.moves.reads()

    def plan(
        self, seen: MailboxServer, here: tuple[str, ...], there: tuple[str, ...] | Silence
    ) -> Plan:
        """Return one move once the other one was made; see `MoveThere.plan`."""
        if isinstance(there, Silence):
            return _is_off(self.moves.target)
        if seen.status is None:
            return unreadable(seen, self.moves.asked.name)
        home = self.moves.home
        if not self.moves.has_moved(self.moves.target, here, there):
            return Deferred(PHASE, ((ACTIVE_NODE, home),), why="done once the server has moved")
        waits = awaits(PHASE, seen, self.moves.asked.name, (ACTIVE_NODE, home))
        if waits:
            return waits
        if not same(seen.status.active or "", home):
            return move(seen, self.moves, home)
        if self.moves.has_moved(home, here, there):
            return NoChange(f"moved back to {home}; the event log has it")
        return NoChange(f"active on {home} again, without a move of this procedure")


def move(seen: MailboxServer, moves: Moves, target: str) -> Plan:
    """Return the move to a node, or why it must not be made now (T1)."""
    name = moves.asked.name
    if seen.status is None or seen.server is None:
        return unreadable(seen, name)
    able = {each.upper() for each in seen.server.machines}
    if target.upper() not in able:
        return Blocked(
            f"{target} is no node of {name}: it runs on {', '.join(seen.server.machines)} only",
            "correct the node's name in the parameter file, or install the passive node first "
            "(phase 80_install_exchange_passive_node)",
        )
    if target.upper() not in {each.upper() for each in seen.status.machines}:
        return Blocked(
            f"{target} is not in service: {name} has {', '.join(seen.status.machines)}",
            f"start the cluster service on {target}, then resume",
        )
    source = seen.status.active or "no node"
    return Changes(
        Change(
            ACTIVE_NODE,
            source,
            target,
            by=exchange_shell.move(
                name, target, comment(name, target), moves.asked.account, moves.deadline_s
            ),
            undo=f"Move-ClusteredMailboxServer -Identity {name} -TargetMachine {source}: another "
            "interruption",
        )
    )


def _is_off(node: str) -> Blocked:
    return Blocked(f"{node} does not answer", f"switch {node} on: the proof needs both nodes")


def _asked(topology: Topology) -> Asked:
    return Asked(topology.mailbox_server.name, accounts.installer(topology))


def _moves(topology: Topology) -> Moves:
    home, target = (node.name for node in topology.nodes)
    return Moves(_asked(topology), home, target, topology.waits.setup_s)


def bring_into_service(topology: Topology) -> Iterator[BringIntoService]:
    """The mailbox server is started, its databases are mounted (S091)."""
    deadline_s = topology.waits.setup_s
    yield BringIntoService(topology.nodes[0].name, _asked(topology), deadline_s)


def check_resources(topology: Topology) -> Iterator[CheckResources]:
    """Both nodes are up; one group holds all of Exchange, online and able to move (S090, N003)."""
    names = tuple(node.name for node in topology.nodes)
    yield CheckResources(Storage.of(topology), names, PHASE)


def check_status(topology: Topology) -> Iterator[CheckStatus]:
    """Either node says that the mailbox server is online (S091, figure 45)."""
    yield from (CheckStatus(node.name, _asked(topology), PHASE) for node in topology.nodes)


def move_to_second_node(topology: Topology) -> Iterator[MoveThere]:
    """The mailbox server moves to node 2 (S092, N093, T1, T17, figure 46)."""
    yield MoveThere(_moves(topology))


def move_back(topology: Topology) -> Iterator[MoveBack]:
    """The mailbox server moves back to node 1 (S092, N093, T17)."""
    yield MoveBack(_moves(topology))


def check_services(topology: Topology) -> Iterator[CheckServices]:
    """Exchange's services run on the active node and rest on the other one (S090)."""
    for node in topology.nodes:
        yield CheckServices(node.name, ("S090",), _asked(topology), PHASE)


def check_console(topology: Topology) -> Iterator[CheckConsole]:
    """It is a cluster server of both nodes, with its databases on the shared disk (S094)."""
    names = tuple(node.name for node in topology.nodes)
    path = topology.mailbox_server.data_path
    yield CheckConsole(names[0], ("S094",), _asked(topology), names, path, PHASE)


STEPS: tuple[StepFactory, ...] = (
    bring_into_service,
    check_resources,
    check_status,
    move_to_second_node,
    move_back,
    check_services,
    check_console,
)
