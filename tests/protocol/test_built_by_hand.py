"""The lab stands on its own: an administrator with stock clients builds the same system in it.

Nothing of our steps, commands, sessions or constant scripts is used, so what they and the lab
might have in common by mistake would show here: `administrator.py` types cmdlets and programs as
the platform's documentation has them, over real sockets. At the end the world is compared with the
one from which the last phase starts.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.lab.handlers import dispatch
from runbook_lib.lab.lab import Lab
from runbook_lib.lab.world.clock import RunningClock
from runbook_lib.lab.world.world import World
from tests.protocol.hand_built_site import NODES, PUBLIC_ADDRESSES, Built, Site, build


@pytest.fixture(scope="module")
def built() -> Iterator[Built]:
    """Build it once, from machines as they are delivered; minutes are seconds there."""
    world = World.create("factory", clock=RunningClock(pace=500))
    with Lab(world, describe=dispatch.label_of) as lab:
        yield build(Site(lab))


# -- the comparison

DIFFERENCES = {
    "scenario": "where each of the two worlds began",
    "marker files": (
        "our phase 30 writes one file a node on each volume, to prove that both nodes reach the "
        "same disk; the document asks for none"
    ),
    "tick boxes of Public": (
        "netsh register=PRIMARY stores what is the default without being stored; our phase 10 "
        "finds the default right and writes nothing"
    ),
    "comments": (
        "the texts that go with a restart (event 1074) and with a move are whatever is typed"
    ),
    "identifiers": (
        "the cluster's GUIDs follow the order in which its objects are made; names stand for them"
    ),
}
"""What may differ, and why; each has its function below, and everything else must be equal."""

COMMENT = re.compile(r"(Comment: ).*")
MARKER = re.compile(r"\\scc-runbook-.*\.txt")


def comparable(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state without what may differ."""
    found: dict[str, Any] = json.loads(_with_names(json.dumps(state), state["cluster"]))
    del found["scenario"]
    for volume in found["storage"]["volumes"]:
        volume["files"] = [each for each in volume["files"] if not MARKER.fullmatch(each)]
    for number, name in enumerate(NODES):
        node = found["nodes"][name]
        for event in node["events"]:
            event["message"] = COMMENT.sub(r"\1...", event["message"])
        _forget_default_of_public(node["registry"], PUBLIC_ADDRESSES[number])
    return found


def _with_names(text: str, cluster: Mapping[str, Any]) -> str:
    for kind in ("groups", "resources", "networks"):
        for each in cluster[kind]:
            text = text.replace(each["guid"], f"the {kind[:-1]} {each['name']}")
    return text


def _forget_default_of_public(registry: dict[str, Any], address: str) -> None:
    default = {"RegistrationEnabled": 1, "RegisterAdapterName": 0}
    for values in registry.values():
        if values.get("IPAddress") == [address]:
            stored = {name: values.pop(name) for name in default if name in values}
            assert stored in ({}, default)


def test_the_world_is_the_one_from_which_the_last_phase_starts(built: Built) -> None:
    world = World.create("before:99_check_end_state")
    wished = comparable(world.state())
    world.close()

    found = comparable(built.state)

    # One part after the other, so that a difference is small enough to read.
    for name in NODES:
        for part, value in wished["nodes"][name].items():
            assert (part, found["nodes"][name][part]) == (part, value)
    for part in ("domain", "storage", "cluster", "exchange", "tasks"):
        assert found[part] == wished[part]
    assert found == wished


def test_each_difference_is_there(built: Built) -> None:
    """A reason that explains nothing any more would hide what comes next."""
    world = World.create("before:99_check_end_state")
    wished = world.state()
    world.close()

    def files(state: Mapping[str, Any]) -> int:
        return sum(len(volume["files"]) for volume in state["storage"]["volumes"])

    def public(state: Mapping[str, Any]) -> set[str]:
        registry = state["nodes"][NODES[0]]["registry"].values()
        [values] = [each for each in registry if each.get("IPAddress") == ["192.168.1.11"]]
        return {name for name in values if name.startswith("Regist")}

    def comments(state: Mapping[str, Any]) -> set[str]:
        events = [each["message"] for each in state["nodes"][NODES[0]]["events"]]
        return {found[0] for text in events if (found := COMMENT.search(text))}

    assert files(wished) - files(built.state) == 4
    assert (public(built.state), public(wished)) == (
        {"RegistrationEnabled", "RegisterAdapterName"},
        set(),
    )
    assert comments(built.state) == {"Comment: maintenance", "Comment: Testing functionality"}
    assert not comments(built.state) & comments(wished)


def test_nodes_tell_of_the_moves(built: Built) -> None:
    path = r"S:\ExchangeData\First Storage Group\Mailbox Database.edb"
    assert built.after_the_first_move == (
        *("Online", "E2K7SCCNODE1 <Quorum Owner>", "E2K7SCCNODE2 <Active>"),
        *(path, True),
    )
    assert built.in_the_end == (
        *("Online", "E2K7SCCNODE1 <Active, Quorum Owner>", "E2K7SCCNODE2"),
        *(path, True),
    )
    rows = [line for line in built.groups if "E2K7SCCNODE" in line]
    assert [row.split() for row in rows] == [
        ["Cluster", "Group", "E2K7SCCNODE1", "Online"],
        ["MailboxServer", "E2K7SCCNODE1", "Online"],
    ]


@pytest.mark.parametrize("name", ["administrator.py", "hand_built_site.py"])
def test_nothing_of_ours_is_used_but_the_lab(name: str) -> None:
    tree = ast.parse(Path(__file__).with_name(name).read_text("utf-8"))
    used = {
        alias if isinstance(node, ast.Import) else f"{node.module}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in (each.name for each in node.names)
    }

    ours = {each for each in used if each.split(".")[0] in ("runbook_lib", "tests")}

    assert ours <= {"runbook_lib.lab.lab", "tests.protocol.administrator"}
