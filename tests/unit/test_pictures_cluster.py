"""The drawing of both nodes and their networks."""

from __future__ import annotations

import copy
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.pictures.cluster import Picture, cluster_svg, cluster_text, differs

SVG = "{http://www.w3.org/2000/svg}"
ACTIVE = re.compile(r"(?i)<script|<iframe|<object|<embed| on[a-z]+=|javascript:|https?://|url\(")


def adapter(mac: str, network: str | None, **facts: Any) -> dict[str, Any]:
    return {
        "mac": mac,
        "connection": "Local Area Connection",
        "status": "connected",
        "address": "192.168.1.101",
        "mask": "255.255.255.0",
        "gateway": "",
        "dns": [],
        "dhcp": True,
        "dns_registration": True,
        "netbios": "default",
        "lmhosts": True,
        "file_sharing": True,
        "order": 0,
        "network": network,
    } | facts


def node(name: str, wanted: str, *adapters: dict[str, Any], power: str = "on") -> dict[str, Any]:
    return {"name": name, "wanted_name": wanted, "power": power, "adapters": list(adapters)}


@pytest.fixture
def before() -> dict[str, Any]:
    return {
        "title": "before 10_configure_networks",
        "networks": [
            {"name": "Public", "subnet": "192.168.1.0/24"},
            {"name": "Private", "subnet": "10.10.10.0/24"},
        ],
        "nodes": [
            node("WIN-A", "Node1", adapter("00-01", "Public"), adapter("00-02", "Private")),
            node("WIN-B", "Node2", adapter("00-03", "Public"), adapter("00-04", "Private")),
        ],
    }


def marked(svg: str) -> list[tuple[str, str]]:
    """Return (visible text, tooltip) of everything drawn as changed."""
    found = []
    for group in ET.fromstring(svg).iter():
        title = group.find(f"{SVG}title")
        if title is None:
            continue
        if 'rb-new"' in ET.tostring(group, encoding="unicode"):
            texts = [
                "".join(part.itertext())
                for part in group
                if part.tag in {f"{SVG}tspan", f"{SVG}text"}
            ]
            found.append((texts[-1], "".join(title.itertext())))
    return found


def test_a_drawing_is_a_document_that_names_what_it_shows(before: dict[str, Any]) -> None:
    root = ET.fromstring(Picture(before).svg())

    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert root.get("aria-label") == "before 10_configure_networks: WIN-A, WIN-B"
    for fact in ("WIN-A", "wished: Node1", "power on", "192.168.1.101", "10.10.10.0/24", "order 1"):
        assert fact in texts


def test_without_an_earlier_picture_nothing_is_marked(before: dict[str, Any]) -> None:
    svg = Picture(before).svg()

    assert marked(svg) == []
    assert "changed since before" not in svg


def test_a_picture_equal_to_the_earlier_one_has_no_marks(before: dict[str, Any]) -> None:
    assert marked(Picture(before, copy.deepcopy(before)).svg()) == []


@pytest.mark.parametrize(
    ("fact", "value", "mark"),
    [
        ("connection", "Public", ("Public", "before: Local Area Connection")),
        ("address", "192.168.1.11", ("192.168.1.11", "before: 192.168.1.101")),
        ("mask", "255.255.0.0", ("255.255.0.0", "before: 255.255.255.0")),
        ("gateway", "192.168.1.1", ("192.168.1.1", "before: none")),
        ("dns", ["192.168.1.10"], ("192.168.1.10", "before: none")),
        ("order", 1, ("order 2", "before: order 1")),
        ("status", "disconnected", ("disconnected", "before: connected")),
        ("dhcp", False, ("DHCP", "DHCP: off, before: on")),
        ("dns_registration", False, ("DNS reg.", "DNS reg.: off, before: on")),
        ("netbios", "off", ("NetBIOS", "NetBIOS: off, before: default")),
        ("lmhosts", None, ("LMHOSTS", "LMHOSTS: unknown, before: on")),
        ("file_sharing", False, ("Sharing", "Sharing: off, before: on")),
    ],
)
def test_a_changed_fact_is_marked_with_what_it_was(
    before: dict[str, Any], fact: str, value: object, mark: tuple[str, str]
) -> None:
    after = copy.deepcopy(before)
    after["nodes"][1]["adapters"][0][fact] = value

    assert marked(Picture(after, before).svg()) == [mark]
    assert differs(before, after)


