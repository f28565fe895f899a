"""Phase 60: the Windows components that Exchange's mailbox role stands on (figures 33, 35, 36).

The document's list of components is lost (M062); what stands here is rebuilt from the product's
system requirements. Both nodes are members of the cluster by now, so nothing here restarts one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import components, system
from runbook_lib.commands.components import (
    UNWANTED_COMPONENTS,
    WANTED_COMPONENTS,
    ComponentFiles,
    Offload,
    OptionalComponents,
)
from runbook_lib.commands.system import Service
from runbook_lib.steps.check_prerequisites import CheckHotfix
from runbook_lib.steps.component_checks import (
    CheckDotNet,
    CheckManagementConsole,
    CheckNoMailServices,
    CheckNothingWaits,
    CheckPowerShell,
    CompareNodes,
)
from runbook_lib.steps.step import (
    Blocked,
    Change,
    Changes,
    NoChange,
    Plan,
    Reads,
    StepClass,
    StepFactory,
)
from runbook_lib.topology.models import Topology

PHASE = "60_install_windows_components"

SERVICE_OF = {"iis_common": "IISADMIN", "iis_www": "W3SVC"}
"""Component -> the service that it brings."""


@dataclass(frozen=True)
class InstallComponents:
    """Network COM+ access and of IIS the common files, the manager and the web service are there.

    All of them go through the component manager at once, with an answer file.
    """

    ids: ClassVar[tuple[str, ...]] = ("M062", "N063")
    step_class: ClassVar[StepClass] = StepClass.SET
    node: str

    def reads(self) -> Reads:
        """Return the questions: the manager's list, the services, the installation files."""
        return {
            "installed": components.optional_components(),
            "services": system.services(),
            "files": components.component_files(),
        }

    def plan(
        self, installed: OptionalComponents, services: tuple[Service, ...], files: ComponentFiles
    ) -> Plan:
        """Return one change while a component is missing and Windows can find its files."""
        missing = [name for name in WANTED_COMPONENTS if not installed.has(name)]
        if not missing:
            return self._are_whole(installed, services)
        if files.manager_runs:
            return Blocked(
                "Windows components are being installed right now (sysocmgr.exe runs)",
                f"let the wizard on {self.node} come to its end, or close it there",
            )
        if files.unreachable:
            return Blocked(
                f"Windows would look for its files in vain: {', '.join(files.unreachable)}",
                f"copy the AMD64 and I386 folders of the Windows disc to {self.node}, and name "
                r"the folder above them in SourcePath and ServicePackSourcePath of "
                r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup",
            )
        listed = ", ".join(missing)
        return Changes(
            Change(
                "Windows components",
                ", ".join(n for n in WANTED_COMPONENTS if installed.has(n)) or "none of them",
                ", ".join(WANTED_COMPONENTS),
                by=components.switch_components(on=WANTED_COMPONENTS, off=UNWANTED_COMPONENTS),
                undo=f"remove {listed} on {self.node} with the same answer file, off for on; only "
                "before Exchange is installed",
            )
        )

    def _are_whole(self, installed: OptionalComponents, services: tuple[Service, ...]) -> Plan:
        """Return NoChange unless a component is listed and does not work."""
        names = {service.name.upper() for service in services}
        lost = [
            f"service {service} of {name} is missing"
            for name, service in SERVICE_OF.items()
            if service not in names
        ]
        if not installed.network_com_access:
            lost.append("network COM+ access is switched off (COM3, RemoteAccessEnabled)")
        if lost:
            return Blocked(
                f"installed, but {'; '.join(lost)}",
                f"remove the component on {self.node} (Add or Remove Windows Components), then "
                "resume: it is installed anew",
            )
        return NoChange(", ".join(WANTED_COMPONENTS))


@dataclass(frozen=True)
class TurnOffOffload:
    """The network cards get no TCP work to do, from the next start on.

    Service Pack 2 hands it to them, and remote calls between servers then fail now and then.
    The phase restarts nobody for it: the nodes are members of the cluster.
    """

    ids: ClassVar[tuple[str, ...]] = ("M062", "N063")
    step_class: ClassVar[StepClass] = StepClass.SET
    node: str

    def reads(self) -> Reads:
        """Return the question: the three switches."""
        return {"offload": components.tcp_offload()}

    def plan(self, offload: Offload) -> Plan:
        """Return a change for each switch that is not off."""
        if not offload.on:
            return NoChange("off")
        return Changes(
            *(
                Change(
                    f"{name} (from the next start on)",
                    "on, by default" if offload.values[name] is None else "on",
                    "off",
                    by=components.turn_off_offload(name),
                    undo=f"delete the value {name}"
                    if offload.values[name] is None
                    else f"set {name} to {offload.values[name]}",
                )
                for name in offload.on
            )
        )


def check_hotfix(topology: Topology) -> Iterator[CheckHotfix]:
    """The cluster hotfix is there, by itself or in a service pack (N007, T10)."""
    yield from (CheckHotfix(node.name) for node in topology.nodes)


def check_dotnet(topology: Topology) -> Iterator[CheckDotNet]:
    """.NET Framework 2.0 is there (S060, N061, T8, figure 33)."""
    yield from (CheckDotNet(node.name) for node in topology.nodes)


def check_management_console(topology: Topology) -> Iterator[CheckManagementConsole]:
    """Management Console 3.0 is there (S072, N073, T9, figure 35)."""
    yield from (CheckManagementConsole(node.name) for node in topology.nodes)


def check_powershell(topology: Topology) -> Iterator[CheckPowerShell]:
    """Windows PowerShell is there (S074, T7, figure 36)."""
    yield from (CheckPowerShell(node.name) for node in topology.nodes)


def check_no_mail_services(topology: Topology) -> Iterator[CheckNoMailServices]:
    """Neither SMTP nor NNTP is installed (M062)."""
    yield from (CheckNoMailServices(node.name) for node in topology.nodes)


def install_components(topology: Topology) -> Iterator[InstallComponents]:
    """COM+ access and the parts of IIS are installed (M062)."""
    yield from (InstallComponents(node.name) for node in topology.nodes)


def turn_off_offload(topology: Topology) -> Iterator[TurnOffOffload]:
    """TCP offload is off (M062)."""
    yield from (TurnOffOffload(node.name) for node in topology.nodes)


def check_nothing_waits(topology: Topology) -> Iterator[CheckNothingWaits]:
    """No restart is pending (M062)."""
    yield from (CheckNothingWaits(node.name) for node in topology.nodes)


def compare_nodes(topology: Topology) -> Iterator[CompareNodes]:
    """Both nodes have the same components (N063)."""
    first, second = (node.name for node in topology.nodes)
    yield CompareNodes(first, second, PHASE)


STEPS: tuple[StepFactory, ...] = (
    check_hotfix,
    check_dotnet,
    check_management_console,
    check_powershell,
    check_no_mail_services,
    install_components,
    turn_off_offload,
    check_nothing_waits,
    compare_nodes,
)
