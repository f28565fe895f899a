"""Phase 20 as it is left behind: both nodes are members and were restarted."""

from __future__ import annotations

from runbook_lib.lab.handlers.shutdown_exe import shutdown
from runbook_lib.lab.handlers.surface import Context
from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world import domain_membership
from runbook_lib.lab.world.site import Site, Token
from runbook_lib.lab.world.windows_node import WindowsNode


def finish(site: Site, inputs: Inputs) -> None:
    """Leave both nodes as members of the domain, in force since their restart."""
    for node in site.nodes.values():
        _join(site, node, inputs)
    for node in site.nodes.values():
        comment = "scc-runbook 20_join_domain"
        words = ("/r", "/t", "0", "/d", "p:2:4", "/c", comment)
        shutdown.function(Context(node, site, Token(inputs.administrator)), words)
        node.restart_at_once()


def _join(site: Site, node: WindowsNode, inputs: Inputs) -> None:
    installer = inputs.domain.accounts["installer"]
    account = site.domain.account(installer)
    password = site.domain.password_of(account) if account else None
    code = domain_membership.join(
        site.domain, node, site.domain.facts.name, installer, password or "", unit=inputs.unit
    )
    if code:
        raise ValueError(f"{node.name} cannot join the domain: error {code}")
