"""Groups and shared disks in the drawing."""

from __future__ import annotations

import copy
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from runbook_lib.pictures.cluster import cluster_svg, cluster_text, differs
from tests.unit.test_pictures_cluster import SVG, adapter, marked, node


@pytest.fixture
def formed() -> dict[str, Any]:
    """Return node 1 alone with the cluster, before node 2 joins."""
    first = node("NODE1", "Node1", adapter("00-01", "Public"))
    second = node("NODE2", "Node2", adapter("00-02", "Public"), power="off")
    first |= {"domain": "lab.local", "groups": [{"name": "Cluster Group", "state": "Online"}]}
    return {
        "title": "before 50",
        "cluster": "E2K7CLU",
        "networks": [{"name": "Public", "subnet": "192.168.1.0/24"}],
        "nodes": [first, second],
        "disks": [
            {"label": "Quorum", "lun": 0, "size_mb": 1024, "letters": {"Node1": "Q:"},
             "owner": "Node1", "quorum": True},
            {"label": "", "lun": 1, "size_mb": 20480, "letters": {}, "owner": ""},
        ],
    }  # fmt: skip


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def wires(svg: str) -> list[tuple[str, bool]]:
    """Return (where a disk's wire begins and ends, whether it is an owner's), top first."""
    found = []
    for path in ET.fromstring(svg).iter(f"{SVG}path"):
        kinds = (path.get("class") or "").split()
        if "rb-disk-wire" in kinds:
            found.append((path.get("d") or "", "rb-owned" in kinds))
    return found


def test_disks_and_groups_are_drawn_at_their_owners(formed: dict[str, Any]) -> None:
    svg = cluster_svg(formed, standalone=True)

    shown = texts(svg)
    for fact in (
        "before 50 \u00b7 cluster E2K7CLU", "member of lab.local", "Cluster Group", "Online",
        "Q:", "Quorum, 1024 MB", "LUN 0, quorum", "no letter", "raw, 20 GB", "LUN 1",
    ):  # fmt: skip
        assert fact in shown, fact
    assert [owned for _, owned in wires(svg)] == [True, False, False, False]


def test_what_a_move_changes_is_marked(formed: dict[str, Any]) -> None:
    moved = copy.deepcopy(formed)
    moved["nodes"][1]["power"] = "on"
    moved["nodes"][1]["groups"] = moved["nodes"][0].pop("groups")
    moved["disks"][1] |= {"label": "Database", "letters": {"Node1": "S:", "Node2": "S:"}}

    assert differs(formed, moved)
    assert marked(cluster_svg(moved, formed, standalone=True)) == [
        ("S:", "before: no letter"),
        ("Database, 20 GB", "before: raw, 20 GB"),
        ("on", "before: off"),
        ("Cluster Group", "before: none"),
        ("Online", "before: none"),
    ]


def test_letters_that_differ_are_both_shown(formed: dict[str, Any]) -> None:
    formed["disks"][0]["letters"] = {"Node1": "Q:", "Node2": "S:"}

    assert "Q: / S:" in texts(cluster_svg(formed, standalone=True))


def test_the_plain_text_tells_the_same(formed: dict[str, Any]) -> None:
    assert cluster_text(formed).splitlines()[-4:] == [
        "cluster E2K7CLU",
        "  group Cluster Group on Node1: Online",
        "  disk LUN 0, Quorum, 1024 MB, Q:, owned by Node1, quorum",
        "  disk LUN 1, raw, 20 GB, no letter, owned by nobody",
    ]


def test_a_record_without_disks_draws_none(formed: dict[str, Any]) -> None:
    del formed["disks"]

    assert wires(cluster_svg(formed, standalone=True)) == []
