r"""Starting states of the simulated site: the hardware, and what a factory image leaves on it.

Hardware is constant here (MACs, factory names, adapter order) and GUIDs come from the seed;
domain, controller, accounts and addresses come from the parameter file. Nothing starts as it is
wished: both machines carry the names of their image, their connections the names Windows gave
them, and the private adapter stands before the public one in the binding order.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Interface, IPv4Network

from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world import bindings, ip_settings, mounted_devices
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.clock import LabClock, Schedule
from runbook_lib.lab.world.disks import (
    FIXED,
    LOCAL_OFFSET,
    LOCAL_SIGNATURE,
    OPTICAL,
    LocalVolume,
    SharedDisk,
)
from runbook_lib.lab.world.domain import Domain
from runbook_lib.lab.world.exchange import Exchange
from runbook_lib.lab.world.exchange_installation import deliver_media
from runbook_lib.lab.world.factory_software import (
    HOTFIXES,
    SERVICES,
    write_files,
    write_software,
)
from runbook_lib.lab.world.ledger import Ledger
from runbook_lib.lab.world.network_adapters import NOT_IN_USE, Hardware
from runbook_lib.lab.world.server_cluster import ServerCluster
from runbook_lib.lab.world.services import Services
from runbook_lib.lab.world.shared_storage import SharedStorage
from runbook_lib.lab.world.site import Site
from runbook_lib.lab.world.site_network import Holder, Lease, Segment, SiteNetwork
from runbook_lib.lab.world.tasks import ScheduledTasks
from runbook_lib.lab.world.windows_node import WindowsNode
from runbook_lib.lab.world.windows_registry import Registry

FACTORY = "factory"
PHASES = (
    "00_check_prerequisites",
    "10_configure_networks",
    "20_join_domain",
    "30_prepare_shared_disks",
    "40_form_cluster",
    "50_join_second_node",
    "60_install_windows_components",
    "70_install_exchange_active_node",
    "80_install_exchange_passive_node",
    "90_prove_failover",
    "99_check_end_state",
)
"""The procedure's phases, as the scenarios name them."""

SCENARIOS = (FACTORY, *(f"before:{phase}" for phase in PHASES))
"""What a lab can start from; the first two phases begin on machines as delivered."""


@dataclass(frozen=True)
class Machine:
    """One machine as it is delivered.

    factory_name: the computer name of its image. order: public, private and NdisWanIp as TCP/IP
    is bound to them, then the positions of adapters that are long gone.
    """

    factory_name: str
    public_mac: str
    private_mac: str
    public_index: int
    private_index: int
    public_connection: str
    private_connection: str
    leased_host: int
    automatic_address: str
    order: tuple[str, ...]
    has_disabled_linkage: bool
    free_bytes: int
    up_for: timedelta


MACHINES = (
    Machine(
        factory_name="WIN2003-A",
        public_mac="00-03-FF-10-00-11",
        private_mac="00-03-FF-10-00-21",
        public_index=1,
        private_index=8,
        public_connection="Local Area Connection",
        private_connection="Local Area Connection 2",
        leased_host=101,
        automatic_address="169.254.33.17",
        order=("private", "public", bindings.REMOTE_ACCESS, "absent"),
        has_disabled_linkage=True,
        free_bytes=31_138_512_896,
        up_for=timedelta(hours=3, minutes=12),
    ),
    Machine(
        factory_name="WIN2003-B",
        public_mac="00-03-FF-10-00-12",
        private_mac="00-03-FF-10-00-22",
        public_index=8,
        private_index=1,
        public_connection="Local Area Connection 2",
        private_connection="Local Area Connection",
        leased_host=102,
        automatic_address="169.254.201.98",
        order=("private", bindings.REMOTE_ACCESS, "public"),
        has_disabled_linkage=False,
        free_bytes=30_902_317_056,
        up_for=timedelta(hours=3, minutes=9),
    ),
)

OPTICAL_DRIVE = (
    r"\??\IDE#CdRomVIRTUAL_CD_ROM#5&394B69D0&0&0.0.0#{53f5630d-b6bf-11d0-94f2-00a0c91efb8b}"
)
"""What both images know their optical drive by."""

SHARED_DISKS = (SharedDisk(lun=0, size_mb=1024), SharedDisk(lun=1, size_mb=20480))

CONTROLLER_MAC = "00-03-FF-10-00-0A"
GATEWAY_MAC = "00-03-FF-10-00-01"

