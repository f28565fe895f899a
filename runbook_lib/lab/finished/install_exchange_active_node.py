"""Phase 70 as it is left behind: the mailbox server on node 1, its databases behind the disk."""

from __future__ import annotations

from runbook_lib.lab.finished.exchange_runs import FOR_OLD_CLIENTS, ROLE, run_setup
from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world.site import Site


def finish(site: Site, inputs: Inputs) -> None:
    """Leave role, server, and the disk in the server's group instead of in one of its own."""
    node, wish = site.nodes[inputs.node_names[0]], inputs.mailbox_server
    run_setup(site, node, inputs, (*ROLE, *([FOR_OLD_CLIENTS] * wish.public_database)))
    run_setup(
        site,
        node,
        inputs,
        (
            "/NewCms",
            f"/CMSName:{wish.name}",
            f"/CMSIPAddress:{wish.address}",
            "/CMSSharedStorage",
            f"/CMSDataPath:{wish.data_path}",
        ),
    )
    _tie_disk(site, wish.name, wish.data_path[:2].upper())


def _tie_disk(site: Site, name: str, letter: str) -> None:
    """Put the disk into the server's group and let every database depend on it."""
    cluster, server = site.cluster, site.exchange.clustered_server
    disk = next(each for each in cluster.resources.values() if letter in each.name.upper().split())
    own_group = disk.group
    resources = [each.resource for each in server.databases] if server else []
    for each in resources:
        cluster.take_offline(site, each)
    cluster.change_group(site, disk.name, name)
    for each in resources:
        cluster.add_dependency(site, each, disk.name)
    cluster.bring_group_online(site, name)
    cluster.delete_group(site, own_group)
