"""What a person does at the power switches of both machines at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from runbook_lib.lab.world.acts import ActError, Arguments, power_off
from runbook_lib.lab.world.power import Power
from runbook_lib.lab.world.site import Site


def run_alone(site: Site, arguments: Arguments) -> None:
    """Shut the other machine down and leave it off; switch this one on if it is off."""
    wanted = str(arguments.get("node") or "").lower()
    node = next((each for name, each in site.nodes.items() if name.lower() == wanted), None)
    if node is None:
        raise ActError(f"the act needs node, one of {', '.join(site.nodes)}")
    # In this order: the two must never hold the shared disks together.
    power_off(site.other(node), arguments)
    if node.power is Power.OFF:
        node.switch_on()


ACTS: Mapping[str, Callable[[Site, Arguments], None]] = MappingProxyType({"run-alone": run_alone})
