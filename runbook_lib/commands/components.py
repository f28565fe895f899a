"""Windows components and updates that the procedure asks for: what is there, and switching them.

The component manager (sysocmgr.exe) tells by no exit code what it did: only the registry does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from runbook_lib.commands import rows, windows_registry, wmi
from runbook_lib.commands.command import Action, Answer, Cmdlet, Query, Read, Script

WANTED_COMPONENTS = ("complusnetwork", "iis_common", "iis_inetmgr", "iis_www")
"""Network COM+ access, and of IIS its common files, its manager and the World Wide Web service."""
UNWANTED_COMPONENTS = ("iis_smtp", "iis_nntp")
"""Mail and news services of IIS: Exchange brings its own transport."""
OPTIONAL_COMPONENTS = (*WANTED_COMPONENTS, *UNWANTED_COMPONENTS)
"""What matters to a mailbox server, by the component manager's own names."""

OFFLOAD_VALUES = ("EnableTCPChimney", "EnableRSS", "EnableTCPA")
"""What Service Pack 2 lets the network card do; a value that is missing means on."""

INSTALL_S = 900
"""For the component manager: it copies files for a minute or two."""
TIMED_OUT = 1460
EXPLAINS: Mapping[int, str] = MappingProxyType(
    {
        TIMED_OUT: "it did not end in time and was stopped; most likely it asked for installation "
        "files in a dialog that nobody sees"
    }
)

COMPONENT_FILES = Read(
    Script("read_components"),
    (
        "Mmc",
        "Runtime64",
        "Runtime32",
        "SourcePath",
        "SourceFound",
        "ServicePackSourcePath",
        "ServicePackFound",
        "ManagerRuns",
    ),
)


@dataclass(frozen=True)
class DotNet:
    """.NET Framework 2.0: whether it is installed, and its service pack."""

    installed: bool
    service_pack: int


@dataclass(frozen=True)
class OptionalComponents:
    """What the optional-component manager has installed, by its own names."""

    installed: tuple[str, ...]
    network_com_access: bool

    def has(self, name: str) -> bool:
        """Tell whether a component of `OPTIONAL_COMPONENTS` is installed."""
        return name in self.installed


@dataclass(frozen=True)
class InstallationFiles:
    """Where Windows takes files of its own from, and whether it finds them there."""

    path: str
    found: bool


@dataclass(frozen=True)
class ComponentFiles:
    """What only the file system tells. mmc: the version of mmc.exe, empty without one.

    source, service_pack_source: of Windows itself and of its service pack.
    manager_runs: somebody installs components right now.
    """

    mmc: tuple[int, ...]
    runtime_64: bool
    runtime_32: bool
    source: InstallationFiles
    service_pack_source: InstallationFiles
    manager_runs: bool

    @property
    def mmc_version(self) -> str:
        """Return the version in digits and dots."""
        return ".".join(map(str, self.mmc))

    @property
    def unreachable(self) -> tuple[str, ...]:
        """Return the places where Windows would look for files in vain."""
        places = (self.source, self.service_pack_source)
        return tuple(each.path or "nowhere" for each in places if not each.found)


@dataclass(frozen=True)
class Offload:
    """The switches of TCP offload: name -> value, None where the registry has none."""

    values: Mapping[str, int | None]

    @property
    def on(self) -> tuple[str, ...]:
        """Return the switches that are not off."""
        return tuple(name for name, value in self.values.items() if value != 0)


def dotnet_20() -> Query[DotNet]:
    """Return the state of .NET Framework 2.0."""

    def parse(answers: Sequence[Answer]) -> DotNet:
        row = rows.key_row(answers[0]) or {}
        installed = rows.optional_number(row, "Install") == 1
        return DotNet(installed, rows.optional_number(row, "SP") or 0)

    return Query((windows_registry.DOTNET_20,), parse)


