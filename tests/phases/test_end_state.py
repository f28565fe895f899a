"""Phase 99 on the finished system: nothing to object to, and every difference told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.errors import VerificationError
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.world import World
from tests.builders import loaded
from tests.in_process import WALL, Rehearsal

PHASE = "99_check_end_state"
NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    world = World.create(f"before:{PHASE}", loaded().topology, 1, clock=PolledClock(WALL))
    return Rehearsal(world, tmp_path / "runs", loaded())


def effects(rehearsal: Rehearsal) -> list[str]:
    """Return what was changed, without the tasks and files of those that only read."""
    told = [str(each["what"]) for each in rehearsal.world.ledger()]
    return [each for each in told if "rb-read-" not in each and "runbook" not in each]


def differences(rehearsal: Rehearsal) -> str:
    before = effects(rehearsal)
    with pytest.raises(VerificationError) as caught:
        rehearsal.carry_out(PHASE)
    assert effects(rehearsal) == before
    return caught.value.why


def test_the_finished_system_is_as_wished_and_left_alone(rehearsal: Rehearsal) -> None:
    rehearsal.carry_out(PHASE)

    assert effects(rehearsal) == []


def test_drift_of_every_phase_is_told_at_once(rehearsal: Rehearsal) -> None:
    world = rehearsal.world
    world.act("set-netbios", {"node": NODE_1, "mac": "00-03-FF-10-00-21", "value": "1"})
    world.act("rename-connection", {"node": NODE_2, "mac": "00-03-FF-10-00-12", "name": "Office"})
    world.act("set-network-role", {"network": "Public", "role": 3})
    world.act("install-component", {"node": NODE_2, "component": "iis_smtp"})
    world.act("dismount-database", {})

    why = differences(rehearsal)

    for told in (
        "NetBIOS over TCP/IP on Private is on, wanted off",
        "connection name of 00-03-FF-10-00-12 is Office, wanted Public",
        "role of Public is internal and clients, wanted clients only",
        "SMTP installed",
        "MailboxServer: it is PartiallyOnline, not Online",
        "not mounted: Mailbox Database",
    ):
        assert told in why


def test_a_node_that_left_the_cluster_is_told(rehearsal: Rehearsal) -> None:
    rehearsal.world.act("stop-cluster-service", {"node": NODE_2})

    why = differences(rehearsal)

    assert f"{NODE_2} is down" in why


def test_a_mailbox_server_on_the_other_node_is_told(rehearsal: Rehearsal) -> None:
    rehearsal.world.act("move-cluster-group", {"group": "MailboxServer", "node": NODE_2})

    assert f"is {NODE_2.upper()}, wanted {NODE_1}" in differences(rehearsal)
