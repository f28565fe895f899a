"""What both nodes show of the shared disks, and what that means; pure, like every plan.

A disk is ready on a node when its one volume has its letter, NTFS and its label there. Each node
leaves a mark on each volume, a file that holds the disk's signature as that node sees it: so the
other one can tell that both mean the same disk, although they never run together.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runbook_lib.commands import disks, files, probe, server_cluster
from runbook_lib.commands.command import Answer, Query
from runbook_lib.commands.disks import Drive, Partition, Storage
from runbook_lib.commands.server_cluster import Configured, Membership
from runbook_lib.steps.step import Blocked, Silence
from runbook_lib.topology.models import Disk, Topology


@dataclass(frozen=True)
class Wished:
    """One shared disk as the parameter file wants it; letter as "Q:"."""

    lun: int
    size_mb: int
    letter: str
    label: str

    @property
    def what(self) -> str:
        """Return the disk for a reader."""
        return f"LUN {self.lun} ({self.size_mb} MB)"


def wished(topology: Topology) -> tuple[Wished, ...]:
    """Return the quorum disk and the database disk."""
    return tuple(_wished(disk) for disk in (topology.disks.quorum, topology.disks.database))


def _wished(disk: Disk) -> Wished:
    return Wished(disk.lun, disk.size_mb, f"{disk.letter}:", disk.label)


class Found(StrEnum):
    """How far a disk is on one node."""

    RAW = "raw, no partition"
    WITHOUT_LETTER = "one partition, no letter"
    WITHOUT_FILE_SYSTEM = "one partition, no file system"
    READY = "formatted and labelled"


@dataclass(frozen=True)
class View:
    """What one running node shows.

    marks: (whose, letter) -> the mark's text, None without one. replying: addresses of the other
    node at which it was asked for, and a host replies.
    """

    node: str
    storage: Storage
    marks: Mapping[tuple[str, str], str | None]
    is_clustered: bool
    replying: tuple[str, ...] = ()

    def drive(self, wish: Wished) -> Drive | None:
        """Return the one disk that fits, or None."""
        fitting = [d for d in self.storage.at(wish.lun) if d.is_of_size(wish.size_mb)]
        return fitting[0] if len(fitting) == 1 else None

    def found(self, wish: Wished) -> Found | Blocked:
        """Return how far a disk is, or why it cannot be used as it is."""
        drive = self._usable(wish)
        if isinstance(drive, Blocked):
            return drive
        if not drive.partitions:
            return self._taken(wish) or Found.RAW
        (partition,) = drive.partitions
        if partition.letter is None:
            return self._taken(wish) or Found.WITHOUT_LETTER
        return self._mounted(wish, drive, partition)

    def is_marked(self, wish: Wished, by: str) -> bool:
        """Tell whether a node's mark lies on a disk, with the signature that this node sees."""
        drive = self.drive(wish)
        signature = drive.signature if drive else None
        text = self.marks.get((by, wish.letter))
        return signature is not None and text == mark_text(by, wish, signature)

    def _usable(self, wish: Wished) -> Drive | Blocked:
        """Return the disk if it is the only one of its kind and holds at most one partition."""
        shown = self.storage.at(wish.lun)
        drive = self.drive(wish)
        if drive is None:
            return self._missing(wish, shown)
        data = (
            "it is never partitioned or formatted without a person's word: look at it in Disk "
            f"Management on {self.node}, and give this LUN free, or put another one into the "
            "parameter file"
        )
        if any(partition.is_dynamic for partition in drive.partitions):
            return Blocked(
                f"{wish.what} is a dynamic disk on {self.node}, which a cluster cannot use",
                "save what is on it and convert it back to a basic disk in Disk Management, or "
                "put another LUN into the parameter file",
            )
        count = max(drive.partition_count, len(drive.partitions))
        if count > 1 or count != len(drive.partitions):
            return Blocked(f"{wish.what} holds {count} partitions on {self.node}", data)
        return drive

    def _missing(self, wish: Wished, shown: Sequence[Drive]) -> Blocked:
        fitting = [drive for drive in shown if drive.is_of_size(wish.size_mb)]
        unreadable = [drive for drive in shown if drive.size_bytes is None]
        if len(fitting) > 1:
            numbers = ", ".join(str(drive.index) for drive in fitting)
            return Blocked(
                f"{wish.what} shows {len(fitting)} times on {self.node} (disks {numbers})",
                "install the storage maker's multipath software, or take the second path away, "
                "until the LUN shows once",
            )
        if unreadable:
            return Blocked(
                f"{wish.what} cannot be read on {self.node}: another machine holds it",
                "find out which machine uses this LUN, and present the LUN to the two nodes only",
            )
        if shown:
            sizes = ", ".join(f"{drive.size_mb} MB" for drive in shown)
            return Blocked(
                f"LUN {wish.lun} has another size on {self.node}: {sizes}, wanted "
                f"{wish.size_mb} MB",
                f"present a LUN {wish.lun} of {wish.size_mb} MB, or put its real number and size "
                "into the parameter file",
            )
        return Blocked(
            f"{wish.what} is not visible on {self.node}",
            f"present the LUN to {self.node} (zone, mask, iSCSI target) and scan its disks anew; "
            "it must be block storage that shows as a disk, a network share will not do",
        )

    def _taken(self, wish: Wished) -> Blocked | None:
        """Return why a letter cannot be given, or None when it is free."""
        holder = self.storage.letters.get(wish.letter)
        if holder is not None:
            return Blocked(
                f"the letter {wish.letter} belongs to {holder.drive_type} on {self.node}",
                f"give that one another letter on {self.node}, or put another letter for "
                f"LUN {wish.lun} into the parameter file",
            )
        if wish.letter in self.storage.bound:
            return Blocked(
                f"{self.node} keeps the letter {wish.letter} for a volume that is not there",
                f"bring that volume back, or run mountvol /r on {self.node}, which forgets the "
                "letters of absent volumes",
            )
        return None

    def _mounted(self, wish: Wished, drive: Drive, partition: Partition) -> Found | Blocked:
        """Return how far a volume with a letter is."""
        if partition.letter != wish.letter:
            return Blocked(
                f"{wish.what} has the letter {partition.letter} on {self.node}, wanted "
                f"{wish.letter}",
                f"set the letters right in Disk Management on {self.node}: {wish.letter} for "
                f"LUN {wish.lun}",
            )
        device = struct.pack("<IQ", drive.signature or 0, partition.offset)
        volume = self.storage.letters.get(wish.letter)
        if volume is None or self.storage.bound.get(wish.letter) != device:
            return Blocked(
                f"the registry of {self.node} binds {wish.letter} to another disk than {wish.what}",
                f"take the letter {wish.letter} away in Disk Management on {self.node} and give "
                f"it to LUN {wish.lun} again",
            )
        if volume.is_dirty:
            return Blocked(
                f"the file system of {wish.letter} on {wish.what} is damaged",
                "leave only one node running, run chkdsk /f there on this letter, and look after "
                "the data; two nodes at once on unguarded disks do such damage",
            )
        if volume.file_system is None:
            return Found.WITHOUT_FILE_SYSTEM
        if volume.file_system != "NTFS" or volume.label != wish.label:
            return Blocked(
                f"{wish.letter} on {wish.what} holds {volume.file_system} with the label "
                f"{volume.label or '(none)'}, wanted NTFS with the label {wish.label}",
                "it is never formatted without a person's word: if its data are meant to go, "
                "delete the volume in Disk Management; if it is the right one, give it the label",
            )
        return Found.READY


