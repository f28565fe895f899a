"""Values that tests vary one thing of: a topology, adapters, bindings."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import settings

from runbook_lib.commands.bindings import BindingLists, Linkage
from runbook_lib.commands.network import Adapter, ConnectionStatus, Netbios
from runbook_lib.topology.loading import Loaded, load
from runbook_lib.topology.models import Topology

ROOT = Path(__file__).parents[1]
LAB = ROOT / "parameters" / "lab.yaml"
PUBLIC_GUID = "{AAAAAAAA-0000-0000-0000-000000000001}"
PRIVATE_GUID = "{BBBBBBBB-0000-0000-0000-000000000002}"


def examples(share: float) -> settings:
    """Return settings for more or fewer examples than the profile draws of other tests."""
    return settings(max_examples=round(settings().max_examples * share))


@cache
def loaded() -> Loaded:
    """Return the rehearsal's file, read once."""
    return load(LAB)


def topology() -> Topology:
    """Return the rehearsal's topology."""
    return loaded().topology


def adapter(**changes: Any) -> Adapter:
    """Return node 1's public adapter as the procedure wants it, but for `changes`."""
    wished: dict[str, Any] = {
        "index": 1,
        "guid": PUBLIC_GUID,
        "mac": "00-03-FF-10-00-11",
        "connection": "Public",
        "status": ConnectionStatus.CONNECTED,
        "device": "Intel 21140",
        "pnp_device_id": None,
        "ip_enabled": True,
        "dhcp_enabled": False,
        "addresses": ("192.168.1.11",),
        "masks": ("255.255.255.0",),
        "gateways": ("192.168.1.1",),
        "dns_servers": ("192.168.1.10",),
        "registers_in_dns": True,
        "registers_domain_suffix": False,
        "netbios": Netbios.DEFAULT,
        "lmhosts": False,
        "dns_for_wins": False,
        "wins_servers": (),
    }
    return Adapter(**{**wished, **changes})


def private_adapter(**changes: Any) -> Adapter:
    """Return node 1's private adapter as the procedure wants it, but for `changes`."""
    wished: dict[str, Any] = {
        "index": 8,
        "guid": PRIVATE_GUID,
        "mac": "00-03-FF-10-00-21",
        "connection": "Private",
        "addresses": ("10.10.10.1",),
        "gateways": (),
        "dns_servers": (),
        "registers_in_dns": False,
        "netbios": Netbios.OFF,
    }
    return adapter(**{**wished, **changes})


def tcpip(*names: str) -> Linkage:
    """Return TCP/IP's binding lists with these GUIDs (or NdisWanIp) in this order."""
    return Linkage(
        "Tcpip",
        BindingLists(
            tuple(rf"\Device\{name}" for name in names),
            tuple(rf"\Device\Tcpip_{name}" for name in names),
            tuple(f'"{name}"' for name in names),
        ),
    )


def file_sharing(*guids: str) -> Linkage:
    """Return the server service's binding lists, bound to these adapters."""
    names = ("NetbiosSmb", *(f"NetBT_Tcpip_{guid}" for guid in guids))
    return Linkage(
        "LanmanServer",
        BindingLists(
            tuple(rf"\Device\{name}" for name in names),
            tuple(rf"\Device\LanmanServer_{name}" for name in names),
            tuple(f'"{name}"' for name in names),
        ),
    )
