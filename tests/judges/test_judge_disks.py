"""A real PowerShell engine runs prepare_disk.ps1 and must come to what the lab answers.

Its platform shows the disks that the lab shows; what would change one is written down instead.
"""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.lab.answers import Bag
from tests.judges.engine import engine_path
from tests.lab_world import NODE_1, NODE_2, Site, script_text

pytestmark = pytest.mark.judge

PLATFORM = Path(__file__).parents[1] / "engine_platform.ps1"
CLASSES = (
    "Win32_ComputerSystem",
    "Win32_DiskDrive",
    "Win32_DiskPartition",
    "Win32_LogicalDisk",
    "Win32_LogicalDiskToPartition",
    "Win32_Volume",
)
MACHINE_GUID = r"HKLM:\SOFTWARE\Microsoft\Cryptography"
STAND_INS = {
    "Get-FormatArguments": "function Get-FormatArguments($Volume) { 'arguments' }",
    "Set-Argument": (
        "function Set-Argument($Signature, $Name, $Value) { $global:calls += , @($Name, $Value) }"
    ),
    "Invoke-Format": (
        "function Invoke-Format($Volume, $Signature) "
        "{ $global:calls += , @('format', $Volume.DriveLetter); 0 }\n"
        "function Set-Content { param($Path, $Value, $Encoding) "
        "$global:calls += , @('file', $Encoding, $Value) }\n"
        "function Remove-Item { param($Path) $global:calls += , @('removed') }\n"
        "function diskpart.exe { $global:calls += , @('diskpart', $args[0]); "
        "$global:LASTEXITCODE = 0 }"
    ),
}
PARTITION: dict[str, object] = {"Deed": "partition", "Lun": 0, "SizeMb": 1024, "Letter": "Q"}


def act(deed: str, **arguments: object) -> Callable[[Site], object]:
    return lambda site: site.world.act(deed, arguments)


def prepare(deed: str) -> Callable[[Site], object]:
    def run(site: Site) -> object:
        given = {**PARTITION, "Deed": deed, "Label": "Quorum"}
        return site.run("prepare_disk", NODE_1, Identity=site.identity(), **given)

    return run


STATES: Mapping[str, Sequence[Callable[[Site], object]]] = {
    "raw": (),
    "partitioned": (prepare("partition"),),
    "formatted": (prepare("partition"), prepare("format")),
    "no letter": (prepare("partition"), act("remove-letter", node=NODE_1, letter="Q")),
    "somebody's": (
        act("format-with-data", lun=0),
        act("give-letter", node=NODE_1, lun=0, letter="S"),
    ),
    "letter taken": (act("take-letter", node=NODE_1, letter="Q"),),
    "hidden": (act("hide-disk", node=NODE_1, lun=0),),
    "twice": (act("duplicate-path", node=NODE_1, lun=0),),
    "dynamic": (act("make-dynamic", lun=0),),
}
DEEDS = ("partition", "LETTER", "format", "clean", "")
PARAMETERS: Sequence[dict[str, object]] = (
    {},
    {"Letter": "q"},
    {"Letter": "Q\n"},
    {"Letter": "C"},
    {"Letter": "QS"},
    {"Letter": ""},
    {"Lun": 1},
    {"Lun": 1, "SizeMb": 20480, "Letter": "S"},
    {"SizeMb": 1023},
    {"SizeMb": 1040},
    {"SizeMb": 40960, "Letter": "C"},
)


def script() -> str:
    """Return the script with each line that asks .NET or changes something stood in for."""
    lines = []
    for line in script_text("prepare_disk").splitlines():
        name = line.removeprefix("function ").partition("(")[0]
        lines.append(STAND_INS.get(name, line))
    return "\n".join(lines)


def platform(site: Site, node: str) -> dict[str, object]:
    def rows(command: str, **parameters: object) -> list[dict[str, object]]:
        reply = site.ask(command, node, **parameters)
        assert not reply.errors
        return [{"Row": dict(each.properties)} for each in reply.output if isinstance(each, Bag)]

    return {
        "wmi": {name: rows("Get-WmiObject", Class=name) for name in CLASSES},
        "keys": {MACHINE_GUID: rows("Get-ItemProperty", Path=MACHINE_GUID)},
    }


