"""A kernel client that wastes no time when a kernel is ready."""

from __future__ import annotations

import time
from queue import Empty

from jupyter_client.asynchronous.client import AsyncKernelClient


class PromptClient(AsyncKernelClient):
    """Goes on as soon as the kernel answers.

    jupyter_client then listens for a fifth of a second until nothing more comes; nbclient passes
    over what is no answer to its own cell, so nobody needs to.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - jupyter_client's own
        """Return when the kernel answers on both channels; RuntimeError when it does not."""
        ends = time.monotonic() + (timeout or float("inf"))
        while True:
            self.kernel_info()
            try:
                await self.get_shell_msg(timeout=1)
                await self.get_iopub_msg(timeout=0.2)
            except Empty:
                pass
            else:
                return
            if not await self.is_alive():
                message = "Kernel died before replying to kernel_info"
                raise RuntimeError(message)
            if time.monotonic() > ends:
                message = f"Kernel didn't respond in {timeout} seconds"
                raise RuntimeError(message)
