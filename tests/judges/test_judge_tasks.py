"""A real PowerShell engine runs the scripts of tasks; the lab must do what they do.

The platform is functions that note what they are called with: programs, files, folders. One
process serves all cases. What the engine's batch file holds, the lab's cmd takes apart.
"""
# ruff: noqa: E501 (the platform's own text)

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.commands.command import Detached, Program, Secret, TaskAccount
from runbook_lib.commands.powershell_text import render
from runbook_lib.lab.answers import SecretText
from runbook_lib.lab.handlers import cmd_exe, command_line
from tests.judges.engine import Engine, engine_path
from tests.lab_world import NODE_1, Site, script_text

pytestmark = pytest.mark.judge

PLATFORM = r"""
param([string]$CasesFile, [string]$AnswersFile)
function ConvertTo-Sent($Value) {
    if ($Value -is [System.Management.Automation.PSCustomObject]) {
        if ($Value.PSObject.Properties['Secure']) {
            $secure = New-Object System.Security.SecureString
            foreach ($character in $Value.Secure.ToCharArray()) { $secure.AppendChar($character) }
            return $secure
        }
        $table = @{}
        foreach ($property in $Value.PSObject.Properties) { $table[$property.Name] = ConvertTo-Sent $property.Value }
        return $table
    }
    if ($Value -is [System.Array]) {
        $list = New-Object System.Collections.ArrayList
        foreach ($each in $Value) { [void]$list.Add((ConvertTo-Sent $each)) }
        return , $list
    }
    return $Value
}
function Get-ItemProperty { [CmdletBinding()] param($Path, $Name) New-Object PSObject -Property @{ MachineGuid = $global:platform.guid } }
function Get-WmiObject { [CmdletBinding()] param($Class) New-Object PSObject -Property @{ Name = $global:platform.name } }
function Test-Path { [CmdletBinding()] param($Path) $global:files.ContainsKey($Path) }
function New-Item { [CmdletBinding()] param($Path, $ItemType, [switch]$Force) $global:files[$Path] = $ItemType }
function Remove-Item { [CmdletBinding()] param($Path, [switch]$Force) $global:files.Remove($Path) }
function Set-Content { [CmdletBinding()] param($Path, $Value, $Encoding) $global:files[$Path] = @($Value) -join "`n" }
function Export-Clixml { [CmdletBinding()] param($InputObject, $Path, $Depth) $global:files[$Path] = $InputObject }
function Import-Clixml {
    [CmdletBinding()] param($Path)
    if (-not $global:files.ContainsKey($Path)) { throw "no $Path" }
    $global:files[$Path]
}
function Invoke-Platform($Name, $Words) {
    $global:calls += , @(@($Name) + $Words)
    $reply = $global:platform.replies."$Name $($Words[0])"
    $global:LASTEXITCODE = 0
    if ($reply) { $reply.lines; $global:LASTEXITCODE = $reply.exit }
}
function schtasks.exe { Invoke-Platform 'schtasks.exe' @($args) }
function cacls.exe { Invoke-Platform 'cacls.exe' @($args) }
function cmd.exe { Invoke-Platform 'cmd.exe' @($args) }
$answers = @()
foreach ($case in (Get-Content -Path $CasesFile | Out-String | ConvertFrom-Json)) {
    $global:platform = $case.platform
    $global:calls = @()
    $global:files = @{}
    foreach ($property in $case.files.PSObject.Properties) { $global:files[$property.Name] = ConvertTo-Sent $property.Value }
    $parameters = ConvertTo-Sent $case.parameters
    $rows = @()
    foreach ($object in @(& ([scriptblock]::Create($case.text)) @parameters)) {
        $row = @{}
        foreach ($property in $object.PSObject.Properties) { $row[$property.Name] = $property.Value }
        $rows += $row
    }
    $answers += @{ rows = $rows; calls = $global:calls; files = $global:files }
}
[System.IO.File]::WriteAllText($AnswersFile, (ConvertTo-Json -InputObject $answers -Depth 12))
"""

BASE = r"C:\runbook\rb-1"
PASSWORD = "Made up: for the judge"
CREATED = ['SUCCESS: The scheduled task "rb-1" has successfully been created.']
RUN = ['SUCCESS: Attempted to run the scheduled task "rb-1".']
WARNING = (
    'WARNING: The scheduled task "rb-1" has been created, but may not run because the account '
    "information could not be set."
)
ABSENT = ['ERROR: The specified task name "rb-1" does not exist in the system.']
WORDS: Sequence[object] = (
    "",
    "a b",
    "100%",
    "%PATH%",
    "a&b|c>d<e^f",
    "C:\\x y\\",
    "\\\\s\\s\\\\",
    "it's (so)!",
    7,
    True,
    None,
    {"Before": "/pass:", "Secret": SecretText("p%x\\"), "After": ""},
    SecretText("alone & secret"),
)


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(scenario="before:30")


