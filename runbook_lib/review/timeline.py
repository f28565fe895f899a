"""The phases of a run along its time, as inline SVG without script or style of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from runbook_lib.pictures.text import plain_escaped
from runbook_lib.review.story import Story

_WIDTH = 960
_NAMES = 240
_TIMES = 110
_ROW = 26
_TOP = 22
_NARROWEST = 3.0

KINDS = {
    "ok": frozenset({"done", "changed", "adopted", "approve", "whole"}),
    "bad": frozenset({"failed", "blocked", "refuse", "absent", "not sent"}),
    "warn": frozenset(
        {
            "abandoned", "deferred", "interrupted", "no answer on record", "not ended", "open",
            "reboot needed", "reboot pending", "unknown", "waiting",
        }
    ),
}  # fmt: skip
"""Word of an outcome -> how it is coloured; every other word is quiet."""


def kind_of(word: object) -> str:
    """Return the colour's name for an outcome: ok, bad, warn or quiet."""
    return next((kind for kind, words in KINDS.items() if word in words), "quiet")


def moment(text: str) -> datetime | None:
    """Return a time of the journal, None if it is not one."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def seconds_between(began: str, ended: str) -> float | None:
    """Return the seconds between two times of the journal; None if one is none or it went back."""
    first, last = moment(began), moment(ended)
    if first is None or last is None or last < first:
        return None
    return (last - first).total_seconds()


def timeline(story: Story) -> str:
    """Return the SVG; empty if the record has no span of time that could be drawn."""
    total = seconds_between(story.began, story.ended)
    if not total or not story.phases:
        return ""
    chart = _WIDTH - _NAMES - _TIMES

    def x_of(at: str) -> float | None:
        since = seconds_between(story.began, at)
        return None if since is None else _NAMES + min(since / total, 1.0) * chart

    height = _TOP + _ROW * len(story.phases) + 28
    parts = [
        f'<svg class="tl" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="phases in time">',
        *_axis(story, chart),
    ]
    for number, name in enumerate(story.phases):
        top = _TOP + number * _ROW
        parts.append(
            f'<rect class="tl-row" x="{_NAMES}" y="{top + 2}" width="{chart}" height="{_ROW - 4}"'
            f' rx="4"/>'
        )
        parts.append(
            f'<text x="0" y="{top + 17}">{plain_escaped(name.replace("_", " "), 32)}</text>'
        )
        parts.extend(_bars(story, name, top, x_of))
    parts.extend(_legend(_TOP + _ROW * len(story.phases) + 8))
    parts.append("</svg>")
    return "\n".join(parts)


def _axis(story: Story, chart: int) -> Iterator[str]:
    began, ended = moment(story.began), moment(story.ended)
    for x, at, anchor in ((_NAMES, began, ""), (_NAMES + chart, ended, " tl-end")):
        if at is not None:
            yield f'<text class="tl-soft{anchor}" x="{x}" y="14">{at:%H:%M:%S}</text>'


def _legend(y: int) -> Iterator[str]:
    yield _bar(_NAMES, _NAMES + 18, y, "wait")
    yield f'<text class="tl-soft" x="{_NAMES + 25}" y="{y + 11}">waiting for a person</text>'
    yield _restart(_NAMES + 180, y + 10)
    yield f'<text class="tl-soft" x="{_NAMES + 190}" y="{y + 11}">restart of a node</text>'


def _restart(x: float, y: int) -> str:
    return f'<path class="tl-restart" d="M{x:.1f} {y}l4.5 -6h-9z"/>'


def _bars(story: Story, name: str, top: int, x_of: Callable[[str], float | None]) -> Iterator[str]:
    spent = 0.0
    for attempt in story.phases[name].attempts:
        left, right = x_of(attempt.began), x_of(attempt.ended or story.ended)
        spent += seconds_between(attempt.began, attempt.ended) or 0.0
        if left is None or right is None:
            continue
        yield _bar(left, right, top + 6, kind_of(attempt.outcome))
    for gate in story.gates:
        left, right = x_of(gate.opened_at), x_of(gate.answered_at or story.ended)
        if gate.phase == name and not gate.automatic and left is not None and right is not None:
            yield _bar(left, right, top + 6, "wait")
    for event in story.of("rebooted"):
        x = x_of(event.at)
        if event.phase == name and x is not None:
            yield _restart(x, top + 6)
    if spent:
        yield (f'<text class="tl-soft tl-end" x="{_WIDTH}" y="{top + 17}">{duration(spent)}</text>')


def _bar(left: float, right: float, y: int, kind: str) -> str:
    width = max(right - left, _NARROWEST)
    return (
        f'<rect class="tl-{kind}" x="{left:.1f}" y="{y}" width="{width:.1f}" height="14" rx="3"/>'
    )


def duration(seconds: float | None) -> str:
    """Return a span of time as people say it; empty when it is not known."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"
