"""The mailbox server moved, stopped, failed over; its databases and the disk below them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from runbook_lib.lab.handlers import exchange_scripts as scripts
from runbook_lib.lab.handlers.exchange_errors import PROMPT
from runbook_lib.lab.handlers.surface import CommandError, Ended, Progress
from runbook_lib.lab.world import exchange_moves as moves
from runbook_lib.lab.world.event_log import APPLICATION
from runbook_lib.lab.world.site import LogonKind, Token
from runbook_lib.lab.world.world import World
from tests.lab import cluster_site
from tests.lab import exchange_site as lab
from tests.lab.cluster_site import both, site_of
from tests.lab.exchange_site import BOTH, NAME, ROLE

ONE, TWO = BOTH
MOVE = "Move-ClusteredMailboxServer"
TO_TWO = {
    "Identity": NAME,
    "TargetMachine": "E2K7SCCNode2",
    "MoveComment": "Testing functionality",
    "Confirm": False,
}
SILENT = Token(r"LAB\exinstall", LogonKind.NETWORK)
RESTING = ("Manual", "Stopped")
SERVING = ("Manual", "Running")


def ask(
    made: World, name: str, given: Mapping[str, object], node: int = 0, token: Token = lab.INSTALLER
) -> list[dict[str, Any]]:
    """Return what a cmdlet of the shell gives."""
    found = scripts.run(lab.context(made, node, token), name, given)
    return [dict(each.properties) for each in found]


def refused(made: World, name: str, given: Mapping[str, object], **where: Any) -> str:
    """Return the text with which a cmdlet refuses, and see that it changed nothing."""
    before = made.state()
    with pytest.raises(CommandError) as caught:
        ask(made, name, given, **where)
    assert made.state() == before
    return caught.value.reply.message


def status(made: World, node: int = 0) -> tuple[str, list[str], list[str]]:
    [found] = ask(made, "Get-ClusteredMailboxServerStatus", {"Identity": NAME}, node)
    return found["State"], found["OperationalMachines"], found["FailedResources"]


def stores(made: World) -> list[tuple[str, str]]:
    return [lab.services(node)["MSExchangeIS"] for node in both(made)]


@pytest.mark.parametrize("node", [0, 1])
def test_either_node_tells_who_is_active(node: int) -> None:
    made = lab.whole()

    [found] = ask(made, "Get-ClusteredMailboxServerStatus", {"Identity": NAME.lower()}, node)

    assert found == {
        "Identity": NAME,
        "ClusteredMailboxServerName": "MailboxServer.lab.local",
        "State": "Online",
        "OperationalMachines": [f"{ONE} <Active, Quorum Owner>", TWO],
        "FailedResources": [],
        "IsValid": True,
        "ObjectState": "Unchanged",
    }


def test_a_move_there_and_back_takes_disk_services_and_databases_along() -> None:
    made = lab.whole()
    site = site_of(made)

    ask(made, MOVE, TO_TWO)

    assert status(made) == ("Online", [f"{ONE} <Quorum Owner>", f"{TWO} <Active>"], [])
    assert lab.mounted(made) == {"Mailbox Database": True}
    assert stores(made) == [RESTING, SERVING]
    assert site.storage.owner(1) == "E2K7SCCNode2"
    assert site.domain.dns["mailboxserver"] == lab.ADDRESS

    ask(made, MOVE, TO_TWO | {"TargetMachine": "E2K7SCCNode1"}, 1)

    assert status(made) == ("Online", [f"{ONE} <Active, Quorum Owner>", TWO], [])
    assert stores(made) == [SERVING, RESTING]


def test_the_comment_of_a_move_goes_into_the_application_log_of_the_node_that_is_left() -> None:
    made = lab.whole()
    ask(made, MOVE, TO_TWO)

    first, second = (
        [each.message for each in node.events.events if each.log == APPLICATION]
        for node in both(made)
    )

    assert (len(first), second) == (1, [])
    assert "Testing functionality" in first[0]


def test_without_the_disk_in_its_group_a_move_leaves_the_database_dismounted() -> None:
    made = lab.active()
    lab.run(made, *ROLE, node=1)
    site = site_of(made)

    with pytest.raises(CommandError) as caught:
        ask(made, MOVE, TO_TWO)

    assert "Mailbox Database" in caught.value.reply.message
    assert site.cluster.groups[NAME].owner == TWO
    assert site.storage.owner(1) == "E2K7SCCNode1"
    assert lab.mounted(made) == {"Mailbox Database": False}
    state, _, failed = status(made)
    assert (state, failed) == ("Failed", [lab_database()])
    [event] = [e for e in both(made)[1].events.events if e.source == "MSExchange Cluster"]
    assert (event.event_id, event.kind) == (1019, "Error")


def lab_database() -> str:
    return f"First Storage Group/Mailbox Database ({NAME})"


def test_without_the_dependency_the_disk_arrives_too_late_but_a_mount_then_succeeds() -> None:
    made = lab.active()
    lab.run(made, *ROLE, node=1)
    site = site_of(made)
    assert site.cluster.change_group(site, "Disk S:", NAME) == 0

    with pytest.raises(CommandError):
        ask(made, MOVE, TO_TWO)

    assert (lab.mounted(made), site.storage.owner(1)) == (
        {"Mailbox Database": False},
        "E2K7SCCNode2",
    )
    identity = rf"{NAME}\First Storage Group\Mailbox Database"
    ask(made, "Mount-Database", {"Identity": identity, "Confirm": False}, 1)
    assert lab.mounted(made) == {"Mailbox Database": True}


def test_a_late_failure_leaves_databases_dismounted_on_the_node_that_was_reached() -> None:
    made = lab.whole()
    made.act("late-move-failure", {})

    with pytest.raises(CommandError) as caught:
        ask(made, MOVE, TO_TWO)

    text = "The server was moved, but these databases are not mounted: Mailbox Database."
    assert caught.value.reply.message == text
    assert site_of(made).cluster.groups[NAME].owner == TWO
    assert lab.mounted(made) == {"Mailbox Database": False}
    identity = rf"{NAME}\First Storage Group\Mailbox Database"
    ask(made, "Mount-Database", {"Identity": identity, "Confirm": False})
    assert status(made)[0] == "Online"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"Confirm": True}, PROMPT),
        ({"TargetMachine": "E2K7SCCNode7"}, "The machine E2K7SCCNODE7 is no node of the cluster."),
        (
            {"TargetMachine": "E2K7SCCNode1"},
            f"The clustered mailbox server {NAME} is already active on {ONE}.",
        ),
        ({"Identity": "Other"}, "The server 'Other' is not a clustered mailbox server."),
        (
            {"MoveComment": ""},
            (
                "Cannot process command because of one or more missing mandatory parameters: "
                "MoveComment."
            ),
        ),
    ],
    ids=["prompt", "no member", "already there", "no such server", "no comment"],
)
def test_a_move_is_refused_and_nothing_moves(change: dict[str, object], told: str) -> None:
    assert refused(lab.whole(), MOVE, TO_TWO | change) == told


def test_a_move_asks_unless_it_is_told_not_to() -> None:
    given = {name: value for name, value in TO_TWO.items() if name != "Confirm"}

    assert refused(lab.whole(), MOVE, given) == PROMPT


@pytest.mark.parametrize("switch", ["WhatIf", "ValidateOnly"])
def test_a_dry_run_checks_and_moves_nothing(switch: str) -> None:
    made = lab.whole()
    before = made.state()

    assert ask(made, MOVE, TO_TWO | {switch: True}) == []

    assert made.state() == before
    made.act("dismount-database", {})
    told = "These databases are not mounted: Mailbox Database."
    assert refused(made, MOVE, TO_TWO | {switch: True}) == told


def test_a_node_without_the_role_is_no_target() -> None:
    told = f"The machine {TWO} is not in the list of redundant machines: {ONE}."

    assert refused(lab.tied(), MOVE, TO_TWO) == told


def test_a_node_that_is_down_is_no_target_and_not_listed() -> None:
    made = lab.whole()
    both(made)[1].switch_off()

    assert status(made) == ("Online", [f"{ONE} <Active, Quorum Owner>"], [])
    assert refused(made, MOVE, TO_TWO) == f"The machine {TWO} is not up."


def test_dismounted_databases_stop_a_move_unless_they_are_to_be_ignored() -> None:
    made = lab.whole()
    made.act("dismount-database", {"database": "Mailbox Database"})

    told = "These databases are not mounted: Mailbox Database."
    assert refused(made, MOVE, TO_TWO) == told
    with pytest.raises(CommandError):
        ask(made, MOVE, TO_TWO | {"IgnoreDismounted": True})
    assert site_of(made).cluster.groups[NAME].owner == TWO
    assert lab.mounted(made) == {"Mailbox Database": False}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("Get-ClusteredMailboxServerStatus", {"Identity": NAME}),
        ("Get-MailboxServer", {"Identity": NAME}),
        ("Get-ExchangeServer", {"Identity": NAME}),
        ("Get-MailboxDatabase", {"Server": NAME, "Status": True}),
        ("Get-StorageGroup", {"Server": NAME}),
        (MOVE, TO_TWO),
        ("Stop-ClusteredMailboxServer", {"Identity": NAME, "StopReason": "x", "Confirm": False}),
        ("Mount-Database", {"Identity": "Mailbox Database"}),
    ],
)
def test_over_a_session_without_credentials_nothing_is_answered(
    name: str, given: dict[str, object]
) -> None:
    told = (
        "Active Directory server DC1.lab.local could not be contacted: An operations error "
        "occurred. (0x80072020)"
    )

    assert refused(lab.whole(), name, given, token=SILENT) == told


def test_an_account_without_rights_moves_nothing() -> None:
    told = refused(lab.whole(), MOVE, TO_TWO, token=Token(r"LAB\svc-clus", LogonKind.BATCH))

    assert told == "Access is denied: insufficient rights."


def test_a_stopped_server_stays_down_through_restarts_until_it_is_started() -> None:
    made = lab.whole()
    given = {"Identity": NAME, "StopReason": "patching", "Confirm": False}

    ask(made, "Stop-ClusteredMailboxServer", given)

    assert status(made) == ("Offline", [f"{ONE} <Quorum Owner>", TWO], [])
    assert (stores(made), lab.mounted(made)) == ([RESTING, RESTING], {"Mailbox Database": False})
    assert site_of(made).cluster.resources["Disk S:"].is_online
    for node in both(made):
        made.act("restart", {"node": node.name})
        cluster_site.wait(made, 200)
    assert status(made)[0] == "Offline"

    ask(made, "Start-ClusteredMailboxServer", {"Identity": NAME, "Confirm": False})

    assert (status(made)[0], lab.mounted(made)) == ("Online", {"Mailbox Database": True})
    told = refused(made, "Start-ClusteredMailboxServer", {"Identity": NAME, "Confirm": False})
    assert told == f"The clustered mailbox server {NAME} runs already."


@pytest.mark.parametrize("how", ["power-loss", "power-off"])
def test_the_other_node_takes_over_when_the_active_one_falls_silent(how: str) -> None:
    made = lab.whole()

    made.act(how, {"node": "E2K7SCCNode1"})
    cluster_site.wait(made, 300)

    assert status(made, 1) == ("Online", [f"{TWO} <Active, Quorum Owner>"], [])
    assert lab.mounted(made) == {"Mailbox Database": True}
    assert lab.services(both(made)[1])["MSExchangeSA"] == SERVING


def test_a_move_goes_on_when_whoever_asked_for_it_ends() -> None:
    made = lab.whole()
    where = lab.context(made)
    script = {"Name": MOVE, "Parameters": TO_TWO, "Watch": ""}

    code, _ = lab.staged(where, scripts.call_exchange(where, script), kill=2)

    assert (code, status(made)[0]) == (1, "OnlinePending")
    assert lab.mounted(made) == {"Mailbox Database": False}
    cluster_site.wait(made, moves.UNDER_WAY_S + 1)
    assert status(made) == ("Online", [f"{ONE} <Quorum Owner>", f"{TWO} <Active>"], [])


def test_a_server_whose_target_is_lost_on_the_way_comes_back() -> None:
    made = lab.whole()
    where = lab.context(made)
    script = {"Name": MOVE, "Parameters": TO_TWO, "Watch": ""}
    lab.staged(where, scripts.call_exchange(where, script), kill=2)

    made.act("power-off", {"node": "E2K7SCCNode2"})
    cluster_site.wait(made, 300)

    assert status(made) == ("Online", [f"{ONE} <Active, Quorum Owner>"], [])
    assert lab.mounted(made) == {"Mailbox Database": True}


def test_a_server_whose_source_is_lost_on_the_way_arrives() -> None:
    made = lab.whole()
    where = lab.context(made)
    script = {"Name": MOVE, "Parameters": TO_TWO, "Watch": ""}
    lab.staged(where, scripts.call_exchange(where, script), kill=2)

    made.act("power-loss", {"node": "E2K7SCCNode1"})
    cluster_site.wait(made, 300)

    assert status(made, 1) == ("Online", [f"{TWO} <Active, Quorum Owner>"], [])
    assert lab.mounted(made) == {"Mailbox Database": True}


def test_a_server_waits_on_the_way_while_no_node_is_there() -> None:
    made = lab.whole()
    where = lab.context(made)
    script = {"Name": MOVE, "Parameters": TO_TWO, "Watch": ""}
    lab.staged(where, scripts.call_exchange(where, script), kill=2)

    for node in both(made):
        made.act("power-loss", {"node": node.name})
    cluster_site.wait(made, moves.UNDER_WAY_S + 1)
    assert lab.mounted(made) == {"Mailbox Database": False}
    for node in both(made):
        made.act("power-on", {"node": node.name})
    cluster_site.wait(made, 300)

    assert (status(made)[0], lab.mounted(made)) == ("Online", {"Mailbox Database": True})


def test_the_cluster_itself_moves_the_group_without_any_check() -> None:
    made = lab.whole()
    made.act("dismount-database", {})

    site = site_of(made)
    assert site.cluster.move_group(site, NAME, TWO) == 0

    assert lab.mounted(made) == {"Mailbox Database": False}
    assert stores(made) == [RESTING, SERVING]


WATCHED = {"Name": MOVE, "Parameters": TO_TWO, "Watch": NAME}


def watched(made: World, seconds: float) -> list[str]:
    """Return what a watched move tells of the databases when it takes this long."""
    where = lab.context(made)
    begun = scripts.call_exchange(where, WATCHED)
    progress = Progress()
    cluster_site.wait(made, 5)
    begun.procedure.stages[0].do(where, begun.data, progress)
    cluster_site.wait(made, seconds)
    with suppress(Ended):
        begun.procedure.stages[1].do(where, begun.data, progress)
    [answer] = progress.bags
    output = answer.properties["Output"]
    assert isinstance(output, list)
    return output


def test_a_watched_move_tells_how_long_the_database_was_gone() -> None:
    made = lab.whole()
    moment = both(made)[0].now

    lines = watched(made, 35)

    def at(seconds: int) -> str:
        return f"{moment + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}"

    assert lines == [
        f"{at(0)} Mailbox Database mounted",
        f"{at(5)} Mailbox Database dismounted",
        f"{at(40)} Mailbox Database mounted",
        f"outage of 35 s, {at(5)} to {at(40)}",
    ]


def test_an_outage_that_the_clock_cannot_tell_is_not_called_none() -> None:
    lines = watched(lab.whole(), 0.2)

    assert lines[-1].startswith("outage of less than 1 s, ")


def test_a_watched_move_that_fails_late_tells_that_the_outage_is_not_over() -> None:
    made = lab.whole()
    made.act("late-move-failure", {})

    lines = watched(made, 35)

    assert len(lines) == 3
    assert lines[-1].startswith("outage since ")
    assert lines[-1].endswith(", not over: Mailbox Database")


def test_a_refused_move_sees_no_outage() -> None:
    made = lab.whole()
    where = lab.context(made)
    given = {**WATCHED, "Parameters": TO_TWO | {"TargetMachine": "E2K7SCCNode7"}}

    code, [answer] = lab.objects(where, scripts.call_exchange(where, given))

    assert (code, answer.properties["Outcome"]) == (1, "refused")
    output = answer.properties["Output"]
    assert isinstance(output, list)
    assert output[1:] == ["no outage seen"]
