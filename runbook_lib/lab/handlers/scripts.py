"""The constant scripts: known by the SHA-256 of their text, answered as they would answer.

The carriers unwrap what they carry and hand it to the very handlers that answer the bare command.
Any other text is refused, for the lab has no PowerShell of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.answers import Bag, SecretText
from runbook_lib.lab.handlers import (
    component_scripts,
    directory_script,
    exchange_scripts,
    installed,
    powershell,
    prepare_disk,
    task_scripts,
    windows_registry,
    wmi,
)
from runbook_lib.lab.handlers.surface import CommandError, Context, Ran, ScriptFunction

Parameters = Mapping[str, object]


@dataclass(frozen=True)
class Script:
    """One constant script: its file's name without .ps1 and the digest of the file's bytes."""

    name: str
    sha256: str
    source: str
    function: ScriptFunction
    label: Callable[[Parameters], str]


def find(text: str) -> Script | None:
    """Return the script with this text, or None."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return next((script for script in SCRIPTS if script.sha256 == digest), None)


def read_many(context: Context, parameters: Parameters) -> tuple[Bag, ...]:
    """Return the rows of every read, each read's followed by its closing object."""
    output: list[Bag] = []
    for number, read in enumerate(powershell.as_list(parameters.get("Reads"))):
        rows: list[Bag] = []
        error_id, text = None, None
        try:
            _read_one(context, number, read, rows)
        except CommandError as error:
            error_id, text = error.reply.error_id, error.reply.message
        closing = {"_read": number, "_rows": len(rows), "_error": error_id, "_text": text}
        output += [*rows, Bag(closing, powershell.CUSTOM)]
    return tuple(output)


def _read_one(context: Context, number: int, read: object, rows: list[Bag]) -> None:
    """Add the rows of one read; those before an error stay, as they do on the pipeline."""
    program = powershell.entry(read, "Program")
    if powershell.is_true(program):
        words = _words(powershell.entry(read, "Arguments"))
        ran = installed.run_program(context, powershell.text(program), words)
        row = {"_read": number, "ExitCode": ran.exit_code, "Output": list(ran.lines)}
        rows.append(Bag(row, powershell.CUSTOM))
        return
    parameters = powershell.entry(read, "Parameters")
    answer = installed.run_cmdlet(
        context,
        powershell.text(powershell.entry(read, "Command")),
        parameters if isinstance(parameters, Mapping) else {},
    )
    names = powershell.as_list(powershell.entry(read, "Properties"))
    if names == [None]:
        raise UnsimulatedCommandError(
            "The lab does not answer a read without its list of properties.",
            why="what Select-Object does with $null differs between versions",
            next_step="send Properties, empty for all of them",
        )
    for each in answer.until_error():
        if not isinstance(each, Bag):
            raise UnsimulatedCommandError(
                "The lab's read_many reads objects only.",
                why=f"{powershell.entry(read, 'Command')} gives {type(each).__name__}",
                next_step="add it to runbook_lib/lab/handlers/scripts.py",
            )
        kept = powershell.select(each.properties, names)
        rows.append(Bag(kept | {"_read": number}, _selected(each) if names else each.types))


def _selected(row: Bag) -> tuple[str, ...]:
    first = row.types[0] if row.types else powershell.CUSTOM[0]
    return (f"Selected.{first.partition('#')[0]}", *powershell.CUSTOM)


def _words(given: object) -> list[str]:
    """Return `[string[]]@($list)`: text of every element, an empty text for null."""
    return [powershell.text(word) for word in powershell.as_list(given)]


def _on_the_right_node(
    deed: Callable[[Context, Parameters], Ran],
    *,
    will_any_do: Callable[[Parameters], bool] = lambda _: False,
) -> Callable[[Context, Parameters], tuple[Bag, ...]]:
    """Make a deed an action script: identity first, then one object, whatever happens.

    will_any_do: whether a call without an identity is meant for every machine.
    """

    def act(context: Context, parameters: Parameters) -> tuple[Bag, ...]:
        node = context.node
        answer: dict[str, object] = {
            "Outcome": "answered",
            "MachineGuid": node.machine_guid,
            "ComputerName": node.computer_name,
            "Code": None,
            "Output": [],
            "ErrorId": None,
            "ErrorText": None,
        }
        try:
            if will_any_do(parameters) or _is_meant(context, parameters.get("Identity")):
                ran = deed(context, parameters)
                answer["Code"], answer["Output"] = ran.exit_code, list(ran.lines)
            else:
                answer["Outcome"] = "wrong node"
        except CommandError as error:
            answer["Outcome"] = "refused"
            answer["ErrorId"], answer["ErrorText"] = error.reply.error_id, error.reply.message
        return (Bag(answer, powershell.CUSTOM),)

    return act


def _is_meant(context: Context, identity: object) -> bool:
    node = context.node
    same = powershell.equal(node.machine_guid, powershell.entry(identity, "MachineGuid"))
    name = powershell.entry(identity, "ComputerName")
    return same and (not powershell.is_true(name) or powershell.equal(node.computer_name, name))


def _call_cmdlet(context: Context, parameters: Parameters) -> Ran:
    given = parameters.get("Parameters")
    answer = installed.run_cmdlet(
        context,
        powershell.text(parameters.get("Name")),
        given if isinstance(given, Mapping) else {},
    )
    return Ran(0, tuple([powershell.text(each) for each in answer.until_error()]))


def _call_wmi_method(context: Context, parameters: Parameters) -> Ran:
    return Ran(wmi.call_method(context, parameters))


def _run_program(context: Context, parameters: Parameters) -> Ran:
    given = powershell.as_list(parameters.get("Arguments"))
    words = [powershell.text(word) for word in given if word is not None]
    return installed.run_program(context, powershell.text(parameters.get("Program")), words)


