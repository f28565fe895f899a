"""Where panels are shown: the output of the running cell, and updates of what was shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from IPython.display import display

Update = Callable[[object], None]
"""Shows another panel in the place of the one that was shown."""

POLL_S = 0.3
"""How often a board looks at the journal while a cell runs; a person sees no difference below."""


class Screen(Protocol):
    """Shows panels (objects with `_repr_mimebundle_`)."""

    def show(self, panel: object) -> Update:
        """Show a panel in the running cell; return the way to replace it later."""
        ...


class CellOutput:
    """The notebook's own outputs."""

    def show(self, panel: object) -> Update:
        """Show a panel in the running cell; return the way to replace it later."""
        handle = display(panel, display_id=True)  # type: ignore[no-untyped-call]
        return handle.update if handle is not None else _nowhere


def _nowhere(_panel: object) -> None:
    """Show nothing: there is no notebook around."""


@contextmanager
def following(state: Callable[[], object], changed: Callable[[], None]) -> Iterator[None]:
    """Call `changed` from a thread whenever `state` gives something else; not after the end."""
    over = threading.Event()

    def follow() -> None:
        known = state()
        while not over.wait(POLL_S):
            now = state()
            if now != known:
                known = now
                changed()

    thread = threading.Thread(target=follow, name="step board", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
