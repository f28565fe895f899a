r"""The binding lists: in which order protocols see the adapters, and who is bound to them.

The lists show what the next start will use. `Linkage\Disabled` keeps bindings that are off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from runbook_lib.commands import rows, windows_registry
from runbook_lib.commands.command import Action, Answer, Query

TCPIP = "Tcpip"
FILE_SHARING = "LanmanServer"
REMOTE_ACCESS = "NdisWanIp"
"""How the binding lists name "Remote Access Connections"; absent where RAS never ran."""


@dataclass(frozen=True)
class BindingLists:
    """The three parallel lists of one Linkage key."""

    bind: tuple[str, ...] = ()
    export: tuple[str, ...] = ()
    route: tuple[str, ...] = ()

    def naming(self, name: str) -> BindingLists:
        """Return the entries that hold this GUID (or NdisWanIp)."""
        return self._keep(name, wanted=True)

    def without(self, name: str) -> BindingLists:
        """Return the entries that do not hold it."""
        return self._keep(name, wanted=False)

    def joined(self, other: BindingLists) -> BindingLists:
        """Return these entries, then those of `other` that are not here yet."""
        return BindingLists(
            tuple(dict.fromkeys(self.bind + other.bind)),
            tuple(dict.fromkeys(self.export + other.export)),
            tuple(dict.fromkeys(self.route + other.route)),
        )

    def _keep(self, name: str, *, wanted: bool) -> BindingLists:
        return BindingLists(
            *(
                tuple(entry for entry in entries if _holds(entry, name) is wanted)
                for entries in (self.bind, self.export, self.route)
            )
        )


@dataclass(frozen=True)
class Linkage:
    """The bindings of one service or protocol, on and off."""

    service: str
    active: BindingLists
    disabled: BindingLists = BindingLists()

    def position(self, name: str) -> int | None:
        """Return the place of a GUID (or NdisWanIp) in the order, from 0; None when absent."""
        places = [n for n, entry in enumerate(self.active.bind) if _holds(entry, name)]
        return places[0] if places else None

    def is_bound_to(self, guid: str) -> bool:
        """Tell whether any entry of the active Bind list holds this GUID."""
        return self.position(guid) is not None

    def in_order(self, names: Sequence[str]) -> Linkage:
        """Return the lists with these names in this order, at the places they hold together.

        Nothing is added, dropped or moved besides: entries of other adapters keep their places.
        """
        return replace(
            self,
            active=BindingLists(
                *(
                    _in_order(entries, names)
                    for entries in (self.active.bind, self.active.export, self.active.route)
                )
            ),
        )

    def unbound_from(self, guid: str) -> Linkage:
        """Return the lists with every entry of this GUID moved to the disabled ones."""
        return replace(
            self,
            active=self.active.without(guid),
            disabled=self.disabled.joined(self.active.naming(guid)),
        )


def linkage(service: str) -> Query[Linkage]:
    """Return the binding lists of a service: `TCPIP` (order only) or `FILE_SHARING`."""
    reads = [windows_registry.linkage(service)]
    if service == FILE_SHARING:
        reads.append(windows_registry.disabled_linkage(service))

    def parse(answers: Sequence[Answer]) -> Linkage:
        active = _lists(rows.answered(answers[0]))
        return Linkage(service, active, *(_lists(answer) for answer in answers[1:]))

    return Query(tuple(reads), parse)


def write_order(wanted: Linkage) -> Action:
    """Write the three active lists; in force after the next start."""
    return windows_registry.write_lists(
        _writes(windows_registry.linkage_path(wanted.service), wanted.active)
    )


def write_bindings(wanted: Linkage) -> Action:
    """Write active and disabled lists; in force after the next start.

    This is the way that the platform's maker does not support: a later rebuild of the bindings
    may undo it, so it is read again.
    """
    return windows_registry.write_lists(
        (
            *_writes(windows_registry.linkage_path(wanted.service), wanted.active),
            *_writes(windows_registry.disabled_linkage_path(wanted.service), wanted.disabled),
        )
    )


def _holds(entry: str, name: str) -> bool:
    return name.upper() in entry.upper()


def _in_order(entries: tuple[str, ...], names: Sequence[str]) -> tuple[str, ...]:
    places = [n for n, entry in enumerate(entries) if any(_holds(entry, name) for name in names)]
    sorted_entries = [
        entry for name in names for entry in (entries[n] for n in places) if _holds(entry, name)
    ]
    result = list(entries)
    for place, entry in zip(places, sorted_entries, strict=True):
        result[place] = entry
    return tuple(result)


def _lists(answer: Answer) -> BindingLists:
    row = rows.key_row(answer) or {}
    return BindingLists(*(rows.texts(row, name) for name in windows_registry.LINKAGE_VALUES))


def _writes(path: str, lists: BindingLists) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    bind, export, route = windows_registry.LINKAGE_VALUES
    return (
        (path, bind, lists.bind),
        (path, export, lists.export),
        (path, route, lists.route),
    )
