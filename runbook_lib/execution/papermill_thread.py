"""papermill in a thread of its own, so that the main thread hears signals.

A signal becomes an interrupt of the cell that runs; the phase journals how far it got.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from runbook_lib import crash_points
from runbook_lib.clock import SystemClock
from runbook_lib.execution.progress import Teller
from runbook_lib.execution.run_folder import RunFolder, write_file

ENGINE = "runbook"
LOOK_S = 0.1
ASK_AGAIN_S = 1.0
GRACE_S = 5.0
"""After a signal, how long a kernel may take to journal where it stands before it is killed."""


class Worker:
    """papermill in a thread, watched by the main one."""

    def __init__(self, work: Callable[[], object]) -> None:
        """Nothing is begun before `run`."""
        self._work = work
        self._error: BaseException | None = None
        self._signal: signal.Signals | None = None
        self._woken = threading.Event()

    def run(
        self,
        kernel: Callable[[], int | None],
        tell: Teller,
        look: Callable[[], None],
    ) -> signal.Signals | None:
        """Return when the work is over; the signal that was passed on to the kernel, if any.

        tell: knows from the journal whether the phase has begun, and has heard the interrupt.
        look: called again and again while the work goes on.
        The work's own error is kept back: the journal says how the phase ended.
        """
        thread = threading.Thread(target=self._run, name="papermill", daemon=True)
        with _signals(self._on_signal):
            thread.start()
            clock = SystemClock()
            killed_at, asked_at = None, 0.0
            while thread.is_alive():
                self._woken.wait(LOOK_S)
                look()
                now = clock.monotonic()
                if self._signal is None:
                    continue
                if killed_at is None:
                    self._woken.clear()
                    # A phase that has not begun has nothing to say.
                    killed_at = now + (GRACE_S if tell.has_begun else 0.0)
                if now > killed_at:
                    _signal_kernel(kernel(), signal.SIGKILL)
                elif now > asked_at + ASK_AGAIN_S and not tell.is_stopping():
                    # Between two cells a kernel lets an interrupt pass, so it is asked again.
                    _signal_kernel(kernel(), self._signal)
                    asked_at = now
            thread.join()
        look()
        return self._signal

    @property
    def error(self) -> BaseException | None:
        """Return what papermill ended with, None when it ended well."""
        return self._error

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - it is looked at in the main thread
            self._error = error
        finally:
            self._woken.set()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._signal is None:
            self._signal = signal.Signals(number)
            self._woken.set()


@contextmanager
def _signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let `handler` hear Ctrl-C and SIGTERM; outside the main thread nothing can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.signal(s, handler) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _signal_kernel(pid: int | None, number: signal.Signals) -> None:
    if pid is None:
        return
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


class _AtomicFiles:
    """papermill's way to files, but a notebook is replaced as a whole or not at all."""

    def read(self, path: str) -> str:
        return Path(path).read_text("utf-8")

    def listdir(self, path: str) -> list[str]:
        return [str(entry) for entry in Path(path).iterdir()]

    def write(self, text: str, path: str) -> None:
        crash_points.reach("notebook:save")
        write_file(Path(path), text)

    def pretty_path(self, path: str) -> str:
        return path


def register(folder: RunFolder) -> None:
    """Make papermill know our engine, and write into this run folder atomically."""
    from papermill.engines import papermill_engines
    from papermill.iorw import papermill_io

    from runbook_lib.execution.engine import RunbookEngine

    papermill_engines.register(ENGINE, RunbookEngine)
    papermill_io.register(str(folder.path), _AtomicFiles())


def as_it_stands(path: Path) -> str:
    """Return a path that papermill takes as it is: to papermill a path is a format string."""
    return str(path).replace("{", "{{").replace("}", "}}")


def spare_slow_import() -> None:
    """Keep papermill's import from compiling a grammar that only checks IRIs (1.1 s)."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
