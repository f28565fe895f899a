"""What Setup wants to find before it changes anything, and what it says when it does not.

Two of the texts are Setup's own; the others tell the gist of a check that nobody here has seen
fail, as the handler's source says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runbook_lib.lab.handlers.setup_arguments import Wish
from runbook_lib.lab.handlers.surface import Context
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.cluster_model import find
from runbook_lib.lab.world.domain_objects import EXCHANGE_ADMINISTRATORS, HUB_TRANSPORT
from runbook_lib.lab.world.exchange_installation import Deed, Installation, Piece
from runbook_lib.lab.world.exchange_setup import address_name, name_name
from runbook_lib.lab.world.site import Site
from runbook_lib.lab.world.site_network import Segment
from runbook_lib.lab.world.windows_node import WindowsNode

PENDING_RESTART = (
    "Microsoft Exchange Server setup cannot continue because a restart from a previous "
    "installation or update is pending."
)
"""Setup's own text."""

SCHEMA, ORGANIZATION, DOMAIN = 14625, 11222, 11221
"""What Service Pack 3 wants the directory to be prepared for, at least."""

INSTALLER_45 = "KB942288-v4"
UNWANTED = (("SMTPSVC", "Simple Mail Transfer Protocol (SMTP)"), ("NNTPSVC", "NNTP"))
COMPONENTS = (
    ("iis_common", "Internet Information Services"),
    ("iis_www", "the World Wide Web service"),
    ("complusnetwork", "network COM+ access"),
)
Check = Callable[[Context, Wish], Iterator[str]]


def role_objections(context: Context, wish: Wish) -> tuple[str, ...]:
    """Return why the Mailbox role cannot be installed; nothing when it can."""
    return tuple(text for check in (*_EVERY_RUN, *_ROLE) for text in check(context, wish))


def cms_objections(context: Context, wish: Wish, *, with_role: bool) -> tuple[str, ...]:
    """Return why no clustered mailbox server can be made; with_role: the role is yet to come."""
    checks = _CMS if with_role else (*_EVERY_RUN, _role_is_there, *_CMS)
    return tuple(text for check in checks for text in check(context, wish))


def resumption_objection(node: WindowsNode, piece: Piece, deed: Deed) -> str | None:
    """Return Setup's words when a run of another kind has left a piece open."""
    begun = Installation(node).state(piece).action
    if not begun or begun == deed.value:
        return None
    return (
        f'Setup previously failed while performing the action "{begun}". You cannot resume '
        f'setup by performing the action "{deed.value}".'
    )


def _pending_restart(context: Context, _wish: Wish) -> Iterator[str]:
    registry = context.node.registry
    volatile = registry.number(places.UPDATE_EXE_VOLATILE, "Flags")
    if volatile or registry.texts(places.SESSION_MANAGER, "PendingFileRenameOperations"):
        yield PENDING_RESTART


def _rights(context: Context, _wish: Wish) -> Iterator[str]:
    if not context.domain.is_member(context.user, EXCHANGE_ADMINISTRATORS):
        yield f"{context.user} must be a member of {EXCHANGE_ADMINISTRATORS}."
    if context.domain.account(context.user) not in context.domain.administrators_on(context.node):
        yield f"{context.user} must be an administrator of {context.node.computer_name}."


def _cluster_service(context: Context, _wish: Wish) -> Iterator[str]:
    node, cluster = context.node, context.site.cluster
    if node.computer_name.upper() in cluster.members and not cluster.is_running(node):
        yield f"The cluster service does not run on {node.computer_name}."


def _windows(context: Context, _wish: Wish) -> Iterator[str]:
    node = context.node
    for service, title in UNWANTED:
        if node.services.find(service) is not None:
            yield f"The {title} service is installed. It must be removed before Setup."
    for component, title in COMPONENTS:
        if not node.registry.number(places.SUBCOMPONENTS, component):
            link = "http://go.microsoft.com/fwlink"
            yield f"This computer requires {title}. Please install the software from {link}."
    if INSTALLER_45 not in node.hotfixes:
        yield "This computer requires Windows Installer 4.5."


