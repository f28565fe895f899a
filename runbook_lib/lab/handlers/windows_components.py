"""sysocmgr.exe, which installs and removes the optional components of Windows.

The component manager says nothing and its exit code tells nothing; where files are missing it
asks for them in a dialog, which on a desktop that nobody sees keeps it forever.
"""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.handlers.surface import Context, Ran, runs
from runbook_lib.lab.world import optional_components
from runbook_lib.lab.world.files import NoSuchFileError

_WORDS = {"on": True, "off": False}


class AsksForFilesError(UnsimulatedCommandError):
    """The program waits for a person who is not there."""


@runs(
    "sysocmgr.exe",
    source="documented: an article on its switches, names of components in public inventories; "
    "inferred: silence, exit code 0, the dialog for missing files",
)
def sysocmgr(context: Context, arguments: Sequence[str]) -> Ran:
    """Switch the components of an answer file; without files for one it never ends."""
    given = {word[:3].lower(): word[3:] for word in arguments}
    if "/u:" not in given or not {"/q", "/r"} <= set(given):
        raise UnsimulatedCommandError(
            "The lab has no window for sysocmgr.exe.",
            why=f"it was started with {' '.join(arguments) or 'nothing'}",
            next_step="give it /i:, /u:, /q and /r",
        )
    node = context.node
    try:
        wishes = _wishes(node.files.lines(given["/u:"]))
    except NoSuchFileError:
        return Ran(0)
    news = [
        name
        for name, on in wishes.items()
        if on and not optional_components.is_installed(node, name)
    ]
    if news and not optional_components.finds_files(node):
        raise AsksForFilesError(
            "sysocmgr.exe asks for installation files and never ends.",
            why="SourcePath or ServicePackSourcePath leads nowhere",
            next_step="see to the files first; the lab does not wait forever",
        )
    optional_components.switch(node, wishes)
    return Ran(0)


PROGRAMS = (sysocmgr,)


def _wishes(lines: Sequence[str]) -> dict[str, bool]:
    """Return the section [Components] of an answer file; what is no `name = on` is left out."""
    wishes: dict[str, bool] = {}
    section = ""
    for line in lines:
        text = line.partition(";")[0].strip().lower()
        if text.startswith("["):
            section = text
        name, sign, word = (part.strip() for part in text.partition("="))
        if section == "[components]" and sign and word in _WORDS:
            wishes[name] = _WORDS[word]
    return wishes
