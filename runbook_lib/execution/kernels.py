"""How this package starts a kernel: ahead of its notebook, over encrypted IPC sockets.

Free of papermill's import, which takes a while and loads our engine on the way.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from runbook_lib.errors import PreconditionError

if TYPE_CHECKING:
    from subprocess import Popen

    from jupyter_client.manager import AsyncKernelManager

KERNEL = "python3"
AHEAD = ("runbook_lib.execution.phase", "runbook_lib.sessions.psrp_session")
"""Imported by a kernel of a run before its notebook begins, while nobody waits for it."""

ENDS_S = 10.0
LONGEST_SOCKET = "scc-12345678/k-5"
LONGEST_PATH = 103
"""What macOS takes; Linux takes four more."""


@dataclass
class Kernel:
    """A kernel process that gets ready by itself; whoever started it ends it."""

    manager: AsyncKernelManager
    _folder: tempfile.TemporaryDirectory[str]

    @classmethod
    def start(
        cls,
        working_folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
        log: IO[bytes] | None = None,
        ahead: Sequence[str] = AHEAD,
    ) -> Kernel:
        """Return a kernel as soon as its process exists.

        descriptors: inherited by the process. log: takes what it says beside its cells.
        """
        _refuse_long_path(Path(tempfile.gettempdir()))
        folder = tempfile.TemporaryDirectory(prefix="scc-")
        kernel = cls(kernel_manager(Path(folder.name)), folder)
        imports = [f"--IPKernelApp.exec_lines=import {name}" for name in ahead]
        starting = kernel.manager.start_kernel(
            extra_arguments=["--HistoryManager.hist_file=:memory:", *imports],
            cwd=str(working_folder),
            env=dict(os.environ if environment is None else environment),
            pass_fds=tuple(descriptors),
            stdout=log,
            stderr=log,
        )
        try:
            _done(starting)
        except BaseException:
            kernel.end()
            raise
        return kernel

    @property
    def pid(self) -> int | None:
        """Return the process's id, None when it is gone."""
        return self._process.pid if self._process else None

    def end(self) -> None:
        """Leave neither process nor sockets behind; a second time does nothing."""
        process = self._process
        if process is not None:
            _done(self.manager.signal_kernel(signal.SIGKILL))
            # jupyter_client would look every tenth of a second.
            process.wait(ENDS_S)
        _done(self.manager.cleanup_resources())
        self._folder.cleanup()

    @property
    def _process(self) -> Popen[bytes] | None:
        provisioner: Any = self.manager.provisioner
        process: Popen[bytes] | None = provisioner.process if provisioner else None
        return process if process is not None and process.poll() is None else None


def _done(work: Awaitable[object]) -> None:
    """Return when the work of a manager is done; its methods are for event loops only."""

    async def await_it() -> None:
        await work

    asyncio.run(await_it())


def _refuse_long_path(folder: Path) -> None:
    """Raise PreconditionError where a socket's path would be longer than the system takes."""
    length = len(os.fsencode(folder / LONGEST_SOCKET))
    if length > LONGEST_PATH:
        raise PreconditionError(
            f"The folder for temporary files, {folder}, cannot hold a kernel's sockets.",
            why=f"a socket's path would have {length} bytes, the system takes {LONGEST_PATH}",
            next_step="let TMPDIR name a folder with a shorter path, such as /tmp",
        )


def kernel_manager(folder: Path) -> AsyncKernelManager:
    """Return a manager for one kernel, whose sockets and keys lie in `folder` (0700)."""
    from jupyter_client.manager import AsyncKernelManager

    return AsyncKernelManager(
        kernel_name=KERNEL,
        client_class="runbook_lib.execution.kernel_client.PromptClient",
        transport="ipc",
        # A socket's path has 107 bytes at most, so it lives in a short temporary folder.
        ip=str(folder / "k"),
        connection_file=str(folder / "kernel.json"),
        transport_encryption="required",
    )


class Kernels:
    """The kernels of a run: that of the next phase gets ready while a phase runs."""

    def __init__(self, start: Callable[[str], Kernel]) -> None:
        """start: gives a new kernel for a phase."""
        self._start = start
        self._ready: dict[str, Kernel] = {}
        self._hopeless = False

    def __enter__(self) -> Self:
        """Return the kernels, none of them started."""
        return self

    def __exit__(self, *_error: object) -> None:
        """End those that were not needed."""
        while self._ready:
            self._ready.popitem()[1].end()

    def get_ready(self, phases: Sequence[str]) -> None:
        """Start the kernels of these phases; what cannot be had yet is told when it is taken."""
        for phase in phases:
            if phase not in self._ready and not self._hopeless:
                try:
                    self._ready[phase] = self._start(phase)
                except Exception:  # noqa: BLE001 - it comes again, or not, where it can be told
                    self._hopeless = True

    @contextmanager
    def take(self, phase: str) -> Iterator[Kernel]:
        """Yield the phase's kernel, and end it afterwards."""
        kernel = self._ready.pop(phase, None) or self._start(phase)
        try:
            yield kernel
        finally:
            kernel.end()
