"""cluster.exe: what it lists of the node's cluster, and what it lets the cluster service do.

Its exit code is the Win32 code of the last error. Without a cluster's name it asks the service of
its own node; under a name it needs a logon that is known on the owner's side too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.handlers import cluster_listings as listings
from runbook_lib.lab.handlers import cluster_words
from runbook_lib.lab.handlers.cluster_procedures import add, create
from runbook_lib.lab.handlers.cluster_texts import refused, system_error
from runbook_lib.lab.handlers.cluster_words import UnknownOptionError, Words
from runbook_lib.lab.handlers.surface import Begins, Context, Ran, runs
from runbook_lib.lab.world import cluster_codes as codes
from runbook_lib.lab.world.cluster_groups import survivors
from runbook_lib.lab.world.cluster_model import find, spelling
from runbook_lib.lab.world.server_cluster import ServerCluster

Deed = Callable[[Context, Words], int]
"""Does something and returns 0 or a Win32 code."""


@runs(
    "cluster.exe",
    source=(
        "documented: cluster command reference of Windows Server 2003; "
        "documented: listings of nodes, groups and resources in public scripts; "
        "documented: texts of system error codes; "
        "inferred: listings of networks, quorum and properties, confirmations of actions"
    ),
)
def cluster(context: Context, arguments: Sequence[str]) -> Ran | Begins:
    """List or change what the words name."""
    try:
        words = cluster_words.parse(arguments)
    except UnknownOptionError as error:
        raise UnsimulatedCommandError(
            f"The lab's cluster.exe does not take {error}.",
            why="it knows the options in runbook_lib/lab/handlers/cluster_words.py",
            next_step="add the option there, with what it does",
        ) from error
    if words.noun == "cluster" and words.has("create"):
        return create(context, words)
    if words.noun == "node" and (words.has("forcecleanup") or words.has("start")):
        return _at_a_node(context, words)
    code = _way_to(context, words)
    if code:
        return refused(code)
    if words.noun == "cluster" and words.has("addnodes"):
        return add(context, words)
    for option, deed in DEEDS[words.noun].items():
        if words.has(option) and (
            option not in ("properties", "privproperties") or words.properties
        ):
            return _done(context, words, deed(context, words))
    return listings.listed(context.site, words)


def _way_to(context: Context, words: Words) -> int:
    """Return why the cluster cannot be asked, or 0."""
    here = context.site.cluster
    if words.cluster in (None, "", "."):
        is_ours = here.is_running(context.node) and context.node.name not in here.foreign
        return codes.DONE if is_ours else codes.NO_ENDPOINT
    if not here.is_formed or str(words.cluster).upper() != here.name or not survivors(here):
        return codes.RPC_UNAVAILABLE
    if not context.token.can_hop and here.group_owner() != context.node.computer_name.upper():
        return codes.ACCESS_DENIED
    return codes.DONE


def _at_a_node(context: Context, words: Words) -> Ran:
    """Start a node's service, or clean it up: on the node itself, or on one that is on."""
    site, name = context.site, words.name or context.node.computer_name
    node = site.node_of(name)
    if node is None or not node.is_on:
        return refused(codes.RPC_UNAVAILABLE)
    if node is not context.node and not context.token.can_hop:
        return refused(codes.ACCESS_DENIED)
    if words.has("start"):
        return _done(context, words, site.cluster.start(site, node))
    lines = (f"Attempting to clean up node '{node.computer_name}' ...",)
    if site.cluster.node_cluster_state(node) == 1:
        return refused(codes.NOT_MEMBER, *lines)
    site.cluster.clean_up(site, node)
    return Ran(0, (*lines, "Clean up successfully completed."))


def _done(context: Context, words: Words, code: int) -> Ran:
    """Return how an action ends: the object's new line, or the code with its text."""
    if code:
        return Ran(code, ("", *system_error(code)))
    return listings.after(context.site, words)


# -- nodes


def _evict(context: Context, words: Words) -> int:
    return context.site.cluster.evict(context.site, words.name or context.node.computer_name)


def _stop(context: Context, words: Words) -> int:
    site = context.site
    computer = spelling(site.cluster.members, words.name or context.node.computer_name)
    if computer is None:
        return codes.NODE_NOT_FOUND
    node = site.nodes[site.cluster.members[computer].node]
    if node is not context.node and not context.token.can_hop:
        return codes.ACCESS_DENIED
    return site.cluster.stop(site, node)


