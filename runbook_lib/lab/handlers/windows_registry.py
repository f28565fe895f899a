"""The registry provider's cmdlets: reading, making and writing keys and values."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.answers import Bag, ErrorReply
from runbook_lib.lab.handlers import files, powershell
from runbook_lib.lab.handlers.surface import Answer, CommandError, Context, answers
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.files import drive_of
from runbook_lib.lab.world.windows_registry import Data, as_plain

_HIVE = "HKEY_LOCAL_MACHINE"
_PROVIDER = r"Microsoft.PowerShell.Core\Registry"
_GET = "Microsoft.PowerShell.Commands.GetItemPropertyCommand"
_NEW = "Microsoft.PowerShell.Commands.NewItemPropertyCommand"
_SET = "Microsoft.PowerShell.Commands.SetItemPropertyCommand"
_KINDS = ("string", "expandstring", "dword", "multistring")


@answers(
    "Get-ItemProperty",
    parameters="Path Name",
    refuses="LiteralPath Filter Include Exclude Credential UseTransaction",
    implementation=_GET,
    source="documented: Get-ItemProperty help; inferred: that a key without values gives no object",
)
def get_item_property(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return one object with a key's values, or with the named ones."""
    path = _local(parameters, _GET)
    registry = context.node.registry
    if not registry.has_key(path):
        return Answer((_path_not_found(parameters, _GET),))
    found: dict[str, object] = {}
    for value in registry.values(path):
        found[value.name] = list(value.data) if isinstance(value.data, tuple) else value.data
    if path.lower() == places.CRYPTOGRAPHY.lower() and "MachineGuid" in found:
        found["MachineGuid"] = context.node.machine_guid
    errors: list[ErrorReply] = []
    if parameters.get("Name") is not None:
        asked = [powershell.text(name) for name in powershell.as_list(parameters["Name"])]
        wanted = {name.lower() for name in asked}
        missing = [name for name in asked if name.lower() not in {key.lower() for key in found}]
        errors = [_no_property(name, path) for name in missing]
        found = {name: value for name, value in found.items() if name.lower() in wanted}
    # A key without values gives no object at all.
    row = [Bag(found | _provider_properties(context, path), powershell.CUSTOM)] if found else []
    return Answer((*errors, *row))


