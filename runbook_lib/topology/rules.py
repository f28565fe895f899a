"""What must hold between fields; every rule is a function of the leaves that parsed.

RULES find faults, REMARKS say what is allowed and should be known. Each is asked, whatever the
others found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runbook_lib.topology import address_rules
from runbook_lib.topology.faults import Fault
from runbook_lib.topology.leaves import Leaves
from runbook_lib.topology.models import Approval, PublicRole, Target
from runbook_lib.topology.names import user_and_domain
from runbook_lib.topology.values import HOST

NAMES = (
    "domain.netbios_name",
    "domain.controller.name",
    "nodes[0].name",
    "nodes[1].name",
    "cluster.name",
    "mailbox_server.name",
)
CONNECTIONS = ("networks.public.connection", "networks.private.connection")
SERVICE_USER = "accounts.cluster_service.user"
INSTALLER = "accounts.installer.user"
PASSWORDS = tuple(
    f"accounts.{account}.password"
    for account in ("local_administrator", "installer", "cluster_service")
)
HOSTS = ("nodes[0].connect.host", "nodes[1].connect.host")
OTHERS_ADDRESSES = tuple(
    (
        f"nodes[{other}].public.address",
        f"nodes[{other}].private.address",
        "cluster.address",
        "mailbox_server.address",
    )
    for other in (1, 0)
)
"""For each of HOSTS, in their order."""
LOOPBACK_NAMES = frozenset(["localhost", "localhost.localdomain"])
SHORTEST_POLL_S = 1.0


def names_differ(leaves: Leaves) -> Iterator[Fault]:
    """No name stands twice, capitals or not (F8, F22, T3)."""
    owners: dict[str, str] = {}
    for path, name in leaves.some(NAMES).items():
        owner = owners.setdefault(name.casefold(), path)
        if owner == path:
            continue
        wanted = "a name of its own"
        if path == "mailbox_server.name" and owner == "cluster.name":
            wanted += ": clients connect to the mailbox server, never to the cluster"
        if path.startswith("nodes") and owner == "domain.controller.name":
            wanted += ": a node is not its own domain controller"
        yield leaves.fault(path, f"the name of {leaves.named(owner)}", wanted)


def connections_differ(leaves: Leaves) -> Iterator[Fault]:
    """The two connections can be told apart by name."""
    yield from _differ(leaves, CONNECTIONS, "another name than the other connection's")


def disks_differ(leaves: Leaves) -> Iterator[Fault]:
    """Letter, label and unit number belong to one disk each (F11)."""
    for field, what in (("letter", "drive letter"), ("label", "label"), ("lun", "unit number")):
        paths = (f"disks.quorum.{field}", f"disks.database.{field}")
        yield from _differ(leaves, paths, f"a {what} of its own")


def data_is_on_the_database_disk(leaves: Leaves) -> Iterator[Fault]:
    """The databases lie on the disk that moves with the mailbox server (F12)."""
    letter, folder = leaves.get("disks.database.letter"), leaves.get("mailbox_server.data_path")
    if letter and folder and not folder.startswith(f"{letter}:"):
        why = f"not on {leaves.named('disks.database.letter')}"
        yield leaves.fault("mailbox_server.data_path", why, f"a folder of {letter}:")


def media_are_on_no_shared_disk(leaves: Leaves) -> Iterator[Fault]:
    """Setup's files can be read by a node that owns no shared disk; F11: also no CD's letter."""
    media = leaves.get("exchange.media")
    for path, letter in leaves.some(("disks.quorum.letter", "disks.database.letter")).items():
        if media and media.startswith(f"{letter}:"):
            why = f"on the drive of {leaves.named(path)}"
            yield leaves.fault("exchange.media", why, "a folder of each node's own")


def unit_is_in_the_domain(leaves: Leaves) -> Iterator[Fault]:
    """The organizational unit's DC parts spell the domain."""
    unit, domain = leaves.get("domain.organizational_unit"), leaves.get("domain.name")
    if not (unit and domain):
        return
    ending = "".join(f",DC={label}" for label in domain.split("."))
    if not unit.casefold().endswith(ending.casefold()) or unit.upper().count(",DC=") != (
        domain.count(".") + 1
    ):
        yield leaves.fault("domain.organizational_unit", "", f"a unit that ends in {ending[1:]}")