# -- groups


def _group(context: Context, words: Words) -> tuple[ServerCluster, str]:
    return context.site.cluster, words.name or ""


def _create_group(context: Context, words: Words) -> int:
    here, name = _group(context, words)
    return here.create_group(context.site, name, context.node.computer_name)


def _delete_group(context: Context, words: Words) -> int:
    here, name = _group(context, words)
    return here.delete_group(context.site, name)


def _move_group(context: Context, words: Words) -> int:
    here, name = _group(context, words)
    return here.move_group(context.site, name, words.value("moveto") or None)


def _group_online(context: Context, words: Words) -> int:
    here, name = _group(context, words)
    return here.bring_group_online(context.site, name)


def _group_offline(context: Context, words: Words) -> int:
    here, name = _group(context, words)
    return here.take_group_offline(context.site, name)


# -- resources


def _create_resource(context: Context, words: Words) -> int:
    here, name = _group(context, words)
    return here.create_resource(context.site, name, words.value("type"), words.value("group"))


def _delete_resource(context: Context, words: Words) -> int:
    here, name = _group(context, words)
    return here.delete_resource(context.site, name)


def _online(context: Context, words: Words) -> int:
    here, name = _group(context, words)
    return here.bring_online(context.site, name)


def _offline(context: Context, words: Words) -> int:
    here, name = _group(context, words)
    return here.take_offline(context.site, name)


def _move_resource(context: Context, words: Words) -> int:
    here, name = _group(context, words)
    return here.change_group(context.site, name, words.value("moveto"))


def _add_dependency(context: Context, words: Words) -> int:
    here, name = _group(context, words)
    return here.add_dependency(context.site, name, words.value("adddependency"))


def _remove_dependency(context: Context, words: Words) -> int:
    here, name = _group(context, words)
    return here.remove_dependency(context.site, name, words.value("removedependency"))


def _private(context: Context, words: Words) -> int:
    """Store private properties; a disk is told by its letter, and kept by its signature."""
    here, name = _group(context, words)
    values: dict[str, str | int] = {}
    for key, text in words.properties.items():
        if key.lower() != "drive":
            values[key] = int(text) if text.isdigit() else text
            continue
        volume = context.site.storage.by_letter(context.node, text)
        if volume is None:
            return codes.BAD_PARAMETER
        values["Signature"] = volume.signature
    return here.set_private(context.site, name, values)


# -- networks and quorum


def _network(context: Context, words: Words) -> int:
    given = {key.lower(): value for key, value in words.properties.items()}
    if set(given) != {"role"} or not given["role"].isdigit():
        return codes.BAD_PARAMETER
    return context.site.cluster.set_role(context.site, words.name or "", int(given["role"]))


def _quorum(context: Context, words: Words) -> int:
    """Choose the quorum resource, its path, its log's size; without a value nothing changes."""
    here = context.site.cluster
    name, path = words.value("quorumresource"), words.value("path")
    if not name and not path and not words.value("maxlogsize"):
        return codes.DONE
    if here.quorum is None:
        return codes.INVALID_STATE
    kept = here.quorum
    same = find(here.resources, name or kept.resource) is here.resources[kept.resource]
    if not path and not same:
        return codes.BAD_PARAMETER
    size = words.value("maxlogsize")
    return here.set_quorum(
        context.site,
        name or kept.resource,
        path or kept.path,
        int(size) if size.isdigit() else None,
    )


def _priorities(context: Context, words: Words) -> int:
    return context.site.cluster.set_priorities(
        context.site, [each.strip() for each in words.value("setnetpriority").split(",")]
    )


DEEDS: Mapping[str, Mapping[str, Deed]] = MappingProxyType(
    {
        "cluster": {"quorumresource": _quorum, "setnetpriority": _priorities},
        "node": {"evict": _evict, "stop": _stop},
        "group": {
            "create": _create_group,
            "delete": _delete_group,
            "moveto": _move_group,
            "online": _group_online,
            "offline": _group_offline,
        },
        "resource": {
            "create": _create_resource,
            "delete": _delete_resource,
            "online": _online,
            "offline": _offline,
            "moveto": _move_resource,
            "adddependency": _add_dependency,
            "removedependency": _remove_dependency,
            "privproperties": _private,
        },
        "network": {"properties": _network},
    }
)
"""Object -> option -> what it does; any other option lists."""

PROGRAMS = (cluster,)
