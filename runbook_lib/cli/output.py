"""How the command line speaks: plain lines, tables, JSON; colour only for a person's terminal.

What a command found goes to standard output; how it goes, and errors, go to standard error.
Every line passes the mask for secrets, and no control character of somebody else's text (a
node's, a file's) reaches a terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from runbook_lib.redaction import redact

if TYPE_CHECKING:
    from rich.console import Console

    from runbook_lib.execution.run_folder import OpenGate

COLOURS = {
    "good": "32",
    "change": "33",
    "bad": "31",
    "strong": "1",
    "faint": "2",
}

TONES = {
    "blocked": "bad",
    "changed": "change",
    "changes": "change",
    "damaged": "bad",
    "deferred": "faint",
    "done": "good",
    "failed": "bad",
    "interrupted": "bad",
    "missing": "bad",
    "no change": "good",
    "not started": "faint",
    "ok": "good",
    "optional": "faint",
    "reboot pending": "change",
    "running": "change",
    "unchanged": "faint",
    "waiting": "change",
    "warning": "change",
    "whole": "good",
}
"""Word of an outcome -> its tone; a word that is not here has none."""


CONTROL = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if code not in b"\n\t"}
"""What a terminal would obey instead of showing."""


def shown(text: str) -> str:
    """Return `text` as it may be shown: secrets masked, control characters replaced."""
    return redact(text).translate(CONTROL)


def is_coloured(stream: IO[str]) -> bool:
    """Tell whether `stream` is a terminal whose reader has not asked for plain text."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def toned(text: str, tone: str | None, stream: IO[str]) -> str:
    """Return `text` in its tone where the stream shows colour."""
    if tone is None or not is_coloured(stream):
        return text
    return f"\x1b[{COLOURS[tone]}m{text}\x1b[0m"


def say(text: str = "", tone: str | None = None) -> None:
    """Write one line of result."""
    sys.stdout.write(toned(shown(text), tone, sys.stdout) + "\n")


def tell(text: str, tone: str | None = None) -> None:
    """Write one line of progress or of an error, at once."""
    sys.stderr.write(toned(shown(text), tone, sys.stderr) + "\n")
    sys.stderr.flush()


def say_gates(run: Path, gates: Iterable[OpenGate]) -> None:
    """Write what waits for a person, each with the command that answers it.

    A plan is shown whole: nobody should approve what he has not seen.
    """
    from runbook_lib.execution import asked_plan
    from runbook_lib.execution.run_folder import RunFolder

    for gate in gates:
        say(f"waits for a person: {gate.instruction}", "change")
        if steps := asked_plan.of_gate(run, gate):
            say(f"  {asked_plan.counts(steps)}")
            rows = asked_plan.rows(steps)
            say_table(asked_plan.COLUMNS, rows, toned_column=0)
            for note in asked_plan.notes(gate.phase, steps):
                say(f"  {note}")
        if gate.kind == "manual":
            own_lab = RunFolder(run).lab_state.exists()
            doer = " (the run does it on its simulated nodes once you answer)" if own_lab else ""
            say(f"  when that is done{doer}:")
        say(f'  scc-runbook approve {run} {gate.gate} --by "NAME" --reason "TEXT"')


def say_json(data: object) -> None:
    """Write `data` as JSON with sorted keys; a machine may read it."""
    text = json.dumps(data, indent=2, sort_keys=True, default=_plain)
    sys.stdout.write(redact(text) + "\n")


def say_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, toned_column: int) -> None:
    """Write a table; outcome words of one column carry their tone.

    Piped, it is one line a row in columns of spaces, so that grep and awk have it easy.
    """
    lines = [[shown(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        _say_columns([list(columns), *lines])
        return
    # A table library costs 60 ms to import: only a terminal needs one.
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for line in lines:
        cells = [Text(cell) for cell in line]
        tone = TONES.get(line[toned_column])
        if tone:
            cells[toned_column].stylize(
                {"good": "green", "change": "yellow", "bad": "red"}.get(tone, "dim")
            )
        table.add_row(*cells)
    _console().print(table)


def _console() -> Console:
    from rich.console import Console

    return Console(no_color=not is_coloured(sys.stdout), highlight=False)


def _say_columns(lines: Sequence[Sequence[str]]) -> None:
    cells = [[" ".join(cell.split("\n")) for cell in line] for line in lines]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        padded = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(padded.rstrip() + "\n")


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