def service_account_is_dedicated(leaves: Leaves) -> Iterator[Fault]:
    """The domain's Administrator runs the cluster service by consent only (F23, T4)."""
    if _is_administrator(leaves) and not leaves.get(
        "accounts.cluster_service.accept_administrator"
    ):
        wanted = "a dedicated account, or accept_administrator: true (for tests)"
        yield leaves.fault(SERVICE_USER, "an administrator's account", wanted)


def single_heartbeat_is_accepted(leaves: Leaves) -> Iterator[Fault]:
    """On real nodes the heartbeat has one way by consent only (T5)."""
    if _single_heartbeat(leaves) and not leaves.get("networks.public.accept_single_heartbeat"):
        wanted = "mixed, or accept_single_heartbeat: true"
        why = "which leaves the heartbeat the private network alone"
        yield leaves.fault("networks.public.role", why, wanted)


def automatic_approval_is_for_the_lab(leaves: Leaves) -> Iterator[Fault]:
    """On real nodes a person approves."""
    if _on_nodes(leaves) and leaves.get("approval") is Approval.AUTO:
        yield leaves.fault("approval", "with target: nodes", "person")


def lab_section_is_for_the_lab(leaves: Leaves) -> Iterator[Fault]:
    """The lab is described where it is used, and only there."""
    if _on_nodes(leaves) and leaves.given("lab"):
        yield leaves.bare_fault("lab", "a section with target: nodes", "no such section")
    if leaves.get("target") is Target.LAB and not leaves.given("lab"):
        yield leaves.bare_fault("lab", "nothing", "a section with the keys control, seed")


def lab_passwords_are_for_the_lab(leaves: Leaves) -> Iterator[Fault]:
    """The lab's made-up passwords open nothing else."""
    if _on_nodes(leaves):
        for path, reference in leaves.some(PASSWORDS).items():
            if reference.scheme == "lab":
                wanted = "env:NAME, keyring:SERVICE/USER, fd:NUMBER or prompt:LABEL"
                yield leaves.fault(path, "with target: nodes", wanted)


def hosts_fit_the_target(leaves: Leaves) -> Iterator[Fault]:
    """Real nodes are named and are not this machine; the lab is nowhere else (F2)."""
    target = leaves.get("target")
    for path in HOSTS:
        host = leaves.get(path)
        if target is Target.LAB and host is not None and not _is_loopback(host):
            yield leaves.fault(path, "with target: lab", "null or an address of this machine")
        if target is not Target.NODES:
            continue
        if host is not None and _is_loopback(host):
            yield leaves.fault(path, "this machine's own", "the node's address or name")
        if host is None and leaves.is_null(path):
            yield leaves.fault(path, "with target: nodes", HOST)


def nodes_are_reached_apart(leaves: Leaves) -> Iterator[Fault]:
    """One address and port leads to one node."""
    ends = {
        path: (host.casefold(), leaves.get(path.replace("host", "port")))
        for path, host in leaves.some(HOSTS).items()
    }
    if len(ends) == 2 and len(set(ends.values())) == 1:
        why = f"the host and port of {leaves.named(HOSTS[0])}"
        yield leaves.fault(HOSTS[1], why, "the other node's host or port")


def nodes_are_not_reached_at_addresses_of_others(leaves: Leaves) -> Iterator[Fault]:
    """A node is not sought where the procedure puts the other one, or what moves between them."""
    for path, others in zip(HOSTS, OTHERS_ADDRESSES, strict=True):
        host = leaves.get(path)
        taken = leaves.some(others)
        for owner in (owner for owner, address in taken.items() if address == host):
            why = f"the address of {leaves.named(owner)}"
            yield leaves.fault(path, why, "an address or name of this node's own")


def waits_are_longer_than_polls(leaves: Leaves) -> Iterator[Fault]:
    """Every deadline leaves time for a look; real nodes are not asked without pause (F25)."""
    poll = leaves.get("waits.poll")
    if poll is None:
        return
    if _on_nodes(leaves) and poll < SHORTEST_POLL_S:
        yield leaves.fault("waits.poll", "with target: nodes", "at least 1s")
    for path, deadline in leaves.some(("waits.reboot", "waits.service", "waits.setup")).items():
        if deadline <= poll:
            yield leaves.fault(path, f"not longer than {leaves.named('waits.poll')}", "longer")


