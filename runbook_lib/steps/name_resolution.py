"""LMHOSTS and NetBIOS (figure 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import network
from runbook_lib.commands.network import Adapter, NameResolution, Netbios
from runbook_lib.steps.adapters import OnOneAdapter, usable
from runbook_lib.steps.step import Blocked, Change, Changes, NoChange, Plan, Reads, StepClass


@dataclass(frozen=True)
class TurnOffLmhosts:
    """LMHOSTS lookup is off: one switch for the whole machine, Public included (T11)."""

    ids: ClassVar[tuple[str, ...]] = ("S017", "T11")
    step_class: ClassVar[StepClass] = StepClass.SET
    node: str

    def reads(self) -> Reads:
        """Return the question: the machine-wide switches."""
        return {"switches": network.name_resolution()}

    def plan(self, switches: NameResolution) -> Plan:
        """Return one change while the switch is on; the other switch is written back as it is."""
        if not switches.lmhosts:
            return NoChange("off for the whole machine")
        return Changes(
            Change(
                "LMHOSTS lookup (whole machine)",
                "on",
                "off",
                by=network.set_lmhosts(enabled=False, dns_for_wins=switches.dns_for_wins),
                undo="tick Enable LMHOSTS lookup on the WINS tab of any connection",
            )
        )


@dataclass(frozen=True)
class DisableNetbios(OnOneAdapter):
    """NetBIOS over TCP/IP is off on Private; Public keeps it, cluster names need it there."""

    ids: ClassVar[tuple[str, ...]] = ("S017",)
    step_class: ClassVar[StepClass] = StepClass.SET

    def plan(self, seen: Adapter | None) -> Plan:
        """Return one change unless it is off."""
        adapter = usable(seen, self.wished)
        if isinstance(adapter, Blocked):
            return adapter
        if adapter.netbios is Netbios.OFF:
            return NoChange("already off")
        before = str(adapter.netbios)
        return Changes(
            Change(
                f"NetBIOS over TCP/IP on {self.wished.connection}",
                before,
                str(Netbios.OFF),
                by=network.set_netbios(adapter.index, Netbios.OFF),
                undo=f"set NetBIOS on the WINS tab of {self.wished.connection} to {before}",
            )
        )
