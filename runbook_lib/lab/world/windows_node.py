"""One Windows Server 2003 node: what it is made of, and what happens to it as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runbook_lib.lab.world import bindings
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.clock import SHUT_DOWN_S, START_S, Due, LabClock, Schedule
from runbook_lib.lab.world.disks import LocalVolume
from runbook_lib.lab.world.event_log import EventLog
from runbook_lib.lab.world.files import Files
from runbook_lib.lab.world.ledger import Ledger
from runbook_lib.lab.world.network_adapters import Adapter, Hardware
from runbook_lib.lab.world.power import GoingDown, Power
from runbook_lib.lab.world.services import Services
from runbook_lib.lab.world.site_network import Holder, Segment, SiteNetwork
from runbook_lib.lab.world.windows_registry import Registry

GO_DOWN = "go down"
START = "start"
TIME_ZONE_MINUTES = 60
"""The nodes stand one hour east of Greenwich, so that nobody can mistake local time for UTC."""


@dataclass
class Nuisance:
    """What an armed fault makes a node do."""

    other_guid: str | None = None
    ignores_restart: bool = False
    stays_down: bool = False


@dataclass
class Told:
    """What the wire must be told once the world is quiet again."""

    power_changes: list[tuple[str, bool]] = field(default_factory=list)
    resets: list[str] = field(default_factory=list)


def _nobody(_node: WindowsNode) -> None:
    """Tell nobody: a node that stands alone."""


class WindowsNode:
    """A node of the site; the wire knows it by `name`, whatever its computer name is."""

    def __init__(
        self,
        name: str,
        hardware: tuple[Hardware, ...],
        *,
        site: SiteNetwork,
        clock: LabClock,
        schedule: Schedule,
        ledger: Ledger,
        told: Told,
    ) -> None:
        self.name = name
        self.site = site
        self.clock = clock
        self.ledger = ledger
        self.told = told
        self._schedule = schedule
        self.registry = Registry()
        self.adapters = tuple(Adapter(each, self.registry) for each in hardware)
        self.services = Services((), self.registry)
        self.events = EventLog()
        self.hotfixes: tuple[str, ...] = ()
        self.volumes: tuple[LocalVolume, ...] = ()
        self.files = Files()
        self.nuisance = Nuisance()
        self.power = Power.ON
        self.going_down: GoingDown | None = None
        self.boots = 1
        self.booted_at = clock.now()
        self.skew = timedelta()
        self.lost_power_at: datetime | None = None
        self.on_down: Callable[[WindowsNode], None] = _nobody
        self.on_up: Callable[[WindowsNode], None] = _nobody
        self.bound_transports: tuple[str, ...] = ()
        self.binding_order: tuple[str, ...] = ()
        self.administrators: list[str] = []

    @property
    def is_on(self) -> bool:
        """Tell whether the node answers."""
        return self.power is Power.ON

    @property
    def machine_guid(self) -> str:
        """Return the identity that a clone would share."""
        if self.nuisance.other_guid:
            return self.nuisance.other_guid
        return self.registry.text(places.CRYPTOGRAPHY, "MachineGuid")

    @property
    def computer_name(self) -> str:
        """Return the running NetBIOS name."""
        return self.registry.text(places.ACTIVE_COMPUTER_NAME, "ComputerName")

    @property
    def now(self) -> datetime:
        """Return what the node's own clock shows, as UTC."""
        return self.clock.now() + self.skew

    @property
    def held_addresses(self) -> Iterator[Holder]:
        """Yield the addresses for which the node's adapters answer."""
        for adapter in self.connections:
            segment, mac = adapter.hardware.segment, adapter.hardware.mac
            if segment is not None and mac is not None and not adapter.conflict:
                for address, _ in adapter.addresses:
                    yield Holder(segment, address, self.name, mac)

    @property
    def connections(self) -> tuple[Adapter, ...]:
        """Return the adapters that are network connections."""
        return tuple(adapter for adapter in self.adapters if adapter.is_connection)

    def calm_down(self) -> None:
        """Do again what every node does, whatever faults had made of it."""
        self.nuisance = Nuisance()
        self.skew = timedelta()

    def changed(self, what: str, before: object, after: object) -> None:
        """Write one effect into the ledger."""
        self.ledger.changed(self.name, what, before, after)

    def adapter(self, mac: str) -> Adapter | None:
        """Return the adapter with a MAC (with hyphens or colons), or None."""
        wanted = mac.replace(":", "-").upper()
        return next((each for each in self.adapters if each.hardware.mac == wanted), None)

    def connection(self, name: str) -> Adapter | None:
        """Return the connection with a name, or None."""
        found = (
            each for each in self.connections if (each.connection or "").lower() == name.lower()
        )
        return next(found, None)

    def reset_sessions_through(self, adapter: Adapter) -> None:
        """Let everything that runs over an adapter's old address break off."""
        if adapter.hardware.segment is Segment.PUBLIC and self.name not in self.told.resets:
            self.told.resets.append(self.name)

    def shut_down(self, then: GoingDown, after_s: float) -> None:
        """Begin an orderly shutdown; it is over `after_s` lab seconds and a little later."""
        self.going_down = then
        self.changed("shutdown asked for", None, then.value)
        self._schedule.plan(self.name, GO_DOWN, after_s + SHUT_DOWN_S)

    def abort_shutdown(self) -> None:
        """Stay up after all."""
        self.changed("shutdown asked for", str(self.going_down), None)
        self.going_down = None
        self._schedule.cancel(self.name, GO_DOWN)

    def lose_power(self) -> None:
        """Fall silent at once, as if the plug were pulled."""
        self._schedule.cancel(self.name)
        self.lost_power_at = self.clock.now()
        self._fall_silent(Power.OFF)

    def switch_off(self) -> None:
        """Shut down in an orderly way, at once and for good."""
        self._schedule.cancel(self.name)
        if self.is_on:
            self.events.stopped(self.clock.now())
        self._fall_silent(Power.OFF)

    def switch_on(self) -> None:
        """Begin to start; it takes a while until the node answers."""
        self.changed("power", self.power.value, Power.STARTING.value)
        self.power = Power.STARTING
        self._schedule.plan(self.name, START, START_S)

    def start_at_once(self) -> None:
        """Start a node that is off while no time passes, as only a starting state may."""
        self.switch_on()
        self._schedule.cancel(self.name)
        self._start()

    def restart_at_once(self) -> None:
        """Go down and come up again while no time passes, as only a starting state may."""
        self._go_down()
        self._schedule.cancel(self.name)
        self._start()

    def happen(self, due: Due) -> None:
        """Carry out what the schedule had for this node."""
        if due.what == START:
            self._start()
        elif self.nuisance.ignores_restart:
            self.nuisance.ignores_restart = False
            self.going_down = None
        else:
            self._go_down()

    def _go_down(self) -> None:
        then, self.going_down = self.going_down, None
        self.events.stopped(self.clock.now())
        if then is GoingDown.POWER_OFF:
            self._fall_silent(Power.OFF)
            return
        self._fall_silent(Power.STARTING)
        if not self.nuisance.stays_down:
            self._schedule.plan(self.name, START, START_S)

    def _fall_silent(self, power: Power) -> None:
        self.going_down = None
        self.changed("power", self.power.value, power.value)
        was_on, self.power = self.is_on, power
        if was_on:
            self.told.power_changes.append((self.name, False))
            self.on_down(self)

    def _start(self) -> None:
        # A second boot within the second of the first must still be told apart by its time.
        self.booted_at = max(self.clock.now(), self.booted_at + timedelta(seconds=2))
        self.boots += 1
        self.changed("power", self.power.value, Power.ON.value)
        self.power = Power.ON
        if self.lost_power_at:
            self.events.was_interrupted(self.booted_at, self.lost_power_at)
            self.lost_power_at = None
        self.events.started(self.booted_at)
        self.come_up()
        self.told.power_changes.append((self.name, True))
        self.on_up(self)

    def come_up(self) -> None:
        """Put in force what Windows reads only while it starts."""
        registry, before = self.registry, self._in_force()
        name = registry.text(places.COMPUTER_NAME, "ComputerName")
        registry.put(places.ACTIVE_COMPUTER_NAME, "ComputerName", name)
        registry.put(places.TCPIP, "Hostname", registry.text(places.TCPIP, "NV Hostname"))
        registry.put(places.TCPIP, "Domain", registry.text(places.TCPIP, "NV Domain"))
        registry.remove(places.SESSION_MANAGER, "PendingFileRenameOperations")
        registry.remove_key(places.REBOOT_REQUIRED)
        registry.remove_key(places.UPDATE_EXE_VOLATILE)
        self.bound_transports = bindings.bound_transports(registry)
        self.binding_order = bindings.order(registry)
        self.services.boot()
        for adapter in self.connections:
            self.look_for_conflict(adapter)
        for what, after in self._in_force().items():
            if before[what] and before[what] != after:
                self.changed(f"{what} in force", before[what], after)

    def _in_force(self) -> dict[str, object]:
        return {
            "computer name": self.computer_name,
            "host name": self.registry.text(places.TCPIP, "Hostname"),
            "file sharing": list(self.bound_transports),
            "binding order": list(self.binding_order),
        }

    def look_for_conflict(self, adapter: Adapter) -> None:
        """Ask the segment whether somebody else holds an adapter's fixed address."""
        adapter.conflict = False
        segment, mac = adapter.hardware.segment, adapter.hardware.mac
        if adapter.dhcp or not adapter.ip_enabled or segment is None or mac is None:
            return
        for address, _ in adapter.stored_addresses:
            holder = self.site.holder(segment, address, besides=mac)
            if holder is not None:
                adapter.conflict = True
                message = (
                    f"The system detected an address conflict for IP address {address} with the "
                    f"system having network hardware address {holder.mac.replace('-', ':')}. "
                    "Network operations on this system may be disrupted as a result."
                )
                self.events.write(self.clock.now(), "Tcpip", 4199, message, kind="Error")

    def as_json(self) -> dict[str, Any]:
        """Return the node's state without any time in it."""
        return {
            "power": self.power.value,
            "going_down": self.going_down.value if self.going_down else None,
            "boots": self.boots,
            "registry": self.registry.as_json(),
            "adapters": {
                str(each.hardware.mac): {
                    "plugged": each.plugged,
                    "conflict": each.conflict,
                    "of_cluster": [list(pair) for pair in each.of_cluster],
                }
                for each in self.connections
            },
            "bound_transports": list(self.bound_transports),
            "binding_order": list(self.binding_order),
            "administrators": list(self.administrators),
            "services": self.services.as_json(),
            "files": self.files.as_json(),
            "events": self.events.as_json(),
        }

    def as_saved(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        lost = self.lost_power_at
        return {
            "state": self.as_json(),
            "events": self.events.as_saved(),
            "files": self.files.as_saved(),
            "booted_at": self.booted_at.isoformat(),
            "lost_power_at": lost.isoformat() if lost else None,
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Become what `as_saved` gave."""
        state = saved["state"]
        self.power = Power(state["power"])
        self.going_down = GoingDown(state["going_down"]) if state["going_down"] else None
        self.boots = state["boots"]
        self.registry.restore(state["registry"])
        for each in self.connections:
            kept = state["adapters"][str(each.hardware.mac)]
            each.plugged, each.conflict = kept["plugged"], kept["conflict"]
            each.of_cluster = tuple((address, mask) for address, mask in kept["of_cluster"])
        self.bound_transports = tuple(state["bound_transports"])
        self.binding_order = tuple(state["binding_order"])
        self.administrators = list(state["administrators"])
        self.services.restore(state["services"])
        self.events.restore(saved["events"])
        self.files.restore(saved["files"])
        self.booted_at = datetime.fromisoformat(saved["booted_at"])
        lost = saved["lost_power_at"]
        self.lost_power_at = datetime.fromisoformat(lost) if lost else None
