"""Phase 70: the role, the mailbox server, and the shared disk in its group, planned from values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.commands.command import Detached, ManualAct, PersonsAct, Program
from runbook_lib.commands.exchange_setup_state import Media, PartState, SetupState
from runbook_lib.commands.server_cluster import (
    Cluster,
    Configured,
    Group,
    GroupState,
    Membership,
    Node,
    NodeState,
    Resource,
    ResourceState,
    Seen,
)
from runbook_lib.commands.system import LocalDisk
from runbook_lib.steps import install_exchange_active_node as steps
from runbook_lib.steps import prove_failover
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
SERVER = "MailboxServer"
NOTHING = PartState(None, None, None, None)
DONE = PartState("8.3.83.6", "8.3.83.6", None, None)
HALF = PartState("8.3.83.6", None, "Install", "x")
ABSENT = SetupState(NOTHING, NOTHING, None, is_running=False)
ROLE = replace(ABSENT, role=DONE, version="8.3.83.6")
MADE = replace(ROLE, server=DONE)
NODES = (Node(ONE, NodeState.UP), Node(TWO, NodeState.UP))
DATABASE = f"First Storage Group/Mailbox Database ({SERVER})"
STORE = f"Exchange Information Store Instance ({SERVER})"
C = LocalDisk("C:", 10**10, 10**11)


def cluster(
    *,
    disk_in: str = SERVER,
    owner: str = ONE,
    waits: bool = True,
    state: GroupState = GroupState.ONLINE,
    database: ResourceState = ResourceState.ONLINE,
    group: bool = True,
    more: tuple[Group, ...] = (),
) -> Seen:
    """Return the cluster behind phase 70, but for what is given."""
    on, both = ResourceState.ONLINE, (ONE, TWO)
    below = (STORE, "Disk S:") if waits else (STORE,)
    resources = [Resource("Disk S:", "Physical Disk", on, disk_in, (), both)]
    groups = [*more]
    if group:
        kind = "Microsoft Exchange Database Instance"
        resources.append(Resource(DATABASE, kind, database, SERVER, below, both))
        groups.append(Group(SERVER, state, owner))
    return Seen(
        Membership(Configured.RUNNING, "E2K7CLU"),
        Cluster("E2K7CLU", NODES, tuple(groups), tuple(resources)),
    )


OWN_GROUP = Group("Group 0", GroupState.ONLINE, ONE)
BEFORE = cluster(disk_in="Group 0", group=False, more=(OWN_GROUP,))
FRESH = cluster(disk_in="Group 0", waits=False, more=(OWN_GROUP,))


def plan(factory: StepFactory, **seen: Any) -> Plan:
    return next(iter(factory(topology()))).plan(**seen)


def changes(found: Plan) -> list[tuple[str, str, str]]:
    assert isinstance(found, Changes), found
    return [(each.setting, each.before, each.after) for each in found.changes]


def line(change: Change) -> tuple[str, ...]:
    """Return the words of the program that a change runs."""
    command = change.by.command  # type: ignore[union-attr]
    program = command.command if isinstance(command, Detached) else command
    assert isinstance(program, Program)
    return (program.path, *map(str, program.arguments))


def reason(found: Plan) -> str:
    assert isinstance(found, Blocked), found
    assert found.next_step
    return found.reason


# -- the release


def media(own: Media | None, beside: object = None, setup: SetupState = ABSENT) -> Plan:
    other = Media("x", "8.3.83.6") if beside is None else beside
    return plan(steps.check_media, own=own, beside=other, disks=(C,), setup=setup)


def test_a_released_build_on_both_nodes_is_told_with_its_service_pack() -> None:
    sp1 = Media("x", "8.1.240.6")

    assert media(Media("x", "8.3.83.6")) == NoChange("SP3, build 8.3.83.6")
    assert media(sp1, sp1) == NoChange("SP1, build 8.1.240.6; only SP3 is made for PowerShell 2.0")
    assert media(None, setup=ROLE) == NoChange("not needed any more: 8.3.83.6 is installed")
    assert isinstance(media(Media("x", "8.3.83.6"), SILENT), NoChange)


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (None, r"C:\ExchangeSetup\Setup.com is not there"),
        (Media("x", None), "version unknown, no released build"),
        (Media("x", "8.0.605.15"), "version 8.0.605.15, no released build"),
        (Media("x", "8.2.176.2"), "the nodes have different builds: 8.2.176.2 here, 8.3.83.6 on"),
    ],
)
def test_media_of_no_use_are_refused(own: Media | None, why: str) -> None:
    assert why in reason(media(own))


def test_another_release_than_the_one_that_was_begun_is_refused() -> None:
    begun = replace(ABSENT, role=HALF, version="8.1.240.6")

    assert "files of 8.1.240.6 are installed" in reason(media(Media("x", "8.3.83.6"), setup=begun))


def test_a_drive_that_is_not_local_is_refused() -> None:
    found = plan(steps.check_media, own=None, beside=None, disks=(), setup=ABSENT)

    assert reason(found) == f"C: is no local drive of {NODE_1}"


# -- the role


def test_the_licence_is_a_persons_word_before_the_first_setup_only() -> None:
    first = plan(steps.install_role, setup=ABSENT)
    again = plan(steps.install_role, setup=replace(ABSENT, role=HALF))

    assert changes(first) == [
        ("licence of Exchange", "not accepted", "accepted"),
        ("Mailbox role", "absent", "installed"),
    ]
    assert isinstance(first, Changes)
    act = first.changes[0].by
    assert isinstance(act, ManualAct)
    assert (act.act, act.is_word) == (PersonsAct.ACCEPT_LICENSE, True)
    assert changes(again) == [
        ("Mailbox role", "half done (Install broke off; Setup resumes it)", "installed")
    ]


def test_setup_is_not_begun_while_it_is_at_work() -> None:
    running = replace(MADE, is_running=True)

    assert "Exchange Setup is at work" in reason(plan(steps.install_role, setup=running))
    assert "Exchange Setup is at work" in reason(
        plan(steps.make_mailbox_server, setup=running, seen=cluster())
    )


# -- the mailbox server


def make(setup: SetupState, seen: Seen) -> Plan:
    return plan(steps.make_mailbox_server, setup=setup, seen=seen)


def test_the_mailbox_server_is_made_by_the_second_run_once_the_role_is_there() -> None:
    waiting, due = make(ABSENT, BEFORE), make(ROLE, BEFORE)

    assert isinstance(waiting, Deferred)
    assert waiting.wishes == ((f"clustered mailbox server {SERVER}", "made, at 192.168.1.30"),)
    assert isinstance(due, Changes)
    assert line(due.changes[0])[1:3] == ("/NewCms", f"/CMSName:{SERVER}")
    assert f"/RemoveCms /CMSName:{SERVER}" in due.changes[0].undo
    assert make(MADE, cluster()) == NoChange("made, 8.3.83.6")


@pytest.mark.parametrize(
    ("setup", "seen", "why"),
    [
        (MADE, BEFORE, "the cluster has no such group"),
        (ROLE, cluster(), f"the cluster has {SERVER} already, and {NODE_1} did not make it"),
        (ROLE, Seen(Membership(Configured.STOPPED)), "tells nothing: configured, not running"),
    ],
)
def test_a_mailbox_server_that_does_not_fit_is_told(
    setup: SetupState, seen: Seen, why: str
) -> None:
    assert why in reason(make(setup, seen))


# -- the disk


def test_the_disks_group_is_moved_only_while_there_is_no_mailbox_server() -> None:
    away = cluster(disk_in="Group 0", group=False, more=(replace(OWN_GROUP, owner=TWO),))

    assert plan(steps.hold_disk, seen=BEFORE) == NoChange("Group 0 with Disk S: is on E2K7SCCNODE1")
    assert changes(plan(steps.hold_disk, seen=away)) == [
        ("owner of Group 0 (Disk S:)", TWO, NODE_1)
    ]
    assert isinstance(plan(steps.hold_disk, seen=cluster(owner=TWO)), NoChange)


def test_the_disk_joins_the_group_in_the_order_in_which_the_cluster_allows_it() -> None:
    found = plan(steps.join_storage, seen=FRESH, setup=MADE)

    assert changes(found) == [
        (f"resource {DATABASE}", "online", "offline"),
        ("group of Disk S:", "Group 0", SERVER),
        (f"resource {DATABASE} waits for", STORE, "Disk S:"),
        (f"group {SERVER}", "partially online", "online"),
    ]
    assert isinstance(found, Changes)
    assert [line(each)[1:] for each in found.changes] == [
        ("resource", DATABASE, "/offline", "/wait:50"),
        ("resource", "Disk S:", f"/moveto:{SERVER}"),
        ("resource", DATABASE, "/adddependency:Disk S:"),
        ("group", SERVER, "/online", "/wait:50"),
    ]


def test_what_is_planned_for_the_disk_is_foretold_in_the_same_words() -> None:
    found = plan(steps.join_storage, seen=BEFORE, setup=ROLE)
    later = plan(steps.join_storage, seen=FRESH, setup=MADE)

    assert isinstance(found, Deferred)
    assert list(found.wishes) == [(setting, after) for setting, _, after in changes(later)]


@pytest.mark.parametrize(
    ("seen", "left"),
    [
        (
            cluster(disk_in="Group 0", waits=False, database=ResourceState.OFFLINE,
                    state=GroupState.PARTIALLY_ONLINE, more=(OWN_GROUP,)),
            ["group of Disk S:", f"resource {DATABASE} waits for", f"group {SERVER}"],
        ),
        (
            cluster(waits=False, database=ResourceState.OFFLINE,
                    state=GroupState.PARTIALLY_ONLINE),
            [f"resource {DATABASE} waits for", f"group {SERVER}"],
        ),
        (
            cluster(database=ResourceState.OFFLINE, state=GroupState.PARTIALLY_ONLINE),
            [f"group {SERVER}"],
        ),
    ],
)  # fmt: skip
def test_joining_goes_on_from_wherever_it_stopped(seen: Seen, left: list[str]) -> None:
    found = plan(steps.join_storage, seen=seen, setup=MADE)

    assert [setting for setting, _, _ in changes(found)] == left


def test_a_joined_disk_is_left_alone_and_a_group_on_its_way_is_waited_for() -> None:
    pending = cluster(state=GroupState.PENDING)

    assert plan(steps.join_storage, seen=cluster(), setup=MADE) == NoChange(
        f"Disk S: in {SERVER}, databases that wait for it: 1"
    )
    assert isinstance(plan(steps.join_storage, seen=pending, setup=MADE), Deferred)


def test_a_disk_on_another_node_than_its_server_is_refused() -> None:
    apart = cluster(disk_in="Group 0", owner=TWO, waits=False, more=(OWN_GROUP,))

    assert reason(plan(steps.join_storage, seen=apart, setup=MADE)) == (
        f"Disk S: is on {ONE}, {SERVER} on {TWO}"
    )


def test_only_an_empty_group_of_a_disk_is_deleted() -> None:
    groups = (OWN_GROUP, Group("Group 12", GroupState.OFFLINE, TWO), replace(OWN_GROUP, name="Own"))
    found = plan(steps.delete_empty_group, seen=cluster(more=groups))

    assert changes(found) == [
        ("group Group 0", "empty", "deleted"),
        ("group Group 12", "empty", "deleted"),
    ]
    assert isinstance(plan(steps.delete_empty_group, seen=FRESH), Deferred)
    assert plan(steps.delete_empty_group, seen=cluster()) == NoChange("no group is empty")


# -- the whole


def check(seen: Seen) -> Plan:
    return plan(prove_failover.check_resources, seen=seen)


def test_resources_of_one_server_on_one_owner_are_told() -> None:
    assert check(cluster()) == NoChange("2 resources online, on E2K7SCCNODE1")


def with_cluster(**changed: Any) -> Seen:
    seen = cluster()
    assert seen.cluster is not None
    return replace(seen, cluster=replace(seen.cluster, **changed))


def resources(*more: Resource, **changed: Any) -> tuple[Resource, ...]:
    found = cluster().cluster
    assert found is not None
    return (*(replace(each, **changed) for each in found.resources), *more)


SECOND = Resource("x", "Microsoft Exchange System Attendant", ResourceState.ONLINE, "OTHER")


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (with_cluster(nodes=NODES[:1]), f"{NODE_2} is no node of the cluster"),
        (with_cluster(nodes=(NODES[0], Node(TWO, NodeState.DOWN))), f"{NODE_2} is down"),
        (with_cluster(resources=resources(SECOND)), "OTHER is a second mailbox server"),
        (with_cluster(resources=resources(owners=(ONE,))), f"cannot run on {NODE_2}"),
        (cluster(waits=False), f"{DATABASE} does not wait for Disk S:"),
        (FRESH, "Disk S: is in Group 0, not in MailboxServer"),
        (BEFORE, "the cluster has no group MailboxServer"),
    ],
)
def test_a_cluster_that_cannot_fail_over_is_told(seen: Seen, why: str) -> None:
    assert why in reason(check(seen))


def test_a_resource_that_is_not_online_is_waited_for() -> None:
    found = check(cluster(database=ResourceState.FAILED, state=GroupState.FAILED))

    assert isinstance(found, Deferred)
    assert found.why == f"{DATABASE} is failed"
