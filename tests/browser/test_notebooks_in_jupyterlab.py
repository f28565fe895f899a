"""The guided way: a notebook opened in JupyterLab and run with Run All, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runbook_lib.execution import phases
from tests.browser.jupyter import JupyterServer, open_notebook, run_all

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


TOO_WIDE = """() => [...document.querySelectorAll('.jp-RenderedHTMLCommon table')]
  .map(table => table.scrollWidth - table.closest('.jp-OutputArea-output').clientWidth)"""


def text_of(cell: dict[str, Any]) -> str:
    [output] = cell["outputs"]
    return str(output["data"]["text/plain"])


def tables(cells: list[dict[str, Any]]) -> list[str]:
    return [
        str(output["data"]["text/html"])
        for cell in cells
        for output in cell["outputs"]
        if "<table" in output["data"]["text/html"]
    ]


@pytest.mark.parametrize("phase", phases.PHASES)
def test_run_all_carries_the_phase_out(
    browser: object, jupyter: JupyterServer, page: Page, tmp_path: Path, phase: str
) -> None:
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))

    open_notebook(page, jupyter, phase)
    cells = [cell for cell in run_all(page) if cell["cell_type"] == "code"]

    kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
    assert kinds == {"execute_result"}
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert text_of(cells[-1]).splitlines()[-1].split()[:2] == [phase, "done"]
    too_wide = page.evaluate(TOO_WIDE)
    assert (len(too_wide), [more for more in too_wide if more > 0]) == (len(tables(cells)), [])
    last = page.locator(".jp-OutputArea-output table").last
    last.scroll_into_view_if_needed()
    assert last.locator("strong").all_inner_texts()[-1] == "done"
    assert said == []
    page.screenshot(path=tmp_path / f"{phase}.png")
