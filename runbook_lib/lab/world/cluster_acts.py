"""What a person does to the cluster, in Cluster Administrator or before it was ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from runbook_lib.lab.world.acts import ActError, Arguments
from runbook_lib.lab.world.site import Site
from runbook_lib.lab.world.windows_node import WindowsNode


def join_other_cluster(site: Site, arguments: Arguments) -> None:
    """Make `node` a running member of another cluster, called `cluster`."""
    node = _node(site, arguments)
    if site.cluster.member_of(node) is not None:
        raise ActError(f"{node.name} is a member of {site.cluster.name} already")
    site.cluster.join_other(site, node, _text(arguments, "cluster").upper())


def take_resource_offline(site: Site, arguments: Arguments) -> None:
    """Take a `resource` offline, with what depends on it."""
    _done(site.cluster.take_offline(site, _text(arguments, "resource")))


def bring_resource_online(site: Site, arguments: Arguments) -> None:
    """Bring a `resource` online, with what it depends on."""
    _done(site.cluster.bring_online(site, _text(arguments, "resource")))


def move_cluster_group(site: Site, arguments: Arguments) -> None:
    """Move a `group` to a `node`."""
    node = _node(site, arguments)
    _done(site.cluster.move_group(site, _text(arguments, "group"), node.computer_name))


def move_resource(site: Site, arguments: Arguments) -> None:
    """Put a `resource` into another `group`."""
    _done(site.cluster.change_group(site, _text(arguments, "resource"), _text(arguments, "group")))


def set_cluster_quorum(site: Site, arguments: Arguments) -> None:
    """Let another `resource` be the quorum, with its `path`."""
    _done(
        site.cluster.set_quorum(site, _text(arguments, "resource"), _text(arguments, "path"), None)
    )


def set_network_role(site: Site, arguments: Arguments) -> None:
    """Use a `network` for a `role`: 0, 1, 2 or 3."""
    role = arguments.get("role")
    if isinstance(role, bool) or not isinstance(role, int):
        raise ActError("the act needs role, a number")
    _done(site.cluster.set_role(site, _text(arguments, "network"), role))


def create_cluster_group(site: Site, arguments: Arguments) -> None:
    """Make a new `group` on a `node`."""
    node = _node(site, arguments)
    _done(site.cluster.create_group(site, _text(arguments, "group"), node.computer_name))


def clean_up_node(site: Site, arguments: Arguments) -> None:
    """Stop the cluster service of a `node` and make it forget its cluster (node /force)."""
    site.cluster.clean_up(site, _node(site, arguments))


def evict_node(site: Site, arguments: Arguments) -> None:
    """Evict a `node` from the cluster."""
    _done(site.cluster.evict(site, _node(site, arguments).computer_name))


def stop_cluster_service(site: Site, arguments: Arguments) -> None:
    """Stop the cluster service of a `node`."""
    site.cluster.stop(site, _node(site, arguments))


def start_cluster_service(site: Site, arguments: Arguments) -> None:
    """Start it again."""
    _done(site.cluster.start(site, _node(site, arguments)))


ACTS: Mapping[str, Callable[[Site, Arguments], None]] = MappingProxyType(
    {
        "join-other-cluster": join_other_cluster,
        "take-resource-offline": take_resource_offline,
        "bring-resource-online": bring_resource_online,
        "move-cluster-group": move_cluster_group,
        "move-cluster-resource": move_resource,
        "set-cluster-quorum": set_cluster_quorum,
        "set-network-role": set_network_role,
        "create-cluster-group": create_cluster_group,
        "clean-up-node": clean_up_node,
        "evict-node": evict_node,
        "stop-cluster-service": stop_cluster_service,
        "start-cluster-service": start_cluster_service,
    }
)


def _done(code: int) -> None:
    if code:
        raise ActError(f"the cluster refuses with error {code}")


def _node(site: Site, arguments: Arguments) -> WindowsNode:
    wanted = _text(arguments, "node").lower()
    found = next((each for name, each in site.nodes.items() if name.lower() == wanted), None)
    if found is None or not found.is_on:
        raise ActError(f"{wanted} is off: nobody can work there")
    return found


def _text(arguments: Arguments, name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise ActError(f"the act needs {name}, a text")
    return value
