r"""What Exchange Setup leaves on one node: files, keys of the registry, services.

Setup tells its state in the registry: a part whose files are there has UnpackedVersion, one that
is finished has the same as ConfiguredVersion, and in between Action and Watermark say what is
under way or what a run that ended early was at. Nothing here is kept anywhere else.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum

from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.files import Files
from runbook_lib.lab.world.services import ServiceFacts
from runbook_lib.lab.world.windows_node import WindowsNode

VERSION = "8.3.83.6"
"""Service Pack 3, the last full package."""

DISPLAY_VERSION = "Version 8.3 (Build 83.6)"
TARGET = r"C:\Program Files\Microsoft\Exchange Server"
KEY = rf"{places.MICROSOFT}\Exchange"
SETUP_KEY = rf"{KEY}\Setup"
_TASKS = uuid.UUID("1b0d7a0e-5f0c-4a53-9d86-8d0c2b6f5e11")
_BIN = rf"{TARGET}\bin"

AUTOMATIC, MANUAL = 2, 3
STORE, ATTENDANT = "MSExchangeIS", "MSExchangeSA"
"""The two services that the cluster starts and stops; on a node without the server they rest."""

SERVICES = (
    ServiceFacts(
        "MSExchangeADTopology",
        "Microsoft Exchange Active Directory Topology Service",
        AUTOMATIC,
        running=True,
        path=rf"{_BIN}\MSExchangeADTopologyService.exe",
    ),
    ServiceFacts(
        STORE,
        "Microsoft Exchange Information Store",
        MANUAL,
        running=False,
        path=rf"{_BIN}\store.exe",
    ),
    ServiceFacts(
        "MSExchangeMailSubmission",
        "Microsoft Exchange Mail Submission",
        AUTOMATIC,
        running=True,
        path=rf"{_BIN}\MSExchangeMailSubmission.exe",
    ),
    ServiceFacts(
        "MSExchangeRepl",
        "Microsoft Exchange Replication Service",
        AUTOMATIC,
        running=True,
        path=rf"{_BIN}\Microsoft.Exchange.Cluster.ReplayService.exe",
    ),
    ServiceFacts(
        ATTENDANT,
        "Microsoft Exchange System Attendant",
        MANUAL,
        running=False,
        path=rf"{_BIN}\mad.exe",
    ),
    ServiceFacts(
        "MSExchangeSearch",
        "Microsoft Exchange Search Indexer",
        AUTOMATIC,
        running=True,
        path=rf"{_BIN}\Microsoft.Exchange.Search.ExSearch.exe",
    ),
    ServiceFacts(
        "MSExchangeServiceHost",
        "Microsoft Exchange Service Host",
        AUTOMATIC,
        running=True,
        path=rf"{_BIN}\Microsoft.Exchange.ServiceHost.exe",
    ),
)
"""What the Mailbox role installs on a node of a cluster, as far as the lab has it."""


SETUP_FILES = ("Setup.com", "Setup.exe", "exchangeserver.msi")


class Piece(StrEnum):
    """A key below v8.0: what Setup installs on a node."""

    MAILBOX = "MailboxRole"
    CLUSTERED = "ClusteredMailboxServer"


class Deed(StrEnum):
    """The value Action: what a run was asked for."""

    INSTALL = "Install"
    UNINSTALL = "Uninstall"


@dataclass(frozen=True)
class PieceState:
    """The four values of one piece; an empty text where there is no such value."""

    unpacked: str
    configured: str
    action: str
    watermark: str

    @property
    def is_done(self) -> bool:
        """Tell whether the piece is installed and nothing is left open."""
        return bool(self.configured) and self.configured == self.unpacked and not self.is_open

    @property
    def is_open(self) -> bool:
        """Tell whether a run is at it, or ended early."""
        return bool(self.action or self.watermark)


def watermark_of(piece: Piece, task: str) -> str:
    """Return the identifier of one task of Setup: the same in every run, as in Setup's scripts."""
    return str(uuid.uuid5(_TASKS, f"{piece.value}/{task}"))


