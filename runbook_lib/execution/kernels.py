"""How this package starts a kernel: over encrypted IPC sockets, not over open TCP ports.

Free of papermill's import, which takes a while and loads our engine on the way.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

KERNEL = "python3"


def kernel_manager(folder: Path, kernel_name: str = KERNEL) -> AsyncKernelManager:
    """Return a manager for one kernel, whose sockets and keys lie in `folder` (0700)."""
    from jupyter_client.manager import AsyncKernelManager

    return AsyncKernelManager(
        kernel_name=kernel_name,
        transport="ipc",
        # A socket's path has 107 bytes at most, so it lives in a short temporary folder.
        ip=str(folder / "k"),
        connection_file=str(folder / "kernel.json"),
        transport_encryption="required",
    )