def ask_engine(folder: Path, cases: Sequence[Mapping[str, object]]) -> list[Any]:
    """Return what each case's script gives, calls, and leaves as files."""
    script, given, got = (folder / name for name in ("platform.ps1", "cases.json", "got.json"))
    script.write_text(PLATFORM)
    given.write_text(json.dumps(cases, default=lambda _: None))
    command = [
        engine_path(),
        "-NoProfile",
        "-NonInteractive",
        "-File",
        *map(str, (script, given, got)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    answers: list[Any] = json.loads(got.read_text())
    assert len(answers) == len(cases)
    return answers


def plain(value: object) -> Any:
    """Return a parameter as the cases file holds it."""
    if isinstance(value, SecretText):
        return {"Secure": value.reveal()}
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def case(
    site: Site, name: str, parameters: Mapping[str, object], files: object = (), **replies: Any
) -> dict[str, object]:
    told = {
        "schtasks.exe /create": {"lines": CREATED, "exit": 0},
        "schtasks.exe /run": {"lines": RUN, "exit": 0},
        "schtasks.exe /delete": {"lines": ABSENT, "exit": 1},
        **{f"schtasks.exe /{deed}": reply for deed, reply in replies.items()},
    }
    guid = site.identity()["MachineGuid"]
    platform = {"guid": guid, "name": "E2K7SCCNODE1", "replies": told}
    return {
        "text": script_text(name),
        "parameters": plain(parameters),
        "platform": platform,
        "files": plain(files) or {},
    }


def start(site: Site, **more: object) -> dict[str, object]:
    return {
        "Identity": site.identity(),
        "Task": "rb-1",
        "User": r"LAB\exinstall",
        "Password": SecretText(PASSWORD),
        "Program": "hostname.exe",
        "Arguments": [],
        **more,
    }


def test_starts_are_as_the_lab_carries_them_out(site: Site, tmp_path: Path) -> None:
    script = {
        "Script": script_text("read_components"),
        "Carrier": script_text("run_detached"),
        "Parameters": {"A": "x", "B": [1, 2]},
    }
    nobody = {"MachineGuid": None, "ComputerName": None}
    starts = [
        start(site),
        start(site, Arguments=list(WORDS)),
        start(site, Arguments=["a", 'say "x"']),
        start(site, Arguments=["caf\u00e9"]),
        start(site, Arguments=["\u212aelvin sign"]),
        start(site, Arguments=["two\nlines"]),
        start(site, Identity={"MachineGuid": "another", "ComputerName": None}),
        start(site, Identity={**site.identity(), "ComputerName": "OTHER"}),
        start(site, Identity=nobody),
        start(site, Password=SecretText('with "quotes"')),
        start(site, Password=SecretText("a blank\\")),
        start(site, Program="", **script),
        start(site, Program="", Identity=nobody, **script),
    ]

    judged = ask_engine(tmp_path, [case(site, "start_task", each) for each in starts])

    for given, answer in zip(starts, judged, strict=True):
        ours = Site(scenario="before:30")
        taken = dict(given)
        if taken["Password"] == PASSWORD:
            taken["Password"] = SecretText(ours.world.password("installer"))
        kept: dict[str, str] = {}
        node = ours.world._nodes[NODE_1].files
        [row] = ours.run("start_task", **taken)
        kept = {
            path: node.read(path).rstrip("\n")
            for path in (f"{BASE}.{end}" for end in ("cmd", "ps1", "run.ps1"))
            if node.is_file(path)
        }
        assert [row] == answer["rows"], given
        theirs = {
            path: text
            for path, text in answer["files"].items()
            if path in kept or path.endswith((".cmd", ".ps1"))
        }
        assert kept == {path: text.rstrip("\n") for path, text in theirs.items()}, given
        lines = [command_line.split(str(one["line"])) for one in ours.world.command_lines()]
        own = [line for line in lines if line[0] in ("cacls.exe", "schtasks.exe")]
        masked = [
            ["***" if word == PASSWORD else word for word in call] for call in answer["calls"]
        ]
        assert own == masked, given


def test_the_batch_files_words_are_the_arguments(site: Site, tmp_path: Path) -> None:
    [answer] = ask_engine(tmp_path, [case(site, "start_task", start(site, Arguments=list(WORDS)))])

    line = cmd_exe.line_of(answer["files"][f"{BASE}.cmd"].split("\n")[3])
    words = command_line.split(cmd_exe.expanded(line.command, in_batch=True))

    texts = [word for word in WORDS if word is not None]
    texts[-2:] = ["/pass:p%x\\", "alone & secret"]
    assert words == ["hostname.exe", *map(str, texts)]
    assert line.target == f"{BASE}.out"


def test_a_task_that_cannot_be_made_leaves_nothing(site: Site, tmp_path: Path) -> None:
    failed = {"lines": ["ERROR: no"], "exit": 1}
    cases = [
        case(site, "start_task", start(site), create=failed),
        case(site, "start_task", start(site), create={"lines": [WARNING], "exit": 0}),
        case(site, "start_task", start(site), run=failed),
    ]

    judged = ask_engine(tmp_path, cases)

    assert [answer["rows"][0]["Outcome"] for answer in judged] == ["refused"] * 3
    assert [answer["rows"][0]["ErrorText"] for answer in judged] == [
        "schtasks.exe: ERROR: no",
        f"schtasks.exe: {WARNING}",
        f"schtasks.exe: {CREATED[0]} ERROR: no",
    ]
    for answer in judged:
        assert list(answer["files"]) == [r"C:\runbook"]
        assert answer["calls"][-1] == ["schtasks.exe", "/delete", "/tn", "rb-1", "/f"]


def test_what_an_earlier_task_left_is_removed_first(site: Site, tmp_path: Path) -> None:
    left = {f"{BASE}.rc": "0", f"{BASE}.out.xml": "old", r"C:\runbook\rb-2.rc": "5"}

    [answer] = ask_engine(tmp_path, [case(site, "start_task", start(site), left)])

    assert sorted(answer["files"]) == [
        r"C:\runbook",
        f"{BASE}.cmd",
        f"{BASE}.go",
        r"C:\runbook\rb-2.rc",
    ]


def test_ends_are_as_the_lab_carries_them_out(site: Site, tmp_path: Path) -> None:
    nobody = {"MachineGuid": None, "ComputerName": None}
    other = {"MachineGuid": "another", "ComputerName": None}
    left = {f"{BASE}.cmd": "x", f"{BASE}.rc": "0", r"C:\runbook\rb-2.rc": "5"}
    ends = [{"Identity": each, "Task": "rb-1"} for each in (site.identity(), nobody, other)]

    judged = ask_engine(tmp_path, [case(site, "end_task", each, left) for each in ends])

    for given, answer in zip(ends, judged, strict=True):
        ours = Site(scenario="before:30")
        files = ours.world._nodes[NODE_1].files
        for path, text in left.items():
            files.write(path, text)
        assert list(ours.run("end_task", **given)) == answer["rows"]
        assert [path for path in left if files.is_file(path)] == [
            path for path in left if path in answer["files"]
        ]
        lines = [command_line.split(str(one["line"])) for one in ours.world.command_lines()]
        assert lines == answer["calls"]


def test_the_text_of_detached_work_reads_as_it_is_meant(engine: Engine) -> None:
    account = TaskAccount("LAB\\it's me", Secret("keyring:a/b"))
    program = Program("C:\\S\\Setup.com", ("/m:it's", "50%", "\u2019"))

    put, made, run = engine.meaning(render(Detached(program, account, "rb-1")))

    line = 'C:\\S\\Setup.com "/m:it\'s" "50%%" "\u2019" > "C:\\runbook\\rb-1.out" 2>&1'
    assert put == ("command", "Set-Content", {"Path": f"{BASE}.cmd", "Value": line})
    assert made[1] == run[1] == "schtasks.exe"
    assert list(made[2].values()) == [
        *("/create", "/tn", "rb-1", "/tr", f"{BASE}.cmd", "/sc", "once", "/st", "23:59:00"),
        *("/ru", "LAB\\it's me", "/rp", ("secret", "keyring:a/b"), "/f"),
    ]


CARRIED = r"""
param([string]$Word, [object[]]$List)
if ($Word -eq 'throw') { throw 'it was thrown' }
New-Object PSObject -Property @{ Word = $Word; Count = @($List).Length }
if ($Word -eq 'two') { New-Object PSObject -Property @{ Word = 'again'; Count = 0 } }
"""


@pytest.mark.parametrize(
    ("word", "rows", "closing"),
    [
        ("one", ["one"], {"_given": 1, "_error": None, "_text": None}),
        ("two", ["two", "again"], {"_given": 2, "_error": None, "_text": None}),
        (
            "throw",
            [],
            {"_given": 0, "_error": "it was thrown", "_text": "it was thrown"},
        ),
    ],
)
def test_a_script_in_a_task_leaves_its_objects_and_a_closing_one(
    site: Site, tmp_path: Path, word: str, rows: list[str], closing: dict[str, object]
) -> None:
    (tmp_path / "x.ps1").write_text(CARRIED)
    base = str(tmp_path / "x")
    files = {f"{base}.in.xml": {"Word": word, "List": [1, 2]}}
    text = script_text("run_detached").replace("exit $code", "")

    [answer] = ask_engine(
        tmp_path, [{**case(site, "run_detached", {"Base": base}, files), "text": text}]
    )

    *given, last = answer["files"][f"{base}.out.xml"]
    assert [row["Word"] for row in given] == rows
    assert last == closing
