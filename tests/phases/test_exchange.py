"""Phases 70, 80 and 90 on simulated nodes: what is made, what is refused, what is gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import (
    CommandFailedError,
    PreconditionError,
    RunbookError,
    VerificationError,
    WaitingForPersonError,
)
from runbook_lib.execution.gates import approve
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.exchange_installation import Installation, Piece
from runbook_lib.lab.world.world import World
from runbook_lib.topology.loading import Loaded
from tests.builders import loaded
from tests.in_process import Rehearsal, with_person
from tests.lab import exchange_site
from tests.lab.cluster_site import both, site_of, wait

ACTIVE = "70_install_exchange_active_node"
PASSIVE = "80_install_exchange_passive_node"
FAILOVER = "90_prove_failover"
NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"
ONE, TWO = NODE_1.upper(), NODE_2.upper()
DATABASE = "First Storage Group/Mailbox Database (MailboxServer)"
MEDIA = r"C:\ExchangeSetup"


def rehearse(world: World, runs: Path, given: Loaded | None = None) -> Rehearsal:
    return Rehearsal(world, runs / "runs", given or loaded())


def changed(**sections: Any) -> Loaded:
    """Return the rehearsal's file with other values in some sections."""
    given = loaded()
    topology = given.topology.model_copy(
        update={
            name: getattr(given.topology, name).model_copy(update=values)
            for name, values in sections.items()
        }
    )
    return Loaded(topology, given.text, given.sha256, given.warnings)


def quick(given: Loaded | None = None) -> Loaded:
    """Return the file with a short patience, for what will never come."""
    found = given or loaded()
    waits = found.topology.waits.model_copy(update={"service_s": 0.2})
    topology = found.topology.model_copy(update={"waits": waits})
    return Loaded(topology, found.text, found.sha256, found.warnings)


def refused(rehearsal: Rehearsal, phase: str = ACTIVE) -> str:
    """Return why a phase is refused; nothing may have been changed but by tasks that read."""
    before = effects(rehearsal.world)
    with pytest.raises(PreconditionError) as caught:
        rehearsal.carry_out(phase)
    assert caught.value.next_step
    assert effects(rehearsal.world) == before
    return caught.value.why


def effects(world: World) -> list[dict[str, Any]]:
    """Return what was changed, without the tasks and files of those that only read."""
    return [each for each in world.ledger() if "rb-" not in str(each["what"])]


def entries(rehearsal: Rehearsal, event: str) -> list[dict[str, Any]]:
    assert rehearsal.folder is not None
    return [dict(each.data) for each in rehearsal.folder.entries() if each.event == event]


def active_node(world: World) -> str:
    return site_of(world).cluster.groups["MailboxServer"].owner


def installed(tmp_path: Path) -> Rehearsal:
    """Return a rehearsal behind phases 70 and 80."""
    return rehearse(exchange_site.whole(), tmp_path)


# -- the whole way


def test_exchange_is_installed_on_both_nodes_and_moved_there_and_back(tmp_path: Path) -> None:
    world = exchange_site.ready()
    rehearsal = rehearse(world, tmp_path)

    rehearsal.carry_out(ACTIVE)

    resources = exchange_site.resources(world)
    assert resources[DATABASE] == (
        "Microsoft Exchange Database Instance",
        "ONLINE",
        ["Exchange Information Store Instance (MailboxServer)", "Disk S:"],
    )
    assert resources["Disk S:"][1] == "ONLINE"
    assert {state for _, state, _ in resources.values()} == {"ONLINE"}
    assert "Group 0" not in site_of(world).cluster.groups
    assert exchange_site.mounted(world) == {"Mailbox Database": True}
    assert Installation(both(world)[1]).has_binaries is False

    rehearsal.carry_out(PASSIVE)

    server = site_of(world).exchange.clustered_server
    assert server is not None
    assert server.machines == [ONE, TWO]
    assert exchange_site.services(both(world)[1])["MSExchangeIS"] == ("Manual", "Stopped")

    rehearsal.carry_out(FAILOVER)

    moves = [
        (each["before"], each["after"])
        for each in entries(rehearsal, "intent")
        if each["phase"] == FAILOVER
    ]
    assert moves == [(ONE, NODE_2), (TWO, NODE_1)]
    assert active_node(world) == ONE
    assert exchange_site.mounted(world) == {"Mailbox Database": True}
    assert [task.name for node in both(world) for task in site_of(world).tasks.of(node.name)] == []


