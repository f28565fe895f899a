"""Setup.com of Exchange 2007: its command lines. Setup.exe opens a window: never use it (T12).

The role and the clustered mailbox server are two runs, so that each can be told apart and resumed.
Neither line holds a secret; both need the credentials of a task's own logon.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from runbook_lib.commands.command import Action, Detached, Program, TaskAccount

EXPLAINS: Mapping[int, str] = MappingProxyType(
    {
        1: r"Setup failed; the end of its output and C:\ExchangeSetupLogs say why",
        1625: "a system policy forbids the installation",
        1638: "another build of Exchange is installed",
    }
)
EXPOSES = ("the task's password stands on the command line of schtasks.exe while it is created",)


def program(media: str) -> str:
    """Return the path of Setup.com below the folder with the release's files."""
    return rf"{media}\Setup.com"


def install_role(
    media: str, *, error_reporting: bool = False, legacy_outlook: bool = False
) -> Program:
    """Install the Mailbox role; on a cluster's node its services stay stopped.

    legacy_outlook: give the first mailbox server of an organisation a public folder database.
    """
    words = ["/mode:Install", "/roles:Mailbox"]
    words += ["/EnableErrorReporting"] * error_reporting
    words += ["/EnableLegacyOutlook"] * legacy_outlook
    return Program(program(media), tuple(words))


def new_mailbox_server(media: str, name: str, address: str, data_path: str) -> Program:
    """Make the clustered mailbox server, on shared storage; the node becomes the active one."""
    return Program(
        program(media),
        (
            "/NewCms",
            f"/CMSName:{name}",
            f"/CMSIPAddress:{address}",
            "/CMSSharedStorage",
            f"/CMSDataPath:{data_path}",
        ),
    )


def remove_mailbox_server(media: str, name: str) -> Program:
    """Remove the clustered mailbox server, on the node that owns it; for the way back only."""
    return Program(program(media), ("/RemoveCms", f"/CMSName:{name}"))


def uninstall(media: str) -> Program:
    """Remove Exchange from a node that runs no mailbox server; for the way back only."""
    return Program(program(media), ("/mode:Uninstall",))


def run(line: Program, account: TaskAccount, deadline_s: float) -> Action:
    """Return a run of Setup as a task; `deadline_s` is when nobody waits for its end any more."""
    return Action(
        Detached(line, account), explains=EXPLAINS, deadline_s=deadline_s, exposes=EXPOSES
    )


def in_words(line: Program) -> str:
    """Return a command line as one would type it, for an undo sentence."""
    words = (line.path, *(str(word) for word in line.arguments))
    return " ".join(f'"{word}"' if " " in word else word for word in words)
