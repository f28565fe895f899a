"""The leaves that parsed, by path: what the rules across fields are asked about.

Rule of this file: a rule never sees a leaf that failed, and says nothing where one is missing;
so the faults of a file come all at once, and none is the mere shadow of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runbook_lib.topology.document import Document
from runbook_lib.topology.faults import Fault, plain, quoted


class Leaves:
    """Values by path, and the lines for what a rule has to say about them."""

    def __init__(self, values: Mapping[str, Any], document: Document) -> None:
        self._values = values
        self._document = document

    def get(self, path: str) -> Any:
        """Return the value of a leaf; None when it is null, failed or missing."""
        return self._values.get(path)

    def some(self, paths: Iterable[str]) -> dict[str, Any]:
        """Return the leaves of these paths that have a value, in the order asked."""
        return {path: value for path in paths if (value := self._values.get(path)) is not None}

    def is_null(self, path: str) -> bool:
        """Return whether the leaf was read, and is null."""
        return path in self._values and self._values[path] is None

    def given(self, path: str) -> bool:
        """Return whether the file has something under this path, good or bad."""
        return path in self._document.lines

    def items(self, path: str) -> list[str]:
        """Return the paths of a list's texts."""
        start = f"{path}["
        return [one for one in self._document.scalars if one.startswith(start)]

    def fault(self, path: str, why: str, wanted: str) -> Fault:
        """Return a fault about a leaf: its text as the file has it, and what is wrong with it."""
        scalar = self._document.scalars.get(path)
        shown = quoted(scalar.text) if scalar else "nothing"
        return Fault(self._document.line(path), path, f"{shown}{why and ', '}{why}", wanted)

    def bare_fault(self, path: str, found: str, wanted: str) -> Fault:
        """Return a fault that does not show the text."""
        return Fault(self._document.line(path), path, found, wanted)

    def named(self, path: str) -> str:
        """Return how another leaf is pointed to."""
        return f"{path} (line {self._document.line(path)})"

    def remark(self, path: str, sentence: str) -> str:
        """Return a warning about a leaf."""
        return plain(f"line {self._document.line(path)}: {path}: {sentence}")
