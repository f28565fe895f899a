"""The guided way with a person at the gates: board, picture and forms in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runbook_lib.guide.opening import SWITCH
from runbook_lib.review import frames
from tests.browser.jupyter import CELLS_MS, JupyterServer, open_notebook, run_all, serve

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHASE = "10_configure_networks"
NODES = ("E2K7SCCNode1", "E2K7SCCNode2")
RUN_CELL = '[data-command="notebook:run-cell-and-select-next"]'
WIDGET = "application/vnd.jupyter.widget-view+json"
FORM_MS = 30_000

TEXTS = (
    ".rb-board td",
    ".rb-say",
    ".rb-live svg text:not(.rb-t0):not(.rb-t1)",
    ".rb-gate .rb-ask",
    ".rb-gate td",
    ".rb-gate code",
)
OUTPUTS = """source => window.panel.content.widgets.map(cell => cell.model.toJSON())
  .find(cell => cell.source === source).outputs"""
HAS_RESULT = """source => window.panel.content.widgets.map(cell => cell.model.toJSON())
  .find(cell => cell.source === source).outputs.some(o => o.output_type === 'execute_result')"""
RUN_BELOW = """source => {
  const notebook = window.panel.content;
  const at = notebook.widgets.findIndex(cell => cell.model.sharedModel.source === source);
  notebook.activeCellIndex = at;
  notebook.deselectAll();
  window.jupyterapp.commands.execute('notebook:run-all-below');
}"""
SCROLL = """async source => {
  const notebook = window.panel.content;
  const at = notebook.widgets.findIndex(cell => cell.model.sharedModel.source === source);
  notebook.activeCellIndex = at;
  await notebook.scrollToItem(at, 'start');
}"""
THEME = """theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"""
IS_LIGHT = "light => document.body.dataset.jpThemeLight === String(light)"
# The worst contrast of text against what is behind it, by the rule of WCAG 2.
CONTRAST = """selector => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = rgb => rgb.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = node => {
    const card = node.closest('svg')?.querySelector('.rb-card, .rb-bg');
    if (card) return parts(getComputedStyle(card).fill);
    for (let at = node; at; at = at.parentElement) {
      const found = parts(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0.5) return found.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const ratios = [...document.querySelectorAll(selector)].map(node => {
    const style = getComputedStyle(node);
    const under = behind(node);
    const ink = parts(node.closest('svg') ? style.fill : style.color);
    const share = ink[3] ?? 1;
    const text = light(under.map((v, at) => share * ink[at] + (1 - share) * v));
    const ground = light(under);
    return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
  });
  return Math.min(...ratios);
}"""


@pytest.fixture(scope="module")
def guided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """JupyterLab as `make guide` starts it, with a parameter file whose gates a person answers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SWITCH, "1")
        with serve(tmp_path_factory.mktemp("guided")) as server:
            parameters = server.folder / "parameters" / "lab.yaml"
            text = parameters.read_text("utf-8")
            parameters.write_text(re.sub("(?m)^approval: auto", "approval: person", text), "utf-8")
            yield server


