"""The page of a run, made from its journal alone: static, offline, without anything active.

The page forbids itself whatever it does not need: its policy allows one style sheet, by hash.
Every value of the record is escaped where the template prints it, not where somebody remembers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from runbook_lib.errors import PreconditionError
from runbook_lib.journal import storage
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import read_entries
from runbook_lib.journal.manifest import JOURNAL, MANIFEST
from runbook_lib.pictures.cluster import cluster_svg, differs
from runbook_lib.pictures.style import STYLE
from runbook_lib.pictures.text import escaped
from runbook_lib.review.story import (
    EVENT_LOG,
    RESTART,
    Attempt,
    ChangeStory,
    PhaseStory,
    StepStory,
    Story,
)
from runbook_lib.review.telling import story_of, text, texts
from runbook_lib.review.timeline import duration, kind_of, moment, seconds_between, timeline

PAGE = "review.html"
LONGEST_COMMAND = 1500
MOST_PARTS = 2000
"""Steps and changes shown in full; a run of two nodes has some hundreds."""
MOST_ROWS = 200
"""Rows of each of the other tables."""

_TEMPLATES = Path(__file__).parent / "templates"
_DIGEST = re.compile("[0-9a-f]{64}")
_GLYPHS = {"ok": "\u2713", "bad": "\u2715", "warn": "!", "quiet": "\u00b7"}
_TROUBLES = ("failed", "interrupted", "adopted", "recovered")
_SECRET_IN_COMMAND = ("Read-Host ", "<secret ")

T = TypeVar("T")


@dataclass(frozen=True)
class ShownStep:
    """One step as far as it is shown."""

    story: StepStory
    changes: tuple[ChangeStory, ...]
    is_open: bool


@dataclass(frozen=True)
class ShownPhase:
    """One phase as far as it is shown. hidden: steps and changes left out."""

    story: PhaseStory
    summary: str
    steps: tuple[ShownStep, ...]
    hidden: int
    pictures: tuple[Markup, ...]
    is_open: bool


def page(record: Path | Sequence[JournalEntry]) -> str:
    """Return the page as HTML, from entries or from the run folder that holds them.

    Raises RecordDamagedError if the journal is not what was written.
    """
    entries = read_entries(record / JOURNAL) if isinstance(record, Path) else record
    story = story_of(entries)
    style = (_TEMPLATES / "page.css").read_text("utf-8") + STYLE
    return _environment().get_template("page.html.j2").render(_context(story, style))


def write_page(run: Path, output: Path | None = None) -> Path:
    """Write the page of the run folder `run` and return its path; the file holds old or new, whole.

    output: where it goes; without it review.html in the folder, as long as that is not sealed.
    """
    if output is None and (run / MANIFEST).exists():
        raise PreconditionError(
            f"{run} is sealed: its page is not written anew.",
            why=f"it holds {MANIFEST}",
            next_step=f"scc-runbook review {run} --output FILE",
        )
    path = run / PAGE if output is None else output
    storage.write_atomically(path, page(run).encode("utf-8"))
    return path


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    filters: dict[str, Callable[..., object]] = {
        "duration": duration,
        "fact": text,
        "glyph": lambda word: _GLYPHS[kind_of(word)],
        "is_digest": lambda value: bool(_DIGEST.fullmatch(str(value))),
        "json": lambda facts: json.dumps(facts, sort_keys=True, ensure_ascii=False),
        "kind": kind_of,
        "spoken": lambda name: str(name).replace("_", " "),
        "long": lambda value: Markup(escaped(value, LONGEST_COMMAND)),  # noqa: S704 - escaped
        "took": _took,
        "utc": _utc,
        "local": _local,
    }
    environment.filters.update(filters)
    return environment


def _finalized(value: object) -> Markup:
    return value if isinstance(value, Markup) else Markup(escaped(value))  # noqa: S704 - escaped


def _svg(drawn: str) -> Markup:
    return Markup(drawn)  # noqa: S704 - made by our own escaping drawings


def _context(story: Story, style: str) -> dict[str, Any]:
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    is_rehearsal = text(story.opened, "target") == "lab"
    phases = _shown_phases(story)
    changed = [phase for phase in story.phases.values() if _is_changed(phase)]
    made = story.changes
    backout = made[::-1][:MOST_ROWS]
    troubles = story.of(*_TROUBLES)
    exposures = [
        change
        for step in story.steps
        for change in step.changes
        if change.exposes or any(mark in change.command for mark in _SECRET_IN_COMMAND)
    ]
    told = (*_TROUBLES, "rebooted", EVENT_LOG)
    others = [event for event in story.events if event.event not in told]
    logged = story.logged
    offset = story.opened.get("utc_offset_minutes")
    return {
        "policy": _svg(
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        ),
        "style": Markup(style),  # noqa: S704 - our own file
        "story": story,
        "run": text(story.opened, "run"),
        "is_rehearsal": is_rehearsal,
        "label": _label(story, is_rehearsal=is_rehearsal),
        "total": seconds_between(story.began, story.ended),
        "cards": _cards(story),
        "facts": _facts(story),
        "warnings": texts(story.opened.get("warnings"))[:MOST_ROWS],
        "line_break": Markup("\n"),
        "timeline": _svg(timeline(story)),
        "troubles": troubles[:MOST_ROWS],
        "troubles_hidden": len(troubles[MOST_ROWS:]),
        "overview": _overview(story) if len(changed) != 1 else (),
        "phases": phases,
        "gates": story.gates[:MOST_ROWS],
        "gates_hidden": len(story.gates[MOST_ROWS:]),
        # Where local time is UTC, saying it twice tells nobody more.
        "offset": offset if isinstance(offset, int) and offset else None,
        "logged": logged[:MOST_ROWS],
        "logged_hidden": len(logged[MOST_ROWS:]),
        "logs_read": bool(story.of(EVENT_LOG)),
        "logs_unread": [
            f"The event logs of {text(event.facts, 'node')} could not be read at the end of "
            f"{text(event.facts, 'phase')}: {text(event.facts, 'unread')}"
            for event in story.of(EVENT_LOG)
            if text(event.facts, "unread")
        ],
        "restarts": story.of("rebooted")[:MOST_ROWS],
        "exposures": exposures[:MOST_ROWS],
        "backout": _by_phase(story, backout),
        "backout_hidden": len(made) - len(backout),
        "others": others[:MOST_ROWS],
        "others_hidden": len(others[MOST_ROWS:]),
    }


def _label(story: Story, *, is_rehearsal: bool) -> str:
    if is_rehearsal:
        return "REHEARSAL on simulated nodes (LAB): nothing on this page happened to a server"
    target = text(story.opened, "target")
    return "NODES: changes to real servers" if target == "nodes" else f"target: {target or '?'}"


def _cards(story: Story) -> list[tuple[str, str, str]]:
    phases = list(story.phases.values())
    done = sum(phase.outcome == "done" for phase in phases)
    steps = [step for step in story.steps if step.name != RESTART]
    same = sum(not step.changes for step in steps)
    failures = len(story.of("failed", "interrupted"))
    persons = sum(gate.answered is not None and not gate.automatic for gate in story.gates)
    automatic = sum(gate.automatic for gate in story.gates)
    return [
        ("phases done", f"{done} of {len(phases)}", "ok" if done == len(phases) else "warn"),
        ("changes made", str(len(story.changes)), ""),
        ("steps without a change", f"{same} of {len(steps)}", ""),
        ("gates by a person", str(persons), ""),
        ("gates automatic", str(automatic), ""),
        ("restarts", str(len(story.of("rebooted"))), ""),
        ("failures, stops", str(failures), "bad" if failures else "ok"),
    ]


def _facts(story: Story) -> list[tuple[str, str]]:
    opened = story.opened
    who = f"{text(opened, 'user')} on {text(opened, 'host')}"
    nodes = [
        f"{text(event.facts, 'node')}: MachineGuid {text(event.facts, 'machine_guid')}"
        for event in story.nodes
    ]
    return [
        ("started by", who),
        ("target", text(opened, "target")),
        ("approval", text(opened, "approval")),
        ("version", text(opened, "version")),
        ("parameter file", text(opened, "parameters_file")),
        ("its SHA-256", text(opened, "parameters_sha256")),
        ("nodes", "; ".join(nodes)),
        ("journal", f"{story.count} entries"),
        ("its head", story.head),
    ]


def _shown_phases(story: Story) -> list[ShownPhase]:
    left = MOST_PARTS
    shown = []
    several_change = sum(_is_changed(phase) for phase in story.phases.values()) != 1
    for phase in story.phases.values():
        steps: list[ShownStep] = []
        for step in phase.steps.values():
            if left <= 0:
                break
            changes = tuple(step.changes[: left - 1])
            left -= 1 + len(changes)
            is_bad = any(kind_of(word) == "bad" for _node, word in step.outcomes)
            steps.append(ShownStep(step, changes, is_open=is_bad))
        total = len(phase.steps) + sum(len(step.changes) for step in phase.steps.values())
        visible = len(steps) + sum(len(step.changes) for step in steps)
        shown.append(
            ShownPhase(
                phase,
                _summary(phase),
                tuple(steps),
                total - visible,
                _pictures(phase, with_before=not several_change),
                is_open=bool(phase.changes) or phase.outcome not in {"done", "not begun"},
            )
        )
    return shown


def _summary(phase: PhaseStory) -> str:
    attempts = f", {len(phase.attempts)} attempts" if len(phase.attempts) > 1 else ""
    return f"{_count(phase.steps, 'step')}, {_count(phase.changes, 'change')}{attempts}"


def _count(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _is_changed(phase: PhaseStory) -> bool:
    return phase.after is not None and differs(phase.before, phase.after)


def _pictures(phase: PhaseStory, *, with_before: bool) -> tuple[Markup, ...]:
    if not _is_changed(phase):
        return ()
    after = _svg(cluster_svg(phase.after, phase.before))
    return (_svg(cluster_svg(phase.before)), after) if with_before else (after,)


def _overview(story: Story) -> tuple[Markup, ...]:
    """Return the nodes as the run found and as it left them; one drawing if they look the same."""
    seen = [
        picture
        for phase in story.phases.values()
        for picture in (phase.before, phase.after)
        if picture is not None
    ]
    if not seen:
        return ()
    if not differs(seen[0], seen[-1]):
        return (_svg(cluster_svg(seen[-1])),)
    return (_svg(cluster_svg(seen[0])), _svg(cluster_svg(seen[-1], seen[0])))


def _by_phase(story: Story, changes: Iterable[ChangeStory]) -> list[tuple[str, list[ChangeStory]]]:
    wanted = {id(change) for change in changes}
    found = []
    for phase in reversed(story.phases.values()):
        mine = [change for change in reversed(phase.changes) if id(change) in wanted]
        if mine:
            found.append((phase.name, mine))
    return found


def _took(attempt: Attempt) -> float | None:
    return seconds_between(attempt.began, attempt.ended)


def _local(value: object, offset_minutes: int) -> str:
    """Return the local time of the machine that drove the run: hours, minutes, and its offset."""
    at = moment(str(value))
    if at is None:
        return ""
    sign, minutes = "-" if offset_minutes < 0 else "+", abs(offset_minutes)
    shown = f"{at + timedelta(minutes=offset_minutes):%H:%M:%S}"
    return f"({shown} UTC{sign}{minutes // 60:02}:{minutes % 60:02})"


def _utc(value: object) -> str:
    at = moment(str(value))
    return str(value) if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