def _directory(context: Context, _wish: Wish) -> Iterator[str]:
    prepared = context.domain.exchange
    for title, found, wanted in (
        ("schema", prepared.schema_range_upper, SCHEMA),
        ("organization", prepared.org_version, ORGANIZATION),
        ("domain", prepared.domain_version, DOMAIN),
    ):
        if (found or 0) < wanted:
            yield f"The directory's {title} is not prepared: {found or 0}, {wanted} is needed."
    site = context.domain.site_of(context.node)
    if not any(each.roles & HUB_TRANSPORT for each in prepared.servers if each.site == site):
        yield f"There is no Hub Transport server in the site {site}."


def _roles_of_a_node(context: Context, wish: Wish) -> Iterator[str]:
    if not wish.is_mailbox_alone and context.site.cluster.is_formed:
        yield "Only the Mailbox role can be installed on a node of a cluster."


def _role_is_there(context: Context, _wish: Wish) -> Iterator[str]:
    if not Installation(context.node).state(Piece.MAILBOX).is_done:
        yield f"The Mailbox role is not installed on {context.node.computer_name}."


def _words(_context: Context, wish: Wish) -> Iterator[str]:
    for switch, value in (
        ("CMSName", wish.name),
        ("CMSIPAddress", wish.address),
        ("CMSDataPath", wish.data_path),
    ):
        if not value:
            yield f"/{switch} is needed with /NewCms."
    if len(wish.name) > 15:
        yield f"The name {wish.name} is longer than 15 characters."
    if wish.data_path and wish.data_path[1:3] != ":\\":
        yield r"The data path must begin with a drive letter, as in /CMSDataPath:s:\<path>."
    if not wish.shared:
        yield "Without /CMSSharedStorage the lab has no data to copy between nodes."


def _member(context: Context, _wish: Wish) -> Iterator[str]:
    if context.node.computer_name.upper() not in context.site.cluster.members:
        yield f"{context.node.computer_name} is no node of a cluster."


def _disk(context: Context, wish: Wish) -> Iterator[str]:
    letter = wish.data_path[:2]
    readable = context.site.storage.by_letter(context.node, letter)
    if wish.data_path[1:3] == ":\\" and readable is None:
        here = context.node.computer_name
        yield f"{wish.data_path} is not on a disk of the cluster that {here} owns."


def _name_and_address(context: Context, wish: Wish) -> Iterator[str]:
    """Refuse names and addresses of others; what an earlier run of Setup made is its own."""
    site = context.site
    server = site.exchange.clustered_server
    if server is not None and server.name.upper() != wish.name.upper():
        yield f"The cluster has the clustered mailbox server {server.name} already."
    if find(site.cluster.resources, name_name(wish.name)) is None and _is_taken(site, wish):
        yield f"The name {wish.name} is in use."
    if find(site.cluster.resources, address_name(wish.name)) is None:
        holder = context.node.site.holder(Segment.PUBLIC, wish.address, "")
        others = [name for name, at in site.domain.dns.items() if at == wish.address]
        if holder is not None or any(name != wish.name.lower() for name in others):
            yield f"The address {wish.address} is in use."


def _is_taken(site: Site, wish: Wish) -> bool:
    """Tell whether somebody has the name; what was prepared for it takes nothing away."""
    account = site.domain.computers.get(wish.name.upper())
    is_of_another = account is not None and (account.enabled or account.dns_name is not None)
    leads = site.domain.dns.get(wish.name.lower(), wish.address)
    return is_of_another or leads != wish.address or wish.name.upper() == site.cluster.name.upper()


_EVERY_RUN: tuple[Check, ...] = (_pending_restart, _rights, _cluster_service)
_ROLE: tuple[Check, ...] = (_roles_of_a_node, _windows, _directory)
_CMS: tuple[Check, ...] = (_words, _member, _disk, _name_and_address)
