"""The twelve rules without which nobody should believe the lab: each is broken, each time it shows.

Most are held by tests beside the part of the world that they are about; NOTICED_BY names them, and
what is missing there stands here, typed as an administrator types it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.lab.answers import Bag, Invocation, Reply
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.cluster_model import Role
from runbook_lib.lab.world.power import NodeIsDownError
from runbook_lib.lab.world.world import World
from tests.in_process import WALL
from tests.lab import cluster_site
from tests.lab import exchange_site as lab
from tests.lab.cluster_site import both, site_of, switch_on, wait

NOTICED_BY: Mapping[str, tuple[str, ...]] = {
    "1 a session's logon reaches no other machine, a task's does": (
        "test_the_same_words_are_refused_in_a_session_and_allowed_in_a_task",
        "test_over_a_session_without_credentials_setup_gets_nowhere",
        "test_over_a_session_without_credentials_nothing_is_answered",
    ),
    "2 WinRM 2.0 has quotas, and speaks protocol 2.1": (
        "test_sixth_shell_of_a_user_is_over_the_quota",
        "test_idle_shell_is_gone_after_the_time_allowed",
        "test_configuration_names_the_quotas",
        "test_answer_larger_than_envelope_and_fragment_arrives_whole",
        "test_node_speaks_protocol_2_1_and_tells_its_versions",
    ),
    "3 a machine that is off stays off; two on with a disk that nobody owns ruin it": (
        "test_nothing_that_is_sent_switches_a_machine_on",
        "test_node_that_goes_down_refuses_and_returns_on_its_port",
        "test_two_running_nodes_with_a_volume_mounted_ruin_it",
        "test_a_disk_that_is_released_is_in_danger_again",
    ),
    "4 restarts are owed, move the boot time and end sessions; Setup refuses before": (
        "test_a_restart_that_is_owed_stops_setup_until_it_is_done",
        "test_names_and_bindings_count_from_the_next_start_on",
        "test_a_restart_is_silence_then_a_later_boot_time",
        "test_the_role_is_refused_before_anything_changes",
    ),
    "5 WMI answers by codes; 84 without IP; LMHOSTS is the machine's": (
        "test_without_a_cable_every_method_answers_84",
        "test_lmhosts_is_a_setting_of_the_whole_machine",
    ),
    "6 without a shared disk the quorum is local; with disks the cluster chooses": (
        "test_without_a_shared_disk_the_quorum_is_local",
        "test_the_cluster_takes_the_smaller_disk_and_gives_the_other_a_group",
    ),
    "7 roles of networks are refused with 5066 and 5067; listings overflow": (
        "test_network_roles_keep_a_way_inside_and_a_way_to_clients",
        "test_a_refused_role_changes_nothing",
        "test_a_long_name_pushes_the_columns_to_its_right",
        "test_create_and_add_make_a_cluster_of_two_nodes",
    ),
    "8 a disk is read by its owner alone, and Setup asks for that": (
        "test_only_the_owner_reads_the_disk_and_only_there_setup_takes_it",
        "test_what_the_cluster_holds_for_one_node_the_other_cannot_read",
        "test_the_server_is_refused_before_anything_changes",
    ),
    "9 Setup leaves marks while it runs and after a failure, and lets a passive node rest": (
        "test_setup_is_marked_as_under_way_from_the_copied_files_on",
        "test_a_killed_role_goes_on_to_the_same_end",
        "test_the_log_is_appended_run_after_run",
        "test_the_second_node_gets_the_role_rests_and_may_run_the_server",
    ),
    "10 no disk is in the server's group by itself; a move without it dismounts": (
        "test_setup_puts_no_disk_into_the_group_and_lets_no_database_wait_for_one",
        "test_without_the_disk_in_its_group_a_move_leaves_the_database_dismounted",
        "test_without_the_dependency_the_disk_arrives_too_late_but_a_mount_then_succeeds",
    ),
    "11 a question that nobody answers fails": (
        "test_a_move_that_may_ask_fails_and_moves_nothing",
        "test_a_move_asks_unless_it_is_told_not_to",
        "test_a_name_in_use_asks_a_question_that_nobody_answers",
    ),
    "12 minutes of work are polled, and may end half done": (
        "test_work_of_minutes_is_seen_growing_and_may_end_half_done",
        "test_a_loss_of_power_ends_a_task_without_an_exit_code",
        "test_a_killed_server_goes_on_to_the_same_end",
    ),
}
"""Rule -> the tests that break it."""

USER = r"LAB\exinstall"
ROLE_KEY = r"HKLM:\SOFTWARE\Microsoft\Exchange\v8.0\MailboxRole"
SESSION_MANAGER = r"HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager"


def typed(made: World, line: str, node: int = 0, user: str = USER) -> tuple[int, list[str]]:
    """Return exit code and lines of a command line in a session."""
    name = made.node_names[node]
    [said] = made.answer(name, user, Invocation(line, is_script=False, is_line=True)).output
    assert isinstance(said, Bag)
    code, output, errors = (said.properties[key] for key in ("ExitCode", "Output", "Errors"))
    assert isinstance(code, int)
    assert isinstance(output, list)
    assert isinstance(errors, list)
    return code, [*output, *errors]


def cmdlet(made: World, name: str, node: int = 0, /, **parameters: object) -> Reply:
    """Return what a cmdlet answers in a session."""
    invocation = Invocation(name, is_script=False, parameters=parameters)
    return made.answer(made.node_names[node], USER, invocation)


def begin_task(made: World, command: str, node: int = 0) -> None:
    """Let the scheduler begin a command under the installer's account."""
    base = r"C:\WINDOWS\Temp\work"
    lines = [f"{command} > {base}.out 2>&1", f"echo %ERRORLEVEL% > {base}.rc"]
    assert not cmdlet(made, "Set-Content", node, Path=f"{base}.cmd", Value=lines).errors
    account = f"/ru {USER} /rp {made.password('installer')}"
    create = f"schtasks /create /tn work /tr {base}.cmd /sc once /st 23:59:00 {account}"
    for line in (create, "schtasks /run /tn work"):
        assert typed(made, line, node)[0] == 0


