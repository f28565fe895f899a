"""Phase 60 as it is left behind: the components on, TCP offload off, on both nodes."""

from __future__ import annotations

from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world import optional_components
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.site import Site

COMPONENTS = ("complusnetwork", "iis_common", "iis_inetmgr", "iis_www")
OFFLOAD = ("EnableTCPChimney", "EnableRSS", "EnableTCPA")


def finish(site: Site, _inputs: Inputs) -> None:
    """Leave COM+ access, IIS and its web service, and no work for the network cards."""
    for node in site.nodes.values():
        optional_components.switch(node, dict.fromkeys(COMPONENTS, True))
        for name in OFFLOAD:
            node.registry.put(places.TCPIP, name, 0)
        # Where the answer file was.
        node.files.make_folder(r"C:\runbook")
