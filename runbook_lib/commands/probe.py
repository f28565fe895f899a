"""Whether somebody uses an address: asked from a node, on whose networks it would matter.

ping alone is not enough: a host may keep silent and still hold its address, which only the table
of ARP shows. ping's exit code says nothing either: "unreachable" counts as a reply there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from runbook_lib.commands import rows
from runbook_lib.commands.command import Answer, Program, Query, Read

_COUNT = "2"
_MAC = re.compile(r"([0-9a-f]{2}(?:-[0-9a-f]{2}){5})", re.IGNORECASE)
_REPLY = "TTL="


def replies(addresses: Sequence[str]) -> Query[Mapping[str, bool]]:
    """Return of each address whether a host replies to a ping."""

    def parse(answers: Sequence[Answer]) -> Mapping[str, bool]:
        return {
            address: _has_reply(answer) for address, answer in zip(addresses, answers, strict=True)
        }

    return Query(tuple(_ping(address) for address in addresses), parse)


def holders(addresses: Sequence[str]) -> Query[Mapping[str, str | None]]:
    """Return of each address who holds it, in words; None where nobody does."""

    def parse(answers: Sequence[Answer]) -> Mapping[str, str | None]:
        pairs = zip(answers[0::2], answers[1::2], strict=True)
        return {
            address: _holder(ping, table)
            for address, (ping, table) in zip(addresses, pairs, strict=True)
        }

    reads = tuple(read for address in addresses for read in (_ping(address), _table_entry(address)))
    return Query(reads, parse)


def _ping(address: str) -> Read:
    return Read(Program("ping.exe", ("-n", _COUNT, address)))


def _table_entry(address: str) -> Read:
    return Read(Program("arp.exe", ("-a", address)))


def _lines(answer: Answer) -> tuple[str, ...]:
    return rows.texts(rows.only_row(rows.answered(answer)), "Output")


def _has_reply(answer: Answer) -> bool:
    return any(_REPLY in line.upper() for line in _lines(answer))


def _holder(ping: Answer, table: Answer) -> str | None:
    found = _MAC.search("\n".join(_lines(table)))
    if found is not None:
        return f"the machine with the MAC address {rows.mac(found[1])}"
    return "a machine that replies to ping" if _has_reply(ping) else None