def remark_administrator(leaves: Leaves) -> Iterator[str]:
    """The consent of T4 is said aloud in each run."""
    if _is_administrator(leaves):
        yield leaves.remark(
            SERVICE_USER, "the cluster service runs as an administrator; use it for tests only"
        )


def remark_single_heartbeat(leaves: Leaves) -> Iterator[str]:
    """The consent of T5 is said aloud in each run."""
    if _single_heartbeat(leaves):
        yield leaves.remark(
            "networks.public.role",
            "the heartbeat has the private network alone; the maker's advice is mixed",
        )


def remark_foreign_accounts(leaves: Leaves) -> Iterator[str]:
    """An account of another domain is possible, and mostly a slip."""
    domain = leaves.get("domain.netbios_name")
    for path, account in leaves.some((INSTALLER, SERVICE_USER)).items():
        if "\\" not in account or domain is None:
            continue
        other = user_and_domain(account)[1]
        if other.casefold() != domain.casefold():
            yield leaves.remark(path, f"the account is of {other}, the domain is {domain}")


def remark_shared_account(leaves: Leaves) -> Iterator[str]:
    """The service account should do nothing else."""
    users = list(leaves.some((INSTALLER, SERVICE_USER)).values())
    if len(users) == 2 and users[0].casefold() == users[1].casefold():
        yield leaves.remark(SERVICE_USER, "the cluster service has the installer's account")


def remark_environment(leaves: Leaves) -> Iterator[str]:
    """The environment is the weakest place for a secret."""
    for path, reference in leaves.some(PASSWORDS).items():
        if reference.scheme == "env":
            yield leaves.remark(
                path, "other programs of this user can read the environment; keyring: is safer"
            )


def remark_licence(leaves: Leaves) -> Iterator[str]:
    """Without the licence the run goes as far as Setup."""
    if leaves.get("exchange.accept_license") is False:
        yield leaves.remark("exchange.accept_license", "Exchange Setup will not be started")


RULES: tuple[Callable[[Leaves], Iterator[Fault]], ...] = (
    address_rules.addresses_are_their_owners_alone,
    address_rules.addresses_can_be_a_servers,
    address_rules.public_addresses_are_in_the_public_network,
    address_rules.private_addresses_are_in_the_private_network,
    address_rules.networks_are_apart,
    address_rules.cards_are_four,
    names_differ,
    connections_differ,
    disks_differ,
    data_is_on_the_database_disk,
    media_are_on_no_shared_disk,
    unit_is_in_the_domain,
    service_account_is_dedicated,
    single_heartbeat_is_accepted,
    automatic_approval_is_for_the_lab,
    lab_section_is_for_the_lab,
    lab_passwords_are_for_the_lab,
    hosts_fit_the_target,
    nodes_are_reached_apart,
    nodes_are_not_reached_at_addresses_of_others,
    waits_are_longer_than_polls,
)

REMARKS: tuple[Callable[[Leaves], Iterator[str]], ...] = (
    remark_administrator,
    remark_single_heartbeat,
    remark_foreign_accounts,
    remark_shared_account,
    remark_environment,
    remark_licence,
)


def _differ(leaves: Leaves, paths: tuple[str, str], wanted: str) -> Iterator[Fault]:
    found = leaves.some(paths)
    if len(found) == 2 and len({str(value).casefold() for value in found.values()}) == 1:
        yield leaves.fault(paths[1], f"as {leaves.named(paths[0])}", wanted)


def _on_nodes(leaves: Leaves) -> bool:
    return leaves.get("target") is Target.NODES


def _single_heartbeat(leaves: Leaves) -> bool:
    return _on_nodes(leaves) and leaves.get("networks.public.role") is PublicRole.CLIENT


def _is_administrator(leaves: Leaves) -> bool:
    account = leaves.get(SERVICE_USER)
    return account is not None and user_and_domain(account)[0].casefold() == "administrator"


def _is_loopback(host: str) -> bool:
    return host.startswith("127.") or host.casefold() in LOOPBACK_NAMES
