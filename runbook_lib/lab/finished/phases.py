"""What finished phases leave on the site, so that a lab can start behind them.

The lab says it in its own words and with its own tools: nothing here comes from the steps, and a
test holds the result equal to the world after the phases were really run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from runbook_lib.lab import scenarios
from runbook_lib.lab.finished import (
    configure_networks,
    form_cluster,
    install_exchange_active_node,
    install_exchange_passive_node,
    install_windows_components,
    join_domain,
    join_second_node,
    prepare_shared_disks,
    prove_failover,
)
from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world.site import Site

Finish = Callable[[Site, Inputs], None]

FINISHED: Mapping[str, Finish] = MappingProxyType(
    {
        "10_configure_networks": configure_networks.finish,
        "20_join_domain": join_domain.finish,
        "30_prepare_shared_disks": prepare_shared_disks.finish,
        "40_form_cluster": form_cluster.finish,
        "50_join_second_node": join_second_node.finish,
        "60_install_windows_components": install_windows_components.finish,
        "70_install_exchange_active_node": install_exchange_active_node.finish,
        "80_install_exchange_passive_node": install_exchange_passive_node.finish,
        "90_prove_failover": prove_failover.finish,
    }
)
"""Phase -> what it leaves behind; a phase that only reads leaves nothing."""


def before(scenario: str) -> tuple[Finish, ...]:
    """Return what brings a factory site to a scenario, in the order of the phases."""
    phase = scenario.removeprefix("before:")
    if phase not in scenarios.PHASES:
        return ()
    earlier = scenarios.PHASES[: scenarios.PHASES.index(phase)]
    return tuple(FINISHED[each] for each in earlier if each in FINISHED)
