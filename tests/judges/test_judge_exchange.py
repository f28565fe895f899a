"""A real PowerShell engine runs the scripts of the Exchange shell on a platform of functions."""
# ruff: noqa: E501 (the platform's own text)

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.judges.engine import engine_path
from tests.lab_world import script_text

pytestmark = pytest.mark.judge

READ, CALL = script_text("read_exchange"), script_text("call_exchange")

PLATFORM = r"""
$global:calls = @()
function Add-PSSnapin { [CmdletBinding()] param($Name) $global:calls += "Add-PSSnapin $Name" }
function Get-ClusteredMailboxServerStatus {
    [CmdletBinding()] param($Identity)
    $machines = New-Object System.Collections.ArrayList
    [void]$machines.Add('E2K7SCCNODE1 <Active, Quorum Owner>')
    [void]$machines.Add('E2K7SCCNODE2')
    New-Object PSObject -Property @{
        Identity = $Identity; ClusteredMailboxServerName = 'MailboxServer.lab.local'; State = [DayOfWeek]::Monday
        OperationalMachines = $machines; FailedResources = $null
    }
}
function Get-MailboxServer {
    [CmdletBinding()] param($Identity)
    New-Object PSObject -Property @{ ClusteredStorageType = 'Shared'; RedundantMachines = 'E2K7SCCNODE1' }
}
function Get-ExchangeServer {
    [CmdletBinding()] param($Identity)
    New-Object PSObject -Property @{
        Identity = $Identity; IsMemberOfCluster = 'Yes'; ServerRole = 'Mailbox'
        AdminDisplayVersion = 'Version 8.3 (Build 83.6)'; Edition = 'Enterprise'; Site = 'lab.local/Configuration/Sites/A'
    }
}
function Get-MailboxDatabase {
    [CmdletBinding()] param($Server, [switch]$Status)
    if (-not $Status) { throw 'Mounted is filled with -Status only' }
    New-Object PSObject -Property @{
        Name = 'Mailbox Database'; StorageGroup = "$Server\First Storage Group"
        EdbFilePath = [IO.FileInfo]'/S/db.edb'; Mounted = $true
    }
    New-Object PSObject -Property @{ Name = 'Second'; StorageGroup = 'x'; EdbFilePath = $null; Mounted = $null }
}
function Get-PublicFolderDatabase { [CmdletBinding()] param($Server, [switch]$Status) }
function Get-StorageGroup {
    [CmdletBinding()] param($Server)
    $log = New-Object PSObject -Property @{ PathName = 'S:\ExchangeData\First Storage Group' }
    New-Object PSObject -Property @{ Name = 'First Storage Group'; LogFolderPath = $log; SystemFolderPath = $log }
}
function Start-Sleep { [CmdletBinding()] param($Seconds) $global:second += $Seconds }
$global:second = 0
"""

EMPTY: dict[str, Any] = dict.fromkeys(
    (
        *("SnapIn", "Identity", "ClusteredMailboxServerName", "State", "OperationalMachines"),
        *("FailedResources", "ClusteredStorageType", "RedundantMachines", "IsMemberOfCluster"),
        *("ServerRole", "AdminDisplayVersion", "Edition", "Site", "Name", "StorageGroup"),
        *("EdbFilePath", "Mounted", "LogFolderPath", "SystemFolderPath"),
        *("What", "ErrorId", "ErrorText"),
    )
)


