"""Runs every notebook on the lab and keeps its outputs as the reference that nbval compares with.

`make notebooks` calls it. A notebook that fails keeps its old outputs. Nothing that differs from
run to run is kept: no times, no widget state, no version of this machine's Python.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from runbook_lib.execution.kernels import kernel_manager

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT_OF_A_CELL = ("tags",)


def cleaned(notebook: Any) -> Any:
    """Return the notebook with nothing of the machine or the moment that ran it."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in KEPT_OF_A_CELL if key in cell.metadata}
        )
    return notebook


def text_of(notebook: Any) -> str:
    """Return the notebook as it stands in the tree."""
    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"


def execute(path: Path) -> None:
    """Run one notebook beside its place and keep its outputs."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="scc-") as sockets:
        client = NotebookClient(
            notebook,
            km=kernel_manager(Path(sockets)),
            record_timing=False,
            store_widget_state=False,
            shutdown_kernel="immediate",
            resources={"metadata": {"path": str(path.parent)}},
        )
        client.execute(cleanup_kc=True)
    path.write_text(text_of(cleaned(notebook)), "utf-8")


def main(names: Sequence[str]) -> None:
    """Run the notebooks whose names begin as one of `names`; all without any."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not names or path.name.startswith(tuple(names)):
            sys.stdout.write(f"{path.name}\n")
            sys.stdout.flush()
            execute(path)


if __name__ == "__main__":
    main(sys.argv[1:])
