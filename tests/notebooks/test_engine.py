"""What the engine keeps of a notebook is true, however it ended; kernels leave nothing behind."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from runbook_lib.execution.engine import RunbookEngine
from runbook_lib.execution.kernels import AHEAD, Kernel

pytestmark = pytest.mark.slow


def folder_of(kernel: Kernel) -> Path:
    return Path(kernel.manager.connection_file).parent


def execute(
    folder: Path, *cells: str, kernel: Kernel | None = None, **options: Any
) -> tuple[Any, BaseException | None]:
    """Run cells between two others; return the notebook as it was saved, and what was raised."""
    papermill.engines.papermill_engines.register("runbook", RunbookEngine)
    sources = ("1", *cells, "2")
    notebook = new_notebook(
        cells=[new_markdown_cell("# Title"), *(new_code_cell(source) for source in sources)]
    )
    nbformat.write(notebook, folder / "in.ipynb")
    raised = None
    try:
        papermill.execute_notebook(
            str(folder / "in.ipynb"),
            str(folder / "out.ipynb"),
            engine_name="runbook",
            kernel_name="python3",
            progress_bar=False,
            kernel=kernel,
            **options,
        )
    except BaseException as error:  # noqa: BLE001 - it is what the test looks at
        raised = error
    return nbformat.read(folder / "out.ipynb", as_version=4), raised


def states(notebook: Any) -> list[str]:
    kept = [cell for cell in notebook.cells if "papermill" in cell.metadata]
    return [
        cell.metadata.papermill.status
        for cell in kept
        if "papermill-error-cell-tag" not in cell.metadata.get("tags", ())
    ]


def errors(notebook: Any) -> list[str]:
    return [
        output.ename
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "error"
    ]


def test_a_notebook_that_ends_well_is_completed_and_counted_from_1(tmp_path: Path) -> None:
    notebook, raised = execute(tmp_path, "6 * 7")

    assert raised is None
    assert states(notebook) == ["completed"] * 4
    assert [cell.get("execution_count") for cell in notebook.cells] == [None, 1, 2, 3]
    assert notebook.cells[2].outputs[0].data == {"text/plain": "42"}


def test_after_an_error_its_cell_is_failed_and_the_rest_pending(tmp_path: Path) -> None:
    notebook, raised = execute(tmp_path, "1 / 0", "3")

    assert isinstance(raised, papermill.PapermillExecutionError)
    assert states(notebook) == ["completed", "completed", "failed", "pending", "pending"]
    assert errors(notebook) == ["ZeroDivisionError"]


def test_after_the_kernels_death_its_cell_is_failed_and_the_rest_pending(tmp_path: Path) -> None:
    notebook, raised = execute(tmp_path, "import os\nos.kill(os.getpid(), 9)", "3")

    assert type(raised).__name__ == "DeadKernelError"
    assert states(notebook) == ["completed", "completed", "failed", "pending", "pending"]
    assert errors(notebook) == ["DeadKernelError"]


def test_after_a_time_out_its_cell_is_failed_and_the_rest_pending(tmp_path: Path) -> None:
    notebook, raised = execute(tmp_path, "import time\ntime.sleep(60)", "3", execution_timeout=1)

    assert type(raised).__name__ == "CellTimeoutError"
    assert states(notebook) == ["completed", "completed", "failed", "pending", "pending"]
    assert errors(notebook) == ["CellTimeoutError"]


def test_an_interrupt_from_outside_reaches_the_cell_that_runs(tmp_path: Path) -> None:
    kernel = Kernel.start(tmp_path)
    waiting = tmp_path / "waiting"
    source = f"import pathlib, time\npathlib.Path({str(waiting)!r}).touch()\ntime.sleep(60)"

    def interrupt() -> None:
        while not waiting.exists():
            ended.wait(0.05)
        os.kill(kernel.pid or 0, signal.SIGINT)

    ended = threading.Event()
    from_outside = threading.Thread(target=interrupt)
    from_outside.start()
    notebook, _ = execute(tmp_path, source, kernel=kernel)
    from_outside.join()

    assert states(notebook) == ["completed", "completed", "failed", "pending"]
    assert errors(notebook) == ["KeyboardInterrupt"]


def test_a_kernel_has_imported_ahead_what_every_notebook_imports(tmp_path: Path) -> None:
    kernel = Kernel.start(tmp_path)

    notebook, raised = execute(
        tmp_path, f"import sys\n[name in sys.modules for name in {AHEAD}]", kernel=kernel
    )

    assert raised is None
    assert notebook.cells[2].outputs[0].data == {"text/plain": str([True] * len(AHEAD))}
    assert notebook.cells[2].execution_count == 2


@pytest.mark.parametrize("cell", ["1", "1 / 0"])
def test_the_engine_leaves_neither_process_nor_sockets(tmp_path: Path, cell: str) -> None:
    kernel = Kernel.start(tmp_path, ahead=())
    pid, folder = kernel.pid, folder_of(kernel)
    assert pid is not None
    assert folder.stat().st_mode & 0o777 == 0o700

    execute(tmp_path, cell, kernel=kernel)

    assert kernel.pid is None
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_kernel_that_no_notebook_used_is_ended_as_well_and_only_once(tmp_path: Path) -> None:
    kernel = Kernel.start(tmp_path, ahead=())
    pid, folder = kernel.pid, folder_of(kernel)

    kernel.end()
    kernel.end()

    assert (kernel.pid, folder.exists()) == (None, False)
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


def test_a_kernel_gets_the_environment_descriptors_and_log_that_it_is_given(
    tmp_path: Path,
) -> None:
    reading, writing = os.pipe()
    with (tmp_path / "kernel.log").open("wb") as log:
        kernel = Kernel.start(
            tmp_path,
            environment={**os.environ, "TOLD": "so"},
            descriptors=(writing,),
            log=log,
            ahead=(),
        )
    os.close(writing)

    execute(
        tmp_path,
        f"import os\nos.write({writing}, os.environ['TOLD'].encode())",
        "os.write(2, b'beside the cells')",
        kernel=kernel,
    )

    assert os.read(reading, 99) == b"so"
    os.close(reading)
    assert b"beside the cells" in (tmp_path / "kernel.log").read_bytes()


def test_a_kernel_that_cannot_start_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    with pytest.raises(OSError, match="missing"):
        Kernel.start(tmp_path / "missing")

    assert list(tmp_path.iterdir()) == []
