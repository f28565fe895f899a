"""A leaf of the parameter file: text with a place, and the annotation that parses it.

Rules of this file: a leaf is text until its field's grammar has read it, whatever YAML or Python
would have made of it; a leaf that parsed is noted under its path, so that the rules across
fields can be asked although other leaves have failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from runbook_lib.topology.faults import (
    PLACEHOLDER,
    PRINTABLE,
    UnfitError,
    first_outside,
    quoted,
    with_character,
)

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
UNFIT = "unfit"


@dataclass(frozen=True)
class Scalar:
    """A text of the file. plain: written without quotes, so that null can be meant."""

    text: str
    path: str = ""
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """Return whether YAML takes it for nothing."""
        return self.plain and self.text in NULLS


@dataclass(frozen=True)
class Leaf:
    """Parse a field's text with `parse`, which raises UnfitError.

    wanted: what the field takes, for a text that cannot be read at all.
    schema: the field's JSON Schema, for editors. secret: its text is never shown.
    """

    parse: Callable[[str], Any]
    wanted: str
    schema: Mapping[str, Any]
    nullable: bool = False
    secret: bool = False

    def read(self, scalar: Scalar) -> Any:
        """Return the value, or raise UnfitError with `found` filled in."""
        if scalar.is_null:
            if self.nullable:
                return None
            raise UnfitError(self.wanted, "nothing")
        try:
            self._refuse_odd(scalar.text)
            return self.parse(scalar.text)
        except UnfitError as error:
            hidden = "a text (not shown)" if self.secret else quoted(scalar.text)
            wanted = f"null or {error.wanted}" if self.nullable else error.wanted
            raise UnfitError(wanted, error.found or hidden) from None

    def _refuse_odd(self, text: str) -> None:
        if PLACEHOLDER.fullmatch(text):
            found = "a placeholder" if self.secret else f"the placeholder {quoted(text)}"
            raise UnfitError(self.wanted, found)
        place = first_outside(text, PRINTABLE)
        if place is not None and not self.secret:
            raise UnfitError(self.wanted, with_character(text, place))

    def _validate(self, value: object, info: ValidationInfo) -> Any:
        try:
            scalar = _as_scalar(value, self.wanted)
            parsed = self.read(scalar)
        except UnfitError as error:
            context = {"found": error.found or "", "wanted": error.wanted}
            raise PydanticCustomError(UNFIT, "found {found}, wanted {wanted}", context) from None
        if isinstance(info.context, dict) and scalar.path:
            info.context[scalar.path] = parsed
        return parsed

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Let pydantic call the grammar, and nothing but the grammar."""
        return core_schema.with_info_plain_validator_function(self._validate)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return what an editor checks; weaker than the grammar, never stronger."""
        if not self.nullable:
            return dict(self.schema)
        return {"anyOf": [dict(self.schema), {"type": "null"}]}


def _as_scalar(value: object, wanted: str) -> Scalar:
    """Return a value as the text that would stand for it in a file.

    Values of Python are taken too, so that a topology can be made from a model's own dump.
    """
    if isinstance(value, Scalar):
        return value
    if isinstance(value, Enum):
        return Scalar(str(value.value), plain=False)
    if isinstance(value, str):
        return Scalar(value, plain=False)
    if value is None:
        return Scalar("null")
    if isinstance(value, bool):
        return Scalar(str(value).lower())
    if isinstance(value, int):
        return Scalar(str(value))
    if isinstance(value, float):
        return Scalar(f"{round(value * 1000)}ms")
    kind = "a mapping" if isinstance(value, dict) else "a list"
    raise UnfitError(wanted, kind)
