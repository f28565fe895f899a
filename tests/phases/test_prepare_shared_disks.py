"""Phase 30 on two simulated nodes: never both with the disks in sight, and never over data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import NodeUnreachableError, PreconditionError, VerificationError
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.site_network import Holder, Segment
from runbook_lib.lab.world.world import World
from runbook_lib.steps import prepare_shared_disks as steps
from runbook_lib.steps.step import StepFactory
from runbook_lib.topology.loading import Loaded, load
from tests.builders import LAB, loaded
from tests.in_process import WALL, Rehearsal
from tests.lab_world import NODE_1, NODE_2
from tests.phases.crash import Journey, uninterrupted, wrong

PHASE = "30_prepare_shared_disks"
JOURNEY = Journey(PHASE)
OTHER_WISHES = {
    "name: E2K7SCCNode2": "name: NODE-B",
    "quorum:   {letter: Q, label: Quorum": "quorum:   {letter: W, label: Witness",
    "database: {letter: S, label: Database": "database: {letter: M, label: Mail",
    r"'S:\ExchangeData'": r"'M:\ExchangeData'",
}


def begun(folder: Path, scenario: str = "before:30", given: Loaded | None = None) -> Rehearsal:
    given = given or loaded()
    world = World.create(scenario, given.topology, 1, clock=PolledClock(WALL))
    return Rehearsal(world, folder, given)


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return begun(tmp_path)


def changed(rehearsal: Rehearsal, *nodes: str) -> list[tuple[str, str, Any, Any]]:
    """Return what was changed on these nodes ("storage" for the disks), in order."""
    return [
        (each["node"], each["what"], each["before"], each["after"])
        for each in rehearsal.world.ledger()
        if each["node"] in nodes
    ]


def outcomes(rehearsal: Rehearsal) -> dict[tuple[str, str], str]:
    """Return how the last look at each step ended."""
    assert rehearsal.folder is not None
    entries = rehearsal.folder.entries()
    return {
        (e.data["step"], e.data["node"]): str(e.data["outcome"])
        for e in entries
        if e.event == "verified"
    }


def wait_for(rehearsal: Rehearsal, node: str) -> None:
    while not rehearsal.world.is_listening(node):
        continue


def run_until(rehearsal: Rehearsal, last: str) -> None:
    """Run the phase's steps up to one of them, as if the run were killed behind it."""
    phase = rehearsal.open(PHASE)
    phase.plan()
    for step in phase.steps:
        phase.run(step)
        if step.__name__ == last:
            return


def refusal(rehearsal: Rehearsal) -> PreconditionError:
    """Return why the phase refuses to begin; nothing may have changed by then."""
    before = rehearsal.world.ledger()
    with pytest.raises(PreconditionError) as caught:
        rehearsal.open(PHASE).plan()
    assert rehearsal.world.ledger() == before
    return caught.value


def beside_its_scenario(world: World) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(json.dumps(world.state()))
    del state["scenario"]
    return state


