"""A real engine runs the scripts about Windows' components, on the files of a simulated node."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.lab.world import registry_places as places
from tests.judges.engine import engine_path
from tests.lab_world import NODE_1, Site, script_text

pytestmark = pytest.mark.judge

STAND_INS = {
    "Get-Place": 'function Get-Place($Name) { $global:platform.places."$Name" }',
    "Test-File": "function Test-File($Path) { $global:platform.paths -contains $Path }",
    "Test-Folder": "function Test-Folder($Path) { "
    "$global:platform.paths -contains ($Path + '\\') }",
    "Test-Process": "function Test-Process($Name) { $global:platform.runs -contains $Name }",
    "Get-FileVersion": 'function Get-FileVersion($Path) { $global:platform.versions."$Path" }',
    "Write-Answers": "function Write-Answers($Path, $Lines) { "
    "$global:calls += , @('write', $Path, $Lines, $Lines.GetType().Name) }",
    "Remove-Answers": "function Remove-Answers($Path) { $global:calls += , @('remove', $Path) }",
    "Start-Manager": "function Start-Manager($Path) { "
    "$global:calls += , @('start', $Path); 'process' }",
    "Wait-Manager": "function Wait-Manager($Process, $Seconds) { "
    "$global:calls += , @('wait', $Seconds); $global:platform.ends }",
    "Stop-Manager": "function Stop-Manager($Process) { $global:calls += , @('stop', $Process) }",
    "Get-ManagerCode": "function Get-ManagerCode($Process) { 7 }",
}
"""What asks .NET in the scripts, each one line there and here."""

PLATFORM = Path(__file__).parents[1] / "engine_platform.ps1"
ANSWERS = r"C:\runbook\components.txt"


def judged(name: str, cases: Sequence[Mapping[str, Any]], folder: Path) -> list[Any]:
    """Return each case's objects and calls, in one process."""
    text = script_text(name)
    for function in re.findall(r"(?m)^function ([\w-]+)\(.*$", text):
        line = STAND_INS[function].replace("\\", "\\\\")
        text = re.sub(rf"(?m)^function {function}\(.*$", line, text)
    given, got = folder / "given.json", folder / "got.json"
    given.write_text(
        json.dumps([{"text": text, "parameters": c["parameters"], "platform": c} for c in cases])
    )
    files = map(str, (PLATFORM, given, got))
    command = [engine_path(), "-NoProfile", "-NonInteractive", "-File", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    answers: list[Any] = json.loads(got.read_text())
    assert len(answers) == len(cases)
    return answers


def as_on(site: Site) -> dict[str, Any]:
    """Return what the stand-ins give out of a lab's node."""
    files = site.world._nodes[NODE_1].files
    setup = site.key(places.SETUP)
    # The lab takes paths without regard to case and without a doubled backslash.
    listed = [f"C:{path}" for path in files.paths]
    return {
        "places": {"SystemRoot": r"C:\WINDOWS", "PROCESSOR_ARCHITECTURE": "AMD64"},
        "paths": listed,
        "versions": {path: files.read(path).strip() for path in listed if not path.endswith("\\")},
        "runs": [],
        "keys": {rf"HKLM:\{places.SETUP}": [{"Row": dict(setup)}]},
        "parameters": {},
    }


def test_components_are_read_as_the_lab_answers(tmp_path: Path) -> None:
    sites = [Site(), Site(), Site(), Site()]
    sites[1].world.act("remove-installation-files", {"node": NODE_1})
    setup = rf"HKLM:\{places.SETUP}"
    for site, path in ((sites[2], ""), (sites[3], "D:\\")):
        site.ask("Set-ItemProperty", Path=setup, Name="SourcePath", Value=path)
    sites[2].world._nodes[NODE_1].files.remove(r"C:\WINDOWS\system32\mmc.exe")

    answers = judged("read_components", [as_on(site) for site in sites], tmp_path)

    assert [answer["rows"] for answer in answers] == [
        list(site.run("read_components")) for site in sites
    ]
    found = [answer["rows"][0]["SourceFound"] for answer in answers]
    assert found == [True, False, False, False]


def test_a_32_bit_system_looks_into_another_folder_and_a_manager_is_seen(tmp_path: Path) -> None:
    case = as_on(Site())
    case["places"]["PROCESSOR_ARCHITECTURE"] = "x86"
    case["runs"] = ["sysocmgr"]

    [answer] = judged("read_components", [case], tmp_path)

    [row] = answer["rows"]
    assert (row["SourceFound"], row["ServicePackFound"], row["ManagerRuns"]) == (True, False, True)


def test_components_are_switched_as_the_lab_switches_them(tmp_path: Path) -> None:
    site = Site()
    guid = str(site.identity()["MachineGuid"])
    listed = [{"Name": "iis_common", "State": "on"}, {"Name": "iis_smtp", "State": "off"}]
    right = {
        "Identity": {"MachineGuid": guid, "ComputerName": "WIN2003-A"},
        "Components": listed,
        "Seconds": 900,
    }
    wrong = {**right, "Identity": {"MachineGuid": guid, "ComputerName": "OTHER"}}
    around = {
        "keys": {r"HKLM:\SOFTWARE\Microsoft\Cryptography": [{"Row": {"MachineGuid": guid}}]},
        "wmi": {"Win32_ComputerSystem": [{"Row": {"Name": "WIN2003-A"}}]},
        "runs": [],
        "ends": True,
    }
    cases = [
        {**around, "parameters": right},
        {**around, "parameters": {**right, "Components": listed[:1]}, "ends": False},
        {**around, "parameters": wrong},
        {**around, "parameters": right, "runs": ["sysocmgr"]},
    ]

    done, hung, other, busy = judged("install_components", cases, tmp_path)

    lines = ["[Components]", "iis_common = on", "iis_smtp = off"]
    begun = [["write", ANSWERS, lines, "String[]"], ["start", ANSWERS], ["wait", 900]]
    assert done["calls"] == [*begun, ["remove", ANSWERS]]
    ours = site.run("install_components", **right)
    assert [{**done["rows"][0], "Output": ["sysocmgr.exe ended with code 0"]}] == list(ours)
    assert done["rows"][0]["Output"] == ["sysocmgr.exe ended with code 7"]
    assert [each[0] for each in hung["calls"]] == ["write", "start", "wait", "stop", "remove"]
    stuck = Site()
    stuck.world.act("remove-installation-files", {"node": NODE_1})
    assert hung["rows"] == list(stuck.run("install_components", **right))
    assert (other["calls"], other["rows"]) == ([], list(site.run("install_components", **wrong)))
    assert (busy["calls"], busy["rows"][0]["Outcome"]) == ([], "refused")
    assert busy["rows"][0]["ErrorText"] == "sysocmgr.exe is at work already"
