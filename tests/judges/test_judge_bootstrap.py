"""A real engine runs the script of the first contact on a platform of functions."""

from __future__ import annotations

import json
import re
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.judges.engine import Engine, engine_path
from tests.judges.powershell_2 import lacking

pytestmark = pytest.mark.judge

SCRIPT = resources.files("runbook_lib").joinpath("bootstrap/first_contact.ps1").read_text("ascii")

PLATFORM = r"""
$global:calls = @()
$version_table = @{ PSVersion = $given.shell; WSManStackVersion = $given.stack }
$env:PROCESSOR_ARCHITECTURE = $given.width
function Get-WmiObject { param($Class) if ($Class -eq 'Win32_Service') { $given.services } else { $given.system } }
function Get-ItemProperty { [CmdletBinding()] param($Path, $Name)
    if ($given.values."$Path" -eq $null) { throw 'no such key' }
    $given.values."$Path"
}
function Get-WSManInstance { param($ResourceURI, [switch]$Enumerate) $given.listeners }
function Get-Item { param($Path) New-Object PSObject -Property @{ Value = [string]$given.memory } }
function Set-Item { param($Path, $Value, [switch]$Force) $global:calls += "memory $Value"; $given.memory = $Value }
function Enable-PSRemoting { param([switch]$Force)
    $global:calls += 'remoting'
    foreach ($each in $given.services) { if ($each.Name -eq 'WinRM') { $each.State = 'Running'; $each.StartMode = 'Auto' } }
    $given.listeners = @(@{ Transport = 'HTTP'; Port = '5985'; Enabled = 'true' })
}
function netsh.exe { $global:calls += [string]::Join(' ', [string[]]$args); $given.services[1].State = 'Stopped' }
"""  # noqa: E501

FIREWALL = r"HKLM:\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"


def state(**changes: Any) -> dict[str, Any]:
    """Return what a node that is ready gives out, but for `changes`."""
    caption = "Windows Server 2003 Enterprise x64"
    return {
        "shell": "2.0",
        "stack": "2.0",
        "width": "AMD64",
        "administrator": True,
        "system": {"Version": "5.2.3790", "ServicePackMajorVersion": 2, "Caption": caption},
        "services": [
            {"Name": "WinRM", "State": "Running", "StartMode": "Auto"},
            {"Name": "SharedAccess", "State": "Stopped", "StartMode": "Disabled"},
        ],
        "listeners": [{"Transport": "HTTP", "Port": "5985", "Enabled": "true"}],
        "memory": 1024,
        "values": {},
        **changes,
    }


def behind_a_firewall(**rules: str) -> dict[str, Any]:
    """Return the changes that make a firewall that is on, with these rules by profile."""
    values: dict[str, Any] = {}
    for profile in ("DomainProfile", "StandardProfile"):
        values[rf"{FIREWALL}\{profile}"] = {"EnableFirewall": 1}
        if profile in rules:
            key = rf"{FIREWALL}\{profile}\GloballyOpenPorts\List"
            values[key] = {"5985:TCP": rules[profile]}
    services = [
        {"Name": "WinRM", "State": "Running", "StartMode": "Auto"},
        {"Name": "SharedAccess", "State": "Running", "StartMode": "Auto"},
    ]
    return {"values": values, "services": services}


def run(given: dict[str, Any], folder: Path, *, mend: bool = False) -> tuple[int, Any, list[str]]:
    """Return how many things are missing, the lines, and what was changed."""
    text = re.sub(
        r"(?m)^function Test-Administrator .*$",
        "function Test-Administrator { $given.administrator }",
        SCRIPT.replace("exit $global:missing", "").replace("$PSVersionTable", "$version_table"),
    )
    (folder / "text.ps1").write_text(text)
    (folder / "given.json").write_text(json.dumps(given))
    (folder / "judge.ps1").write_text(
        f"$given = Get-Content -Raw '{folder / 'given.json'}' | ConvertFrom-Json\n{PLATFORM}\n"
        f"$text = Get-Content -Raw '{folder / 'text.ps1'}'\n"
        f"$lines = @(& ([scriptblock]::Create($text)) -Mend:${str(mend).lower()})\n"
        "$answer = @{ lines = $lines; calls = $global:calls; missing = $global:missing }\n"
        f"ConvertTo-Json -InputObject $answer | Set-Content '{folder / 'got.json'}'\n"
    )
    command = [engine_path(), "-NoProfile", "-NonInteractive", "-File", str(folder / "judge.ps1")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads((folder / "got.json").read_text())
    return answer["missing"], answer["lines"], answer["calls"]


def words(lines: list[str]) -> dict[str, str]:
    """Return subject -> verdict."""
    found = (re.match(r"(ok|missing) +(\w+):", line) for line in lines)
    return {match[2]: match[1] for match in found if match}


def test_it_holds_nothing_that_2_0_lacks(engine: Engine) -> None:
    assert lacking(engine.facts(SCRIPT)) == set()


def test_a_ready_node_is_told_so_and_left_alone(tmp_path: Path) -> None:
    missing, lines, calls = run(state(), tmp_path, mend=True)

    assert (missing, calls) == (0, [])
    assert lines == [
        "ok       system: Windows Server 2003 Enterprise x64, service pack 2",
        "ok       remoting: Windows PowerShell 2.0, remote management 2.0",
        "ok       width: this is a process for AMD64",
        "ok       rights: an administrator",
        "ok       service: Windows Remote Management is Running, starts: Auto",
        "ok       listener: HTTP ports: 5985",
        "ok       memory: a remote shell may take 1024 MB",
        "ok       firewall: lets the port through, or is off",
    ]


def test_everything_that_is_missing_is_named_and_nothing_is_touched(tmp_path: Path) -> None:
    given = state(
        shell="",
        stack="",
        width="x86",
        administrator=False,
        system={"Version": "5.2.3790", "ServicePackMajorVersion": 1, "Caption": "W"},
        listeners=[{"Transport": "HTTP", "Port": "80", "Enabled": "true"}],
        memory=150,
        **behind_a_firewall(DomainProfile="5985:TCP:*:Disabled:WinRM"),
    )
    given["services"][0] |= {"State": "Stopped"}

    missing, lines, calls = run(given, tmp_path)

    assert (missing, calls) == (8, [])
    assert set(words(lines).values()) == {"missing"}
    assert sum(1 for line in lines if line.startswith("         to do: ")) == 8
    assert "missing  listener: HTTP ports: 80" in lines
    assert "missing  firewall: blocks port 5985 in DomainProfile, StandardProfile" in lines


def test_what_can_be_mended_from_there_is(tmp_path: Path) -> None:
    given = state(listeners=[], memory=150, **behind_a_firewall())
    given["services"][0] |= {"StartMode": "Manual"}

    missing, lines, calls = run(given, tmp_path, mend=True)

    assert (missing, set(words(lines).values())) == (0, {"ok"})
    assert calls == [
        "remoting",
        "memory 1024",
        (
            "firewall set portopening protocol=TCP port=5985 name=WinRM mode=ENABLE scope=ALL "
            "profile=ALL"
        ),
    ]


def test_an_open_port_and_no_limit_are_good(tmp_path: Path) -> None:
    rule = "5985:TCP:*:Enabled:WinRM"
    firewall = behind_a_firewall(DomainProfile=rule, StandardProfile=rule)

    missing, lines, _ = run(state(memory=0, **firewall), tmp_path)

    assert (missing, words(lines)["firewall"], words(lines)["memory"]) == (0, "ok", "ok")