def judged(cases: Sequence[Mapping[str, object]], folder: Path) -> list[dict[str, Any]]:
    given, got = folder / "cases.json", folder / "answers.json"
    given.write_text(json.dumps(cases))
    command = [engine_path(), "-NoProfile", "-NonInteractive", "-File"]
    command += map(str, (PLATFORM, given, got))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    answers: list[dict[str, Any]] = json.loads(got.read_text())
    return answers


def in_state(state: str) -> Site:
    site = Site()
    for step in STATES[state]:
        step(site)
    return site


def test_every_disk_is_judged_by_the_script_as_by_the_lab(tmp_path: Path) -> None:
    tries = list(itertools.product(STATES, DEEDS, PARAMETERS))
    shown = {state: platform(in_state(state), NODE_1) for state in STATES}
    identity = Site().identity()
    wanted = [
        {"Identity": identity, **PARTITION, "Deed": deed, "Label": "Quorum", **given}
        for _, deed, given in tries
    ]
    cases = [
        {"text": script(), "parameters": parameters, "platform": shown[state]}
        for (state, _, _), parameters in zip(tries, wanted, strict=True)
    ]

    differing = []
    reached = set()
    for (state, deed, given), parameters, theirs in zip(
        tries, wanted, judged(cases, tmp_path), strict=True
    ):
        site = in_state(state)
        before = len(site.world.ledger())
        [ours] = site.run("prepare_disk", NODE_1, **parameters)
        [row] = theirs["rows"]
        if row["Outcome"] == "answered":
            reached.add((state, deed))
        changes = len(site.world.ledger()) > before
        said = [(each["Outcome"], each["ErrorText"]) for each in (ours, row)]
        if said[0] != said[1] or changes != bool(theirs["calls"]):
            differing.append((state, deed, given, said))
    assert not differing, "\n".join(map(str, differing))
    assert reached == {
        ("raw", "partition"),
        ("letter taken", "partition"),
        ("no letter", "partition"),
        ("no letter", "LETTER"),
        ("partitioned", "partition"),
        ("partitioned", "format"),
        ("formatted", "partition"),
        ("hidden", "partition"),
        ("twice", "partition"),
        ("dynamic", "partition"),
    }


def test_what_the_script_tells_diskpart_and_format_is_made_of_a_number_and_a_letter(
    tmp_path: Path,
) -> None:
    both = in_state("partitioned")
    places = [("raw", NODE_1), ("partitioned", NODE_2), ("partitioned", NODE_1)]
    cases = [
        {
            "text": script(),
            "parameters": {
                "Identity": Site().identity(node),
                **PARTITION,
                "Deed": deed,
                "Label": "Quorum",
            },
            "platform": platform(both if state == "partitioned" else Site(), node),
        }
        for (state, node), deed in zip(places, ("partition", "letter", "format"), strict=True)
    ]

    partition, letter, formatted = (each["calls"] for each in judged(cases, tmp_path))

    assert partition == [
        [
            "file",
            "Ascii",
            ["select disk 1", "create partition primary align=64", "assign letter=Q"],
        ],
        ["diskpart", "/s"],
        ["removed"],
    ]
    # The other node numbers the same disk otherwise.
    assert letter[0][2] == ["select disk 2", "select partition 1", "assign letter=Q"]
    assert formatted == [
        ["FileSystem", "NTFS"],
        ["QuickFormat", True],
        ["ClusterSize", 4096],
        ["Label", "Quorum"],
        ["EnableCompression", False],
        ["format", "Q:"],
    ]


def test_another_machine_is_left_alone(tmp_path: Path) -> None:
    case = {
        "text": script(),
        "parameters": {"Identity": Site().identity(NODE_2), **PARTITION},
        "platform": platform(Site(), NODE_1),
    }

    [answer] = judged([case], tmp_path)

    assert (answer["rows"][0]["Outcome"], answer["calls"]) == ("wrong node", [])
