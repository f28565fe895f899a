"""Where a file that the command line names is found."""

from __future__ import annotations

from pathlib import Path


def parameter_file(given: Path) -> Path:
    """Return the file meant: as a shell sees it, else counted from the root, else packaged.

    A file that is nowhere comes back as given; reading it says so.
    """
    from runbook_lib.execution.run_folder import carried, resolve

    for candidate in (given, resolve(given), carried(given)):
        if candidate.is_file():
            return candidate.absolute()
    return given
