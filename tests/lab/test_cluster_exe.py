"""cluster.exe on the simulated nodes: listings, actions, codes, and who is let in."""

from __future__ import annotations

import pytest

from runbook_lib.lab.faults import Fault
from runbook_lib.lab.handlers import installed
from runbook_lib.lab.handlers.surface import Context, Ran
from runbook_lib.lab.world.cluster_model import QUORUM_LOG_KB
from runbook_lib.lab.world.power import Power
from runbook_lib.lab.world.site import LogonKind, Token
from runbook_lib.lab.world.world import World
from tests.lab import cluster_site
from tests.lab.cluster_site import ONE, TWO

CREATE = (
    "/cluster:E2K7CLU",
    "/create",
    "/ipaddress:192.168.1.20,255.255.255.0,Public",
    r"/user:LAB\svc-clus",
    "/node:E2K7SCCNode1",
    "/verbose",
    "/unattended",
)
ADD = ("/cluster:E2K7CLU", "/add:E2K7SCCNode2", "/verbose", "/unattended")


def run(
    world: World,
    *words: str,
    node: int = 0,
    kind: LogonKind = LogonKind.NETWORK,
    fault: Fault | None = None,
) -> Ran:
    token = Token(r"LAB\exinstall", kind)
    context = Context(cluster_site.both(world)[node], cluster_site.site_of(world), token, fault)
    return installed.run_program(context, "cluster.exe", words)


def detached(world: World, *words: str, fault: Fault | None = None) -> Ran:
    password = f"/password:{world.password('cluster-service')}"
    return run(world, *words, password, kind=LogonKind.BATCH, fault=fault)


def test_create_and_add_make_a_cluster_of_two_nodes() -> None:
    world = cluster_site.world()

    created = detached(world, *CREATE)
    cluster_site.switch_on(world, cluster_site.both(world)[1])
    added = detached(world, *ADD)

    assert (created.exit_code, added.exit_code) == (0, 0)
    assert run(world, "node", "/status").lines == (
        "Listing status for all available nodes:",
        "",
        "Node           Node ID Status",
        "-------------- ------- ---------------------",
        "E2K7SCCNODE1         1 Up",
        "E2K7SCCNODE2         2 Up",
    )
    assert run(world, "res").lines == (
        "Listing status for all available resources:",
        "",
        "Resource             Group                Node            Status",
        "-------------------- -------------------- --------------- ------",
        "Cluster IP Address   Cluster Group        E2K7SCCNODE1    Online",
        "Cluster Name         Cluster Group        E2K7SCCNODE1    Online",
        "Disk Q:              Cluster Group        E2K7SCCNODE1    Online",
        "Disk S:              Group 0              E2K7SCCNODE1    Online",
    )
    assert run(world, "/quorum").lines[-1] == (
        f"Disk Q:              {'Q:' + chr(92) + 'MSCS' + chr(92):<40} {QUORUM_LOG_KB}"
    )
    assert run(world, "res", "Disk S:", "/listowners").lines == (
        "",
        "Listing possible owners for resource 'Disk S:':",
        "Possible Owner Nodes",
        "--------------------",
        "E2K7SCCNODE1",
        "E2K7SCCNODE2",
    )


def test_a_long_name_pushes_the_columns_to_its_right() -> None:
    world = cluster_site.clustered()
    name = "Network Name (MailboxServer)"
    run(world, "group", "MailboxServer", "/create")
    run(world, "res", name, "/create", "/group:MailboxServer", "/type:Network Name")

    listed = run(world, "resource", "/stat")

    assert listed.lines[-1] == f"{name} MailboxServer        E2K7SCCNODE1    Offline"


def test_a_session_cannot_create_or_add() -> None:
    world = cluster_site.world()

    refused = run(world, *CREATE, "/password:x")

    assert refused == Ran(5, ("", "System error 5 has occurred (0x00000005).", "Access is denied."))
    assert not cluster_site.site_of(world).cluster.is_formed