def task_status(made: World, node: int = 0) -> str:
    rows = csv.DictReader(
        line for line in typed(made, "schtasks /query /fo CSV /v", node)[1] if line
    )
    return next(row["Status"] for row in rows if row["TaskName"] == "work")


def finish_task(made: World, node: int = 0) -> int:
    """Poll until the task has ended; return its exit code."""
    for _ in range(100):
        if task_status(made, node) != "Running":
            break
    return int(typed(made, r"type C:\WINDOWS\Temp\work.rc", node)[1][0])


def marks(made: World, node: int = 0) -> set[str]:
    """Return the names of the values below the role's key; empty without the key."""
    reply = cmdlet(made, "Get-ItemProperty", node, Path=ROLE_KEY)
    return {
        name
        for bag in reply.output
        if isinstance(bag, Bag)
        for name in bag.properties
        if not name.startswith("PS")
    }


def existing_tests() -> set[str]:
    folder = Path(__file__).parents[1]
    return {
        line.split("(")[0].removeprefix("def ").strip()
        for path in folder.rglob("test_*.py")
        for line in path.read_text("utf-8").splitlines()
        if line.startswith("def test_")
    }


def test_each_rule_has_tests_that_exist() -> None:
    named = {name for names in NOTICED_BY.values() for name in names}

    assert [int(rule.split()[0]) for rule in NOTICED_BY] == [*range(1, 13)]
    assert named - existing_tests() == set()


# -- 1


def test_the_same_words_are_refused_in_a_session_and_allowed_in_a_task() -> None:
    made = cluster_site.world()
    cluster_site.form(made)
    switch_on(made, both(made)[1])
    words = f"cluster /cluster:E2K7CLU /add:{cluster_site.TWO} /pass:{{}} /verbose /unattended"
    words = words.format(made.password("cluster-service"))

    code, lines = typed(made, words)
    assert (code, lines[-1]) == (5, "Access is denied.")
    assert list(site_of(made).cluster.members) == [cluster_site.ONE]

    begin_task(made, words)
    assert finish_task(made) == 0
    assert list(site_of(made).cluster.members) == [cluster_site.ONE, cluster_site.TWO]


# -- 3


