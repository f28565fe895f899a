"""Phase 00: what must hold before anything is changed; this phase reads only.

The document's own list of prerequisites is lost (M006). What stands here is rebuilt from the
product's system requirements; items that no node can answer yet name the phase that asks them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import components, network, system
from runbook_lib.commands.network import Adapter
from runbook_lib.commands.system import (
    Computer,
    DomainRole,
    OperatingSystem,
    PendingReboot,
    Service,
)
from runbook_lib.steps import adapters
from runbook_lib.steps.adapters import Wished, usable
from runbook_lib.steps.step import (
    Blocked,
    Deferred,
    NoChange,
    Plan,
    Reads,
    StepClass,
    StepFactory,
)
from runbook_lib.topology.models import Target, Topology

PHASE = "00_check_prerequisites"
ENGLISH = 1033
HOTFIX = "KB898790"
SERVICE_PACK_WITH_HOTFIX = 2
FORBIDDEN_SERVICES = {"SMTPSVC": "SMTP", "NNTPSVC": "NNTP"}


@dataclass(frozen=True)
class FindAdapters:
    """The machine has both adapters of the parameter file, each with a link."""

    ids: ClassVar[tuple[str, ...]] = ("M006",)
    step_class: ClassVar[StepClass] = StepClass.READ
    public: Wished
    private: Wished

    @property
    def node(self) -> str:
        """Return the node's name."""
        return self.public.node

    def reads(self) -> Reads:
        """Return the question: both adapters, by MAC address."""
        return {
            "public": network.adapter(self.public.mac),
            "private": network.adapter(self.private.mac),
        }

    def plan(self, public: Adapter | None, private: Adapter | None) -> Plan:
        """Return NoChange with the names found, or what is missing."""
        names = []
        for seen, wished in ((public, self.public), (private, self.private)):
            adapter = usable(seen, wished)
            if isinstance(adapter, Blocked):
                return adapter
            names.append(f"{wished.mac} is {adapter.connection}")
        return NoChange(", ".join(names))


@dataclass(frozen=True)
class CheckEdition:
    """The node runs Windows Server 2003 Enterprise or Datacenter, SP2 (WinRM 2.0 needs it).

    needs_x64: released Exchange 2007 runs on x64 only; the 32-bit build is for trials.
    """

    ids: ClassVar[tuple[str, ...]] = ("M006",)
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    needs_x64: bool

    def reads(self) -> Reads:
        """Return the questions: the system and its architecture."""
        return {"system": system.operating_system(), "width": system.address_width()}

    def plan(self, system: OperatingSystem, width: int) -> Plan:
        """Return NoChange with edition and service pack, or all that is wrong."""
        wrong = []
        if not system.version.startswith("5.2"):
            wrong.append(f"version {system.version} is not Windows Server 2003 (5.2)")
        if not system.can_cluster:
            wrong.append("this edition has no cluster service (Enterprise or Datacenter has)")
        if system.service_pack < SERVICE_PACK_WITH_HOTFIX:
            wrong.append(f"service pack {system.service_pack}, PowerShell 2.0 needs 2")
        if self.needs_x64 and width != 64:
            wrong.append(f"{width}-bit, released Exchange 2007 needs x64")
        if wrong:
            return Blocked("; ".join(wrong), f"install the required Windows on {self.node}")
        release = " R2" if system.is_r2 else ""
        return NoChange(f"{system.caption}{release}, SP{system.service_pack}, {width}-bit")


@dataclass(frozen=True)
class CheckLanguage:
    """Windows is the English one: texts and group names that are read differ elsewhere."""

    ids: ClassVar[tuple[str, ...]] = ("M006",)
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str

    def reads(self) -> Reads:
        """Return the question: the system."""
        return {"system": system.operating_system()}

    def plan(self, system: OperatingSystem) -> Plan:
        """Return NoChange for 1033 only."""
        if system.language == ENGLISH:
            return NoChange(f"language {ENGLISH} (English)")
        return Blocked(
            f"Windows speaks language {system.language}, only {ENGLISH} (English) is known",
            f"install an English Windows on {self.node}; this runbook reads English texts",
        )