@pytest.mark.parametrize(
    ("act", "code"),
    [("lock-account", 1909), ("disable-account", 1331), ("expire-account", 1793)],
)
def test_an_account_that_may_not_log_on_forms_no_cluster(act: str, code: int) -> None:
    world = cluster_site.world()
    world.act(act, {"account": r"LAB\svc-clus"})

    assert detached(world, *CREATE).exit_code == code
    assert not cluster_site.site_of(world).cluster.is_formed


def test_a_wrong_password_is_refused_when_forming_and_when_adding() -> None:
    world = cluster_site.world()

    wrong = run(world, *CREATE, "/password:no", kind=LogonKind.BATCH)
    assert (wrong.exit_code, wrong.lines[-2:]) == (
        1326,
        (
            "System error 1326 has occurred (0x0000052e).",
            "Logon failure: unknown user name or bad password.",
        ),
    )
    detached(world, *CREATE)
    cluster_site.switch_on(world, cluster_site.both(world)[1])
    assert run(world, *ADD, "/password:no", kind=LogonKind.BATCH).exit_code == 1326
    assert list(cluster_site.site_of(world).cluster.members) == [ONE]


def test_a_name_or_an_address_in_use_is_refused() -> None:
    world = cluster_site.world()
    site = cluster_site.site_of(world)
    site.domain.dns["e2k7clu"] = "192.168.1.1"

    assert detached(world, *CREATE).exit_code == 5900

    del site.domain.dns["e2k7clu"]
    in_use = tuple(word.replace("192.168.1.20", "192.168.1.1") for word in CREATE)
    assert detached(world, *in_use).exit_code == 5057
    elsewhere = tuple(word.replace("192.168.1.20", "10.99.0.1") for word in CREATE)
    assert detached(world, *elsewhere).exit_code == 5894


def test_without_a_shared_disk_the_quorum_is_local() -> None:
    world = cluster_site.world(disks=False)

    assert detached(world, *CREATE).exit_code == 0

    assert [(r.name, r.type) for r in cluster_site.site_of(world).cluster.resources.values()] == [
        ("Local Quorum", "Local Quorum"),
        ("Cluster IP Address", "IP Address"),
        ("Cluster Name", "Network Name"),
    ]


@pytest.mark.parametrize(
    ("stage", "state", "resources"),
    [
        (1, 1, []),
        (3, 1, []),
        (5, 3, []),
        (6, 19, ["Local Quorum"]),
        (8, 19, ["Local Quorum", "Cluster IP Address", "Cluster Name", "Disk Q:", "Disk S:"]),
    ],
)
def test_a_killed_create_leaves_what_its_stages_made(
    stage: int, state: int, resources: list[str]
) -> None:
    world = cluster_site.world()

    killed = detached(world, *CREATE, fault=Fault("kill", str(stage), match="cluster"))

    site, (node, _) = cluster_site.site_of(world), cluster_site.both(world)
    assert killed.exit_code == 1
    assert site.cluster.node_cluster_state(node) == state
    assert list(site.cluster.resources) == resources
    if state != 1:
        assert detached(world, *CREATE).exit_code == 5065
        assert run(world, "node", "E2K7SCCNode1", "/force").exit_code == 0
    assert detached(world, *CREATE).exit_code == 0


def test_a_member_of_another_cluster_is_not_added() -> None:
    world = cluster_site.world()
    detached(world, *CREATE)
    cluster_site.switch_on(world, cluster_site.both(world)[1])
    world.act("join-other-cluster", {"node": "E2K7SCCNode2", "cluster": "OTHER"})

    assert detached(world, *ADD).exit_code == 5065
    assert run(world, "node", "E2K7SCCNode2", "/force", node=1).exit_code == 0
    assert detached(world, *ADD).exit_code == 0
    assert detached(world, *ADD).exit_code == 5040


def test_a_node_that_is_off_is_not_added() -> None:
    world = cluster_site.world()
    detached(world, *CREATE)

    assert detached(world, *ADD).exit_code == 1722
    assert cluster_site.both(world)[1].power is Power.OFF


