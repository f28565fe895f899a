"""What must be there before Exchange Setup is started, and cannot be installed over a session.

The document tells Service Pack 1 and R2 apart as if they excluded each other (T9); here the
component itself is looked at, whatever the label of the system. On a node that answers a session
all of it is there already, for Windows' remote management is built on it: the reason says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import components, system
from runbook_lib.commands.components import ComponentFiles, DotNet, OptionalComponents
from runbook_lib.commands.system import PendingReboot, Service
from runbook_lib.commands.windows_inventory import INSTALLED, Inventory, inventory
from runbook_lib.steps.configure_networks import AfterTheChanges
from runbook_lib.steps.step import At, Blocked, NoChange, Plan, Reads, Silence, StepClass

MMC_30 = (5, 2, 3790, 2560)
"""The first mmc.exe of Management Console 3.0 on Windows Server 2003."""


@dataclass(frozen=True)
class CheckDotNet:
    """.NET Framework 2.0 with a service pack is there, in the form of the system (T8)."""

    ids: ClassVar[tuple[str, ...]] = ("S060", "N061", "N063", "T8", "T9")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str

    def reads(self) -> Reads:
        """Return the questions: what is registered, what lies on the disk, how wide the system."""
        return {
            "dotnet": components.dotnet_20(),
            "files": components.component_files(),
            "width": system.address_width(),
        }

    def plan(self, dotnet: DotNet, files: ComponentFiles, width: int) -> Plan:
        """Return NoChange with the service pack, or which package is missing."""
        package = "NetFx20SP2_x64.exe" if width == 64 else "NetFx20SP2_x86.exe"
        install = f"install .NET Framework 2.0 SP2 ({package}) on {self.node}"
        if not dotnet.installed:
            return Blocked(".NET Framework 2.0 is not installed", install)
        if not (files.runtime_64 if width == 64 else files.runtime_32):
            return Blocked(
                f".NET Framework 2.0 is registered, its {width}-bit runtime is not there", install
            )
        if dotnet.service_pack < 1:
            return Blocked(".NET Framework 2.0 has no service pack, Exchange needs 1", install)
        return NoChange(f"2.0 SP{dotnet.service_pack}, {width}-bit; remote management needs it too")


@dataclass(frozen=True)
class CheckManagementConsole:
    """Management Console 3.0 is there: R2 has it, and so has Service Pack 2 (T9)."""

    ids: ClassVar[tuple[str, ...]] = ("S072", "N073", "N063", "T9")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str

    def reads(self) -> Reads:
        """Return the question: the version of mmc.exe."""
        return {"files": components.component_files()}

    def plan(self, files: ComponentFiles) -> Plan:
        """Return NoChange with the version, or that it is too old."""
        if files.mmc >= MMC_30:
            return NoChange(f"mmc.exe {files.mmc_version}")
        wanted = ".".join(map(str, MMC_30))
        found = f"mmc.exe is {files.mmc_version}" if files.mmc else "there is no mmc.exe"
        return Blocked(
            f"{found}, Management Console 3.0 has {wanted} or later",
            f"install Service Pack 2 on {self.node}; it contains Management Console 3.0",
        )


@dataclass(frozen=True)
class CheckPowerShell:
    """Windows PowerShell is there: what became of the document's command shell MSH (T7)."""

    ids: ClassVar[tuple[str, ...]] = ("S074", "N063", "T7")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str

    def reads(self) -> Reads:
        """Return the question: the registered version."""
        return {"version": components.powershell_version()}

    def plan(self, version: str | None) -> Plan:
        """Return NoChange with the version."""
        if version is None:
            return Blocked(
                "Windows PowerShell is not registered",
                f"install the Windows Management Framework (KB968930) on {self.node} anew",
            )
        return NoChange(f"Windows PowerShell {version}; this very session runs on it")


@dataclass(frozen=True)
class CheckNoMailServices:
    """Neither SMTP nor NNTP is installed.

    They are not removed here: whoever installed one may use it, and what waits in its queues
    would go with it.
    """

    ids: ClassVar[tuple[str, ...]] = ("M062", "N063")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str

    def reads(self) -> Reads:
        """Return the questions: services and components."""
        return {"services": system.services(), "installed": components.optional_components()}

    def plan(self, services: tuple[Service, ...], installed: OptionalComponents) -> Plan:
        """Return NoChange when there is no trace of either."""
        names = {service.name.upper() for service in services}
        traces = {"SMTP": ("SMTPSVC", "iis_smtp"), "NNTP": ("NNTPSVC", "iis_nntp")}
        found = [
            text
            for text, (service, component) in traces.items()
            if service in names or installed.has(component)
        ]
        if not found:
            return NoChange("neither is installed")
        listed = " and ".join(found)
        return Blocked(
            f"{listed} installed, and Exchange Setup refuses such a node",
            f"make sure that nothing uses {listed} on {self.node}, then remove it there (Add or "
            "Remove Windows Components, Application Server, Internet Information Services)",
        )


@dataclass(frozen=True)
class CheckNothingWaits:
    """No restart is pending, for Exchange Setup refuses to begin then."""

    ids: ClassVar[tuple[str, ...]] = ("M062", "N063")
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str

    def reads(self) -> Reads:
        """Return the question: what waits."""
        return {"pending": system.pending_reboot()}

    def plan(self, pending: PendingReboot) -> Plan:
        """Return NoChange, or why the node must be restarted: by a person, for it is a member."""
        if not pending.reasons:
            return NoChange("nothing waits for a restart")
        files = f" ({', '.join(pending.file_renames[:3])})" if pending.file_renames else ""
        return Blocked(
            "; ".join(pending.reasons) + files,
            f"restart {self.node}, one node at a time, the one that owns no group first, and wait "
            "until it is up in the cluster again; then resume",
        )


@dataclass(frozen=True)
class CompareNodes:
    """Both nodes have the same: what differs would show only when the other one takes over."""

    ids: ClassVar[tuple[str, ...]] = ("N063",)
    step_class: ClassVar[StepClass] = StepClass.READ
    node: str
    other: str
    phase: str

    def reads(self) -> Reads:
        """Return the same question for both nodes."""
        return {"own": inventory(), "beside": At(self.other, inventory())}

    def plan(self, own: Inventory, beside: Inventory | Silence) -> Plan:
        """Return NoChange when both have the same; updates that differ are only told."""
        if isinstance(beside, Silence):
            return Blocked(
                f"{self.other} does not answer", f"switch {self.other} on: the phase needs both"
            )
        lacking = bool(own.lacks or beside.lacks)
        pairs = zip(own.components.items(), beside.components.values(), strict=True)
        differing = [
            f"{what} is {mine} on {self.node} and {theirs} on {self.other}"
            for (what, mine), theirs in pairs
            # What this phase installs is compared once it is there.
            if mine != theirs and not (lacking and what == INSTALLED)
        ]
        if differing:
            return Blocked("; ".join(differing), "bring both nodes to the same state")
        if lacking:
            return AfterTheChanges(self.phase)
        told = [
            f"{name} on {node} only"
            for node, updates in (
                (self.node, own.updates - beside.updates),
                (self.other, beside.updates - own.updates),
            )
            for name in sorted(updates)
        ]
        same = ", ".join(f"{what} {value}" for what, value in own.components.items())
        return NoChange(f"the same on both: {same}" + "".join(f"; {each}" for each in told))
