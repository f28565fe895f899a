"""Where a file that the command line names is found."""

from __future__ import annotations

from pathlib import Path

import runbook_lib


def parameter_file(given: Path) -> Path:
    """Return the file meant: as a shell sees it, else counted from the root, else packaged.

    A file that is nowhere comes back as given; reading it says so.
    """
    from runbook_lib.execution.run_folder import resolve

    packaged = Path(runbook_lib.__file__).parent
    for candidate in (given, resolve(given), packaged / given):
        if candidate.is_file():
            return candidate.absolute()
    return given
