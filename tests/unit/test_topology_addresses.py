"""Addresses and masks against a second opinion: the standard library's arithmetic alone."""

from __future__ import annotations

import ipaddress
import itertools
import re
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.topology.document import Document, parse
from runbook_lib.topology.leaf import Scalar
from runbook_lib.topology.loading import _read
from tests.builders import LAB, examples

SOME_ADDRESSES = st.sampled_from(
    [
        *("192.168.1.1", "192.168.1.10", "192.168.1.11", "192.168.1.12", "192.168.1.0"),
        *("192.168.1.255", "192.168.1.127", "192.168.1.128", "192.168.2.5", "10.10.10.1"),
        *("10.10.10.2", "10.10.10.3", "10.10.10.255", "0.0.0.0", "127.0.0.1", "169.254.7.7"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "172.16.0.1"),
        *("010.0.0.1", "10.1", "0x7f.1.1.1", "::1", "1.2.3.256", "1.2.3.4.5", "1.2.3"),
    ]
)
MASKS = st.one_of(
    st.sampled_from(["255.255.255.0", "255.255.255.128", "255.255.255.252", "255.0.0.0"]),
    st.integers(0, 32).map(lambda bits: str(ipaddress.ip_network(f"0.0.0.0/{bits}").netmask)),
    st.integers(0, 0xFFFFFFFF).map(lambda number: str(ipaddress.IPv4Address(number))),
)
PUBLIC = ("nodes[0].public.address", "nodes[1].public.address")
PRIVATE = ("nodes[0].private.address", "nodes[1].private.address")
SERVERS = ("networks.public.gateway", "cluster.address", "mailbox_server.address")
ELSEWHERE = ("domain.controller.address", "networks.public.dns[0]")


@examples(2.5)
@given(
    st.dictionaries(
        st.sampled_from([*PUBLIC, *PRIVATE, *SERVERS, *ELSEWHERE]), SOME_ADDRESSES, max_size=3
    ),
    st.dictionaries(st.sampled_from(["networks.public.mask", "networks.private.mask"]), MASKS),
)
def test_addresses_are_taken_exactly_when_a_second_opinion_takes_them(
    addresses: dict[str, str], masks: dict[str, str]
) -> None:
    document = with_texts({**addresses, **masks})
    texts = {path: scalar.text for path, scalar in document.scalars.items()}
    topology, faults, _ = _read(document)

    assert (topology is not None and not faults) == second_opinion(texts)


GOOD = parse(LAB.read_text())


def with_texts(texts: dict[str, str]) -> Document:
    """Return the rehearsal's document with other texts for some leaves."""
    tree = deepcopy(GOOD.tree)
    for path, text in texts.items():
        replace_leaf(tree, path, text)
    scalars = {path: Scalar(text, path) for path, text in texts.items()}
    return Document(tree, GOOD.lines, GOOD.kinds, {**GOOD.scalars, **scalars}, whole=True)


def replace_leaf(tree: Any, path: str, text: str) -> None:
    *before, last = [int(part) if part.isdigit() else part for part in re.findall(r"\w+", path)]
    for part in before:
        tree = tree[part]
    tree[last] = Scalar(text, path)


def second_opinion(texts: dict[str, str]) -> bool:
    """Return whether addresses and masks are good, by the standard library's arithmetic."""
    try:
        found = {
            path: ipaddress.IPv4Address(texts[path])
            for path in (*PUBLIC, *PRIVATE, *SERVERS, *ELSEWHERE)
        }
        public, private = (
            ipaddress.IPv4Network(f"{texts[node]}/{mask_bits(texts[mask])}", strict=False)
            for node, mask in (
                (PUBLIC[0], "networks.public.mask"),
                (PRIVATE[0], "networks.private.mask"),
            )
        )
    except ValueError:
        return False
    for address in found.values():
        if (
            address.is_multicast
            or address.is_reserved
            or address.is_loopback
            or address.is_link_local
            or address in ipaddress.IPv4Network("0.0.0.0/8")
        ):
            return False
        for network in (public, private):
            if address in {network.network_address, network.broadcast_address}:
                return False
    equal = [
        pair
        for pair in itertools.combinations(found, 2)
        if found[pair[0]] == found[pair[1]] and pair != ELSEWHERE
    ]
    return (
        not equal
        and not public.overlaps(private)
        and all(found[path] in public for path in (*PUBLIC, *SERVERS))
        and all(found[path] in private for path in PRIVATE)
        and all(found[path] not in private for path in ELSEWHERE)
    )


def mask_bits(text: str) -> int:
    """Return the prefix length of a mask; raises ValueError for what is none of /1 to /30."""
    bits = f"{int(ipaddress.IPv4Address(text)):032b}"
    length = len(bits.rstrip("0"))
    if "0" in bits[:length] or not 1 <= length <= 30:
        message = "no mask for two servers"
        raise ValueError(message)
    return length
