"""Registered secrets are masked in whatever spelling they come."""

from __future__ import annotations

import base64
import copy
import html
import io
import json
import logging
import pickle
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib import redaction
from runbook_lib.redaction import MASK, RedactingFilter, Redactor
from tests.canary import plant, scan_bytes

SECRETS = [
    "S3cret-word",
    "Pa$$w0rd \"quoted\" 'single' <tag> & \\slash/ 100% `tick` $(x)",
    "Schlüssel-\u2018smart\u2019-\U0001f511-końiec",
    "____x0041__",
]


@cache
def knowing(*values: str) -> Redactor:
    """Return one redactor for these values; nobody registers more with it."""
    redactor = Redactor()
    for value in values:
        redactor.register(value)
    return redactor


def clixml(text: str) -> str:
    units = text.encode("utf-16-le")
    return "".join(f"_x{units[at + 1]:02X}{units[at]:02X}_" for at in range(0, len(units), 2))


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, lower case": lambda text: quote(text, safe="").replace("%C3", "%c3"),
    "form": quote_plus,
    "json": lambda text: json.dumps(text)[1:-1],
    "json, not ascii": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json in json": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "every character as json escape": lambda text: "".join(
        f"\\u{unit:04X}" for unit in redaction._utf16_units(text)
    ),
    "xml": lambda text: escape(text, {'"': "&quot;", "'": "&apos;"}),
    "html": html.escape,
    "html twice": lambda text: html.escape(html.escape(text)),
    "decimal entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "hexadecimal entities": lambda text: "".join(f"&#x{ord(char):04X};" for char in text),
    "clixml": clixml,
    "clixml of odd characters": lambda text: "".join(
        char if char.isalnum() and char.isascii() else clixml(char) for char in text
    ),
    "single quotes doubled": lambda text: text.replace("'", "''"),
    "reversed": lambda text: text[::-1],
    "hex": lambda text: text.encode().hex(),
    "hex of utf-16le, upper case": lambda text: text.encode("utf-16-le").hex().upper(),
    "utf-16le read as latin-1": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 of utf-16le": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_masked_in_every_spelling(secret: str, spelling: str) -> None:
    if spelling == "utf-16le read as latin-1" and not secret.isascii():
        pytest.skip("other characters are not their code point with a NUL beside it")
    text = f"before {SPELLINGS[spelling](secret)} after"

    masked = knowing(secret).redact(text)

    assert masked.replace("\0", "") == f"before {MASK} after"


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("lead", [b"", b"a", b"ab", b"abc"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_secret_inside_longer_base64_cannot_be_read_back(
    secret: str, lead: bytes, encoding: str
) -> None:
    blob = base64.b64encode(lead + secret.encode(encoding) + b"tail of it").decode()

    masked = knowing(secret).redact(blob)

    assert MASK in masked
    assert scan_bytes({"s": secret}, masked.encode(), "text") == ()


@pytest.mark.parametrize("secret", SECRETS)
def test_the_independent_scanner_finds_nothing_after_masking(tmp_path: Path, secret: str) -> None:
    redactor = knowing(secret)
    for encoding, file in plant(tmp_path, secret).items():
        if encoding in ("gzip", "utf-16le"):
            continue  # bytes, not text: nothing of ours writes them
        masked = redactor.redact(file.read_text("utf-8"))

        assert scan_bytes({"s": secret}, masked.encode(), encoding) == ()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=40), st.randoms())
def test_any_mixture_of_spellings_is_masked(secret: str, random: Random) -> None:
    ways: list[Callable[[str], str]] = [
        str,
        clixml,
        lambda char: quote(char, safe=""),
        lambda char: f"&#{ord(char)};",
        lambda char: json.dumps(char)[1:-1],
        html.escape,
    ]
    mixed = "".join(random.choice(ways)(char) for char in secret)

    assert knowing(secret).redact(f"<<{mixed}>>") == f"<<{MASK}>>"


def test_text_without_a_secret_is_left_alone() -> None:
    text = "S3cret is a word & 100% of \\ nothing _x0041_ in &#65; it"

    assert knowing(*SECRETS).redact(text) == text


def test_without_secrets_text_is_left_alone() -> None:
    assert Redactor().redact("anything") == "anything"


def test_a_secret_that_begins_another_does_not_uncover_its_end() -> None:
    assert knowing("S3cret", "S3cret-and-more").redact("S3cret-and-more S3cret") == f"{MASK} {MASK}"


def test_values_too_short_to_tell_from_words_are_not_taken() -> None:
    assert knowing("", "a", "abc").redact("abc a") == "abc a"


def test_no_value_is_given_back() -> None:
    redactor = knowing("S3cret-word")

    assert repr(redactor) == "<Redactor of 1 values>"
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            copying(redactor)
    assert "S3cret" not in repr(vars(redaction))


def test_the_process_wide_functions_share_one_registry() -> None:
    redaction.register("redaction-test-Wide")

    assert redaction.redact("x redaction-test-Wide y") == f"x {MASK} y"


def logged(redactor: Redactor, log: Callable[[logging.Logger], None]) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter(redactor))
    logger = logging.Logger("test of redaction")  # noqa: LOG001 - no other test may see it
    logger.addHandler(handler)
    log(logger)
    return stream.getvalue()


def test_a_log_message_and_its_arguments_are_masked() -> None:
    redactor = knowing("S3cret-word")

    text = logged(redactor, lambda log: log.info("user %s has %r", "anna", "S3cret-word"))

    assert text == f"user anna has '{MASK}'\n"


def test_a_logged_exception_is_masked_with_its_causes() -> None:
    inner, outer = "inner S3cret-word", "outer S3cret-word"

    def fail() -> None:
        raise ValueError(outer) from KeyError(inner)

    def log_a_failure(logger: logging.Logger) -> None:
        try:
            fail()
        except ValueError:
            logger.exception("it failed", stack_info=True)

    text = logged(knowing("S3cret-word"), log_a_failure)

    assert f"KeyError: 'inner {MASK}'" in text
    assert f"ValueError: outer {MASK}" in text
    assert "Stack (most recent call last)" in text
    assert "S3cret-word" not in text


def test_a_wrong_format_string_does_not_print_its_arguments() -> None:
    text = logged(knowing("other-secret"), lambda log: log.info("%d", "S3cret-word"))

    assert text == "%d (its arguments do not fit)\n"


def test_a_megabyte_of_ordinary_text_takes_less_than_a_few_seconds() -> None:
    text = 'The _quick_ "brown" fox & 100% of \\ its friends. ' * 20_000
    began = time.monotonic()

    knowing(*SECRETS).redact(text)

    assert time.monotonic() - began < 10
