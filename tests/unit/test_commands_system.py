from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runbook_lib.commands import components, netsh, power, rows, system
from runbook_lib.commands.command import Answer, Outcome, Program, Query, Secret, WmiMethod

MISSING = Answer(
    error_id="PathNotFound,Microsoft.PowerShell.Commands.GetItemPropertyCommand", text="no such key"
)
BOOTED = datetime(2006, 11, 22, 9, 15, 33, 500_000, tzinfo=UTC)
OS = {
    "Caption": "Microsoft(R) Windows(R) Server 2003 Enterprise x64 Edition",
    "Version": "5.2.3790",
    "ServicePackMajorVersion": 2,
    "CSDVersion": "Service Pack 2",
    "OtherTypeDescription": "R2",
    "OSProductSuite": 274,
    "ProductType": 3,
    "OSLanguage": 1033,
    "LastBootUpTime": "20061122101533.500000+060",
}
COMPUTER = {
    "Name": "WIN2003-A",
    "PartOfDomain": False,
    "Domain": "WORKGROUP",
    "DomainRole": 2,
    "SystemType": "x64-based PC",
}


def one(**facts: Any) -> Answer:
    return Answer((facts,))


def test_the_operating_system_says_what_it_can_do() -> None:
    seen = system.operating_system().parse([Answer((OS,))])

    assert (seen.is_r2, seen.can_cluster, seen.service_pack) == (True, True, 2)
    assert seen.booted_at == BOOTED


@pytest.mark.parametrize(
    ("suite", "can_cluster"), [(0x112, True), (0x92, True), (0x190, True), (0x110, False)]
)
def test_only_enterprise_and_datacenter_can_cluster(suite: int, can_cluster: bool) -> None:
    seen = system.operating_system().parse([Answer(({**OS, "OSProductSuite": suite},))])

    assert seen.can_cluster is can_cluster


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("20061122101533.500000+060", BOOTED),
        ("20061122101533.500000-300", datetime(2006, 11, 22, 15, 15, 33, 500_000, tzinfo=UTC)),
        ("20061122101533.000000+000", datetime(2006, 11, 22, 10, 15, 33, tzinfo=UTC)),
    ],
)
def test_a_wmi_time_is_read_with_its_minutes_from_greenwich(written: str, moment: datetime) -> None:
    assert rows.moment({"At": written}, "At") == moment


@pytest.mark.parametrize("written", ["", "20061122101533", "20061322101533.000000+000", None, 5])
def test_what_is_no_wmi_time_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        rows.moment({"At": written}, "At")


def test_an_identity_is_guid_name_macs_and_start() -> None:
    adapters = Answer(
        (
            {"MACAddress": "00:03:FF:10:00:21", "NetConnectionID": "Private"},
            {"MACAddress": "00:03:FF:10:00:11", "NetConnectionID": "Public"},
            {"MACAddress": "50:50:54:50:30:30", "NetConnectionID": None},
            {"MACAddress": None, "NetConnectionID": "Unplugged"},
        )
    )
    answers = [one(MachineGuid="9c5e"), Answer((COMPUTER,)), adapters, Answer((OS,))]

    assert system.identity().parse(answers) == system.Identity(
        "9c5e", "WIN2003-A", ("00-03-FF-10-00-11", "00-03-FF-10-00-21"), BOOTED
    )


@pytest.mark.parametrize(
    ("running", "pending", "is_pending"),
    [("NODE1", "NODE1", False), ("NODE1", "node1", False), ("OLD", "NODE1", True)],
)
def test_a_rename_is_pending_when_the_names_differ(
    running: str, pending: str, is_pending: bool
) -> None:
    answers = [one(ComputerName=running), one(ComputerName=pending)]

    assert system.computer_names().parse(answers).rename_is_pending is is_pending


QUIET = [one(PendingFileRenameOperations=None), MISSING, MISSING]
NAMED = [one(ComputerName="A"), one(ComputerName="A")]


@pytest.mark.parametrize(
    ("answers", "reasons"),
    [
        ([*QUIET, *NAMED], ()),
        (
            [one(PendingFileRenameOperations=[r"\??\C:\a.tmp", ""]), *QUIET[1:], *NAMED],
            ("files are to be replaced at the next start",),
        ),
        ([QUIET[0], Answer(), MISSING, *NAMED], ("Windows Update asks for a restart",)),
        ([*QUIET[:2], one(Flags=1), *NAMED], ("an update asks for a restart",)),
        ([*QUIET[:2], one(Flags=0), *NAMED], ()),
        (
            [*QUIET, one(ComputerName="A"), one(ComputerName="B")],
            ("the computer is to be renamed at the next start",),
        ),
    ],
)
def test_each_reason_for_a_restart_is_told(answers: list[Answer], reasons: tuple[str]) -> None:
    assert system.pending_reboot().parse(answers).reasons == reasons


