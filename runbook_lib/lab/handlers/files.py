"""The file system's cmdlets, and which volume a path leads to."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.lab.answers import ErrorReply
from runbook_lib.lab.handlers import objects_file, powershell
from runbook_lib.lab.handlers.surface import Answer, Context, answers
from runbook_lib.lab.world.files import Files, drive_of

SYSTEM_DRIVE = "C:"
_ITEM_NOT_FOUND = "System.Management.Automation.ItemNotFoundException"
_COMMANDS = "Microsoft.PowerShell.Commands"


def volume(context: Context, path: str) -> Files | None:
    """Return the files that a path leads to on a node; None where nothing can be read.

    A path without a drive is one of the system's own.
    """
    drive = drive_of(path) or SYSTEM_DRIVE
    if drive == SYSTEM_DRIVE:
        return context.node.files
    return context.site.storage.files(context.node, drive)


def exists(context: Context, path: str) -> bool:
    """Tell whether a path leads to a file or a folder."""
    found = volume(context, path)
    return found is not None and found.exists(path)


@answers(
    "Get-Content",
    parameters="Path",
    refuses=(
        "LiteralPath ReadCount TotalCount Filter Include Exclude Force Credential "
        "UseTransaction Delimiter Wait Encoding"
    ),
    implementation=f"{_COMMANDS}.GetContentCommand",
    source="documented: Get-Content help; inferred: the error for a path that leads nowhere",
)
def get_content(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return a file's lines."""
    path = powershell.text(parameters.get("Path"))
    found = volume(context, path)
    if found is None or not found.is_file(path):
        return Answer((_path_not_found(path, "GetContentCommand"),))
    return Answer(found.lines(path))


@answers(
    "Set-Content",
    parameters="Path Value Encoding",
    refuses=(
        "LiteralPath PassThru Filter Include Exclude Force Credential WhatIf Confirm UseTransaction"
    ),
    implementation=f"{_COMMANDS}.SetContentCommand",
    source="documented: Set-Content help; inferred: the error for a folder that is not there",
)
def set_content(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Write a file of these lines, in place of what is there."""
    path = powershell.text(parameters.get("Path"))
    found = volume(context, path)
    if found is None or not found.is_folder(path.rpartition("\\")[0]):
        message = f"Could not find a part of the path '{path}'."
        return Answer(
            (
                ErrorReply(
                    f"GetContentWriterDirectoryNotFoundError,{_COMMANDS}.SetContentCommand",
                    message,
                    "ObjectNotFound",
                    "System.IO.DirectoryNotFoundException",
                ),
            )
        )
    values = powershell.as_list(parameters.get("Value"))
    found.write_lines(path, [powershell.text(each) for each in values if each is not None])
    context.node.changed(f"file {path}", None, "written")
    return Answer()


@answers(
    "Import-Clixml",
    parameters="Path",
    implementation=f"{_COMMANDS}.ImportClixmlCommand",
    source="documented: Import-Clixml help; inferred: the error for a file that is not there",
)
def import_clixml(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return the objects of a file, as deserialized ones."""
    path = powershell.text(parameters.get("Path"))
    found = volume(context, path)
    if found is None or not found.is_file(path):
        error = ErrorReply(
            f"System.IO.FileNotFoundException,{_COMMANDS}.ImportClixmlCommand",
            f"Could not find file '{path}'.",
            "NotSpecified",
            "System.IO.FileNotFoundException",
        )
        return Answer((error,))
    return Answer(tuple(objects_file.load(found.read(path))))


CMDLETS = (get_content, set_content, import_clixml)


def _path_not_found(path: str, command: str) -> ErrorReply:
    return ErrorReply(
        f"PathNotFound,{_COMMANDS}.{command}",
        f"Cannot find path '{path}' because it does not exist.",
        "ObjectNotFound",
        _ITEM_NOT_FOUND,
    )
