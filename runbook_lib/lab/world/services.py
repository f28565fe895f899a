"""Windows services of one node: what is installed, how it starts, whether it runs.

The start type is a registry value, as in Windows; whether a service runs is known only now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.windows_registry import Registry

START_MODES: Mapping[int, str] = {2: "Auto", 3: "Manual", 4: "Disabled"}
"""Value Start of a service's key -> Win32_Service.StartMode."""


@dataclass(frozen=True)
class ServiceFacts:
    """A service as an image installs it."""

    name: str
    display_name: str
    start: int
    running: bool
    account: str = "LocalSystem"
    path: str = r"C:\WINDOWS\system32\svchost.exe -k netsvcs"


@dataclass(frozen=True)
class Service:
    """One service as the service control manager shows it."""

    facts: ServiceFacts
    start_mode: str
    running: bool

    @property
    def state(self) -> str:
        """Return Running or Stopped."""
        return "Running" if self.running else "Stopped"


class Services:
    """The services of one node."""

    def __init__(self, installed: tuple[ServiceFacts, ...], registry: Registry) -> None:
        self._installed = {facts.name.lower(): facts for facts in installed}
        self._registry = registry
        self._running = {facts.name.lower() for facts in installed if facts.running}

    def install(self) -> None:
        """Write the start types of a new node into its registry."""
        for facts in self._installed.values():
            self._registry.put(self._key(facts.name), "Start", facts.start)

    def all(self) -> tuple[Service, ...]:
        """Return every service, by name."""
        return tuple(self._service(name) for name in sorted(self._installed))

    def find(self, name: str) -> Service | None:
        """Return one service by name or display name, or None."""
        for key, facts in self._installed.items():
            if name.lower() in (key, facts.display_name.lower()):
                return self._service(key)
        return None

    def boot(self) -> None:
        """Start what starts by itself; what ran on demand at the factory runs again."""
        self._running = {
            name
            for name, facts in self._installed.items()
            if self._start(name) == 2 or (self._start(name) == 3 and facts.running)
        }

    def as_json(self) -> dict[str, str]:
        """Return name -> state."""
        return {service.facts.name: service.state for service in self.all()}

    def restore(self, saved: Mapping[str, str]) -> None:
        """Become what `as_json` gave."""
        self._running = {name.lower() for name, state in saved.items() if state == "Running"}

    def _service(self, name: str) -> Service:
        facts = self._installed[name]
        return Service(facts, START_MODES[self._start(name)], name in self._running)

    def _start(self, name: str) -> int:
        return self._registry.number(self._key(name), "Start", self._installed[name].start)

    def _key(self, name: str) -> str:
        return rf"{places.SERVICES}\{self._installed[name.lower()].name}"