class Installation:
    """Exchange on one node, read from the node and written to it."""

    def __init__(self, node: WindowsNode) -> None:
        self.node = node

    @property
    def has_binaries(self) -> bool:
        """Tell whether the files are there: the snap-in and the services' programs."""
        return bool(self.node.registry.text(SETUP_KEY, "MsiInstallPath"))

    @property
    def has_services(self) -> bool:
        """Tell whether the role's services are installed."""
        return self.node.services.find(STORE) is not None

    def state(self, piece: Piece) -> PieceState:
        """Return how far Setup is with a piece."""
        registry, key = self.node.registry, key_of(piece)
        return PieceState(
            registry.text(key, "UnpackedVersion"),
            registry.text(key, "ConfiguredVersion"),
            registry.text(key, "Action"),
            registry.text(key, "Watermark"),
        )

    def copy_files(self) -> None:
        """Have the files, as the installer package leaves them."""
        if self.has_binaries:
            return
        major, minor, build, revision = (int(part) for part in VERSION.split("."))
        registry = self.node.registry
        registry.put(SETUP_KEY, "MsiInstallPath", TARGET + "\\")
        registry.put(SETUP_KEY, "MsiProductMajor", major)
        registry.put(SETUP_KEY, "MsiProductMinor", minor)
        registry.put(SETUP_KEY, "MsiBuildMajor", build)
        registry.put(SETUP_KEY, "MsiBuildMinor", revision)
        self.node.changed("Exchange files", None, VERSION)

    def remove_files(self) -> None:
        """Have no file, and no key but the one that everything hangs below."""
        if not self.has_binaries:
            return
        self.node.registry.remove_key(KEY)
        self.node.changed("Exchange files", VERSION, None)

    def unpack(self, piece: Piece) -> None:
        """Say that a piece's files are there and nothing more."""
        self._put(piece, "UnpackedVersion", VERSION)

    def reach(self, piece: Piece, deed: Deed, task: str) -> None:
        """Say what is being done and which task has been reached."""
        self._put(piece, "Action", deed.value)
        self._put(piece, "Watermark", watermark_of(piece, task))

    def configure(self, piece: Piece) -> None:
        """Say that a piece is finished."""
        self._put(piece, "ConfiguredVersion", VERSION)
        self.close(piece)

    def close(self, piece: Piece) -> None:
        """Say that nothing is under way, whatever was reached."""
        for name in ("Action", "Watermark"):
            self._remove(piece, name)

    def forget(self, piece: Piece) -> None:
        """Have no key of a piece."""
        if self.node.registry.has_key(key_of(piece)):
            self.node.registry.remove_key(key_of(piece))
            self.node.changed(f"key {key_of(piece)}", before=True, after=False)

    def install_services(self) -> None:
        """Have the role's services; those that serve any node run."""
        if self.has_services:
            return
        for facts in SERVICES:
            self.node.services.add(facts)
        self.node.changed("Exchange services", [], [facts.name for facts in SERVICES])

    def remove_services(self) -> None:
        """Have none of them."""
        if not self.has_services:
            return
        for facts in SERVICES:
            self.node.services.remove(facts.name)
        self.node.changed("Exchange services", [facts.name for facts in SERVICES], [])

    def run(self, service: str, *, running: bool) -> None:
        """Start or stop one of the services, as the cluster does."""
        found = self.node.services.find(service)
        if found is None or found.running == running:
            return
        (self.node.services.start if running else self.node.services.stop)(service)
        self.node.changed(f"service {service}", found.running, running)

    def _put(self, piece: Piece, name: str, value: str) -> None:
        before = self.node.registry.text(key_of(piece), name)
        if before != value:
            self.node.registry.put(key_of(piece), name, value)
            self.node.changed(rf"{key_of(piece)}\{name}", before or None, value)

    def _remove(self, piece: Piece, name: str) -> None:
        before = self.node.registry.text(key_of(piece), name)
        if before:
            self.node.registry.remove(key_of(piece), name)
            self.node.changed(rf"{key_of(piece)}\{name}", before, None)


def key_of(piece: Piece) -> str:
    """Return the key of a piece below HKEY_LOCAL_MACHINE."""
    return rf"{KEY}\v8.0\{piece.value}"


def deliver_media(files: Files, folder: str, version: str = VERSION) -> None:
    """Lay Setup's files into a folder; all that stands in each is its version."""
    for name in SETUP_FILES:
        files.write(rf"{folder}\{name}", version)


def media_version(files: Files, path: str) -> str | None:
    """Return the version of one of Setup's files, None for any other file."""
    name = path.rpartition("\\")[2].lower()
    if name not in map(str.lower, SETUP_FILES) or not files.is_file(path):
        return None
    return files.read(path).strip()
