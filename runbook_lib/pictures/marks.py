"""The two smallest parts of a drawing: a text that may have changed, and a square for a switch."""

from __future__ import annotations

from runbook_lib.pictures.text import plain_escaped, shown


def mark(x: int, y: int, state: str, classes: str) -> str:
    """Return the little square: full is on, hollow is off, half full is anything else."""
    square = f'<rect class="{classes}" x="{x}" y="{y}" width="7" height="7"/>'
    if state in {"on", "off"}:
        return square
    half = classes.replace("rb-off", "rb-on")
    return square + f'<path class="{half}" d="M{x} {y}h7l-7 7z"/>'


def value(
    x: int,
    y: int,
    classes: str,
    text: str,
    before: str | None,
    *,
    longest: int,
    prefix: str = "",
    brief: str | None = None,
) -> str:
    """Return one text, marked when it differs from `before`, whole in its tooltip.

    brief: what is shown in its place where it is too much for a drawing.
    """
    whole = shown(text)
    visible = whole if brief is None else shown(brief)
    cut = visible if len(visible) <= longest else visible[: longest - 1] + "\u2026"
    is_new = before is not None and before != text
    tip = ""
    if is_new:
        now = "" if cut == whole else f"now: {plain_escaped(text, 200)}; "
        tip = f"<title>{now}before: {plain_escaped(before or 'none', 120)}</title>"
    elif cut != whole:
        tip = f"<title>{plain_escaped(text, 200)}</title>"
    content = plain_escaped(cut)
    if is_new:
        content = f'<tspan class="rb-new">{content}</tspan>'
    if prefix:
        content = f'<tspan class="rb-soft">{prefix}</tspan>{content}'
    return f'<text class="{classes}" x="{x}" y="{y}">{tip}{content}</text>'
