"""A real PowerShell engine runs the constant scripts and must come to what the lab answers.

The engine's platform is a handful of functions that give out what the lab's bare commands give;
so this judges the carriers: order, counts, casts, identity, errors. One process serves all cases.
Where a 2.0 node differs from the engine, it says so at the comparison.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.lab.answers import Bag, ErrorReply, Reply
from runbook_lib.lab.handlers import wmi
from runbook_lib.lab.handlers.netsh import BAD_SYNTAX
from runbook_lib.lab.handlers.surface import CommandError, Method
from tests.lab_world import NODE_1, NODE_2, PRIVATE_1, Site, script_text

pytestmark = pytest.mark.judge

PLATFORM = Path(__file__).parents[1] / "engine_platform.ps1"
TCPIP = r"HKLM:\SYSTEM\CurrentControlSet\Services\Tcpip\Linkage"
SHELL = r"WSMan:\localhost\Shell"
MACHINE_GUID = r"HKLM:\SOFTWARE\Microsoft\Cryptography"
STAND_INS = {
    "Get-WmiClass": "function Get-WmiClass($Namespace, $Class) { 'class' }",
    "Get-MethodSignature": "function Get-MethodSignature($Target, $Method) { 'signature' }",
    "Get-ArgumentType": (
        'function Get-ArgumentType($Signature, $Name) { $global:platform.types."$Name" }'
    ),
    "Set-Argument": (
        "function Set-Argument($Signature, $Name, $Value) { "
        "if ($Value -is [System.Collections.ArrayList]) { throw 'not an array' }; "
        "$global:calls += , @($Name, $Value) }"
    ),
    "Invoke-Method": "function Invoke-Method($Target, $Method, $Signature) { 0 }",
}
"""What asks .NET for WMI in call_wmi_method.ps1, each one line there and here."""

METHOD = Method(
    "Try",
    {
        "Text": "String",
        "Texts": "String[]",
        "Flag": "Boolean",
        "Small": "UInt16",
        "Smalls": "UInt16[]",
        "Number": "UInt32",
        "Numbers": "UInt32[]",
    },
    static=True,
    source="inferred: made up",
    function=lambda _context, _target, _arguments: 0,
)
VALUES: Sequence[object] = (
    None, "", "a", "0", "7", " 7 ", "0x10", "-1", "7x", 0, 1, 7, 65535, 65536, -1, True, False,
    [], [None], [""], ["a"], ["a", "b"], [0], [1], [7, 8], [0, 0], [None, "7"], [True], [False],
)  # fmt: skip


def _ask_engine(cases: Sequence[Mapping[str, object]], folder: Path) -> list[Any]:
    engine = os.environ.get("RUNBOOK_PWSH") or shutil.which("pwsh")
    if engine is None:
        pytest.skip("no PowerShell engine: set RUNBOOK_PWSH")
    given, got = folder / "cases.json", folder / "answers.json"
    given.write_text(json.dumps(cases))
    command = [engine, "-NoProfile", "-NonInteractive", "-File", *map(str, (PLATFORM, given, got))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    answers: list[Any] = json.loads(got.read_text())
    assert len(answers) == len(cases)
    return answers


def _stream(reply: Reply) -> list[dict[str, object]]:
    """Return a bare command's objects and errors as the platform gives them out."""
    stream: list[dict[str, object]] = [
        {"Row": dict(bag.properties)} for bag in reply.output if isinstance(bag, Bag)
    ]
    errors = (*reply.errors, *([reply.terminating] if reply.terminating else []))
    stream += [{"Error": _short(each), "Text": each.message} for each in errors]
    return stream


def _short(error: ErrorReply) -> str:
    return error.error_id.partition(",")[0]


def _platform(site: Site, node: str, **more: object) -> dict[str, object]:
    classes = [each.name for each in wmi.CLASSES]
    paths = (TCPIP, MACHINE_GUID, r"HKLM:\SOFTWARE\Nobody", r"HKLM:\SOFTWARE")
    asked = [*classes, "Win32_Nothing"]
    return {
        "wmi": {name: _stream(site.ask("Get-WmiObject", node, Class=name)) for name in asked},
        "keys": {path: _stream(site.ask("Get-ItemProperty", node, Path=path)) for path in paths},
        "services": _stream(site.ask("Get-Service", node, Name=["Dhcp"])),
        "children": {SHELL: _stream(site.ask("Get-ChildItem", node, Path=SHELL))},
        "existing": [TCPIP],
        "lines": [],
        "exit": 0,
        **more,
    }


