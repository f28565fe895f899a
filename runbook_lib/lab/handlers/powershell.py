"""The rules of PowerShell 2.0 itself that decide an answer: truth, text, equality, its errors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from runbook_lib.lab.answers import Bag, ErrorReply, SecretText
from runbook_lib.lab.handlers.surface import CommandError

_DECIMAL = re.compile(r"[+-]?[0-9]+")
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")

CUSTOM = ("System.Management.Automation.PSCustomObject", "System.Object")


def is_true(value: object) -> bool:
    """Tell what `if ($value)` decides: one element counts by itself, more are true."""
    if isinstance(value, list | tuple):
        return is_true(value[0]) if len(value) == 1 else bool(value)
    return bool(value)


def text(value: object) -> str:
    """Return what `[string]$value` gives."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, SecretText):
        return value.reveal()
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, list | tuple):
        return " ".join(text(each) for each in value)
    if isinstance(value, Bag):
        pairs = "; ".join(f"{name}={text(each)}" for name, each in value.properties.items())
        return f"@{{{pairs}}}"
    if isinstance(value, dict):
        return "System.Collections.Hashtable"
    return str(value)


def equal(left: object, right: object) -> bool:
    """Tell what `$left -eq $right` decides for single values: the left type rules."""
    if isinstance(left, str):
        return right is not None and text(left).lower() == text(right).lower()
    if isinstance(left, bool):
        return right is not None and left == is_true(right)
    if isinstance(left, int):
        return right is not None and left == whole_number(right)
    return left is right


def whole_number(value: object) -> int | None:
    """Return what a cast to an integer type gives before its range counts; None for no number."""
    if value is None:
        return 0
    if isinstance(value, int):
        return int(value)
    if not isinstance(value, str):
        return None
    digits = value.strip()
    if not digits:
        return 0
    if _HEXADECIMAL.fullmatch(digits):
        return int(digits, 16)
    return int(digits) if _DECIMAL.fullmatch(digits) else None


def unsigned(value: object, bits: int) -> int:
    """Return `[uint16]$value` and its like; CommandError for what they refuse."""
    kind = f"System.UInt{bits}"
    if isinstance(value, list | tuple | dict):
        given = "System.Collections.ArrayList"
        message = f'Cannot convert the "{given}" value of type "{given}" to type "{kind}".'
        raise CommandError(_cast_failed("ConvertToFinalInvalidCastException", message))
    number = whole_number(value)
    if number is not None and 0 <= number < 2**bits:
        return number
    why = f"Value was either too large or too small for a UInt{bits}."
    if number is None:
        why = "Input string was not in a correct format."
    text_or_number = "FromStringToInteger" if isinstance(value, str) else "IConvertible"
    message = f'Cannot convert value "{text(value)}" to type "{kind}". Error: "{why}"'
    raise CommandError(_cast_failed(f"InvalidCast{text_or_number}", message))


def as_list(value: object) -> list[object]:
    """Return what `@($value)` gives."""
    if isinstance(value, list | tuple):
        return list(value)
    return [value]


def entry(table: object, key: str) -> object:
    """Return `$table['key']`; without a table the error that PowerShell gives."""
    if table is None:
        raise CommandError(
            ErrorReply(
                "NullArray",
                "Cannot index into a null array.",
                "InvalidOperation",
                "System.Management.Automation.RuntimeException",
            )
        )
    if not isinstance(table, Mapping):
        raise TypeError(f"a hashtable was expected, not {type(table).__name__}")
    return next((value for name, value in table.items() if str(name).lower() == key.lower()), None)


def select(properties: Mapping[str, object], names: Sequence[object]) -> dict[str, object]:
    """Return what `Select-Object -Property names` keeps; a missing property is null."""
    if not names:
        return dict(properties)
    spelling: dict[str, str] | None = None
    kept: dict[str, object] = {}
    for asked in names:
        name = text(asked)
        if name not in properties:
            spelling = spelling or {known.lower(): known for known in properties}
            name = spelling.get(name.lower(), name)
        if name in kept:
            raise CommandError(
                ErrorReply(
                    "AlreadyExistingUserSpecifiedPropertyNoExpand,"
                    "Microsoft.PowerShell.Commands.SelectObjectCommand",
                    f'Property cannot be processed because property "{name}" already exists.',
                    "InvalidOperation",
                    "System.Management.Automation.PSArgumentException",
                )
            )
        kept[name] = properties.get(name)
    return kept


def unknown_command(name: str) -> ErrorReply:
    """Return the error for a name that is neither cmdlet nor program."""
    return ErrorReply(
        "CommandNotFoundException",
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or "
        "operable program. Check the spelling of the name, or if a path was included, verify that "
        "the path is correct and try again.",
        "ObjectNotFound",
        "System.Management.Automation.CommandNotFoundException",
    )


def unknown_parameter(name: str, implementation: str) -> ErrorReply:
    """Return the error for a parameter that a cmdlet does not have."""
    return ErrorReply(
        f"NamedParameterNotFound,{implementation}",
        f"A parameter cannot be found that matches parameter name '{name}'.",
        "InvalidArgument",
        "System.Management.Automation.ParameterBindingException",
    )


def ambiguous_parameter(name: str, matches: Sequence[str], implementation: str) -> ErrorReply:
    """Return the error for the beginning of several parameters."""
    listed = " ".join(f"-{match}" for match in sorted(matches))
    return ErrorReply(
        f"AmbiguousParameter,{implementation}",
        f"Parameter cannot be processed because the parameter name '{name}' is ambiguous. "
        f"Possible matches include: {listed}.",
        "InvalidArgument",
        "System.Management.Automation.ParameterBindingException",
    )


def no_command(name: object) -> ErrorReply:
    """Return the error for `& $name` where the name is empty or null."""
    return ErrorReply(
        "BadExpression",
        "The expression after '&' in a pipeline element produced an invalid object. "
        "It must result in a command name, script block or CommandInfo object.",
        "InvalidOperation" if name is None else "ObjectNotFound",
        "System.Management.Automation.RuntimeException",
    )


def thrown(message: str) -> ErrorReply:
    """Return the error for `throw "message"`: its identifier is the text itself."""
    return ErrorReply(
        message, message, "OperationStopped", "System.Management.Automation.RuntimeException"
    )


def method_failed(name: str, count: int, message: str) -> ErrorReply:
    """Return the error for a .NET method that raised."""
    return ErrorReply(
        "DotNetMethodException",
        f'Exception calling "{name}" with "{count}" argument(s): "{message}"',
        "NotSpecified",
        "System.Management.Automation.MethodInvocationException",
    )


def _cast_failed(error_id: str, message: str) -> ErrorReply:
    return ErrorReply(
        error_id, message, "NotSpecified", "System.Management.Automation.PSInvalidCastException"
    )