def test_pending_renames_are_told_by_their_sources() -> None:
    pairs = [r"\??\C:\a.tmp", r"!\??\C:\a.dll", r"\??\C:\b.tmp", ""]
    answers = [one(PendingFileRenameOperations=pairs), *QUIET[1:], *NAMED]

    seen = system.pending_reboot().parse(answers)

    assert seen.file_renames == (r"\??\C:\a.tmp", r"\??\C:\b.tmp")


def test_the_clock_is_utc() -> None:
    parts = one(Year=2006, Month=11, Day=22, Hour=9, Minute=15, Second=33)

    assert system.clock().parse([parts]) == BOOTED.replace(microsecond=0)


def test_only_fixed_drives_are_told() -> None:
    drives = Answer(
        (
            {"DeviceID": "D:", "DriveType": 5, "FreeSpace": None, "Size": None},
            {"DeviceID": "Q:", "DriveType": 3, "FreeSpace": None, "Size": None},
            {"DeviceID": "C:", "DriveType": 3, "FreeSpace": 2**33, "Size": 2**34},
        )
    )

    assert system.local_disks().parse([drives]) == (
        system.LocalDisk("C:", 2**33, 2**34),
        system.LocalDisk("Q:", None, None),
    )


def test_a_service_is_found_in_any_spelling_and_may_be_absent() -> None:
    found = one(Name="WinRM", State="Running", StartMode="Auto")

    assert system.service("winrm").parse([found]) == system.Service("WinRM", "Running", "Auto")
    assert system.service("ClusSvc").parse([found]) is None


def test_computer_role_and_width_are_read() -> None:
    seen = system.computer().parse([Answer((COMPUTER,))])

    assert (seen.role, str(seen.role)) == (system.DomainRole.STANDALONE_SERVER, "standalone server")
    assert system.address_width().parse([one(AddressWidth=64)]) == 64


@pytest.mark.parametrize(
    ("query", "answers", "value"),
    [
        (components.dotnet_20(), [one(Install=1, SP=2)], components.DotNet(True, 2)),
        (components.dotnet_20(), [MISSING], components.DotNet(False, 0)),
        (components.powershell_version(), [one(PowerShellVersion="2.0")], "2.0"),
        (components.powershell_version(), [MISSING], None),
        (
            components.hotfixes(),
            [Answer(({"HotFixID": "kb898790"}, {"HotFixID": None}, {"HotFixID": "File 1"}))],
            frozenset({"KB898790", "FILE 1"}),
        ),
        (
            components.optional_components(),
            [one(iis_www=1, iis_smtp=0, iis_nntp=None), one(RemoteAccessEnabled=1)],
            components.OptionalComponents(("iis_www",), True),
        ),
        (
            components.optional_components(),
            [MISSING, MISSING],
            components.OptionalComponents((), False),
        ),
    ],
)
def test_components_are_read_also_where_their_key_is_missing(
    query: Query[Any], answers: list[Answer], value: object
) -> None:
    assert query.parse(answers) == value


def test_a_rename_of_the_machine_needs_a_reboot_and_names_one_instance() -> None:
    action = system.rename("OLD", "NODE1")

    assert action.command == WmiMethod(
        "Win32_ComputerSystem", "Rename", (("Name", "NODE1"),), key=("Name", "OLD")
    )
    assert dict(action.accepts) == {0: Outcome.REBOOT_NEEDED}


def test_a_restart_drops_the_session_and_says_why() -> None:
    action = power.restart("the end of phase 10")

    assert action.drops_session
    assert action.command == Program(
        "shutdown.exe", ("/r", "/t", "5", "/f", "/c", "the end of phase 10", "/d", "p:2:4")
    )


def test_netsh_clears_what_wmi_cannot() -> None:
    said = [
        netsh.set_address_without_gateway("Private", "10.10.10.1", "255.255.255.0").command,
        netsh.clear_wins_servers("Private").command,
    ]

    words = [[str(word) for word in one.arguments] for one in said if isinstance(one, Program)]
    assert words == [
        [
            *("interface", "ip", "set", "address", "name=Private", "source=static"),
            *("addr=10.10.10.1", "mask=255.255.255.0", "gateway=none"),
        ],
        ["interface", "ip", "set", "wins", "name=Private", "source=static", "addr=none"],
    ]


def test_a_secret_in_a_command_shows_its_reference_only() -> None:
    assert str(Secret("keyring:exchange/installer")) == "<secret keyring:exchange/installer>"
