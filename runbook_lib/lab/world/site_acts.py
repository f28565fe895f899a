"""What a person does to the site around the nodes: in the directory, at the storage, at both.

Like the acts at one machine, each is effects in the ledger. Every part has its own file of acts;
a `node` among the arguments is one of the site's, in the case in which somebody wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from runbook_lib.lab.world import (
    cluster_acts,
    domain_acts,
    exchange_acts,
    power_acts,
    storage_acts,
    task_acts,
)
from runbook_lib.lab.world.acts import ACTS as NODE_ACTS
from runbook_lib.lab.world.acts import ActError, Arguments
from runbook_lib.lab.world.site import Site

SITE_ACTS: Mapping[str, Callable[[Site, Arguments], None]] = MappingProxyType(
    {
        **cluster_acts.ACTS,
        **domain_acts.ACTS,
        **exchange_acts.ACTS,
        **power_acts.ACTS,
        **storage_acts.ACTS,
        **task_acts.ACTS,
    }
)


def perform(site: Site, name: str, arguments: Arguments) -> None:
    """Do an act at a machine or on the site; ActError when there is no such act or node."""
    if name not in NODE_ACTS and name not in SITE_ACTS:
        known = ", ".join([*NODE_ACTS, *SITE_ACTS])
        raise ActError(f"there is no act {name!r}; there are {known}")
    given = arguments.get("node")
    nodes = {key.lower(): node for key, node in site.nodes.items()}
    node = nodes.get(given.lower()) if isinstance(given, str) else None
    if node is None and (name in NODE_ACTS or given is not None):
        raise ActError(f"the act needs node, one of {', '.join(site.nodes)}")
    if node is not None and name in NODE_ACTS:
        NODE_ACTS[name](node, arguments)
    else:
        SITE_ACTS[name](site, arguments)
