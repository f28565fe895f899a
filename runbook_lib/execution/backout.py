"""How the whole is taken back: in which order, what each change of a run says, what stays.

The order is not that of the phases turned round: the mailbox server leaves the directory and the
cluster first, while both nodes still know it, and only then is Exchange removed from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runbook_lib.execution import restart
from runbook_lib.journal.entry import JournalEntry

NEVER_HAPPENED = frozenset({"absent", "not sent"})
"""Results of changes that left no trace."""

NOTHING = "nothing"
"""What stays where every trace can be taken away."""


@dataclass(frozen=True)
class Stage:
    """One stretch of the way back. how: what to do, in order; stays: what no command removes."""

    title: str
    phases: tuple[str, ...]
    how: tuple[str, ...]
    stays: str


@dataclass(frozen=True)
class Undo:
    """How one change of a run is undone. state: done, failed, or unknown without a result."""

    phase: str
    node: str
    setting: str
    before: str
    after: str
    undo: str
    state: str


STAGES: tuple[Stage, ...] = (
    Stage(
        "The mailbox server and Exchange",
        (
            "90_prove_failover",
            "80_install_exchange_passive_node",
            "70_install_exchange_active_node",
        ),
        (
            "move or disable all mailboxes, and take the replicas of public folders away",
            "stop the mailbox server (Stop-ClusteredMailboxServer with a reason)",
            (
                "on the node that owns it: Setup.com /RemoveCms /CMSName:<its name>; of several in "
                "one cluster the one that was installed first goes last"
            ),
            "Setup.com /mode:Uninstall on the other node, then on this one",
        ),
        "the preparation of the directory, which is never taken back; the mailbox server's "
        "computer account and DNS record, and the files on the database disk, which a person "
        "deletes",
    ),
    Stage(
        "Windows components",
        ("60_install_windows_components",),
        (
            (
                "only when Exchange is gone: the component manager with the same answer file, off "
                "for on"
            ),
            "write the switches of TCP offload back as the table says, and restart when it suits",
        ),
        NOTHING,
    ),
    Stage(
        "The cluster",
        ("50_join_second_node", "40_form_cluster"),
        (
            "on node 2 stop the cluster service; on node 1: cluster.exe node <node 2> /evict",
            "where node 2 was not cleaned up by that: cluster.exe node <node 2> /force there",
            (
                "on node 1 leave the service running and evict node 1 itself, the last node: that "
                "ends the cluster"
            ),
        ),
        "the service account among the local administrators and with its rights on both nodes, "
        "the cluster's DNS record, the folder MSCS on the quorum disk",
    ),
    Stage(
        "The shared disks",
        ("30_prepare_shared_disks",),
        (
            "with one node running alone: take the drive letters away (mountvol <letter>: /D)",
            "a partition goes only with all data in it: a person deletes it after looking",
        ),
        "disk signatures; what a formatted partition held before cannot be had back",
    ),
    Stage(
        "The domain",
        ("20_join_domain",),
        (
            (
                "let each node join a workgroup, and restart it; have the local administrator's "
                "password at hand before"
            ),
        ),
        "the computer accounts, disabled, until an administrator of the domain deletes them",
    ),
    Stage(
        "Names and networks",
        ("10_configure_networks",),
        (
            (
                "what the table says, the last change first; an address goes last on each node, "
                "for the session runs over it"
            ),
            "restart both nodes",
        ),
        NOTHING,
    ),
)
"""From the last phase back to the machines as they were; phases that only read are left out."""


def undos(entries: Iterable[JournalEntry]) -> tuple[Undo, ...]:
    """Return what a run changed and how that is undone, the last change first.

    A setting that was changed twice in one step is undone once, to what stood before the first.
    """
    intents: dict[int, JournalEntry] = {}
    states: dict[int, str] = {}
    for entry in entries:
        if entry.event == "intent" and entry.data["step"] != restart.STEP:
            intents[entry.seq] = entry
            states[entry.seq] = "unknown"
        elif entry.event in {"result", "adopted"}:
            outcome = str(entry.data.get("outcome", "done"))
            states[int(str(entry.data["intent"]))] = outcome
    found: dict[tuple[str, ...], Undo] = {}
    for seq, intent in intents.items():
        if states[seq] in NEVER_HAPPENED:
            continue
        data = {name: str(value) for name, value in intent.data.items()}
        key = (data["phase"], data["step"], data["node"], data["setting"])
        first = found.get(key)
        state = states[seq] if states[seq] in {"failed", "unknown"} else "done"
        found[key] = Undo(
            data["phase"],
            data["node"],
            data["setting"],
            first.before if first else data["before"],
            data["after"],
            first.undo if first else data["undo"],
            state,
        )
    return tuple(reversed(found.values()))
