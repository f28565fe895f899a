"""Objects in a file, as Export-Clixml keeps them and Import-Clixml gives them back.

The lab writes them in a form of its own: nobody reads such a file but these two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.lab.answers import Bag, SecretText
from runbook_lib.lab.handlers import powershell

DESERIALIZED = (
    "Deserialized.System.Management.Automation.PSCustomObject",
    "Deserialized.System.Object",
)


def dump(objects: Sequence[object]) -> str:
    """Return objects as the text of a file; a secret in them is refused."""
    return json.dumps([encoded(each) for each in objects])


def load(text: str) -> list[object]:
    """Return the objects of a file."""
    return [decoded(each) for each in json.loads(text)]


def encoded(value: object) -> Any:
    """Return a value as plain JSON, tables and objects told apart."""
    if isinstance(value, SecretText):
        raise TypeError("a secret cannot be kept in a file of objects")
    if isinstance(value, Bag):
        return {"object": {name: encoded(each) for name, each in value.properties.items()}}
    if isinstance(value, Mapping):
        return {"table": {str(name): encoded(each) for name, each in value.items()}}
    if isinstance(value, list | tuple):
        return [encoded(each) for each in value]
    if value is None or isinstance(value, str | int | bool):
        return value
    return powershell.text(value)


def decoded(value: Any) -> object:
    """Return what `encoded` was given; objects come back as deserialized ones."""
    if isinstance(value, list):
        return [decoded(each) for each in value]
    if isinstance(value, dict) and "object" in value:
        return Bag({name: decoded(each) for name, each in value["object"].items()}, DESERIALIZED)
    if isinstance(value, dict):
        return {name: decoded(each) for name, each in value["table"].items()}
    return value
