"""Takes the README's pictures: a notebook after Run All, guided and not, and a rehearsal's page.

`python -m tests.browser.screenshots [FOLDER]`; without FOLDER the ones in docs/ are replaced.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from runbook_lib.guide.opening import SWITCH
from tests.browser.jupyter import ROOT, chromium, launch, open_notebook, run_all, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = ROOT / "docs"
NOTEBOOK = "10_configure_networks"
# The cell that begins so stands at the top of the picture.
SCROLL = """async source => {
  const notebook = window.panel.content;
  const at = notebook.widgets.findIndex(cell => cell.model.toJSON().source.startsWith(source));
  notebook.activeCellIndex = at;
  await notebook.scrollToItem(at, 'start');
  const outer = notebook.node.querySelector('.jp-WindowedPanel-outer');
  const above = notebook.widgets[at].node.getBoundingClientRect().top;
  outer.scrollTop += above - outer.getBoundingClientRect().top - 8;
}"""


def notebook(browser: Browser, path: Path, *, first: str, height: int) -> None:
    """Picture notebook 10 in JupyterLab, all cells run, from the cell that begins with `first`."""
    with (
        tempfile.TemporaryDirectory(prefix="scc-") as folder,
        serve(Path(folder)) as server,
        browser.new_context(viewport={"width": 1120, "height": height}) as context,
    ):
        page = context.new_page()
        open_notebook(page, server, NOTEBOOK)
        run_all(page)
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        page.evaluate(SCROLL, first)
        page.wait_for_timeout(1000)
        page.screenshot(path=path)


def review(browser: Browser, path: Path) -> None:
    """Picture the top of the page that a rehearsal ends with."""
    with tempfile.TemporaryDirectory(prefix="scc-") as folder:
        runs = Path(folder)
        subprocess.run(
            [sys.executable, "-m", "runbook_lib", "run", "parameters/lab.yaml"],
            cwd=ROOT,
            env={**os.environ, "RUNBOOK_RUNS": str(runs), "LOGNAME": "operator"},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        [made] = runs.glob("*/review.html")
        with browser.new_context(viewport={"width": 1120, "height": 760}) as context:
            page = context.new_page()
            page.goto(made.as_uri())
            page.screenshot(path=path)


def main(arguments: Sequence[str]) -> None:
    """Take all pictures."""
    executable = chromium()
    if executable is None:
        sys.exit("no Chromium is installed")
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright, executable)
        notebook(browser, folder / "notebook.png", first="### Connection names", height=700)
        os.environ[SWITCH] = "1"
        notebook(browser, folder / "guide.png", first="from runbook_lib", height=1040)
        del os.environ[SWITCH]
        review(browser, folder / "review.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
