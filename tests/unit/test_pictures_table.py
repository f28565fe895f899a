"""Tables of notebook cells."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from runbook_lib.pictures.table import StepRow, Table, step_table

ROWS: list[StepRow] = [
    ("E2K7SCCNode1", "NetBIOS over TCP/IP", "default", "off", "changed", 131),
    ("E2K7SCCNode2", "NetBIOS over TCP/IP", "already off", "", "unchanged", 9),
    ("", "10_configure_networks", "", "", "done", None),
]


class Tags(HTMLParser):
    """Collects every element and attribute."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, name) for name, _ in attrs} or {(tag, "")}


def test_the_text_is_aligned_without_blanks_at_the_ends() -> None:
    assert step_table(ROWS).text() == (
        "node          what                   before       after  outcome    journal\n"
        "------------  ---------------------  -----------  -----  ---------  -------\n"
        "E2K7SCCNode1  NetBIOS over TCP/IP    default      off    changed        131\n"
        "E2K7SCCNode2  NetBIOS over TCP/IP    already off         unchanged        9\n"
        "              10_configure_networks                      done"
    )


def test_a_cell_gets_text_and_html_of_the_same_rows() -> None:
    table = step_table(ROWS)

    bundle = table._repr_mimebundle_(include=None, exclude=None)

    assert bundle == {"text/plain": table.text(), "text/html": table.html()}
    cells = re.findall(r"<td[^>]*>(.*?)</td>", table.html())
    assert [re.sub(r"<[^>]+>", "", cell) for cell in cells] == [
        "E2K7SCCNode1", "NetBIOS over TCP/IP", "default", "off", "changed", "131",
        "E2K7SCCNode2", "NetBIOS over TCP/IP", "already off", "", "unchanged", "9",
        "", "10_configure_networks", "", "", "done", "",
    ]  # fmt: skip


def test_the_same_rows_give_the_same_bytes() -> None:
    assert step_table(ROWS)._repr_mimebundle_() == step_table(iter(ROWS))._repr_mimebundle_()


@pytest.mark.parametrize("at", range(5))
def test_a_hostile_cell_stays_text(at: int) -> None:
    hostile = "<img src=x onerror=alert(1)>\u202e\"'</td></table><script>x</script>\x1b[2J"
    row = ["n", "w", "b", "a", "o"]
    row[at] = hostile

    page = step_table([(*row[:5], 1)]).html()  # type: ignore[list-item]

    assert Tags(page).found == {
        ("table", ""), ("thead", ""), ("tbody", ""), ("tr", ""), ("th", "style"), ("td", "style"),
    }  # fmt: skip
    assert "[U+202E]" in page
    assert "\x1b" not in page


def test_a_table_without_rows_says_so() -> None:
    assert step_table([])._repr_mimebundle_() == {
        "text/plain": "(nothing to show)",
        "text/html": "<p><em>nothing to show</em></p>",
    }


@pytest.mark.parametrize(
    ("word", "colour"),
    [
        ("changed", "success"),
        ("adopted", "success"),
        ("reboot pending", "warn"),
        ("to change", "warn"),
        ("blocked", "error"),
        ("unchanged", "ui-font"),
    ],
)
def test_an_outcome_is_coloured_by_its_word(word: str, colour: str) -> None:
    page = step_table([("n", "w", "b", "a", word, 1)]).html()

    assert re.search(rf'<strong style="color:var\(--jp-{colour}[^"]*">{word}</strong>', page)


def test_an_outcome_stays_on_one_line_and_long_texts_do_not() -> None:
    page = step_table([("n", "w", "b", "a", "to change", 1)]).html()

    cells = re.findall(r'<td style="([^"]*)">', page)
    assert ["nowrap" in style for style in cells] == [False] * 4 + [True, False]


def test_an_outcome_of_unknown_kind_is_plain() -> None:
    assert "<strong" not in step_table([("n", "w", "b", "a", "something", 1)]).html()


def test_a_table_prints_as_its_text() -> None:
    table = Table(("one",), (("value",),))

    assert repr(table) == "one\n-----\nvalue"