def run(folder: Path, script: str, parameters: str, more: str = "") -> tuple[list[Any], list[str]]:
    """Return the script's objects and what the platform noted; `exit` is noted as a call."""
    text = script.replace("exit $code", '$global:calls += "exit $code"')
    given, got = folder / "script.ps1", folder / "got.json"
    (folder / "text.ps1").write_text(text)
    given.write_text(
        f"$ErrorActionPreference = 'Stop'\n{PLATFORM}\n{more}\n$p = {parameters}\n"
        f"$text = Get-Content -Raw '{folder / 'text.ps1'}'\n"
        "$rows = @(& ([scriptblock]::Create($text)) @p)\n"
        "ConvertTo-Json -InputObject @{ rows = $rows; calls = $global:calls } -Depth 6 |"
        f" Set-Content '{got}'\n"
    )
    command = [engine_path(), "-NoProfile", "-NonInteractive", "-File", str(given)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(got.read_text())
    return answer["rows"], answer["calls"]


def test_a_mailbox_server_is_read_as_rows_of_one_form(tmp_path: Path) -> None:
    rows, calls = run(tmp_path, READ, "@{ Server = 'MailboxServer' }")

    database = {"Kind": "database", "EdbFilePath": "/S/db.edb", "Mounted": True}
    folder = r"S:\ExchangeData\First Storage Group"
    snapin = "Microsoft.Exchange.Management.PowerShell.Admin"
    assert calls == [f"Add-PSSnapin {snapin}"]
    assert rows == [
        EMPTY | {"Kind": "shell", "SnapIn": snapin},
        EMPTY
        | {
            "Kind": "status",
            "Identity": "MailboxServer",
            "ClusteredMailboxServerName": "MailboxServer.lab.local",
            "State": "Monday",
            "OperationalMachines": ["E2K7SCCNODE1 <Active, Quorum Owner>", "E2K7SCCNODE2"],
            "FailedResources": [],
        },
        EMPTY
        | {
            "Kind": "server",
            "Identity": "MailboxServer",
            "ClusteredStorageType": "Shared",
            "RedundantMachines": ["E2K7SCCNODE1"],
            "IsMemberOfCluster": "Yes",
            "ServerRole": "Mailbox",
            "AdminDisplayVersion": "Version 8.3 (Build 83.6)",
            "Edition": "Enterprise",
            "Site": "lab.local/Configuration/Sites/A",
        },
        EMPTY
        | database
        | {"Name": "Mailbox Database", "StorageGroup": r"MailboxServer\First Storage Group"},
        EMPTY | {"Kind": "database", "Name": "Second", "StorageGroup": "x", "EdbFilePath": ""},
        EMPTY
        | {
            "Kind": "storage group",
            "Name": "First Storage Group",
            "LogFolderPath": folder,
            "SystemFolderPath": folder,
        },
    ]


def test_what_cannot_be_read_is_told_beside_what_can(tmp_path: Path) -> None:
    broken = "function Get-ClusteredMailboxServerStatus { param($Identity) throw 'no cluster' }"
    rows, _ = run(tmp_path, READ, "@{ Server = 'X' }", broken)

    kinds = ["shell", "error", "server", "database", "database", "storage group"]
    assert [row["Kind"] for row in rows] == kinds
    assert rows[1] == EMPTY | {
        "Kind": "error",
        "What": "status",
        "ErrorId": "no cluster",
        "ErrorText": "no cluster",
    }


def test_nothing_is_asked_without_the_snap_in(tmp_path: Path) -> None:
    missing = "function Add-PSSnapin { param($Name) throw 'not installed' }"
    rows, _ = run(tmp_path, READ, "@{ Server = 'X' }", missing)

    assert [(row["Kind"], row["What"]) for row in rows] == [("error", "snap-in")]


def test_a_cmdlet_is_called_and_says_how_it_ended(tmp_path: Path) -> None:
    mount = (
        "function Mount-Database { [CmdletBinding()] param($Identity, [switch]$Confirm)"
        " if ($Confirm) { throw 'asked' }; \"mounted $Identity\" }"
    )
    given = "@{ Name = 'Mount-Database'; Parameters = @{ Identity = 'a b'; Confirm = $false } }"
    rows, calls = run(tmp_path, CALL, given, mount)

    output = ["mounted a b"]
    assert rows == [{"Outcome": "answered", "Output": output, "ErrorId": None, "ErrorText": None}]
    assert calls[-1] == "exit 0"


def test_a_cmdlet_that_refuses_makes_exit_code_1(tmp_path: Path) -> None:
    rows, calls = run(
        tmp_path,
        CALL,
        "@{ Name = 'Mount-Database'; Parameters = @{} }",
        "function Mount-Database { throw 'no' }",
    )

    assert rows == [{"Outcome": "refused", "Output": [], "ErrorId": "no", "ErrorText": "no"}]
    assert calls[-1] == "exit 1"


WATCHED = r"""
function Get-Date { [DateTime]::SpecifyKind([DateTime]'2006-11-22T10:00:00', 'Utc').AddSeconds($global:second) }
function Get-MailboxDatabase {
    [CmdletBinding()] param($Server, [switch]$Status)
    if ($global:second -eq 3) { throw 'busy' }
    $down = @(DOWN)
    New-Object PSObject -Property @{ Name = 'One'; Mounted = ($down -notcontains $global:second) }
}
"""
INLINE = """
function Start-Work($Text, $Name, $Parameters) { @{ Text = $Text; Name = $Name; Parameters = $Parameters } }
function Test-Working($Work) { $global:second -lt 6 }
function Complete-Work($Work) { & ([scriptblock]::Create($Work['Text'])) $Work['Name'] $Work['Parameters'] }
"""
MOVE = "@{ Name = 'Move-X'; Parameters = @{}; Watch = 'MailboxServer' }"


@pytest.mark.parametrize(
    ("down", "told"),
    [
        (
            "2, 3, 4",
            [
                "2006-11-22T10:00:00 One mounted",
                "2006-11-22T10:00:02 One dismounted",
                "2006-11-22T10:00:05 One mounted",
                "outage of 3 s, 2006-11-22T10:00:02 to 2006-11-22T10:00:05",
            ],
        ),
        (
            "5, 6",
            [
                "2006-11-22T10:00:00 One mounted",
                "2006-11-22T10:00:05 One dismounted",
                "outage since 2006-11-22T10:00:05, not over: One",
            ],
        ),
        ("99", ["2006-11-22T10:00:00 One mounted", "no outage seen"]),
    ],
)
def test_the_outage_of_a_move_is_told_by_the_clock(
    tmp_path: Path, down: str, told: list[str]
) -> None:
    more = WATCHED.replace("DOWN", down) + INLINE + "function Move-X { 'moved' }"
    rows, calls = run(tmp_path, without_its_own_work(), MOVE, more)

    assert rows == [
        {"Outcome": "answered", "Output": ["moved", *told], "ErrorId": None, "ErrorText": None}
    ]
    assert calls[-1] == "exit 0"


def test_an_outage_that_the_clock_cannot_tell_is_not_called_none(tmp_path: Path) -> None:
    quick = WATCHED.replace("DOWN", "2, 3, 4").replace("AddSeconds(", "AddMilliseconds(100 * ")
    more = quick + INLINE + "function Move-X { 'moved' }"
    rows, _ = run(tmp_path, without_its_own_work(), MOVE, more)

    moment = "2006-11-22T10:00:00"
    assert rows[0]["Output"][-1] == f"outage of less than 1 s, {moment} to {moment}"


def without_its_own_work() -> str:
    """Return the script with room for functions that do the work in the same thread."""
    own = ("function Start-Work", "function Test-Working", "function Complete-")
    return "\n".join(line for line in CALL.splitlines() if not line.startswith(own))


def test_a_watched_cmdlet_really_runs_beside_the_watch(tmp_path: Path) -> None:
    # This engine has no snap-ins: the work's own shell says so, and the watch still tells.
    bare = "[System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault2()"
    script = CALL.replace("PowerShell]::Create()", f"PowerShell]::Create({bare})")
    rows, calls = run(tmp_path, script, MOVE, WATCHED.replace("DOWN", "99"))

    assert rows[0]["Outcome"] == "refused"
    assert rows[0]["ErrorId"] == "CommandNotFoundException"
    assert rows[0]["Output"] == ["2006-11-22T10:00:00 One mounted", "no outage seen"]
    assert calls[-1] == "exit 1"
