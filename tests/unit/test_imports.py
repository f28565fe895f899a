"""Who may import whom: the table that keeps the parts apart."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "runbook_lib"

LEAVES = {"errors", "crash_points", "clock", "redaction"}
TABLE: dict[str, set[str]] = {
    "errors": {"redaction"},
    "crash_points": set(),
    "clock": set(),
    "redaction": set(),
    "topology": {"errors"},
    "commands": {"errors"},
    "steps": {"commands", "topology", "errors"},
    "sessions": {"commands"} | LEAVES,
    "journal": LEAVES,
    "pictures": {"errors"},
    "execution": {"steps", "commands", "sessions", "journal", "topology", "pictures", "review"}
    | LEAVES,
    "guide": {"execution", "steps", "topology", "journal", "pictures", "errors"},
    "review": {"journal", "pictures", "errors"},
    "lab": {"topology", "errors"},
    "__init__": set(),
    "__main__": {"cli"},
}
"""Package or module -> what it may import beside itself; cli may import everything."""

AT_HOME: dict[str, set[str]] = {
    "IPython": {"guide"},
    "ipywidgets": {"guide"},
    "pandas": {"pictures/table.py", "review/frames.py"},
    "papermill": {"execution"},
    "psrpcore": {"lab"},
    "pydantic": {"topology"},
    "pypsrp": {"sessions/psrp.py", "sessions/psrp_values.py"},
    "typer": {"cli"},
}
"""Library -> the only packages or files that know it."""

IMPURE = {"os", "pathlib", "random", "socket", "subprocess", "tempfile", "threading", "time"}
"""What a sentence of the procedure needs not know."""


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted name of every import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            base = node.module or ""
            yield from (f"{base}.{name.name}" for name in node.names)


@cache
def modules() -> list[tuple[str, list[str]]]:
    """Return each module's path within the package and what it imports."""
    return [
        (path.relative_to(PACKAGE).as_posix(), list(imports(ast.parse(path.read_text("utf-8")))))
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


def home(path: str) -> str:
    """Return the package, or the module where it stands alone, that a path belongs to."""
    return path.split("/", maxsplit=1)[0].removesuffix(".py")


def refusals(path: str, names: list[str]) -> list[str]:
    """Return what the table says against one module's imports."""
    here = home(path)
    found = []
    for name in names:
        first, _, rest = name.partition(".")
        if first == "runbook_lib" and here != "cli":
            there = rest.partition(".")[0]
            if there not in TABLE[here] | {here, "", "__version__"}:
                found.append(f"{path} imports runbook_lib.{there}")
        if first in AT_HOME and not {here, path} & AT_HOME[first]:
            found.append(f"{path} imports {first}")
        if here == "steps" and first in IMPURE:
            found.append(f"{path} imports {first}")
    return found


def test_every_import_stands_in_the_table() -> None:
    assert [each for path, names in modules() for each in refusals(path, names)] == []


def test_every_package_stands_in_the_table() -> None:
    homes = {home(path) for path, _ in modules()}

    assert homes - set(TABLE) == {"cli"}


def test_the_table_refuses_what_it_does_not_name() -> None:
    names = ["runbook_lib.commands.wmi", "runbook_lib.errors.RunbookError", "pypsrp", "json"]

    assert refusals("lab/handlers/wmi.py", names) == [
        "lab/handlers/wmi.py imports runbook_lib.commands",
        "lab/handlers/wmi.py imports pypsrp",
    ]


def test_a_package_holds_one_docstring_and_no_code_in_its_init() -> None:
    holding_more = [
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.glob("*/**/__init__.py")
        if len(ast.parse(path.read_text("utf-8")).body) != 1
        or not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]

    assert holding_more == []


def test_notebooks_import_execution_guide_and_steps_alone() -> None:
    allowed = ("runbook_lib.execution.", "runbook_lib.guide.", "runbook_lib.steps.")
    other = [
        f"{path.name} imports {name}"
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        if cell["cell_type"] == "code"
        for name in imports(ast.parse("".join(cell["source"]), type_comments=False))
        if not name.startswith(allowed)
    ]

    assert other == []
