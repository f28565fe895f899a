"""Which tests name a sentence of the procedure, or a step that carries it.

A test names a thing when its own text does, decorators included. Nothing is run: this tells what
is meant to be tested, not what passed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from runbook_lib.errors import PreconditionError
from runbook_lib.execution.coverage import CarryingStep

_WORD = re.compile(r"\w+")


def folder_of_tests() -> Path:
    """Return the folder of the tests; PreconditionError where the project is only installed."""
    folder = Path(__file__).parents[2] / "tests"
    if not (folder / "unit").is_dir():
        raise PreconditionError(
            "There are no tests beside this installation.",
            why=f"{folder} is no folder with tests",
            next_step="ask in a copy of the project's repository, or without --tests",
        )
    return folder


def named_in_tests(
    ids: Iterable[str], steps: Sequence[CarryingStep], folder: Path
) -> dict[str, tuple[str, ...]]:
    """Return each id with the tests that name it or one of its steps, by file and function."""
    words = {
        each: {each, *(word for step in steps if each in step.ids for word in _names(step))}
        for each in ids
    }
    found: dict[str, list[str]] = {each: [] for each in words}
    for name, said in _tests(folder):
        for each, wanted in words.items():
            if wanted & said:
                found[each].append(name)
    return {each: tuple(names) for each, names in found.items()}


def _names(step: CarryingStep) -> tuple[str, ...]:
    """Return the words by which a test knows a step; a check over all steps is known by itself."""
    return (step.name, *(each for each in step.classes if each != "Check"))


def _tests(folder: Path) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield every test function with the words of its text."""
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text("utf-8")
        lines = text.splitlines()
        for node in _parsed(path, text).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                said = _WORD.findall("\n".join(lines[first - 1 : node.end_lineno]))
                yield f"{path.relative_to(folder).as_posix()}::{node.name}", frozenset(said)


def _parsed(path: Path, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise PreconditionError(
            f"{path} is no Python.",
            why=f"{error.msg} in line {error.lineno}",
            next_step="mend it, or ask without --tests",
        ) from error
