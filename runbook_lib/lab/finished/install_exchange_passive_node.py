"""Phase 80 as it is left behind: node 2 has the role and may run the mailbox server."""

from __future__ import annotations

from runbook_lib.lab.finished.exchange_runs import ROLE, run_setup
from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world.site import Site


def finish(site: Site, inputs: Inputs) -> None:
    """Leave the role, its services at rest."""
    run_setup(site, site.nodes[inputs.node_names[1]], inputs, ROLE)
