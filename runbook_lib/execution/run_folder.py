"""The run folder: where a run's record lives, and what its files say of where the run stands."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import runbook_lib
from runbook_lib.errors import ParametersError, PreconditionError, RecordDamagedError
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import read_entries
from runbook_lib.journal.storage import cannot_write

SUBFOLDERS = ("plans", "gates", "notebooks", "logs", "debug")


def root() -> Path:
    """Return the nearest folder upwards that holds the notebooks, else the working folder."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any(folder.glob("notebooks/00_*.ipynb")):
            return folder
    return here


def runs_folder() -> Path:
    """Return where new runs go: RUNBOOK_RUNS, else runs/ under the root."""
    override = os.environ.get("RUNBOOK_RUNS")
    return Path(override) if override else root() / "runs"


def resolve(path: str | Path) -> Path:
    """Return `path` as given when absolute, else counted from the root."""
    path = Path(path)
    return path if path.is_absolute() else root() / path


def notebook(phase: str) -> Path:
    """Return a phase's notebook: the one under the root, else the one that the package carries."""
    name = f"notebooks/{phase}.ipynb"
    own = root() / name
    return own if own.is_file() else carried(name)


def carried(name: str | Path) -> Path:
    """Return a file of ours: beside the modules as installed, else in the checkout around them."""
    package = Path(runbook_lib.__file__).parent
    installed = package / name
    return installed if installed.is_file() else package.parent / name


@dataclass(frozen=True)
class RunFolder:
    """One run's folder and the names inside it."""

    path: Path

    @property
    def name(self) -> str:
        """Return the run's name, which is the folder's."""
        return self.path.name

    @property
    def parameters(self) -> Path:
        """Return the parameter file as this run uses it."""
        return self.path / "parameters.yaml"

    @property
    def journal(self) -> Path:
        """Return the journal's path."""
        return self.path / "journal.jsonl"

    @property
    def manifest(self) -> Path:
        """Return the manifest's path; it exists when the run is sealed."""
        return self.path / "MANIFEST.json"

    @property
    def review(self) -> Path:
        """Return the review page's path."""
        return self.path / "review.html"

    @property
    def summary(self) -> Path:
        """Return the path of the summary that a machine may read."""
        return self.path / "summary.json"

    @property
    def lab_state(self) -> Path:
        """Return where a lab that belongs to this run keeps its world: beside the run folder."""
        return self.path.with_name(self.path.name + ".lab")

    @property
    def work_notes(self) -> Path:
        """Return where it is noted what a phase waits for on its nodes: beside the run folder."""
        return self.path.with_name(self.path.name + ".at-work.json")

    def plan(self, phase: str) -> Path:
        """Return the plan file of a phase."""
        return self.path / "plans" / f"{phase}.json"

    def executed_notebook(self, phase: str, attempt: int) -> Path:
        """Return where the executed notebook of one attempt is kept."""
        return self.path / "notebooks" / f"{phase}.{attempt}.ipynb"

    def entries(self) -> tuple[JournalEntry, ...]:
        """Return the journal, checked; raises RecordDamagedError where its chain breaks."""
        return read_entries(self.journal)

    @property
    def is_sealed(self) -> bool:
        """Tell whether the record was closed and its manifest written."""
        return self.manifest.exists()


def create(path: Path | None, parameters_text: str, *, label: str, now: datetime) -> RunFolder:
    """Make a run folder (0700) with the parameter file as used; return it.

    path: an empty or new folder; None makes runs/<UTC time>-<label>.
    """
    if path is None:
        safe = re.sub(r"[^A-Za-z0-9-]+", "-", label).strip("-").lower()
        path = _free_name(runs_folder(), f"{now.strftime('%Y%m%dT%H%M%SZ')}-{safe}")
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise PreconditionError(
                f"The folder {path} cannot take a new run.",
                why="it is not empty",
                next_step=f"give another folder, or go on with it: scc-runbook resume {path}",
            )
        path.chmod(0o700)
        for name in SUBFOLDERS:
            (path / name).mkdir(mode=0o700)
    except OSError as error:
        raise RecordDamagedError(
            f"The run folder {path} cannot be made.",
            why=str(error.strerror or error),
            next_step="make its parent folder writable, or give another one with --run-folder",
        ) from error
    folder = RunFolder(path)
    write_file(folder.parameters, parameters_text)
    return folder


def _free_name(parent: Path, name: str) -> Path:
    candidate, n = parent / name, 1
    while candidate.exists():
        n += 1
        candidate = parent / f"{name}-{n}"
    return candidate


def open_existing(path: str | Path) -> RunFolder:
    """Return the run folder at `path`; raises ParametersError when it is none."""
    folder = RunFolder(Path(path).absolute())
    if not folder.journal.is_file():
        raise ParametersError(
            f"{path} is not a run folder.",
            why="it holds no journal.jsonl",
            next_step=f"look for the run's folder under {runs_folder()}",
        )
    return folder


def write_file(path: Path, text: str) -> None:
    """Replace `path` (0600) as a whole: readers see the old text or the new, never a part.

    Raises RecordDamagedError when the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Replace `path` by `data` as indented JSON with sorted keys."""
    write_file(path, json.dumps(data, indent=2, sort_keys=True) + "\n")