def powershell_version() -> Query[str | None]:
    """Return the version of PowerShell ("2.0"), or None without one."""

    def parse(answers: Sequence[Answer]) -> str | None:
        return rows.optional_text(rows.key_row(answers[0]) or {}, "PowerShellVersion")

    return Query((windows_registry.POWERSHELL,), parse)


def hotfixes() -> Query[frozenset[str]]:
    """Return the installed updates by their ids ("KB898790")."""

    def parse(answers: Sequence[Answer]) -> frozenset[str]:
        found = (rows.optional_text(row, "HotFixID") for row in rows.answered(answers[0]).rows)
        return frozenset(name.upper() for name in found if name)

    return Query((wmi.QUICK_FIX_ENGINEERING,), parse)


def optional_components() -> Query[OptionalComponents]:
    """Return which of the components that matter to a mailbox server are installed."""

    def parse(answers: Sequence[Answer]) -> OptionalComponents:
        listed = rows.key_row(answers[0]) or {}
        com_plus = rows.key_row(answers[1]) or {}
        return OptionalComponents(
            installed=tuple(
                name for name in OPTIONAL_COMPONENTS if rows.optional_number(listed, name) == 1
            ),
            network_com_access=rows.optional_number(com_plus, "RemoteAccessEnabled") == 1,
        )

    reads = (
        windows_registry.optional_components(*OPTIONAL_COMPONENTS),
        windows_registry.COM_PLUS,
    )
    return Query(reads, parse)


def component_files() -> Query[ComponentFiles]:
    """Return what the file system tells about components and installation files."""

    def parse(answers: Sequence[Answer]) -> ComponentFiles:
        row = rows.only_row(rows.answered(answers[0]))
        return ComponentFiles(
            mmc=_version(rows.optional_text(row, "Mmc")),
            runtime_64=rows.flag(row, "Runtime64"),
            runtime_32=rows.flag(row, "Runtime32"),
            source=InstallationFiles(rows.text(row, "SourcePath"), rows.flag(row, "SourceFound")),
            service_pack_source=InstallationFiles(
                rows.text(row, "ServicePackSourcePath"), rows.flag(row, "ServicePackFound")
            ),
            manager_runs=rows.flag(row, "ManagerRuns"),
        )

    return Query((COMPONENT_FILES,), parse)


def tcp_offload() -> Query[Offload]:
    """Return the switches of TCP offload as they are for the next start."""

    def parse(answers: Sequence[Answer]) -> Offload:
        row = rows.key_row(answers[0]) or {}
        return Offload({name: rows.optional_number(row, name) for name in OFFLOAD_VALUES})

    return Query((windows_registry.key(windows_registry.TCPIP_PATH, *OFFLOAD_VALUES),), parse)


def switch_components(*, on: Sequence[str], off: Sequence[str]) -> Action:
    """Let the component manager install and remove components; it needs installation files.

    Accepted means that it has ended: what it did is to be read.
    """
    wishes = [*((name, "on") for name in on), *((name, "off") for name in off)]
    listed: tuple[Mapping[str, str], ...] = tuple(
        {"Name": name, "State": state} for name, state in wishes
    )
    return Action(
        Script("install_components", (("Components", listed), ("Seconds", INSTALL_S))),
        explains=EXPLAINS,
        deadline_s=INSTALL_S + 60.0,
    )


def turn_off_offload(name: str) -> Action:
    """Write one switch of `OFFLOAD_VALUES` as off; in force after the next start."""
    return Action(
        Cmdlet(
            "New-ItemProperty",
            (
                ("Path", windows_registry.TCPIP_PATH),
                ("Name", name),
                ("PropertyType", "DWord"),
                ("Value", 0),
                ("Force", True),
            ),
        )
    )


def _version(text: str | None) -> tuple[int, ...]:
    parts = (text or "").split(".")
    if text and not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"Mmc should be a version, and is {text[:80]!r}")
    return tuple(int(part) for part in parts if part)
