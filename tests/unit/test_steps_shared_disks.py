"""The steps at the shared disks, planned from views that no simulated site shows."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from runbook_lib.commands import disks
from runbook_lib.commands.command import Answer
from runbook_lib.commands.disks import Drive, DriveType, Lettered, Partition, Storage
from runbook_lib.steps.disk_work import MakePartitions
from runbook_lib.steps.prepare_shared_disks import CheckDisks
from runbook_lib.steps.shared_disks import Found, View, Wished
from runbook_lib.steps.step import SILENT, Blocked, Changes, NoChange

NODES = ("NODE1", "NODE2")
QUORUM = Wished(0, 1024, "Q:", "Quorum")
ONE_GIB = 1069286400
"""130 cylinders: what WMI shows of 1024 MiB."""

LOCAL = Drive(0, 0, 0, ONE_GIB, 7, 1, (Partition(0, 32256, True, False, "C:"),))
RAW = Drive(1, 0, 2, ONE_GIB, None, 0, ())


def view(drive: Drive = RAW, *, node: str = "NODE1", clustered: bool = False) -> View:
    """Return what a node shows with this disk, whose letter (if any) is bound to it."""
    letters = {"C:": Lettered("C:", DriveType.FIXED, "NTFS", "", False)}
    bound = {}
    for partition in drive.partitions:
        if partition.letter:
            letters[partition.letter] = Lettered(
                partition.letter, DriveType.FIXED, "NTFS", "Quorum", False
            )
            bound[partition.letter] = struct.pack("<IQ", drive.signature or 0, partition.offset)
    return View(node, Storage((LOCAL, drive), letters, bound), {}, clustered)


READY = replace(
    RAW,
    signature=0x1A2B3C4D,
    partition_count=1,
    partitions=(Partition(0, 65536, False, False, "Q:"),),
)


def test_a_disk_of_the_right_size_is_found_beside_the_local_one_on_the_same_lun() -> None:
    assert (view().found(QUORUM), view(READY).found(QUORUM)) == (Found.RAW, Found.READY)


@pytest.mark.parametrize(
    ("size", "fits"),
    [
        (1024 * disks.MIB, True),
        (ONE_GIB, True),
        (1024 * disks.MIB - disks.CYLINDER, False),
        (1024 * disks.MIB + 1, False),
        (None, False),
    ],
)
def test_a_size_may_be_short_of_a_cylinder_and_no_more(size: int | None, fits: bool) -> None:
    assert replace(RAW, size_bytes=size).is_of_size(1024) is fits


@pytest.mark.parametrize(
    ("drive", "why"),
    [
        (replace(RAW, size_bytes=None), "cannot be read on NODE1: another machine holds it"),
        (replace(RAW, partition_count=2), "holds 2 partitions on NODE1"),
        (replace(READY, partition_count=0, partitions=READY.partitions * 2), "holds 2 partitions"),
        (replace(RAW, partition_count=1), "holds 1 partitions on NODE1"),
    ],
)
def test_what_cannot_be_told_of_a_disk_is_no_empty_disk(drive: Drive, why: str) -> None:
    found = view(drive).found(QUORUM)

    assert isinstance(found, Blocked)
    assert why in found.reason


def test_a_letter_kept_for_an_absent_volume_is_not_free() -> None:
    shown = view()
    storage = replace(shown.storage, bound={"Q:": b"123456789012"})

    found = replace(shown, storage=storage).found(QUORUM)

    assert isinstance(found, Blocked)
    assert found.reason == "NODE1 keeps the letter Q: for a volume that is not there"


def test_a_letter_that_the_registry_binds_elsewhere_is_refused() -> None:
    shown = view(READY)
    storage = replace(shown.storage, bound={"Q:": b"123456789012"})

    found = replace(shown, storage=storage).found(QUORUM)

    assert isinstance(found, Blocked)
    assert "binds Q: to another disk than LUN 0 (1024 MB)" in found.reason


def test_two_disks_under_one_lun_are_told_by_their_signatures_while_both_nodes_run() -> None:
    step = CheckDisks(NODES, (QUORUM,))
    other = replace(READY, signature=7)

    plan = step.plan(view(READY), view(other, node="NODE2"))

    assert isinstance(plan, Blocked)
    assert "not the same disk on both nodes: signatures 1A2B3C4D and 00000007" in plan.reason


def test_nothing_is_partitioned_while_the_other_node_runs() -> None:
    step = MakePartitions(NODES, (QUORUM,))

    assert isinstance(step.plan(view(), SILENT), Changes)
    assert not isinstance(step.plan(view(), view(node="NODE2")), Changes)


def test_nothing_is_done_once_a_cluster_guards_the_disks() -> None:
    for step in (MakePartitions(NODES, (QUORUM,)), CheckDisks(NODES, (QUORUM,))):
        plan = step.plan(view(replace(RAW, size_bytes=None), clustered=True), SILENT)
        assert plan == NoChange("the cluster guards the disks")


def test_what_a_node_answers_of_its_disks_becomes_drives_and_letters() -> None:
    answers = [
        Answer(
            (
                {
                    "Index": 1,
                    "SCSILogicalUnit": 0,
                    "SCSIPort": 2,
                    "Size": ONE_GIB,
                    "Signature": 0x1A2B3C4D,
                    "Partitions": 1,
                },
            )
        ),
        Answer(
            (
                {
                    "DiskIndex": 1,
                    "Index": 0,
                    "StartingOffset": 65536,
                    "BootPartition": False,
                    "Type": "Installable File System",
                },
            )
        ),
        Answer(
            (
                {
                    "Antecedent": r'\\A\root\cimv2:Win32_DiskPartition.DeviceID="Disk #1, '
                    'Partition #0"',
                    "Dependent": r'\\A\root\cimv2:Win32_LogicalDisk.DeviceID="Q:"',
                },
            )
        ),
        Answer(
            (
                {
                    "DeviceID": "Q:",
                    "DriveType": 3,
                    "FileSystem": "RAW",
                    "VolumeName": None,
                    "VolumeDirty": None,
                },
            )
        ),
        Answer(({r"\DosDevices\Q:": (0x4D, 0x3C, 0x2B, 0x1A, 0, 0, 1, 0, 0, 0, 0, 0)},)),
    ]

    seen = disks.storage(["Q"]).parse(answers)

    assert seen == Storage(
        (READY,),
        {"Q:": Lettered("Q:", DriveType.FIXED, None, None, None)},
        {"Q:": struct.pack("<IQ", 0x1A2B3C4D, 65536)},
    )


@pytest.mark.parametrize("value", ["text", 12, (256,), (-1,), ("a",), ()])
def test_a_binding_that_is_no_bytes_is_no_answer(value: object) -> None:
    empty = Answer(())

    with pytest.raises(ValueError, match="should be bytes"):
        disks.storage(["Q"]).parse(
            [empty, empty, empty, empty, Answer(({r"\DosDevices\Q:": value},))]
        )
