"""The accounts of the parameter file, as commands want them."""

from __future__ import annotations

from runbook_lib.commands.command import Secret, TaskAccount
from runbook_lib.topology.models import Topology


def installer(topology: Topology) -> TaskAccount:
    """Return the account that installs: the one of scheduled tasks and of every second hop."""
    account = topology.accounts.installer
    return TaskAccount(account.user, Secret(str(account.password)))


def cluster_service(topology: Topology) -> TaskAccount:
    """Return the account under which the cluster service runs on both nodes."""
    account = topology.accounts.cluster_service
    return TaskAccount(account.user, Secret(str(account.password)))
