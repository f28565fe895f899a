"""Text of nodes and people, shown so that nothing in it acts, hides or reorders."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.pictures.text import LONGEST, escaped, is_unseen, plain_escaped, shown

ACTIVE = re.compile(
    r"(?i)<script|<iframe|<object|<embed| on[a-z]+=|javascript:|https?://|url\("
)  # fmt: skip
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[31mred\x1b[0m", "[U+001B][31mred[U+001B][0m"),
        ("\x1b]52;c;cHduZWQ=\x07", "[U+001B]]52;c;cHduZWQ=[U+0007]"),
        ("\x9b2J", "[U+009B]2J"),
        ("one\nstep 7 verified OK", "one[U+000A]step 7 verified OK"),
        ("tab\there", "tab[U+0009]here"),
        ("\u202ereversed", "[U+202E]reversed"),
        ("a\u2066b\u2069", "a[U+2066]b[U+2069]"),
        ("zero\u200bwidth\ufeff", "zero[U+200B]width[U+FEFF]"),
        ("no\u00a0break", "no[U+00A0]break"),
        ("e\u0301", "e[U+0301]"),
        ("\ud800", "[U+D800]"),
        ("\U000e0041", "[U+E0041]"),
        ("hangul\u3164filler", "hangul[U+3164]filler"),
        ("line\u2028separator", "line[U+2028]separator"),
        ("Gerät \u4e2d\u6587 \U0001f600", "Gerät \u4e2d\u6587 \U0001f600"),
    ],
)
def test_what_cannot_be_seen_is_shown_by_its_code_point(text: str, plain: str) -> None:
    assert shown(text) == plain
    assert re.sub(r'<span class="rb-cp">(U\+[0-9A-F]+)</span>', r"[\1]", escaped(text)) == plain


def test_markup_is_text() -> None:
    assert escaped('<b a="x">\'&') == "&lt;b a=&quot;x&quot;&gt;&#x27;&amp;"


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/",
        "HTTP://evil.example/",
        "javascript:alert(1)",
        "background:url(//evil)",
        "<img src=x onerror=alert(1)>",
        "a\tonload=1",
        "x onclick=https://javascript:url(",
    ],
)
def test_what_looks_active_survives_no_search_and_reads_the_same(text: str) -> None:
    for form in (escaped(text), plain_escaped(text)):
        assert not ACTIVE.search(form)
    assert html.unescape(plain_escaped(text)) == shown(text)


def test_long_text_is_cut_and_its_length_told() -> None:
    assert shown("x" * (LONGEST + 7)) == "x" * LONGEST + "\u2026 (+7 characters)"
    assert escaped("x" * 12, 10) == "xxxxxxxxxx\u2026 (+2 characters)"


@pytest.mark.parametrize(
    ("value", "plain"), [(None, ""), (True, "yes"), (False, "no"), (7, "7"), ("", "")]
)
def test_other_values_have_their_text(value: object, plain: str) -> None:
    assert (shown(value), escaped(value)) == (plain, plain)


@given(st.text(st.characters(), max_size=60))
def test_no_text_shows_control_characters_markup_or_anything_active(text: str) -> None:
    for form in (shown(text), escaped(text), plain_escaped(text)):
        assert not CONTROL.search(form)
        assert not any(is_unseen(character) for character in form)
        form.encode("utf-8")
    without_marks = re.sub(r'<span class="rb-cp">U\+[0-9A-F]+</span>', "", escaped(text))
    assert not set("<>\"'") & set(without_marks)
    assert not ACTIVE.search(escaped(text))
