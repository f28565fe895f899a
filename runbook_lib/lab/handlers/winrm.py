"""Get-ChildItem on the WSMan: drive: the settings of remote shells, and nothing else there."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.answers import Bag
from runbook_lib.lab.handlers import powershell
from runbook_lib.lab.handlers.surface import Answer, Context, answers
from runbook_lib.lab.server.winrm_config import Quotas, shell_settings

_SHELL = r"wsman:\localhost\shell"
_LEAF = "Microsoft.WSMan.Management.WSManConfigLeafElement"
_TYPES = (_LEAF, "Microsoft.WSMan.Management.WSManConfigElement", "System.Object")


@answers(
    "Get-ChildItem",
    parameters="Path",
    refuses="LiteralPath Filter Include Exclude Recurse Force Name UseTransaction",
    implementation="Microsoft.PowerShell.Commands.GetChildItemCommand",
    source=(
        "documented: help of the WSMan provider, class of its leaves; "
        "documented: values of a dump of WinRM 2.0; "
        "inferred: order of the settings, and that 2.0 gives numbers as text"
    ),
)
def get_child_item(_context: Context, parameters: Mapping[str, object]) -> Answer:
    r"""Return one object for each setting below WSMan:\localhost\Shell."""
    path = powershell.text(parameters.get("Path"))
    if path.lower().rstrip("\\") != _SHELL:
        raise UnsimulatedCommandError(
            f"The lab lists nothing at {path or 'the current location'}.",
            why=r"of all drives only WSMan:\localhost\Shell can be listed",
            next_step="add it to runbook_lib/lab/handlers/winrm.py",
        )
    # What a lab's wire keeps to can be set for a test; a node tells the defaults all the same.
    settings = shell_settings(Quotas())
    return Answer(
        tuple(
            Bag({"Name": name, "Type": "System.String", "Value": str(value)}, _TYPES)
            for name, value in settings.items()
        )
    )


CMDLETS = (get_child_item,)