def _reads() -> list[dict[str, object]]:
    def read(command: str, properties: Sequence[str], **parameters: object) -> dict[str, object]:
        return {"Command": command, "Parameters": parameters, "Properties": list(properties)}

    return [
        *(
            read("Get-WmiObject", [each.key, "STATUS", "NoSuchProperty"], Class=each.name)
            for each in wmi.CLASSES
        ),
        read("Get-ItemProperty", ["Bind", "route", "Nothing"], Path=TCPIP),
        read("Get-ItemProperty", ["x"], Path=r"HKLM:\SOFTWARE\Nobody"),
        read("Get-ItemProperty", ["x"], Path=r"HKLM:\SOFTWARE"),
        read("Get-WmiObject", ["x"], Class="Win32_Nothing"),
        read("Get-WmiObject", ["x"], Klass="Win32_Service"),
        read("Get-Service", ["name", "Status"], Name=["Dhcp"]),
        read("Get-ChildItem", ["Name", "value", "Nothing"], Path=SHELL),
        read("Get-Nothing", ["x"]),
        read("", ["x"]),
        {"Program": "netsh.exe", "Arguments": ["x", "", "a b"]},
        {"Program": "nothing.exe", "Arguments": []},
    ]


def _normal(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without what the engine must say differently.

    An error's identifier ends in the name of the cmdlet's class, here of a function; for an
    unknown command and for an empty name 2.0 and 7 use other sentences.
    """
    kept = dict(row)
    for name, text in (("_error", "_text"), ("ErrorId", "ErrorText")):
        if kept.get(name):
            kept[name] = kept[name].partition(",")[0]
            if kept[name] in ("CommandNotFoundException", "BadExpression"):
                kept[text] = ""
    return kept


def test_reads_are_carried_as_the_script_carries_them(tmp_path: Path) -> None:
    changed = Site()
    changed.world.act("unplug", {"node": NODE_1, "mac": PRIVATE_1})
    off = {"DNSEnabledForWINSResolution": True, "WINSEnableLMHostsLookup": False}
    changed.call("EnableWINS", off, mac="")
    places = [(Site(), NODE_1), (Site(), NODE_2), (changed, NODE_1)]
    cases = [
        {
            "text": script_text("read_many"),
            "parameters": {"Reads": _reads()},
            "platform": _platform(site, node, lines=[BAD_SYNTAX, ""], exit=1),
        }
        for site, node in places
    ]

    judged = _ask_engine(cases, tmp_path)

    for (site, node), answer in zip(places, judged, strict=True):
        ours = site.run("read_many", node, Reads=_reads())
        assert [_normal(row) for row in ours] == [_normal(row) for row in answer["rows"]]
        assert answer["calls"] == [["program", ["x", "", "a b"]]]


def _actions(own: str) -> list[tuple[str, dict[str, object]]]:
    identities = [
        {"MachineGuid": own, "ComputerName": None},
        {"MachineGuid": own.upper(), "ComputerName": "win2003-a"},
        {"MachineGuid": own, "ComputerName": ""},
        {"MachineGuid": own, "ComputerName": "WIN2003-B"},
        {"MachineGuid": own[1:], "ComputerName": "WIN2003-A"},
        {"MachineGuid": None, "ComputerName": "WIN2003-A"},
        {},
    ]
    path = r"HKLM:\SOFTWARE\Lab"
    lists = [
        {"Path": TCPIP, "Name": "Bind", "Values": ["b", "a"]},
        {"Path": path, "Name": "None", "Values": []},
        {"Path": path, "Name": "Null", "Values": None},
        {"Path": path, "Name": "Mixed", "Values": ["a", None, 7]},
    ]
    deeds: list[tuple[str, dict[str, object]]] = [
        ("call_cmdlet", {"Name": "Test-Path", "Parameters": {"Path": TCPIP}}),
        ("call_cmdlet", {"Name": "Test-Path", "Parameters": {"Path": r"HKLM:\Nobody"}}),
        ("call_cmdlet", {"Name": "Get-Nothing", "Parameters": {}}),
        ("call_cmdlet", {"Name": "Get-WmiObject", "Parameters": {"Class": "Win32_Nothing"}}),
        ("call_cmdlet", {"Name": "Get-Service", "Parameters": {"Nome": "Dhcp"}}),
        ("run_program", {"Program": "netsh.exe", "Arguments": ["a b", None, "", 7, True]}),
        ("run_program", {"Program": "netsh.exe", "Arguments": []}),
        ("run_program", {"Program": "nothing.exe", "Arguments": []}),
        ("write_registry_lists", {"Lists": lists}),
        ("write_registry_lists", {"Lists": []}),
        ("write_registry_lists", {}),
    ]
    return [
        *((name, {"Identity": each, **deed}) for each in identities for name, deed in deeds),
        ("call_cmdlet", {"Name": "Test-Path", "Parameters": {"Path": TCPIP}}),
    ]


def test_actions_are_carried_as_the_scripts_carry_them(tmp_path: Path) -> None:
    own = str(Site().identity()["MachineGuid"])
    actions = _actions(own)
    platform = _platform(Site(), NODE_1, lines=[BAD_SYNTAX, ""], exit=1)
    cases = [
        {"text": script_text(name), "parameters": parameters, "platform": platform}
        for name, parameters in actions
    ]

    judged = _ask_engine(cases, tmp_path)

    for (name, parameters), answer in zip(actions, judged, strict=True):
        site = Site()
        ours = site.run(name, NODE_1, **parameters)
        assert [_normal(row) for row in ours] == [_normal(row) for row in answer["rows"]], (
            name,
            parameters,
        )
        written = [call for call in answer["calls"] if call[0] != "program"]
        assert [effect["after"] for effect in site.world.ledger()] == [
            True if call[0] == "key" else call[-1] for call in _made_once(written)
        ]
        started = [call for call in answer["calls"] if call[0] == "program"]
        assert len(site.world.command_lines()) == len(started)


def _made_once(calls: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Leave out that a key is made again: the engine's platform forgets it, the lab does not."""
    made: set[str] = set()
    kept = []
    for call in calls:
        if call[0] == "key" and call[1] in made:
            continue
        made.add(call[1])
        kept.append(call)
    return kept


def test_arguments_of_methods_are_cast_as_the_script_casts_them(tmp_path: Path) -> None:
    site = Site()
    computer = [{"Row": {"Name": "WIN2003-A"}}]
    platform = _platform(site, NODE_1) | {
        "types": dict(METHOD.arguments),
        "wmi": {"Win32_ComputerSystem": computer},
    }
    text = _with_stand_ins()
    tries = list(itertools.product(METHOD.arguments, VALUES))
    shared = {
        "Identity": site.identity(),
        "Namespace": r"root\cimv2",
        "Class": "Win32_Try",
        "KeyProperty": "",
        "Method": "Try",
    }
    cases = [
        {
            "text": text,
            "parameters": {**shared, "Arguments": {name: value}},
            "platform": platform,
        }
        for name, value in tries
    ]

    judged = _ask_engine(cases, tmp_path)

    differing = []
    for (name, value), answer in zip(tries, judged, strict=True):
        [row] = answer["rows"]
        theirs = answer["calls"][0][1] if row["Outcome"] == "answered" else row["ErrorId"]
        ours = _cast(name, value)
        if ours != theirs:
            differing.append((name, value, ours, theirs))
    assert not differing, "\n".join(map(str, differing))


def _cast(name: str, value: object) -> object:
    try:
        return wmi.cast(METHOD, {name: value})[name]
    except CommandError as error:
        return error.reply.error_id


def test_targets_are_found_as_the_script_finds_them(tmp_path: Path) -> None:
    site = Site()
    keys = ["Index", "SettingID", "IPEnabled", "MACAddress", "NoSuchProperty"]
    values = [8, "8", "08", "0x8", 99, "x", None, True, "00:03:ff:10:00:21"]
    shared = {
        "Identity": site.identity(),
        "Namespace": r"root\cimv2",
        "Class": "Win32_NetworkAdapterConfiguration",
        "Method": "EnableDHCP",
        "Arguments": {},
    }
    tries = [
        {**shared, "KeyProperty": key, "KeyValue": value}
        for key, value in itertools.product(keys, values)
    ]
    text, platform = _with_stand_ins(), _platform(site, NODE_1)

    judged = _ask_engine(
        [{"text": text, "parameters": each, "platform": platform} for each in tries], tmp_path
    )

    for each, answer in zip(tries, judged, strict=True):
        assert list(site.run("call_wmi_method", NODE_1, **each)) == answer["rows"], each
    outcomes = {answer["rows"][0]["Outcome"] for answer in judged}
    assert outcomes == {"answered", "refused"}


def _with_stand_ins() -> str:
    text = script_text("call_wmi_method")
    for name, line in STAND_INS.items():
        found = re.findall(rf"(?m)^function {name}\(.*$", text)
        assert len(found) == 1, name
        text = text.replace(found[0], line)
    return text
