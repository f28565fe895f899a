"""Members of the cluster: how their cluster service starts, stops, is lost and is taken away.

What a node does when its service starts:
  another member is up and can be met over an internal network -> it joins
  nobody is                                                    -> it forms, if it gets the quorum
  neither                                                      -> the service ends with event 1009
What happens to the groups of a node that goes away:
  orderly (service stopped, Windows shut down) -> they move at once
  suddenly -> LOST_AFTER_S until it is missed, then ARBITRATION_S until they are online again
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runbook_lib.lab.world import cluster_codes as codes
from runbook_lib.lab.world import cluster_groups as groups
from runbook_lib.lab.world import cluster_networks as networks
from runbook_lib.lab.world.cluster_model import Member, NodeState, ResourceState
from runbook_lib.lab.world.cluster_state import SERVICE
from runbook_lib.lab.world.cluster_types import RESOURCE_TYPES, lun_of, sees, warn

if TYPE_CHECKING:
    from runbook_lib.lab.world.server_cluster import ServerCluster
    from runbook_lib.lab.world.site import Site
    from runbook_lib.lab.world.windows_node import WindowsNode

LOST_AFTER_S = 8.0
ARBITRATION_S = 20.0
SCHEDULED_FOR = "cluster"
"""What the cluster plans belongs to no node, so no node's going down cancels it."""
RIGHTS = (
    "SeServiceLogonRight",
    "SeTcbPrivilege",
    "SeBackupPrivilege",
    "SeRestorePrivilege",
    "SeIncreaseQuotaPrivilege",
    "SeIncreaseBasePriorityPrivilege",
)
AUTOMATIC, DISABLED = 2, 4


def refusal_of(site: Site, user: str) -> int:
    """Return why the directory lets nobody log on under an account, or 0."""
    account = site.domain.account(user)
    if account is None:
        return codes.LOGON_FAILURE
    found = (
        (account.locked, codes.ACCOUNT_LOCKED),
        (not account.enabled, codes.ACCOUNT_DISABLED),
        (account.expired, codes.ACCOUNT_EXPIRED),
        (account.must_change, codes.MUST_CHANGE_PASSWORD),
        (account.password_changed, codes.LOGON_FAILURE),
    )
    return next((code for holds, code in found if holds), codes.DONE)


def trust(cluster: ServerCluster, site: Site, node: WindowsNode, account: str) -> None:
    """Make the service account a local administrator with the rights that the service needs."""
    cluster.trusted[node.name] = account
    before = list(node.administrators)
    if account.lower() not in {each.lower() for each in before}:
        node.administrators = [*before, account]
        site.ledger.changed(node.name, "local Administrators", before, node.administrators)


def configure_service(site: Site, node: WindowsNode, account: str) -> None:
    """Let the cluster service start by itself, under its account."""
    node.services.set_account(SERVICE, account)
    node.services.set_start(SERVICE, AUTOMATIC)
    site.ledger.changed(node.name, f"service {SERVICE}", "disabled", f"automatic as {account}")


def start(cluster: ServerCluster, site: Site, node: WindowsNode) -> int:
    """Start the cluster service of a node; return 0 or the code with which it did not start."""
    member = cluster.member_of(node)
    refused = refusal_of(site, cluster.account) if member else codes.DONE
    if refused:
        node.services.stop(SERVICE)
        message = (
            "The Cluster Service service failed to start due to the following error: "
            "The service did not start due to a logon failure."
        )
        node.events.write(site.clock.now(), "Service Control Manager", 7000, message, kind="Error")
        return codes.SERVICE_LOGON_FAILED
    node.services.start(SERVICE)
    if node.name in cluster.foreign:
        return codes.DONE
    if member is None or not _enter(cluster, site, node, member):
        node.services.stop(SERVICE)
        message = (
            "Cluster service could not join an existing cluster and could not form a new "
            "cluster. Cluster service has terminated."
        )
        warn(site, node, 1009, message)
        return codes.NOT_MEMBER if member is None else codes.QUORUM_OWNED_ELSEWHERE
    return codes.DONE