def test_nothing_that_is_sent_switches_a_machine_on() -> None:
    made = lab.whole()
    name = made.node_names[1]
    assert typed(made, "shutdown /s /t 0 /f", 1)[0] == 0
    wait(made, 60)
    assert not both(made)[1].is_on

    for line in ("shutdown /r /t 0", "echo there"):
        for _ in range(20):
            with pytest.raises(NodeIsDownError):
                typed(made, line, 1)
    assert typed(made, rf"shutdown /r /t 0 /m \\{name}", 0) == (5, ["Access is denied.(5)"])
    assert typed(made, f"cluster node {name} /start", 0)[0] == 1722
    wait(made, 3600)
    assert not both(made)[1].is_on

    made.act("power-on", {"node": name})
    wait(made, 60)
    assert typed(made, "echo there", 1) == (0, ["there"])


# -- 4


def test_a_restart_that_is_owed_stops_setup_until_it_is_done() -> None:
    made = lab.ready()
    owed = [r"\??\C:\WINDOWS\Temp\x.tmp", ""]
    cmdlet(
        made,
        "New-ItemProperty",
        Path=SESSION_MANAGER,
        Name="PendingFileRenameOperations",
        PropertyType="MultiString",
        Value=owed,
    )
    setup = f'"{lab.SETUP}" /mode:Install /roles:Mailbox'

    begin_task(made, setup)
    assert finish_task(made) == 1
    said = "".join(typed(made, r"type C:\WINDOWS\Temp\work.out")[1])
    # The console breaks words.
    assert "arestartfromapreviousinstallationorupdateispending" in said.replace(" ", "")
    assert marks(made) == set()

    assert typed(made, "shutdown /r /t 0")[0] == 0
    wait(made, 60)
    assert typed(made, "schtasks /run /tn work")[0] == 0
    assert finish_task(made) == 0
    assert marks(made) == {"ConfiguredVersion", "UnpackedVersion"}


def test_names_and_bindings_count_from_the_next_start_on() -> None:
    made = World.create("factory", clock=PolledClock(WALL))
    local = "Administrator"
    [computer] = made.answer(
        made.node_names[0],
        local,
        Invocation("Get-WmiObject", is_script=False, parameters={"Class": "Win32_ComputerSystem"}),
    ).output
    assert isinstance(computer, Bag)
    call = {
        "Path": computer.properties["__PATH"],
        "Name": "Rename",
        "ArgumentList": ["E2K7SCCNode1"],
    }
    node = both(made)[0]
    linkage = r"HKLM:\SYSTEM\CurrentControlSet\Services\Tcpip\Linkage"
    order = node.registry.texts(linkage.removeprefix("HKLM:\\"), "Bind")
    turned = {"Path": linkage, "Name": "Bind", "Value": [*reversed(order)], "Type": "MultiString"}

    for name, parameters in (("Invoke-WmiMethod", call), ("Set-ItemProperty", turned)):
        invocation = Invocation(name, is_script=False, parameters=parameters)
        assert not made.answer(made.node_names[0], local, invocation).errors

    before = (node.computer_name, node.binding_order, node.boots)
    wait(made, 3600)
    assert (node.computer_name, node.binding_order, node.boots) == before
    assert before[0] == "WIN2003-A"
    typed(made, "shutdown /r /t 0", user=local)
    wait(made, 60)
    assert node.computer_name == "E2K7SCCNODE1"
    assert node.binding_order == before[1][::-1]


# -- 6


def test_the_cluster_takes_the_smaller_disk_and_gives_the_other_a_group() -> None:
    made = cluster_site.world()
    command = (
        'cluster E2K7CLU /create "/ipaddress:192.168.1.20,255.255.255.0,Public" '
        rf"/user:LAB\svc-clus /pass:{made.password('cluster-service')} /unattended"
    )

    begin_task(made, command)
    assert finish_task(made) == 0

    cluster = site_of(made).cluster
    assert cluster.quorum is not None
    assert cluster.quorum.resource == "Disk Q:"
    groups = {each.name: each.group for each in cluster.resources.values()}
    assert (groups["Disk Q:"], groups["Disk S:"]) == ("Cluster Group", "Group 0")


# -- 7


@pytest.mark.parametrize(
    ("network", "role", "code"),
    [("Public", Role.INTERNAL, 5067), ("Private", Role.CLIENT, 5066), ("Private", 0, 5066)],
)
def test_a_refused_role_changes_nothing(network: str, role: int, code: int) -> None:
    made = cluster_site.clustered()
    for name, number in (("Private", Role.INTERNAL), ("Public", Role.CLIENT)):
        assert typed(made, f"cluster network {name} /prop Role={int(number)}")[0] == 0
    before = made.state()

    assert typed(made, f"cluster network {network} /prop Role={int(role)}")[0] == code

    assert made.state() == before


