"""The validated wish for the whole procedure, nested as the parameter file is.

Rules of this file: fields and their grammars only; what holds between fields is in `rules`.
Made by `loading`; everything here is frozen.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from runbook_lib.topology.fields import (
    Address,
    ComputerName,
    Control,
    DomainName,
    DomainUser,
    Folder,
    Host,
    Letter,
    LocalUser,
    Mac,
    Mask,
    Media,
    Port,
    Reference,
    Switch,
    Title,
    Unit,
    choice,
    duration,
    whole,
)

VERSION = 1


class Target(StrEnum):
    """What the run works on."""

    LAB = "lab"
    NODES = "nodes"


class Approval(StrEnum):
    """Who answers a gate."""

    AUTO = "auto"
    PERSON = "person"


class Authentication(StrEnum):
    """How a session proves who it is."""

    NEGOTIATE = "negotiate"
    KERBEROS = "kerberos"
    NTLM = "ntlm"


class PublicRole(StrEnum):
    """What the cluster uses the public network for: clients alone, or the heartbeat too."""

    CLIENT = "client"
    MIXED = "mixed"


class PrivateRole(StrEnum):
    """What the cluster uses the private network for."""

    INTERNAL = "internal"


class UnbindFileSharing(StrEnum):
    """Who takes file sharing off the private connection."""

    PERSON = "person"
    REGISTRY = "registry"


class Section(BaseModel):
    """A mapping of the file: no key that is not known, no change after loading."""

    # Built at the first validation, not at import: the steps import this module for its names.
    model_config = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, use_attribute_docstrings=True
    )


class Lab(Section):
    """The simulated nodes; with target lab only."""

    control: Control = None
    """Address of a lab that runs already; null starts one with the run."""
    seed: Annotated[int, whole(0, 4294967295)] = 1
    """What the simulated machines' random values are made from."""


class Controller(Section):
    """The domain controller that the nodes are joined through."""

    name: ComputerName
    """Its computer name."""
    address: Address
    """Its address."""


class Domain(Section):
    """The Active Directory domain; it exists already."""

    name: DomainName
    """Its DNS name."""
    netbios_name: ComputerName
    """Its short name."""
    controller: Controller
    organizational_unit: Unit
    r"""Where the nodes' accounts are made (OU=...,DC=...); null: the domain's default."""


class LocalAccount(Section):
    """The nodes' own administrator, used until they are in the domain."""

    user: LocalUser
    """Its name, the same on both nodes."""
    password: Reference
    """Where its password is found."""


class DomainAccount(Section):
    """The account that joins the domain and installs."""

    user: DomainUser
    r"""DOMAIN\user or user@domain."""
    password: Reference
    """Where its password is found."""


class ServiceAccount(Section):
    """The account that the cluster service runs under."""

    user: DomainUser
    r"""DOMAIN\user or user@domain; a dedicated account."""
    password: Reference
    """Where its password is found."""
    accept_administrator: Switch
    """True consents to the domain's Administrator as service account."""


class Accounts(Section):
    """Who does what; passwords by reference only."""

    local_administrator: LocalAccount
    installer: DomainAccount
    cluster_service: ServiceAccount


class Connect(Section):
    """How a node is reached from here before it has its wished address."""

    host: Host
    """Address or name; null: the lab fills it in, or the public address is used."""
    port: Port
    """Port of its WinRM listener; null: the listener's default."""
    authentication: Annotated[
        Authentication,
        choice(Authentication),
    ]
    """How the session proves who it is; by kerberos domain accounts alone, others negotiate."""


class Adapter(Section):
    """One network card and the address it shall have."""

    mac: Mac
    """The card's own address; it is how the card is found."""
    address: Address
    """The wished address."""


class Node(Section):
    """One Windows server."""

    name: ComputerName
    """The wished computer name."""
    connect: Connect
    public: Adapter
    private: Adapter


class PublicNetwork(Section):
    """The network of clients, domain and cluster addresses."""

    connection: Title
    """Wished name of the connection."""
    mask: Mask
    """Subnet mask."""
    gateway: Address
    """Default gateway."""
    dns: Annotated[tuple[Address, ...], Field(min_length=1, max_length=8)]
    """DNS servers in their order."""
    role: Annotated[PublicRole, choice(PublicRole)]
    """client: as documented, the heartbeat has the private network alone; mixed: both."""
    accept_single_heartbeat: Switch
    """True consents to role client on real nodes."""


class PrivateNetwork(Section):
    """The network between the two nodes."""

    connection: Title
    """Wished name of the connection."""
    mask: Mask
    """Subnet mask."""
    role: Annotated[
        PrivateRole,
        choice(PrivateRole),
    ]
    """internal: cluster communication only."""


class Networks(Section):
    """Both networks of the cluster."""

    public: PublicNetwork
    private: PrivateNetwork
    unbind_file_sharing: Annotated[
        UnbindFileSharing,
        choice(UnbindFileSharing),
    ]
    """Who takes file sharing off the private connection: a person, or (unsupported) we do."""


class Disk(Section):
    """One shared disk."""

    letter: Letter
    """Wished drive letter."""
    label: Title
    """Wished volume label."""
    lun: Annotated[int, whole(0, 255)]
    """Logical unit number; with the size it is how the disk is found."""
    size_mb: Annotated[int, whole(64, 2097151)]
    """Size in MiB."""


class Disks(Section):
    """Both shared disks."""

    quorum: Disk
    database: Disk


class Cluster(Section):
    """The server cluster's own name and address, for administration."""

    name: ComputerName
    """Name of the cluster; clients of Exchange never use it."""
    address: Address
    """Its address in the public network."""


class MailboxServer(Section):
    """The clustered mailbox server: the name that clients connect to."""

    name: ComputerName
    """Its network name."""
    address: Address
    """Its address in the public network."""
    data_path: Folder
    """Where its databases lie, on the database disk."""
    public_folder_database: Switch
    """Whether Setup makes a public folder database."""


class Exchange(Section):
    """What Exchange Setup is given."""

    media: Media
    """Where Setup's files are, on each node."""
    accept_license: Switch
    """True accepts the licence of Exchange."""
    error_reporting: Switch
    """Whether Exchange reports errors to its maker."""


class Waits(Section):
    """Polling interval and deadlines, in seconds."""

    poll_s: Annotated[float, duration("10ms", "1m")] = Field(alias="poll")
    """Time between two looks."""
    reboot_s: Annotated[float, duration("100ms", "4h")] = Field(alias="reboot")
    """How long a node may take to come back."""
    service_s: Annotated[float, duration("100ms", "2h")] = Field(alias="service")
    """How long a service or a resource may take to be ready."""
    setup_s: Annotated[float, duration("100ms", "24h")] = Field(alias="setup")
    """How long Exchange Setup may take."""


class Topology(Section):
    """Parameters of one two-node Single Copy Cluster."""

    version: Annotated[int, whole(VERSION, VERSION)]
    """Version of this file's form."""
    target: Annotated[Target, choice(Target)]
    """lab: simulated nodes on this machine; nodes: real ones."""
    lab: Lab = Field(default_factory=Lab)
    """The simulated nodes; required with target lab, refused with target nodes."""
    approval: Annotated[Approval, choice(Approval)]
    """auto (with target lab only): gates answer themselves; person: somebody answers."""
    domain: Domain
    accounts: Accounts
    nodes: tuple[Node, Node]
    """Both servers; the first is the one that forms the cluster."""
    networks: Networks
    disks: Disks
    cluster: Cluster
    mailbox_server: MailboxServer
    exchange: Exchange
    waits: Waits
