"""WMI classes of files and processes, as far as somebody asks for them.

A program's file holds nothing here but its version. Of processes only those at work are listed:
what Windows itself runs answers no question of the procedure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from runbook_lib.lab.handlers.surface import Context, Instance, lists
from runbook_lib.lab.world.files import Files

_VERSIONED = (".com", ".exe", ".dll", ".msi")
_IMAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"setup": ("Setup.com", "ExSetup.exe"), "cluster": ("cluster.exe",)}
)
"""First word of a procedure's name -> the programs that are at work in it."""


@lists(
    "CIM_DataFile",
    key="Name",
    source="documented: CIM_DataFile; inferred: versions of the simulated files",
)
def data_files(context: Context) -> Sequence[Instance]:
    """Return the files of the local drive."""
    return list(_files("c:", context.node.files))


def _files(drive: str, files: Files) -> Iterator[Instance]:
    for path in files.paths:
        if path.endswith("\\"):
            continue
        name = f"{drive}{path[2:] if path[1:2] == ':' else path}".lower()
        yield {
            "Name": name,
            "Drive": drive,
            "Extension": name.rpartition(".")[2],
            "Version": files.read(path).strip() if name.endswith(_VERSIONED) else None,
        }


@lists(
    "Win32_Process",
    key="Handle",
    source="documented: Win32_Process; inferred: which processes there are",
)
def processes(context: Context) -> Sequence[Instance]:
    """Return the system's own process and what the tasks of the node have at work."""
    names = ["System"]
    for task in context.site.tasks.of(context.node.name):
        if task.is_running:
            names.append("cmd.exe")
            word = task.process.procedure.partition(" ")[0] if task.process else ""
            names += _IMAGES.get(word, ())
    return [
        {"Handle": str(4 + 400 * number), "ProcessId": 4 + 400 * number, "Name": name}
        for number, name in enumerate(names)
    ]


CLASSES = (data_files, processes)