def mark_path(letter: str, node: str) -> str:
    r"""Return where a node's mark lies, such as Q:\scc-runbook-NODE1.txt."""
    return f"{letter}\\scc-runbook-{node}.txt"


def mark_text(node: str, wish: Wished, signature: int) -> str:
    """Return what a node's mark says."""
    return f"scc-runbook: {node} saw LUN {wish.lun} as {wish.letter} with signature {signature:08X}"


def look(
    node: str, nodes: Sequence[str], wishes: Sequence[Wished], others: Sequence[str] = ()
) -> Query[View]:
    """Return everything that one node can say of the shared disks, in one question.

    others: the other node's addresses, if it is asked whether they reply.
    """
    places = [(by, wish.letter) for wish in wishes for by in nodes]
    marks = [files.text(mark_path(letter, by)) for by, letter in places]
    queries: tuple[Query[Any], ...] = (
        disks.storage([wish.letter.rstrip(":") for wish in wishes]),
        server_cluster.membership(),
        probe.replies(others),
        *marks,
    )

    def parse(answers: Sequence[Answer]) -> View:
        storage, membership, replies, *texts = _parsed(queries, answers)
        marks = dict(zip(places, texts, strict=True))
        replying = tuple(address for address, answered in replies.items() if answered)
        return View(node, storage, marks, _is_clustered(membership), replying)

    return Query(tuple(read for query in queries for read in query.reads), parse)