def _write_registry_lists(context: Context, parameters: Parameters) -> Ran:
    for each in powershell.as_list(parameters.get("Lists")):
        path = powershell.entry(each, "Path")
        if windows_registry.test_path.function(context, {"Path": path}).output == (False,):
            windows_registry.new_item.function(context, {"Path": path, "Force": True})
        values = _words(powershell.entry(each, "Values"))
        answer = windows_registry.new_item_property.function(
            context,
            {
                "Path": path,
                "Name": powershell.entry(each, "Name"),
                "PropertyType": "MultiString",
                "Value": values,
                "Force": True,
            },
        )
        for _ in answer.until_error():
            continue
    return Ran(0)


def _label_reads(parameters: Parameters) -> str:
    labels = []
    for read in powershell.as_list(parameters.get("Reads")):
        if not isinstance(read, Mapping):
            continue
        words: list[object] = [read.get("Program") or read.get("Command")]
        words += powershell.as_list(read.get("Arguments") or [])
        inner = read.get("Parameters")
        words += list(inner.values()) if isinstance(inner, Mapping) else []
        labels.append(" ".join(_shown(word) for word in words))
    return "; ".join(labels)


def _label_program(parameters: Parameters) -> str:
    words = powershell.as_list(parameters.get("Arguments"))
    return " ".join([_shown(parameters.get("Program")), *map(_shown, words)])


def _label_lists(parameters: Parameters) -> str:
    lists = powershell.as_list(parameters.get("Lists"))
    return "; ".join(
        f"{each.get('Path')} {each.get('Name')}" for each in lists if isinstance(each, Mapping)
    )


def _shown(word: object) -> str:
    return "***" if isinstance(word, SecretText) else powershell.text(word)


SCRIPTS = (
    Script(
        "read_many",
        "ca6f9e990dfaa391a9bb3808bda9fe64722d7cb538470a05f4c3a66434797925",
        "documented: the script's own text",
        read_many,
        _label_reads,
    ),
    Script(
        "call_cmdlet",
        "005ab353a08d17edc33df17f5b3947b8084e6ebb0cd1883b4eae3a98c4908f52",
        "documented: the script's own text",
        _on_the_right_node(_call_cmdlet),
        lambda parameters: _shown(parameters.get("Name")),
    ),
    Script(
        "call_wmi_method",
        "686bcf003857b71d2de8248d8be61656371f35286931303b1418f7a546f90fee",
        "documented: the script's own text; inferred: errors of WMI",
        _on_the_right_node(_call_wmi_method),
        lambda parameters: f"{parameters.get('Class')}.{parameters.get('Method')}",
    ),
    Script(
        "run_program",
        "1fe8b90149fbfe1b5681331274e20c674fe80feab5d3fcfff163f864e7555146",
        "documented: the script's own text",
        _on_the_right_node(_run_program),
        _label_program,
    ),
    Script(
        "write_registry_lists",
        "38471d58cf766aa1148664fbd54d539d05ee6de46fddc2cb927fc2cc977a20bd",
        "documented: the script's own text",
        _on_the_right_node(_write_registry_lists),
        _label_lists,
    ),
    Script(
        "start_task",
        "04a1d8c4dac008a6d96196e9f8faa93011539d28fd69160da35a9b475e75e8bd",
        "documented: the script's own text",
        _on_the_right_node(task_scripts.start_task, will_any_do=task_scripts.is_of_a_read),
        task_scripts.label,
    ),
    Script(
        "run_detached",
        "5a76be473b6d7b7bc699d3d6130cb5ef94d9544c99072c83ad1aa90ce3035615",
        "documented: the script's own text",
        task_scripts.run_detached,
        lambda _: "",
    ),
    Script(
        "end_task",
        "b2337cde1ffb9f4aed015f86f9ca9a0af4e800b91d7d7267fa334ec72ab42f2e",
        "documented: the script's own text",
        _on_the_right_node(task_scripts.end_task, will_any_do=task_scripts.is_unnamed),
        task_scripts.label,
    ),
    Script(
        "read_components",
        "2175eedb05523e04747206679de84b2c9a5f0df42326b126498be80cb530250b",
        "documented: the script's own text; inferred: which versions of files an image has",
        component_scripts.read_components,
        lambda _: "",
    ),
    Script(
        "install_components",
        "69ff99f1dca03e2f6eef46ccdc38864e615f817277bbbe6ee0fb73c3f494ef98",
        "documented: the script's own text",
        _on_the_right_node(component_scripts.install_components),
        lambda _: "sysocmgr.exe",
    ),
    Script(
        "read_directory",
        "5ded31ed7b2dfc103a158932f7f6f7ede8d82929bc1f7f4a9f77adddb52e2037",
        directory_script.SOURCE,
        directory_script.read_directory,
        directory_script.label,
    ),
    Script(
        "prepare_disk",
        "fb5df922592c43f26617970c3fe2cc4bad21a0debbc3676a11899f83bbf03a67",
        "documented: the script's own text",
        _on_the_right_node(prepare_disk.prepare_disk),
        prepare_disk.label,
    ),
    Script(
        "read_exchange",
        "829a37388be74b4a524fc216765e38e2ff1a38d65ae0fdedbbfabc4885503cdc",
        "documented: the script's own text",
        exchange_scripts.read_exchange,
        exchange_scripts.label_read,
    ),
    Script(
        "call_exchange",
        "43257a4d863b4728773bde893b31a920ef5a5069d4f1c71a1fb0730009f1c965",
        "documented: the script's own text; inferred: how often its watch looks",
        exchange_scripts.call_exchange,
        exchange_scripts.label_call,
    ),
)
"""The only list of scripts that a node takes."""