# -- 8


def test_only_the_owner_reads_the_disk_and_only_there_setup_takes_it() -> None:
    made = lab.ready()
    assert lab.run(made, *lab.ROLE)[0] == 0
    file = r"S:\probe.txt"
    assert not cmdlet(made, "Set-Content", 0, Path=file, Value=["seen"]).errors
    assert typed(made, f"type {file}", 0) == (0, ["seen"])
    assert typed(made, f"type {file}", 1)[0] == 1

    assert typed(made, 'cluster group "Group 0" /move:E2K7SCCNode2 /wait:60')[0] == 0

    assert typed(made, f"type {file}", 0)[0] == 1
    assert typed(made, f"type {file}", 1) == (0, ["seen"])
    begin_task(made, f'"{lab.SETUP}" {" ".join(lab.SERVER)}')
    assert finish_task(made) == 1
    assert lab.NAME not in site_of(made).cluster.groups
    assert typed(made, 'cluster group "Group 0" /move:E2K7SCCNode1 /wait:60')[0] == 0
    assert typed(made, "schtasks /run /tn work")[0] == 0
    assert finish_task(made) == 0


# -- 9 and 12


def watched_setup(made: World) -> Iterator[tuple[str, set[str]]]:
    """Yield what a poll sees of Setup under way: the task's status and the role's marks."""
    clock = site_of(made).clock
    assert isinstance(clock, PolledClock)
    clock.step_s = 3
    begin_task(made, f'"{lab.SETUP}" /mode:Install /roles:Mailbox')
    while (status := task_status(made)) == "Running":
        yield status, marks(made)


def test_setup_is_marked_as_under_way_from_the_copied_files_on() -> None:
    made = lab.ready()

    seen = [frozenset(marked) for _, marked in watched_setup(made)]

    history = [*dict.fromkeys(seen)]
    assert history[0] == frozenset()
    assert {"UnpackedVersion"} in history
    assert {"UnpackedVersion", "Action", "Watermark"} in history
    assert [*seen].index(history[-1]) > 5  # minutes, seen poll by poll
    assert marks(made) == {"ConfiguredVersion", "UnpackedVersion"}


def test_work_of_minutes_is_seen_growing_and_may_end_half_done() -> None:
    made = lab.ready()
    lengths, marked = list[int](), set[str]()
    for _, marked in watched_setup(made):
        lengths.append(len(typed(made, r"type C:\WINDOWS\Temp\work.out")[1]))
        if "Watermark" in marked:
            break

    made.act("power-loss", {"node": made.node_names[0]})
    made.act("power-on", {"node": made.node_names[0]})
    wait(made, 60)

    assert "Watermark" in marked
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]
    assert typed(made, r"type C:\WINDOWS\Temp\work.rc")[0] == 1
    assert marks(made) == {"UnpackedVersion", "Action", "Watermark"}
    assert task_status(made) != "Running"
    # The same command goes on where it stopped.
    assert typed(made, "schtasks /run /tn work")[0] == 0
    assert finish_task(made) == 0
    assert marks(made) == {"ConfiguredVersion", "UnpackedVersion"}


# -- 11


def test_a_move_that_may_ask_fails_and_moves_nothing() -> None:
    made = lab.whole()
    line = (
        'powershell.exe -NonInteractive -Command "Add-PSSnapin '
        "Microsoft.Exchange.Management.PowerShell.Admin; Move-ClusteredMailboxServer "
        "MailboxServer -TargetMachine E2K7SCCNode2 -MoveComment 'a test'{}\""
    )
    owner: Any = site_of(made).cluster.groups[lab.NAME].owner

    begin_task(made, line.format(""))
    assert finish_task(made) == 1
    said = typed(made, r"type C:\WINDOWS\Temp\work.out")[1]
    assert "prompts the user failed" in " ".join(said)
    assert site_of(made).cluster.groups[lab.NAME].owner == owner

    assert typed(made, "schtasks /delete /tn work /f")[0] == 0
    begin_task(made, line.format(" -Confirm:$false"))
    assert finish_task(made) == 0
    assert site_of(made).cluster.groups[lab.NAME].owner == "E2K7SCCNODE2"
