"""The conditions of WQL that `-Filter` takes: comparisons, IS NULL, LIKE, AND, OR, NOT, brackets.

Strings compare without regard to case; a backslash in a string is doubled. Two dates and times
compare as moments, whatever their offsets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from runbook_lib.lab.handlers import powershell

Condition = Callable[[Mapping[str, object]], bool]

_DMTF = re.compile(r"(\d{14})\.(\d{6})([+-])(\d{3})", re.ASCII)
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<number>-?\d+)
      | (?P<operator><>|!=|<=|>=|=|<|>)
      | (?P<bracket>[()])
      | (?P<word>[A-Za-z_]\w*)
    )""",
    re.VERBOSE,
)


class BadQueryError(ValueError):
    """A condition that WMI answers with "Invalid query"."""


@dataclass
class _Token:
    kind: str
    text: str


def parse(condition: str, properties: Mapping[str, object]) -> Condition:
    """Return the test that a condition makes of an instance.

    properties: any instance of the class; a name that it does not have makes the query invalid.
    """
    parser = _Parser(_tokens(condition), {name.lower(): name for name in properties})
    found = parser.either()
    parser.end()
    return found


def _tokens(condition: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while condition[at:].strip():
        match = _TOKEN.match(condition, at)
        if match is None or match.lastgroup is None:
            raise BadQueryError(condition)
        tokens.append(_Token(match.lastgroup, match.group(match.lastgroup)))
        at = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[_Token], spelling: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._spelling = spelling

    def end(self) -> None:
        if self._tokens:
            raise BadQueryError(self._tokens[0].text)

    def either(self) -> Condition:
        left = self._both()
        while self._accept("or"):
            left = _any_of(left, self._both())
        return left

    def _both(self) -> Condition:
        left = self._single()
        while self._accept("and"):
            left = _all_of(left, self._single())
        return left

    def _single(self) -> Condition:
        if self._accept("not"):
            inner = self._single()
            return lambda instance: not inner(instance)
        if self._accept("("):
            inner = self.either()
            self._demand(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        token = self._take()
        name = self._spelling.get(token.text.lower())
        if token.kind != "word" or name is None:
            raise BadQueryError(token.text)
        if self._accept("is"):
            wanted = not self._accept("not")
            self._demand("null")
            return lambda instance: (instance[name] is None) is wanted
        if self._accept("like"):
            pattern = _pattern(self._value())
            return lambda instance: bool(pattern.fullmatch(powershell.text(instance[name])))
        operator = self._take()
        if operator.kind != "operator":
            raise BadQueryError(operator.text)
        value = self._value()
        return lambda instance: _compare(instance[name], operator.text, value)

    def _value(self) -> str | int | bool:
        token = self._take()
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1])
        if token.kind == "number":
            return int(token.text)
        if token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        raise BadQueryError(token.text)

    def _take(self) -> _Token:
        if not self._tokens:
            raise BadQueryError("the end")
        return self._tokens.pop(0)

    def _accept(self, word: str) -> bool:
        if not self._tokens or self._tokens[0].text.lower() != word:
            return False
        self._tokens.pop(0)
        return True

    def _demand(self, word: str) -> None:
        if not self._accept(word):
            raise BadQueryError(word)


def _any_of(one: Condition, other: Condition) -> Condition:
    return lambda instance: one(instance) or other(instance)


def _all_of(one: Condition, other: Condition) -> Condition:
    return lambda instance: one(instance) and other(instance)


def _pattern(value: str | int | bool) -> re.Pattern[str]:  # noqa: FBT001 - a literal of the query
    translated = "".join(
        {"%": ".*", "_": "."}.get(each, re.escape(each)) for each in powershell.text(value)
    )
    return re.compile(translated, re.IGNORECASE | re.DOTALL)


def _compare(left: object, operator: str, right: str | int | bool) -> bool:  # noqa: FBT001
    if left is None or isinstance(left, list):
        return False
    if operator in ("=", "<>", "!="):
        return powershell.equal(left, right) is (operator == "=")
    order = _order(left, right)
    return order in {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1)}[operator]


def _moment(value: object) -> datetime | None:
    """Return a WMI date and time as a moment, None for every other value."""
    match = _DMTF.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    digits, micro, sign, minutes = match.groups()
    zone = timezone(timedelta(minutes=int(sign + minutes)))
    local = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=zone)
    return local.replace(microsecond=int(micro))


def _order(left: object, right: object) -> int | None:
    """Return -1, 0 or 1; None for what cannot be put in order."""
    moments = _moment(left), _moment(right)
    if moments[0] is not None and moments[1] is not None:
        return (moments[0] > moments[1]) - (moments[0] < moments[1])
    if isinstance(left, str):
        one, other = left.lower(), powershell.text(right).lower()
        return (one > other) - (one < other)
    number = powershell.whole_number(right)
    if not isinstance(left, int) or number is None:
        return None
    return (left > number) - (left < number)
