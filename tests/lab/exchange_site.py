"""A cluster that is ready for Exchange, and short ways to run Setup and the shell on it."""

from __future__ import annotations

from typing import Any

from runbook_lib.lab.answers import Bag
from runbook_lib.lab.finished import install_windows_components
from runbook_lib.lab.handlers import installed
from runbook_lib.lab.handlers.surface import Begins, Context, Ended, Progress, Ran
from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world.exchange_installation import Installation, Piece
from runbook_lib.lab.world.site import LogonKind, Token
from runbook_lib.lab.world.windows_node import WindowsNode
from runbook_lib.lab.world.world import World
from tests.lab import cluster_site
from tests.lab.cluster_site import both, site_of

SETUP = r"C:\ExchangeSetup\Setup.com"
ROLE = ("/mode:Install", "/roles:Mailbox")
NAME, ADDRESS, PATH = "MailboxServer", "192.168.1.30", r"S:\ExchangeData"
SERVER = (
    "/NewCms",
    f"/CMSName:{NAME}",
    f"/CMSIPAddress:{ADDRESS}",
    "/CMSSharedStorage",
    f"/CMSDataPath:{PATH}",
)
INSTALLER = Token(r"LAB\exinstall", LogonKind.BATCH)
BOTH = ["E2K7SCCNODE1", "E2K7SCCNODE2"]


def ready() -> World:
    """Return a world with a cluster and all that Exchange needs below it."""
    made = cluster_site.clustered()
    install_windows_components.finish(site_of(made), Inputs())
    site_of(made).ledger.forget()
    return made


def active() -> World:
    """Return a world with the mailbox server on node 1, as Setup leaves it."""
    made = ready()
    assert run(made, *ROLE)[0] == 0
    assert run(made, *SERVER)[0] == 0
    return made


def tied() -> World:
    """Return a world in which the disk is in the server's group and the database waits for it."""
    made = active()
    tie(made)
    return made


def tie(made: World) -> None:
    """Put the disk into the group and let every database depend on it, as an administrator."""
    site = site_of(made)
    cluster, server = site.cluster, site.exchange.clustered_server
    assert server is not None
    assert cluster.change_group(site, "Disk S:", NAME) == 0
    for database in server.databases:
        assert cluster.take_offline(site, database.resource) == 0
        assert cluster.add_dependency(site, database.resource, "Disk S:") == 0
        assert cluster.bring_online(site, database.resource) == 0


def whole() -> World:
    """Return a world with both nodes installed and the disk where it belongs."""
    made = tied()
    assert run(made, *ROLE, node=1)[0] == 0
    return made


def context(made: World, node: int = 0, token: Token = INSTALLER) -> Context:
    """Return where a command runs."""
    return Context(both(made)[node], site_of(made), token)


def run(
    made: World, *words: str, node: int = 0, token: Token = INSTALLER, kill: int = 0
) -> tuple[int, list[str]]:
    """Run Setup to its end, or until it is killed before stage `kill`: exit code, lines."""
    program = installed.program_on(both(made)[node], SETUP)
    assert program is not None
    where = context(made, node, token)
    begun = program.function(where, words)
    if isinstance(begun, Ran):
        return begun.exit_code, [*begun.lines]
    assert isinstance(begun, Begins)
    return staged(where, begun, kill)


def staged(where: Context, begun: Begins, kill: int = 0) -> tuple[int, list[str]]:
    """Do the stages of a procedure."""
    progress = Progress([*begun.lines])
    for number, stage in enumerate(begun.procedure.stages, start=1):
        if number == kill:
            return 1, progress.lines
        try:
            stage.do(where, begun.data, progress)
        except Ended as end:
            progress.say(*end.lines)
            return end.code, progress.lines
    return 0, progress.lines


def objects(where: Context, begun: Begins) -> tuple[int, list[Bag]]:
    """Do the stages of a script's procedure: exit code and objects."""
    code, progress = installed.to_its_end(where, begun)
    return code, progress.bags


def installation(made: World, node: int = 0) -> Installation:
    """Return Exchange on one node."""
    return Installation(both(made)[node])


def state(made: World, piece: Piece, node: int = 0) -> tuple[str, str, str, bool]:
    """Return UnpackedVersion, ConfiguredVersion, Action, and whether there is a Watermark."""
    found = installation(made, node).state(piece)
    return found.unpacked, found.configured, found.action, bool(found.watermark)


def resources(made: World) -> dict[str, tuple[str, str, list[str]]]:
    """Return type, state and dependencies of every resource in the server's group."""
    return {
        each.name: (each.type, each.state.name, each.depends_on)
        for each in site_of(made).cluster.resources.values()
        if each.group.upper() == NAME.upper()
    }


def mounted(made: World) -> dict[str, bool]:
    """Return of every database whether it is mounted."""
    site = site_of(made)
    server = site.exchange.clustered_server
    assert server is not None
    return {each.name: site.cluster.resources[each.resource].is_online for each in server.databases}


def services(node: WindowsNode) -> dict[str, Any]:
    """Return start type and state of Exchange's services."""
    return {
        each.facts.name: (each.start_mode, each.state)
        for each in node.services.all()
        if each.facts.name.startswith("MSExchange")
    }
