"""Which tests name a sentence of the procedure, or a step that carries it.

A test names a thing when its own text does, or what it uses of its module: a fixture, a helper, a
constant with the name of the phase that it carries out. Nothing is run: this tells what is meant
to be tested, not what passed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    """Return each id with the tests that name it, one of its steps, or a whole phase of these."""
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
    return (step.phase, step.name, *(each for each in step.classes if each != "Check"))


def _tests(folder: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield every test function with the words of its text, and of what it uses of its module."""
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text("utf-8")
        parts = _parts(_parsed(path, text), text.splitlines())
        for name in parts:
            if name.startswith("test_"):
                yield f"{path.relative_to(folder).as_posix()}::{name}", _said(name, parts)


def _parts(module: ast.Module, lines: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return what a module defines at its top - functions, classes, values - with its words."""
    parts: dict[str, frozenset[str]] = {}
    for node in module.body:
        names: list[str] = []
        first = node.lineno
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
            first = min([first, *(each.lineno for each in node.decorator_list)])
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [n.id for each in targets for n in ast.walk(each) if isinstance(n, ast.Name)]
        words = frozenset(_WORD.findall("\n".join(lines[first - 1 : node.end_lineno])))
        parts |= dict.fromkeys(names, words)
    return parts


def _said(name: str, parts: Mapping[str, frozenset[str]]) -> set[str]:
    """Return the words of one definition and of all that it leads to in its module."""
    said: set[str] = set()
    seen, waiting = {name}, [name]
    while waiting:
        words = parts[waiting.pop()]
        said |= words
        further = {each for each in words & parts.keys() if not each.startswith("test_")} - seen
        seen |= further
        waiting += further
    return said


def _parsed(path: Path, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise PreconditionError(
            f"{path} is no Python.",
            why=f"{error.msg} in line {error.lineno}",
            next_step="mend it, or ask without --tests",
        ) from error
