"""Exchange's own types of cluster resources, and the services that they start and stop.

A database comes online where its disk can be read. Without a dependency on the disk nothing makes
it wait: on a node that it comes to for the first time it is too early, and stays dismounted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runbook_lib.lab.world.cluster_model import Resource, find
from runbook_lib.lab.world.cluster_types import (
    NETWORK_NAME,
    PHYSICAL_DISK,
    TypeBehaviour,
    lun_of,
)
from runbook_lib.lab.world.exchange_installation import ATTENDANT, STORE, Installation
from runbook_lib.lab.world.exchange_moves import mount_failed

if TYPE_CHECKING:
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode

ATTENDANT_TYPE = "Microsoft Exchange System Attendant"
STORE_TYPE = "Microsoft Exchange Information Store"
DATABASE_TYPE = "Microsoft Exchange Database Instance"


def waits_for_disk(site: Site, resource: Resource, letter: str, node: WindowsNode) -> bool:
    """Tell whether a resource depends, even through others, on the disk with a drive letter."""
    volume = site.storage.by_letter(node, letter)
    return volume is not None and any(
        other.type == PHYSICAL_DISK and lun_of(site, other) == volume.lun
        for other in _below(site, resource)
    )


def _below(site: Site, resource: Resource) -> Iterator[Resource]:
    waiting, seen = [resource], {resource.name.casefold()}
    while waiting:
        for name in waiting.pop().depends_on:
            other = find(site.cluster.resources, name)
            if other is not None and other.name.casefold() not in seen:
                seen.add(other.name.casefold())
                waiting.append(other)
                yield other


def _attendant_online(_site: Site, _resource: Resource, node: WindowsNode) -> bool:
    Installation(node).run(ATTENDANT, running=True)
    return True


def _attendant_offline(_site: Site, _resource: Resource, node: WindowsNode) -> None:
    Installation(node).run(ATTENDANT, running=False)


def _store_online(_site: Site, _resource: Resource, node: WindowsNode) -> bool:
    Installation(node).run(STORE, running=True)
    return True


def _store_offline(_site: Site, _resource: Resource, node: WindowsNode) -> None:
    Installation(node).run(STORE, running=False)


def _database_online(site: Site, resource: Resource, node: WindowsNode) -> bool:
    """Mount a database, unless its disk is elsewhere, comes too late, or a trick prevents it."""
    server = site.exchange.clustered_server
    database = server.database_of(resource.name) if server else None
    if server is None or database is None:
        return False
    here = node.computer_name.upper()
    arrives = database.tried_on not in ("", here)
    database.tried_on = here
    letter = server.data_path[:2]
    mounts = site.storage.by_letter(node, letter) is not None
    if mounts and arrives:
        mounts = waits_for_disk(site, resource, letter, node)
        mounts = mounts and not site.exchange.a_move_fails_late()
    if not mounts:
        mount_failed(site, resource, here)
    return mounts


def _nothing(_site: Site, _resource: Resource, _node: WindowsNode) -> None:
    """Leave nothing behind: a dismounted database is a file."""


def _has_exchange(_site: Site, node: WindowsNode) -> bool:
    return Installation(node).has_services


TYPES: dict[str, TypeBehaviour] = {
    ATTENDANT_TYPE: TypeBehaviour(
        _attendant_online, _attendant_offline, _has_exchange, needs=(NETWORK_NAME,)
    ),
    STORE_TYPE: TypeBehaviour(_store_online, _store_offline, _has_exchange),
    DATABASE_TYPE: TypeBehaviour(_database_online, _nothing, _has_exchange, needs=(STORE_TYPE,)),
}
"""Type -> behaviour. The names are the ones that documentation hints at."""
