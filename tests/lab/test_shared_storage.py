"""The simulated shared disks: what each node shows of them, and who ruins them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.lab.world.acts import ActError
from runbook_lib.lab.world.disks import CYLINDER
from tests.lab_world import NODE_1, NODE_2, Site, texts

DISKPART_FILE = r"C:\WINDOWS\Temp\commands.txt"


def prepared(site: Site, *, label: str = "Quorum") -> None:
    for deed in ("partition", "format"):
        [answer] = site.run(
            "prepare_disk",
            Identity=site.identity(),
            Deed=deed,
            Lun=0,
            SizeMb=1024,
            Letter="Q",
            Label=label,
        )
        assert (answer["Outcome"], answer["Code"]) == ("answered", 0)


def drives(site: Site, node: str = NODE_1) -> list[tuple[Any, ...]]:
    names = ("Index", "SCSIPort", "SCSILogicalUnit", "Partitions", "Signature")
    return [tuple(row[name] for name in names) for row in site.rows("Win32_DiskDrive", node)]


def letters(site: Site, node: str = NODE_1) -> list[str]:
    return texts(site.rows("Win32_LogicalDisk", node), "DeviceID")


def diskpart(site: Site, *lines: str, node: str = NODE_1) -> tuple[int, list[str]]:
    site.world._nodes[node].files.write_lines(DISKPART_FILE, lines)
    code, said = site.program("diskpart.exe", "/s", DISKPART_FILE, node=node)
    return code, [line for line in said if line]


def test_both_nodes_see_the_same_luns_under_other_numbers() -> None:
    site = Site()

    assert drives(site) == [(0, 0, 0, 1, 0x1549F232), (1, 2, 0, 0, None), (2, 2, 1, 0, None)]
    assert [each[:3] for each in drives(site, NODE_2)] == [(0, 0, 0), (1, 3, 1), (2, 3, 0)]


def test_a_size_is_shown_in_whole_cylinders() -> None:
    sizes = texts(Site().rows("Win32_DiskDrive"), "Size")

    assert sizes[1:] == [1069286400, 21467980800]
    assert [size % CYLINDER for size in sizes] == [0, 0, 0]


def test_an_image_has_two_letters_and_no_shared_one() -> None:
    assert letters(Site()) == ["C:", "D:"]


def test_a_prepared_disk_shows_everywhere_on_the_node_that_prepared_it() -> None:
    site = Site()
    prepared(site)

    [disk] = (row for row in site.rows("Win32_LogicalDisk") if row["DeviceID"] == "Q:")
    [volume] = (row for row in site.rows("Win32_Volume") if row["DriveLetter"] == "Q:")
    [place] = (r for r in site.rows("Win32_LogicalDiskToPartition") if "Q:" in r["Dependent"])
    signature = drives(site)[1][4]
    assert (disk["FileSystem"], disk["VolumeName"], disk["VolumeDirty"]) == (
        "NTFS",
        "Quorum",
        False,
    )
    assert (volume["Label"], volume["Capacity"]) == ("Quorum", disk["Size"])
    assert place["Antecedent"].endswith('Win32_DiskPartition.DeviceID="Disk #1, Partition #0"')
    assert site.key(r"SYSTEM\MountedDevices")[r"\DosDevices\Q:"] == (
        signature.to_bytes(4, "little") + (65536).to_bytes(8, "little")
    )


def test_the_other_node_gives_it_no_letter_by_itself() -> None:
    site = Site()
    prepared(site)

    assert letters(site, NODE_2) == ["C:", "D:"]
    assert [each[3] for each in drives(site, NODE_2)] == [1, 0, 1]
    assert drives(site, NODE_2)[2][4] == drives(site)[1][4]


def test_signatures_come_from_the_seed() -> None:
    found = []
    for seed in (1, 1, 2):
        site = Site(seed=seed)
        prepared(site)
        found.append(drives(site)[1][4])

    assert found[0] == found[1] != found[2]


def test_two_running_nodes_with_a_volume_mounted_ruin_it() -> None:
    site = Site()
    prepared(site)
    assert site.world.state()["storage"]["volumes"][0]["is_corrupt"] is False

    site.world.act("give-letter", {"node": NODE_2, "lun": 0, "letter": "Q"})

    assert site.world.state()["storage"]["volumes"][0]["is_corrupt"] is True
    for node in (NODE_1, NODE_2):
        newest = site.rows("Win32_NTLogEvent", node)[0]
        assert (newest["SourceName"], newest["EventCode"]) == ("Ntfs", 55)
        [disk] = (row for row in site.rows("Win32_LogicalDisk", node) if row["DeviceID"] == "Q:")
        assert disk["VolumeDirty"] is True


def test_one_that_is_off_ruins_nothing_until_it_starts() -> None:
    site = Site()
    prepared(site)
    site.world.act("run-alone", {"node": NODE_2})
    site.pass_time()
    site.world.act("give-letter", {"node": NODE_2, "lun": 0, "letter": "Q"})
    assert site.world.state()["storage"]["volumes"][0]["is_corrupt"] is False

    site.world.act("power-on", {"node": NODE_1})
    site.pass_time()

    assert site.world.state()["storage"]["volumes"][0]["is_corrupt"] is True


def test_what_the_cluster_holds_for_one_node_the_other_cannot_read() -> None:
    site = Site()
    prepared(site)
    storage, (first, second) = site.world._site.storage, site.world._nodes.values()

    storage.reserve(0, NODE_1)
    site.world.act("give-letter", {"node": NODE_2, "lun": 0, "letter": "Q"})

    assert (letters(site), letters(site, NODE_2)) == (["C:", "D:", "Q:"], ["C:", "D:"])
    assert storage.files(first, "Q:") is not None
    assert storage.files(second, "Q:") is None
    assert storage.owner(0) == NODE_1
    [hidden] = (r for r in site.rows("Win32_DiskDrive", NODE_2) if r["Index"] == 2)
    assert (hidden["Size"], hidden["Signature"], hidden["Partitions"]) == (None, None, 0)
    volume = storage.volume(0)
    assert volume is not None
    assert volume.letters == {NODE_1: "Q:", NODE_2: "Q:"}
    assert volume.is_corrupt is False

    storage.reserve(0, None)
    assert (letters(site), letters(site, NODE_2)) == (["C:", "D:"], ["C:", "D:"])


def test_a_disk_that_is_released_is_in_danger_again() -> None:
    site = Site()
    prepared(site)
    storage = site.world._site.storage
    storage.reserve(0, NODE_1)
    site.world.act("give-letter", {"node": NODE_2, "lun": 0, "letter": "Q"})

    storage.release(0)

    volume = storage.volume(0)
    assert volume is not None
    assert volume.is_corrupt is True


def test_all_of_it_outlives_the_process(tmp_path: Path) -> None:
    site = Site(tmp_path)
    prepared(site)
    site.world.act("hide-disk", {"node": NODE_2, "lun": 1})
    site.world.act("duplicate-path", {"node": NODE_1, "lun": 1})
    site.world.act("make-dynamic", {"lun": 1})
    site.world._site.storage.reserve(0, NODE_1)
    site.world._site.storage._volumes[0].files.write(r"\a.txt", "kept")
    site.world.save()

    again = Site(tmp_path)

    assert again.world.state() == site.world.state()
    files = again.world._site.storage._volumes[0].files
    assert files.read(r"Q:\A.TXT") == "kept\n"
    assert json.loads(json.dumps(again.world.state())) == again.world.state()


def test_diskpart_stops_at_the_first_command_that_fails() -> None:
    site = Site()
    site.world.act("take-letter", {"node": NODE_1, "letter": "Q"})

    answer = diskpart(
        site, "rescan", "select disk 1", "create partition primary", "assign letter=q", "list disk"
    )

    assert answer == (
        4,
        [
            "Please wait while DiskPart scans your configuration...",
            "DiskPart has finished scanning your configuration.",
            "Disk 1 is now the selected disk.",
            "DiskPart succeeded in creating the specified partition.",
            "The specified drive letter is not free to be assigned.",
        ],
    )


@pytest.mark.parametrize(
    ("lines", "code", "last"),
    [
        (["select disk 9"], 4, "The disk you specified is not valid."),
        (["select disk x"], 5, "The syntax of this command is not valid."),
        (["erase everything"], 5, "The syntax of this command is not valid."),
        (["create partition primary"], 4, "Select a disk and try again."),
        (["select disk 1", "select partition 1"], 4, "The specified partition is not valid."),
        (["select disk 1", "assign letter=Q"], 4, "There is no volume specified."),
        (
            ["select disk 1", "create partition primary", "create partition primary"],
            4,
            "DiskPart was unable to create the specified partition.",
        ),
        (
            ["select disk 1", "create partition primary", "assign letter=Q", "remove letter=Q"],
            0,
            "DiskPart successfully removed the drive letter or mount point.",
        ),
        (
            ["rem nothing", "", "select disk 2", "list disk"],
            0,
            "* Disk 2    Online        20 GB    20 GB",
        ),
    ],
)
def test_diskpart_answers_what_it_is_told(lines: list[str], code: int, last: str) -> None:
    answered, said = diskpart(Site(), *lines)

    assert (answered, said[-1]) == (code, last)


def test_diskpart_wants_a_file_that_is_there() -> None:
    site = Site()

    assert site.program("diskpart.exe", "/s", r"C:\nothing.txt")[0] == 3
    assert site.program("diskpart.exe")[0] == 2


@pytest.mark.parametrize(
    ("letter", "arguments", "code"),
    [
        ("Q:", {"FileSystem": "NTFS", "Label": "x" * 33}, 10),
        ("Q:", {"FileSystem": "ZFS", "Label": ""}, 1),
        ("C:", {"FileSystem": "NTFS", "Label": ""}, 7),
        ("D:", {"FileSystem": "NTFS", "Label": ""}, 2),
        ("Q:", {"FileSystem": "NTFS", "Label": "New"}, 0),
    ],
)
def test_a_format_answers_by_code(letter: str, arguments: dict[str, str], code: int) -> None:
    site = Site()
    prepared(site)

    [answer] = site.run(
        "call_wmi_method",
        Identity=site.identity(),
        Namespace=r"root\cimv2",
        Class="Win32_Volume",
        KeyProperty="DriveLetter",
        KeyValue=letter,
        Method="Format",
        Arguments={"QuickFormat": True, "ClusterSize": 4096, **arguments},
    )

    assert (answer["Outcome"], answer["Code"]) == ("answered", code)
    kept = site.world.state()["storage"]["volumes"][0]["label"]
    assert kept == ("New" if code == 0 else "Quorum")


@pytest.mark.parametrize(
    ("deed", "arguments"),
    [
        ("hide-disk", {"node": NODE_1, "lun": 9}),
        ("hide-disk", {"lun": 0}),
        ("give-letter", {"node": NODE_1, "lun": 0, "letter": "Q"}),
        ("take-letter", {"node": NODE_1, "letter": "C"}),
        ("take-letter", {"node": NODE_1, "letter": "QS"}),
        ("resize-disk", {"lun": 0, "size_mb": True}),
    ],
)
def test_an_act_that_cannot_be_done_is_refused(deed: str, arguments: dict[str, object]) -> None:
    site = Site()
    before = site.world.state()

    with pytest.raises(ActError):
        site.world.act(deed, arguments)

    assert site.world.state() == before
