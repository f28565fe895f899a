"""Phase 70: Exchange on the node that runs the mailbox server (figures 34 and 38 to 42).

Two runs of Setup.com, the role and the clustered mailbox server, each told by what it leaves
behind; then the shared disk is put into the mailbox server's group, of which the document says
nothing (T13). What Setup would refuse is looked at first. The directory is prepared by nobody here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import (
    directory,
    exchange_setup_state,
    probe,
    server_cluster,
    setup_com,
)
from runbook_lib.commands.command import Program
from runbook_lib.commands.directory import Directory, Unanswered
from runbook_lib.commands.exchange_setup_state import Progress, SetupState
from runbook_lib.commands.server_cluster import Seen, same
from runbook_lib.steps import accounts
from runbook_lib.steps.exchange_readiness import (
    CheckMedia,
    CheckNode,
    CheckOtherRoles,
    CheckPreparation,
    CheckRights,
)
from runbook_lib.steps.exchange_setup import InstallRole, Run, hinders, told
from runbook_lib.steps.mailbox_server_checks import Asked, CheckConsole, CheckServices
from runbook_lib.steps.mailbox_storage import (
    DeleteEmptyGroup,
    HoldDisk,
    JoinStorage,
    Storage,
    exchange_resources,
    no_cluster,
)
from runbook_lib.steps.step import (
    Blocked,
    Change,
    Changes,
    Deferred,
    NoChange,
    Plan,
    Reads,
    StepClass,
    StepFactory,
)
from runbook_lib.topology.models import Topology

PHASE = "70_install_exchange_active_node"


@dataclass(frozen=True)
class CheckName:
    """Nobody has the name or the address of the mailbox server yet."""

    ids: ClassVar[tuple[str, ...]] = ("M006", "S078")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    name: str
    address: str
    asked: directory.Asked

    def reads(self) -> Reads:
        """Return the questions: directory with DNS, cluster, how far Setup is, the address."""
        return {
            "known": directory.seen(self.asked),
            "seen": server_cluster.seen(),
            "setup": exchange_setup_state.setup_state(),
            "holders": probe.holders((self.address,)),
        }

    def plan(
        self,
        known: Directory | Unanswered,
        seen: Seen,
        setup: SetupState,
        holders: Mapping[str, str | None],
    ) -> Plan:
        """Return NoChange while both are free, and once Setup has begun to use them."""
        if isinstance(known, Unanswered):
            return Blocked(known.reason, known.next_step)
        if seen.cluster is None:
            return no_cluster(seen, self.node)
        if setup.server.progress is not Progress.ABSENT:
            return NoChange(f"{self.name} is the mailbox server's own")
        user = self._user_of_name(known)
        if seen.cluster.group(self.name) is not None:
            user = user or f"the cluster has a group {self.name}"
        if user:
            return Blocked(
                f"the name {self.name} is taken: {user}",
                "give mailbox_server.name another value, or remove what has it, once you know "
                "that nobody uses it (an account may be prepared beforehand: disabled)",
            )
        if holders[self.address]:
            return Blocked(
                f"the address {self.address} is taken by {holders[self.address]}",
                "free the address, or give mailbox_server.address another value",
            )
        return NoChange(f"{self.name} and {self.address} are free")

    def _user_of_name(self, known: Directory) -> str | None:
        """Return who uses the name: no prepared account, no record that leads to our address."""
        account = known.computer(self.name)
        if account is not None and (account.enabled or account.dns_name is not None):
            return f"the directory has a computer account {account.name}"
        for host, addresses in known.reach.addresses.items():
            is_ours = same(host.partition(".")[0], self.name)
            if is_ours and addresses and set(addresses) != {self.address}:
                return f"DNS knows {host} as {', '.join(addresses)}"
        return None


@dataclass(frozen=True)
class MakeServer:
    """The clustered mailbox server exists, made by the second run of Setup on this node."""

    ids: ClassVar[tuple[str, ...]] = ("S071", "S077", "S078", "S081", "N003", "T12")
    step_class: ClassVar[StepClass] = StepClass.ONE_SHOT
    node: str
    name: str
    address: str
    line: Program
    run: Run

    @property
    def setting(self) -> str:
        """Return what is made, as plan and record name it."""
        return f"clustered mailbox server {self.name}"

    @property
    def wish(self) -> str:
        """Return what it is once it is made."""
        return f"made, at {self.address}"

    def reads(self) -> Reads:
        """Return the questions: how far Setup is, and the cluster."""
        return {"setup": exchange_setup_state.setup_state(), "seen": server_cluster.seen()}

    def plan(self, setup: SetupState, seen: Seen) -> Plan:
        """Return one run of Setup while the server is not complete."""
        if seen.cluster is None:
            return no_cluster(seen, self.node)
        part = setup.server
        groups = {each.group for each in exchange_resources(seen.cluster)}
        others = sorted(each for each in groups if not same(each, self.name))
        if others:
            return Blocked(
                f"the cluster runs another mailbox server: {', '.join(others)}",
                "two nodes run one mailbox server only (active/passive); name that one in the "
                "parameter file, or remove it with Setup.com /RemoveCms",
            )
        if part.progress is Progress.DONE and not setup.is_running:
            if seen.cluster.group(self.name) is None:
                return Blocked(
                    f"Setup says that {self.name} is made, and the cluster has no such group",
                    "bring it back on this node with Setup.com /RecoverCms, or see whether the "
                    "parameter file names another server than the one that was made",
                )
            return NoChange(f"made, {part.configured}")
        if setup.role.progress is not Progress.DONE:
            wish = ((self.setting, self.wish),)
            return Deferred(PHASE, wish, why="made once the role is there")
        hindrance = hinders(setup, part, self.node)
        if hindrance:
            return hindrance
        if part.progress is Progress.ABSENT and groups:
            return Blocked(
                f"the cluster has {self.name} already, and {self.node} did not make it",
                "make the node that runs its Setup the first one of the parameter file",
            )
        return Changes(
            Change(
                self.setting,
                told(part),
                self.wish,
                by=setup_com.run(self.line, self.run.account, self.run.deadline_s),
                undo=f"{setup_com.in_words(self._way_back())} on the node that runs it, after its "
                "mailboxes are moved; then delete its account and DNS record",
            )
        )

    def _way_back(self) -> Program:
        return setup_com.remove_mailbox_server(self.run.media, self.name)


def _asked(topology: Topology) -> directory.Asked:
    name = topology.mailbox_server.name
    return directory.Asked(
        topology.domain.name,
        topology.domain.controller.address,
        accounts.installer(topology),
        users=(topology.accounts.installer.user,),
        computers=(name,),
        hosts=(f"{name}.{topology.domain.name}",),
    )


def _run(topology: Topology) -> Run:
    account = accounts.installer(topology)
    return Run(topology.exchange.media, account, topology.waits.setup_s)


def _names(topology: Topology) -> tuple[str, str]:
    first, second = topology.nodes
    return first.name, second.name


def check_media(topology: Topology) -> Iterator[CheckMedia]:
    """A released Exchange 2007 lies on both nodes (S070, T2)."""
    first, second = _names(topology)
    letters = tuple(f"{disk.letter}:" for disk in (topology.disks.quorum, topology.disks.database))
    yield CheckMedia(first, second, setup_com.program(topology.exchange.media), letters)


def check_preparation(topology: Topology) -> Iterator[CheckPreparation]:
    """The directory is prepared for this release (T16)."""
    media = setup_com.program(topology.exchange.media)
    yield CheckPreparation(topology.nodes[0].name, _asked(topology), media)


def check_other_roles(topology: Topology) -> Iterator[CheckOtherRoles]:
    """Hub Transport and Client Access are in the nodes' site (M006, T16)."""
    first, second = _names(topology)
    yield CheckOtherRoles(first, _asked(topology), second)


