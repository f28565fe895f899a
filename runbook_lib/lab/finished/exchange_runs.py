"""Runs of Setup that a starting state has behind it: to their end, while no time passes."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.lab.handlers import installed
from runbook_lib.lab.handlers.setup_com import setup_com
from runbook_lib.lab.handlers.surface import Context
from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world.site import LogonKind, Site, Token
from runbook_lib.lab.world.windows_node import WindowsNode

ROLE = ("/mode:Install", "/roles:Mailbox")
WORK_FOLDER = r"C:\runbook"
FOR_OLD_CLIENTS = "/EnableLegacyOutlook"


def run_setup(site: Site, node: WindowsNode, inputs: Inputs, words: Sequence[str]) -> None:
    """Run Setup on a node under the installer's account; RuntimeError when it does not succeed."""
    token = Token(inputs.domain.accounts["installer"], LogonKind.BATCH)
    context = Context(node, site, token)
    ran = installed.at_once(context, setup_com.function(context, words))
    if ran.exit_code:
        raise RuntimeError(f"Setup on {node.name} did not succeed: {' '.join(ran.lines)}")
    # Whoever runs a task on the node takes its folder away at the end, if nothing else is in it.
    if node.files.is_folder(WORK_FOLDER) and not node.files.names(WORK_FOLDER):
        node.files.remove_folder(WORK_FOLDER)
