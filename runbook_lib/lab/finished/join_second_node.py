"""Phase 50 as it is left behind: both nodes in the cluster, its networks in their roles."""

from __future__ import annotations

from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world import cluster_forming as forming
from runbook_lib.lab.world import cluster_nodes as nodes
from runbook_lib.lab.world.cluster_model import Role
from runbook_lib.lab.world.site import Site


def finish(site: Site, inputs: Inputs) -> None:
    """Leave the second node running as a member."""
    cluster, node = site.cluster, site.nodes[inputs.node_names[1]]
    node.start_at_once()
    nodes.trust(cluster, site, node, cluster.account)
    nodes.configure_service(site, node, cluster.account)
    forming.enter(site, node)
    forming.start_joined(site, node)
    public = Role.CLIENT if inputs.cluster.has_single_heartbeat else Role.MIXED
    for network, role in (
        (inputs.private_connection, Role.INTERNAL),
        (inputs.public_connection, public),
    ):
        if cluster.set_role(site, network, role):
            raise ValueError(f"the cluster refuses role {role} for {network}")
