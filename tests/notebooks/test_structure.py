"""The notebooks read like the procedure: few lines of code, each explained, in the steps' order."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib.execution import phases
from tests.notebooks.reference_outputs import NOTEBOOKS

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
PARAMETERS = {"parameters_file", "mode", "run_folder", "approved_plan"}
MOST_LINES = 6
FORBIDDEN = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.If,
    ast.IfExp,
    ast.Match,
    ast.Try,
    ast.For,
    ast.While,
    ast.Lambda,
)

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def cells(path: Path) -> list[Any]:
    return list(nbformat.read(path, as_version=4).cells)


def code(path: Path) -> list[str]:
    return [cell.source for cell in cells(path) if cell.cell_type == "code"]


def tree(path: Path) -> ast.Module:
    return ast.parse("\n".join(code(path)))


def calls(path: Path, owner: str) -> Iterator[ast.Call]:
    """Yield the calls of methods of a name, such as `phase.run(...)`, from top to bottom."""
    for node in ast.walk(tree(path)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == owner
        ):
            yield node


def method(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Attribute)
    return call.func.attr


def test_each_phase_has_its_notebook_and_no_other_is_there() -> None:
    assert [path.stem for path in PATHS] == list(phases.PHASES)


@each_notebook
def test_a_code_cell_is_short_and_decides_nothing(path: Path) -> None:
    assert [cell for cell in code(path) if len(cell.splitlines()) > MOST_LINES] == []
    assert [type(node).__name__ for node in ast.walk(tree(path)) if type(node) in FORBIDDEN] == []
    names = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
    assert not names & {"print", "open", "eval", "exec", "get_ipython"}
    lines = [line for cell in code(path) for line in cell.splitlines()]
    assert [line for line in lines if line.startswith(("!", "%"))] == []


@each_notebook
def test_a_markdown_cell_stands_before_each_code_cell(path: Path) -> None:
    kinds = [cell.cell_type for cell in cells(path)]

    assert set(kinds) == {"markdown", "code"}
    assert kinds[0] == "markdown"
    assert ("code", "code") not in set(pairwise(kinds))


@each_notebook
def test_a_notebook_begins_with_its_one_title(path: Path) -> None:
    texts = [cell.source for cell in cells(path) if cell.cell_type == "markdown"]

    assert [text for text in texts if re.search(r"^# ", text, re.MULTILINE)] == texts[:1]
    assert texts[0].startswith("# ")


@each_notebook
def test_the_parameters_are_four_texts_with_a_help(path: Path) -> None:
    [cell] = [cell for cell in cells(path) if "parameters" in cell.metadata.get("tags", ())]

    found = {}
    for line in cell.source.splitlines():
        name, default, help_text = re.fullmatch(r'(\w+) = ("[^"]*")  # (\S.*)', line).groups()  # type: ignore[union-attr]
        found[name] = (ast.literal_eval(default), len(help_text) > 9)
    assert found == {
        "parameters_file": ("parameters/lab.yaml", True),
        "mode": ("apply", True),
        "run_folder": ("", True),
        "approved_plan": ("", True),
    }
    assert set(found) == PARAMETERS


@each_notebook
def test_the_parameters_mean_the_same_in_every_notebook(path: Path) -> None:
    def parameters(notebook: Path) -> str:
        return next(
            str(cell.source)
            for cell in cells(notebook)
            if "parameters" in cell.metadata.get("tags", ())
        )

    assert parameters(path) == parameters(PATHS[0])


@each_notebook
def test_every_parameter_is_handed_to_the_phase(path: Path) -> None:
    [first, second] = [cell for cell in code(path) if PARAMETERS & set(re.findall(r"\w+", cell))]

    assert {
        keyword.arg: ast.unparse(keyword.value)
        for node in ast.walk(ast.parse(second))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg
    } == {name: name for name in PARAMETERS}
    assert "phase = open_phase(steps.PHASE, **inputs)" in second.splitlines()
    assert first != second


@each_notebook
def test_the_cells_name_the_steps_of_the_phase_in_order_each_once(path: Path) -> None:
    named = [ast.unparse(call.args[0]) for call in calls(path, "phase") if method(call) == "run"]

    assert named == [f"steps.{factory.__name__}" for factory in phases.steps_of(path.stem)]


@each_notebook
def test_a_phase_is_planned_first_and_closed_last(path: Path) -> None:
    called = [method(call) for call in calls(path, "phase")]

    assert called[0] == "plan"
    assert set(called) <= {"plan", "run", "backout", "close"}
    assert [called.count(name) for name in ("plan", "close")] == [1, 1]
    assert code(path)[-1] == "phase.close()"


@each_notebook
def test_a_notebook_takes_the_steps_of_its_own_phase(path: Path) -> None:
    imported = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]

    assert imported == ["runbook_lib.guide.opening.open_phase", phases.MODULES[path.stem].__name__]


def test_notebook_10_names_every_figure_once_or_where_two_steps_share_it() -> None:
    headings = [
        re.findall(r"^### .*\(figure (\d)\)$", cell.source, re.MULTILINE)
        for cell in cells(NOTEBOOKS / "10_configure_networks.ipynb")
        if cell.cell_type == "markdown"
    ]

    assert [figure for found in headings for figure in found] == [*"12345677"]


FLEETING = {
    "a port": r"127\.0\.0\.1|localhost|:\d{4,5}\b",
    "a path": r"(?:^|[\s\"'(])/[a-z]+/|/tmp|runs/|\\\\",
    "a time": r"\b\d{1,2}:\d{2}\b|\b20\d\d-\d\d|\d{8}T\d{6}|\b\d{14}\.\d{6}",
    "a duration": r"\b\d+(?:\.\d+)? ?(?:s|ms|seconds|minutes)\b",
    "a GUID": r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-",
    "a digest": r"\b[0-9a-f]{16,}\b",
    "an address in memory": r"\b0x[0-9a-f]+",
}


@pytest.mark.parametrize("kind", FLEETING)
@each_notebook
def test_no_output_shows_what_differs_from_run_to_run(path: Path, kind: str) -> None:
    outputs = [output for cell in cells(path) for output in cell.get("outputs", ())]
    texts = [
        re.sub(r"<[^>]*>", " ", text)
        for output in outputs
        for text in output.get("data", {}).values()
    ]

    assert texts
    assert [found[0] for text in texts for found in re.finditer(FLEETING[kind], text)] == []


@each_notebook
def test_an_output_is_a_table_as_text_and_as_html(path: Path) -> None:
    kinds = [
        {key: sorted(output.get("data", {})) for key in [output.output_type]}
        for cell in cells(path)
        for output in cell.get("outputs", ())
    ]

    assert {repr(kind) for kind in kinds} == {repr({"execute_result": ["text/html", "text/plain"]})}
