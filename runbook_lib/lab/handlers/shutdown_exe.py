"""shutdown.exe: restart, shut down, take it back.

Silent with exit 0 when accepted; otherwise a text that ends in the Win32 code, which is also the
exit code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.lab.handlers.surface import Context, Ran, runs
from runbook_lib.lab.world.power import GoingDown

DEFAULT_WARNING_S = 30
LONGEST_WARNING_S = 600
ACCESS_DENIED = 5
IN_PROGRESS = 1115
NOT_IN_PROGRESS = 1116
LONGEST_COMMENT = 127
_REASON = re.compile(r"(u|p|u:|p:)?\d{1,3}:\d{1,5}", re.IGNORECASE)
_USAGE = (
    "Usage: shutdown [/i | /l | /s | /r | /a | /p | /h | /e] [/f]",
    r'    [/m \\computer][/t xxx][/d [p:]xx:yy [/c "comment"]]',
)


@dataclass
class _Wish:
    then: GoingDown | None = None
    takes_back: bool = False
    warning_s: int = DEFAULT_WARNING_S
    comment: str = ""
    reason: str = ""
    elsewhere: bool = False


@runs(
    "shutdown.exe",
    source="documented: shutdown of Windows Server 2003; inferred: the usage text",
)
def shutdown(context: Context, arguments: Sequence[str]) -> Ran:
    """Begin to go down after the warning time, or stay up after all."""
    wish = _parse([*arguments])
    node = context.node
    if wish is None or (wish.then is None and not wish.takes_back):
        return Ran(1, _USAGE)
    if wish.elsewhere:
        # The session has no credentials for another machine.
        return Ran(ACCESS_DENIED, (f"Access is denied.({ACCESS_DENIED})",))
    if wish.takes_back:
        if node.going_down is None:
            text = "Unable to abort the system shutdown because no shutdown was in progress."
            return Ran(NOT_IN_PROGRESS, (f"{text}({NOT_IN_PROGRESS})",))
        node.abort_shutdown()
        return Ran(0)
    if node.going_down is not None or wish.then is None:
        return Ran(IN_PROGRESS, (f"A system shutdown is in progress.({IN_PROGRESS})",))
    node.events.write(node.clock.now(), "USER32", 1074, _event(context, wish))
    node.shut_down(wish.then, after_s=wish.warning_s)
    return Ran(0)


PROGRAMS = (shutdown,)


def _parse(arguments: list[str]) -> _Wish | None:
    """Return what is asked for; None for what shutdown.exe answers with its usage."""
    wish = _Wish()
    while arguments:
        switch = arguments.pop(0)
        if switch[:1] not in ("/", "-"):
            return None
        name = switch[1:].lower()
        if name in ("r", "s", "p"):
            wish.then = GoingDown.RESTART if name == "r" else GoingDown.POWER_OFF
        elif name == "a":
            wish.takes_back = True
        elif name in ("t", "c", "d", "m") and arguments:
            if not _take(wish, name, arguments.pop(0)):
                return None
        elif name != "f":
            return None
    return wish


def _take(wish: _Wish, name: str, value: str) -> bool:
    if name == "t":
        if not value.isdigit() or int(value) > LONGEST_WARNING_S:
            return False
        wish.warning_s = int(value)
    elif name == "c":
        if len(value) > LONGEST_COMMENT:
            return False
        wish.comment = value
    elif name == "d":
        if not _REASON.fullmatch(value):
            return False
        wish.reason = value
    else:
        wish.elsewhere = True
    return True


def _event(context: Context, wish: _Wish) -> str:
    computer = context.node.computer_name
    kind = "restart" if wish.then is GoingDown.RESTART else "shutdown"
    return (
        f"The process shutdown.exe has initiated the {kind} of computer {computer} on behalf of "
        f"user {context.user} for the following reason: {_why(wish.reason)}\r\n"
        f" Reason Code: {_reason_code(wish.reason)}\r\n"
        f" Shutdown Type: {kind}\r\n Comment: {wish.comment}"
    )


def _why(reason: str) -> str:
    planned = "Planned" if reason.lower().startswith("p") else "Unplanned"
    return f"Operating System: Reconfiguration ({planned})" if reason else "No title"


def _reason_code(reason: str) -> str:
    if not reason:
        return "0x800000ff"
    major, minor = (int(part) for part in reason.lower().lstrip("up:").split(":"))
    planned = 0x80000000 if reason.lower().startswith("p") else 0
    return f"0x{planned | major << 16 | minor:x}"
