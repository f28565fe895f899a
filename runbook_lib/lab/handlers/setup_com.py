"""Setup.com of Exchange 2007: the role, the clustered mailbox server, and their removal.

A run is stages, and ends anywhere when it is killed. What a stage has done stays; the same command
again goes on from there. Exit code 0 is all that is promised by it: a look at the registry tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.handlers import setup_console as console
from runbook_lib.lab.handlers import setup_readiness as readiness
from runbook_lib.lab.handlers.setup_arguments import BadSwitchError, Wish, parse
from runbook_lib.lab.handlers.surface import (
    Begins,
    Context,
    Ended,
    Procedure,
    Progress,
    Ran,
    Stage,
    runs,
)
from runbook_lib.lab.world import exchange_setup as setup
from runbook_lib.lab.world.exchange_installation import VERSION, Deed, Installation, Piece

ROLE, SERVER, TOOLS = "Mailbox Server Role", "Clustered Mailbox Server", "Removing Exchange Files"
ROLE_CHECKS, SERVER_CHECKS = "Mailbox Role Checks", "Clustered Mailbox Server Checks"
COPYING = "Copying Exchange files"

Data = dict[str, Any]


@runs(
    "setup.com",
    on_path=False,
    source=(
        "documented: public captures of console lines and a rerun; documented: switches, states in "
        "the registry, F75b; inferred: console lines of the clustered mailbox server, texts of "
        "readiness but the pending restart, durations, points at which a run can be killed"
    ),
)
def setup_com(context: Context, arguments: Sequence[str]) -> Ran | Begins:
    """Begin what the switches ask for; whoever cannot reach the directory gets nowhere."""
    if not arguments:
        raise UnsimulatedCommandError(
            "The lab's Setup.com opens no window.",
            why="without switches a person would have to click",
            next_step="give it switches, such as /mode:Install /roles:Mailbox",
        )
    try:
        wish = parse(arguments)
    except BadSwitchError as error:
        text = f"The switch {error.switch} {error.reason}."
        return Ran(1, (*console.WELCOME, *console.wrapped(text)))
    console.log_begun(context.node, context.user, VERSION, wish.given)
    begun = (*console.WELCOME, *console.PREPARING)
    if not context.token.can_hop or not context.domain.has_channel(context.node):
        console.log(context.node, "[ERROR] Access is denied.", "End of Setup")
        denied = console.failure("Organization Checks", ("Access is denied.",))
        return Ran(1, (*begun, *denied))
    return Begins(_procedure(wish), _data(context, wish), begun)


def _procedure(wish: Wish) -> Procedure:
    if wish.remove_cms:
        return REMOVE_SERVER
    if wish.mode == "Uninstall":
        return UNINSTALL
    if wish.new_cms:
        return MAKE_BOTH if wish.wants_role else MAKE_SERVER
    return INSTALL_ROLE


def _data(context: Context, wish: Wish) -> Data:
    """Return what the stages need; a piece that an earlier run left open is gone on with."""
    installation = Installation(context.node)
    return {
        "wish": {
            "mode": wish.mode,
            "roles": list(wish.roles),
            "new_cms": wish.new_cms,
            "remove_cms": wish.remove_cms,
            "name": wish.name,
            "address": wish.address,
            "shared": wish.shared,
            "data_path": wish.data_path,
            "public_database": wish.public_database,
        },
        "goes_on": installation.state(Piece.MAILBOX).is_open,
    }


def _wish(data: Data) -> Wish:
    return Wish(**{**data["wish"], "roles": tuple(data["wish"]["roles"])})


# -- the role


def _check_role(context: Context, data: Data, progress: Progress) -> None:
    wish = _wish(data)
    if not wish.wants_role:
        _fail(context, ROLE_CHECKS, ("Nothing is to be installed: /roles is missing.",))
    progress.say(*console.roles("Mailbox Role"))
    _not_after_another(context, Piece.MAILBOX, Deed.INSTALL, ROLE_CHECKS)
    if data["goes_on"]:
        progress.say(*console.CONFIGURING)
        return
    progress.say(*console.CHECKING)
    if Installation(context.node).state(Piece.MAILBOX).is_done:
        _fail(context, ROLE_CHECKS, ("The Mailbox role is installed already.",))
    objections = readiness.role_objections(context, wish)
    if objections:
        _fail(context, ROLE_CHECKS, objections)
    progress.say(console.ended(ROLE_CHECKS, good=True), *console.CONFIGURING)


def _copy(context: Context, data: Data, progress: Progress) -> None:
    Installation(context.node).copy_files()
    if not data["goes_on"]:
        progress.say(console.ended(COPYING, good=True))


def _unpack(context: Context, _data: Data, _progress: Progress) -> None:
    Installation(context.node).unpack(Piece.MAILBOX)


def _role_tasks(context: Context, _data: Data, _progress: Progress) -> None:
    setup.configure_tasks(context.node)


def _role_in_directory(context: Context, data: Data, _progress: Progress) -> None:
    setup.tell_directory(context.site, context.node)
    if _wish(data).public_database:
        context.site.exchange.wants_public_database = True


def _role_configured(context: Context, _data: Data, _progress: Progress) -> None:
    setup.finish_role(context.site, context.node)


def _role_said(context: Context, data: Data, progress: Progress) -> None:
    progress.say(console.ended(ROLE, good=True))
    if not _wish(data).new_cms:
        _succeed(context, progress)


# -- the clustered mailbox server


def _check_server(context: Context, data: Data, progress: Progress) -> None:
    wish = _wish(data)
    _not_after_another(context, Piece.CLUSTERED, Deed.INSTALL, SERVER_CHECKS)
    if Installation(context.node).state(Piece.CLUSTERED).is_done:
        _fail(context, SERVER_CHECKS, ("The clustered mailbox server is installed already.",))
    if not wish.wants_role:
        progress.say(*console.CHECKING)
    objections = readiness.cms_objections(context, wish, with_role=wish.wants_role)
    if objections:
        _fail(context, SERVER_CHECKS, objections)
    progress.say(console.ended(SERVER_CHECKS, good=True))
    if not wish.wants_role:
        progress.say(*console.CONFIGURING)


def _begin_server(context: Context, _data: Data, _progress: Progress) -> None:
    setup.begin_server(context.node)


def _make_group(context: Context, data: Data, _progress: Progress) -> None:
    wish = _wish(data)
    code = setup.make_group(context.site, context.node, wish.name, wish.address)
    _need_online(context, code, setup.address_name(wish.name), wish.name)


def _make_name(context: Context, data: Data, _progress: Progress) -> None:
    name = _wish(data).name
    code = setup.make_name(context.site, context.node, name)
    _need_online(context, code, setup.name_name(name), name)


def _make_server(context: Context, data: Data, _progress: Progress) -> None:
    """Wait a minute for the account, on the controller that Setup asks, then make the server."""
    wish, site = _wish(data), context.site
    if wish.name.upper() in site.exchange.unreplicated:
        controller = f"{site.domain.facts.controller}.{site.domain.facts.name}"
        text = (
            f"The computer account '{wish.name}' was created on the domain controller "
            rf"'\\{controller}', but has not replicated to the desired domain controller "
            f"({controller}) after waiting approximately 60 seconds. Please wait for the account "
            "to replicate and re-run setup /newcms."
        )
        _fail(context, SERVER, (text,))
    setup.make_server(site, context.node, wish.name, wish.address, wish.data_path)


def _make_services(context: Context, data: Data, _progress: Progress) -> None:
    name = _wish(data).name
    code = setup.make_services(context.site, context.node, name)
    _need_online(context, code, setup.store_name(name), name)


def _make_databases(context: Context, data: Data, _progress: Progress) -> None:
    wish = _wish(data)
    public = wish.public_database or context.site.exchange.wants_public_database
    code = setup.make_databases(context.site, context.node, wish.name, public=public)
    _need_online(context, code, "First Storage Group/Mailbox Database", wish.name)


def _finish_server(context: Context, _data: Data, progress: Progress) -> None:
    setup.finish_server(context.node)
    progress.say(console.ended(SERVER, good=True))
    _succeed(context, progress)


# -- the way back


def _check_removal(context: Context, data: Data, progress: Progress) -> None:
    progress.say(*console.CHECKING)
    wish, site = _wish(data), context.site
    server, here = site.exchange.clustered_server, context.node.computer_name.upper()
    if server is None or server.name.upper() != wish.name.upper():
        _fail(context, SERVER_CHECKS, (f"There is no clustered mailbox server {wish.name}.",))
    group = site.cluster.groups.get(server.name)
    if group is not None and group.owner != here:
        _fail(context, SERVER_CHECKS, (f"{here} does not run {server.name}: {group.owner} does.",))
    progress.say(console.ended(SERVER_CHECKS, good=True), *console.CONFIGURING)


def _remove_server(context: Context, _data: Data, progress: Progress) -> None:
    setup.remove_server(context.site, context.node)
    progress.say(console.ended(SERVER, good=True))
    _succeed(context, progress)


def _check_uninstall(context: Context, _data: Data, progress: Progress) -> None:
    progress.say(*console.CHECKING)
    site, here = context.site, context.node.computer_name.upper()
    server = site.exchange.clustered_server
    group = site.cluster.groups.get(server.name) if server else None
    _not_after_another(context, Piece.MAILBOX, Deed.UNINSTALL, ROLE_CHECKS)
    if server is not None and group is not None and group.owner == here:
        _fail(context, ROLE_CHECKS, (f"{here} runs the clustered mailbox server {server.name}.",))
    if not Installation(context.node).has_binaries:
        _fail(context, ROLE_CHECKS, ("Exchange is not installed.",))
    progress.say(console.ended(ROLE_CHECKS, good=True), *console.CONFIGURING)
    Installation(context.node).reach(Piece.MAILBOX, Deed.UNINSTALL, "begin")


def _uninstall(context: Context, _data: Data, progress: Progress) -> None:
    setup.remove_role(context.site, context.node)
    progress.say(console.ended(ROLE, good=True), console.ended(TOOLS, good=True))
    _succeed(context, progress)


_ROLE_STAGES = (
    Stage(20, _check_role),
    Stage(60, _copy),
    Stage(5, _unpack),
    Stage(60, _role_tasks),
    Stage(15, _role_in_directory),
    Stage(15, _role_configured),
    Stage(5, _role_said),
)
_SERVER_STAGES = (
    Stage(5, _check_server),
    Stage(5, _begin_server),
    Stage(10, _make_group),
    Stage(10, _make_name),
    Stage(60, _make_server),
    Stage(15, _make_services),
    Stage(10, _make_databases),
    Stage(5, _finish_server),
)
INSTALL_ROLE = Procedure("setup role", _ROLE_STAGES)
MAKE_SERVER = Procedure("setup server", _SERVER_STAGES)
MAKE_BOTH = Procedure("setup role and server", (*_ROLE_STAGES, *_SERVER_STAGES))
REMOVE_SERVER = Procedure(
    "setup remove server", (Stage(5, _check_removal), Stage(60, _remove_server))
)
UNINSTALL = Procedure("setup uninstall", (Stage(5, _check_uninstall), Stage(60, _uninstall)))

PROGRAMS = (setup_com,)
PROCEDURES = (INSTALL_ROLE, MAKE_SERVER, MAKE_BOTH, REMOVE_SERVER, UNINSTALL)


def _not_after_another(context: Context, piece: Piece, deed: Deed, label: str) -> None:
    objection = readiness.resumption_objection(context.node, piece, deed)
    if objection is not None:
        _fail(context, label, (objection,))


def _need_online(context: Context, code: int, resource: str, group: str) -> None:
    """End the run where the cluster could not bring something online."""
    if code:
        text = (
            f"Cluster Common Failure Exception: Failed to bring cluster resource {resource} in "
            f"cluster group {group} online. Error {code} (0x{0x80070000 + code:08x})."
        )
        _fail(context, SERVER, (text,))


def _fail(context: Context, label: str, texts: Sequence[str]) -> NoReturn:
    console.log(context.node, *(f"[ERROR] {text}" for text in texts), "End of Setup")
    raise Ended(1, *console.failure(label, texts))


def _succeed(context: Context, progress: Progress) -> None:
    console.log(context.node, "End of Setup")
    progress.say(*console.SUCCEEDED)
