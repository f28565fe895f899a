"""What Setup does to the site, deed by deed; each leaves alone what an earlier run has done.

The mailbox server gets a group of its own with an address, a name, the two services and a
resource a database. No disk is put into it, and no database waits for one: that is left to the
administrator.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from runbook_lib.lab.world.cluster_model import Resource, find, spelling
from runbook_lib.lab.world.cluster_types import IP_ADDRESS, NETWORK_NAME
from runbook_lib.lab.world.domain_objects import MAILBOX, SITE, ExchangeServer
from runbook_lib.lab.world.exchange import (
    FIRST_GROUP,
    MAILBOX_DATABASE,
    PUBLIC_DATABASE,
    SECOND_GROUP,
    ClusteredServer,
    Database,
    Trick,
)
from runbook_lib.lab.world.exchange_installation import Deed, Installation, Piece
from runbook_lib.lab.world.exchange_resources import (
    ATTENDANT_TYPE,
    DATABASE_TYPE,
    STORE_TYPE,
    TYPES,
)

if TYPE_CHECKING:
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode

RESTART_ALONE = 1
"""RestartAction of a database: one that fails takes nothing else to the other node."""


def address_name(server: str) -> str:
    """Return the name of the address resource."""
    return f"IP Address ({server})"


def name_name(server: str) -> str:
    """Return the name of the name resource."""
    return f"Network Name ({server})"


def attendant_name(server: str) -> str:
    """Return the name of the System Attendant's resource."""
    return f"Exchange System Attendant Instance ({server})"


def store_name(server: str) -> str:
    """Return the name of the Information Store's resource."""
    return f"Exchange Information Store Instance ({server})"


def database_name(server: str, storage_group: str, database: str) -> str:
    """Return the name of a database's resource."""
    return f"{storage_group}/{database} ({server})"


# -- the role


def configure_tasks(node: WindowsNode) -> None:
    """Install the role's services; the run can be told from a finished one from now on."""
    installation = Installation(node)
    installation.reach(Piece.MAILBOX, Deed.INSTALL, "services")
    installation.install_services()


def tell_directory(site: Site, node: WindowsNode) -> None:
    """Let the directory know the node: as a machine of the server, if there is one."""
    Installation(node).reach(Piece.MAILBOX, Deed.INSTALL, "directory")
    name, server = node.computer_name.upper(), site.exchange.clustered_server
    if name in site.cluster.members:
        if server is not None and name not in server.machines:
            before = [*server.machines]
            server.machines.append(name)
            _told(site, f"machines of {server.name}", before, [*server.machines])
        _let_own(site, name)
    elif name not in site.exchange.stand_alone:
        site.exchange.stand_alone.append(name)
        _add_server(site, node, node.computer_name)


def finish_role(site: Site, node: WindowsNode) -> None:
    """Say that the role is there; a trick may leave that out."""
    installation = Installation(node)
    if site.exchange.strikes(Trick.ROLE_UNFINISHED):
        installation.close(Piece.MAILBOX)
        return
    installation.configure(Piece.MAILBOX)


# -- the clustered mailbox server


def begin_server(node: WindowsNode) -> None:
    """Say that a clustered mailbox server is being made."""
    installation = Installation(node)
    installation.unpack(Piece.CLUSTERED)
    installation.reach(Piece.CLUSTERED, Deed.INSTALL, "begin")


def make_group(site: Site, node: WindowsNode, name: str, address: str) -> int:
    """Make the group and its address; return 0, or why the address did not come online."""
    Installation(node).reach(Piece.CLUSTERED, Deed.INSTALL, "group")
    cluster = site.cluster
    if spelling(cluster.groups, name) is None:
        cluster.create_group(site, name, node.computer_name.upper())
    network = next(
        each
        for each in cluster.networks.values()
        if IPv4Address(address) in IPv4Network(f"{each.address}/{each.mask}")
    )
    private: dict[str, str | int] = {
        "Address": address,
        "SubnetMask": network.mask,
        "Network": network.name,
        "EnableNetBIOS": 1,
    }
    made = _resource(site, name, address_name(name), IP_ADDRESS, private=private)
    return cluster.bring_online(site, made.name)


def make_name(site: Site, node: WindowsNode, name: str) -> int:
    """Make the network name, which makes the account; return 0, or why it failed."""
    Installation(node).reach(Piece.CLUSTERED, Deed.INSTALL, "name")
    private: dict[str, str | int] = {"Name": name, "RequireDNS": 1, "RequireKerberos": 1}
    made = _resource(site, name, name_name(name), NETWORK_NAME, address_name(name), private=private)
    was_known = name.upper() in site.domain.computers
    code = site.cluster.bring_online(site, made.name)
    account = site.domain.computers.get(name.upper())
    if account is not None and not was_known:
        site.exchange.account_made(site, name)
    elif account is not None and not account.enabled:
        # Prepared beforehand: whoever uses it first enables it.
        account.enabled = True
        _told(site, f"computer account {account.name} enabled", before=False, after=True)
    return code


def make_server(site: Site, node: WindowsNode, name: str, address: str, data_path: str) -> None:
    """Let the directory know the server, with every node that has the role as its machine."""
    Installation(node).reach(Piece.CLUSTERED, Deed.INSTALL, "directory")
    if site.exchange.clustered_server is not None:
        return
    machines = [
        each.computer_name.upper()
        for each in site.nodes.values()
        if each.computer_name.upper() in site.cluster.members
        and (each is node or Installation(each).state(Piece.MAILBOX).is_done)
    ]
    site.exchange.clustered_server = ClusteredServer(name, address, data_path, machines)
    _add_server(site, node, name)


