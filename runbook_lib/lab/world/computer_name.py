"""The computer's name: the running one, and the one that the next start takes up."""

from __future__ import annotations

import re

from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.windows_node import WindowsNode

DONE = 0
BAD_PARAMETER = 87
NETBIOS_LENGTH = 15
_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


def pending(node: WindowsNode) -> str:
    """Return the NetBIOS name after the next start."""
    return node.registry.text(places.COMPUTER_NAME, "ComputerName")


def rename(node: WindowsNode, name: str) -> int:
    """Write a new name down for the next start; return 0 or a Win32 error.

    The NetBIOS name is kept in upper case, the host name as it was given.
    """
    if not _HOST_NAME.fullmatch(name) or len(name) > NETBIOS_LENGTH or name.isdigit():
        return BAD_PARAMETER
    before = node.registry.text(places.TCPIP, "NV Hostname")
    node.registry.put(places.COMPUTER_NAME, "ComputerName", name.upper())
    node.registry.put(places.TCPIP, "NV Hostname", name)
    node.changed("computer name after the next start", before, name)
    return DONE