FACTS = (
    ("factory names of connections", "inferred: names that Windows gives on a clean image"),
    ("factory addresses", "inferred: a lease on one segment, automatic addresses on the other"),
    ("factory binding lists", "documented: listings of Tcpip Linkage; inferred: Export and Route"),
    ("factory bindings of file sharing", "documented: KB204279; inferred: form of the lists"),
    ("factory tick boxes of DNS and WINS", "inferred: defaults of the dialogs"),
    ("factory services and updates", "inferred: a usual image"),
    (
        "optional components",
        "documented: names in public inventories; inferred: which are installed",
    ),
    ("restart", "documented: events 6005 6006 6008 1074; inferred: 6009 and the order"),
    ("address conflict", "inferred: event 4199, 0.0.0.0 in use, the wish stored"),
    ("computer name", "inferred: pending and running values, NetBIOS name in upper case"),
    (
        "state of Exchange Setup",
        (
            "documented: values below v8.0, what each combination means; inferred: identifiers of "
            "tasks, the values of Setup's own key"
        ),
    ),
    (
        "services of a mailbox server",
        (
            "documented: both stores rest on the passive node; inferred: start types, which others "
            "there are, their programs"
        ),
    ),
    (
        "cluster resources of a mailbox server",
        (
            "documented: name of the network name, one resource a database, online is mounted; "
            "inferred: the other names and the types, dependencies among them"
        ),
    ),
    (
        "disk of a mailbox server",
        (
            "documented: Setup puts none into the group and ties no database to one; inferred: a "
            "database that waits for no disk is too early on the other node"
        ),
    ),
    ("folders below the data path", "inferred: one a storage group, named as it is"),
    ("events of Exchange", "documented: source MSExchange Cluster and 1019; inferred: texts"),
)
"""How the facts are known that no single command answers for."""

WAN_MINIPORTS = (
    (
        2,
        "RAS Async Adapter",
        "AsyncMac",
        r"ROOT\SW&{EEAB7790-C514-11D1-B42B-00805FC1270E}\ASYNCMAC",
    ),
    (3, "WAN Miniport (L2TP)", "Rasl2tp", r"ROOT\MS_L2TPMINIPORT\0000"),
    (4, "WAN Miniport (PPTP)", "PptpMiniport", r"ROOT\MS_PPTPMINIPORT\0000"),
    (5, "WAN Miniport (PPPOE)", "RasPppoe", r"ROOT\MS_PPPOEMINIPORT\0000"),
    (6, "Direct Parallel", "Raspti", r"ROOT\MS_PTIMINIPORT\0000"),
    (7, "WAN Miniport (IP)", "NdisWan", r"ROOT\MS_NDISWANIP\0000"),
)
MINIPORT_MACS = {4: "50-50-54-50-30-30", 5: "33-50-6F-45-30-30"}
"""Windows itself gives every PPTP and PPPoE miniport these."""


class UnknownScenarioError(ValueError):
    """A starting state that this lab does not have."""

    def __init__(self, scenario: str) -> None:
        super().__init__(f"there is no scenario {scenario!r}; there are {', '.join(SCENARIOS)}")


def canonical(scenario: str) -> str:
    """Return a scenario's full name; a phase may be given by its number ("before:10")."""
    for known in SCENARIOS:
        if scenario == known or known.startswith(f"{scenario}_"):
            return known
    raise UnknownScenarioError(scenario)