def outputs(page: Page, source: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(OUTPUTS, source)
    return found


def kinds(page: Page, source: str) -> list[str]:
    return [output["output_type"] for output in outputs(page, source)]


def board(page: Page) -> str:
    """Return the board as the opening cell's output holds it now."""
    return str(outputs(page, opening(page))[0]["data"]["text/plain"])


def opening(page: Page) -> str:
    sources: list[str] = page.evaluate(
        "() => window.panel.content.widgets.map(cell => cell.model.sharedModel.source)"
    )
    return next(source for source in sources if "open_phase(" in source)


def runs(guided: JupyterServer) -> set[Path]:
    return {path.parent for path in (guided.folder.parent / "runs").glob("*/journal.jsonl")}


def take_picture(page: Page, source: str, path: Path) -> None:
    """Keep what a person sees of a cell; nothing is compared with it."""
    page.evaluate(SCROLL, source)
    page.screenshot(path=path)


def answer(page: Page, button: int = 0) -> None:
    page.locator(".rb-name input").fill("R. Viewer")
    page.locator(".rb-reason input").fill("CHG-1042")
    page.locator(".rb-approve").nth(button).click()


def test_a_person_answers_the_gates_in_forms_and_the_cells_go_on(
    browser: object, guided: JupyterServer, page: Page, tmp_path: Path
) -> None:
    before = runs(guided)
    open_notebook(page, guided, PHASE)
    run_all(page)
    page.wait_for_selector(".rb-approve", timeout=FORM_MS)
    assert kinds(page, "phase.plan()") == ["display_data", "display_data", "error"]
    assert "waits for a person: approval of the plan" in board(page)

    page.locator(".rb-approve").click()
    page.wait_for_selector(".rb-said .rb-bad", timeout=FORM_MS)
    assert "a name and a reason are both needed" in page.locator(".rb-said").inner_text()
    take_picture(page, "phase.plan()", tmp_path / "not-answered.png")
    answer(page)
    page.wait_for_selector(".rb-settled", timeout=FORM_MS)
    take_picture(page, "phase.plan()", tmp_path / "approved.png")
    assert page.locator(".rb-approve").count() == 0
    asked, form, _ = outputs(page, "phase.plan()")
    assert "Approved by R. Viewer: CHG-1042" in asked["data"]["text/plain"]
    assert WIDGET not in form["data"]

    page.locator(RUN_CELL).first.click()
    page.wait_for_function(HAS_RESULT, arg="phase.plan()", timeout=CELLS_MS)
    assert kinds(page, "phase.plan()") == ["execute_result"]

    page.evaluate(RUN_BELOW, "phase.run(steps.name_computers)")
    page.wait_for_selector(".rb-act", timeout=CELLS_MS)
    assert "waits for a person: an act at E2K7SCCNode1, an act at E2K7SCCNode2" in board(page)
    for number in range(len(NODES)):
        page.locator(".rb-act").nth(number).click()
        page.locator(".rb-said .rb-good").nth(number).wait_for(timeout=FORM_MS)
    take_picture(page, "phase.run(steps.unbind_file_sharing)", tmp_path / "acts.png")
    answer(page, 0)
    page.get_by_text("answer the other one too").wait_for(timeout=FORM_MS)
    answer(page, 1)
    page.locator(".rb-approve").first.wait_for(state="detached", timeout=FORM_MS)

    page.evaluate(RUN_BELOW, "phase.run(steps.unbind_file_sharing)")
    page.wait_for_function(HAS_RESULT, arg="phase.close()", timeout=CELLS_MS)

    assert board(page).splitlines()[0] == f"{PHASE}: attempt 3 \u00b7 20 of 20 done \u00b7 done"
    take_picture(page, opening(page), tmp_path / "done.png")
    [run] = runs(guided) - before
    given = frames.gates(run)[["gate", "by", "reason", "answer", "automatic"]]
    names = [f"{PHASE}.plan", *(f"{PHASE}.unbind_file_sharing.{node}" for node in NODES)]
    assert given.to_numpy().tolist() == [
        [name, "R. Viewer", "CHG-1042", "approve", False] for name in names
    ]


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_board_picture_and_form_are_legible_in_both_themes(
    browser: object, guided: JupyterServer, page: Page, tmp_path: Path, theme: str
) -> None:
    open_notebook(page, guided, PHASE)
    page.evaluate(THEME, f"JupyterLab {theme}")
    page.wait_for_function(IS_LIGHT, arg=theme == "Light", timeout=FORM_MS)
    run_all(page)
    page.wait_for_selector(".rb-approve", timeout=FORM_MS)

    contrasts = {selector: page.evaluate(CONTRAST, selector) for selector in TEXTS}

    take_picture(page, opening(page), tmp_path / "board.png")
    ground = page.eval_on_selector(".rb-live .rb-bg", "node => getComputedStyle(node).fill")
    assert ground == {"Light": "rgb(255, 255, 255)", "Dark": "rgb(13, 17, 23)"}[theme]
    # Without any text the contrast would be infinite; 21 is black on white.
    assert [text for text, ratio in contrasts.items() if not 4.5 <= ratio <= 21] == [], contrasts
