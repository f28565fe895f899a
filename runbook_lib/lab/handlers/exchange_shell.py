r"""The Exchange shell: the cmdlets of its snap-in, as far as a clustered mailbox server needs them.

They exist where Exchange's files are, in a shell that has added the snap-in; a session without
it does not know their names. Each works only under a logon that reaches the directory, and what
changes something asks first unless it is told not to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.lab.answers import Bag, ErrorReply
from runbook_lib.lab.handlers import powershell
from runbook_lib.lab.handlers.exchange_errors import (
    cluster_is_down,
    failed,
    no_such_object,
    not_clustered,
)
from runbook_lib.lab.handlers.surface import Answer, Cmdlet, CommandError, Context, answers
from runbook_lib.lab.world import exchange_moves as moves
from runbook_lib.lab.world.cluster_model import CLUSTER_GROUP, Group, find
from runbook_lib.lab.world.domain_objects import MAILBOX as MAILBOX_BIT
from runbook_lib.lab.world.domain_objects import SITE, ExchangeServer
from runbook_lib.lab.world.exchange import ClusteredServer, Database
from runbook_lib.lab.world.exchange_installation import DISPLAY_VERSION, STORE, Installation

SNAP_IN = "Microsoft.Exchange.Management.PowerShell.Admin"
_TASKS = "Microsoft.Exchange.Management.SystemConfigurationTasks"
STATUS_TASK = "GetClusteredMailboxServerStatus"
_ADD = "Microsoft.PowerShell.Commands.AddPSSnapinCommand"
_ROLES = ((2, "Mailbox"), (4, "ClientAccess"), (16, "UnifiedMessaging"), (32, "HubTransport"))


@answers(
    "Add-PSSnapin",
    parameters="Name PassThru",
    implementation=_ADD,
    source="documented: Add-PSSnapin help; inferred: error text, that no other snap-in is there",
)
def add_snap_in(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Have the cmdlets of Exchange's snap-in; there is none without Exchange's files."""
    name = powershell.text(parameters.get("Name"))
    if name.lower() == SNAP_IN.lower() and Installation(context.node).has_binaries:
        return Answer()
    text = "No snap-ins have been registered for Windows PowerShell version 2."
    if Installation(context.node).has_binaries:
        text = f"The Windows PowerShell snap-in '{name}' is not installed on the machine."
    raise CommandError(
        ErrorReply(
            f"AddPSSnapInRead,{_ADD}",
            text,
            "InvalidArgument",
            "System.Management.Automation.PSArgumentException",
        )
    )