def make_services(site: Site, node: WindowsNode, name: str) -> int:
    """Make the resources of both services and start them; return 0 or a code."""
    Installation(node).reach(Piece.CLUSTERED, Deed.INSTALL, "services")
    attendant = _resource(site, name, attendant_name(name), ATTENDANT_TYPE, name_name(name))
    store = _resource(site, name, store_name(name), STORE_TYPE, attendant_name(name))
    cluster = site.cluster
    return cluster.bring_online(site, attendant.name) or cluster.bring_online(site, store.name)


def make_databases(site: Site, node: WindowsNode, name: str, *, public: bool) -> int:
    """Make each database with a storage group and a resource, and mount it."""
    Installation(node).reach(Piece.CLUSTERED, Deed.INSTALL, "databases")
    server = site.exchange.clustered_server
    if server is None:
        raise RuntimeError("databases are made after their server")
    wanted = [(FIRST_GROUP, MAILBOX_DATABASE, False)]
    wanted += [(SECOND_GROUP, PUBLIC_DATABASE, True)] if public else []
    codes = []
    for storage_group, database, is_public in wanted:
        resource = database_name(name, storage_group, database)
        if server.database_of(resource) is None:
            made = Database(database, storage_group, resource, is_public)
            server.databases.append(made)
            _told(site, f"database {database}", None, server.file(made))
            _make_files(site, node, server, made)
        own = _resource(site, name, resource, DATABASE_TYPE, store_name(name))
        own.properties["RestartAction"] = RESTART_ALONE
        codes.append(site.cluster.bring_online(site, own.name))
    return next((code for code in codes if code), 0)


def finish_server(node: WindowsNode) -> None:
    """Say that the clustered mailbox server is there."""
    Installation(node).configure(Piece.CLUSTERED)


# -- the way back


def remove_server(site: Site, node: WindowsNode) -> None:
    """Take the server out of cluster and directory; account, DNS name and data stay."""
    server = site.exchange.clustered_server
    if server is None:
        raise RuntimeError("there is no server to remove")
    installation, cluster = Installation(node), site.cluster
    installation.reach(Piece.CLUSTERED, Deed.UNINSTALL, "begin")
    names = [each.resource for each in server.databases]
    names += [each(server.name) for each in (store_name, attendant_name, name_name, address_name)]
    for name in names:
        if find(cluster.resources, name) is not None:
            cluster.take_offline(site, name)
            cluster.delete_resource(site, name)
    if not any(each.group.upper() == server.name.upper() for each in cluster.resources.values()):
        cluster.delete_group(site, server.name)
    site.exchange.clustered_server = None
    _remove_server(site, server.name)
    installation.forget(Piece.CLUSTERED)


def remove_role(site: Site, node: WindowsNode) -> None:
    """Take Exchange off a node; a server that runs on the other one loses a machine."""
    installation, name = Installation(node), node.computer_name.upper()
    for resource in site.cluster.resources.values():
        if resource.type in TYPES and name in resource.owners:
            resource.owners.remove(name)
    server = site.exchange.clustered_server
    if server is not None and name in server.machines:
        before = [*server.machines]
        server.machines.remove(name)
        _told(site, f"machines of {server.name}", before, [*server.machines])
    if name in site.exchange.stand_alone:
        site.exchange.stand_alone.remove(name)
        _remove_server(site, name)
    installation.remove_services()
    installation.remove_files()


def _resource(
    site: Site,
    group: str,
    name: str,
    kind: str,
    *below: str,
    private: dict[str, str | int] | None = None,
) -> Resource:
    """Return a resource of the server's group, made where it is missing."""
    found = find(site.cluster.resources, name)
    if found is not None:
        return found
    cluster = site.cluster
    cluster.create_resource(site, name, kind, group, private)
    for each in below:
        cluster.add_dependency(site, name, each)
    return cluster.resources[name]


def _let_own(site: Site, computer: str) -> None:
    """Let a computer that has Exchange's libraries now run what needs them."""
    for resource in site.cluster.resources.values():
        if resource.type in TYPES and computer not in resource.owners:
            before = [*resource.owners]
            resource.owners.append(computer)
            node = site.cluster.members[computer].node
            what = f"owners of cluster resource {resource.name}"
            site.ledger.changed(node, what, before, [*resource.owners])
    site.cluster.show(site)


def _make_files(site: Site, node: WindowsNode, server: ClusteredServer, database: Database) -> None:
    files = site.storage.files(node, server.data_path[:2])
    if files is None:
        return
    files.make_folder(server.folder(database))
    if not files.exists(server.file(database)):
        files.write(server.file(database), "")


def _add_server(site: Site, node: WindowsNode, name: str) -> None:
    servers = site.domain.exchange.servers
    servers.append(ExchangeServer(name, MAILBOX, site.domain.site_of(node) or SITE))
    _told(site, f"Exchange server {name}", None, MAILBOX)


def _remove_server(site: Site, name: str) -> None:
    for each in list(site.domain.exchange.servers):
        if each.name.upper() == name.upper():
            site.domain.exchange.servers.remove(each)
            _told(site, f"Exchange server {each.name}", each.roles, None)


def _told(site: Site, what: str, before: object, after: object) -> None:
    """Write down a change of the directory."""
    site.ledger.changed(site.domain.facts.controller, what, before, after)
