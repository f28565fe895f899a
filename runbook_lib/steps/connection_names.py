"""Connection names on one node, also when the two wanted names are the wrong way round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import netsh, network
from runbook_lib.commands.network import Adapter
from runbook_lib.steps.adapters import OnBothAdapters, known
from runbook_lib.steps.step import Blocked, Change, Changes, NoChange, Plan, Reads, StepClass


@dataclass(frozen=True)
class NameConnections(OnBothAdapters):
    """Each connection has its network's name; adapters are told apart by MAC address."""

    ids: ClassVar[tuple[str, ...]] = ("S011",)
    step_class: ClassVar[StepClass] = StepClass.SET

    def reads(self) -> Reads:
        """Return the question: every adapter with a connection."""
        return {"adapters": network.adapters()}

    def plan(self, adapters: Sequence[Adapter]) -> Plan:
        """Return the renames in an order in which no name is ever wanted twice."""
        # The cards of a team share its address; the team alone has TCP/IP, so it comes last.
        by_binding = sorted(adapters, key=lambda adapter: adapter.ip_enabled)
        found: dict[str, Adapter] = {
            adapter.mac: adapter for adapter in by_binding if adapter.mac is not None
        }
        for wished in (self.public, self.private):
            adapter = known(found.get(wished.mac), wished)
            if isinstance(adapter, Blocked):
                return adapter
        ours = (found[self.public.mac], found[self.private.mac])
        wanted = {
            self.public.mac: self.public.connection,
            self.private.mac: self.private.connection,
        }
        for other in adapters:
            if other not in ours and _same_name(other.connection, wanted.values()):
                return Blocked(
                    f"the name {other.connection} belongs to another adapter ({other.mac})",
                    f"rename that connection on {self.node}, or put {other.mac} into the "
                    "parameter file if it is the one that is meant",
                )
        changes = _renames({mac: found[mac].connection for mac in wanted}, wanted)
        if not changes:
            return NoChange(f"named {self.public.connection} and {self.private.connection}")
        return Changes(*changes)


def _same_name(name: str, others: Iterable[str]) -> bool:
    return name.casefold() in {other.casefold() for other in others}


def _renames(names: dict[str, str], wanted: dict[str, str]) -> list[Change]:
    """Return the changes from `names` to `wanted` (MAC -> connection name)."""
    changes = []
    names = dict(names)
    for mac, name in wanted.items():
        if names[mac] == name:
            continue
        holder = next(
            (m for m, n in names.items() if m != mac and n.casefold() == name.casefold()), None
        )
        if holder is not None:
            # Windows refuses a name in use, so the other connection steps aside first.
            changes.append(_rename(holder, names[holder], f"{name} (set aside)"))
            names[holder] = f"{name} (set aside)"
        changes.append(_rename(mac, names[mac], name))
        names[mac] = name
    return changes


def _rename(mac: str, before: str, after: str) -> Change:
    return Change(
        f"connection name of {mac}",
        before,
        after,
        by=netsh.rename_connection(before, after),
        undo=f"rename the connection to {before}",
    )
