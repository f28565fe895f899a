"""Phase 40 as it is left behind: one cluster on node 1, its quorum on the smaller shared disk."""

from __future__ import annotations

from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world import cluster_forming as forming
from runbook_lib.lab.world import cluster_nodes as nodes
from runbook_lib.lab.world.cluster_forming import Wish
from runbook_lib.lab.world.site import Site


def finish(site: Site, inputs: Inputs) -> None:
    """Leave the cluster as cluster.exe forms it, while the other node is off."""
    node = site.nodes[inputs.node_names[0]]
    wish = Wish(
        inputs.cluster.name,
        inputs.cluster.address,
        inputs.mask,
        inputs.public_connection,
        inputs.domain.accounts["cluster-service"],
    )
    nodes.trust(site.cluster, site, node, wish.account)
    nodes.configure_service(site, node, wish.account)
    forming.write_database(node)
    forming.start_alone(site, node, wish)
    forming.bring_name_online(site, wish)
    forming.take_disks(site, node)
    forming.choose_quorum(site, node)
