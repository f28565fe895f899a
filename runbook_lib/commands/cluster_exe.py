"""cluster.exe: forming the cluster, adding a node, and what is changed in it afterwards.

The exit code is the Win32 code of the last error. Creating and adding reach the directory and the
other node, so they run as tasks; everything else asks the node's own cluster service. Each argument
is one element: a comma in one would be lost if PowerShell took it apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from runbook_lib.commands.command import (
    Action,
    Detached,
    Outcome,
    Program,
    Secret,
    SecretText,
    TaskAccount,
)

EXPLAINS: Mapping[int, str] = MappingProxyType(
    {
        5: "access was denied: the account is no administrator of every node it must reach",
        53: "the other node was not found in the network",
        87: "a parameter is not valid",
        1069: "the cluster service could not log on",
        1326: "the user name or the password of the service account is wrong",
        1331: "the service account is disabled",
        1355: "the domain could not be contacted",
        1385: "the service account may not log on as a service",
        1722: "the other node does not answer remote calls: it is off, or a firewall is on",
        1753: "the cluster service does not run there",
        1793: "the service account has expired",
        1907: "the service account's password must be changed first",
        1909: "the service account is locked out",
        5001: "another resource depends on this one",
        5002: "the dependency was not found",
        5003: "the dependency is there already",
        5004: "the resource is not online",
        5007: "there is no resource of this name",
        5009: "a node can be evicted only while it is down, or as the last one",
        5010: "a group or resource of this name exists already",
        5013: "there is no group of this name",
        5015: "the node does not own the resource, or may not",
        5016: "the node does not own the group, or may not",
        5018: "the resource could not be brought online",
        5019: "the resource is online, and must not be for this",
        5020: "the quorum resource is never taken offline or deleted",
        5021: "the resource cannot be a quorum",
        5023: "the group or resource is not in the right state for this",
        5034: "another active node owns the quorum",
        5040: "the cluster has a node of this name already",
        5042: "the cluster has no node of this name",
        5045: "the cluster has no network of this name",
        5050: "the node is down",
        5057: "the cluster's address is in use already",
        5065: "the node is a member of a cluster already",
        5066: "the network is the only way of the active nodes to each other",
        5067: "resources depend on the network to be reached by clients",
        5071: "the node cannot run the resource",
        5077: "the configuration changed while the node joined",
        5079: "the node does not have this type of resource",
        5086: "the quorum disk was not found",
        5894: "the cluster has no network that this address fits into",
        5896: "the node was evicted, but not cleaned up",
        5898: "this computer cannot be a member of a cluster: its edition",
        5900: "the cluster's name is in use already",
        5902: "the failed configuration could not be rolled back",
        5903: "a drive letter of one node clashes with a disk of the other",
    }
)
"""Documented system error codes that cluster.exe ends with, for a reader."""

EXPOSES = (
    (
        "the service account's password stands in a file that administrators of the node can "
        "read, and on the command line of cluster.exe, until the task has ended"
    ),
    "the task's password stands on the command line of schtasks.exe while it is created",
)
_STORED: Mapping[int, Outcome] = MappingProxyType({0: Outcome.DONE, 5024: Outcome.DONE})
_MOVE_S = 50


def create(
    name: str,
    address: tuple[str, str, str],
    node: str,
    *,
    service: TaskAccount,
    account: TaskAccount,
    deadline_s: float,
) -> Action:
    """Form the cluster on one node; address is (address, mask, connection).

    service: whom its service runs as. account: who forms it.
    """
    line = Program(
        "cluster.exe",
        (
            f"/cluster:{name}",
            "/create",
            f"/ipaddress:{','.join(address)}",
            f"/user:{service.user}",
            SecretText("/password:{}", service.password),
            f"/node:{node}",
            "/verbose",
            "/unattended",
        ),
    )
    return _detached(line, account, deadline_s)


def add(name: str, node: str, password: Secret, account: TaskAccount, deadline_s: float) -> Action:
    """Make a node a member; the password is the service account's that the cluster has already."""
    line = Program(
        "cluster.exe",
        (
            f"/cluster:{name}",
            f"/add:{node}",
            SecretText("/password:{}", password),
            "/verbose",
            "/unattended",
        ),
    )
    return _detached(line, account, deadline_s)


def set_quorum(resource: str, path: str) -> Action:
    r"""Let a disk of Cluster Group hold the quorum, in a folder such as Q:\MSCS\."""
    return _run(f"/quorum:{resource}", f"/path:{path}")


def set_network_role(network: str, role: int) -> Action:
    """Use a network for the heartbeat (1), for clients (2), or for both (3); in force at once."""
    return _run("network", network, "/prop", f"Role={int(role)}")


def move_group(group: str, node: str) -> Action:
    """Move a group to a node and wait for it."""
    return _run("group", group, f"/moveto:{node}", f"/wait:{_MOVE_S}")


def move_resource(resource: str, group: str) -> Action:
    """Put a resource into another group; one node must own both."""
    return _run("resource", resource, f"/moveto:{group}")


def add_dependency(resource: str, on: str) -> Action:
    """Let a resource that is offline depend on another one of its group."""
    return _run("resource", resource, f"/adddependency:{on}")


def bring_online(resource: str) -> Action:
    """Bring a resource online, with what it depends on."""
    return _run("resource", resource, "/online", f"/wait:{_MOVE_S}")


def bring_group_online(group: str) -> Action:
    """Bring a group online with all in it."""
    return _run("group", group, "/online", f"/wait:{_MOVE_S}")


def delete_group(group: str) -> Action:
    """Delete a group; only an empty one lets itself be deleted."""
    return _run("group", group, "/delete")


def take_offline(resource: str) -> Action:
    """Take a resource offline, with what depends on it."""
    return _run("resource", resource, "/offline", f"/wait:{_MOVE_S}")


def _run(*words: str) -> Action:
    return Action(Program("cluster.exe", words), accepts=_STORED, explains=EXPLAINS)


def _detached(line: Program, account: TaskAccount, deadline_s: float) -> Action:
    return Action(
        Detached(line, account), explains=EXPLAINS, deadline_s=deadline_s, exposes=EXPOSES
    )
