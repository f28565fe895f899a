"""JupyterLab on a copy of the tree, and a notebook in it as a browser shows it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SETTINGS: Mapping[str, Mapping[str, object]] = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
}
START_S = 60.0
LAB_MS = 60_000
CELLS_MS = 180_000
"""For a whole notebook on a machine that does other things as well."""

_OPENED = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  const later = () => new Promise(resolve => setTimeout(resolve, 50));
  const shown = () => [...app.shell.widgets('main')].find(w => w.context && w.sessionContext);
  while (!shown()) await later();
  const panel = window.panel = shown();
  await panel.context.ready;
  await panel.sessionContext.ready;
  while (!panel.sessionContext.session?.kernel) await later();
  await panel.sessionContext.session.kernel.info;
  app.shell.activateById(panel.id);
}"""
# Not awaited: a cell that waits for a person would block it.
_RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
_RAN = """() => {
  const code = window.panel.content.widgets.map(w => w.model).filter(m => m.type === 'code');
  const failed = code.some(m => m.toJSON().outputs.some(o => o.output_type === 'error'));
  return failed || code.every(m => m.executionCount !== null && m.executionState !== 'running');
}"""
_CELLS = "() => window.panel.content.widgets.map(w => w.model.toJSON())"


@dataclass(frozen=True)
class JupyterServer:
    """A running JupyterLab. folder: the copied tree that it serves."""

    url: str
    token: str
    folder: Path

    def address(self, notebook: str) -> str:
        """Return where a notebook of the tree is opened in a workspace of its own."""
        name = notebook.partition("_")[0]
        path = f"lab/workspaces/browser-{name}/tree/notebooks/{notebook}.ipynb"
        return f"{self.url}/{path}?reset&token={self.token}"


def chromium() -> str | None:
    """Return the path of an installed Chromium, or None."""
    return next((path for name in CHROMIUM if (path := shutil.which(name))), None)


def launch(playwright: Playwright, executable: str) -> Browser:
    """Return the installed browser, without a window and without traffic of its own."""
    return playwright.chromium.launch(executable_path=executable, args=list(FLAGS))


@contextmanager
def serve(folder: Path) -> Iterator[JupyterServer]:
    """Serve a copy of notebooks and parameters from `folder`; nothing of a person's set-up."""
    tree = folder / "tree"
    shutil.copytree(ROOT / "parameters", tree / "parameters")
    (tree / "notebooks").mkdir()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        nbformat.write(_without_outputs(path), tree / "notebooks" / path.name)
    for plugin, values in SETTINGS.items():
        _keep_setting(folder, plugin, values)
    port, token = _free_port(), secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={tree}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    with (folder / "jupyter.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=tree, env=_environment(folder), stdout=log, stderr=log
        )
        server = JupyterServer(f"http://127.0.0.1:{port}", token, tree)
        try:
            _await(server, process, folder / "jupyter.log")
            yield server
        finally:
            process.terminate()
            process.wait(30)


def open_notebook(page: Page, server: JupyterServer, notebook: str) -> None:
    """Open a notebook; its kernel answers when this returns."""
    page.goto(server.address(notebook))
    page.wait_for_function("() => window.jupyterapp", timeout=LAB_MS)
    page.evaluate(_OPENED)


def run_all(page: Page) -> list[dict[str, Any]]:
    """Run all cells and return them with their outputs; return early after an error."""
    page.evaluate(_RUN_ALL)
    page.wait_for_function(_RAN, timeout=CELLS_MS, polling=200)
    cells: list[dict[str, Any]] = page.evaluate(_CELLS)
    return cells


def _without_outputs(path: Path) -> Any:
    """Return a notebook as nobody has run it, so that what is seen later was done here."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def _environment(folder: Path) -> dict[str, str]:
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "RUNBOOK_RUNS": "runs",
    }
    paths = {name: str(folder / place) for name, place in own.items()}
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(ROOT), before] if before else [str(ROOT)])
    return {**os.environ, **paths, "PYTHONPATH": path, "JUPYTER_PLATFORM_DIRS": "1"}


def _keep_setting(folder: Path, plugin: str, values: Mapping[str, object]) -> None:
    """Set what a person would choose in JupyterLab's settings."""
    package, _, name = plugin.rpartition(":")
    path = folder / "settings" / package / f"{name}.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), "utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(server: JupyterServer, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/api?token={server.token}", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError(f"JupyterLab did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
