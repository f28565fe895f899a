"""The accounts of the parameter file, as commands want them."""

from __future__ import annotations

from runbook_lib.commands.command import Secret, TaskAccount
from runbook_lib.commands.directory import Asked
from runbook_lib.topology.models import Topology


def installer(topology: Topology) -> TaskAccount:
    """Return the account that installs: the one of scheduled tasks and of every second hop."""
    account = topology.accounts.installer
    return TaskAccount(account.user, Secret(str(account.password)))


def cluster_service(topology: Topology) -> TaskAccount:
    """Return the account under which the cluster service runs on both nodes."""
    account = topology.accounts.cluster_service
    return TaskAccount(account.user, Secret(str(account.password)))


def directory(topology: Topology) -> Asked:
    """Return the one question to the directory that all steps of the procedure share."""
    domain = topology.domain
    names = [node.name for node in topology.nodes]
    names += [topology.cluster.name, topology.mailbox_server.name]
    return Asked(
        domain=domain.name,
        controller=domain.controller.address,
        account=installer(topology),
        users=(topology.accounts.installer.user, topology.accounts.cluster_service.user),
        computers=tuple(names),
        hosts=tuple(f"{name}.{domain.name}" for name in names),
    )


def service_logon(topology: Topology) -> Asked:
    """Return the question that is answered if the cluster service's account may log on."""
    domain = topology.domain
    return Asked(domain.name, domain.controller.address, cluster_service(topology))
