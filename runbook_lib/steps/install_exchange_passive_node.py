"""Phase 80: Exchange on the node that stands by (figure 43).

The same Setup with the role alone: run on a node of a cluster, it installs the role as a passive
one. No switch of the clustered mailbox server is ever given to it here, for it exists already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import exchange_setup_state, server_cluster, setup_com
from runbook_lib.commands.exchange_setup_state import Progress, SetupState
from runbook_lib.commands.server_cluster import Seen, same
from runbook_lib.steps import accounts
from runbook_lib.steps.exchange_readiness import CheckMedia, CheckNode
from runbook_lib.steps.exchange_setup import InstallRole, Run
from runbook_lib.steps.mailbox_server_checks import Asked, CheckConsole, CheckServices
from runbook_lib.steps.mailbox_storage import databases_of, no_cluster
from runbook_lib.steps.step import (
    Blocked,
    Plan,
    Reads,
    StepClass,
    StepFactory,
)
from runbook_lib.topology.models import Topology

PHASE = "80_install_exchange_passive_node"


@dataclass(frozen=True)
class InstallPassiveRole:
    """The second node has the role, while the first one runs the mailbox server."""

    ids: ClassVar[tuple[str, ...]] = ("S082",)
    step_class: ClassVar[StepClass] = StepClass.ONE_SHOT
    role: InstallRole
    first: str
    server: str

    @property
    def node(self) -> str:
        """Return the node that stands by."""
        return self.role.node

    def reads(self) -> Reads:
        """Return the questions: how far Setup is, and who has the mailbox server's group."""
        return {"setup": exchange_setup_state.setup_state(), "seen": server_cluster.seen()}

    def plan(self, setup: SetupState, seen: Seen) -> Plan:
        """Return one run of Setup, unless this node is the active one or there is none."""
        if setup.role.progress is Progress.DONE:
            return self.role.plan(setup)
        if setup.server.progress is not Progress.ABSENT:
            return Blocked(
                f"{self.node} holds traces of making {self.server} itself, so its Setup is not "
                "the passive one",
                "the mailbox server is made on the first node alone; end or remove there what was "
                f"begun on {self.node} (Setup.com /RemoveCms), then resume",
            )
        if seen.cluster is None:
            return no_cluster(seen, self.node)
        group = seen.cluster.group(self.server)
        if group is None or not databases_of(seen.cluster, self.server):
            return Blocked(
                f"the cluster has no mailbox server {self.server} yet",
                "run phase 70_install_exchange_active_node first",
            )
        if same(group.owner, self.node):
            return Blocked(
                f"{self.node} is the active node of {self.server}: the passive Setup belongs on "
                "the other one",
                f"move {self.server} to {self.first} with Move-ClusteredMailboxServer, or correct "
                "the order of the nodes in the parameter file",
            )
        return self.role.plan(setup)


def check_media(topology: Topology) -> Iterator[CheckMedia]:
    """The release lies on node 2, the same as on node 1 (S070, S082)."""
    first, second = (node.name for node in topology.nodes)
    letters = tuple(f"{disk.letter}:" for disk in (topology.disks.quorum, topology.disks.database))
    yield CheckMedia(second, first, setup_com.program(topology.exchange.media), letters)


def check_node(topology: Topology) -> Iterator[CheckNode]:
    """Nothing on node 2 would make Setup refuse (S080, S082)."""
    yield CheckNode(topology.nodes[1].name)


def install_role(topology: Topology) -> Iterator[InstallPassiveRole]:
    """Node 2 has the Mailbox role, as the passive node (S082, figure 43)."""
    first, second = (node.name for node in topology.nodes)
    account = accounts.installer(topology)
    exchange = topology.exchange
    line = setup_com.install_role(exchange.media, error_reporting=exchange.error_reporting)
    run = Run(exchange.media, account, topology.waits.setup_s)
    role = InstallRole(second, ("S082",), line, run, None)
    yield InstallPassiveRole(role, first, topology.mailbox_server.name)


def check_services(topology: Topology) -> Iterator[CheckServices]:
    """On node 2 the services rest that the cluster starts (S082)."""
    asked = Asked(topology.mailbox_server.name, accounts.installer(topology))
    yield CheckServices(topology.nodes[1].name, ("S082",), asked, PHASE)


def check_machines(topology: Topology) -> Iterator[CheckConsole]:
    """The mailbox server may run on both nodes (S082)."""
    server = topology.mailbox_server
    names = tuple(node.name for node in topology.nodes)
    asked = Asked(server.name, accounts.installer(topology))
    yield CheckConsole(names[1], ("S082",), asked, names, server.data_path, PHASE)


STEPS: tuple[StepFactory, ...] = (
    check_media,
    check_node,
    install_role,
    check_services,
    check_machines,
)
