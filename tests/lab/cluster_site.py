"""A site that is ready for a cluster: joined nodes, formatted disks, one cluster if asked for."""

from __future__ import annotations

from runbook_lib.lab.world import cluster_forming as forming
from runbook_lib.lab.world import cluster_nodes as nodes
from runbook_lib.lab.world import domain_membership
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.cluster_forming import Wish
from runbook_lib.lab.world.site import Site
from runbook_lib.lab.world.windows_node import WindowsNode
from runbook_lib.lab.world.world import World
from tests.builders import topology
from tests.in_process import WALL

WISH = Wish("E2K7CLU", "192.168.1.20", "255.255.255.0", "Public", r"LAB\svc-clus")
ONE, TWO = "E2K7SCCNODE1", "E2K7SCCNODE2"
LETTERS = {0: "Q:", 1: "S:"}


def world(*, disks: bool = True) -> World:
    """Return a world behind the networks, in the domain, with NTFS volumes Q: and S:."""
    made = World.create("before:20_join_domain", topology(), 1, clock=PolledClock(WALL))
    site = site_of(made)
    for node in site.nodes.values():
        domain_membership.join(
            site.domain, node, "lab.local", r"LAB\exinstall", made.password("installer")
        )
        node.restart_at_once()
    if disks:
        first, second = site.nodes.values()
        second.switch_off()
        for lun, letter in LETTERS.items():
            site.storage.create_partition(first, lun, 1024**2)
            site.storage.assign(first, lun, letter)
            site.storage.format(lun, "NTFS", letter)
            site.storage.assign(second, lun, letter)
    site.ledger.forget()
    return made


def site_of(made: World) -> Site:
    """Return what the world consists of."""
    return made._site


def both(made: World) -> tuple[WindowsNode, WindowsNode]:
    """Return node 1 and node 2."""
    first, second = site_of(made).nodes.values()
    return first, second


def form(made: World, wish: Wish = WISH) -> int:
    """Form the cluster on node 1 from the first stage to the last; return its code."""
    site, (node, _) = site_of(made), both(made)
    code = forming.refusal_of_cluster(site, node, wish)
    if code:
        return code
    nodes.trust(site.cluster, site, node, wish.account)
    nodes.configure_service(site, node, wish.account)
    forming.write_database(node)
    forming.start_alone(site, node, wish)
    code = forming.bring_name_online(site, wish)
    if wish.takes_disks:
        forming.take_disks(site, node)
        forming.choose_quorum(site, node)
    return code


def switch_on(made: World, node: WindowsNode) -> None:
    """Let a node start, and wait until it is up."""
    node.switch_on()
    wait(made, 30)


def wait(made: World, seconds: float) -> None:
    """Let lab time pass."""
    clock = site_of(made).clock
    assert isinstance(clock, PolledClock)
    clock.passed_s += seconds
    made.state()


def join(made: World) -> int:
    """Let node 2 become a member; return the code."""
    site, (_, node) = site_of(made), both(made)
    code = forming.refusal_of_node(site, node.computer_name)
    if code:
        return code
    nodes.trust(site.cluster, site, node, site.cluster.account)
    nodes.configure_service(site, node, site.cluster.account)
    forming.enter(site, node)
    return forming.start_joined(site, node)


def clustered() -> World:
    """Return a world with both nodes in the cluster."""
    made = world()
    assert form(made) == 0
    switch_on(made, both(made)[1])
    assert join(made) == 0
    return made
