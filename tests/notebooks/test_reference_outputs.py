"""The notebooks of the tree hold outputs to compare with, and nothing of who made them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.notebooks.reference_outputs import METADATA, NOTEBOOKS, cleaned, execute, text_of

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_holds_neither_times_nor_traces_of_a_machine(path: Path) -> None:
    assert path.read_text("utf-8") == text_of(cleaned(read(path)))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_was_run_from_its_first_cell_to_its_last(path: Path) -> None:
    counts = [cell.execution_count for cell in read(path).cells if cell.cell_type == "code"]

    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_reference_output_is_an_error(path: Path) -> None:
    outputs = [output for cell in read(path).cells for output in cell.get("outputs", [])]

    assert outputs
    assert [output for output in outputs if output.output_type == "error"] == []


def small(path: Path, source: str) -> Path:
    cell = new_code_cell(source, id="one", metadata={"tags": ["kept"], "collapsed": True})
    nbformat.write(new_notebook(cells=[cell], metadata={"authors": ["somebody"]}), path)
    return path


@pytest.mark.slow
def test_executing_keeps_outputs_and_tags_alone(tmp_path: Path) -> None:
    path = small(tmp_path / "small.ipynb", "6 * 7")

    execute(path)

    notebook = read(path)
    assert notebook.metadata == METADATA
    assert notebook.cells[0].metadata == {"tags": ["kept"]}
    assert notebook.cells[0].outputs[0].data == {"text/plain": "42"}


@pytest.mark.slow
def test_a_notebook_that_fails_keeps_what_it_held(tmp_path: Path) -> None:
    path = small(tmp_path / "small.ipynb", "1 / 0")
    before = path.read_bytes()

    with pytest.raises(Exception, match="ZeroDivisionError"):
        execute(path)

    assert path.read_bytes() == before
