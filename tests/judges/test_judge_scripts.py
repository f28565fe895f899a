"""Every constant script is PowerShell 2.0, judged on the tree that a real engine makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import runbook_lib
from tests.judges.engine import Engine
from tests.judges.powershell_2 import lacking

pytestmark = pytest.mark.judge

SCRIPTS = sorted((Path(runbook_lib.__file__).parent / "commands" / "scripts").glob("*.ps1"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_holds_nothing_that_2_0_lacks(engine: Engine, script: Path) -> None:
    assert lacking(engine.facts(script.read_text("ascii"))) == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_is_plain_ascii_with_bare_newlines(script: Path) -> None:
    data = script.read_bytes()

    assert data.isascii()
    assert b"\r" not in data
    assert len(data) < 20_000, "a script travels in one envelope of 150 KB, with its parameters"


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("[ordered]@{ a = 1 }", "type:ordered"),
        ("[pscustomobject]@{ a = 1 }", "type:pscustomobject"),
        ("if (1 -in @(1)) { }", "operator:Iin"),
        ("if (1 -notin @(1)) { }", "operator:Inotin"),
        ("1 -shl 2", "operator:Shl"),
        ("1 -shr 2", "operator:Shr"),
        ("Get-WmiObject -Class 'X' | Where-Object Name -eq 'x'", "idiom:no-script-block"),
        ("Get-WmiObject -Class 'X' | ForEach-Object Name", "idiom:no-script-block"),
        ("Get-WmiObject -Class 'X' | Where-Object { $PSItem }", "variable:PSItem"),
        ("$using:x", "node:UsingExpressionAst"),
        ("workflow W { }", "error:"),
        ("#requires -RunAsAdministrator\n1", "requires:"),
        ("#requires -Modules X\n1", "requires:"),
        ("$PSScriptRoot", "variable:PSScriptRoot"),
        ("$PSCommandPath", "variable:PSCommandPath"),
        ("$list.Count", "idiom:count-of-maybe-one"),
        ("foreach ($x in $list) { $x }", "idiom:foreach-without-list"),
        ("foreach ($x in Get-Thing) { $x }", "idiom:foreach-without-list"),
        ("& cmd.exe --% /c x", "token:--%"),
        ("& $x 3> out", "redirect:Warning"),
        ("& $x 4>&1", "redirect:Verbose-Output"),
        ("& $x *> out", "redirect:All"),
        ("@(1).Where({ $_ })", "call:Where/1"),
        ("@(1).ForEach({ $_ })", "call:ForEach/1"),
        ("[guid]::new()", "call:guid::new/0"),
        ("Get-WmiObject -Class 'X' -PipelineVariable v", "parameter:Get-WmiObject/-PipelineVar"),
        ("class C { }", "node:TypeDefinitionAst"),
        ("enum E { A }", "node:TypeDefinitionAst"),
        ("using namespace System", "node:UsingStatementAst"),
        ("$a ? 1 : 2", "node:TernaryExpressionAst"),
        ("$a ?? 1", "operator:QuestionQuestion"),
        ("$a ??= 1", "operator:QuestionQuestionEquals"),
        ("Get-Thing && Get-Thing", "node:PipelineChainAst"),
        ("Get-CimInstance Win32_X", "command:Get-CimInstance"),
        ("ConvertTo-Json @(1)", "command:ConvertTo-Json"),
        ("Get-NetAdapter", "command:Get-NetAdapter"),
        ("Get-Content -Raw 'x'", "command:Get-Content"),
        ("Rename-Computer 'x'", "command:Rename-Computer"),
        ("Get-ItemPropertyValue -Path 'x' -Name 'y'", "command:Get-ItemPropertyValue"),
        ("New-ItemProperty -Path 'x' -Nme 'y'", "parameter:New-ItemProperty/-Nme"),
        ("Select-Object -InputObject 1 -SkipLast 1", "parameter:Select-Object/-SkipLast"),
        ("[string]::IsNullOrWhiteSpace('x')", "call:string::IsNullOrWhiteSpace/1"),
        ("[IO.Path]::Combine('a', 'b', 'c')", "call:IO.Path::Combine/3"),
        ("[System.IO.Directory]::EnumerateFiles('x')", "call:System.IO.Directory::Enumerat"),
        ("[guid]::Parse('x')", "call:guid::Parse/1"),
        ("[enum]::TryParse('x', 'y')", "call:enum::TryParse/2"),
        ("[Net.Http.HttpClient]", "type:Net.Http.HttpClient"),
        ("Write-Information 'x'", "command:Write-Information"),
        ("ls", "command:ls"),
        ("netsh.exe interface", "command:netsh.exe"),
        ("function F { [CmdletBinding()] param() }", "attribute:CmdletBinding"),
        ("trap { }", "node:TrapStatementAst"),
        ("'a' 'b'", "error:"),
    ],
)
def test_what_2_0_lacks_is_found(engine: Engine, text: str, fact: str) -> None:
    found = lacking(engine.facts(text))

    assert any(one.startswith(fact) for one in found), found


@pytest.mark.parametrize(
    "text",
    [
        "$a = @{ b = 1 }; $a['b']",
        "foreach ($x in @($list)) { [string]$x }",
        "@($list).Count",
        "& $program @words 2>&1 | ForEach-Object { [string]$_ }",
        "function Get-Mine($x) { $x.Name }; Get-Mine 1",
        "[IO.Path]::Combine('a', 'b')",
        "switch (1) { 1 { 'x' } default { 'y' } }",
        "try { throw 'x' } catch { $_.Exception.Message }",
        "New-Object PSObject -Property @{ a = 1 }",
    ],
)
def test_what_2_0_has_is_let_pass(engine: Engine, text: str) -> None:
    assert lacking(engine.facts(text)) == set()