def test_a_renamed_node_is_marked_and_no_longer_wished(before: dict[str, Any]) -> None:
    after = copy.deepcopy(before)
    after["nodes"][0]["name"] = "NODE1"

    svg = Picture(after, before).svg()

    assert marked(svg) == [("NODE1", "before: WIN-A")]
    assert "wished: Node1" not in svg
    assert "wished: Node2" in svg


def test_titles_alone_make_no_difference(before: dict[str, Any]) -> None:
    assert not differs(before, {**before, "title": "after"})


def test_a_card_that_is_cut_off_hangs_on_a_broken_wire(before: dict[str, Any]) -> None:
    before["nodes"][0]["adapters"][1]["status"] = "disconnected"

    wires = re.findall(r'class="(rb-wire[^"]*)"', cluster_svg(before))

    assert sorted(wires) == [
        "rb-wire rb-k0", "rb-wire rb-k0", "rb-wire rb-k1", "rb-wire rb-k1 rb-cut",
    ]  # fmt: skip


def test_cards_are_drawn_beside_their_network_whatever_their_order(before: dict[str, Any]) -> None:
    swapped = copy.deepcopy(before)
    swapped["nodes"][0]["adapters"].reverse()

    assert cluster_svg(swapped) == cluster_svg(before)


def test_a_card_of_no_network_has_no_wire(before: dict[str, Any]) -> None:
    before["nodes"][0]["adapters"].append(adapter("00-05", None, connection="Backup"))

    svg = cluster_svg(before)

    assert svg.count("rb-wire") == 4
    assert "Backup" in svg


def test_a_missing_card_is_told(before: dict[str, Any]) -> None:
    before["nodes"][0]["adapters"].pop()

    assert "no card for Private" in cluster_svg(before)


def test_no_card_of_a_node_that_is_off_is_called_missing(before: dict[str, Any]) -> None:
    before["nodes"][0] |= {"power": "off", "adapters": []}

    svg = cluster_svg(before)

    assert "no card" not in svg
    assert "Private: not seen" in svg


def test_a_drawing_for_a_page_brings_neither_style_nor_address(before: dict[str, Any]) -> None:
    svg = cluster_svg(before, before)

    assert not ACTIVE.search(svg)
    assert "style" not in svg
    assert "xmlns" not in svg


def test_hostile_names_stay_text(before: dict[str, Any]) -> None:
    hostile = '"><script>alert(1)</script><a href="https://x" onclick="y">\u202e\x1b]'
    before["title"] = before["nodes"][0]["name"] = before["networks"][0]["name"] = hostile
    before["nodes"][0]["adapters"][0]["connection"] = hostile
    plain = copy.deepcopy(before)
    plain["title"] = "x"

    svg = cluster_svg(before, plain)

    kinds = {element.tag for element in ET.fromstring(svg).iter()}
    assert kinds <= {"svg", "rect", "text", "tspan", "path", "circle", "g", "title"}
    assert not ACTIVE.search(svg)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", svg)


def test_the_text_form_has_a_line_for_each_node_and_card(before: dict[str, Any]) -> None:
    before["nodes"] = before["nodes"][:1]
    before["nodes"][0]["adapters"] = [
        adapter("00-01", "Public", dhcp=False, netbios="off", address=""),
    ]

    assert cluster_text(before) == (
        "before 10_configure_networks\n"
        "WIN-A (wished: Node1), power on\n"
        "  Local Area Connection, connected, no address, static, DNS reg. on, NetBIOS off,"
        " LMHOSTS on, Sharing on"
    )


def test_a_cell_gets_the_text_and_the_drawing(before: dict[str, Any]) -> None:
    picture = Picture(before)

    assert picture._repr_mimebundle_(include=None, exclude=None) == {
        "text/plain": repr(picture),
        "image/svg+xml": picture.svg(),
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["title", "networks", "nodes", "name", "adapters", "mac", "dns", "order", "network"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values, json_values)
def test_whatever_an_old_record_holds_is_drawn(data: object, earlier: object) -> None:
    ET.fromstring(cluster_svg(data, earlier, standalone=True))
    cluster_text(data)
