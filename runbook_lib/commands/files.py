"""Small text files on a node: read by `type`, which says nothing of a drive that is not there."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.commands import rows
from runbook_lib.commands.command import Action, Answer, Cmdlet, Program, Query, Read


def text(path: str) -> Query[str | None]:
    r"""Return the lines of a file such as Q:\note.txt, or None where it cannot be read."""
    read = Read(Program("cmd.exe", ("/c", "type", path)))

    def parse(answers: Sequence[Answer]) -> str | None:
        row = rows.only_row(rows.answered(answers[0]))
        lines = rows.texts(row, "Output")
        return "\n".join(lines) if rows.number(row, "ExitCode") == 0 else None

    return Query((read,), parse)


def write(path: str, line: str) -> Action:
    """Make or replace a file of one line."""
    return Action(Cmdlet("Set-Content", (("Path", path), ("Value", line))))
