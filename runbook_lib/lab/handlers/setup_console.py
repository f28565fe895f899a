r"""What Exchange Setup says: on its console, 80 columns wide, and in its own log.

A line of the console is a label, dots and how it ended; what goes wrong follows, broken at the
80th column even within a word. The log is appended to, run after run, and its times are local.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from runbook_lib.lab.world.windows_node import TIME_ZONE_MINUTES, WindowsNode

WIDTH = 80
WELCOME = ("Welcome to Microsoft Exchange Server 2007 Unattended Setup",)
PREPARING = ("Preparing Exchange Setup",)
CHECKING = ("Performing Microsoft Exchange Server Prerequisite Check",)
CONFIGURING = ("Configuring Microsoft Exchange Server",)
SUCCEEDED = ("The Microsoft Exchange Server setup operation completed successfully.",)
_INCOMPLETE = (
    "The Exchange Server Setup operation did not complete. For more information, visit "
    "http://support.microsoft.com and enter the Error ID."
)
FAILED = (_INCOMPLETE, "Exchange Server setup encountered an error.")
LOG_FOLDER = r"C:\ExchangeSetupLogs"
LOG_FILE = rf"{LOG_FOLDER}\ExchangeSetup.log"
_LABEL, _DOTS, _ERROR_INDENT = 33, "." * 25, " " * 5


def ended(label: str, *, good: bool) -> str:
    """Return the line of a part that is over."""
    return f"    {label:<{_LABEL}}{_DOTS} {'COMPLETED' if good else 'FAILED'}"


def wrapped(text: str, indent: str = "") -> tuple[str, ...]:
    """Return a text in lines of 80 columns, each begun with blanks."""
    room = WIDTH - len(indent)
    pieces = [text[start : start + room] for start in range(0, len(text), room)]
    return tuple(indent + piece for piece in pieces)


def roles(*names: str) -> tuple[str, ...]:
    """Return which roles are going to be installed."""
    return ("The following server roles will be installed", *(f"    {name}" for name in names))


def failure(label: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Return how a run ends whose part failed."""
    told = [line for text in texts for line in wrapped(text, _ERROR_INDENT)]
    closing = [line for text in FAILED for line in wrapped(text)]
    return (ended(label, good=False), *told, *closing)


def log(node: WindowsNode, *texts: str) -> None:
    """Append texts to the log of Setup on a node; a text may begin with its own depth."""
    local = node.now + timedelta(minutes=TIME_ZONE_MINUTES)
    node.files.append(LOG_FILE, *(f"[{_stamp(local)}] [0] {text}" for text in texts))


def log_begun(node: WindowsNode, user: str, version: str, given: Sequence[tuple[str, str]]) -> None:
    """Append what every run begins with: version, user, parameters."""
    named = [f"Command Line Parameter Name='{name}', Value='{value}'." for name, value in given]
    log(
        node,
        "Starting Microsoft Exchange 2007 Setup",
        f"Setup version: {version}.",
        f"Logged on user: {user}.",
        *named,
    )


def _stamp(at: datetime) -> str:
    half, hour = ("AM" if at.hour < 12 else "PM"), at.hour % 12 or 12
    return f"{at.month}/{at.day}/{at.year} {hour}:{at.minute:02}:{at.second:02} {half}"
