"""Phases 80 and 90: the passive role, the checks by the shell, and the move there and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.commands.command import Detached, Program, Script
from runbook_lib.commands.exchange_setup_state import PartState, SetupState
from runbook_lib.commands.exchange_shell import (
    Database,
    MailboxServer,
    Server,
    Status,
    StorageGroup,
)
from runbook_lib.commands.server_cluster import (
    Cluster,
    Configured,
    Group,
    GroupState,
    Membership,
    Resource,
    ResourceState,
    Seen,
)
from runbook_lib.commands.system import Service
from runbook_lib.steps import install_exchange_passive_node as passive
from runbook_lib.steps import prove_failover as failover
from runbook_lib.steps.step import (
    SILENT,
    Blocked,
    Change,
    Changes,
    Deferred,
    NoChange,
    Plan,
    StepFactory,
)
from tests.builders import topology

NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"
ONE, TWO = NODE_1.upper(), NODE_2.upper()
FOLDER = r"S:\ExchangeData\First Storage Group"
NOTHING = PartState(None, None, None, None)
DONE = PartState("8.3.83.6", "8.3.83.6", None, None)
ABSENT = SetupState(NOTHING, NOTHING, None, is_running=False)
INSTALLED = replace(ABSENT, role=DONE, version="8.3.83.6")
DATABASE = Database(
    "Mailbox Database",
    r"MailboxServer\First Storage Group",
    FOLDER + r"\Mailbox Database.edb",
    is_mounted=True,
)
SEEN = MailboxServer(
    Status("Online", (ONE, TWO), ONE, ONE, ()),
    Server(
        storage="Shared",
        machines=(ONE, TWO),
        is_clustered=True,
        role="Mailbox",
        version="Version 8.3 (Build 83.6)",
        edition="Enterprise",
        site="lab.local/Configuration/Sites/A",
    ),
    (DATABASE,),
    (StorageGroup("First Storage Group", FOLDER, FOLDER),),
    (),
)
UNREAD = MailboxServer(None, None, (), (), ("snap-in: none",))


MEMBER = Membership(Configured.RUNNING, "E2K7CLU")
STORE = Resource(
    "First Storage Group/Mailbox Database (MailboxServer)",
    "Microsoft Exchange Database Instance",
    ResourceState.ONLINE,
    "MailboxServer",
)


def cluster(owner: str = ONE, *resources: Resource) -> Seen:
    group = Group("MailboxServer", GroupState.ONLINE, owner)
    return Seen(MEMBER, Cluster("E2K7CLU", groups=(group,), resources=resources))


CLUSTER = cluster(ONE, STORE)


def status(**changes: Any) -> MailboxServer:
    assert SEEN.status is not None
    return replace(SEEN, status=replace(SEEN.status, **changes))


def server(**changes: Any) -> MailboxServer:
    assert SEEN.server is not None
    return replace(SEEN, server=replace(SEEN.server, **changes))


DISMOUNTED = replace(SEEN, databases=(replace(DATABASE, is_mounted=False),))


def plan(factory: StepFactory, at: int = 0, **seen: Any) -> Plan:
    return list(factory(topology()))[at].plan(**seen)


def changes(found: Plan) -> tuple[Change, ...]:
    assert isinstance(found, Changes), found
    return found.changes


def reason(found: Plan) -> str:
    assert isinstance(found, Blocked), found
    assert found.next_step
    return found.reason


def waits(found: Plan) -> str:
    assert isinstance(found, Deferred), found
    return found.why


def cmdlet(change: Change) -> tuple[object, object]:
    """Return which cmdlet of the shell a change calls, and with what."""
    command = change.by.command  # type: ignore[union-attr]
    assert isinstance(command, Detached)
    assert isinstance(command.command, Script)
    given = dict(command.command.parameters)
    return given["Name"], given["Parameters"]


# -- phase 80


def test_the_passive_node_gets_the_role_and_no_switch_of_the_mailbox_server() -> None:
    [change] = changes(plan(passive.install_role, setup=ABSENT, seen=CLUSTER))
    command = change.by.command  # type: ignore[union-attr]

    assert (change.setting, change.before, change.after) == ("Mailbox role", "absent", "installed")
    assert isinstance(command, Detached)
    assert command.command == Program(
        r"C:\ExchangeSetup\Setup.com",
        ("/mode:Install", "/roles:Mailbox", "/EnableErrorReporting"),
    )
    assert plan(passive.install_role, setup=INSTALLED, seen=CLUSTER) == NoChange(
        "installed, 8.3.83.6"
    )


@pytest.mark.parametrize(
    ("setup", "seen", "why"),
    [
        (ABSENT, cluster(TWO, STORE), "E2K7SCCNode2 is the active node of MailboxServer"),
        (ABSENT, cluster(ONE), "the cluster has no mailbox server MailboxServer yet"),
        (ABSENT, Seen(MEMBER), "the cluster service of E2K7SCCNode2 tells nothing: running"),
        (replace(ABSENT, server=DONE), CLUSTER, "holds traces of making MailboxServer itself"),
        (replace(ABSENT, is_running=True), CLUSTER, "Exchange Setup is at work on E2K7SCCNode2"),
        (
            replace(ABSENT, role=PartState("8.3.83.6", None, "Uninstall", "x")),
            CLUSTER,
            'Setup broke off on E2K7SCCNode2 while it was doing "Uninstall"',
        ),
        (
            replace(ABSENT, role=PartState("8.3.83.6", "8.1.240.6", None, None)),
            CLUSTER,
            "has files of 8.3.83.6 and a configuration of 8.1.240.6",
        ),
    ],
)
def test_a_passive_setup_is_refused(setup: SetupState, seen: Seen, why: str) -> None:
    assert why in reason(plan(passive.install_role, setup=setup, seen=seen))


@pytest.mark.parametrize(
    ("part", "before"),
    [
        (
            PartState("8.3.83.6", None, "Install", "x"),
            "half done (Install broke off; Setup resumes it)",
        ),
        (PartState("8.3.83.6", None, None, None), "files copied only"),
    ],
)
def test_a_setup_that_broke_off_is_run_again(part: PartState, before: str) -> None:
    [change] = changes(plan(passive.install_role, setup=replace(ABSENT, role=part), seen=CLUSTER))

    assert change.before == before


def services(state: str) -> tuple[Service, ...]:
    return tuple(Service(name, state, "Manual") for name in ("MSExchangeIS", "MSExchangeSA"))


def test_services_run_on_the_active_node_and_rest_on_the_other() -> None:
    def told(at: int, state: str, seen: MailboxServer = SEEN) -> Plan:
        return plan(
            failover.check_services, at, services=services(state), seen=seen, setup=INSTALLED
        )

    assert told(0, "Running") == NoChange("MSExchangeIS, MSExchangeSA: Running")
    assert told(1, "Stopped") == NoChange("MSExchangeIS, MSExchangeSA: Stopped")
    assert told(1, "Running", status(active=TWO)) == NoChange("MSExchangeIS, MSExchangeSA: Running")
    assert reason(told(1, "Running")) == (
        "E2K7SCCNode2 is the passive node, but MSExchangeIS is Running, MSExchangeSA is Running"
    )
    assert "MSExchangeIS is missing" in reason(
        plan(failover.check_services, 0, services=(), seen=SEEN, setup=INSTALLED)
    )


def test_after_setup_services_and_machines_wait_for_it() -> None:
    why = "asked once Setup has ended"

    assert waits(plan(passive.check_services, services=(), seen=UNREAD, setup=ABSENT)) == why
    assert waits(plan(passive.check_machines, seen=UNREAD, setup=ABSENT)) == why


def test_a_directory_that_hears_later_is_waited_for() -> None:
    found = plan(passive.check_machines, seen=server(machines=(ONE,)), setup=INSTALLED)

    assert waits(found) == "E2K7SCCNode2 cannot run MailboxServer"


# -- phase 90: what the shell says


def test_either_node_tells_the_status() -> None:
    assert plan(failover.check_status, 1, seen=SEEN) == NoChange("Online, active on E2K7SCCNODE1")


OUT_OF_SERVICE = [
    (status(state="PartiallyOnline"), "MailboxServer: it is PartiallyOnline, not Online"),
    (status(failed=("Disk S:",)), "MailboxServer: failed: Disk S:"),
    (DISMOUNTED, "MailboxServer: not mounted: Mailbox Database"),
    (replace(SEEN, databases=()), "MailboxServer: it has no database"),
]


@pytest.mark.parametrize(("seen", "why"), OUT_OF_SERVICE)
def test_a_mailbox_server_out_of_service_is_waited_for(seen: MailboxServer, why: str) -> None:
    assert waits(plan(failover.check_status, seen=seen)) == why
    assert waits(there(seen)) == why
    assert waits(back(seen, OUT)) == why
    assert waits(plan(failover.check_console, seen=seen, setup=INSTALLED)) == why


def test_a_server_that_cannot_be_read_is_refused() -> None:
    for found in (
        plan(failover.check_status, seen=UNREAD),
        plan(failover.bring_into_service, seen=UNREAD),
        there(UNREAD),
        back(UNREAD, ()),
    ):
        assert reason(found) == "the Exchange shell cannot read MailboxServer: snap-in: none"


def test_what_a_late_failure_leaves_dismounted_is_mounted() -> None:
    for seen in (DISMOUNTED, replace(DISMOUNTED, status=status(state="Failed").status)):
        [change] = changes(plan(failover.bring_into_service, seen=seen))
        assert (change.setting, change.after) == ("database Mailbox Database", "mounted")
        assert cmdlet(change) == (
            "Mount-Database",
            {
                "Identity": r"MailboxServer\First Storage Group\Mailbox Database",
                "Confirm": False,
            },
        )


def test_a_server_that_was_stopped_is_started() -> None:
    stopped = replace(DISMOUNTED, status=status(state="Offline").status)
    [change] = changes(plan(failover.bring_into_service, seen=stopped))

    assert (change.setting, change.before, change.after) == ("MailboxServer", "Offline", "Online")
    assert cmdlet(change) == (
        "Start-ClusteredMailboxServer",
        {"Identity": "MailboxServer", "Confirm": False},
    )


def test_a_server_on_its_way_or_in_service_is_left_alone() -> None:
    on_its_way = replace(DISMOUNTED, status=status(state="OnlinePending").status)

    assert plan(failover.bring_into_service, seen=SEEN) == NoChange("Online, databases: 1")
    assert isinstance(plan(failover.bring_into_service, seen=on_its_way), NoChange)


def test_the_console_shows_a_cluster_server_with_its_paths() -> None:
    assert plan(failover.check_console, seen=SEEN, setup=INSTALLED) == NoChange(
        "Shared storage, Version 8.3 (Build 83.6), E2K7SCCNODE1 and E2K7SCCNODE2; "
        r"S:\ExchangeData\First Storage Group\Mailbox Database.edb"
    )


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (server(storage="NonShared"), "its storage is NonShared, not Shared"),
        (server(is_clustered=False), "it is no member of a cluster"),
        (server(role="ClientAccess"), "its role is ClientAccess"),
        (server(edition="Standard"), "its edition is Standard, not Enterprise"),
        (
            replace(SEEN, databases=(replace(DATABASE, file=r"C:\x.edb"),)),
            r"C:\x.edb is not below S:\ExchangeData",
        ),
        (
            replace(SEEN, storage_groups=(StorageGroup("G", r"S:\Other", FOLDER),)),
            r"S:\Other is not below S:\ExchangeData",
        ),
    ],
)
def test_a_console_that_shows_something_else_is_told(seen: MailboxServer, why: str) -> None:
    assert why in reason(plan(failover.check_console, seen=seen, setup=INSTALLED))


# -- phase 90: the moves


def log(*targets: str) -> tuple[str, ...]:
    """Return the records that moves to these nodes have left."""
    return tuple(
        f"MailboxServer is being moved. Comment: {failover.comment('MailboxServer', each)}"
        for each in targets
    )


OUT, BOTH_WAYS = log(NODE_2), log(NODE_2, NODE_1)


def there(seen: MailboxServer = SEEN, here: object = (), other: object = ()) -> Plan:
    return plan(failover.move_to_second_node, seen=seen, here=here, there=other)


def back(seen: MailboxServer, here: object, other: object = ()) -> Plan:
    return plan(failover.move_back, seen=seen, here=here, there=other)


def test_the_mailbox_server_is_moved_by_its_own_cmdlet() -> None:
    [change] = changes(there())

    assert (change.setting, change.before, change.after) == (
        "active node (clients are shut out while it moves)",
        ONE,
        NODE_2,
    )
    assert cmdlet(change) == (
        "Move-ClusteredMailboxServer",
        {
            "Identity": "MailboxServer",
            "TargetMachine": "E2K7SCCNode2",
            "MoveComment": "scc-runbook: proof of failover, MailboxServer to E2K7SCCNode2.",
            "Confirm": False,
        },
    )


def test_the_way_back_waits_for_the_way_there_and_is_foretold() -> None:
    found = back(SEEN, ())

    assert isinstance(found, Deferred)
    assert found.wishes == ((failover.ACTIVE_NODE, NODE_1),)


def test_a_proof_that_was_made_is_found_in_the_event_log_and_not_made_again() -> None:
    arrived = status(active=TWO)
    [change] = changes(back(arrived, OUT))

    assert there(arrived, OUT) == NoChange("moved to E2K7SCCNode2; the event log has it")
    assert (change.before, change.after) == (TWO, NODE_1)
    assert there(SEEN, other=log(TWO)) == NoChange("moved to E2K7SCCNode2; the event log has it")
    assert back(SEEN, BOTH_WAYS) == NoChange("moved back to E2K7SCCNode1; the event log has it")
    assert isinstance(back(SEEN, OUT), NoChange)


def test_a_move_to_a_node_of_a_longer_name_is_another_move() -> None:
    assert isinstance(there(SEEN, log(f"{NODE_2}1")), Changes)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (server(machines=(ONE,)), "E2K7SCCNode2 is no node of MailboxServer"),
        (status(machines=(ONE,)), "E2K7SCCNode2 is not in service"),
        (status(active=TWO), "MailboxServer is active on E2K7SCCNode2 already"),
    ],
)
def test_a_move_is_refused_before_anything_is_sent(seen: MailboxServer, why: str) -> None:
    assert why in reason(there(seen))


def test_no_move_is_made_while_a_node_is_off() -> None:
    assert reason(there(other=SILENT)) == "E2K7SCCNode2 does not answer"
    assert reason(back(SEEN, OUT, SILENT)) == "E2K7SCCNode2 does not answer"
