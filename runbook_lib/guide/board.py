"""The step board: each step of a phase with its state on each node, and the nodes' picture.

Both are plain HTML with text beside it: a notebook that was saved shows them without a kernel.
Colours follow JupyterLab's theme; a state is told by its word and its mark, never by colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.guide.progress import Progress
from runbook_lib.pictures.cluster import cluster_svg, cluster_text
from runbook_lib.pictures.style import DARK, LIGHT, STYLE
from runbook_lib.pictures.text import escaped, shown

MARKS: Mapping[str, tuple[str, str]] = {
    "changed": ("\u2713", "good"),
    "adopted": ("\u2713", "good"),
    "unchanged": ("\u2713", "quiet"),
    "no change": ("\u00b7", "quiet"),
    "deferred": ("\u2192", "quiet"),
    "to change": ("\u25cb", "plain"),
    "sent": ("\u2026", "warn"),
    "waiting": ("\u25d4", "warn"),
    "reboot pending": ("\u21bb", "warn"),
    "failed": ("\u2715", "bad"),
    "blocked": ("\u2715", "bad"),
    "refused": ("\u2715", "bad"),
}
"""State -> its mark, and how the mark is coloured."""

_STYLE = """\
.rb-board{font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);
color:var(--jp-ui-font-color1,inherit);max-width:960px}
.rb-board .rb-say{color:var(--jp-ui-font-color2,inherit);margin-left:.8em}
.rb-board table.rb-steps{border-collapse:collapse;margin:.4em 0;font-size:13px;width:100%;
table-layout:auto}
.rb-board .rb-steps tr>*,.rb-board .rb-steps tr{text-align:left;background:none;border:0}
.rb-board table.rb-steps tbody tr{background:none}
.rb-board .rb-steps tr>*{padding:.2em .8em .2em 0;border-bottom:1px solid
var(--jp-border-color2,#8884);line-height:1.4;vertical-align:top}
.rb-board .rb-steps tr>*:not(:first-child){white-space:nowrap;width:11em}
.rb-board .rb-mark{display:inline-block;width:1.4em;font-weight:700}
.rb-board .rb-good .rb-mark{color:var(--jp-success-color1,#2e8540)}
.rb-board .rb-warn .rb-mark{color:var(--jp-warn-color0,#b86e00)}
.rb-board .rb-bad,.rb-board .rb-bad .rb-mark{color:var(--jp-error-color1,#d03b3b);font-weight:600}
.rb-board .rb-quiet,.rb-board .rb-none{color:var(--jp-ui-font-color2,inherit)}
"""
_PICTURE_STYLE = f"""\
{STYLE}
[data-jp-theme-light="true"] .rb-live .rb-pic{{{LIGHT}}}
[data-jp-theme-light="false"] .rb-live .rb-pic{{{DARK}}}
.rb-live svg{{display:block;width:100%;max-width:960px;height:auto}}
"""


@dataclass(frozen=True)
class Board:
    """The table of steps and nodes. steps: (name, title) in the procedure's order.

    work: a line for each work of a node that is waited for now.
    """

    steps: Sequence[tuple[str, str]]
    nodes: Sequence[str]
    progress: Progress
    work: Sequence[str] = ()

    def _repr_mimebundle_(self, **_asked: object) -> dict[str, str]:
        """Return both forms; the front end picks what it can show."""
        return {"text/plain": self.text(), "text/html": self.html()}

    def __repr__(self) -> str:
        """Return the plain form, as a console shows it."""
        return self.text()

    def text(self) -> str:
        """Return the board as aligned text."""
        states = self.progress.states
        lines = [("", *self.nodes)] + [
            (title, *(states.get((name, node), "") for node in self.nodes))
            for name, title in self.steps
        ]
        widths = [max(len(shown(line[at])) for line in lines) for at in range(len(lines[0]))]
        table = [
            "  ".join(shown(cell).ljust(width) for cell, width in zip(line, widths, strict=True))
            for line in lines
        ]
        heading = f"{self.progress.phase}: {self.progress.headline()}"
        work = (shown(f"at work: {line}") for line in self.work)
        return "\n".join([shown(heading), *work, *(line.rstrip() for line in table)])

    def html(self) -> str:
        """Return the board as HTML, escaped, without script or address."""
        heads = "".join(f"<th>{escaped(node)}</th>" for node in self.nodes)
        rows = "\n".join(
            f"<tr><td>{escaped(title)}</td>"
            f"{''.join(self._cell(name, node) for node in self.nodes)}</tr>"
            for name, title in self.steps
        )
        work = "".join(
            f'<div class="rb-say">at work: {escaped(line)}</div>\n' for line in self.work
        )
        name = escaped(self.progress.phase.replace("_", " "))
        say = escaped(self.progress.headline())
        return (
            f'<div class="rb-board"><style>{_STYLE}</style>\n'
            f'<div><strong>{name}</strong><span class="rb-say">{say}</span></div>\n{work}'
            f'<table class="rb-steps"><thead><tr><th>step</th>{heads}</tr></thead>\n'
            f"<tbody>\n{rows}\n</tbody></table></div>"
        )

    def _cell(self, step: str, node: str) -> str:
        state = self.progress.states.get((step, node))
        if state is None:
            return '<td class="rb-none">\u2013</td>'
        mark, kind = MARKS.get(state, ("?", "plain"))
        return (
            f'<td class="rb-state rb-{kind}"><span class="rb-mark" aria-hidden="true">{mark}</span>'
            f"{escaped(state)}</td>"
        )


@dataclass(frozen=True)
class LivePicture:
    """Both nodes as they are now. before: the picture that changes are shown against."""

    data: Mapping[str, object] | None = None
    before: Mapping[str, object] | None = None

    def _repr_mimebundle_(self, **_asked: object) -> dict[str, str]:
        """Return the drawing inside HTML, so that it follows JupyterLab's theme, and its text."""
        return {"text/plain": self.text(), "text/html": self.html()}

    def __repr__(self) -> str:
        """Return the plain form, as a console shows it."""
        return self.text()

    def text(self) -> str:
        """Return what the drawing shows, as text."""
        return cluster_text(self.data) if self.data else "(the nodes are not read yet)"

    def html(self) -> str:
        """Return the drawing; an empty place while no node was read."""
        if not self.data:
            return '<div class="rb-live"></div>'
        drawing = cluster_svg(self.data, self.before)
        return f'<div class="rb-live"><style>{_PICTURE_STYLE}</style>\n{drawing}</div>'