def check_rights(topology: Topology) -> Iterator[CheckRights]:
    """The installer may create a mailbox server (M006)."""
    user = topology.accounts.installer.user
    yield CheckRights(topology.nodes[0].name, _asked(topology), user)


def check_name(topology: Topology) -> Iterator[CheckName]:
    """Name and address of the mailbox server are free (M006, S078)."""
    server = topology.mailbox_server
    yield CheckName(topology.nodes[0].name, server.name, server.address, _asked(topology))


def check_node(topology: Topology) -> Iterator[CheckNode]:
    """Nothing on the node would make Setup refuse (S080, figure 41)."""
    yield CheckNode(topology.nodes[0].name)


def hold_disk(topology: Topology) -> Iterator[HoldDisk]:
    """Node 1 owns the group with the database disk (N079)."""
    yield HoldDisk(Storage.of(topology))


def install_role(topology: Topology) -> Iterator[InstallRole]:
    """Node 1 has the Mailbox role (S071, S075, S076, S081, T12, figures 34 and 38)."""
    exchange = topology.exchange
    line = setup_com.install_role(
        exchange.media,
        error_reporting=exchange.error_reporting,
        legacy_outlook=topology.mailbox_server.public_folder_database,
    )
    ids = ("S071", "S075", "S076", "S081", "T12")
    name = topology.nodes[0].name
    yield InstallRole(name, ids, line, _run(topology), exchange.accept_license)


def make_mailbox_server(topology: Topology) -> Iterator[MakeServer]:
    """The clustered mailbox server is made (S077, S078, S081, N003, figures 39 to 42)."""
    server = topology.mailbox_server
    line = setup_com.new_mailbox_server(
        topology.exchange.media, server.name, server.address, server.data_path
    )
    yield MakeServer(topology.nodes[0].name, server.name, server.address, line, _run(topology))


def join_storage(topology: Topology) -> Iterator[JoinStorage]:
    """The disk is in the mailbox server's group, its databases wait for it (T13)."""
    yield JoinStorage(Storage.of(topology), PHASE)


def delete_empty_group(topology: Topology) -> Iterator[DeleteEmptyGroup]:
    """The group that was made for the disk alone is gone (T13)."""
    yield DeleteEmptyGroup(Storage.of(topology), PHASE)


def check_services(topology: Topology) -> Iterator[CheckServices]:
    """Exchange's services run as the cluster wants them to (S081)."""
    asked = Asked(topology.mailbox_server.name, accounts.installer(topology))
    yield CheckServices(topology.nodes[0].name, ("S081",), asked, PHASE)


def check_databases(topology: Topology) -> Iterator[CheckConsole]:
    """Every database is mounted, on the shared disk (S078, S081, T13)."""
    server, name = topology.mailbox_server, topology.nodes[0].name
    asked = Asked(server.name, accounts.installer(topology))
    ids = ("S078", "S081", "T13")
    yield CheckConsole(name, ids, asked, (name,), server.data_path, PHASE)


STEPS: tuple[StepFactory, ...] = (
    check_media,
    check_preparation,
    check_other_roles,
    check_rights,
    check_name,
    check_node,
    hold_disk,
    install_role,
    make_mailbox_server,
    join_storage,
    delete_empty_group,
    check_services,
    check_databases,
)
