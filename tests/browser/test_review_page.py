"""The review page in a real browser: it asks for nothing, runs nothing, and reads well."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from runbook_lib.review.page import page as page_of
from tests.unit.test_review_page import PAYLOADS, whole_run

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


class Watched:
    """A page of which every request, dialog and complaint is noted."""

    def __init__(self, browser: Browser, path: Path, *, scheme: str, width: int = 1100) -> None:
        self.noted: list[str] = []
        context = browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": width, "height": 900},
        )
        self.page: Page = context.new_page()
        self.page.on("request", lambda request: self.noted.append(request.url))
        self.page.on("dialog", lambda dialog: self.noted.append(f"dialog {dialog.message}"))
        self.page.on("console", lambda message: self.noted.append(f"console {message.text}"))
        self.page.on("pageerror", lambda error: self.noted.append(f"error {error}"))
        self.address = path.as_uri()
        self.page.goto(self.address)

    def style(self, selector: str, name: str) -> str:
        return str(
            self.page.eval_on_selector(selector, f"node => getComputedStyle(node)['{name}']")
        )


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    path = tmp_path / "review.html"
    path.write_text(page_of(whole_run(" ".join(PAYLOADS))), "utf-8")
    return path


def test_a_hostile_record_asks_for_nothing_and_runs_nothing(
    browser: Browser, hostile: Path
) -> None:
    watched = Watched(browser, hostile, scheme="light")
    watched.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    for element in watched.page.query_selector_all("summary, td, .pill")[:80]:
        element.hover(force=True)

    assert watched.noted == [watched.address]


def test_the_one_style_sheet_is_allowed_and_follows_the_readers_scheme(
    browser: Browser, hostile: Path
) -> None:
    backgrounds = {
        scheme: (shown.style("body", "backgroundColor"), shown.style(".rb-bg", "fill"))
        for scheme in ("light", "dark")
        for shown in [Watched(browser, hostile, scheme=scheme)]
    }

    assert backgrounds == {
        "light": ("rgb(255, 255, 255)", "rgb(255, 255, 255)"),
        "dark": ("rgb(13, 17, 23)", "rgb(13, 17, 23)"),
    }


@pytest.mark.parametrize("width", [380, 1100])
def test_the_page_is_never_wider_than_the_screen(
    browser: Browser, hostile: Path, width: int
) -> None:
    shown = Watched(browser, hostile, scheme="light", width=width)
    shown.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

    assert shown.page.evaluate("document.documentElement.scrollWidth") == width


def test_what_is_folded_on_screen_unfolds_on_paper(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "review.html"
    path.write_text(page_of(whole_run()), "utf-8")
    shown = Watched(browser, path, scheme="dark")
    undo = shown.page.get_by_text("Undo: enable NetBIOS again").first

    on_screen = undo.is_visible()
    shown.page.emulate_media(media="print")

    assert (on_screen, undo.is_visible()) == (False, True)
    assert shown.style("body", "backgroundColor") == "rgb(255, 255, 255)"
