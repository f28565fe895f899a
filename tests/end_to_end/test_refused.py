"""Runs that must not go on: each ends with its own code and one error, and changes nothing more."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook_lib.sessions.lab_control import LabControl
from tests.builders import LAB
from tests.end_to_end.command_line import (
    AS_DOCUMENTED,
    END,
    MACS,
    NETWORKS,
    NODES,
    Desk,
    Ended,
    cell_states,
    effects,
    entries,
    events,
    gone,
    notebook,
    standing,
    unsettled,
    wait_for,
)

ONLY_10 = ("--from", "10", "--to", "10")
PRIVATE = {node: MACS[node]["Private"] for node in NODES}


def run_10(desk: Desk, parameters: Path) -> tuple[Ended, Path]:
    run = desk.folder / "run"
    return desk.scc("run", parameters, *ONLY_10, "--run-folder", run), run


def logons(lab: LabControl) -> tuple[int, int]:
    """Return how many logons were refused and how many were not."""
    counters = lab.counters()
    return sum(counters["bad_logons"].values()), sum(counters["logons"].values())


# -- parameter files

HOSTILE = {
    "a key that is code": ("version: 1", 'version: 1\n\'__import__("os").mkdir("PWNED")\': 1'),
    "a tag": ("version: 1", "version: !!python/object/apply:os.mkdir ['PWNED']"),
    "an alias": ("version: 1", "version: &one 1\nagain: *one"),
    "a key twice": ("version: 1", "version: 1\nversion: 1"),
    "a password in the file": ('password: "lab:installer"', "password: Sup3rSecretValue"),
    "equal subnets": ("address: 10.10.10.1}", "address: 192.168.1.21}"),
    "one node twice": ("name: E2K7SCCNode2", "name: E2K7SCCNode1"),
    "a control character": ("cluster: {name: E2K7CLU", 'cluster: {name: "E2K7\\eCLU"'),
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Iterator[Desk]:
    """Return a desk for commands that never get as far as a node."""
    desk = Desk(tmp_path_factory.mktemp("office"), home)
    yield desk
    desk.close()


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_or_wrong_parameter_file_is_refused_before_anything_is_made(
    office: Desk, kind: str
) -> None:
    parameters = office.parameters(HOSTILE[kind])

    ended = office.scc("run", parameters)

    assert (ended.code, ended.out) == (10, "")
    assert ended.error[0].startswith(f"The parameter file {parameters} has ")
    assert all(fault.startswith("line ") for fault in ended.error[1].splitlines())
    assert "Sup3rSecretValue" not in ended.err
    assert list(office.runs.iterdir()) == []
    assert not (LAB.parents[1] / "PWNED").exists()


def unreadable_files(folder: Path) -> dict[str, Path]:
    """Return paths that hold no parameter file; none depends on who runs the tests."""
    binary, empty, big, dead = (folder / name for name in ("binary", "empty", "big", "dead"))
    binary.write_bytes(bytes(range(256)) * 8)
    empty.touch()
    big.write_text("# " + "x" * 70_000 + "\n" + LAB.read_text("utf-8"), "utf-8")
    dead.symlink_to(folder / "nowhere")
    return {
        "missing": folder / "missing.yaml",
        "a folder": folder,
        "binary": binary,
        "empty": empty,
        "too big": big,
        "a dead link": dead,
        "a device": Path("/dev/zero"),
    }


@pytest.mark.parametrize(
    "kind", ["missing", "a folder", "binary", "empty", "too big", "a dead link", "a device"]
)
def test_what_is_no_parameter_file_is_refused_by_every_command_that_takes_one(
    office: Desk, tmp_path: Path, kind: str
) -> None:
    path = unreadable_files(tmp_path)[kind]

    for command in ("run", "plan", "validate"):
        ended = office.scc(command, path)

        assert (command, ended.code, ended.out) == (command, 10, "")
        assert all(ended.error)
        assert str(path) in ended.error[0]
    assert list(office.runs.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ("resume", "nowhere"),
        ("status", "nowhere"),
        ("close", "nowhere", "--by", "Ann", "--reason", "x"),
        ("approve", "nowhere", "10_configure_networks.plan", "--by", "Ann", "--reason", "x"),
    ],
    ids=lambda command: command[0],
)
def test_a_folder_that_is_no_run_is_named(office: Desk, command: tuple[str, ...]) -> None:
    ended = office.scc(*command)

    assert (ended.code, ended.out) == (10, "")
    assert ended.error[:2] == ("nowhere is not a run folder.", "it holds no journal.jsonl")


def test_phases_that_are_not_there_or_in_the_wrong_order_are_refused(office: Desk) -> None:
    unknown = office.scc("run", LAB, "--from", "11")
    backwards = office.scc("run", LAB, "--from", "99", "--to", "00")

    assert (unknown.code, unknown.error[0]) == (20, "There is no phase '11'.")
    assert (backwards.code, backwards.error[0]) == (20, "No phase would run.")
    assert list(office.runs.iterdir()) == []


# -- the way to the nodes, and who is there


def test_a_node_that_is_not_reached_is_named_with_its_address(desk: Desk, lab: LabControl) -> None:
    lab.act("power-off", NODES[1])
    before = effects(lab)
    port = {node.name: node.port for node in lab.nodes()}[NODES[1]]

    # A pause longer than the patience with a first answer: it is tried once.
    ended, run = run_10(desk, desk.parameters(("poll: 50ms", "poll: 30s"), lab=lab))

    assert ended.code == 30
    assert NODES[1] in ended.error[0]
    assert f"127.0.0.1:{port}" in ended.error[1]
    assert effects(lab) == before
    assert events(run, "intent") == []


def test_a_lab_that_is_gone_is_not_taken_for_a_lab(desk: Desk) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        ended = desk.scc("run", desk.parameters(lab=LabControl(url)))

    assert (ended.code, ended.error[0]) == (30, f"The lab at {url} does not answer.")


def test_a_wrong_password_is_tried_once_over_both_nodes(desk: Desk, lab: LabControl) -> None:
    bad, _ = logons(lab)
    parameters = desk.parameters(
        ('password: "lab:local-administrator"', 'password: "env:WRONG_ONE"'), lab=lab
    )
    run = desk.folder / "run"

    ended = desk.scc("run", parameters, "--run-folder", run, WRONG_ONE="certainly-not-it")

    assert ended.code == 40
    assert "Administrator" in ended.error[0]
    assert logons(lab)[0] - bad == 1
    assert effects(lab) == []
    record = b"".join(path.read_bytes() for path in run.rglob("*") if path.is_file())
    assert b"certainly-not-it" not in record + ended.err.encode() + ended.out.encode()


def test_a_secret_that_is_not_there_is_named_and_no_logon_is_tried(
    desk: Desk, lab: LabControl
) -> None:
    before = logons(lab)
    parameters = desk.parameters(
        ('password: "lab:local-administrator"', 'password: "env:NOT_THERE"'), lab=lab
    )

    ended, _ = run_10(desk, parameters)

    assert ended.code == 40
    assert ended.error[:2] == (
        "The secret env:NOT_THERE cannot be had.",
        "the environment has no NOT_THERE",
    )
    assert logons(lab) == before


def test_an_adapter_that_no_machine_has_means_another_machine(desk: Desk, lab: LabControl) -> None:
    ended, run = run_10(desk, desk.parameters(("00-03-FF-10-00-22", "00-03-FF-10-00-99"), lab=lab))

    assert ended.code == 40
    assert ended.error[0] == (
        f"The machine that answers for {NODES[1]} is not the one of the parameter file."
    )
    assert "00-03-FF-10-00-99" in ended.error[1]
    assert effects(lab) == []
    assert events(run, "enrolled") == []


def test_nodes_that_were_mixed_up_in_the_file_are_told_apart_by_their_adapters(
    desk: Desk, lab: LabControl
) -> None:
    swap = [
        ("name: E2K7SCCNode1", "name: SOMEBODY"),
        ("name: E2K7SCCNode2", "name: E2K7SCCNode1"),
        ("name: SOMEBODY", "name: E2K7SCCNode2"),
    ]

    ended, _ = run_10(desk, desk.parameters(*swap, lab=lab))

    assert ended.code == 40
    assert "is not the one of the parameter file" in ended.error[0]
    assert effects(lab) == []


def test_a_machine_swapped_during_the_run_refuses_by_itself(desk: Desk, lab: LabControl) -> None:
    lab.arm_fault({"node": NODES[0], "match": "SetTcpipNetbios", "do": "swap_identity"})

    ended, run = run_10(desk, desk.parameters(lab=lab))

    assert ended.code == 40
    assert NODES[0] in ended.error[0]
    netbios = [(e["node"], e["what"]) for e in effects(lab) if e["what"].startswith("NetBIOS")]
    assert netbios == [(NODES[1], f"NetBIOS on {PRIVATE[NODES[1]]}")]
    assert unsettled(run) == []
    again = desk.scc("resume", run)
    assert (again.code, "Another machine than before answers" in again.error[0]) == (40, True)
    lab.clear_faults()
    assert desk.scc("resume", run).code == 0
    assert standing(lab) == AS_DOCUMENTED


def test_a_node_renamed_after_its_phase_is_another_machine(desk: Desk, lab: LabControl) -> None:
    run = desk.folder / "run"
    begun = desk.begin(
        "run", desk.parameters(lab=lab), "--from", "10", "--to", "99", "--run-folder", run
    )
    wait_for(run, lambda found: any(e["event"] == "phase_closed" for e in found), begun)
    kernels = begun.kernels()
    begun.process.kill()
    gone(*kernels)
    lab.act("rename-computer", NODES[0], name="SOMETHING")
    lab.act("restart", NODES[0])
    before = effects(lab)

    ended = desk.scc("resume", run)

    assert ended.code == 40
    assert ended.error[:2] == (
        f"The machine that answers for {NODES[0]} has another name.",
        "it is called SOMETHING",
    )
    assert effects(lab) == before


# -- the state of the nodes


def test_an_unplugged_adapter_stops_the_run_before_any_change(desk: Desk, lab: LabControl) -> None:
    lab.act("unplug", NODES[0], mac=PRIVATE[NODES[0]])
    before = effects(lab)

    ended, run = run_10(desk, desk.parameters(lab=lab))

    assert ended.code == 20
    assert NODES[0] in ended.error[1]
    assert PRIVATE[NODES[0]] in ended.error[1]
    assert effects(lab) == before
    lab.act("plug", NODES[0], mac=PRIVATE[NODES[0]])
    assert desk.scc("resume", run).code == 0
    assert standing(lab) == AS_DOCUMENTED


def test_connection_names_the_wrong_way_round_are_put_right(desk: Desk, lab: LabControl) -> None:
    for node in NODES:
        lab.act("rename-connection", node, mac=MACS[node]["Public"], name="set aside")
        lab.act("rename-connection", node, mac=MACS[node]["Private"], name="Public")
        lab.act("rename-connection", node, mac=MACS[node]["Public"], name="Private")

    ended, _ = run_10(desk, desk.parameters(lab=lab))

    assert ended.code == 0
    assert standing(lab) == AS_DOCUMENTED


@dataclass(frozen=True)
class Refusal:
    """A command that the node answers with a code, the step that it ends, and what is told."""

    match: str
    do: str
    step: str | None
    why: str
    nth: int = 1


REFUSALS = (
    Refusal(".Rename", "return:1326", "name_computers", "1326"),
    Refusal("newname=Public", "exit:1", "name_connections", "code 1"),
    Refusal("SetDNSServerSearchOrder", "return:91", "set_public_addresses", "91: "),
    Refusal("EnableStatic", "return:66", "set_private_addresses", "66: ", nth=2),
    Refusal("SetTcpipNetbios", "return:100", "disable_netbios", "100: "),
    Refusal("shutdown.exe", "exit:5", None, "code 5: access was denied"),
)


def test_a_node_that_says_no_ends_the_run_with_50_and_its_reason_each_time(
    desk: Desk, lab: LabControl
) -> None:
    for refusal in REFUSALS:
        lab.arm_fault(
            {"node": NODES[0], "match": refusal.match, "nth": refusal.nth, "do": refusal.do}
        )

    ended, run = run_10(desk, desk.parameters(lab=lab))
    for attempt, refusal in enumerate(REFUSALS, 1):
        assert ended.code == 50
        assert NODES[0] in ended.error[0]
        assert refusal.why in ended.error[1]
        failed = events(run, "failed")[-1]["data"]
        assert (failed["step"], failed["exit_code"]) == (refusal.step, 50)
        assert unsettled(run) == []
        states = cell_states(notebook(run, NETWORKS, attempt))
        assert list(states.values()).count("failed") == 1
        ended = desk.scc("resume", run)

    assert ended.code == 0
    assert standing(lab) == AS_DOCUMENTED


@pytest.mark.parametrize("do", ["no_return", "no_reboot"])
def test_a_node_that_does_not_come_back_is_unknown_and_the_other_one_is_left_alone(
    desk: Desk, lab: LabControl, do: str
) -> None:
    lab.arm_fault({"node": NODES[1], "match": "shutdown.exe", "do": do})
    parameters = desk.parameters(("reboot: 10m", "reboot: 2s"), lab=lab)

    ended, run = run_10(desk, parameters)

    assert ended.code == 60
    assert ended.error[0] == f"{NODES[1]} did not come back from its restart in time."
    assert [e["data"]["node"] for e in events(run, "rebooted")] == [NODES[0]]
    assert standing(lab)[NODES[0]] == AS_DOCUMENTED[NODES[0]]
    lab.clear_faults()
    lab.act("power-on" if do == "no_return" else "restart", NODES[1])
    assert desk.scc("resume", run).code == 0
    assert standing(lab) == AS_DOCUMENTED


# -- runs


def test_a_second_run_in_the_same_folder_and_a_second_driver_of_one_run_are_refused(
    desk: Desk, lab: LabControl
) -> None:
    # The node does not answer this one, so the first run waits as long as it takes.
    lab.arm_fault({"node": NODES[0], "match": "SetTcpipNetbios", "do": "hang"})
    run = desk.folder / "run"
    parameters = desk.parameters(lab=lab)
    begun = desk.begin("run", parameters, *ONLY_10, "--run-folder", run)
    wait_for(
        run,
        lambda found: any(e["data"].get("step") == "disable_netbios" for e in found if e),
        begun,
    )

    others = [
        desk.begin("run", parameters, "--run-folder", run),
        desk.begin("resume", run),
        desk.begin("close", run, "--by", "Ann", "--reason", "mine"),
    ]
    second, resumed, closed = (each.ended() for each in others)
    lab.clear_faults()
    ended = begun.ended()

    assert (second.code, second.error[0]) == (20, f"The folder {run} cannot take a new run.")
    assert (resumed.code, resumed.error[0]) == (80, f"scc-runbook run drives the run {run.name}.")
    assert f"by process {begun.process.pid} since" in resumed.error[1]
    assert (closed.code, closed.error[:2]) == (80, resumed.error[:2])
    assert ended.code == 0
    assert standing(lab) == AS_DOCUMENTED


@pytest.fixture(scope="module")
def asked(served: LabControl, office: Desk) -> Path:
    """Return a run that waits for its plan's approval, to be copied."""
    served.clear_faults()
    served.reset("factory")
    run = office.folder / "asked"
    asks = office.parameters(("approval: auto ", "approval: person "), lab=served)
    assert office.scc("run", asks, *ONLY_10, "--run-folder", run).code == 25
    return run


