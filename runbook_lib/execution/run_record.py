"""How a run's record begins and ends: opened with who and what, closed, summed up, sealed."""

from __future__ import annotations

import getpass
import platform
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from runbook_lib.clock import Clock
from runbook_lib.execution import backout
from runbook_lib.execution import run_folder as run_folders
from runbook_lib.execution.run_folder import (
    RunFolder,
    ending_of,
    outcome_of,
    phases_of,
    write_json,
)
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal
from runbook_lib.journal.manifest import seal
from runbook_lib.topology.loading import Loaded

PACKAGE = "exchange-scc-runbook"
RECORDED_PACKAGES = (
    PACKAGE,
    "papermill",
    "nbclient",
    "jupyter_client",
    "ipykernel",
    "pypsrp",
    "psrpcore",
    "pyspnego",
    "pydantic",
)


def version() -> str:
    """Return the package's version."""
    return metadata.version(PACKAGE)


def open_run(
    loaded: Loaded, path: Path | None, phases: Sequence[str], parameters_file: str, clock: Clock
) -> tuple[RunFolder, Journal]:
    """Return a new run folder and its journal, with who began it and with what."""
    topology = loaded.topology
    folder = run_folders.create(path, loaded.text, label=topology.cluster.name, now=clock.now())
    journal = Journal.create(folder.journal, clock)
    journal.append(
        "run_opened",
        {
            "run": folder.name,
            "version": version(),
            "parameters_sha256": loaded.sha256,
            "parameters_file": Path(parameters_file).name,
            "user": getpass.getuser(),
            "host": socket.gethostname(),
            "utc_offset_minutes": utc_offset_minutes(clock.now()),
            "target": topology.target.value,
            "approval": topology.approval.value,
            "phases": list(phases),
            "warnings": list(loaded.warnings),
        },
    )
    return folder, journal


def utc_offset_minutes(moment: datetime) -> int:
    """Return how far this machine's local time stands east of Greenwich at a moment."""
    offset = moment.astimezone().utcoffset()
    return round(offset.total_seconds() / 60) if offset is not None else 0


@dataclass(frozen=True)
class PhaseSummary:
    """One phase of a run in figures. steps, changes: over all attempts; seconds: likewise."""

    phase: str
    outcome: str
    steps: int
    changes: int
    seconds: float


def phase_summaries(entries: Sequence[JournalEntry]) -> tuple[PhaseSummary, ...]:
    """Return each phase of the run, in order, as the journal tells it."""
    return tuple(_phase_summary(entries, phase) for phase in phases_of(entries))


def _phase_summary(entries: Sequence[JournalEntry], phase: str) -> PhaseSummary:
    steps: set[tuple[str, str]] = set()
    seconds, began = 0.0, None
    for entry in entries:
        data = entry.data
        if data.get("phase") != phase:
            continue
        if entry.event == "verified":
            steps.add((data["step"], data["node"]))
        elif entry.event == "phase_opened":
            began = datetime.fromisoformat(entry.at)
        elif entry.event == "phase_closed" and began is not None:
            seconds += (datetime.fromisoformat(entry.at) - began).total_seconds()
            began = None
    changes = sum(each.phase == phase for each in _made(entries))
    return PhaseSummary(phase, outcome_of(entries, phase), len(steps), changes, seconds)


def _made(entries: Sequence[JournalEntry]) -> list[backout.Undo]:
    """Return the changes that are in the nodes; one that a stop kept from its proof is too."""
    return [each for each in backout.undos(entries) if each.state == "done"]


def summary(entries: Sequence[JournalEntry]) -> dict[str, Any]:
    """Return the run in figures: phases, steps by outcome, gates, restarts."""
    opened = next(entry for entry in entries if entry.event == "run_opened")
    outcomes: dict[str, int] = {}
    for entry in entries:
        if entry.event == "verified":
            outcomes[entry.data["outcome"]] = outcomes.get(entry.data["outcome"], 0) + 1
    return {
        "run": opened.data["run"],
        "version": opened.data["version"],
        "target": opened.data["target"],
        "began": entries[0].at,
        "ended": entries[-1].at,
        "phases": {phase: outcome_of(entries, phase) for phase in phases_of(entries)},
        "steps": outcomes,
        "changes": len(_made(entries)),
        "gates": sum(e.event == "gate_answered" for e in entries),
        "restarts": sum(e.event == "rebooted" for e in entries),
    }


def facts(journal: Journal) -> dict[str, Any]:
    """Return what the manifest says beside the files: versions, user, host, the source's commit."""
    return {
        "versions": {
            "python": platform.python_version(),
            **{name: _version_of(name) for name in RECORDED_PACKAGES},
        },
        "user": getpass.getuser(),
        "host": socket.gethostname(),
        "began": journal.entries[0].at,
        "ended": journal.entries[-1].at,
        "commit": _commit(),
    }


def finish(
    folder: RunFolder, journal: Journal, *, outcome: str, by: str | None, reason: str | None
) -> str:
    """End the run: closing entry, summary, page, seal; return the manifest's SHA-256.

    A run that was closed and not sealed is only sealed.
    """
    # Kernels open runs too, and have no use for a template engine.
    from runbook_lib.review.page import write_page

    if ending_of(journal.entries) is None:
        journal.append("run_closed", {"outcome": outcome, "by": by, "reason": reason})
    write_json(folder.summary, summary(journal.entries))
    write_page(folder.path)
    return seal(folder.path, facts(journal))


def _version_of(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> str | None:
    """Return the commit of the checkout that the notebooks come from, None outside of one.

    Read from git's own files: starting git for one line costs more than the whole sealing.
    """
    git = run_folders.root() / ".git"
    try:
        head = (git / "HEAD").read_text("ascii").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        loose = git / name
        if loose.exists():
            return loose.read_text("ascii").strip()
        packed = (git / "packed-refs").read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), None)
