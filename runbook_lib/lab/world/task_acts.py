"""What a person does to the nodes' tasks: who may log on for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from runbook_lib.lab.world.acts import Arguments
from runbook_lib.lab.world.site import Site


def deny_batch_logon(site: Site, arguments: Arguments) -> None:
    """Let a node's policy (`node`) refuse everybody the logon as a batch job."""
    _set_denied(site, arguments, denied=True)


def allow_batch_logon(site: Site, arguments: Arguments) -> None:
    """Take that back."""
    _set_denied(site, arguments, denied=False)


def _set_denied(site: Site, arguments: Arguments, *, denied: bool) -> None:
    name = str(arguments.get("node", "")).lower()
    node = next(each for each in site.nodes.values() if each.name.lower() == name)
    refusing = site.tasks.without_batch_right
    before = node.name in refusing
    (refusing.add if denied else refusing.discard)(node.name)
    node.changed("log on as a batch job denied", before, denied)


ACTS: Mapping[str, Callable[[Site, Arguments], None]] = MappingProxyType(
    {"deny-batch-logon": deny_batch_logon, "allow-batch-logon": allow_batch_logon}
)
