"""Phase 20 on two simulated nodes: joined and restarted once, or refused before any change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import (
    CommandFailedError,
    OutcomeUnknownError,
    PreconditionError,
    RunbookError,
    VerificationError,
)
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.world import World
from runbook_lib.topology.loading import Loaded
from tests.builders import loaded
from tests.in_process import WALL, Rehearsal
from tests.lab_world import NODE_1, NODE_2, PUBLIC_1, PUBLIC_2

PHASE = "20_join_domain"
INSTALLER, SERVICE = r"LAB\exinstall", r"LAB\svc-clus"
CONTROLLER = "192.168.1.10"


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    given = loaded()
    world = World.create("before:20", given.topology, 1, clock=PolledClock(WALL))
    return Rehearsal(world, tmp_path, given)


def events(rehearsal: Rehearsal, *names: str) -> list[Mapping[str, Any]]:
    assert rehearsal.folder is not None
    return [entry.data for entry in rehearsal.folder.entries() if entry.event in names]


def outcomes(rehearsal: Rehearsal) -> set[str]:
    """Return how the last look at each step ended."""
    last = {(e["step"], e["node"]): str(e["outcome"]) for e in events(rehearsal, "verified")}
    return set(last.values())


def act(rehearsal: Rehearsal, deed: str, **arguments: object) -> None:
    rehearsal.world.act(deed, arguments)


def made(rehearsal: Rehearsal, what: str) -> list[str]:
    """Return where something was changed, in order."""
    return [each["node"] for each in rehearsal.world.ledger() if each["what"] == what]


def wait(rehearsal: Rehearsal) -> None:
    """Let both nodes come up; every vain look lets lab time pass."""
    while not all(rehearsal.world.is_listening(node) for node in (NODE_1, NODE_2)):
        continue


def anew(rehearsal: Rehearsal) -> Rehearsal:
    """Return a second run on the same world."""
    return Rehearsal(rehearsal.world, rehearsal.runs / "second", rehearsal.loaded)


def test_both_nodes_join_and_are_restarted_once(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    state = rehearsal.world.state()
    assert state["domain"]["memberships"] == {NODE_1: "lab.local", NODE_2: "lab.local"}
    assert [state["nodes"][node]["administrators"] for node in (NODE_1, NODE_2)] == [
        ["Administrator", r"LAB\Domain Admins"]
    ] * 2
    assert made(rehearsal, "domain") == [NODE_1, NODE_2]
    assert len(events(rehearsal, "rebooted")) == 2
    assert INSTALLER in rehearsal.world.accounts(NODE_2)
    reasons = [e["reason"] for e in events(rehearsal, "verified")][-2:]
    assert reasons[0] == (
        "member server, secure channel stands, site Default-First-Site-Name, "
        "E2K7SCCNode1.lab.local is 192.168.1.11"
    )


def test_a_second_run_and_the_phases_before_it_change_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)
    before = len(rehearsal.world.ledger())

    for phase in ("00_check_prerequisites", "10_configure_networks", PHASE):
        again = anew(rehearsal)
        again.runs = rehearsal.runs / phase
        again.carry_out(phase)
        assert outcomes(again) <= {"unchanged", "deferred"}

    assert len(rehearsal.world.ledger()) == before


def test_the_plan_names_what_a_secret_is_exposed_to_and_no_secret(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    [first, _] = [e for e in events(rehearsal, "intent") if e["step"] == "join_domain"]
    password = rehearsal.world.password("installer")
    assert rehearsal.folder is not None
    assert password not in rehearsal.folder.journal.read_text("utf-8")
    assert first["command"] == (
        "(Get-WmiObject -Class 'Win32_ComputerSystem' -Filter 'Name=''E2K7SCCNODE1''')"
        ".JoinDomainOrWorkgroup('lab.local', (Read-Host -Prompt 'lab:installer'), "
        r"'LAB\exinstall', $null, 3)"
    )


REFUSED: list[tuple[str, dict[str, object], str, str]] = [
    (
        "lock-account",
        {"account": INSTALLER},
        r"the domain refuses LAB\exinstall: it is locked out",
        "find out who tries wrong passwords, then unlock it",
    ),
    (
        "disable-account",
        {"account": INSTALLER},
        r"the domain refuses LAB\exinstall: it is disabled",
        "enable it",
    ),
    (
        "expire-account",
        {"account": INSTALLER},
        r"the domain refuses LAB\exinstall: it has expired",
        "extend it",
    ),
    (
        "expire-password",
        {"account": INSTALLER},
        r"the domain refuses LAB\exinstall: its password has expired",
        "give it a new password",
    ),
    (
        "demand-new-password",
        {"account": INSTALLER},
        r"the domain refuses LAB\exinstall: its password must be changed first",
        "change its password",
    ),
    (
        "change-password",
        {"account": INSTALLER},
        r"the domain refuses LAB\exinstall: the password is wrong",
        "correct the secret; it was tried once and is not tried again by itself",
    ),
    (
        "remove-from-group",
        {"account": INSTALLER, "group": "Domain Admins"},
        r"LAB\exinstall is no member of Domain Admins",
        r"add LAB\exinstall to Domain Admins",
    ),
    (
        "change-password",
        {"account": SERVICE},
        r"the domain refuses LAB\svc-clus: the password is wrong",
        "it was tried once and is not tried again by itself",
    ),
    ("lock-account", {"account": SERVICE}, r"LAB\svc-clus: it is locked out", "log on again"),
    ("disable-account", {"account": SERVICE}, r"LAB\svc-clus: it is disabled", "log on again"),
    ("expire-account", {"account": SERVICE}, r"LAB\svc-clus: it has expired", "log on again"),
    (
        "demand-new-password",
        {"account": SERVICE},
        r"LAB\svc-clus: its password must be changed first",
        "log on again",
    ),
    (
        "controller-off",
        {},
        "its DNS servers do not know lab.local",
        "see that the DNS servers of Public on E2K7SCCNode1 are those of lab.local",
    ),
    (
        "add-dns-record",
        {"name": "dc1", "address": "192.168.1.99"},
        "take lab.local for 192.168.1.99, the parameter file names 192.168.1.10",
        "or correct domain.controller.address",
    ),
    (
        "set-controller-clock",
        {"seconds": 301},
        "its clock is -301 s against DC1; Kerberos bears 300",
        "set the clocks right",
    ),
    (
        "set-dns-servers",
        {"node": NODE_2, "mac": PUBLIC_2, "servers": "192.168.1.1"},
        "E2K7SCCNode2, The domain is found and its controller answers: its DNS servers do not know",
        "see that the DNS servers of Public on E2K7SCCNode2 are those of lab.local",
    ),
    (
        "put-into-domain",
        {"node": NODE_2, "domain": "other.test"},
        "it is a member of other.test, not of lab.local",
        "take E2K7SCCNode2 out of other.test, or correct domain.name",
    ),
    (
        "add-computer",
        {"name": NODE_2, "dns_name": "e2k7sccnode2.lab.local"},
        "a computer account E2K7SCCNode2 already, used by e2k7sccnode2.lab.local",
        "delete it if nobody uses it, else give E2K7SCCNode2 another name",
    ),
    (
        "add-computer",
        {"name": NODE_1, "enabled": False},
        "a computer account E2K7SCCNode1 already, disabled",
        "delete it if nobody uses it",
    ),
    (
        "rename-computer",
        {"node": NODE_1, "name": "SPARE"},
        "it is called E2K7SCCNODE1 and becomes SPARE at its next start",
        "restart E2K7SCCNode1",
    ),
]


@pytest.mark.parametrize(
    ("deed", "arguments", "why", "mend"),
    REFUSED,
    ids=[f"{deed} {' '.join(map(str, more.values()))}".strip() for deed, more, _, _ in REFUSED],
)
def test_a_wrong_state_is_refused_before_anything_is_changed(
    rehearsal: Rehearsal, deed: str, arguments: dict[str, object], why: str, mend: str
) -> None:
    act(rehearsal, deed, **arguments)

    with pytest.raises(PreconditionError) as caught:
        rehearsal.carry_out(PHASE)

    assert why in caught.value.why
    assert mend in caught.value.next_step
    assert events(rehearsal, "intent") == []
    assert {each["cause"] for each in rehearsal.world.ledger()} <= {"person"} or (
        deed == "change-password"
    )


@pytest.mark.parametrize("account", [INSTALLER, SERVICE])
def test_a_wrong_password_is_tried_once_by_one_node(rehearsal: Rehearsal, account: str) -> None:
    act(rehearsal, "change-password", account=account)

    with pytest.raises(PreconditionError):
        rehearsal.carry_out(PHASE)

    tried = [e for e in rehearsal.world.ledger() if e["what"].startswith("bad passwords")]
    assert [(e["before"], e["after"]) for e in tried] == [(0, 1)]


def test_name_servers_that_know_no_domain_are_told_for_the_node_that_has_them(
    rehearsal: Rehearsal,
) -> None:
    act(rehearsal, "set-address", node=NODE_1, mac=PUBLIC_1, address="192.168.7.11",
        mask="255.255.255.0")  # fmt: skip

    with pytest.raises(PreconditionError) as caught:
        rehearsal.carry_out(PHASE)

    assert "E2K7SCCNode1, The domain is found and its controller answers" in caught.value.why
    assert "E2K7SCCNode2, The domain is found" not in caught.value.why


def test_what_was_mended_is_joined_at_the_next_try(rehearsal: Rehearsal) -> None:
    act(rehearsal, "lock-account", account=INSTALLER)
    with pytest.raises(PreconditionError):
        rehearsal.carry_out(PHASE)
    act(rehearsal, "unlock-account", account=INSTALLER)

    rehearsal.carry_out(PHASE)

    assert made(rehearsal, "domain") == [NODE_1, NODE_2]


def test_an_account_that_was_prepared_for_the_node_is_used(rehearsal: Rehearsal) -> None:
    act(rehearsal, "add-computer", name=NODE_2)

    rehearsal.carry_out(PHASE)

    computers = {each["name"]: each for each in rehearsal.world.state()["domain"]["computers"]}
    assert computers["E2K7SCCNODE2"]["held_by"] == NODE_2
    assert computers["E2K7SCCNODE2"]["created_by"] == ""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (5, "access was denied"),
        (1355, "the domain does not exist or could not be contacted"),
        (2224, "the domain has an account of this name already"),
        (8557, "the account has added as many computers as it may"),
    ],
)
def test_a_join_that_windows_refuses_is_told_in_words_and_the_other_node_joins(
    rehearsal: Rehearsal, code: int, words: str
) -> None:
    rehearsal.world.arm_fault(
        {
            "node": NODE_1,
            "match": "JoinDomainOrWorkgroup",
            "nth": 1,
            "when": "before",
            "do": f"return:{code}",
        }
    )

    with pytest.raises(CommandFailedError) as caught:
        rehearsal.carry_out(PHASE)
    assert f"code {code}: {words}" in caught.value.why
    assert made(rehearsal, "domain") == [NODE_2]
    rehearsal.carry_out(PHASE)

    assert made(rehearsal, "domain") == [NODE_2, NODE_1]
    assert outcomes(rehearsal) <= {"unchanged", "changed"}


def test_a_join_whose_reply_is_lost_is_found_done_by_a_read(rehearsal: Rehearsal) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    rehearsal.sessions[NODE_1].lose_reply = True

    for step in phase.steps:
        phase.run(step)
    phase.close()

    assert made(rehearsal, "domain") == [NODE_1, NODE_2]
    assert len(events(rehearsal, "adopted")) == 1
    assert events(rehearsal, "phase_closed")[-1]["outcome"] == "done"


def test_a_join_that_never_arrived_is_not_sent_again_by_itself(rehearsal: Rehearsal) -> None:
    rehearsal.world.arm_fault(
        {
            "node": NODE_1,
            "match": "JoinDomainOrWorkgroup",
            "nth": 1,
            "when": "before",
            "do": "power_loss",
        }
    )
    with pytest.raises(RunbookError) as caught:
        rehearsal.carry_out(PHASE)
    assert not isinstance(caught.value, OutcomeUnknownError)
    act(rehearsal, "power-on", node=NODE_1)
    wait(rehearsal)

    rehearsal.carry_out(PHASE)

    assert made(rehearsal, "domain") == [NODE_2, NODE_1]
    assert events(rehearsal, "phase_closed")[-1]["outcome"] == "done"


def test_power_lost_right_after_the_join_is_gone_on_from(rehearsal: Rehearsal) -> None:
    rehearsal.world.arm_fault(
        {
            "node": NODE_1,
            "match": "JoinDomainOrWorkgroup",
            "nth": 1,
            "when": "after_effect",
            "do": "reboot",
        }
    )
    with pytest.raises(RunbookError):
        rehearsal.carry_out(PHASE)
    wait(rehearsal)

    rehearsal.carry_out(PHASE)

    assert sorted(made(rehearsal, "domain")) == [NODE_1, NODE_2]
    assert rehearsal.world.state()["domain"]["memberships"] == dict.fromkeys(
        (NODE_1, NODE_2), "lab.local"
    )


def test_nodes_that_joined_and_were_not_restarted_are_restarted_by_the_next_run(
    rehearsal: Rehearsal,
) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    for step in phase.steps:
        phase.run(step)
    again = anew(rehearsal)

    again.carry_out(PHASE)

    assert events(again, "intent") == [e for e in events(again, "intent") if e["step"] == "restart"]
    assert len(events(again, "rebooted")) == 2
    assert INSTALLER in rehearsal.world.accounts(NODE_1)


def test_a_member_whose_account_was_reset_is_told(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)
    act(rehearsal, "reset-computer", name=NODE_2)

    with pytest.raises(PreconditionError) as caught:
        anew(rehearsal).carry_out(PHASE)

    assert "its account there does not work" in caught.value.why
    assert "reset the computer account of E2K7SCCNode2" in caught.value.next_step


def test_a_controller_that_falls_silent_during_the_restart_is_found_out(
    rehearsal: Rehearsal,
) -> None:
    phase = rehearsal.open(PHASE)
    phase.plan()
    for step in phase.steps:
        phase.run(step)
    act(rehearsal, "controller-off")

    with pytest.raises(VerificationError) as caught:
        phase.close()

    assert "The domain is found and its controller answers" in caught.value.what
    act(rehearsal, "controller-on")
    rehearsal.carry_out(PHASE)
    assert events(rehearsal, "phase_closed")[-1]["outcome"] == "done"


def test_behind_the_phase_the_world_is_as_the_phase_left_it(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    begun = World.create("before:30", loaded().topology, 1, clock=PolledClock(WALL))

    ran, started = rehearsal.world.state(), begun.state()
    assert {**ran, "scenario": ""} == {**started, "scenario": ""}
    assert (begun.ledger(), begun.command_lines()) == ([], [])


def test_accounts_are_made_in_the_unit_of_the_parameter_file(tmp_path: Path) -> None:
    given = loaded()
    domain = given.topology.domain.model_copy(
        update={"organizational_unit": "OU=Nodes,DC=lab,DC=local"}
    )
    topology = given.topology.model_copy(update={"domain": domain})
    wished = Loaded(topology, given.text, given.sha256, given.warnings)
    world = World.create("before:20", topology, 1, clock=PolledClock(WALL))
    run = Rehearsal(world, tmp_path, wished)

    run.carry_out(PHASE)

    places = {c["name"]: c["place"] for c in world.state()["domain"]["computers"]}
    assert places["E2K7SCCNODE1"] == "CN=E2K7SCCNODE1,OU=Nodes,DC=lab,DC=local"
    begun = World.create("before:30", topology, 1, clock=PolledClock(WALL)).state()
    assert begun["domain"] == world.state()["domain"]