@answers(
    "Test-Path",
    parameters="Path",
    refuses=("LiteralPath Filter Include Exclude PathType IsValid Credential UseTransaction"),
    implementation="Microsoft.PowerShell.Commands.TestPathCommand",
    source="documented: Test-Path help",
)
def test_path(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return whether a key, a file or a folder exists."""
    given = powershell.text(parameters.get("Path"))
    if drive_of(given):
        return Answer((files.exists(context, given),))
    path = _local(parameters, "Microsoft.PowerShell.Commands.TestPathCommand")
    return Answer((context.node.registry.has_key(path),))


@answers(
    "New-Item",
    parameters="Path Force",
    refuses="Name ItemType Value Credential UseTransaction WhatIf Confirm",
    implementation="Microsoft.PowerShell.Commands.NewItemCommand",
    source="documented: New-Item help; inferred: that Force empties an existing key",
)
def new_item(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Make a key; with Force an existing one is made anew, empty."""
    implementation = "Microsoft.PowerShell.Commands.NewItemCommand"
    path = _local(parameters, implementation)
    registry = context.node.registry
    existed = registry.has_key(path)
    if existed and not powershell.is_true(parameters.get("Force")):
        message = "A key in this path already exists."
        return Answer(
            (
                ErrorReply(
                    f"System.IO.IOException,{implementation}",
                    message,
                    "ResourceExists",
                    "System.IO.IOException",
                ),
            )
        )
    registry.remove_key(path)
    registry.make_key(path)
    context.node.changed(f"key {path}", existed, after=True)
    return Answer((Bag({"Name": f"{_HIVE}\\{path}", "PSChildName": path.split("\\")[-1]}),))


@answers(
    "New-ItemProperty",
    parameters="Path Name PropertyType Value Force",
    refuses="LiteralPath Filter Include Exclude Credential UseTransaction WhatIf Confirm",
    implementation=_NEW,
    source="documented: New-ItemProperty help; inferred: error texts",
)
def new_item_property(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Make a value; an existing one is replaced with Force only."""
    path, name = _local(parameters, _NEW), powershell.text(parameters.get("Name"))
    if not context.node.registry.has_key(path):
        return Answer((_path_not_found(parameters, _NEW),))
    exists = context.node.registry.get(path, name) is not None
    if exists and not powershell.is_true(parameters.get("Force")):
        error = ErrorReply(
            f"System.IO.IOException,{_NEW}",
            "The property already exists.",
            "ResourceExists",
            "System.IO.IOException",
        )
        return Answer((error,))
    kind = powershell.text(parameters.get("PropertyType")).lower() or "string"
    data = _data(kind, parameters.get("Value"))
    _write(context, path, name, data)
    kept = list(data) if isinstance(data, tuple) else data
    row = {name: kept} | _provider_properties(context, path)
    return Answer((Bag(row, powershell.CUSTOM),))


@answers(
    "Set-ItemProperty",
    parameters="Path Name Value Type",
    refuses=(
        "LiteralPath InputObject PassThru Force Filter Include Exclude Credential "
        "UseTransaction WhatIf Confirm"
    ),
    implementation=_SET,
    source="documented: Set-ItemProperty help; inferred: the kind of a new value",
)
def set_item_property(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Write a value, making it where it is missing."""
    path, name = _local(parameters, _SET), powershell.text(parameters.get("Name"))
    if not context.node.registry.has_key(path):
        return Answer((_path_not_found(parameters, _SET),))
    value = parameters.get("Value")
    kind = powershell.text(parameters.get("Type")).lower() or _kind_of(context, path, name, value)
    _write(context, path, name, _data(kind, value))
    return Answer()


CMDLETS = (get_item_property, test_path, new_item, new_item_property, set_item_property)


def _local(parameters: Mapping[str, object], implementation: str) -> str:
    """Return a path below HKEY_LOCAL_MACHINE; refuse every other provider and drive."""
    given = parameters.get("Path")
    if not given:
        raise CommandError(
            ErrorReply(
                f"ParameterArgumentValidationErrorNullNotAllowed,{implementation}",
                "Cannot bind argument to parameter 'Path' because it is null.",
                "InvalidData",
                "System.Management.Automation.ParameterBindingValidationException",
            )
        )
    text = powershell.text(given)
    bare = text.removeprefix("Microsoft.PowerShell.Core\\").removeprefix("Registry::")
    for start in ("HKLM:\\", f"{_HIVE}\\"):
        if bare.upper().startswith(start.upper()) and not set(bare) & set("*?["):
            return bare[len(start) :].strip("\\")
    raise UnsimulatedCommandError(
        f"The lab has nothing at {text}.",
        why="only single keys below HKLM: are simulated, without wildcards",
        next_step="add it to runbook_lib/lab/handlers/windows_registry.py",
    )


def _provider_properties(context: Context, path: str) -> dict[str, object]:
    spelt = context.node.registry.spelling(path)
    parent, _, child = spelt.rpartition("\\")
    return {
        "PSPath": rf"{_PROVIDER}::{_HIVE}\{spelt}",
        "PSParentPath": rf"{_PROVIDER}::{_HIVE}\{parent}".rstrip("\\"),
        "PSChildName": child,
        "PSDrive": "HKLM",
        "PSProvider": _PROVIDER,
    }


def _write(context: Context, path: str, name: str, data: Data) -> None:
    old = context.node.registry.get(path, name)
    context.node.registry.put(path, name, data)
    context.node.changed(rf"{path}\{name}", as_plain(old.data) if old else None, as_plain(data))


def _data(kind: str, value: object) -> Data:
    if kind not in _KINDS:
        raise UnsimulatedCommandError(
            f"The lab's registry has no values of type {kind}.",
            why=f"it knows {', '.join(_KINDS)}",
            next_step="add it to runbook_lib/lab/world/windows_registry.py",
        )
    if kind == "multistring":
        return tuple(powershell.text(each) for each in powershell.as_list(value))
    return int(powershell.text(value)) if kind == "dword" else powershell.text(value)


def _kind_of(context: Context, path: str, name: str, value: object) -> str:
    old = context.node.registry.get(path, name)
    sample = old.data if old else value
    if isinstance(sample, list | tuple):
        return "multistring"
    return "dword" if isinstance(sample, int) else "string"


def _path_not_found(parameters: Mapping[str, object], implementation: str) -> ErrorReply:
    path = powershell.text(parameters["Path"])
    return ErrorReply(
        f"PathNotFound,{implementation}",
        f"Cannot find path '{path}' because it does not exist.",
        "ObjectNotFound",
        "System.Management.Automation.ItemNotFoundException",
    )


def _no_property(name: str, path: str) -> ErrorReply:
    return ErrorReply(
        f"System.Management.Automation.PSArgumentException,{_GET}",
        rf"Property {name} does not exist at path {_HIVE}\{path}.",
        "InvalidArgument",
        "System.Management.Automation.PSArgumentException",
    )
