r"""The optional components of Windows: what the component manager has installed, and its services.

Its list in the registry is the truth; each component that brings a service adds it here. Installing
needs Windows' own files at the places that the registry names; removing needs none.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.files import drive_of
from runbook_lib.lab.world.services import ServiceFacts
from runbook_lib.lab.world.windows_node import WindowsNode

SYSTEM_DRIVE = "C:"
FOLDER = "AMD64"
"""Where the files of an x64 system lie below SourcePath."""

_INETINFO = r"C:\WINDOWS\system32\inetsrv\inetinfo.exe"

SERVICES: Mapping[str, ServiceFacts] = MappingProxyType(
    {
        "iis_common": ServiceFacts(
            "IISADMIN", "IIS Admin Service", 2, running=True, path=_INETINFO
        ),
        "iis_www": ServiceFacts(
            "W3SVC",
            "World Wide Web Publishing Service",
            2,
            running=True,
            path=r"C:\WINDOWS\System32\svchost.exe -k iissvcs",
        ),
        "iis_smtp": ServiceFacts(
            "SMTPSVC", "Simple Mail Transfer Protocol (SMTP)", 2, running=True, path=_INETINFO
        ),
        "iis_nntp": ServiceFacts(
            "NntpSvc", "Network News Transfer Protocol (NNTP)", 2, running=True, path=_INETINFO
        ),
        "iis_ftp": ServiceFacts(
            "MSFtpsvc", "FTP Publishing Service", 3, running=False, path=_INETINFO
        ),
    }
)
"""Component -> the service that comes and goes with it."""

NEEDS_COMMON = ("iis_www", "iis_smtp", "iis_nntp", "iis_ftp")
"""What stays away while the common files of IIS are not there."""


def is_installed(node: WindowsNode, name: str) -> bool:
    """Tell whether a component is in the manager's list as installed."""
    return node.registry.number(places.SUBCOMPONENTS, name) == 1


def is_known(node: WindowsNode, name: str) -> bool:
    """Tell whether Windows has a component of this name."""
    return node.registry.get(places.SUBCOMPONENTS, name) is not None


def finds_files(node: WindowsNode) -> bool:
    """Tell whether Windows finds its own files and its service pack's where it looks."""
    return all(
        finds_at(node, node.registry.text(places.SETUP, value))
        for value in ("SourcePath", "ServicePackSourcePath")
    )


def finds_at(node: WindowsNode, path: str) -> bool:
    """Tell whether the files lie below a path; no other drive and no share holds any here."""
    return drive_of(path) == SYSTEM_DRIVE and node.files.is_folder(rf"{path}\{FOLDER}")


def switch(node: WindowsNode, wishes: Mapping[str, bool]) -> None:
    """Install and remove components; the common files of IIS come first and go last."""
    common = "iis_common"
    stays_on = wishes.get(common, is_installed(node, common))
    for name, on in sorted(wishes.items(), key=lambda wish: (wish[0] != common) == wish[1]):
        if is_known(node, name):
            _set(node, name, on=on and (stays_on or name not in NEEDS_COMMON))


def _set(node: WindowsNode, name: str, *, on: bool) -> None:
    before = is_installed(node, name)
    if before == on:
        return
    node.registry.put(places.SUBCOMPONENTS, name, int(on))
    if name == "complusnetwork":
        node.registry.put(places.COM_PLUS, "RemoteAccessEnabled", int(on))
    facts = SERVICES.get(name)
    if facts is not None and on:
        node.services.add(facts)
    elif facts is not None:
        node.services.remove(facts.name)
    node.changed(f"component {name}", before, on)
