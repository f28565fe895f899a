r"""How a cluster comes to be on its first node, and how a second node becomes a member.

Each is a row of stages, in the order in which the platform takes them; whoever is stopped between
two of them leaves the world as the stages before it made it:

  form  1 analysed  2 account trusted  3 service configured  4 database written
        5 service started on a local quorum  6 name and address online  7 disks online
        8 quorum on the smallest disk, or left local where no disk is seen
  join  1 analysed  2 account trusted  3 service configured  4 node entered in the cluster
        5 service started, node up, owner of whatever it can run
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import TYPE_CHECKING

from runbook_lib.lab.world import cluster_codes as codes
from runbook_lib.lab.world import cluster_groups as groups
from runbook_lib.lab.world import cluster_networks as networks
from runbook_lib.lab.world import cluster_nodes as nodes
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.cluster_model import (
    CLUSTER_GROUP,
    IP_NAME,
    LOCAL_QUORUM,
    NAME_NAME,
    QUORUM_FOLDER,
    Group,
    Member,
    NodeState,
    Quorum,
    Resource,
)
from runbook_lib.lab.world.cluster_state import SERVICE
from runbook_lib.lab.world.cluster_types import (
    IP_ADDRESS,
    NETWORK_NAME,
    PHYSICAL_DISK,
    RESOURCE_TYPES,
    warn,
)

if TYPE_CHECKING:
    from runbook_lib.lab.world.server_cluster import ServerCluster
    from runbook_lib.lab.world.shared_storage import Volume
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode

DATABASE = r"C:\WINDOWS\Cluster\CLUSDB"
LOCAL_PATH = r"C:\WINDOWS\Cluster\MSCS" + "\\"
SMALLEST_QUORUM_MB = 50
STATE_NOT_CONFIGURED = 1


@dataclass(frozen=True)
class Wish:
    """What a cluster shall be. takes_disks: False leaves the shared disks alone (/minimum)."""

    name: str
    address: str
    mask: str
    network: str
    account: str
    takes_disks: bool = True


def refusal_of_cluster(site: Site, node: WindowsNode, wish: Wish) -> int:
    """Return why a node cannot form this cluster, or 0."""
    cluster = site.cluster
    if cluster.node_cluster_state(node) != STATE_NOT_CONFIGURED:
        return codes.ALREADY_MEMBER
    refused = nodes.refusal_of(site, wish.account)
    if refused:
        return refused
    # A record in DNS that nobody stands behind any more is no hindrance.
    found = site.domain.dns.get(wish.name.lower())
    answers = found is not None and node.site.answers(found)
    if answers or wish.name.upper() in site.domain.computers:
        return codes.NAME_IN_USE
    adapter = node.connection(wish.network)
    if adapter is None or adapter.hardware.segment is None:
        return codes.NO_NETWORK_FOR_ADDRESS
    subnets = [IPv4Interface(f"{own}/{mask}").network for own, mask in adapter.stored_addresses]
    if IPv4Interface(f"{wish.address}/{wish.mask}").network not in subnets:
        return codes.NO_NETWORK_FOR_ADDRESS
    if node.site.holder(adapter.hardware.segment, wish.address, ""):
        return codes.ADDRESS_IN_USE
    return codes.DONE


def write_database(node: WindowsNode) -> None:
    r"""Write the file that HKLM\Cluster is loaded from."""
    node.files.write(DATABASE, "")
    node.changed(f"file {DATABASE}", None, "written")


def start_alone(site: Site, node: WindowsNode, wish: Wish) -> None:
    """Start the service as a new cluster: one member, its networks, a quorum on the local disk."""
    cluster, computer = site.cluster, node.computer_name.upper()
    cluster.seed = node.registry.text(places.CRYPTOGRAPHY, "MachineGuid")
    cluster.name, cluster.account = wish.name.upper(), wish.account
    cluster.members[computer] = Member(node.name, 1)
    node.services.start(SERVICE)
    site.ledger.changed(node.name, "member of the cluster", None, cluster.name)
    networks.discover(cluster, site, node)
    cluster.create_group(site, CLUSTER_GROUP, computer)
    cluster.create_resource(site, LOCAL_QUORUM, LOCAL_QUORUM, CLUSTER_GROUP)
    cluster.bring_online(site, LOCAL_QUORUM)
    cluster.quorum = Quorum(LOCAL_QUORUM, LOCAL_PATH)
    warn(site, node, 1061, "Cluster service successfully formed a cluster.", "Information")
    cluster.show(site)


def bring_name_online(site: Site, wish: Wish) -> int:
    """Make the cluster's own address and name, and bring them online."""
    cluster = site.cluster
    network = networks.for_address(cluster, wish.address)
    if network is None:
        return codes.NO_NETWORK_FOR_ADDRESS
    address: dict[str, str | int] = {
        "Network": network.name,
        "Address": wish.address,
        "SubnetMask": wish.mask,
        "EnableNetBIOS": 1,
    }
    cluster.create_resource(site, IP_NAME, IP_ADDRESS, CLUSTER_GROUP, address)
    name: dict[str, str | int] = {"Name": wish.name.upper(), "RequireDNS": 0, "RequireKerberos": 0}
    cluster.create_resource(site, NAME_NAME, NETWORK_NAME, CLUSTER_GROUP, name)
    cluster.add_dependency(site, NAME_NAME, IP_NAME)
    for each in (IP_NAME, NAME_NAME):
        cluster.resources[each].core = True
    return cluster.bring_online(site, NAME_NAME)


