"""Tables for notebook cells: the same rows give the same text, to the byte, on every run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runbook_lib.pictures.text import plain_escaped, shown

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("node", "what", "before", "after", "outcome", "journal")

StepRow = tuple[str, str, str, str, str, int | None]
"""node, what, before, after, outcome, number of the journal entry (None before there is one)."""

_GOOD = frozenset({"changed", "adopted", "done", "approve", "approved"})
_QUIET = frozenset({"unchanged", "no change", "planned", "undo"})
_WAITING = frozenset({"to change", "reboot pending", "deferred", "waiting"})
_BAD = frozenset({"blocked", "failed", "refuse", "refused", "interrupted"})

# JupyterLab's own colours follow its theme; elsewhere the second value holds in light and dark.
_COLOURS = (
    (_GOOD, "var(--jp-success-color1, #2e8540)"),
    (_QUIET, "var(--jp-ui-font-color2, #767676)"),
    (_WAITING, "var(--jp-warn-color1, #b86e00)"),
    (_BAD, "var(--jp-error-color1, #d03b3b)"),
)
_CELL = "text-align:left;vertical-align:top"
_NUMBER = "text-align:right;vertical-align:top"
_OUTCOME = f"{_CELL};white-space:nowrap"
"""Two words at most, which a wide neighbour would otherwise set below each other."""


@dataclass(frozen=True)
class Table:
    """Rows of text under named columns, shown by IPython as text and as HTML.

    outcome: the index of the column that is coloured by its word, if there is one.
    number: the index of the column that is set to the right, if there is one.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    outcome: int | None = None
    number: int | None = None

    def _repr_mimebundle_(self, **_asked: object) -> dict[str, str]:
        """Return both forms; the caller picks what it can show."""
        return {"text/plain": self.text(), "text/html": self.html()}

    def __repr__(self) -> str:
        """Return the plain form, as a console shows it."""
        return self.text()

    def text(self) -> str:
        """Return the table as aligned plain text, without blanks at the ends of lines."""
        if not self.rows:
            return "(nothing to show)"
        lines = [self.columns, *(tuple(shown(cell) for cell in row) for row in self.rows)]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.columns))]
        lines.insert(1, tuple("-" * width for width in widths))
        return "\n".join(self._line(line, widths) for line in lines)

    def html(self) -> str:
        """Return the table as HTML: escaped, without script, address or class of others."""
        if not self.rows:
            return "<p><em>nothing to show</em></p>"
        heads = "".join(
            f'<th style="{self._style(at)}">{plain_escaped(name)}</th>'
            for at, name in enumerate(self.columns)
        )
        body = "\n".join(
            f"<tr>{''.join(self._cell(at, cell) for at, cell in enumerate(row))}</tr>"
            for row in self.rows
        )
        return (
            f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
        )  # fmt: skip

    def frame(self) -> pd.DataFrame:
        """Return the table as a pandas frame to filter and count: columns and rows as shown.

        Texts are strings; the column that is set to the right holds whole numbers, missing where
        the cell is empty.
        """
        # Half a second that only who asks for a frame should pay.
        import pandas as pd

        frame = pd.DataFrame(list(self.rows), columns=list(self.columns), dtype="string")
        if self.number is not None:
            name = self.columns[self.number]
            frame[name] = pd.to_numeric(frame[name].replace("", pd.NA)).astype("Int64")
        return frame

    def _line(self, line: Sequence[str], widths: Sequence[int]) -> str:
        cells = (
            cell.rjust(width) if at == self.number else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    def _style(self, at: int) -> str:
        if at == self.number:
            return _NUMBER
        return _OUTCOME if at == self.outcome else _CELL

    def _cell(self, at: int, cell: str) -> str:
        content = plain_escaped(cell)
        if at == self.outcome:
            colour = next((colour for words, colour in _COLOURS if cell in words), None)
            if colour is not None:
                content = f'<strong style="color:{colour}">{content}</strong>'
        return f'<td style="{self._style(at)}">{content}</td>'


def step_table(rows: Iterable[StepRow]) -> Table:
    """Return the table of what steps did or would do, in the order given."""
    return Table(
        COLUMNS,
        tuple(
            (*(str(cell) for cell in facts), "" if number is None else str(number))
            for *facts, number in rows
        ),
        outcome=COLUMNS.index("outcome"),
        number=COLUMNS.index("journal"),
    )