def not_off(other: str, asked_from: str, replying: Sequence[str]) -> Blocked:
    """Return that a node which takes no connection runs all the same: addresses of it reply."""
    return Blocked(
        f"{other} takes no connection, and yet {', '.join(replying)} replies to {asked_from}",
        f"see at its console that {other} is switched off; a node that merely does not answer can "
        "still destroy the shared disks",
    )


def _parsed(queries: Sequence[Query[Any]], answers: Sequence[Answer]) -> Iterator[Any]:
    at = 0
    for query in queries:
        yield query.parse(answers[at : at + len(query.reads)])
        at += len(query.reads)


def _is_clustered(membership: Membership) -> bool:
    """Tell whether a cluster was begun on a node: its disk driver keeps others off since then."""
    return membership.configured in (Configured.RUNNING, Configured.STOPPED)


@dataclass(frozen=True)
class Situation:
    """Both nodes' views at one moment; None of a node that is off."""

    nodes: tuple[str, str]
    wishes: tuple[Wished, ...]
    first: View | None
    second: View | None

    @classmethod
    def of(
        cls,
        nodes: tuple[str, str],
        wishes: tuple[Wished, ...],
        first: View | Silence,
        second: View | Silence,
    ) -> Situation:
        """Return the situation that two answers describe."""
        return cls(
            nodes,
            wishes,
            None if isinstance(first, Silence) else first,
            None if isinstance(second, Silence) else second,
        )

    @property
    def running(self) -> str:
        """Return who runs, for a reader."""
        names = [n for n, v in zip(self.nodes, (self.first, self.second), strict=True) if v]
        return f"{names[0]} alone" if len(names) == 1 else "both" if names else "none"

    @property
    def is_clustered(self) -> bool:
        """Tell whether a node says that the cluster guards the disks."""
        return any(view.is_clustered for view in (self.first, self.second) if view)

    @property
    def first_alone(self) -> View | None:
        """Return the first node's view if only it runs."""
        return self.first if self.second is None else None

    @property
    def second_alone(self) -> View | None:
        """Return the second node's view if only it runs."""
        return self.second if self.first is None else None

    @property
    def first_has_to_begin(self) -> bool:
        """Tell whether the second node, which runs alone, shows a disk that nobody prepared."""
        view = self.second_alone
        return view is not None and any(view.found(wish) is Found.RAW for wish in self.wishes)

    @property
    def is_prepared(self) -> bool:
        """Tell whether the first node shows all disks ready, with its own marks."""
        return self.first is not None and self._marked(self.first, self.nodes[0])

    @property
    def is_proved(self) -> bool:
        """Tell whether the first node also shows the marks of the second one."""
        return (
            self.is_prepared and self.first is not None and self._marked(self.first, self.nodes[1])
        )

    @property
    def second_is_through(self) -> bool:
        """Tell whether the second node, which runs alone, shows both nodes' marks."""
        view = self.second_alone
        return view is not None and all(self._marked(view, node) for node in self.nodes)

    def _marked(self, view: View, by: str) -> bool:
        return all(
            view.found(wish) is Found.READY and view.is_marked(wish, by) for wish in self.wishes
        )