@dataclass(frozen=True)
class CheckHotfix:
    """The cluster hotfix KB898790 is there, by itself or within Service Pack 2 (T10)."""

    ids: ClassVar[tuple[str, ...]] = ("N007", "T10", "M006")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str

    def reads(self) -> Reads:
        """Return the questions: the service pack and the installed updates."""
        return {"system": system.operating_system(), "hotfixes": components.hotfixes()}

    def plan(self, system: OperatingSystem, hotfixes: frozenset[str]) -> Plan:
        """Return NoChange with the evidence; on SP2 the package must not be installed."""
        if system.service_pack >= SERVICE_PACK_WITH_HOTFIX:
            return NoChange(f"contained in Service Pack {system.service_pack}")
        if HOTFIX in hotfixes:
            return NoChange(f"{HOTFIX} is installed")
        return Blocked(
            f"{HOTFIX} is missing", f"install Service Pack 2 on {self.node}; it contains {HOTFIX}"
        )


@dataclass(frozen=True)
class CheckMailServices:
    """Neither SMTP nor NNTP is installed: Exchange brings its own transport."""

    ids: ClassVar[tuple[str, ...]] = ("M006",)
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str

    def reads(self) -> Reads:
        """Return the question: all services."""
        return {"services": system.services()}

    def plan(self, services: tuple[Service, ...]) -> Plan:
        """Return NoChange when neither service exists."""
        names = {service.name.upper() for service in services}
        found = [text for name, text in FORBIDDEN_SERVICES.items() if name in names]
        if not found:
            return NoChange("neither is installed")
        return Blocked(
            f"{' and '.join(found)} installed",
            f"remove {' and '.join(found)} on {self.node} (Windows components, Internet "
            "Information Services)",
        )


@dataclass(frozen=True)
class CheckMembership:
    """The node is no domain controller and belongs to no other domain."""

    ids: ClassVar[tuple[str, ...]] = ("M006", "S019")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    domain: str

    def reads(self) -> Reads:
        """Return the question: the membership."""
        return {"computer": system.computer()}

    def plan(self, computer: Computer) -> Plan:
        """Return NoChange for a workgroup or the wished domain."""
        controllers = (DomainRole.BACKUP_DOMAIN_CONTROLLER, DomainRole.PRIMARY_DOMAIN_CONTROLLER)
        if computer.role in controllers:
            return Blocked(
                "it is a domain controller", f"use a member server instead of {self.node}"
            )
        if not computer.part_of_domain:
            return NoChange(f"in workgroup {computer.domain}")
        if computer.domain.casefold() == self.domain.casefold():
            return NoChange(f"member of {computer.domain}")
        return Blocked(
            f"it is a member of {computer.domain}, not of {self.domain}",
            f"take {self.node} out of {computer.domain}, or correct domain.name",
        )


@dataclass(frozen=True)
class CheckPendingReboot:
    """Nothing waits for a restart: Setup refuses then, and a plan would not see the truth."""

    ids: ClassVar[tuple[str, ...]] = ("M006",)
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str

    def reads(self) -> Reads:
        """Return the question: what waits."""
        return {"pending": system.pending_reboot()}

    def plan(self, pending: PendingReboot) -> Plan:
        """Return NoChange when nothing waits."""
        if not pending.reasons:
            return NoChange("nothing waits for a restart")
        return Blocked("; ".join(pending.reasons), f"restart {self.node}")


