"""net.exe: `net config server`, which shows what file sharing is bound to now.

The Linkage lists show the next start; this is the second way to look. A transport is followed by
its adapter's MAC without separators.
"""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.lab.handlers.surface import Context, Ran, runs

_SYNTAX = (
    "The syntax of this command is:",
    "",
    "",
    "NET [ ACCOUNTS | COMPUTER | CONFIG | CONTINUE | FILE | GROUP | HELP |",
    "      HELPMSG | LOCALGROUP | NAME | PAUSE | PRINT | SEND | SESSION |",
    "      SHARE | START | STATISTICS | STOP | TIME | USE | USER | VIEW ]",
    "",
)


@runs(
    "net.exe",
    source="documented: KB204279 and a dump of 2003 x64 for the transports; inferred: the rest",
)
def net(context: Context, arguments: Sequence[str]) -> Ran:
    """Return what the server service is bound to; every other command prints the syntax."""
    if [each.lower() for each in arguments] not in (["config", "server"], ["config", "srv"]):
        return Ran(1, _SYNTAX)
    node = context.node
    macs = {
        adapter.hardware.guid.lower(): str(adapter.hardware.mac).replace("-", "")
        for adapter in node.connections
        if adapter.ip_enabled
    }
    return Ran(
        0,
        (
            rf"Server Name                           \\{node.computer_name}",
            "Server Comment                        ",
            "",
            "Software version                      Microsoft Windows Server 2003 R2",
            "Server is active on                   ",
            *_transports(node.bound_transports, macs),
            "",
            "",
            "Server hidden                         No",
            "Maximum Logged On Users               Unlimited",
            "Maximum open files per session        16384",
            "",
            "Idle session time (min)               15",
            "The command completed successfully.",
            "",
        ),
    )


PROGRAMS = (net,)


def _transports(bound: Sequence[str], macs: dict[str, str]) -> list[str]:
    lines = []
    for name in bound:
        guid = name.removeprefix("NetBT_Tcpip_").lower()
        if guid in macs:
            lines.append(f"\t{name} ({macs[guid]})")
        elif not name.startswith("NetBT_Tcpip_"):
            lines.append(f"\t{name} (000000000000)")
    return lines
