"""A real engine runs the scripts of the Exchange shell on what the lab's cmdlets answer.

The lab has no PowerShell of its own: it answers the two scripts from handlers. Here the scripts
themselves run, with each cmdlet saying what the lab's cmdlet says, and must give the same rows.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.lab.answers import Bag
from runbook_lib.lab.handlers import exchange_scripts as scripts
from runbook_lib.lab.handlers import exchange_shell as shell
from runbook_lib.lab.handlers.surface import CommandError, Context
from runbook_lib.lab.world.site import LogonKind, Token
from runbook_lib.lab.world.world import World
from tests.judges.engine import engine_path
from tests.lab import exchange_site as lab
from tests.lab.cluster_site import both
from tests.lab.exchange_site import NAME, ROLE, SERVER
from tests.lab_world import script_text

pytestmark = pytest.mark.judge

MOVE = "Move-ClusteredMailboxServer"
ASKED: Mapping[str, Mapping[str, object]] = {
    "Add-PSSnapin": {"Name": shell.SNAP_IN},
    "Get-ClusteredMailboxServerStatus": {"Identity": NAME},
    "Get-MailboxServer": {"Identity": NAME},
    "Get-ExchangeServer": {"Identity": NAME},
    "Get-MailboxDatabase": {"Server": NAME, "Status": True},
    "Get-PublicFolderDatabase": {"Server": NAME, "Status": True},
    "Get-StorageGroup": {"Server": NAME},
}
RUNNER = r"""
param([string]$Given, [string]$Got)
$cases = Get-Content -Raw $Given | ConvertFrom-Json
function Get-Answer($Name) {
    $said = $global:answers.$Name
    if ($said.Error) { throw (New-Object System.Exception $said.Error) }
    foreach ($row in $said.Rows) { $row }
}
NAMES
$answers = foreach ($case in $cases) {
    $global:answers = $case.Answers
    $global:code = $null
    $parameters = @{}
    foreach ($property in $case.Parameters.PSObject.Properties) {
        $value = $property.Value
        if ($value -is [System.Management.Automation.PSCustomObject]) {
            $table = @{}
            foreach ($inner in $value.PSObject.Properties) { $table[$inner.Name] = $inner.Value }
            $value = $table
        }
        $parameters[$property.Name] = $value
    }
    $text = $case.Text.Replace('exit $code', '$global:code = $code')
    $rows = @(& ([scriptblock]::Create($text)) @parameters)
    @{ Rows = $rows; Code = $global:code }
}
ConvertTo-Json -InputObject @($answers) -Depth 6 | Set-Content $Got
"""


def plain(value: object) -> Any:
    if isinstance(value, Bag):
        return {name: plain(each) for name, each in value.properties.items()}
    return value


def said(where: Context, name: str, given: Mapping[str, object]) -> dict[str, Any]:
    """Return what a cmdlet of the lab says: rows, or an error's text."""
    try:
        return {"Error": None, "Rows": [plain(each) for each in scripts.run(where, name, given)]}
    except CommandError as error:
        return {"Error": error.reply.message, "Rows": []}