def _enter(cluster: ServerCluster, site: Site, node: WindowsNode, member: Member) -> bool:
    """Join the members that are up, or form the cluster alone; tell whether it worked."""
    others = [cluster.members[name] for name in groups.survivors(cluster)]
    others = [each for each in others if each is not member and site.nodes[each.node].is_on]
    if others:
        other = site.nodes[others[0].node]
        if not networks.can_meet(cluster, node, other):
            message = (
                "The node cannot join the cluster because it cannot communicate with node "
                f"{other.computer_name} over any network configured for internal cluster "
                "communication. Check the network configuration of the node and the cluster."
            )
            warn(site, node, 1079, message)
            return False
        _set_state(site, node, member, NodeState.UP)
        warn(site, node, 1062, "Cluster service successfully joined the cluster.", "Information")
        return True
    if not _takes_quorum(cluster, site, node):
        return False
    _set_state(site, node, member, NodeState.UP)
    warn(site, node, 1061, "Cluster service successfully formed a cluster.", "Information")
    for group in cluster.groups.values():
        if group.owner != node.computer_name.upper():
            groups.hand_over(cluster, site, group, node.computer_name.upper())
        if group.properties["PersistentState"]:
            groups.resume(cluster, site, group)
    return True


def _takes_quorum(cluster: ServerCluster, site: Site, node: WindowsNode) -> bool:
    quorum = cluster.resources.get(cluster.quorum.resource) if cluster.quorum else None
    if quorum is None:
        return True
    return RESOURCE_TYPES[quorum.type].online(site, quorum, node)


def stop(cluster: ServerCluster, site: Site, node: WindowsNode) -> None:
    """End a node's cluster service in an orderly way: its groups move first, if they can."""
    node.services.stop(SERVICE)
    go(cluster, site, node)


def go(cluster: ServerCluster, site: Site, node: WindowsNode) -> None:
    """Let an orderly node's groups go to another member, or offline without one."""
    member = cluster.member_of(node)
    if member is None or member.state is NodeState.DOWN:
        return
    computer = cluster.computer_of(member)
    rest = [each for each in groups.survivors(cluster) if each != computer]
    for group in cluster.groups.values():
        if group.owner == computer:
            groups.leave(cluster, site, group)
            target = _heir(group.preferred, rest)
            if target:
                groups.hand_over(cluster, site, group, target)
                groups.resume(cluster, site, group)
    _set_state(site, node, member, NodeState.DOWN)


def vanish(cluster: ServerCluster, site: Site, node: WindowsNode) -> None:
    """Let a node be gone without a word: the others will miss it."""
    member = cluster.member_of(node)
    if member is None or member.state is NodeState.DOWN:
        return
    computer = cluster.computer_of(member)
    for group in cluster.groups.values():
        if group.owner == computer:
            groups.lose(cluster, site, group, node)
    if len(groups.survivors(cluster)) > 1:
        site.schedule.plan(SCHEDULED_FOR, f"cluster:miss {node.name}", LOST_AFTER_S)
    else:
        _set_state(site, node, member, NodeState.DOWN)
        _rest(cluster, computer)


def miss(cluster: ServerCluster, site: Site, node: WindowsNode) -> None:
    """Notice that a node sends no heartbeat: it is down, and its groups get another owner."""
    member = cluster.member_of(node)
    if member is None or cluster.is_running(node):
        return
    computer = cluster.computer_of(member)
    _set_state(site, node, member, NodeState.DOWN)
    rest = groups.survivors(cluster)
    if not rest:
        _rest(cluster, computer)
        return
    survivor = site.nodes[cluster.members[rest[0]].node]
    message = (
        f"Cluster node {computer} was removed from the active server cluster membership. Cluster "
        "service may have been stopped on the node, the node may have failed, or the node may "
        "have lost communication with the other active server cluster nodes."
    )
    warn(site, survivor, 1135, message, "Warning")
    for group in cluster.groups.values():
        if group.owner == computer:
            groups.hand_over(cluster, site, group, _heir(group.preferred, rest) or rest[0])
    site.schedule.plan(SCHEDULED_FOR, "cluster:arbitrated", ARBITRATION_S)