def a_copy(asked: Path, desk: Desk) -> Path:
    run = desk.folder / "run"
    shutil.copytree(asked, run)
    run.chmod(0o700)
    return run


def test_a_run_whose_parameters_were_edited_is_not_resumed(
    desk: Desk, asked: Path, lab: LabControl
) -> None:
    run = a_copy(asked, desk)
    used = run / "parameters.yaml"
    text = used.read_text("utf-8")
    journal = (run / "journal.jsonl").read_bytes()
    used.write_text(text.replace("192.168.1.11", "192.168.1.31"), "utf-8")

    edited = desk.scc("resume", run)

    assert (edited.code, edited.error[0]) == (10, f"{used} was changed since the run began.")
    assert (run / "journal.jsonl").read_bytes() == journal
    used.write_text(text, "utf-8")
    assert desk.scc("resume", run).code == 25
    assert effects(lab) == []


def test_a_damaged_record_is_neither_resumed_nor_shown_as_whole(
    desk: Desk, asked: Path, lab: LabControl
) -> None:
    run = a_copy(asked, desk)
    journal = run / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], lines[1].replace(b"10_", b"11_"), *lines[2:]]))
    before = journal.read_bytes()

    told = {command: desk.scc(command, run) for command in ("resume", "status", "verify")}

    assert {command: ended.code for command, ended in told.items()} == dict.fromkeys(told, 70)
    assert told["resume"].error[0] == f"Entry 2 of {journal} is not what was written there."
    assert journal.read_bytes() == before
    assert effects(lab) == []


