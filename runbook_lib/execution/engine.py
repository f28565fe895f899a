"""Our papermill engine: what it records of an aborted notebook is true.

papermill marks the running cell, and every cell never run, as completed when a kernel dies, a
time-out strikes or a signal arrives. Here the running cell is marked failed, with the cause, and
the others stay pending. The kernel ends at once.

papermill loads this module whenever it is imported, so its own imports stay few.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine
from papermill.utils import remove_args

from runbook_lib.execution.kernels import kernel_manager

if TYPE_CHECKING:
    from papermill.engines import NotebookExecutionManager


class TruthfulClient(PapermillNotebookClient):  # type: ignore[misc] # papermill has no types
    """Runs the cells; an abort marks the cell that was running."""

    def execute_cell(self, cell: Any, cell_index: int, **kwargs: Any) -> Any:
        """Run one cell; on an abort mark it failed before the error goes on."""
        try:
            return super().execute_cell(cell, cell_index, **kwargs)
        except BaseException as error:
            if not _is_cell_error(error):
                self.nb_man.cell_exception(cell, cell_index=cell_index, exception=error)
                cell.outputs.append(_cause(error))
            raise


class RunbookEngine(Engine):  # type: ignore[misc] # papermill has no types
    """papermill's engine "runbook"."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        **kwargs: Any,
    ) -> None:
        """Execute the notebook that `nb_man` manages.

        kwargs: as papermill's own engine takes them, and `kernel`, a kernel manager to use,
        and `kernel_start`, keywords for its start.
        """
        options = remove_args(["input_path", "timeout", "startup_timeout"], **kwargs)
        timeout = options.pop("execution_timeout", None)
        start_timeout = options.pop("start_timeout", 60)
        kernel_start = options.pop("kernel_start", {})
        kernel = options.pop("kernel", None)
        with tempfile.TemporaryDirectory(prefix="scc-") as folder:
            kernel = kernel or kernel_manager(Path(folder), kernel_name)
            client = TruthfulClient(
                nb_man,
                km=kernel,
                kernel_name=kernel_name,
                timeout=timeout,
                startup_timeout=start_timeout,
                shutdown_kernel="immediate",
                store_widget_state=False,
                **options,
            )
            client.execute(cleanup_kc=True, **kernel_start)


def _is_cell_error(error: BaseException) -> bool:
    from nbclient.exceptions import CellExecutionError

    return isinstance(error, CellExecutionError)


def _cause(error: BaseException) -> Any:
    from nbformat.v4 import new_output

    text = str(error) or "the run was stopped while this cell ran"
    name = type(error).__name__
    return new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])
