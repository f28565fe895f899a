"""ping.exe and hostname.exe: who answers on a node's segments, and what the node calls itself."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Interface

from runbook_lib.lab.handlers.surface import Context, Ran, runs
from runbook_lib.lab.world import ip_settings
from runbook_lib.lab.world import registry_places as places

USUAL_COUNT = 4


@runs(
    "ping.exe",
    source="documented: ping help; inferred: the lines of output",
)
def ping(context: Context, arguments: Sequence[str]) -> Ran:
    """Ask an address of a segment that the node has an address in; names are not resolved."""
    words = list(arguments)
    count = USUAL_COUNT
    if len(words) > 1 and words[0].lower() in ("-n", "/n") and words[1].isdigit():
        count = int(words[1])
        words = words[2:]
    if len(words) != 1 or words[0].startswith("-"):
        return Ran(1, ("", "Usage: ping [-t] [-a] [-n count] target_name", ""))
    [target] = words
    if not ip_settings.is_address(target):
        text = f"Ping request could not find host {target}. "
        return Ran(1, (f"{text}Please check the name and try again.",))
    answered = _answers(context, target)
    line = f"Reply from {target}: bytes=32 time<1ms TTL=128" if answered else "Request timed out."
    received = count if answered else 0
    lost = count - received
    share = 100 if lost else 0
    lines = [
        "",
        f"Pinging {target} with 32 bytes of data:",
        "",
        *([line] * count),
        "",
        f"Ping statistics for {target}:",
        f"    Packets: Sent = {count}, Received = {received}, Lost = {lost} ({share}% loss),",
    ]
    if answered:
        lines += [
            "Approximate round trip times in milli-seconds:",
            "    Minimum = 0ms, Maximum = 0ms, Average = 0ms",
        ]
    return Ran(0 if answered else 1, tuple(lines))


@runs("hostname.exe", source="documented: hostname help")
def hostname(context: Context, arguments: Sequence[str]) -> Ran:
    """Return the running host name, in the case in which it was given."""
    if arguments:
        return Ran(1, ("sethostname: Use the Network Control Panel Applet to set hostname.",))
    return Ran(0, (context.node.registry.text(places.TCPIP, "Hostname"),))


PROGRAMS = (ping, hostname)


def _answers(context: Context, target: str) -> bool:
    """Tell whether the target answers on a segment in whose subnet the node has an address."""
    node = context.node
    for adapter in node.connections:
        for address, mask in () if adapter.conflict else adapter.addresses:
            segment = adapter.hardware.segment
            if address == target:
                return True
            if (
                segment is None
                or IPv4Address(target) not in IPv4Interface(f"{address}/{mask}").network
            ):
                continue
            holder = node.site.holder(segment, target, besides=adapter.hardware.mac or "")
            if holder is not None and holder.answers_ping:
                return True
    return False