@answers(
    "Get-ClusteredMailboxServerStatus",
    parameters="Identity",
    refuses="DomainController",
    implementation=f"{_TASKS}.GetClusteredMailboxServerStatus",
    source=(
        "documented: properties and the six states; inferred: error texts, which node is Active "
        "while the server is stopped"
    ),
)
def get_status(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return the server's state and the machines that can run it now."""
    server, group = clustered(context, parameters)
    site = context.site
    state = moves.state_of(site, group)
    quorum = site.cluster.groups[CLUSTER_GROUP].owner
    machines = []
    for name in server.machines:
        if not moves.is_up(site, name):
            continue
        tags = ["Active"] * (name == group.owner and state != "Offline")
        tags += ["Quorum Owner"] * (name == quorum)
        machines.append(f"{name} <{', '.join(tags)}>" if tags else name)
    return Answer(
        (
            Bag(
                {
                    "Identity": server.name,
                    "ClusteredMailboxServerName": f"{server.name}.{context.domain.facts.name}",
                    "State": state,
                    "OperationalMachines": machines,
                    "FailedResources": moves.failed_resources(site, group),
                    "IsValid": True,
                    "ObjectState": "Unchanged",
                }
            ),
        )
    )


@answers(
    "Get-MailboxServer",
    parameters="Identity",
    refuses="DomainController Status",
    implementation=f"{_TASKS}.GetMailboxServer",
    source="documented: ClusteredStorageType and RedundantMachines; inferred: error text",
)
def get_mailbox_server(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return every Mailbox server, or the named one: where its data lies, who may run it."""
    found = _servers(context, parameters, "GetMailboxServer", roles=MAILBOX_BIT)
    server = context.site.exchange.clustered_server
    return Answer(
        tuple(
            Bag(
                {
                    "Name": each.name,
                    "Identity": each.name,
                    "ClusteredStorageType": "Shared" if _is(server, each.name) else "Disabled",
                    "RedundantMachines": [*server.machines]
                    if server and _is(server, each.name)
                    else [],
                }
            )
            for each in found
        )
    )


@answers(
    "Get-ExchangeServer",
    parameters="Identity",
    refuses="DomainController Status Domain",
    implementation=f"{_TASKS}.GetExchangeServer",
    source="documented: a public capture of the properties; inferred: error text, the edition",
)
def get_exchange_server(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return every server of the organisation, or the named one."""
    server, domain = context.site.exchange.clustered_server, context.domain.facts
    return Answer(
        tuple(
            Bag(
                {
                    "Name": each.name,
                    "Identity": each.name,
                    "Fqdn": f"{each.name}.{domain.name}",
                    "Edition": "Enterprise",
                    "IsMailboxServer": bool(each.roles & MAILBOX_BIT),
                    "IsMemberOfCluster": "Yes" if _is(server, each.name) else "No",
                    "AdminDisplayVersion": DISPLAY_VERSION,
                    "ServerRole": ", ".join(title for bit, title in _ROLES if each.roles & bit),
                    "Site": f"{domain.name}/Configuration/Sites/{each.site or SITE}",
                }
            )
            for each in _servers(context, parameters, "GetExchangeServer")
        )
    )


@answers(
    "Get-MailboxDatabase",
    parameters="Server Status Identity",
    refuses="DomainController StorageGroup IncludePreExchange2007",
    implementation=f"{_TASKS}.GetMailboxDatabase",
    source="documented: Mounted needs -Status; inferred: Mounted without a running store",
)
def get_mailbox_database(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return the mailbox databases of a server."""
    return _databases(context, parameters, public=False)


@answers(
    "Get-PublicFolderDatabase",
    parameters="Server Status Identity",
    refuses="DomainController StorageGroup IncludePreExchange2007",
    implementation=f"{_TASKS}.GetPublicFolderDatabase",
    source="documented: Mounted needs -Status; inferred: Mounted without a running store",
)
def get_public_database(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return the public folder databases of a server."""
    return _databases(context, parameters, public=True)


@answers(
    "Get-StorageGroup",
    parameters="Server",
    refuses="DomainController Identity",
    implementation=f"{_TASKS}.GetStorageGroup",
    source="documented: LogFolderPath and SystemFolderPath; inferred: that both are one folder",
)
def get_storage_group(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return the storage groups of a server with their folders."""
    [found] = _servers(context, parameters, "GetStorageGroup", by="Server", roles=MAILBOX_BIT)
    server = context.site.exchange.clustered_server
    if server is None or not _is(server, found.name):
        return Answer()
    rows = []
    for each in server.databases:
        folder = Bag({"PathName": server.folder(each)})
        rows.append(
            Bag(
                {
                    "Name": each.storage_group,
                    "Identity": rf"{server.name}\{each.storage_group}",
                    "LogFolderPath": folder,
                    "SystemFolderPath": folder,
                }
            )
        )
    return Answer(tuple(rows))


READS: tuple[Cmdlet, ...] = (
    add_snap_in,
    get_status,
    get_mailbox_server,
    get_exchange_server,
    get_mailbox_database,
    get_public_database,
    get_storage_group,
)


def need_directory(context: Context, task: str) -> None:
    """Raise what the shell says under a logon that cannot reach the directory."""
    if context.token.can_hop and context.domain.has_channel(context.node):
        return
    controller = f"{context.domain.facts.controller}.{context.domain.facts.name}"
    text = (
        f"Active Directory server {controller} could not be contacted: "
        "An operations error occurred. (0x80072020)"
    )
    raise failed(text, task, "ResourceUnavailable")


def clustered(
    context: Context,
    parameters: Mapping[str, object],
    task: str = "GetClusteredMailboxServerStatus",
) -> tuple[ClusteredServer, Group]:
    """Return the clustered server that Identity names, and its group in a running cluster."""
    need_directory(context, task)
    name = powershell.text(parameters.get("Identity"))
    server = context.site.exchange.clustered_server
    if server is None or not _is(server, name.partition(".")[0]):
        raise not_clustered(name, task)
    group = moves.group_of(context.site, server)
    if group is None or not any(map(context.site.cluster.is_running, context.site.nodes.values())):
        raise cluster_is_down(task)
    return server, group


def database_named(context: Context, identity: str, task: str) -> Database:
    r"""Return the database SERVER\STORAGE GROUP\DATABASE."""
    need_directory(context, task)
    server = context.site.exchange.clustered_server
    if server is not None:
        for each in server.databases:
            full = rf"{server.name}\{each.storage_group}\{each.name}"
            if identity.lower() in (full.lower(), each.name.lower()):
                return each
    raise no_such_object(context, identity, task)


def _databases(context: Context, parameters: Mapping[str, object], *, public: bool) -> Answer:
    task = "GetPublicFolderDatabase" if public else "GetMailboxDatabase"
    identity = powershell.text(parameters.get("Identity"))
    if identity:
        wanted = [database_named(context, identity, task)]
    else:
        [found] = _servers(context, parameters, task, by="Server", roles=MAILBOX_BIT)
        server = context.site.exchange.clustered_server
        wanted = server.databases if server is not None and _is(server, found.name) else []
    with_status = powershell.is_true(parameters.get("Status"))
    return Answer(
        tuple(
            _database(context, each, with_status=with_status)
            for each in wanted
            if each.is_public is public
        )
    )


def _database(context: Context, database: Database, *, with_status: bool) -> Bag:
    server = context.site.exchange.clustered_server
    if server is None:
        raise RuntimeError("a database without its server")
    group = rf"{server.name}\{database.storage_group}"
    mounted: bool | None = None
    if with_status and _store_runs(context, server):
        mounted = moves.is_mounted(context.site, database)
    return Bag(
        {
            "Name": database.name,
            "Identity": rf"{group}\{database.name}",
            "Server": server.name,
            "StorageGroup": group,
            "EdbFilePath": server.file(database),
            "Mounted": mounted,
        }
    )


def _store_runs(context: Context, server: ClusteredServer) -> bool:
    group = moves.group_of(context.site, server)
    node = context.site.node_of(group.owner) if group else None
    service = node.services.find(STORE) if node and node.is_on else None
    return service is not None and service.running


def _servers(
    context: Context,
    parameters: Mapping[str, object],
    task: str,
    *,
    by: str = "Identity",
    roles: int = ~0,
) -> Sequence[ExchangeServer]:
    """Return the servers with one of these roles, or the one that a parameter names."""
    need_directory(context, task)
    found = [each for each in context.domain.exchange.servers if each.roles & roles]
    if parameters.get(by) is None:
        return found
    name = powershell.text(parameters[by])
    named = [each for each in found if each.name.lower() == name.partition(".")[0].lower()]
    if not named:
        raise no_such_object(context, name, task)
    return named


def _is(server: ClusteredServer | None, name: str) -> bool:
    return server is not None and find({server.name: server}, name) is not None
