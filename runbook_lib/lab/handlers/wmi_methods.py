r"""Invoke-WmiMethod: a method of a class or of one instance, called as an administrator types it.

Arguments count by their place, and the places are the names in alphabetical order, not in that of
the documentation; what is not given is null. The scripts of the procedure name theirs instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.answers import Bag, ErrorReply
from runbook_lib.lab.handlers import powershell, wmi, wmi_cluster
from runbook_lib.lab.handlers.surface import (
    Answer,
    CommandError,
    Context,
    Instance,
    Method,
    WmiClass,
    answers,
)

_IMPLEMENTATION = "Microsoft.PowerShell.Commands.InvokeWmiMethod"
_DEFAULT_NAMESPACE = r"root\cimv2"
_PATH = re.compile(
    r"""(?:\\\\(?P<server>[^\\]+)\\)?(?:(?P<namespace>[^:"'.=]+):)?"""
    r"""(?P<name>\w+)\.(?P<key>\w+)=(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?\d+)\Z"""
)


@dataclass(frozen=True)
class _Target:
    """Whose method is called: a class, or one of its instances."""

    wmi_class: WmiClass
    instance: Instance | None


@answers(
    "Invoke-WmiMethod",
    parameters="Class Path Namespace Name ArgumentList",
    refuses=(
        "InputObject ComputerName Credential Impersonation Authentication Locale "
        "EnableAllPrivileges Authority AsJob ThrottleLimit WhatIf Confirm"
    ),
    implementation=_IMPLEMENTATION,
    source="documented: Invoke-WmiMethod help, order of its arguments; documented: "
    "GetNodeClusterState in scripts; inferred: error texts, the state without a service",
)
def invoke_wmi_method(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return one object with the method's output parameters and ReturnValue."""
    name = powershell.text(parameters.get("Name"))
    if _is_cluster_state(parameters, name):
        return Answer((wmi_cluster.node_cluster_state(context),))
    target = _target(context, parameters)
    method = next(
        (each for each in target.wmi_class.methods if each.name.lower() == name.lower()), None
    )
    if method is None or (target.instance is None and not method.static):
        raise CommandError(_failed("Invalid method Parameter(s) " if method else "Not found "))
    arguments = wmi.cast(method, _named(method, parameters.get("ArgumentList")))
    code = context.code_by_fault(
        "return", lambda: int(method.function(context, target.instance, arguments))
    )
    return Answer((_returned(code),))


CMDLETS = (invoke_wmi_method,)


def _is_cluster_state(parameters: Mapping[str, object], name: str) -> bool:
    namespace = powershell.text(parameters.get("Namespace")).lower()
    called = (powershell.text(parameters.get("Class")).lower(), name.lower())
    return namespace == wmi_cluster.NAMESPACE.lower() and called == wmi_cluster.NODE_CLUSTER_STATE


def _target(context: Context, parameters: Mapping[str, object]) -> _Target:
    path = powershell.text(parameters.get("Path"))
    namespace = powershell.text(parameters.get("Namespace"))
    if not path:
        name = powershell.text(parameters.get("Class"))
        return _Target(_class(namespace or _DEFAULT_NAMESPACE, name), None)
    parts = _PATH.match(path)
    if parts is None:
        raise UnsimulatedCommandError(
            "The lab reads WMI paths with one key.",
            why=f"it was given {path[:80]!r}",
            next_step="add it to runbook_lib/lab/handlers/wmi_methods.py",
        )
    if parts["server"] not in (None, ".") and parts["server"].lower() != (
        context.node.computer_name.lower()
    ):
        raise UnsimulatedCommandError(
            "The lab's WMI reaches the machine it runs on.",
            why=f"the path leads to {parts['server']}",
            next_step="ask that machine",
        )
    wmi_class = _class(parts["namespace"] or namespace or _DEFAULT_NAMESPACE, parts["name"])
    wanted = parts["value"]
    if wanted[0] in "\"'":
        wanted = re.sub(r"\\(.)", r"\1", wanted[1:-1])
    for each in wmi_class.instances(context):
        values = {key.lower(): value for key, value in each.items()}
        if powershell.text(values.get(parts["key"].lower())).lower() == wanted.lower():
            return _Target(wmi_class, each)
    raise CommandError(_failed("Not found "))


def _class(namespace: str, name: str) -> WmiClass:
    if not wmi.is_namespace(namespace):
        raise CommandError(_failed("Invalid namespace "))
    found = wmi.find(namespace, name)
    if found is None:
        raise CommandError(_failed("Invalid class "))
    return found


def _named(method: Method, given: object) -> dict[str, object]:
    """Return the arguments by their names; a value too many is nobody's."""
    values = [] if given is None else powershell.as_list(given)
    return dict(zip(sorted(method.arguments, key=str.lower), values, strict=False))


def _returned(code: int) -> Bag:
    properties = {
        "__GENUS": 2,
        "__CLASS": "__PARAMETERS",
        "__PROPERTY_COUNT": 1,
        "ReturnValue": code,
    }
    types = (
        r"System.Management.ManagementBaseObject#\__PARAMETERS",
        "System.Management.ManagementBaseObject",
        "System.ComponentModel.Component",
        "System.MarshalByRefObject",
        "System.Object",
    )
    return Bag(properties, types)


def _failed(message: str) -> ErrorReply:
    return ErrorReply(
        f"InvokeWMIManagementException,{_IMPLEMENTATION}",
        message,
        "NotSpecified",
        "System.Management.ManagementException",
    )
