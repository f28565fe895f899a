"""Phase 90 as it is left behind: the server was on node 2 and is back, and both logs tell so."""

from __future__ import annotations

from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world import exchange_moves as moves
from runbook_lib.lab.world.site import Site


def finish(site: Site, inputs: Inputs) -> None:
    """Leave the traces of two moves."""
    server = site.exchange.clustered_server
    group = moves.group_of(site, server) if server else None
    if group is None:
        raise RuntimeError("the failover is proved after the mailbox server is there")
    home, target = inputs.node_names
    for node in (target, home):
        comment = f"scc-runbook: proof of failover, {inputs.mailbox_server.name} to {node}."
        moves.leave(site, group, node.upper(), comment)
        moves.arrive(site)
    site.schedule.cancel(site.domain.facts.controller)
