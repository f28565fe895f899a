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
)
from runbook_lib.lab.world.acts import Arguments
from runbook_lib.lab.world.site import Site

SITE_ACTS: Mapping[str, Callable[[Site, Arguments], None]] = MappingProxyType(
    {
        **cluster_acts.ACTS,
        **domain_acts.ACTS,
        **exchange_acts.ACTS,
        **power_acts.ACTS,
        **storage_acts.ACTS,
    }
)