@dataclass(frozen=True)
class OpenGate:
    """A gate that waits for its answer."""

    gate: str
    opened: int
    kind: str
    phase: str
    instruction: str
    plan_sha256: str | None


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands, told from its journal alone."""

    run: str
    target: str
    state: str
    phases: tuple[tuple[str, str, int], ...]
    gates: tuple[OpenGate, ...]
    error: Mapping[str, Any] | None
    exit_code: int
    sealed: bool


def began(folder: RunFolder, entries: Iterable[JournalEntry]) -> JournalEntry:
    """Return how the run was begun; raises ParametersError when it never was."""
    for entry in entries:
        if entry.event == "run_opened":
            return entry
    raise ParametersError(
        f"The run {folder.name} never began; nothing was sent to any node.",
        why="it was stopped before its first entry was on disk",
        next_step="remove the folder and start the run anew: scc-runbook run PARAMS",
    )


def refuse_edited_parameters(
    folder: RunFolder, sha256: str, entries: Iterable[JournalEntry]
) -> None:
    """Raise ParametersError unless the run was begun with parameters of this SHA-256."""
    used = began(folder, entries).data["parameters_sha256"]
    if used != sha256:
        raise ParametersError(
            f"{folder.parameters} was changed since the run began.",
            why=f"the run was started with {used}, the file has {sha256}",
            next_step="put the file back as it was, or close this run and start another one",
        )


def phases_of(entries: Sequence[JournalEntry]) -> tuple[str, ...]:
    """Return the phases that a run is to carry out, in the procedure's order.

    Those it was begun with, and those that a notebook run alone has opened in it since.
    """
    found: set[str] = set()
    for entry in entries:
        if entry.event == "run_opened":
            found.update(entry.data["phases"])
        elif entry.event == "phase_opened":
            found.add(str(entry.data["phase"]))
    return tuple(sorted(found))


def ending_of(entries: Iterable[JournalEntry]) -> Mapping[str, Any] | None:
    """Return how a run ended ("done" or "abandoned", by whom, why); None while it goes on."""
    return next((entry.data for entry in entries if entry.event == "run_closed"), None)


def attempts_of(entries: Iterable[JournalEntry], phase: str) -> int:
    """Return how often a phase was opened for changes so far."""
    return sum(entry.event == "phase_opened" and entry.data["phase"] == phase for entry in entries)


def outcome_of(entries: Iterable[JournalEntry], phase: str) -> str:
    """Return a phase's last outcome: not started, running, done, failed, waiting, interrupted."""
    outcome = "not started"
    for entry in entries:
        if entry.data.get("phase") != phase:
            continue
        if entry.event == "phase_opened":
            outcome = "running"
        elif entry.event == "phase_closed":
            outcome = str(entry.data["outcome"])
    return outcome


def open_gates(entries: Iterable[JournalEntry]) -> tuple[OpenGate, ...]:
    """Return the gates that are opened and not answered, oldest first."""
    waiting: dict[str, OpenGate] = {}
    for entry in entries:
        data = entry.data
        if entry.event == "gate_opened":
            waiting[data["gate"]] = OpenGate(
                data["gate"],
                entry.seq,
                data["kind"],
                data["phase"],
                data["instruction"],
                data["plan_sha256"],
            )
        elif entry.event == "gate_answered":
            waiting.pop(data["gate"], None)
        elif entry.event == "phase_closed" and data["outcome"] == "done":
            # What was asked for came true in another way.
            waiting = {name: g for name, g in waiting.items() if g.phase != data["phase"]}
    return tuple(waiting.values())


def last_exit(entries: Iterable[JournalEntry]) -> tuple[int, Mapping[str, Any] | None]:
    """Return the exit code that the journal's last closed phase ended with, and its error."""
    code, error = 0, None
    for entry in entries:
        if entry.event == "failed":
            error = entry.data
        elif entry.event == "phase_opened":
            code, error = 60, None
        elif entry.event == "phase_closed":
            code = int(entry.data["exit_code"])
            error = error if code else None
    return code, error


def status(path: str | Path) -> RunStatus:
    """Return where the run in `path` stands."""
    folder = open_existing(path)
    entries = folder.entries()
    opened = began(folder, entries)
    ending = ending_of(entries)
    code, error = last_exit(entries)
    gates = open_gates(entries)
    phases = tuple(
        (phase, outcome_of(entries, phase), attempts_of(entries, phase))
        for phase in phases_of(entries)
    )
    if ending is not None:
        state = str(ending["outcome"])
    elif gates and code == 25:
        state = "waiting for a person"
    elif code:
        state = next(
            (outcome for _, outcome, _ in reversed(phases) if outcome != "not started"), ""
        )
    else:
        state = "not finished"
    return RunStatus(
        folder.name,
        opened.data["target"],
        state,
        phases,
        gates,
        error,
        code,
        folder.is_sealed,
    )


def changed_lines(before: str, after: str) -> list[str]:
    """Return the lines that differ, with their numbers, for an error's Why; five at most."""
    old, new = before.splitlines(), after.splitlines()
    width = max(len(old), len(new))
    pairs = zip(old + [""] * (width - len(old)), new + [""] * (width - len(new)), strict=True)
    found = [
        f"line {n}: {was.strip() or 'nothing'} became {now.strip() or 'nothing'}"
        for n, (was, now) in enumerate(pairs, 1)
        if was != now
    ]
    return found[:5] + ([f"and {len(found) - 5} more"] if len(found) > 5 else [])
