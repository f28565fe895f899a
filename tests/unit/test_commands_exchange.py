"""What is said to Exchange Setup and its shell, and what their answers mean."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.commands import exchange_setup_state, exchange_shell, setup_com
from runbook_lib.commands.command import Answer, Detached, Secret, TaskAccount
from runbook_lib.commands.exchange_setup_state import Media, PartState, Progress, SetupState
from runbook_lib.commands.exchange_shell import Database, MailboxServer, Server, Status
from runbook_lib.commands.powershell_text import render

ACCOUNT = TaskAccount("LAB\\exinstall", Secret("lab:installer"))
MEDIA = r"C:\ExchangeSetup"


def test_the_role_and_the_mailbox_server_are_two_command_lines() -> None:
    role = setup_com.install_role(MEDIA, error_reporting=True)
    server = setup_com.new_mailbox_server(
        MEDIA, "MailboxServer", "192.168.1.30", r"S:\ExchangeData"
    )

    assert (role.path, role.arguments) == (
        r"C:\ExchangeSetup\Setup.com",
        ("/mode:Install", "/roles:Mailbox", "/EnableErrorReporting"),
    )
    assert (server.path, server.arguments) == (
        r"C:\ExchangeSetup\Setup.com",
        (
            "/NewCms",
            "/CMSName:MailboxServer",
            "/CMSIPAddress:192.168.1.30",
            "/CMSSharedStorage",
            r"/CMSDataPath:S:\ExchangeData",
        ),
    )
    assert setup_com.install_role(MEDIA, legacy_outlook=True).arguments[-1] == (
        "/EnableLegacyOutlook"
    )


def test_undo_command_lines_can_be_typed() -> None:
    assert setup_com.in_words(setup_com.remove_mailbox_server(r"C:\Ex 2007", "MailboxServer")) == (
        r'"C:\Ex 2007\Setup.com" /RemoveCms /CMSName:MailboxServer'
    )
    assert setup_com.in_words(setup_com.uninstall(MEDIA)) == (
        r"C:\ExchangeSetup\Setup.com /mode:Uninstall"
    )


def test_a_run_of_setup_is_a_task_and_says_where_its_password_stands() -> None:
    action = setup_com.run(setup_com.uninstall(MEDIA), ACCOUNT, 7200.0)

    assert action.command == Detached(setup_com.uninstall(MEDIA), ACCOUNT)
    assert action.deadline_s == 7200.0
    assert action.exposes


@pytest.mark.parametrize(
    ("values", "progress"),
    [
        ((None, None, None, None), Progress.ABSENT),
        (("8.3.83.6", None, None, None), Progress.UNPACKED),
        (("8.3.83.6", None, "Install", "a"), Progress.BROKEN_OFF),
        (("8.3.83.6", "8.3.83.6", "Install", None), Progress.BROKEN_OFF),
        (("8.3.83.6", "8.3.83.6", None, "a"), Progress.BROKEN_OFF),
        (("8.3.83.6", "8.1.240.6", None, None), Progress.BROKEN_OFF),
        (("8.3.83.6", "8.3.83.6", None, None), Progress.DONE),
    ],
)
def test_progress_of_setup_is_told_by_its_values(
    values: tuple[str | None, ...], progress: Progress
) -> None:
    assert PartState(*values).progress is progress


def test_setup_is_read_from_registry_and_processes() -> None:
    missing = Answer(error_id="PathNotFound,Microsoft.PowerShell.Commands.GetItemPropertyCommand")
    role = Answer(
        (
            {
                "UnpackedVersion": "8.3.83.6",
                "ConfiguredVersion": None,
                "Action": "Install",
                "Watermark": "x",
            },
        )
    )
    msi = Answer(
        (
            {
                "MsiProductMajor": 8,
                "MsiProductMinor": 3,
                "MsiBuildMajor": 83,
                "MsiBuildMinor": 6,
            },
        )
    )
    query = exchange_setup_state.setup_state()

    assert query.parse([role, missing, msi, Answer(({"Name": "exsetup.exe"},))]) == SetupState(
        role=PartState("8.3.83.6", None, "Install", "x"),
        server=PartState(None, None, None, None),
        version="8.3.83.6",
        is_running=True,
    )
    assert query.parse([missing, missing, missing, Answer(({"Name": "svchost.exe"},))]) == (
        SetupState(
            PartState(None, None, None, None), PartState(None, None, None, None), None, False
        )
    )


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("8.0.605.15", None),
        ("8.0.685.24", "RTM"),
        ("8.1.240.6", "SP1"),
        ("8.2.176.2", "SP2"),
        ("8.3.83.6", "SP3"),
        ("8.3.83", None),
        ("eight", None),
    ],
)
def test_a_build_belongs_to_a_release(version: str, release: str | None) -> None:
    build = Media(r"C:\x\Setup.com", version).build

    assert (exchange_setup_state.release_of(build) if build else None) == release


def bag(kind: str, **values: Any) -> dict[str, Any]:
    return dict.fromkeys(exchange_shell.PROPERTIES) | {"Kind": kind, **values}


STATUS = bag(
    "status",
    Identity="MailboxServer",
    ClusteredMailboxServerName="MailboxServer.lab.local",
    State="Online",
    OperationalMachines=("E2K7SCCNODE1 <Active, Quorum Owner>", "E2K7SCCNODE2"),
    FailedResources=(),
)


def parsed(*rows: dict[str, Any]) -> MailboxServer:
    return exchange_shell.mailbox_server("MailboxServer", ACCOUNT).parse([Answer(rows)])


def test_the_shells_rows_become_one_mailbox_server() -> None:
    folder = r"S:\ExchangeData\First Storage Group"
    server = bag(
        "server",
        Identity="MailboxServer",
        ClusteredStorageType="Shared",
        RedundantMachines=("E2K7SCCNODE1",),
        IsMemberOfCluster="Yes",
        ServerRole="Mailbox",
        AdminDisplayVersion="Version 8.3 (Build 83.6)",
        Edition="Enterprise",
        Site="lab.local/Configuration/Sites/A",
    )
    database = bag(
        "database",
        Name="Mailbox Database",
        StorageGroup=r"MailboxServer\First Storage Group",
        EdbFilePath=folder + r"\Mailbox Database.edb",
        Mounted=None,
    )
    group = bag("storage group", Name="First", LogFolderPath=folder, SystemFolderPath=folder)
    seen = parsed(bag("shell", SnapIn="x"), STATUS, server, database, group)

    machines = ("E2K7SCCNODE1", "E2K7SCCNODE2")
    assert seen.status == Status("Online", machines, "E2K7SCCNODE1", "E2K7SCCNODE1", ())
    assert seen.server == Server(
        storage="Shared",
        machines=("E2K7SCCNODE1",),
        is_clustered=True,
        role="Mailbox",
        version="Version 8.3 (Build 83.6)",
        edition="Enterprise",
        site="lab.local/Configuration/Sites/A",
    )
    assert [each.name for each in seen.dismounted] == ["Mailbox Database"]
    assert seen.paths() == (folder + r"\Mailbox Database.edb", folder, folder)
    assert seen.faults == ()


@pytest.mark.parametrize(
    ("told", "active", "quorum"),
    [
        (("A <Active>", "B <Quorum Owner>"), "A", "B"),
        (("A", "B <Active, Quorum Owner>"), "B", "B"),
        (("A <Quorum Owner>",), None, "A"),
        (("A",), None, None),
    ],
)
def test_tags_tell_the_active_node_and_the_owner_of_the_quorum(
    told: tuple[str, ...], active: str | None, quorum: str | None
) -> None:
    status = parsed(STATUS | {"OperationalMachines": told}).status

    assert status is not None
    assert (status.active, status.quorum) == (active, quorum)


def test_what_the_shell_could_not_read_is_told() -> None:
    seen = parsed(bag("error", What="snap-in", ErrorId="x", ErrorText="none is registered "))

    assert (seen.status, seen.server, seen.faults) == (None, None, ("snap-in: none is registered",))


def test_a_script_that_broke_off_is_told_as_a_fault() -> None:
    failed = Answer(error_id="x", text="out of memory")
    seen = exchange_shell.mailbox_server("MailboxServer", ACCOUNT).parse([failed])

    assert (seen.status, seen.faults) == (None, ("the script: out of memory",))


def test_a_call_of_the_shell_never_asks_and_is_shown_as_typed_there() -> None:
    action = exchange_shell.move("MailboxServer", "E2K7SCCNode2", "why", ACCOUNT, 60.0)

    assert render(action.command) == (
        "Add-PSSnapin -Name 'Microsoft.Exchange.Management.PowerShell.Admin'\n"
        "Move-ClusteredMailboxServer -Identity 'MailboxServer' -TargetMachine 'E2K7SCCNode2' "
        "-MoveComment 'why' -Confirm:$false"
    )
    for other in (
        exchange_shell.start("MailboxServer", ACCOUNT, 60.0),
        exchange_shell.mount("MailboxServer", Database("D", r"X\G", "", None), ACCOUNT, 60.0),
    ):
        assert render(other.command).endswith("-Confirm:$false")


def test_a_database_is_named_by_server_group_and_name() -> None:
    database = Database("Mailbox Database", r"MailboxServer\First Storage Group", "", None)

    assert exchange_shell.identity_of("MailboxServer", database) == (
        r"MailboxServer\First Storage Group\Mailbox Database"
    )
