"""The kinds of fields: a type, the grammar that reads its text, and a pattern for editors.

Rule of this file: a pattern is weaker than its grammar, never stronger; an editor may overlook a
fault, it may not invent one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from runbook_lib.topology import addresses, names, values
from runbook_lib.topology.leaf import Leaf
from runbook_lib.topology.references import REFERENCE, SecretReference, parse_reference


def whole(lowest: int, highest: int, *, nullable: bool = False) -> Leaf:
    """Return the leaf of a whole number within bounds."""
    bounds: dict[str, object] = {"type": "integer", "minimum": lowest, "maximum": highest}
    return Leaf(
        values.whole_number(lowest, highest),
        values.whole_wanted(lowest, highest),
        bounds if lowest < highest else {"type": "integer", "const": lowest},
        nullable=nullable,
    )


def duration(lowest: str, highest: str) -> Leaf:
    """Return the leaf of a duration within bounds."""
    return Leaf(
        values.duration(lowest, highest),
        values.duration_wanted(lowest, highest),
        _text("^(0|[1-9][0-9]*)(ms|s|m|h)$"),
    )


def choice(words: type[StrEnum]) -> Leaf:
    """Return the leaf of an enumeration's words."""
    schema = {"type": "string", "enum": list(words)}
    return Leaf(values.one_of(words), values.listed(words), schema)


def _text(pattern: str) -> dict[str, object]:
    return {"type": "string", "pattern": pattern}


_QUAD = _text(r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$")
_REFERENCE = _text("^(env|keyring|fd|prompt|lab):.+$")
_FOLDER = _text(r"^[A-Z]:\\")

Address = Annotated[str, Leaf(addresses.parse_address, addresses.ADDRESS, _QUAD)]
Mask = Annotated[str, Leaf(addresses.parse_mask, addresses.MASK, _QUAD)]
Mac = Annotated[
    str,
    Leaf(addresses.parse_mac, addresses.MAC, _text("^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$")),
]
ComputerName = Annotated[
    str, Leaf(names.parse_computer, names.COMPUTER, _text("^[A-Za-z0-9-]{1,15}$"))
]
DomainName = Annotated[str, Leaf(names.parse_domain, names.DOMAIN, _text("^[A-Za-z0-9.-]{1,64}$"))]
LocalUser = Annotated[
    str, Leaf(names.parse_local_user, names.LOCAL_USER, _text("^[A-Za-z0-9._ -]{1,20}$"))
]
DomainUser = Annotated[
    str, Leaf(names.parse_domain_user, names.DOMAIN_USER, _text(r"^[^\\@]+[\\@][^\\@]+$"))
]
Title = Annotated[str, Leaf(names.parse_title, names.TITLE, _text("^[A-Za-z0-9 ._-]{1,32}$"))]
Unit = Annotated[
    str | None, Leaf(names.parse_unit, names.UNIT, _text("^[Oo][Uu]=.+"), nullable=True)
]
Reference = Annotated[SecretReference, Leaf(parse_reference, REFERENCE, _REFERENCE, secret=True)]
Host = Annotated[
    str | None,
    Leaf(values.parse_host, values.HOST, _text("^[A-Za-z0-9.-]{1,253}$"), nullable=True),
]
Port = Annotated[int | None, whole(1, 65535, nullable=True)]
Control = Annotated[
    str | None,
    Leaf(
        values.parse_control, values.CONTROL, _text(r"^http://127\.0\.0\.1:[0-9]+$"), nullable=True
    ),
]
Letter = Annotated[str, Leaf(values.parse_letter, values.LETTER, _text("^[D-Z]$"))]
Folder = Annotated[str, Leaf(values.parse_folder, values.FOLDER, _FOLDER)]
Media = Annotated[str, Leaf(values.parse_media, values.FOLDER, _FOLDER)]
Switch = Annotated[bool, Leaf(values.parse_switch, values.SWITCH, {"type": "boolean"})]
