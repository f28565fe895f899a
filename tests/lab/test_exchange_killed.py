"""Setup that is ended at each of its twelve points: what is left, and how it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.exchange_installation import Piece
from runbook_lib.lab.world.world import World
from tests.builders import topology
from tests.in_process import WALL
from tests.lab import cluster_site
from tests.lab import exchange_site as lab
from tests.lab.cluster_site import both, site_of
from tests.lab.exchange_site import NAME, ROLE, SERVER

VERSION = "8.3.83.6"
ABSENT = ("", "", "", False)
BEGUN = (VERSION, "", "Install", True)
DONE = (VERSION, VERSION, "", False)

ROLE_POINTS: list[tuple[int, bool, tuple[str, str, str, bool], bool]] = [
    (1, False, ABSENT, False),
    (2, False, ABSENT, False),
    (3, True, ABSENT, False),
    (4, True, (VERSION, "", "", False), False),
    (5, True, BEGUN, True),
    (6, True, BEGUN, True),
    (7, True, DONE, True),
]
"""Killed before this stage: files there, state of the role, services there."""

SERVER_POINTS: list[tuple[int, tuple[str, str, str, bool], int, bool, bool]] = [
    (1, ABSENT, 0, False, False),
    (2, ABSENT, 0, False, False),
    (3, BEGUN, 0, False, False),
    (4, BEGUN, 1, False, False),
    (5, BEGUN, 2, True, False),
    (6, BEGUN, 2, True, True),
    (7, BEGUN, 4, True, True),
    (8, BEGUN, 5, True, True),
]
"""Killed before this stage: state, resources in the group, account there, server object there."""


def ended_state(made: World) -> dict[str, Any]:
    """Return the state without what tells how often Setup ran."""
    state = made.state()
    for node in state["nodes"].values():
        node.pop("files")
    return state


@pytest.mark.parametrize(("stage", "files", "role", "services"), ROLE_POINTS)
def test_a_killed_role_goes_on_to_the_same_end(
    stage: int, files: bool, role: tuple[str, str, str, bool], services: bool
) -> None:
    whole = lab.ready()
    lab.run(whole, *ROLE)
    made = lab.ready()

    code, _ = lab.run(made, *ROLE, kill=stage)

    installation = lab.installation(made)
    assert code == 1
    assert lab.state(made, Piece.MAILBOX) == role
    assert (installation.has_binaries, installation.has_services) == (files, services)
    again = lab.run(made, *ROLE)
    assert again[0] == (1 if role == DONE else 0)
    assert ended_state(made) == ended_state(whole)


def test_a_role_that_goes_on_is_neither_checked_nor_copied_again() -> None:
    made = lab.ready()
    lab.run(made, *ROLE, kill=5)

    code, lines = lab.run(made, *ROLE)

    assert (code, lines[4:]) == (
        0,
        [
            "Configuring Microsoft Exchange Server",
            "    Mailbox Server Role              ......................... COMPLETED",
            "The Microsoft Exchange Server setup operation completed successfully.",
        ],
    )


@pytest.mark.parametrize(("stage", "state", "resources", "account", "server"), SERVER_POINTS)
def test_a_killed_server_goes_on_to_the_same_end(
    stage: int, state: tuple[str, str, str, bool], resources: int, account: bool, server: bool
) -> None:
    whole = lab.active()
    made = lab.ready()
    lab.run(made, *ROLE)

    code, _ = lab.run(made, *SERVER, kill=stage)

    site = site_of(made)
    assert code == 1
    assert lab.state(made, Piece.CLUSTERED) == state
    assert lab.state(made, Piece.MAILBOX) == DONE
    assert len(lab.resources(made)) == resources
    assert ("MAILBOXSERVER" in site.domain.computers) is account
    assert (NAME in [each.name for each in site.domain.exchange.servers]) is server
    assert lab.run(made, *SERVER)[0] == 0
    assert ended_state(made) == ended_state(whole)


@pytest.mark.parametrize("stage", range(2, 8))
def test_another_action_is_refused_and_changes_nothing(stage: int) -> None:
    made = lab.ready()
    lab.run(made, *ROLE, kill=stage)
    before, is_open = ended_state(made), lab.state(made, Piece.MAILBOX)[2] == "Install"

    code, lines = lab.run(made, "/mode:Uninstall")

    if is_open:
        told = "".join(line.removeprefix("     ") for line in lines[-5:-3])
        assert (code, told) == (
            1,
            (
                'Setup previously failed while performing the action "Install". You cannot resume '
                'setup by performing the action "Uninstall".'
            ),
        )
        assert ended_state(made) == before
    else:
        assert code == (1 if stage == 2 else 0)


def test_the_second_node_killed_in_its_role_becomes_no_machine_before_it_goes_on() -> None:
    made = lab.tied()
    lab.run(made, *ROLE, node=1, kill=5)
    server = site_of(made).exchange.clustered_server
    assert server is not None
    assert server.machines == lab.BOTH[:1]

    lab.run(made, *ROLE, node=1)

    assert server.machines == lab.BOTH


def test_a_half_done_site_lives_through_a_restart_of_the_lab(tmp_path: Path) -> None:
    made = lab.ready()
    lab.run(made, *ROLE)
    made.act("delay-replication", {"seconds": 30})
    lab.run(made, *SERVER, kill=6)
    made.act("late-move-failure", {})
    made._folder = tmp_path
    made.save()

    again = World.create("factory", topology(), 1, tmp_path, clock=PolledClock(WALL))

    assert again.state() == made.state()
    assert both(again)[0].files.lines(r"C:\ExchangeSetupLogs\ExchangeSetup.log")
    assert site_of(again).exchange.clustered_server == site_of(made).exchange.clustered_server
    cluster_site.wait(again, 40)
    assert site_of(again).exchange.unreplicated == []
    assert lab.run(again, *SERVER)[0] == 0