def test_a_disk_that_the_second_node_does_not_see_has_one_possible_owner() -> None:
    world = cluster_site.world()
    detached(world, *CREATE)
    world.act("hide-disk", {"node": "E2K7SCCNode2", "lun": 1})
    cluster_site.switch_on(world, cluster_site.both(world)[1])

    added = detached(world, *ADD)

    resources = cluster_site.site_of(world).cluster.resources
    assert added.exit_code == 0
    assert any("'Disk S:' is not seen" in line for line in added.lines)
    assert (resources["Disk Q:"].owners, resources["Disk S:"].owners) == ([ONE, TWO], [ONE])
    assert run(world, "group", "Group 0", f"/move:{TWO}").exit_code == 5016


def test_network_roles_keep_a_way_inside_and_a_way_to_clients() -> None:
    world = cluster_site.clustered()
    role = {name: ("network", name, "/prop") for name in ("Public", "Private")}

    assert run(world, *role["Public"], "Role=1").exit_code == 5067
    assert run(world, *role["Private"], "Role=2").exit_code == 0
    assert run(world, *role["Public"], "Role=2").exit_code == 5066
    assert run(world, *role["Private"], "Role=1").exit_code == 0
    assert run(world, *role["Public"], "Role=2").exit_code == 0
    assert run(world, *role["Public"], "Role=9").exit_code == 87
    assert run(world, "network", "Nowhere", "/prop", "Role=1").exit_code == 5045
    assert run(world, "network", "Public", "/prop").lines[-1] == (
        "D  Public               Role                           2 (0x2)"
    )


def test_the_quorum_goes_where_it_is_told_if_it_can() -> None:
    world = cluster_site.clustered()

    assert run(world, "/quorum:Disk S:", "/path:S:\\MSCS\\").exit_code == 5023
    assert run(world, "res", "Disk S:", "/move:Cluster Group").exit_code == 0
    assert run(world, "/quorum:Disk S:").exit_code == 87
    assert run(world, "/quorum:Disk S:", "/path:S:\\MSCS\\").exit_code == 0
    assert run(world, "/quorum:Cluster Name", "/path:S:\\").exit_code == 5021
    assert run(world, "res", "Disk S:", "/off").exit_code == 5020


def test_dependencies_are_kept_offline_and_without_circles() -> None:
    world = cluster_site.clustered()
    name, address = ("res", "Cluster Name"), ("res", "Cluster IP Address")

    assert run(world, *name, "/adddep:Cluster IP Address").exit_code == 5003
    assert run(world, *name, "/adddep:Disk Q:").exit_code == 5019
    assert run(world, *address, "/adddep:Cluster Name").exit_code == 1059
    assert run(world, *name, "/off").exit_code == 0
    assert run(world, *name, "/adddep:Disk S:").exit_code == 5002
    assert run(world, *name, "/adddep:Disk Q:").exit_code == 0
    assert run(world, *name, "/on", "/wait:60").exit_code == 0
    assert run(world, "res", "Nobody", "/on").exit_code == 5007


def test_groups_move_and_a_node_goes_only_when_it_is_down() -> None:
    world = cluster_site.clustered()

    assert run(world, "group", "cluster group", "/move:E2K7SCCNode2", "/wait:60").exit_code == 0
    assert run(world, "group", "cluster group").lines == (
        "Listing status for resource group 'cluster group':",
        "",
        "Group                Node            Status",
        "-------------------- --------------- ------",
        "Cluster Group        E2K7SCCNODE2    Online",
    )
    assert run(world, "node", TWO, "/evict").exit_code == 5009
    assert run(world, "node", TWO, "/stop", kind=LogonKind.BATCH).exit_code == 0
    assert run(world, "node", TWO, "/evict").exit_code == 0
    assert run(world, "node", "/status").lines[-1] == "E2K7SCCNODE1         1 Up"


def test_a_node_without_the_service_answers_that_nobody_listens() -> None:
    world = cluster_site.world()

    assert run(world, "res").exit_code == 1753
    assert run(world, "/cluster:E2K7CLU", "res").exit_code == 1722
