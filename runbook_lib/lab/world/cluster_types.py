"""Types of cluster resources: what each does on the node where it comes online, and leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from runbook_lib.lab.world.cluster_model import LOCAL_QUORUM, ClusterNetwork, Resource, find

if TYPE_CHECKING:
    from runbook_lib.lab.world.network_adapters import Adapter
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode

IP_ADDRESS = "IP Address"
NETWORK_NAME = "Network Name"
PHYSICAL_DISK = "Physical Disk"

SOURCE = "ClusSvc"


def _everywhere(_site: Site, _node: WindowsNode) -> bool:
    return True


@dataclass(frozen=True)
class TypeBehaviour:
    """What the resource monitor calls.

    online: does the work on a node and tells whether it succeeded. offline: takes it back; it may
    also be called for a node that fell silent. can_run: whether a node has the type's library.
    needs: types of which a resource must depend on at least one before it can come online.
    """

    online: Callable[[Site, Resource, WindowsNode], bool]
    offline: Callable[[Site, Resource, WindowsNode], None]
    can_run: Callable[[Site, WindowsNode], bool] = _everywhere
    needs: tuple[str, ...] = ()
    quorum_capable: bool = False


def adapter_on(node: WindowsNode, network: ClusterNetwork) -> Adapter | None:
    """Return the connection with which a node is on a network, or None."""
    subnet = IPv4Network(f"{network.address}/{network.mask}")
    for adapter in node.connections:
        if any(IPv4Address(address) in subnet for address, _ in adapter.stored_addresses):
            return adapter
    return None


def lun_of(site: Site, resource: Resource) -> int | None:
    """Return the shared disk with a disk resource's signature, or None."""
    for disk in site.storage.disks:
        volume = site.storage.volume(disk.lun)
        if volume is not None and volume.signature == resource.private.get("Signature"):
            return disk.lun
    return None


def drive_of(site: Site, resource: Resource) -> str | None:
    """Return the letter ("Q:") of a disk resource on the node that has it; None for others."""
    lun = lun_of(site, resource)
    volume = site.storage.volume(lun) if lun is not None else None
    owner = site.cluster.members.get(site.cluster.groups[resource.group].owner)
    return volume.letters.get(owner.node) if volume is not None and owner is not None else None


def sees(site: Site, node: WindowsNode, lun: int) -> bool:
    """Tell whether a node is shown a shared disk, whoever may use it."""
    return any(seen.disk.lun == lun for seen in site.storage.seen_by(node))


def warn(site: Site, node: WindowsNode, event_id: int, message: str, kind: str = "Error") -> None:
    """Write one event of the cluster service into a node's System log."""
    node.events.write(site.clock.now(), SOURCE, event_id, message, kind=kind)


def _address_online(site: Site, resource: Resource, node: WindowsNode) -> bool:
    network = find(site.cluster.networks, str(resource.private.get("Network", "")))
    adapter = adapter_on(node, network) if network else None
    if adapter is None or not adapter.ip_enabled or adapter.hardware.segment is None:
        message = (
            f"Cluster IP Address resource {resource.name} cannot be brought online because the "
            "adapter name parameter is invalid. Please check your network configuration."
        )
        warn(site, node, 1048, message)
        return False
    address, mask = (str(resource.private.get(name, "")) for name in ("Address", "SubnetMask"))
    holder = node.site.holder(adapter.hardware.segment, address, adapter.hardware.mac or "")
    if holder is not None:
        message = (
            f"Cluster IP Address resource '{resource.name}' cannot be brought online because IP "
            f"address {address} is already in use."
        )
        warn(site, node, 1049, message)
        return False
    if (address, mask) not in adapter.of_cluster:
        adapter.of_cluster = (*adapter.of_cluster, (address, mask))
    return True


def _address_offline(_site: Site, resource: Resource, node: WindowsNode) -> None:
    for adapter in node.connections:
        adapter.of_cluster = tuple(
            pair for pair in adapter.of_cluster if pair[0] != resource.private.get("Address")
        )


def address_of(site: Site, resource: Resource) -> str | None:
    """Return the address of the IP Address resource that a network name depends on."""
    for name in resource.depends_on:
        other = find(site.cluster.resources, name)
        if other is not None and other.type == IP_ADDRESS:
            return str(other.private["Address"])
    return None


def _name_online(site: Site, resource: Resource, node: WindowsNode) -> bool:
    """Register the name in DNS; with Kerberos, the directory must have an account for it."""
    name, address = str(resource.private.get("Name", "")), address_of(site, resource)
    if address is None or not name:
        return False
    if resource.private.get("RequireKerberos"):
        account = site.domain.computers.get(name.upper())
        if account is None and site.domain.create_computer(name, site.cluster.account):
            warn(site, node, 1050, f"Cluster Network Name resource '{resource.name}' failed.")
            return False
    before = site.domain.dns.get(name.lower())
    if before != address:
        site.domain.dns[name.lower()] = address
        site.ledger.changed(
            site.domain.facts.controller, f"DNS name {name.lower()}", before, address
        )
    return True


def _disk_online(site: Site, resource: Resource, node: WindowsNode) -> bool:
    lun = lun_of(site, resource)
    others = (None, node.name)
    if lun is None or not sees(site, node, lun) or site.storage.owner(lun) not in others:
        message = (
            f"The disk associated with cluster disk resource '{resource.name}' could not be found."
        )
        warn(site, node, 1034, message)
        return False
    site.storage.reserve(lun, node.name)
    return True


def _disk_offline(site: Site, resource: Resource, node: WindowsNode) -> None:
    lun = lun_of(site, resource)
    if lun is not None and site.storage.owner(lun) == node.name:
        site.storage.reserve(lun, None)


def _nothing(_site: Site, _resource: Resource, _node: WindowsNode) -> None:
    """Leave nothing behind."""


def _always(_site: Site, _resource: Resource, _node: WindowsNode) -> bool:
    return True


RESOURCE_TYPES: dict[str, TypeBehaviour] = {
    PHYSICAL_DISK: TypeBehaviour(_disk_online, _disk_offline, quorum_capable=True),
    IP_ADDRESS: TypeBehaviour(_address_online, _address_offline),
    NETWORK_NAME: TypeBehaviour(_name_online, _nothing, needs=(IP_ADDRESS,)),
    LOCAL_QUORUM: TypeBehaviour(_always, _nothing, quorum_capable=True),
}
"""Type -> behaviour; who brings types of his own adds them here when his module is loaded."""