def test_setup_is_run_three_times_and_no_switch_of_the_server_reaches_node_2(
    tmp_path: Path,
) -> None:
    world = exchange_site.ready()
    rehearsal = rehearse(world, tmp_path)
    rehearsal.carry_out(ACTIVE)
    rehearsal.carry_out(PASSIVE)

    runs = [
        (str(e["node"]), str(e["command"])) for e in entries(rehearsal, "intent") if e.get("task")
    ]
    assert [(node, "/NewCms" in text, "/roles:Mailbox" in text) for node, text in runs] == [
        (NODE_1, False, True),
        (NODE_1, True, False),
        (NODE_2, False, True),
    ]


def test_a_finished_system_is_left_alone(tmp_path: Path) -> None:
    world = exchange_site.ready()
    rehearsal = rehearse(world, tmp_path)
    for phase in (ACTIVE, PASSIVE, FAILOVER):
        rehearsal.carry_out(phase)
    before = effects(world)

    again = rehearse(world, tmp_path / "again")
    for phase in (ACTIVE, PASSIVE, FAILOVER):
        again.carry_out(phase)

    assert effects(world) == before
    assert entries(again, "intent") == []
    assert {each["outcome"] for each in entries(again, "verified")} == {"unchanged"}


def test_the_outage_of_each_move_is_in_the_record(tmp_path: Path) -> None:
    rehearsal = installed(tmp_path)
    rehearsal.carry_out(FAILOVER)

    told = [each["output"][-1] for each in entries(rehearsal, "result")]
    assert len(told) == 2
    assert all(line.startswith("outage of ") for line in told), told


# -- what is refused, with nothing changed


def test_an_unprepared_directory_is_told_and_never_prepared(tmp_path: Path) -> None:
    world = exchange_site.ready()
    world.act("set-exchange-preparation", {"schema_range_upper": 11116, "org_version": 0})

    why = refused(rehearse(world, tmp_path))

    assert "not prepared for Exchange 2007 SP3: schema is at 11116, SP3 needs 14625" in why
    assert "organization is at none, SP3 needs 11222" in why


@pytest.mark.parametrize(("roles", "words"), [(32, "Hub Transport"), (4, "Client Access")])
def test_a_site_without_the_other_roles_is_told(tmp_path: Path, roles: int, words: str) -> None:
    world = exchange_site.ready()
    for server in site_of(world).domain.exchange.servers:
        server.roles &= ~roles

    assert f"no {words} server is in site" in refused(rehearse(world, tmp_path))


def test_a_hub_transport_server_in_another_site_does_not_count(tmp_path: Path) -> None:
    world = exchange_site.ready()
    for server in site_of(world).domain.exchange.servers:
        server.site = "Elsewhere"

    assert "no Hub Transport server is in site" in refused(rehearse(world, tmp_path))


def test_an_installer_without_rights_is_told(tmp_path: Path) -> None:
    world = exchange_site.ready()
    group = "Exchange Organization Administrators"
    world.act("remove-from-group", {"account": "exinstall", "group": group})

    assert rf"LAB\exinstall is not in {group}" in refused(rehearse(world, tmp_path))


@pytest.mark.parametrize(
    ("act", "arguments", "why"),
    [
        ("remove-media", {}, r"C:\ExchangeSetup\Setup.com is not there"),
        ("replace-media", {"version": "8.0.605.15"}, "8.0.605.15, no released build"),
        ("replace-media", {"version": "8.1.240.6"}, "the nodes have different builds"),
    ],
)
def test_media_of_no_use_are_told(
    tmp_path: Path, act: str, arguments: dict[str, str], why: str
) -> None:
    world = exchange_site.ready()
    world.act(act, {"node": NODE_1, "media": MEDIA, **arguments})

    assert why in refused(rehearse(world, tmp_path))


