"""What somebody does to Exchange that the procedure must notice, and what is armed to go wrong.

`node` is one of the site's; `database` is a database's name, the first one's when it is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from runbook_lib.lab.world import exchange_moves as moves
from runbook_lib.lab.world.acts import ActError, Arguments
from runbook_lib.lab.world.cluster_model import Group
from runbook_lib.lab.world.domain_objects import Computer
from runbook_lib.lab.world.exchange import ClusteredServer, Database, Trick
from runbook_lib.lab.world.exchange_installation import (
    SETUP_FILES,
    Deed,
    Installation,
    Piece,
    deliver_media,
    key_of,
)
from runbook_lib.lab.world.site import Site
from runbook_lib.lab.world.windows_node import WindowsNode

PIECES = {"role": Piece.MAILBOX, "server": Piece.CLUSTERED}


def setup_half_done(site: Site, arguments: Arguments) -> None:
    """Leave a `node` as a run that broke off: of `part` role or server, with an `action`."""
    part = str(arguments.get("part") or "role")
    if part not in PIECES:
        raise ActError(f"part is one of {', '.join(PIECES)}")
    installation, piece = Installation(_node(site, arguments)), PIECES[part]
    installation.copy_files()
    installation.unpack(piece)
    installation.reach(piece, Deed.INSTALL, "services" if piece is Piece.MAILBOX else "begin")
    action = str(arguments.get("action") or Deed.INSTALL.value)
    if action != Deed.INSTALL.value:
        installation.node.registry.put(key_of(piece), "Action", action)
        installation.node.changed(rf"{key_of(piece)}\Action", Deed.INSTALL.value, action)


def role_without_configured_version(site: Site, _arguments: Arguments) -> None:
    """Let the next run of Setup end with 0 although the role is not finished."""
    _arm(site, Trick.ROLE_UNFINISHED)


def late_move_failure(site: Site, _arguments: Arguments) -> None:
    """Let the next move arrive with a database that stays dismounted."""
    _arm(site, Trick.LATE_MOVE_FAILURE)


def delay_replication(site: Site, arguments: Arguments) -> None:
    """Let new computer accounts take `seconds` to the controller that Setup asks."""
    given = str(arguments.get("seconds", ""))
    if not given.isdigit():
        raise ActError("the act needs seconds, a number")
    before, site.exchange.replication_s = site.exchange.replication_s, float(given)
    site.domain.changed("replication, s", before, site.exchange.replication_s)


def cms_name_taken(site: Site, arguments: Arguments) -> None:
    """Give a computer account of another machine the `name` that the mailbox server shall have."""
    name = _text(arguments, "name").upper()
    place = f"CN={name},CN=Computers,{site.domain.facts.naming_context}"
    dns_name = f"{name.lower()}.{site.domain.facts.name}"
    site.domain.computers[name] = Computer(name, place, "", dns_name)
    site.domain.changed(f"computer account {name}", None, place)


def dismount_database(site: Site, arguments: Arguments) -> None:
    """Dismount a database, as an administrator does."""
    moves.dismount(site, _database(site, arguments))


def mount_database(site: Site, arguments: Arguments) -> None:
    """Mount a database."""
    database = _database(site, arguments)
    if moves.mount(site, database):
        raise ActError(f"{database.name} cannot be mounted")


def stop_mailbox_server(site: Site, _arguments: Arguments) -> None:
    """Stop the clustered mailbox server in its shell."""
    moves.stop(site, _group(site))


def start_mailbox_server(site: Site, _arguments: Arguments) -> None:
    """Start it again."""
    moves.start(site, _group(site))


def remove_media(site: Site, arguments: Arguments) -> None:
    """Take Setup's files off a `node`, from the folder `media`."""
    node, folder = _node(site, arguments), _text(arguments, "media")
    for name in SETUP_FILES:
        path = rf"{folder}\{name}"
        if node.files.is_file(path):
            node.files.remove(path)
            node.changed(f"file {path}", before=True, after=False)


def replace_media(site: Site, arguments: Arguments) -> None:
    """Lay another release's files into the folder `media` of a `node`: those of `version`."""
    node, folder = _node(site, arguments), _text(arguments, "media")
    deliver_media(node.files, folder, _text(arguments, "version"))
    node.changed(f"Exchange files in {folder}", None, _text(arguments, "version"))


ACTS: Mapping[str, Callable[[Site, Arguments], None]] = MappingProxyType(
    {
        "setup-half-done": setup_half_done,
        "role-without-configured-version": role_without_configured_version,
        "late-move-failure": late_move_failure,
        "delay-replication": delay_replication,
        "cms-name-taken": cms_name_taken,
        "dismount-database": dismount_database,
        "mount-database": mount_database,
        "stop-mailbox-server": stop_mailbox_server,
        "start-mailbox-server": start_mailbox_server,
        "remove-media": remove_media,
        "replace-media": replace_media,
    }
)


def _arm(site: Site, trick: Trick) -> None:
    armed = [each.value for each in site.exchange.tricks]
    site.exchange.tricks.append(trick)
    site.ledger.changed(
        site.domain.facts.controller, "armed to go wrong", armed, [*armed, trick.value]
    )


def _server(site: Site) -> ClusteredServer:
    if site.exchange.clustered_server is None:
        raise ActError("there is no clustered mailbox server")
    return site.exchange.clustered_server


def _group(site: Site) -> Group:
    group = moves.group_of(site, _server(site))
    if group is None:
        raise ActError("the cluster has no group of the mailbox server")
    return group


def _database(site: Site, arguments: Arguments) -> Database:
    wanted = str(arguments.get("database") or "").lower()
    for each in _server(site).databases:
        if wanted in ("", each.name.lower()):
            return each
    raise ActError(f"the mailbox server has no database {wanted or 'at all'}")


def _node(site: Site, arguments: Arguments) -> WindowsNode:
    wanted = _text(arguments, "node").lower()
    return next(node for name, node in site.nodes.items() if name.lower() == wanted)


def _text(arguments: Arguments, name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise ActError(f"the act needs {name}, a text")
    return value