@dataclass(frozen=True)
class CheckOneMailboxServer:
    """One clustered mailbox server on two nodes: active/passive, the only form there is."""

    ids: ClassVar[tuple[str, ...]] = ("N003", "S002")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    names: tuple[str, ...]
    mailbox_server: str

    def reads(self) -> Reads:
        """Return nothing: the parameter file answers."""
        return {}

    def plan(self) -> Plan:
        """Return NoChange: the file's shape allows one mailbox server and two nodes."""
        return NoChange(f"{self.mailbox_server} on {' and '.join(self.names)}")


@dataclass(frozen=True)
class CheckedLater:
    """A prerequisite that cannot be asked yet; `until` names the phase that asks."""

    ids: ClassVar[tuple[str, ...]] = ("M006",)
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    until: str

    def reads(self) -> Reads:
        """Return nothing."""
        return {}

    def plan(self) -> Plan:
        """Return Deferred to the phase."""
        return Deferred(self.until)


def find_adapters(topology: Topology) -> Iterator[FindAdapters]:
    """Both adapters are there and linked (M006)."""
    for public, private in zip(adapters.public(topology), adapters.private(topology), strict=True):
        yield FindAdapters(public, private)


def check_edition(topology: Topology) -> Iterator[CheckEdition]:
    """Windows Server 2003 Enterprise or Datacenter, SP2 (M006)."""
    needs_x64 = topology.target is Target.NODES
    yield from (CheckEdition(node.name, needs_x64) for node in topology.nodes)


def check_language(topology: Topology) -> Iterator[CheckLanguage]:
    """Windows is in English (M006)."""
    yield from (CheckLanguage(node.name) for node in topology.nodes)


def check_hotfix(topology: Topology) -> Iterator[CheckHotfix]:
    """The cluster hotfix is there (N007, T10)."""
    yield from (CheckHotfix(node.name) for node in topology.nodes)


def check_mail_services(topology: Topology) -> Iterator[CheckMailServices]:
    """No SMTP or NNTP service (M006)."""
    yield from (CheckMailServices(node.name) for node in topology.nodes)


def check_membership(topology: Topology) -> Iterator[CheckMembership]:
    """In no other domain, and no domain controller (M006, S019)."""
    yield from (CheckMembership(node.name, topology.domain.name) for node in topology.nodes)


def check_pending_reboot(topology: Topology) -> Iterator[CheckPendingReboot]:
    """No restart is pending (M006)."""
    yield from (CheckPendingReboot(node.name) for node in topology.nodes)


def check_one_mailbox_server(topology: Topology) -> Iterator[CheckOneMailboxServer]:
    """One mailbox server for two nodes (N003, S002)."""
    names = tuple(node.name for node in topology.nodes)
    yield CheckOneMailboxServer(names[0], names, topology.mailbox_server.name)


def _later(topology: Topology, until: str) -> Iterator[CheckedLater]:
    yield from (CheckedLater(node.name, until) for node in topology.nodes)


def check_domain(topology: Topology) -> Iterator[CheckedLater]:
    """A domain controller answers, clocks agree, accounts may log on (M006)."""
    yield from _later(topology, "20_join_domain")


def check_shared_disks(topology: Topology) -> Iterator[CheckedLater]:
    """Both nodes see the shared block disks (M006)."""
    yield from _later(topology, "30_prepare_shared_disks")


def check_free_names(topology: Topology) -> Iterator[CheckedLater]:
    """Names and addresses of cluster and mailbox server are free (M006)."""
    yield from _later(topology, "40_form_cluster")


def check_exchange_surroundings(topology: Topology) -> Iterator[CheckedLater]:
    """Directory prepared, transport and client access there, media is Enterprise (M006)."""
    yield from _later(topology, "70_install_exchange_active_node")


STEPS: tuple[StepFactory, ...] = (
    find_adapters,
    check_edition,
    check_language,
    check_hotfix,
    check_mail_services,
    check_membership,
    check_pending_reboot,
    check_one_mailbox_server,
    check_domain,
    check_shared_disks,
    check_free_names,
    check_exchange_surroundings,
)
