"""Our papermill engine: what it records of an aborted notebook is true.

papermill marks the running cell, and every cell never run, as completed when a kernel dies, a
time-out strikes or a signal arrives. Here the running cell is marked failed, with the cause, and
the others stay pending. The kernel ends at once.

papermill loads this module whenever it is imported, so its own imports stay few.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine
from papermill.utils import remove_args

if TYPE_CHECKING:
    from papermill.engines import NotebookExecutionManager


class TruthfulClient(PapermillNotebookClient):  # type: ignore[misc] # papermill has no types
    """Runs the cells; an abort marks the cell that was running."""

    def papermill_execute_cells(self) -> None:
        """Run the code cells in order, saving before and after each; stop at the first error."""
        from nbclient.exceptions import CellExecutionError

        for index, cell in enumerate(self.nb.cells):
            if cell.cell_type != "code":
                # Nothing to run, and a save takes milliseconds; papermill completes it at the end.
                continue
            self.nb_man.cell_start(cell, index)
            try:
                self.execute_cell(cell, index)
            except CellExecutionError as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                return
            except BaseException as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                cell.outputs.append(_cause(error))
                raise
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)


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

        kwargs: as papermill's own engine takes them, and `kernel`, a Kernel that was started for
        it; it is ended here, whatever happens.
        """
        from runbook_lib.execution.kernels import Kernel

        options = remove_args(["input_path", "timeout", "startup_timeout"], **kwargs)
        timeout = options.pop("execution_timeout", None)
        start_timeout = options.pop("start_timeout", 60)
        kernel = options.pop("kernel", None) or Kernel.start(Path.cwd(), ahead=())
        client = None
        try:
            client = TruthfulClient(
                nb_man,
                km=kernel.manager,
                kernel_name=kernel_name,
                timeout=timeout,
                startup_timeout=start_timeout,
                store_widget_state=False,
                **options,
            )
            client.execute(cleanup_kc=False)
        finally:
            if client is not None and client.kc is not None:
                client.kc.stop_channels()
            kernel.end()


def _cause(error: BaseException) -> Any:
    from nbformat.v4 import new_output

    text = str(error) or "the run was stopped while this cell ran"
    name = type(error).__name__
    return new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])