def judged(cases: Sequence[Mapping[str, Any]], folder: Path) -> list[Any]:
    """Return rows and exit code of each case, in one process."""
    given, got, runner = folder / "given.json", folder / "got.json", folder / "runner.ps1"
    names = {name for case in cases for name in case["Answers"]}
    functions = [
        f"function {name} {{ [CmdletBinding()] param($Name, $Identity, $Server, [switch]$Status, "
        "$TargetMachine, $MoveComment, $Confirm, $StopReason, [switch]$WhatIf) "
        f"Get-Answer '{name}' }}"
        for name in sorted(names)
    ]
    runner.write_text(RUNNER.replace("NAMES", "\n".join(functions)))
    given.write_text(json.dumps(list(cases)))
    command = [engine_path(), "-NoProfile", "-NonInteractive", "-File", str(runner)]
    done = subprocess.run(
        [*command, str(given), str(got)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    answers: list[Any] = json.loads(got.read_text())
    assert len(answers) == len(cases)
    return answers


def without_ids(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without error identifiers: the stand-ins throw under names of their own."""
    return [{**row, "ErrorId": bool(row["ErrorId"])} for row in rows]


def with_public_database() -> World:
    made = lab.ready()
    lab.run(made, *ROLE, "/EnableLegacyOutlook")
    lab.run(made, *SERVER)
    return made


def dismounted() -> World:
    made = lab.whole()
    made.act("dismount-database", {})
    return made


def stopped() -> World:
    made = lab.whole()
    made.act("stop-mailbox-server", {})
    return made


def without_cluster_service() -> World:
    made = lab.whole()
    for node in both(made):
        node.services.stop("ClusSvc")
    return made


def role_alone() -> World:
    made = lab.ready()
    lab.run(made, *ROLE)
    return made


WORLDS: Sequence[Callable[[], World]] = (
    lab.whole,
    lab.active,
    with_public_database,
    dismounted,
    stopped,
    without_cluster_service,
    role_alone,
    lab.ready,
)


def test_a_server_is_read_as_the_lab_answers(tmp_path: Path) -> None:
    silent = Token(r"LAB\exinstall", LogonKind.NETWORK)
    places = [lab.context(world()) for world in WORLDS]
    places.append(lab.context(lab.whole(), token=silent))
    cases = [
        {
            "Text": script_text("read_exchange"),
            "Parameters": {"Server": NAME},
            "Answers": {name: said(where, name, given) for name, given in ASKED.items()},
        }
        for where in places
    ]

    answers = judged(cases, tmp_path)

    ours = [
        [plain(each) for each in scripts.read_exchange(where, {"Server": NAME})] for where in places
    ]
    assert [without_ids(each["Rows"]) for each in answers] == [without_ids(rows) for rows in ours]
    kinds = [[row["Kind"] for row in rows] for rows in ours]
    assert kinds[0] == ["shell", "status", "server", "database", "storage group"]
    assert kinds[-3:] == [["shell", *["error"] * 4], ["error"], ["shell", *["error"] * 4]]


CALLS: Sequence[tuple[Callable[[], World], str, dict[str, object]]] = (
    (
        lab.whole,
        MOVE,
        {
            "Identity": NAME,
            "TargetMachine": "E2K7SCCNode2",
            "MoveComment": "proof",
            "Confirm": False,
        },
    ),
    (lab.whole, MOVE, {"Identity": NAME, "TargetMachine": "E2K7SCCNode1", "MoveComment": "x"}),
    (dismounted, "Mount-Database", {"Identity": "Mailbox Database", "Confirm": False}),
    (stopped, "Start-ClusteredMailboxServer", {"Identity": NAME, "Confirm": False}),
    (lab.whole, "Start-ClusteredMailboxServer", {"Identity": NAME, "Confirm": False}),
    (lab.ready, "Mount-Database", {"Identity": "Mailbox Database"}),
)


def test_a_cmdlet_is_called_as_the_lab_calls_it(tmp_path: Path) -> None:
    cases, ours = [], []
    for world, name, given in CALLS:
        parameters = {"Name": name, "Parameters": given, "Watch": ""}
        snap_in = said(lab.context(world()), "Add-PSSnapin", ASKED["Add-PSSnapin"])
        where = lab.context(world())
        begun = scripts.call_exchange(where, parameters)
        code, bags = lab.objects(where, begun)
        ours.append({"Rows": without_ids([plain(each) for each in bags]), "Code": code})
        cases.append(
            {
                "Text": script_text("call_exchange"),
                "Parameters": parameters,
                "Answers": {
                    "Add-PSSnapin": snap_in,
                    name: said(lab.context(world()), name, given),
                },
            }
        )

    answers = judged(cases, tmp_path)

    found = [{**answer, "Rows": without_ids(answer["Rows"])} for answer in answers]
    assert found == ours
    assert [each["Code"] for each in ours] == [0, 1, 0, 0, 1, 1]
