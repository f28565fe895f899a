"""Text from nodes and people made fit to be shown: nothing in it acts, hides or reorders.

Rules: a character that cannot be seen, or that changes how others are seen, is shown by its code
point; markup is escaped; what is too long is cut and its length told. Text that looks like an
address or a handler is spelled so that a plain search of the page for active content finds none:
whatever it finds is then real. The record keeps the text as it came; only the showing changes.
"""

from __future__ import annotations

import html
import re
import unicodedata

LONGEST = 400
"""Characters of one value that a table or picture shows."""

_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Mn", "Me"})
# Letters and symbols by category, blank or nearly so on screen.
_UNSEEN_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_PLAIN = re.compile(r"[ -~]*")
_SEEMS_ACTIVE = re.compile(r"(?i)((?:https?|javascript)(?=:)|url(?=\()|\son[a-z]+(?==))(.)")


def is_unseen(character: str) -> bool:
    """Tell whether a reader could miss, or be misled by, this character."""
    if character == " ":
        return False
    return unicodedata.category(character) in _UNSEEN_CATEGORIES or character in _UNSEEN_LETTERS


def code_point(character: str) -> str:
    """Return a character's name in the form U+XXXX."""
    return f"U+{ord(character):04X}"


def shown(value: object, longest: int = LONGEST) -> str:
    """Return plain text for a terminal or a cell: unseen characters as [U+XXXX], one line."""
    text, rest = _cut(_text_of(value), longest)
    if not _PLAIN.fullmatch(text):
        text = "".join(f"[{code_point(char)}]" if is_unseen(char) else char for char in text)
    return text + rest


def escaped(value: object, longest: int = LONGEST) -> str:
    """Return HTML text, safe as element content and in quoted attributes.

    Unseen characters stand as <span class="rb-cp">U+XXXX</span>: use `plain_escaped` where no
    element may stand.
    """
    text, rest = _cut(_text_of(value), longest)
    if _PLAIN.fullmatch(text):
        return _inert(html.escape(text)) + rest
    spelled = "".join(
        f'<span class="rb-cp">{code_point(char)}</span>' if is_unseen(char) else html.escape(char)
        for char in text
    )
    return _inert(spelled) + rest


def plain_escaped(value: object, longest: int = LONGEST) -> str:
    """Return HTML text without elements, for attributes and for text in SVG."""
    return _inert(html.escape(shown(value, longest)))


def _text_of(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else str(value)


def _inert(text: str) -> str:
    return _SEEMS_ACTIVE.sub(lambda match: f"{match[1]}&#{ord(match[2])};", text)


def _cut(text: str, longest: int) -> tuple[str, str]:
    if len(text) <= longest:
        return text, ""
    return text[:longest], f"\u2026 (+{len(text) - longest} characters)"
