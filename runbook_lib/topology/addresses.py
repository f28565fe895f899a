"""What an address, a mask and a network card's address may look like, and their arithmetic.

Integers only, on purpose: the standard library's address classes take forms that Windows Server
2003 reads differently (and the tests use them as a second opinion).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook_lib.topology.faults import UnfitError, quoted

ADDRESS = "an IPv4 address such as 192.168.1.11 (four numbers 0 to 255, no leading zeros)"
MASK = "a mask from 128.0.0.0 to 255.255.255.252, ones before zeros"
MAC = "a MAC address such as 00-03-FF-10-00-11"

OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
DOTTED_QUAD = re.compile(rf"{OCTET}(?:\.{OCTET}){{3}}", re.ASCII)
HYPHENS = re.compile(r"[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}", re.ASCII)
COLONS = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}", re.ASCII)
ALL_ONES = 0xFFFFFFFF

SPECIAL = (
    ("0.0.0.0/8 (this network)", 0x00000000, 8),
    ("127.0.0.0/8 (loopback)", 0x7F000000, 8),
    ("169.254.0.0/16 (link-local)", 0xA9FE0000, 16),
    ("224.0.0.0/4 (multicast)", 0xE0000000, 4),
    ("240.0.0.0/4 (reserved)", 0xF0000000, 4),
)
"""Ranges in which no server of a cluster can have its address."""


@dataclass(frozen=True)
class Subnet:
    """An IPv4 network: its first address and how many leading bits are fixed."""

    first: int
    bits: int

    @classmethod
    def around(cls, address: str, mask: str) -> Subnet:
        """Return the network that holds `address`; both have been read by their grammars."""
        ones = number(mask)
        return cls(number(address) & ones, ones.bit_count())

    @property
    def last(self) -> int:
        """Return the broadcast address."""
        return self.first | (ALL_ONES >> self.bits)

    def holds(self, address: str) -> bool:
        """Return whether the address is one of the network's, the two ends included."""
        return self.first <= number(address) <= self.last

    def overlaps(self, other: Subnet) -> bool:
        """Return whether an address is in both."""
        return self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        return f"{dotted(self.first)}/{self.bits}"

    @property
    def usable(self) -> str:
        """Return the range that servers can have, for a message."""
        return f"{dotted(self.first + 1)} to {dotted(self.last - 1)}"


def number(address: str) -> int:
    """Return a dotted quad as a number."""
    return int.from_bytes(bytes(map(int, address.split("."))))


def dotted(address: int) -> str:
    """Return a number as a dotted quad."""
    return ".".join(map(str, address.to_bytes(4)))


def special_range(address: str) -> str | None:
    """Return the special range that holds the address, or None."""
    value = number(address)
    return next(
        (name for name, first, bits in SPECIAL if value >> (32 - bits) == first >> (32 - bits)),
        None,
    )


def parse_address(text: str) -> str:
    """Return a strict dotted quad as it stands."""
    if not DOTTED_QUAD.fullmatch(text):
        raise UnfitError(ADDRESS)
    return text


def parse_mask(text: str) -> str:
    """Return a mask that leaves room for two servers: /1 to /30."""
    if not DOTTED_QUAD.fullmatch(text):
        raise UnfitError(MASK)
    bits = number(text)
    ones = bits.bit_count()
    if bits != ALL_ONES ^ (ALL_ONES >> ones):
        raise UnfitError(MASK, f"{quoted(text)} (a zero before a one)")
    if not 1 <= ones <= 30:
        raise UnfitError(MASK, f"{quoted(text)} (/{ones})")
    return text


def parse_mac(text: str) -> str:
    """Return a network card's own address in capitals with hyphens."""
    if not (HYPHENS.fullmatch(text) or COLONS.fullmatch(text)):
        raise UnfitError(MAC)
    digits = text.upper().replace(":", "-")
    if int(digits[:2], 16) & 1:
        raise UnfitError(f"{MAC}, of one card", f"{quoted(text)} (a group address)")
    if digits == "00-00-00-00-00-00":
        raise UnfitError(MAC)
    return digits