def test_a_record_that_others_may_read_is_not_gone_on_with(
    desk: Desk, asked: Path, lab: LabControl
) -> None:
    run = a_copy(asked, desk)
    run.chmod(0o755)

    ended = desk.scc("resume", run)

    assert ended.code == 70
    assert str(run) in ended.error[0] + ended.error[1]
    run.chmod(0o700)
    assert desk.scc("resume", run).code == 25


def test_a_torn_last_line_is_kept_told_and_gone_on_after(
    desk: Desk, asked: Path, lab: LabControl
) -> None:
    run = a_copy(asked, desk)
    journal = run / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"at":"2026')

    ended = desk.scc("resume", run)

    assert ended.code == 25
    (recovered,) = events(run, "recovered")
    assert (recovered["data"]["torn_file"], recovered["data"]["bytes"]) == ("journal.torn-1", 11)
    assert (run / "journal.torn-1").read_bytes() == b'{"at":"2026'


def test_a_run_folder_that_was_moved_goes_on_where_it_is(
    desk: Desk, asked: Path, lab: LabControl
) -> None:
    run = a_copy(asked, desk)
    moved = run.rename(desk.folder / "moved")

    ended = desk.scc("resume", moved)

    assert ended.code == 25
    assert f"scc-runbook approve {moved} " in ended.out
    assert END not in {e["data"].get("phase") for e in entries(moved)}