def take_disks(site: Site, node: WindowsNode) -> None:
    """Make a disk resource, in a group of its own, of every shared NTFS volume with a letter."""
    cluster, computer = site.cluster, node.computer_name.upper()
    for number, volume in enumerate(usable(site, node)):
        group = f"Group {number}"
        cluster.create_group(site, group, computer)
        letter = volume.letters[node.name]
        private: dict[str, str | int] = {"Signature": volume.signature}
        cluster.create_resource(site, f"Disk {letter}", PHYSICAL_DISK, group, private)
        cluster.bring_online(site, f"Disk {letter}")


def choose_quorum(site: Site, node: WindowsNode) -> None:
    """Put the quorum on the smallest disk above 50 MB and into the cluster's group.

    The other disks' groups are counted anew; without a disk everything stays as it is.
    """
    cluster = site.cluster
    large = [each for each in usable(site, node) if each.size > SMALLEST_QUORUM_MB * 1024**2]
    if not large:
        return
    chosen = min(large, key=lambda volume: volume.size)
    letter = chosen.letters[node.name]
    disk, left = f"Disk {letter}", cluster.group_of(f"Disk {letter}") or ""
    cluster.change_group(site, disk, CLUSTER_GROUP)
    cluster.delete_group(site, left)
    cluster.set_quorum(site, disk, rf"{letter}\{QUORUM_FOLDER}" + "\\")
    chosen.files.write(rf"\{QUORUM_FOLDER}\quolog.log", "")
    cluster.take_offline(site, LOCAL_QUORUM)
    cluster.delete_resource(site, LOCAL_QUORUM)
    rest = [each for each in cluster.groups.values() if each.name != CLUSTER_GROUP]
    for number, group in enumerate(rest):
        _rename(cluster, group, f"Group {number}")
    cluster.show(site)


def usable(site: Site, node: WindowsNode) -> list[Volume]:
    """Return the shared volumes that can be disks of the cluster, as the node counts its disks."""
    found = []
    for seen in site.storage.seen_by(node):
        volume = site.storage.volume(seen.disk.lun)
        is_ready = volume is not None and volume.file_system == "NTFS"
        if volume is None or not is_ready or site.storage.is_dynamic(seen.disk.lun):
            continue
        if node.name in volume.letters and volume not in found:
            found.append(volume)
    return found


def refusal_of_node(site: Site, computer: str) -> int:
    """Return why a computer cannot become a member, or 0."""
    cluster, node = site.cluster, site.node_of(computer)
    if computer.upper() in cluster.members:
        return codes.NODE_EXISTS
    if node is None or not node.is_on:
        return codes.RPC_UNAVAILABLE
    if cluster.node_cluster_state(node) != STATE_NOT_CONFIGURED:
        return codes.ALREADY_MEMBER
    return nodes.refusal_of(site, cluster.account)


def enter(site: Site, node: WindowsNode) -> None:
    """Enter a node in the cluster's configuration: not yet running, owner of nothing."""
    cluster, computer = site.cluster, node.computer_name.upper()
    number = max(each.id for each in cluster.members.values()) + 1
    cluster.members[computer] = Member(node.name, number, NodeState.DOWN)
    site.ledger.changed(node.name, "member of the cluster", None, cluster.name)
    cluster.show(site)


def start_joined(site: Site, node: WindowsNode) -> int:
    """Start the service on a new member, and let it own whatever it can run."""
    cluster, computer = site.cluster, node.computer_name.upper()
    code = cluster.start(site, node)
    if code:
        return code
    networks.discover(cluster, site, node)
    disks = nodes.possible_disks(cluster, site, node)
    for resource in cluster.resources.values():
        can_run = RESOURCE_TYPES[resource.type].can_run(site, node)
        is_cabled = resource.type != PHYSICAL_DISK or resource.name in disks
        if can_run and is_cabled and computer not in resource.owners:
            resource.owners.append(computer)
            what = f"possible owners of cluster resource {resource.name}"
            site.ledger.changed(node.name, what, None, computer)
    cluster.show(site)
    return codes.DONE


def unseen_disks(site: Site, node: WindowsNode) -> list[str]:
    """Return the disk resources whose disk a node is not shown: the analysis warns of them."""
    disks = [r for r in site.cluster.resources.values() if r.type == PHYSICAL_DISK]
    visible = nodes.possible_disks(site.cluster, site, node)
    return [each.name for each in disks if each.name not in visible]


def _rename(cluster: ServerCluster, group: Group, name: str) -> None:
    """Give a group another name, with all that is in it."""
    if group.name == name:
        return
    inside: tuple[Resource, ...] = groups.resources_of(cluster, group)
    kept = {name if each is group else key: each for key, each in list(cluster.groups.items())}
    group.name = name
    cluster.groups = kept
    for each in inside:
        each.group = name
