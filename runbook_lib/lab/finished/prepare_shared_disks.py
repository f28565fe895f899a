"""Phase 30 as it is left behind: disks with letters on both nodes, the first node running alone."""

from __future__ import annotations

from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world.site import Site
from runbook_lib.lab.world.windows_node import WindowsNode

OFFSET = 65536
"""Where a partition begins that is aligned to 64 KB."""


def finish(site: Site, inputs: Inputs) -> None:
    """Leave the volumes prepared and marked by both nodes, as if each had run alone in turn."""
    first, second = site.nodes.values()
    second.switch_off()
    for wish in inputs.disks:
        site.storage.create_partition(first, wish.lun, OFFSET)
        site.storage.assign(first, wish.lun, wish.letter)
        site.storage.format(wish.lun, "NTFS", wish.label)
    _mark(site, first, inputs)
    first.switch_off()
    second.start_at_once()
    for wish in inputs.disks:
        site.storage.assign(second, wish.lun, wish.letter)
    _mark(site, second, inputs)
    second.switch_off()
    first.start_at_once()


def _mark(site: Site, node: WindowsNode, inputs: Inputs) -> None:
    for wish in inputs.disks:
        files = site.storage.files(node, wish.letter)
        signature = site.storage.signature(wish.lun)
        if files is None or signature is None:
            raise ValueError(f"{wish.letter} cannot be read on {node.name}")
        line = (
            f"scc-runbook: {node.name} saw LUN {wish.lun} as {wish.letter} "
            f"with signature {signature:08X}"
        )
        files.write_lines(rf"\scc-runbook-{node.name}.txt", [line])
