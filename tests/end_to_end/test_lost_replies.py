"""The link breaks at a change: before it took effect, after it, or while its answer is under way.

Whatever became of the change, it is asked of the node; nothing is done twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from runbook_lib.sessions.lab_control import LabControl
from tests.end_to_end.command_line import (
    AS_DOCUMENTED,
    NODES,
    Desk,
    deeds,
    events,
    standing,
    unsettled,
)

ONLY_10 = ("--from", "10", "--to", "10")
COMMANDS: dict[str, tuple[str, int]] = {
    "computer name": (".Rename", 1),
    "connection name of 00-03-FF-10-00-11": ("newname=Public", 1),
    "connection name of 00-03-FF-10-00-21": ("newname=Private", 1),
    "binding order": ("write_registry_lists", 1),
    "address of Public": ("EnableStatic", 1),
    "gateway of Public": ("SetGateways", 1),
    "DNS servers of Public": ("SetDNSServerSearchOrder", 1),
    "address of Private": ("EnableStatic", 2),
    "DNS registration of Private": ("SetDynamicDNSRegistration", 1),
    "LMHOSTS lookup (whole machine)": ("EnableWINS", 1),
    "NetBIOS over TCP/IP on Private": ("SetTcpipNetbios", 1),
    "started at": ("shutdown.exe", 1),
}
"""Each change that phase 10 sends to node 1: the journal's name for it -> what the lab calls it."""

RESTART = "started at"
SHARES = 4
"""In so many runs every change is met once, never two changes of one command in the same run."""


@dataclass(frozen=True)
class Undisturbed:
    """What a run that nothing disturbs sends, does, and leaves."""

    sent: list[str]
    deeds: Counter[tuple[str, str, str, str]]
    nodes: dict[str, Any]


@pytest.fixture(scope="module")
def undisturbed(
    served: LabControl, tmp_path_factory: pytest.TempPathFactory, home: Any
) -> Iterator[Undisturbed]:
    served.reset("factory")
    desk = Desk(tmp_path_factory.mktemp("undisturbed"), home)
    assert desk.scc("run", desk.parameters(lab=served), *ONLY_10).code == 0
    sent = [
        e["data"]["setting"]
        for e in events(desk.run, "intent")
        if e["data"]["node"] == NODES[0] and not e["data"]["command"].startswith("by hand")
    ]
    yield Undisturbed(sent, deeds(served), served.state()["nodes"])
    desk.close()


def test_the_table_names_every_change_that_the_phase_sends(undisturbed: Undisturbed) -> None:
    assert undisturbed.sent == list(COMMANDS)


@pytest.mark.parametrize("share", range(SHARES))
def test_a_change_whose_reply_or_request_is_lost_is_settled_within_the_run(
    share: int, desk: Desk, undisturbed: Undisturbed, lab: LabControl
) -> None:
    settings = [each for each in COMMANDS if each != RESTART][share::SHARES]
    for match, nth in (COMMANDS[setting] for setting in settings):
        lost = {"match": match, "nth": nth, "do": "reset"}
        lab.arm_fault({**lost, "node": NODES[0], "when": "after_effect"})
        lab.arm_fault({**lost, "node": NODES[1], "when": "before"})
    run = desk.folder / "run"

    ended = desk.scc("run", desk.parameters(lab=lab), *ONLY_10, "--run-folder", run)

    assert ended.code == 0
    assert deeds(lab) == undisturbed.deeds
    assert lab.state()["nodes"] == undisturbed.nodes
    assert unsettled(run) == []
    adopted = {e["data"]["intent"] for e in events(run, "adopted")}
    absent = {
        e["data"]["intent"] for e in events(run, "result") if e["data"]["outcome"] == "absent"
    }
    for setting in settings:
        kind = setting.partition(" of 00-")[0]
        intents = [e for e in events(run, "intent") if e["data"]["setting"].startswith(kind)]
        found = [
            (e["data"]["node"], e["seq"] in adopted, e["seq"] in absent)
            for e in intents
            if e["seq"] in adopted | absent
        ]
        assert (NODES[0], True, False) in found, setting
        assert (NODES[1], False, True) in found, setting


def test_a_restart_whose_reply_is_lost_is_awaited_and_not_asked_for_again(
    desk: Desk, undisturbed: Undisturbed, lab: LabControl
) -> None:
    for node in NODES:
        lab.arm_fault(
            {"node": node, "match": "shutdown.exe", "do": "reset", "when": "after_effect"}
        )

    ended = desk.scc("run", desk.parameters(lab=lab), *ONLY_10)

    assert ended.code == 0
    assert deeds(lab) == undisturbed.deeds
    assert lab.state()["nodes"] == undisturbed.nodes


def test_a_restart_that_was_never_heard_is_asked_for_again_by_the_resume(
    desk: Desk, undisturbed: Undisturbed, lab: LabControl
) -> None:
    lab.arm_fault({"node": NODES[1], "match": "shutdown.exe", "do": "reset", "when": "before"})
    run = desk.folder / "run"
    parameters = desk.parameters(("reboot: 10m", "reboot: 3s"), lab=lab)
    ended = desk.scc("run", parameters, *ONLY_10, "--run-folder", run)

    resumed = desk.scc("resume", run)

    assert (ended.code, ended.error[0]) == (
        60,
        f"{NODES[1]} did not come back from its restart in time.",
    )
    assert resumed.code == 0
    assert deeds(lab) == undisturbed.deeds
    assert standing(lab) == AS_DOCUMENTED


DEEDS = (
    ("reset", "mid_reply"),
    ("plain", "after_effect"),
    ("plain", "before"),
    ("garbage", "after_effect"),
    ("duplicate", "after_effect"),
    ("drop_fragment", "after_effect"),
    ("status:500", "after_effect"),
    ("status:503", "before"),
    ("status:401", "after_effect"),
    ("redirect:http://127.0.0.1:9/", "before"),
    ("slow", "after_effect"),
)


@pytest.mark.parametrize("shift", [0, 6])
def test_whatever_comes_instead_of_an_answer_resumes_bring_the_run_to_its_end(
    shift: int, desk: Desk, undisturbed: Undisturbed, lab: LabControl
) -> None:
    """Each change meets another kind of bad answer; two runs mix them differently."""
    settings = [each for each in COMMANDS if each != RESTART]
    for n, setting in enumerate(settings):
        match, nth = COMMANDS[setting]
        do, when = DEEDS[(n + shift) % len(DEEDS)]
        lab.arm_fault({"node": NODES[n % 2], "match": match, "nth": nth, "do": do, "when": when})
    run = desk.folder / "run"

    ended = [desk.scc("run", desk.parameters(lab=lab), *ONLY_10, "--run-folder", run)]
    while ended[-1].code != 0 and len(ended) <= len(settings):
        ended.append(desk.scc("resume", run))

    assert ended[-1].code == 0
    assert {each.code for each in ended[:-1]} <= {30, 40, 60}
    assert all(all(each.error) for each in ended[:-1])
    assert deeds(lab) == undisturbed.deeds
    assert lab.state()["nodes"] == undisturbed.nodes
    assert unsettled(run) == []
    assert desk.scc("verify", run).code == 0
