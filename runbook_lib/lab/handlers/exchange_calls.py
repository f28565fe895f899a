"""What the Exchange shell is told to do: move, stop and start the server, mount a database."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.lab.handlers import powershell
from runbook_lib.lab.handlers.exchange_errors import TASKS, failed, missing, prompt_failed
from runbook_lib.lab.handlers.exchange_shell import clustered, database_named
from runbook_lib.lab.handlers.surface import Answer, Cmdlet, Context, answers
from runbook_lib.lab.world import exchange_moves as moves
from runbook_lib.lab.world.cluster_model import Group
from runbook_lib.lab.world.domain_objects import EXCHANGE_ADMINISTRATORS
from runbook_lib.lab.world.exchange import ClusteredServer

MOVE = "Move-ClusteredMailboxServer"
_MOVE = "MoveClusteredMailboxServer"


@answers(
    MOVE,
    parameters="Identity MoveComment TargetMachine Confirm IgnoreDismounted ValidateOnly WhatIf",
    refuses="DomainController",
    implementation=f"{TASKS}.{_MOVE}",
    source=(
        "documented: parameters, that it asks, what the target must be, health checks, a late "
        "failure; inferred: error texts, order of the checks, how long it takes, its event"
    ),
)
def move(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Move the server while no lab time passes."""
    if begin_move(context, parameters):
        moves.arrive(context.site)
        judge_move(context)
    return Answer()


def begin_move(context: Context, parameters: Mapping[str, object]) -> bool:
    """Check everything, then let the server leave its node; tell whether it does."""
    _need(parameters, f"{TASKS}.{_MOVE}", "Identity", "MoveComment", "TargetMachine")
    server, group = clustered(context, parameters, _MOVE)
    _need_rights(context, _MOVE)
    target = powershell.text(parameters["TargetMachine"]).partition(".")[0].upper()
    _check_target(context, server, group, target)
    _check_health(
        context, server, group, ignore=powershell.is_true(parameters.get("IgnoreDismounted"))
    )
    if powershell.is_true(parameters.get("ValidateOnly")):
        return False
    if not _agreed(parameters, MOVE):
        return False
    moves.leave(context.site, group, target, powershell.text(parameters["MoveComment"]))
    return True


def judge_move(context: Context) -> None:
    """Raise what a move says that arrived with databases dismounted."""
    site, server = context.site, context.site.exchange.clustered_server
    databases = server.databases if server else []
    down = [each.name for each in databases if not moves.is_mounted(site, each)]
    if down:
        text = f"The server was moved, but these databases are not mounted: {', '.join(down)}."
        raise failed(text, _MOVE)


@answers(
    "Stop-ClusteredMailboxServer",
    parameters="Identity StopReason Confirm WhatIf",
    refuses="DomainController",
    implementation=f"{TASKS}.StopClusteredMailboxServer",
    source="documented: parameters, that no restart brings the server back; inferred: error texts",
)
def stop(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Take the server offline until somebody starts it."""
    task = "StopClusteredMailboxServer"
    _need(parameters, f"{TASKS}.{task}", "Identity", "StopReason")
    _, group = clustered(context, parameters, task)
    _need_rights(context, task)
    if moves.state_of(context.site, group) == "Offline":
        raise failed(f"The clustered mailbox server {group.name} is stopped already.", task)
    if _agreed(parameters, "Stop-ClusteredMailboxServer"):
        moves.stop(context.site, group)
    return Answer()


@answers(
    "Start-ClusteredMailboxServer",
    parameters="Identity Confirm WhatIf",
    refuses="DomainController",
    implementation=f"{TASKS}.StartClusteredMailboxServer",
    source="documented: parameters, that its end does not mean all is online; inferred: errors",
)
def start(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Bring the server online where it is, as far as that succeeds."""
    task = "StartClusteredMailboxServer"
    _need(parameters, f"{TASKS}.{task}", "Identity")
    _, group = clustered(context, parameters, task)
    _need_rights(context, task)
    if moves.state_of(context.site, group) == "Online":
        raise failed(f"The clustered mailbox server {group.name} runs already.", task)
    if _agreed(parameters, "Start-ClusteredMailboxServer"):
        moves.start(context.site, group)
    return Answer()


@answers(
    "Mount-Database",
    parameters="Identity Confirm WhatIf",
    refuses="DomainController Force AcceptDataLoss",
    implementation=f"{TASKS}.MountDatabase",
    source="documented: parameters; inferred: error texts",
)
def mount(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Mount one database."""
    task = "MountDatabase"
    _need(parameters, f"{TASKS}.{task}", "Identity")
    identity = powershell.text(parameters["Identity"])
    database = database_named(context, identity, task)
    _need_rights(context, task)
    if "Confirm" in parameters and not _agreed(parameters, "Mount-Database"):
        return Answer()
    if moves.mount(context.site, database):
        raise failed(f"Exchange is unable to mount the database {identity}.", task)
    return Answer()


CALLS: tuple[Cmdlet, ...] = (move, stop, start, mount)


def _need(parameters: Mapping[str, object], implementation: str, *names: str) -> None:
    lacking = [name for name in names if not powershell.text(parameters.get(name))]
    if lacking:
        raise missing(lacking, implementation)


def _need_rights(context: Context, task: str) -> None:
    domain = context.domain
    is_local = domain.account(context.user) in domain.administrators_on(context.node)
    if not is_local or not domain.is_member(context.user, EXCHANGE_ADMINISTRATORS):
        raise failed("Access is denied: insufficient rights.", task, "PermissionDenied")


def _agreed(parameters: Mapping[str, object], name: str) -> bool:
    """Tell whether the deed may be done: nobody answers a prompt, and -WhatIf only tells."""
    if powershell.is_true(parameters.get("WhatIf")):
        return False
    if parameters.get("Confirm") is not False:
        raise prompt_failed(name)
    return True


def _check_target(context: Context, server: ClusteredServer, group: Group, target: str) -> None:
    if target not in context.site.cluster.members:
        raise failed(f"The machine {target} is no node of the cluster.", _MOVE)
    if target not in server.machines:
        known = ", ".join(server.machines)
        text = f"The machine {target} is not in the list of redundant machines: {known}."
        raise failed(text, _MOVE)
    if group.owner == target:
        text = f"The clustered mailbox server {server.name} is already active on {target}."
        raise failed(text, _MOVE)
    if not moves.is_up(context.site, target):
        raise failed(f"The machine {target} is not up.", _MOVE)


def _check_health(context: Context, server: ClusteredServer, group: Group, *, ignore: bool) -> None:
    """Refuse to move what is not healthy; ignore: dismounted databases may stay as they are."""
    site = context.site
    down = [each for each in server.databases if not moves.is_mounted(site, each)]
    if down and not ignore:
        names = ", ".join(each.name for each in down)
        raise failed(f"These databases are not mounted: {names}.", _MOVE)
    known = {each.resource for each in down}
    bad = [
        each.name
        for each in site.cluster.resources.values()
        if each.group == group.name and not each.is_online and each.name not in known
    ]
    if bad or site.exchange.arrives_at:
        text = f"The clustered mailbox server {server.name} is not healthy: {', '.join(bad)}."
        raise failed(text, _MOVE)
