"""`python -m runbook_lib` is `scc-runbook`."""

from __future__ import annotations

from runbook_lib.cli.main import main

if __name__ == "__main__":
    main()
