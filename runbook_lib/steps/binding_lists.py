"""Which connections come first, and who is bound to them (figures 2 and 3).

Steps over the binding lists of the registry; what they write comes into force at a restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import bindings, network
from runbook_lib.commands.bindings import Linkage
from runbook_lib.commands.command import ManualAct, PersonsAct
from runbook_lib.commands.network import Adapter
from runbook_lib.steps.adapters import OnBothAdapters, Wished, known
from runbook_lib.steps.step import (
    Blocked,
    Change,
    Changes,
    Effect,
    NoChange,
    Plan,
    Reads,
    StepClass,
)


@dataclass(frozen=True)
class OrderBindings(OnBothAdapters):
    """Public comes before Private, and Private before Remote Access Connections."""

    ids: ClassVar[tuple[str, ...]] = ("S012",)
    step_class: ClassVar[StepClass] = StepClass.SET

    def reads(self) -> Reads:
        """Return the questions: both adapters' GUIDs and the order of TCP/IP's bindings."""
        return {
            **super().reads(),
            "linkage": bindings.linkage(bindings.TCPIP),
        }

    def plan(self, public: Adapter | None, private: Adapter | None, linkage: Linkage) -> Plan:
        """Return the three lists rewritten unless the relative order is right."""
        names = {}
        for seen, wished in ((public, self.public), (private, self.private)):
            adapter = known(seen, wished)
            if isinstance(adapter, Blocked):
                return adapter
            if linkage.position(adapter.guid) is None:
                return Blocked(
                    f"TCP/IP is not bound to the {wished.network} adapter ({wished.mac})",
                    f"bind Internet Protocol (TCP/IP) to it in the connection's properties on "
                    f"{self.node}",
                )
            names[adapter.guid] = wished.connection
        # Missing where remote access was never used; that is the normal case, not a fault.
        names[bindings.REMOTE_ACCESS] = "Remote Access Connections"
        places = {name: linkage.position(name) for name in names}
        present = [name for name in names if places[name] is not None]
        before = sorted(present, key=lambda name: places[name] or 0)
        if before == present:
            return NoChange(", ".join(names[name] for name in present))
        return Changes(
            Change(
                "binding order",
                ", ".join(names[name] for name in before),
                ", ".join(names[name] for name in present),
                by=bindings.write_order(linkage.in_order(present)),
                undo="put the connections back in the order shown under before (Advanced "
                "Settings, Adapters and Bindings) and restart",
                effect=Effect.AFTER_REBOOT,
            )
        )


@dataclass(frozen=True)
class UnbindFileSharing:
    """File and Printer Sharing is not bound to Private, and stays bound elsewhere.

    by_registry: the way that Windows' maker does not support; else a person does it.
    """

    ids: ClassVar[tuple[str, ...]] = ("S013",)
    step_class: ClassVar[StepClass] = StepClass.SET
    private: Wished
    by_registry: bool

    @property
    def node(self) -> str:
        """Return the node's name."""
        return self.private.node

    def reads(self) -> Reads:
        """Return the questions: the adapter's GUID and the server service's bindings."""
        return {
            "seen": network.adapter(self.private.mac),
            "linkage": bindings.linkage(bindings.FILE_SHARING),
        }

    def plan(self, seen: Adapter | None, linkage: Linkage) -> Plan:
        """Return a person's act (or the registry change) while a binding is there."""
        adapter = known(seen, self.private)
        if isinstance(adapter, Blocked):
            return adapter
        if not linkage.is_bound_to(adapter.guid):
            return NoChange("not bound")
        setting = f"file and printer sharing on {self.private.connection}"
        undo = f"tick File and Printer Sharing in the properties of {self.private.connection}"
        if self.by_registry:
            return Changes(
                Change(
                    setting,
                    "bound",
                    "not bound",
                    by=bindings.write_bindings(linkage.unbound_from(adapter.guid)),
                    undo=f"{undo} and restart",
                    effect=Effect.AFTER_REBOOT,
                )
            )
        act = ManualAct(
            PersonsAct.UNBIND_FILE_SHARING,
            f"on {self.node}, in the properties of connection {self.private.connection} "
            f"({self.private.mac}), clear the box of File and Printer Sharing for Microsoft "
            "Networks",
            (("mac", self.private.mac),),
        )
        return Changes(Change(setting, "bound", "not bound", by=act, undo=undo))
