"""Windows services of one node: what is installed, how it starts, whether it runs.

The start type is a registry value, as in Windows; whether a service runs is known only now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

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

    def add(self, facts: ServiceFacts) -> None:
        """Install a service as it is described; one that is there keeps its start type."""
        key = self._key_of(facts.name)
        for name, data in (
            ("Start", facts.start),
            ("DisplayName", facts.display_name),
            ("ObjectName", facts.account),
            ("ImagePath", facts.path),
        ):
            if facts.name.lower() not in self._installed or name != "Start":
                self._registry.put(key, name, data)
        # What runs from now on does so because it was started, not because it was delivered so.
        self._installed[facts.name.lower()] = replace(facts, running=False)
        if facts.running:
            self._running.add(facts.name.lower())

    def remove(self, name: str) -> None:
        """Take a service away; it is gone from the registry too."""
        self._running.discard(name.lower())
        facts = self._installed.pop(name.lower(), None)
        if facts is not None:
            self._registry.remove_key(self._key_of(facts.name))

    def start(self, name: str) -> None:
        """Let an installed service run."""
        self._running.add(self._installed[name.lower()].name.lower())

    def stop(self, name: str) -> None:
        """Let a service run no longer, if it did."""
        self._running.discard(name.lower())

    def set_start(self, name: str, start: int) -> None:
        """Choose how an installed service starts: 2 automatic, 3 manual, 4 disabled."""
        self._registry.put(self._key(name), "Start", start)

    def set_account(self, name: str, account: str) -> None:
        """Choose the account under which an installed service runs."""
        self._registry.put(self._key(name), "ObjectName", account)

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
        """Become what `as_json` gave; what was added later is described by the registry."""
        self._installed = {
            name.lower(): self._installed.get(name.lower()) or self._described(name)
            for name in saved
        }
        self._running = {name.lower() for name, state in saved.items() if state == "Running"}

    def _service(self, name: str) -> Service:
        facts = self._installed[name]
        account = self._registry.text(self._key(name), "ObjectName", facts.account)
        facts = replace(facts, account=account)
        return Service(facts, START_MODES[self._start(name)], name in self._running)

    def _start(self, name: str) -> int:
        return self._registry.number(self._key(name), "Start", self._installed[name].start)

    def _described(self, name: str) -> ServiceFacts:
        key = self._key_of(name)
        return ServiceFacts(
            name,
            self._registry.text(key, "DisplayName", name),
            self._registry.number(key, "Start", 3),
            running=False,
            account=self._registry.text(key, "ObjectName", "LocalSystem"),
            path=self._registry.text(key, "ImagePath"),
        )

    def _key(self, name: str) -> str:
        return self._key_of(self._installed[name.lower()].name)

    @staticmethod
    def _key_of(name: str) -> str:
        return rf"{places.SERVICES}\{name}"