def test_a_name_that_is_taken_is_told(tmp_path: Path) -> None:
    world = exchange_site.ready()
    world.act("cms-name-taken", {"name": "MailboxServer"})

    assert "the name MailboxServer is taken: the directory has a computer account" in refused(
        rehearse(world, tmp_path)
    )


def test_an_address_that_is_taken_is_told(tmp_path: Path) -> None:
    world = exchange_site.ready()
    given = changed(mailbox_server={"address": "192.168.1.10"})

    assert "the address 192.168.1.10 is taken by" in refused(rehearse(world, tmp_path, given))


def test_a_pending_restart_and_a_mail_service_are_told_together(tmp_path: Path) -> None:
    world = exchange_site.ready()
    node = both(world)[0]
    node.registry.put(places.SESSION_MANAGER, "PendingFileRenameOperations", ["a", ""])
    world.act("install-component", {"node": NODE_1, "component": "iis_smtp"})

    why = refused(rehearse(world, tmp_path))

    assert "a restart is pending: files are to be replaced at the next start" in why
    assert "SMTP installed" in why


def test_another_mailbox_server_in_the_cluster_is_told(tmp_path: Path) -> None:
    world = exchange_site.active()
    given = changed(mailbox_server={"name": "OTHER"})

    assert "the cluster runs another mailbox server: MailboxServer" in refused(
        rehearse(world, tmp_path, given)
    )


def test_without_an_accepted_licence_setup_is_not_started(tmp_path: Path) -> None:
    world = exchange_site.ready()
    given = changed(exchange={"accept_license": False})

    assert "the licence of Exchange is not accepted" in refused(rehearse(world, tmp_path, given))


def test_a_setup_that_broke_off_in_another_action_is_told(tmp_path: Path) -> None:
    world = exchange_site.ready()
    world.act("setup-half-done", {"node": NODE_1, "action": "Uninstall"})

    assert 'while it was doing "Uninstall"' in refused(rehearse(world, tmp_path))


def test_a_passive_setup_on_the_active_node_is_refused(tmp_path: Path) -> None:
    world = exchange_site.tied()
    site_of(world).cluster.groups["MailboxServer"].owner = TWO

    why = refused(rehearse(world, tmp_path), PASSIVE)

    assert f"{NODE_2} is the active node of MailboxServer" in why


def test_a_passive_setup_before_the_active_one_is_refused(tmp_path: Path) -> None:
    world = exchange_site.ready()

    assert "the cluster has no mailbox server MailboxServer yet" in refused(
        rehearse(world, tmp_path), PASSIVE
    )


def test_a_move_to_a_machine_that_is_no_node_of_the_server_is_refused(tmp_path: Path) -> None:
    rehearsal = installed(tmp_path)
    server = site_of(rehearsal.world).exchange.clustered_server
    assert server is not None
    server.machines.remove(TWO)

    assert f"{NODE_2} is no node of MailboxServer" in refused(rehearsal, FAILOVER)


def test_a_move_to_the_node_that_has_the_server_already_is_refused(tmp_path: Path) -> None:
    rehearsal = installed(tmp_path)
    rehearsal.world.act("move-cluster-group", {"group": "MailboxServer", "node": NODE_2})

    assert f"MailboxServer is active on {NODE_2} already" in refused(rehearsal, FAILOVER)


# -- what is put right, and what is gone on with


def test_the_disks_group_is_taken_to_node_1_while_it_holds_the_disk_alone(tmp_path: Path) -> None:
    world = exchange_site.ready()
    world.act("move-cluster-group", {"group": "Group 0", "node": NODE_2})
    rehearsal = rehearse(world, tmp_path)

    rehearsal.carry_out(ACTIVE)

    [first, *_] = entries(rehearsal, "intent")
    assert (first["setting"], first["before"], first["after"]) == (
        "owner of Group 0 (Disk S:)",
        TWO,
        NODE_1,
    )
    assert exchange_site.mounted(world) == {"Mailbox Database": True}