def test_the_first_node_prepares_the_disks_and_the_second_proves_them(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.carry_out(PHASE)

    state = rehearsal.world.state()
    quorum, database = state["storage"]["volumes"]
    marks = ["\\scc-runbook-E2K7SCCNode1.txt", "\\scc-runbook-E2K7SCCNode2.txt"]
    assert [
        (v["file_system"], v["label"], v["offset"], v["files"]) for v in (quorum, database)
    ] == [
        ("NTFS", "Quorum", 65536, marks),
        ("NTFS", "Database", 65536, marks),
    ]
    assert [v["is_corrupt"] for v in (quorum, database)] == [False, False]
    letters = [
        [state["nodes"][node]["registry"]["SYSTEM\\MountedDevices"][name] for name in names]
        for node in (NODE_1, NODE_2)
        for names in [(r"\DosDevices\Q:", r"\DosDevices\S:")]
    ]
    assert letters[0] == letters[1]
    assert [state["nodes"][node]["power"] for node in (NODE_1, NODE_2)] == ["on", "off"]


def test_each_disk_is_partitioned_and_formatted_once(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    assert [what for _, what, _, _ in changed(rehearsal, "storage")] == [
        "LUN 0: signature",
        "LUN 0: partition",
        "LUN 1: signature",
        "LUN 1: partition",
        "LUN 0: file system",
        "LUN 1: file system",
    ]


def test_never_do_both_nodes_run_once_a_disk_is_touched(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    power = {NODE_1: "on", NODE_2: "on"}
    for each in rehearsal.world.ledger():
        if each["what"] == "power":
            power[each["node"]] = each["after"]
        if each["node"] == "storage" or each["what"].startswith(("letter", "file ")):
            assert sorted(power.values()) == ["off", "on"], each
    assert power == {NODE_1: "on", NODE_2: "off"}


@pytest.mark.parametrize("changes", [{}, OTHER_WISHES], ids=["rehearsal", "other wishes"])
def test_behind_the_phase_the_world_is_as_the_phase_left_it(
    tmp_path: Path, changes: Mapping[str, str]
) -> None:
    text = LAB.read_text("utf-8")
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    path = tmp_path / "parameters.yaml"
    path.write_text(text, "utf-8")
    given = load(path)
    run = begun(tmp_path / "runs", given=given)
    run.carry_out(PHASE)

    ready = begun(tmp_path / "ready", "before:40", given)

    assert beside_its_scenario(ready.world) == beside_its_scenario(run.world)
    assert (ready.world.ledger(), ready.world.command_lines()) == ([], [])


def test_planned_again_behind_the_phase_it_changes_nothing(tmp_path: Path) -> None:
    done = begun(tmp_path, "before:40")

    done.carry_out(PHASE)

    assert done.world.ledger() == []
    assert set(outcomes(done).values()) == {"unchanged"}


@pytest.mark.parametrize("first", range(1, 5))
def test_stopped_at_any_point_it_ends_alike(first: int) -> None:
    assert wrong(JOURNEY, first=first, every=4) == {}


def test_every_change_has_points_of_its_own() -> None:
    assert uninterrupted(JOURNEY).points.count("send:before") > 20


@pytest.mark.parametrize("last", [step.__name__ for step in steps.STEPS])
def test_after_any_step_another_run_goes_on(rehearsal: Rehearsal, last: str) -> None:
    expected = begun(rehearsal.runs / "straight")
    expected.carry_out(PHASE)
    run_until(rehearsal, last)

    rehearsal.carry_out(PHASE)

    assert beside_its_scenario(rehearsal.world) == beside_its_scenario(expected.world)


@pytest.mark.parametrize("lossy", [steps.make_partitions, steps.format_volumes])
def test_a_lost_reply_to_what_is_done_once_is_looked_for(
    rehearsal: Rehearsal, lossy: StepFactory
) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    for step in phase.steps:
        rehearsal.sessions[NODE_1].lose_reply = step is lossy
        phase.run(step)
    phase.close()

    assert outcomes(rehearsal)[lossy.__name__, NODE_1] == "adopted"
    assert len(changed(rehearsal, "storage")) == 6


def test_a_power_loss_before_the_second_partition_leaves_one_to_make(rehearsal: Rehearsal) -> None:
    rehearsal.world.arm_fault(
        {"node": NODE_1, "match": "partition LUN 1", "when": "before", "do": "power_loss"}
    )
    with pytest.raises(NodeUnreachableError):
        rehearsal.carry_out(PHASE)
    assert [each[1] for each in changed(rehearsal, "storage")].count("LUN 1: partition") == 0
    rehearsal.world.act("power-on", {"node": NODE_1})
    wait_for(rehearsal, NODE_1)

    rehearsal.carry_out(PHASE)

    assert [each[1] for each in changed(rehearsal, "storage")].count("LUN 1: partition") == 1


def test_a_letter_that_is_not_free_on_the_second_node_is_set_right_and_the_run_goes_on(
    rehearsal: Rehearsal,
) -> None:
    run_until(rehearsal, "run_second_node_alone")
    rehearsal.world.act("take-letter", {"node": NODE_2, "letter": "S"})

    with pytest.raises(PreconditionError) as caught:
        rehearsal.carry_out(PHASE)
    assert "the letter S: belongs to the optical drive on E2K7SCCNode2" in caught.value.why

    rehearsal.world.act("remove-letter", {"node": NODE_2, "letter": "S"})
    rehearsal.carry_out(PHASE)
    assert set(outcomes(rehearsal).values()) <= {"changed", "unchanged"}


@pytest.mark.parametrize("node", [NODE_1, NODE_2])
def test_a_disk_that_is_not_visible_is_named_before_anything_is_done(
    rehearsal: Rehearsal, node: str
) -> None:
    rehearsal.world.act("hide-disk", {"node": node, "lun": 1})

    error = refusal(rehearsal)

    assert f"LUN 1 (20480 MB) is not visible on {node}" in error.why
    assert "block storage" in error.next_step


def test_the_local_disk_on_the_same_lun_is_never_taken_for_a_shared_one(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.world.act("hide-disk", {"node": NODE_1, "lun": 0})

    assert "LUN 0 (1024 MB) is not visible" in refusal(rehearsal).why


def test_a_disk_with_somebodys_data_is_never_formatted(rehearsal: Rehearsal) -> None:
    rehearsal.world.act("format-with-data", {"lun": 1})

    error = refusal(rehearsal)

    assert "LUN 1 (20480 MB) holds a partition without a letter on E2K7SCCNode1" in error.why
    assert "whose data are on it cannot be told" in error.why


def test_nor_one_whose_data_have_the_right_letter(rehearsal: Rehearsal) -> None:
    rehearsal.world.act("format-with-data", {"lun": 1, "label": "Archive"})
    rehearsal.world.act("give-letter", {"node": NODE_1, "lun": 1, "letter": "S"})

    error = refusal(rehearsal)

    assert "S: on LUN 1 (20480 MB) holds NTFS with the label Archive" in error.why
    assert "never formatted without a person's word" in error.next_step


def test_a_volume_that_a_person_prepared_is_taken_as_it_is(rehearsal: Rehearsal) -> None:
    rehearsal.world.act("format-with-data", {"lun": 1, "label": "Database"})
    rehearsal.world.act("give-letter", {"node": NODE_1, "lun": 1, "letter": "S"})
    before = len(rehearsal.world.ledger())

    rehearsal.carry_out(PHASE)

    touched = [each["what"] for each in rehearsal.world.ledger()[before:]]
    assert [what for what in touched if what.startswith("LUN 1")] == []
    assert r"\Accounts\2005.txt" in rehearsal.world.state()["storage"]["volumes"][1]["files"]


@pytest.mark.parametrize(
    ("deed", "arguments", "why", "next_step"),
    [
        (
            "take-letter",
            {"node": NODE_1, "letter": "Q"},
            "the letter Q: belongs to the optical drive on E2K7SCCNode1",
            "give that one another letter",
        ),
        (
            "take-letter",
            {"node": NODE_2, "letter": "Q"},
            "the letter Q: belongs to the optical drive on E2K7SCCNode2",
            "give that one another letter",
        ),
        (
            "resize-disk",
            {"lun": 1, "size_mb": 10240},
            "LUN 1 has another size on E2K7SCCNode1: 10236 MB, wanted 20480 MB",
            "put its real number and size into the parameter file",
        ),
        (
            "make-dynamic",
            {"lun": 1},
            "LUN 1 (20480 MB) is a dynamic disk on E2K7SCCNode1",
            "convert it back to a basic disk",
        ),
        (
            "duplicate-path",
            {"node": NODE_1, "lun": 0},
            "LUN 0 (1024 MB) shows 2 times on E2K7SCCNode1 (disks 1, 3)",
            "multipath software",
        ),
    ],
)
def test_a_disk_that_cannot_be_used_is_refused_before_anything_is_done(
    rehearsal: Rehearsal, deed: str, arguments: dict[str, object], why: str, next_step: str
) -> None:
    rehearsal.world.act(deed, arguments)

    error = refusal(rehearsal)

    assert why in error.why
    assert next_step in error.next_step


def test_swapped_letters_on_the_first_node_are_told_from_right_ones(tmp_path: Path) -> None:
    done = begun(tmp_path, "before:40")
    done.world.act("swap-letters", {"node": NODE_1, "first": "Q", "second": "S"})

    error = refusal(done)

    assert "LUN 0 (1024 MB) has the letter S: on E2K7SCCNode1, wanted Q:" in error.why
    assert "LUN 1 (20480 MB) has the letter Q: on E2K7SCCNode1, wanted S:" in error.why


def test_swapped_letters_on_the_second_node_are_told_when_it_runs(rehearsal: Rehearsal) -> None:
    run_until(rehearsal, "give_letters")
    rehearsal.world.act("swap-letters", {"node": NODE_2, "first": "Q", "second": "S"})

    error = refusal(rehearsal)

    assert "LUN 0 (1024 MB) has the letter S: on E2K7SCCNode2, wanted Q:" in error.why
    assert "set the letters right in Disk Management on E2K7SCCNode2" in error.next_step


def test_a_volume_without_the_first_nodes_mark_is_not_the_one_it_prepared(
    rehearsal: Rehearsal,
) -> None:
    run_until(rehearsal, "give_letters")
    rehearsal.world.act("remove-letter", {"node": NODE_2, "letter": "S"})
    rehearsal.world.act("format-with-data", {"lun": 1, "label": "Database"})
    rehearsal.world.act("give-letter", {"node": NODE_2, "lun": 1, "letter": "S"})

    error = refusal(rehearsal)

    assert "S: on E2K7SCCNode2 (LUN 1 (20480 MB)) does not carry the mark of E2K7SCCNode1" in (
        error.why
    )


def test_a_second_node_that_is_switched_on_too_early_ruins_the_disks_and_is_noticed(
    rehearsal: Rehearsal,
) -> None:
    run_until(rehearsal, "give_letters")
    rehearsal.world.act("power-on", {"node": NODE_1})
    wait_for(rehearsal, NODE_1)
    volumes = rehearsal.world.state()["storage"]["volumes"]
    assert [volume["is_corrupt"] for volume in volumes] == [True, True]

    error = refusal(rehearsal)

    assert "the file system of Q: on LUN 0 (1024 MB) is damaged" in error.why
    assert "run chkdsk /f" in error.next_step


def test_a_person_who_leaves_both_nodes_running_is_not_believed(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "hands", lambda _act, _node: None)

    with pytest.raises(VerificationError) as caught:
        rehearsal.carry_out(PHASE)

    assert "E2K7SCCNode2 still answers" in caught.value.why
    assert changed(rehearsal, "storage") == []


def test_a_node_that_only_lost_its_listener_is_not_off(rehearsal: Rehearsal) -> None:
    rehearsal.world.act("power-off", {"node": NODE_2})
    site = rehearsal.world._nodes[NODE_1].site
    silent = Holder(Segment.PRIVATE, "10.10.10.2", NODE_2, "00-03-FF-10-00-22")
    site.hosts = (*site.hosts, silent)

    error = refusal(rehearsal)

    assert "takes no connection, and yet 10.10.10.2 replies to E2K7SCCNode1" in error.why
    assert "see at its console that E2K7SCCNode2 is switched off" in error.next_step


def test_with_the_second_node_alone_and_raw_disks_the_first_one_begins(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.world.act("run-alone", {"node": NODE_2})

    rehearsal.carry_out(PHASE)

    assert outcomes(rehearsal)["run_first_node_alone", NODE_1] == "changed"
    assert rehearsal.world.state()["storage"]["volumes"][1]["label"] == "Database"


@pytest.mark.parametrize(
    ("deed", "arguments", "why", "mend"),
    [
        (
            "remove-letter",
            {"letter": "Q"},
            "LUN 0 (1024 MB) is not as it was prepared on E2K7SCCNode1: one partition, no letter",
            "give LUN 0 (1024 MB) its letter Q: again",
        ),
        (
            "swap-letters",
            {"first": "Q", "second": "S"},
            "LUN 0 (1024 MB) has the letter S: on E2K7SCCNode1, wanted Q:",
            "set the letters right in Disk Management on E2K7SCCNode1",
        ),
    ],
)
def test_in_a_cluster_the_owner_of_a_disk_tells_when_its_letter_was_changed(
    tmp_path: Path, deed: str, arguments: dict[str, object], why: str, mend: str
) -> None:
    rehearsal = begun(tmp_path, "before:60")
    rehearsal.world.act(deed, {"node": NODE_1, **arguments})

    error = refusal(rehearsal)

    assert why in error.why
    assert mend in error.next_step