def arbitrated(cluster: ServerCluster, site: Site) -> None:
    """Bring online what waits for it at its new owner, the quorum's group first."""
    waiting = [
        group
        for group in cluster.groups.values()
        if any(
            each.state is ResourceState.ONLINE_PENDING
            for each in groups.resources_of(cluster, group)
        )
    ]
    quorum = cluster.quorum.resource if cluster.quorum else ""
    for group in sorted(waiting, key=lambda each: cluster.group_of(quorum) != each.name):
        owner = cluster.members[group.owner]
        if owner.state is NodeState.UP:
            groups.resume(cluster, site, group)


def evict(cluster: ServerCluster, site: Site, computer: str) -> int:
    """Take a node out of the cluster; the last one takes the cluster with it."""
    member = cluster.members[computer]
    node = site.nodes[member.node]
    is_last = len(cluster.members) == 1
    if not is_last and member.state is not NodeState.DOWN:
        return codes.CANNOT_EVICT_ACTIVE_NODE
    if is_last:
        for group in cluster.groups.values():
            groups.leave(cluster, site, group)
    del cluster.members[computer]
    for resource in cluster.resources.values():
        resource.owners = [each for each in resource.owners if each != computer]
    for group in cluster.groups.values():
        group.preferred = [each for each in group.preferred if each != computer]
    site.ledger.changed(node.name, "member of the cluster", cluster.name, None)
    if is_last:
        _end(cluster, site)
    if node.is_on:
        clean_up(cluster, site, node)
    return codes.DONE


def clean_up(cluster: ServerCluster, site: Site, node: WindowsNode) -> None:
    """Make a node what it was before it was configured (`cluster node X /force`).

    A member that is cleaned up stays in the others' configuration until it is evicted; the last
    one leaves nothing behind but the service account among the administrators.
    """
    member = cluster.member_of(node)
    if member is not None:
        go(cluster, site, node)
        if len(cluster.members) == 1:
            del cluster.members[cluster.computer_of(member)]
            _end(cluster, site)
    cluster.foreign.pop(node.name, None)
    before = node.services.find(SERVICE)
    node.services.stop(SERVICE)
    node.services.set_start(SERVICE, DISABLED)
    node.services.set_account(SERVICE, "LocalSystem")
    if before is not None:
        site.ledger.changed(node.name, f"service {SERVICE}", before.start_mode, "Disabled")


def _end(cluster: ServerCluster, site: Site) -> None:
    """Let there be no cluster any more: nobody guards its disks."""
    for resource in cluster.resources.values():
        lun = lun_of(site, resource)
        if lun is not None and site.storage.is_guarded(lun):
            site.storage.release(lun)
    cluster.forget()


def possible_disks(cluster: ServerCluster, site: Site, node: WindowsNode) -> list[str]:
    """Return the disk resources whose disk a node is cabled to and sees."""
    found = []
    for resource in cluster.resources.values():
        lun = lun_of(site, resource)
        if lun is not None and sees(site, node, lun):
            found.append(resource.name)
    return found


def _rest(cluster: ServerCluster, computer: str) -> None:
    """Leave the groups of the last node as they are found when it starts again: offline."""
    for resource in cluster.resources.values():
        if cluster.groups[resource.group].owner == computer:
            resource.state = ResourceState.OFFLINE


def _heir(preferred: Sequence[str], rest: Sequence[str]) -> str:
    """Return who gets a group: its preferred owners first, else the lowest number; "" for none."""
    wanted = [each for each in preferred if each in rest] or list(rest)
    return wanted[0] if wanted else ""


def _set_state(site: Site, node: WindowsNode, member: Member, state: NodeState) -> None:
    if member.state is not state:
        before, member.state = member.state, state
        what = "state in the cluster"
        site.ledger.changed(node.name, what, before.name.lower(), state.name.lower())
