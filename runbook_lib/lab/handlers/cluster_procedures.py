"""cluster.exe /create and /add: minutes of work in stages, under a logon that reaches further.

A session's network logon is refused with code 5: both ask the directory and the other node. What
the console says of the tasks is inferred; only the exit code and the "System error" pair count.
"""

from __future__ import annotations

from typing import Any

from runbook_lib.lab.handlers.cluster_texts import refused, system_error
from runbook_lib.lab.handlers.cluster_words import Words
from runbook_lib.lab.handlers.surface import (
    Begins,
    Context,
    Ended,
    Procedure,
    Progress,
    Ran,
    Stage,
    StageFunction,
)
from runbook_lib.lab.world import cluster_codes as codes
from runbook_lib.lab.world import cluster_forming as forming
from runbook_lib.lab.world import cluster_nodes as nodes
from runbook_lib.lab.world.cluster_forming import Wish
from runbook_lib.lab.world.windows_node import WindowsNode

NO_DOMAIN = 1355


def create(context: Context, words: Words) -> Ran | Begins:
    """Return the forming of a cluster on this node, or why it is refused at once."""
    address, mask, network = (*words.value("ipaddress").split(","), "", "")[:3]
    given = words.cluster and address and words.has("password") and words.value("user")
    if not given:
        return refused(codes.BAD_PARAMETER)
    wanted = words.value("node") or context.node.computer_name
    if context.site.node_of(wanted) is not context.node or not context.token.can_hop:
        return refused(codes.ACCESS_DENIED)
    own = next((each for each in context.node.connections if not network), None)
    data = {
        "name": words.cluster,
        "address": address,
        "mask": mask,
        "network": network or (own.connection if own else ""),
        "account": words.value("user"),
        "takes_disks": not words.has("minimum"),
        # The password is judged now, for nothing secret is kept between two stages.
        "logon": context.domain.logon(words.value("user"), words.value("password")),
    }
    return Begins(FORM, data, (f"Configuring cluster '{words.cluster}'.",))


def add(context: Context, words: Words) -> Ran | Begins:
    """Return the joining of a node, or why it is refused at once."""
    cluster = context.site.cluster
    if not context.token.can_hop:
        return refused(codes.ACCESS_DENIED)
    if not words.has("password"):
        return refused(codes.BAD_PARAMETER)
    data = {
        "computer": words.value("addnodes") or context.node.computer_name,
        "logon": context.domain.logon(cluster.account, words.value("password")),
    }
    return Begins(JOIN, data, (f"Adding nodes to cluster '{cluster.name}'.",))


def _wish(data: dict[str, Any]) -> Wish:
    return Wish(**{name: value for name, value in data.items() if name != "logon"})


def _stop_at(code: int, progress: Progress) -> None:
    """End the program where a stage fails."""
    if code:
        progress.say("Cleaning up.", "")
        raise Ended(code, *system_error(code))


def _analyse(context: Context, data: dict[str, Any], progress: Progress) -> None:
    progress.say(" 5% Checking for existing cluster", "15% Checking node feasibility")
    is_member = context.domain.has_channel(context.node)
    _stop_at(codes.DONE if is_member else NO_DOMAIN, progress)
    _stop_at(data["logon"], progress)
    _stop_at(forming.refusal_of_cluster(context.site, context.node, _wish(data)), progress)
    if data["takes_disks"] and not forming.usable(context.site, context.node):
        progress.say("25% Finding common resources on nodes: warning, no shared disk was found")


def _trust(context: Context, data: dict[str, Any], progress: Progress) -> None:
    progress.say("30% Configure cluster services")
    site = context.site
    nodes.trust(site.cluster, site, context.node, data["account"])


def _configure(context: Context, data: dict[str, Any], _progress: Progress) -> None:
    nodes.configure_service(context.site, context.node, data["account"])


def _write(context: Context, _data: dict[str, Any], _progress: Progress) -> None:
    forming.write_database(context.node)


def _start(context: Context, data: dict[str, Any], progress: Progress) -> None:
    progress.say("50% Starting the cluster service")
    forming.start_alone(context.site, context.node, _wish(data))


def _name(context: Context, data: dict[str, Any], progress: Progress) -> None:
    progress.say("60% Configure resource types")
    _stop_at(forming.bring_name_online(context.site, _wish(data)), progress)


def _disks(context: Context, data: dict[str, Any], progress: Progress) -> None:
    progress.say("70% Configure resources")
    if data["takes_disks"]:
        forming.take_disks(context.site, context.node)


def _choose(context: Context, data: dict[str, Any], progress: Progress) -> None:
    if data["takes_disks"]:
        forming.choose_quorum(context.site, context.node)
    progress.say("100% The cluster was created.")


def _node(context: Context, data: dict[str, Any]) -> WindowsNode:
    """Return the node that joins; it may have fallen silent meanwhile."""
    node = context.site.node_of(data["computer"])
    if node is None or not node.is_on:
        raise Ended(codes.RPC_UNAVAILABLE, "", *system_error(codes.RPC_UNAVAILABLE))
    return node


def _analyse_node(context: Context, data: dict[str, Any], progress: Progress) -> None:
    progress.say(" 5% Checking for existing cluster", "15% Checking node feasibility")
    code = forming.refusal_of_node(context.site, data["computer"])
    if code in (codes.NODE_EXISTS, codes.RPC_UNAVAILABLE):
        _stop_at(code, progress)
    node = _node(context, data)
    account = context.domain.account(context.user)
    admins = context.domain.administrators_on(node)
    _stop_at(codes.DONE if account in admins else codes.ACCESS_DENIED, progress)
    _stop_at(data["logon"], progress)
    _stop_at(code, progress)
    for disk in forming.unseen_disks(context.site, node):
        progress.say(f"25% Finding common resources on nodes: warning, '{disk}' is not seen")


def _trust_node(context: Context, data: dict[str, Any], progress: Progress) -> None:
    progress.say("40% Configure cluster services")
    site = context.site
    nodes.trust(site.cluster, site, _node(context, data), site.cluster.account)


def _configure_node(context: Context, data: dict[str, Any], _progress: Progress) -> None:
    nodes.configure_service(context.site, _node(context, data), context.site.cluster.account)


def _enter(context: Context, data: dict[str, Any], progress: Progress) -> None:
    progress.say("60% Joining the cluster")
    forming.enter(context.site, _node(context, data))


def _join(context: Context, data: dict[str, Any], progress: Progress) -> None:
    _stop_at(forming.start_joined(context.site, _node(context, data)), progress)
    progress.say("100% The node was added.")


def _stages(*stages: tuple[float, StageFunction]) -> tuple[Stage, ...]:
    return tuple(Stage(lasts_s, do) for lasts_s, do in stages)


FORM = Procedure(
    "cluster create",
    _stages(
        (15, _analyse),
        (5, _trust),
        (5, _configure),
        (5, _write),
        (10, _start),
        (10, _name),
        (5, _disks),
        (5, _choose),
    ),
)
JOIN = Procedure(
    "cluster add",
    _stages(
        (15, _analyse_node), (10, _trust_node), (10, _configure_node), (10, _enter), (15, _join)
    ),
)
PROCEDURES = (FORM, JOIN)
