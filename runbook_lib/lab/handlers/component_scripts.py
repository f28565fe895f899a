"""The two constant scripts about Windows' components, as they would answer."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.lab.answers import Bag
from runbook_lib.lab.handlers import installed, powershell
from runbook_lib.lab.handlers.surface import Context, Ran
from runbook_lib.lab.handlers.windows_components import AsksForFilesError
from runbook_lib.lab.world import optional_components
from runbook_lib.lab.world import registry_places as places

ANSWER_FILE = r"C:\runbook\components.txt"
TIMED_OUT = 1460
_RUNTIMES = {"Runtime64": "Framework64", "Runtime32": "Framework"}


def install_components(context: Context, parameters: Mapping[str, object]) -> Ran:
    """Return how the component manager ended, as `install_components.ps1` tells it."""
    files = context.node.files
    lines = [
        f"{powershell.text(powershell.entry(each, 'Name'))} = "
        f"{powershell.text(powershell.entry(each, 'State'))}"
        for each in powershell.as_list(parameters.get("Components"))
        if each is not None
    ]
    files.write_lines(ANSWER_FILE, ["[Components]", *lines])
    words = (r"/i:C:\WINDOWS\inf\sysoc.inf", f"/u:{ANSWER_FILE}", "/q", "/r")
    try:
        ran = installed.run_program(context, "sysocmgr.exe", words)
    except AsksForFilesError:
        seconds = powershell.text(parameters.get("Seconds"))
        return Ran(TIMED_OUT, (f"sysocmgr.exe was ended after {seconds} seconds",))
    finally:
        files.remove(ANSWER_FILE)
    return Ran(0, (f"sysocmgr.exe ended with code {ran.exit_code}",))


def read_components(context: Context, _parameters: Mapping[str, object]) -> tuple[Bag, ...]:
    """Return the one object of `read_components.ps1`."""
    node = context.node
    mmc = r"C:\WINDOWS\system32\mmc.exe"
    # A program's file holds nothing here but its version.
    found: dict[str, object] = {
        "Mmc": node.files.lines(mmc)[0] if node.files.is_file(mmc) else None
    }
    for name, folder in _RUNTIMES.items():
        path = rf"C:\WINDOWS\Microsoft.NET\{folder}\v2.0.50727\mscorwks.dll"
        found[name] = node.files.is_file(path)
    for value, name in (("SourcePath", "Source"), ("ServicePackSourcePath", "ServicePack")):
        path = node.registry.text(places.SETUP, value)
        found[value] = path
        found[f"{name}Found"] = optional_components.finds_at(node, path)
    found["ManagerRuns"] = False
    return (Bag(found, powershell.CUSTOM),)