def guid_of(seed: int, thing: str) -> str:
    """Return the GUID that a seed gives a thing: always the same, lower case, no braces."""
    digest = hashlib.sha256(f"{seed}/{thing}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def hardware_of(machine: Machine, seed: int) -> tuple[Hardware, ...]:
    """Return a machine's adapters in the order of their index."""

    def guid(thing: str) -> str:
        return f"{{{guid_of(seed, f'{machine.factory_name}/{thing}').upper()}}}"

    cards = [
        Hardware(
            index=index,
            guid=guid(segment.value),
            name=f"Intel(R) PRO/1000 MT Network Connection{suffix}",
            service="E1000",
            pnp_device_id=rf"PCI\VEN_8086&DEV_100F&SUBSYS_075015AD&REV_01\4&{slot}",
            mac=mac,
            segment=segment,
            automatic_address=machine.automatic_address,
        )
        for index, mac, segment, suffix, slot in (
            (machine.public_index, machine.public_mac, Segment.PUBLIC, "", "B70F118&0&0088"),
            (machine.private_index, machine.private_mac, Segment.PRIVATE, " #2", "B70F118&0&0090"),
        )
    ]
    miniports = [
        Hardware(index, guid(name), name, service, pnp, mac=MINIPORT_MACS.get(index))
        for index, name, service, pnp in WAN_MINIPORTS
    ]
    return tuple(sorted([*cards, *miniports], key=lambda each: each.index))


def site_of(inputs: Inputs) -> SiteNetwork:
    """Return the switches with their fixed hosts and the leases for the two public adapters."""
    network = IPv4Interface(f"{inputs.gateway}/{inputs.mask}").network
    domain = inputs.domain
    return SiteNetwork(
        hosts=(
            Holder(Segment.PUBLIC, inputs.gateway, "gateway", GATEWAY_MAC),
            Holder(Segment.PUBLIC, domain.controller_address, domain.controller, CONTROLLER_MAC),
        ),
        leases={
            machine.public_mac: Lease(
                address=_host(network, machine.leased_host),
                mask=inputs.mask,
                gateway=inputs.gateway,
                dns=inputs.dns,
                server=domain.controller_address,
            )
            for machine in MACHINES
        },
    )


def build(
    inputs: Inputs,
    nodes: Mapping[str, WindowsNode],
    clock: LabClock,
    schedule: Schedule,
    ledger: Ledger,
) -> Site:
    """Return the site around these nodes as it is delivered; it hears of their power."""
    site = Site(
        nodes,
        clock,
        schedule,
        ledger,
        Domain(inputs.domain, clock, ledger),
        SharedStorage(SHARED_DISKS, nodes, ledger),
        ServerCluster(),
        Exchange(),
        ScheduledTasks(),
    )
    for node in nodes.values():
        node.on_down, node.on_up = site.node_is_down, site.node_is_up
        deliver_media(node.files, inputs.mailbox_server.media)
        node.administrators = [inputs.administrator]
    return site


def deliver(node: WindowsNode, machine: Machine, seed: int) -> None:
    """Make a node what its image is: registry, services, disks, and up for some hours."""
    registry = node.registry
    write_software(registry)
    write_files(node.files)
    registry.put(
        places.CRYPTOGRAPHY, "MachineGuid", guid_of(seed, f"{machine.factory_name}/machine")
    )
    _name(registry, machine.factory_name)
    guids = {
        "public": _guid(node, machine.public_mac),
        "private": _guid(node, machine.private_mac),
        "absent": f"{{{guid_of(seed, f'{machine.factory_name}/absent').upper()}}}",
    }
    bindings.install(
        registry,
        [guids.get(name, name) for name in machine.order],
        [guids["private"], guids["public"]],
    )
    if machine.has_disabled_linkage:
        for name in bindings.LISTS:
            registry.put(places.disabled_linkage(bindings.FILE_SHARING), name, ())
    _connect(node, machine)
    node.services = Services(SERVICES, registry)
    node.services.install()
    node.hotfixes = HOTFIXES
    node.volumes = (
        LocalVolume(
            "C:",
            FIXED,
            42_935_926_784,
            machine.free_bytes,
            "",
            "NTFS",
            "F0A1B2C3",
            mounted_devices.device_of(LOCAL_SIGNATURE, LOCAL_OFFSET),
        ),
        LocalVolume("D:", OPTICAL, device=OPTICAL_DRIVE.encode("utf-16-le")),
    )
    node.files.make_folder(r"C:\WINDOWS\Temp")
    for volume in node.volumes:
        mounted_devices.deliver(registry, volume.letter, volume.device)
        guid = guid_of(seed, f"{machine.factory_name}/volume {volume.letter}")
        mounted_devices.name_volume(registry, guid, volume.device)
    node.booted_at = (node.clock.now() - machine.up_for).replace(microsecond=0)
    node.come_up()
    node.events.started(node.booted_at)


def _name(registry: Registry, name: str) -> None:
    registry.put(places.COMPUTER_NAME, "ComputerName", name)
    for value in ("Hostname", "NV Hostname"):
        registry.put(places.TCPIP, value, name.lower())
    for value in ("Domain", "NV Domain"):
        registry.put(places.TCPIP, value, "")


def _connect(node: WindowsNode, machine: Machine) -> None:
    registry = node.registry
    registry.put(places.NETBT, "EnableLMHOSTS", 1)
    names = {
        machine.public_mac: machine.public_connection,
        machine.private_mac: machine.private_connection,
    }
    for adapter in node.connections:
        mac = str(adapter.hardware.mac)
        registry.put(places.connection(adapter.hardware.guid), "Name", names[mac])
        registry.put(adapter.netbt, "NetbiosOptions", 0)
        registry.put(adapter.netbt, "NameServerList", ())
        registry.put(adapter.interface, "EnableDHCP", 1)
        registry.put(adapter.interface, "NameServer", "")
        for name in ("DefaultGateway", "DefaultGatewayMetric"):
            registry.put(adapter.interface, name, ())
        for name in ("IPAddress", "SubnetMask"):
            registry.put(adapter.interface, name, (NOT_IN_USE,))
        ip_settings.take_lease(node, adapter)


def _guid(node: WindowsNode, mac: str) -> str:
    return next(each.hardware.guid for each in node.adapters if each.hardware.mac == mac)


def _host(network: IPv4Network, number: int) -> str:
    last = network.num_addresses - 2
    return str(network.network_address + min(number, last))
