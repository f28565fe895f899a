"""The validated wish for the whole procedure, nested as the parameter file is.

Rules of this file: fields and their grammars only; what holds between fields is in `rules`.
Made by `loading`; everything here is frozen.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from runbook_lib.topology import addresses, names, values
from runbook_lib.topology.leaf import Leaf
from runbook_lib.topology.references import REFERENCE, SecretReference, parse_reference

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


def _text(pattern: str) -> dict[str, object]:
    return {"type": "string", "pattern": pattern}


def _words(choices: type[StrEnum]) -> dict[str, object]:
    return {"type": "string", "enum": list(choices)}


def _whole(lowest: int, highest: int) -> Leaf:
    return Leaf(
        values.whole_number(lowest, highest),
        f"a whole number from {lowest} to {highest}",
        {"type": "integer", "minimum": lowest, "maximum": highest},
    )


def _duration(lowest: str, highest: str) -> Leaf:
    return Leaf(
        values.duration(lowest, highest),
        f"a duration from {lowest} to {highest} such as 50ms, 5s, 10m, 2h",
        _text("^(0|[1-9][0-9]*)(ms|s|m|h)$"),
    )


_QUAD = _text(r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$")
_REFERENCE = _text("^(env|keyring|fd|prompt|lab):.+$")
_FOLDER = _text(r"^[A-Z]:\\")

Address = Annotated[str, Leaf(addresses.parse_address, addresses.ADDRESS, _QUAD)]
Mask = Annotated[str, Leaf(addresses.parse_mask, addresses.MASK, _QUAD)]
Mac = Annotated[
    str,
    Leaf(addresses.parse_mac, addresses.MAC, _text("^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$")),
]
ComputerName = Annotated[
    str, Leaf(names.parse_computer, names.COMPUTER, _text("^[A-Za-z0-9-]{1,15}$"))
]
DomainName = Annotated[str, Leaf(names.parse_domain, names.DOMAIN, _text("^[A-Za-z0-9.-]{1,64}$"))]
LocalUser = Annotated[
    str, Leaf(names.parse_local_user, names.LOCAL_USER, _text("^[A-Za-z0-9._ -]{1,20}$"))
]
DomainUser = Annotated[
    str, Leaf(names.parse_domain_user, names.DOMAIN_USER, _text(r"^[^\\@]+[\\@][^\\@]+$"))
]
Title = Annotated[str, Leaf(names.parse_title, names.TITLE, _text("^[A-Za-z0-9 ._-]{1,32}$"))]
Unit = Annotated[
    str | None, Leaf(names.parse_unit, names.UNIT, _text("^[Oo][Uu]=.+"), nullable=True)
]
Reference = Annotated[SecretReference, Leaf(parse_reference, REFERENCE, _REFERENCE, secret=True)]
Host = Annotated[
    str | None,
    Leaf(values.parse_host, values.HOST, _text("^[A-Za-z0-9.-]{1,253}$"), nullable=True),
]
Port = Annotated[
    int | None,
    Leaf(
        values.whole_number(1, 65535),
        "a whole number from 1 to 65535",
        {"type": "integer", "minimum": 1, "maximum": 65535},
        nullable=True,
    ),
]
Control = Annotated[
    str | None,
    Leaf(
        values.parse_control, values.CONTROL, _text(r"^http://127\.0\.0\.1:[0-9]+$"), nullable=True
    ),
]
Letter = Annotated[str, Leaf(values.parse_letter, values.LETTER, _text("^[D-Z]$"))]
Folder = Annotated[str, Leaf(values.parse_folder, values.FOLDER, _FOLDER)]
Media = Annotated[str, Leaf(values.parse_media, values.FOLDER, _FOLDER)]
Switch = Annotated[bool, Leaf(values.parse_switch, values.SWITCH, {"type": "boolean"})]


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
    seed: Annotated[int, _whole(0, 4294967295)] = 1
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
        Leaf(values.one_of(Authentication), values.words(Authentication), _words(Authentication)),
    ]
    """How the session proves who it is."""


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
    role: Annotated[
        PublicRole, Leaf(values.one_of(PublicRole), values.words(PublicRole), _words(PublicRole))
    ]
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
        Leaf(values.one_of(PrivateRole), values.words(PrivateRole), _words(PrivateRole)),
    ]
    """internal: cluster communication only."""


class Networks(Section):
    """Both networks of the cluster."""

    public: PublicNetwork
    private: PrivateNetwork
    unbind_file_sharing: Annotated[
        UnbindFileSharing,
        Leaf(values.one_of(UnbindFileSharing), "person or registry", _words(UnbindFileSharing)),
    ]
    """Who takes file sharing off the private connection: a person, or (unsupported) we do."""


class Disk(Section):
    """One shared disk."""

    letter: Letter
    """Wished drive letter."""
    label: Title
    """Wished volume label."""
    lun: Annotated[int, _whole(0, 255)]
    """Logical unit number; with the size it is how the disk is found."""
    size_mb: Annotated[int, _whole(64, 2097151)]
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

    poll_s: Annotated[float, _duration("10ms", "1m")] = Field(alias="poll")
    """Time between two looks."""
    reboot_s: Annotated[float, _duration("100ms", "4h")] = Field(alias="reboot")
    """How long a node may take to come back."""
    service_s: Annotated[float, _duration("100ms", "2h")] = Field(alias="service")
    """How long a service or a resource may take to be ready."""
    setup_s: Annotated[float, _duration("100ms", "24h")] = Field(alias="setup")
    """How long Exchange Setup may take."""


class Topology(Section):
    """Parameters of one two-node Single Copy Cluster."""

    version: Annotated[
        int,
        Leaf(
            values.whole_number(VERSION, VERSION),
            str(VERSION),
            {"type": "integer", "const": VERSION},
        ),
    ]
    """Version of this file's form."""
    target: Annotated[Target, Leaf(values.one_of(Target), values.words(Target), _words(Target))]
    """lab: simulated nodes on this machine; nodes: real ones."""
    lab: Lab = Field(default_factory=Lab)
    """The simulated nodes; required with target lab, refused with target nodes."""
    approval: Annotated[
        Approval, Leaf(values.one_of(Approval), values.words(Approval), _words(Approval))
    ]
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
