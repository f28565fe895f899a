"""What the lab takes from a parameter file: the site's names and addresses, and the wishes."""

from __future__ import annotations

from dataclasses import dataclass, field

from runbook_lib.lab.world.domain import DomainFacts
from runbook_lib.topology.models import Disk, PublicRole, Topology


@dataclass(frozen=True)
class NodeAddresses:
    """The fixed addresses of one node, once its networks are configured."""

    public_address: str
    private_address: str


@dataclass(frozen=True)
class DiskWish:
    """A shared disk, once it is prepared; letter as "Q:"."""

    lun: int
    letter: str
    label: str


@dataclass(frozen=True)
class MailboxServerWish:
    """The clustered mailbox server, once Exchange is installed, and where Setup lies."""

    name: str = "MailboxServer"
    address: str = "192.168.1.30"
    data_path: str = r"S:\ExchangeData"
    public_database: bool = False
    media: str = r"C:\ExchangeSetup"


@dataclass(frozen=True)
class ClusterWish:
    """The cluster, once it is formed. has_single_heartbeat: Public is for clients alone."""

    name: str = "E2K7CLU"
    address: str = "192.168.1.20"
    has_single_heartbeat: bool = True


@dataclass(frozen=True)
class Inputs:
    """What the lab takes from a parameter file: names and addresses, of the site and its wishes.

    The wishes count only for a start behind the phase that makes them true.
    """

    node_names: tuple[str, str] = ("E2K7SCCNode1", "E2K7SCCNode2")
    nodes: tuple[NodeAddresses, NodeAddresses] = (
        NodeAddresses("192.168.1.11", "10.10.10.1"),
        NodeAddresses("192.168.1.12", "10.10.10.2"),
    )
    public_connection: str = "Public"
    private_connection: str = "Private"
    private_mask: str = "255.255.255.0"
    gateway: str = "192.168.1.1"
    mask: str = "255.255.255.0"
    dns: tuple[str, ...] = ("192.168.1.10",)
    administrator: str = "Administrator"
    unit: str | None = None
    disks: tuple[DiskWish, DiskWish] = (DiskWish(0, "Q:", "Quorum"), DiskWish(1, "S:", "Database"))
    cluster: ClusterWish = ClusterWish()
    mailbox_server: MailboxServerWish = MailboxServerWish()
    domain: DomainFacts = field(
        default_factory=lambda: DomainFacts(
            name="lab.local",
            netbios_name="LAB",
            controller="DC1",
            controller_address="192.168.1.10",
            accounts={"installer": r"LAB\exinstall", "cluster-service": r"LAB\svc-clus"},
        )
    )

    @classmethod
    def of(cls, topology: Topology | None) -> Inputs:
        """Return what a parameter file says, or the rehearsal's names without one."""
        if topology is None:
            return cls()
        public, private = topology.networks.public, topology.networks.private
        first, second = (
            NodeAddresses(node.public.address, node.private.address) for node in topology.nodes
        )
        return cls(
            node_names=(topology.nodes[0].name, topology.nodes[1].name),
            nodes=(first, second),
            public_connection=public.connection,
            private_connection=private.connection,
            private_mask=private.mask,
            gateway=public.gateway,
            mask=public.mask,
            dns=tuple(public.dns),
            administrator=topology.accounts.local_administrator.user,
            unit=topology.domain.organizational_unit,
            disks=(_disk_wish(topology.disks.quorum), _disk_wish(topology.disks.database)),
            cluster=ClusterWish(
                topology.cluster.name,
                topology.cluster.address,
                has_single_heartbeat=public.role is PublicRole.CLIENT,
            ),
            mailbox_server=MailboxServerWish(
                topology.mailbox_server.name,
                topology.mailbox_server.address,
                topology.mailbox_server.data_path,
                topology.mailbox_server.public_folder_database,
                topology.exchange.media,
            ),
            domain=DomainFacts(
                name=topology.domain.name,
                netbios_name=topology.domain.netbios_name,
                controller=topology.domain.controller.name,
                controller_address=topology.domain.controller.address,
                accounts={
                    "installer": topology.accounts.installer.user,
                    "cluster-service": topology.accounts.cluster_service.user,
                },
            ),
        )


def _disk_wish(disk: Disk) -> DiskWish:
    return DiskWish(disk.lun, f"{disk.letter}:", disk.label)
