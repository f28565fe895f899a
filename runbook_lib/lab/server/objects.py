"""PowerShell objects on the wire <-> the plain values of `answers`.

Facts behind the choices: a type name list must end in System.Object, or clients fall back to raw
XML; an exception without a text of its own prints its type; an integer takes the smallest of the
two common widths, since a node answers Int32 where it fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from psrpcore.types import (
    ErrorCategory,
    ErrorCategoryInfo,
    ErrorRecord,
    NETException,
    PSByteArray,
    PSChar,
    PSCustomObject,
    PSDict,
    PSDouble,
    PSGuid,
    PSInt,
    PSInt64,
    PSList,
    PSNoteProperty,
    PSObject,
    PSSecureString,
    PSString,
    PSUInt64,
    PSVersion,
)

from runbook_lib.lab.answers import Bag, ErrorReply, SecretText

_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)
_CUSTOM_OBJECT = "System.Management.Automation.PSCustomObject"
_SCALARS: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (PSSecureString, lambda value: SecretText(str.__str__(value.decrypt()))),
    (bool, bool),
    (PSChar, str),
    (str, str.__str__),  # makes a str proper of psrpcore's
    (int, int),
    (float, float),
    (PSGuid, str),
    (PSVersion, str),
)
_WITHOUT_PLAIN_FORM = (bytes, date, timedelta, Decimal)


class UnsupportedValueError(ValueError):
    """A value has no form on the other side; says which type it was, never its content."""


def plain(value: Any) -> object:
    """Return the plain value of a deserialised PowerShell object."""
    if value is None:
        return None
    for kind, convert in _SCALARS:
        if isinstance(value, kind):
            return convert(value)
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, PSObject) and not isinstance(value, _WITHOUT_PLAIN_FORM):
        return _plain_bag(value)
    raise UnsupportedValueError(type(value).__name__)


def powershell(value: object) -> Any:
    """Return what psrpcore serialises for a plain value; None stays None."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, SecretText):
        return PSSecureString(value.reveal())
    if isinstance(value, str):
        return PSString(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return PSDouble(value)
    if isinstance(value, bytes):
        return PSByteArray(value)
    if isinstance(value, Bag):
        return _bag(value)
    if isinstance(value, Mapping):
        return PSDict({powershell(key): powershell(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return PSList([powershell(item) for item in value])
    raise UnsupportedValueError(type(value).__name__)


def error_record(reply: ErrorReply, command: str) -> ErrorRecord:
    """Return the error record for `reply`; `command` is the name that the record's category shows.

    Its invocation details are left out: they would echo arguments, and clients choke on them.
    """
    exception = NETException(Message=reply.message, HResult=-2146233087)
    exception.PSObject.type_names = _ending_in_object((reply.exception, "System.Exception"))
    exception.PSObject.to_string = reply.message
    category = ErrorCategoryInfo(
        Category=ErrorCategory[reply.category],
        Activity=command,
        Reason=reply.exception.rpartition(".")[2],
        TargetName="",
        TargetType="",
    )
    record = ErrorRecord(
        Exception=exception,
        CategoryInfo=category,
        FullyQualifiedErrorId=reply.error_id,
    )
    record.PSObject.to_string = reply.message
    return record


def _plain_bag(value: PSObject) -> Bag:
    described = value.PSObject
    properties = {}
    for item in (*described.adapted_properties, *described.extended_properties):
        properties[str(item.name)] = plain(item.get_value(value))
    return Bag(properties, tuple(str(name) for name in described.type_names))


def _integer(value: int) -> Any:
    if value in _INT32:
        return PSInt(value)
    if value in _INT64:
        return PSInt64(value)
    return PSUInt64(value)


def _bag(bag: Bag) -> PSCustomObject:
    made = PSCustomObject()
    # Every look at an attribute of a PSObject goes through all its properties.
    described = made.PSObject
    described.type_names = _ending_in_object(bag.types or (_CUSTOM_OBJECT,))
    described.extended_properties = [
        PSNoteProperty(name, powershell(item)) for name, item in bag.properties.items()
    ]
    return made


def _ending_in_object(types: tuple[str, ...]) -> list[str]:
    names = list(dict.fromkeys(types))
    if names[-1] not in {"System.Object", "Deserialized.System.Object"}:
        names.append("System.Object")
    return names