@pytest.mark.parametrize("part", ["role", "server"])
def test_a_setup_that_broke_off_is_gone_on_with(tmp_path: Path, part: str) -> None:
    world = exchange_site.ready()
    if part == "server":
        exchange_site.run(world, *exchange_site.ROLE)
        exchange_site.run(world, *exchange_site.SERVER, kill=5)
    else:
        exchange_site.run(world, *exchange_site.ROLE, kill=5)
    rehearsal = rehearse(world, tmp_path)

    rehearsal.carry_out(ACTIVE)

    assert exchange_site.state(world, Piece.MAILBOX)[1]
    assert exchange_site.state(world, Piece.CLUSTERED)[1]
    assert exchange_site.mounted(world) == {"Mailbox Database": True}


def test_exit_code_0_without_a_configured_role_is_not_believed(tmp_path: Path) -> None:
    world = exchange_site.ready()
    world.act("role-without-configured-version", {})
    rehearsal = rehearse(world, tmp_path)

    with pytest.raises(VerificationError) as caught:
        rehearsal.carry_out(ACTIVE)
    assert "Mailbox role files copied only, wanted installed" in caught.value.why

    rehearsal.carry_out(ACTIVE)
    assert exchange_site.mounted(world) == {"Mailbox Database": True}


def test_an_account_that_is_not_replicated_yet_costs_one_more_run_of_setup(tmp_path: Path) -> None:
    world = exchange_site.ready()
    world.act("delay-replication", {"seconds": "100"})
    rehearsal = rehearse(world, tmp_path)

    with pytest.raises(CommandFailedError):
        rehearsal.carry_out(ACTIVE)
    # Setup breaks its lines at 80 columns, even inside words.
    said = "".join(line for each in entries(rehearsal, "result") for line in each["output"])
    assert "hasnotreplicated" in said.replace(" ", "").replace("/", "")
    wait(world, 200)

    rehearsal.carry_out(ACTIVE)
    assert exchange_site.mounted(world) == {"Mailbox Database": True}


def test_a_move_that_fails_late_is_mended_by_mounting_and_not_made_again(tmp_path: Path) -> None:
    rehearsal = installed(tmp_path)
    rehearsal.loaded = quick()
    rehearsal.world.act("late-move-failure", {})

    with pytest.raises(RunbookError) as caught:
        rehearsal.carry_out(FAILOVER)
    assert "ismounted" in caught.value.why or "not mounted" in caught.value.why
    assert active_node(rehearsal.world) == TWO
    assert exchange_site.mounted(rehearsal.world) == {"Mailbox Database": False}

    rehearsal.carry_out(FAILOVER)

    settings = [(each["setting"], each["after"]) for each in entries(rehearsal, "intent")]
    active = "active node (clients are shut out while it moves)"
    assert settings == [
        (active, NODE_2),
        ("database Mailbox Database", "mounted"),
        (active, NODE_1),
    ]
    assert active_node(rehearsal.world) == ONE
    assert exchange_site.mounted(rehearsal.world) == {"Mailbox Database": True}


def test_a_stopped_mailbox_server_is_started_before_it_is_moved(tmp_path: Path) -> None:
    rehearsal = installed(tmp_path)
    rehearsal.world.act("stop-mailbox-server", {})

    rehearsal.carry_out(FAILOVER)

    settings = [(each["setting"], each["after"]) for each in entries(rehearsal, "intent")]
    assert settings[0] == ("MailboxServer", "Online")
    assert exchange_site.mounted(rehearsal.world) == {"Mailbox Database": True}


def test_a_person_answers_for_the_licence_by_name_and_reason(tmp_path: Path) -> None:
    rehearsal = with_person(rehearse(exchange_site.ready(), tmp_path))
    answered = []
    for _ in range(4):
        try:
            rehearsal.carry_out(ACTIVE)
            break
        except WaitingForPersonError:
            assert rehearsal.folder is not None
            gate = str(entries(rehearsal, "gate_opened")[-1]["gate"])
            answered.append(gate)
            approve(str(rehearsal.folder.path), gate, by="Ada", reason="read and agreed to")

    assert answered == [f"{ACTIVE}.plan", f"{ACTIVE}.install_role.{NODE_1}"]
    told = entries(rehearsal, "gate_answered")[-1]
    assert (told["by"], told["reason"]) == ("Ada", "read and agreed to")
