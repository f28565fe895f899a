"""Get-WmiObject, and the calling of WMI methods.

A class is a function that gives its instances; which classes there are stands in CLASSES.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.lab.answers import Bag, ErrorReply, SecretText
from runbook_lib.lab.handlers import (
    powershell,
    wmi_cluster,
    wmi_computer,
    wmi_disks,
    wmi_files,
    wmi_network,
    wql,
)
from runbook_lib.lab.handlers.surface import (
    Answer,
    CommandError,
    Context,
    Instance,
    Method,
    WmiClass,
    answers,
)

CLASSES: tuple[WmiClass, ...] = (
    *wmi_cluster.CLASSES,
    *wmi_computer.CLASSES,
    *wmi_disks.CLASSES,
    *wmi_files.CLASSES,
    *wmi_network.CLASSES,
)

_GET_WMI_OBJECT = "Microsoft.PowerShell.Commands.GetWmiObjectCommand"
_DEFAULT_NAMESPACE = r"root\cimv2"
_UINT_BITS = {"UInt16": 16, "UInt32": 32, "UInt64": 64}


@answers(
    "Get-WmiObject",
    parameters="Class Namespace Filter",
    refuses=(
        "Property Query Amended DirectRead List Recurse Locale EnableAllPrivileges Authority "
        "Impersonation Authentication Credential ComputerName AsJob ThrottleLimit"
    ),
    implementation=_GET_WMI_OBJECT,
    source="documented: Get-WmiObject help of PowerShell 2.0; inferred: error texts",
)
def get_wmi_object(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return the instances of a class that fit the filter, in the order of their provider."""
    namespace = powershell.text(parameters.get("Namespace")) or _DEFAULT_NAMESPACE
    name = powershell.text(parameters.get("Class"))
    if not is_namespace(namespace):
        return Answer((_management_error("Invalid namespace"),))
    wmi_class = find(namespace, name)
    if wmi_class is None:
        return Answer((_management_error("Invalid class"),))
    instances = wmi_class.instances(context)
    condition = powershell.text(parameters.get("Filter"))
    if condition:
        try:
            fits = wql.parse(condition, instances[0] if instances else {})
        except wql.BadQueryError:
            return Answer((_management_error("Invalid query"),))
        instances = [each for each in instances if fits(each)]
    return Answer(tuple(_object(context, wmi_class, each) for each in instances))


def is_namespace(namespace: str) -> bool:
    """Tell whether a namespace exists on the nodes."""
    return any(_same(namespace, each.namespace) for each in CLASSES)


def find(namespace: str, name: str) -> WmiClass | None:
    """Return a class, or None."""
    for each in CLASSES:
        if _same(namespace, each.namespace) and each.name.lower() == name.lower():
            return each
    return None


def call_method(context: Context, parameters: Mapping[str, object]) -> int:
    """Return the ReturnValue of a method, called as `call_wmi_method.ps1` calls it.

    Raises CommandError where the script would end in its `catch`.
    """
    namespace, class_name = (
        powershell.text(parameters.get(name)) for name in ("Namespace", "Class")
    )
    key_property = powershell.text(parameters.get("KeyProperty"))
    target: Instance | None = None
    if key_property:
        target = _only(context, namespace, class_name, key_property, parameters.get("KeyValue"))
    wmi_class = find(namespace, class_name)
    name = powershell.text(parameters.get("Method"))
    if wmi_class is None:
        # The class object is fetched with the signature, so this is where it fails.
        raise CommandError(powershell.method_failed("GetMethodParameters", 1, "Not found "))
    found = next((each for each in wmi_class.methods if each.name.lower() == name.lower()), None)
    if found is None:
        raise CommandError(powershell.method_failed("GetMethodParameters", 1, "Not found "))
    arguments = cast(found, parameters.get("Arguments"))
    if target is None and not found.static:
        raise CommandError(
            powershell.method_failed("InvokeMethod", 3, "Invalid method Parameter(s) ")
        )
    return context.code_by_fault("return", lambda: int(found.function(context, target, arguments)))


def _only(context: Context, namespace: str, name: str, key: str, wanted: object) -> Instance:
    answer = get_wmi_object.function(context, {"Namespace": namespace, "Class": name})
    for _ in answer.until_error():
        break
    wmi_class = find(namespace, name)
    instances = wmi_class.instances(context) if wmi_class else ()
    targets = [each for each in instances if powershell.equal(_property(each, key), wanted)]
    if len(targets) != 1:
        message = f"{len(targets)} instances of {name} have {key} = {powershell.text(wanted)}"
        raise CommandError(powershell.thrown(message))
    return targets[0]


def _property(instance: Instance, name: str) -> object:
    return next((value for key, value in instance.items() if key.lower() == name.lower()), None)


def cast(method: Method, given: object) -> dict[str, object]:
    """Return the arguments in the types and the spelling of the method's signature."""
    cast: dict[str, object] = dict.fromkeys(method.arguments)
    for name, value in given.items() if isinstance(given, Mapping) else ():
        spelling = next((each for each in cast if each.lower() == str(name).lower()), None)
        if spelling is None:
            raise CommandError(_not_in_signature(str(name)))
        cast[spelling] = _cast(method.arguments[spelling], value)
    return cast


def _cast(kind: str, value: object) -> object:
    plain = value.reveal() if isinstance(value, SecretText) else value
    if plain is None:
        return None
    if kind.endswith("[]"):
        return [_cast_one(kind[:-2], each) for each in powershell.as_list(plain)]
    return _cast_one(kind, plain)


def _cast_one(kind: str, value: object) -> object:
    if kind == "String":
        return powershell.text(value)
    if kind == "Boolean":
        return powershell.is_true(value)
    return powershell.unsigned(value, _UINT_BITS[kind])


def _object(context: Context, wmi_class: WmiClass, instance: Instance) -> Bag:
    server = context.node.computer_name
    key = instance[wmi_class.key]
    quoted = str(key)
    if isinstance(key, str):
        escaped = key.replace("\\", r"\\").replace('"', r"\"")
        quoted = f'"{escaped}"'
    relative = f"{wmi_class.name}.{wmi_class.key}={quoted}"
    system = {
        "__GENUS": 2,
        "__CLASS": wmi_class.name,
        "__RELPATH": relative,
        "__PROPERTY_COUNT": len(instance),
        "__SERVER": server,
        "__NAMESPACE": wmi_class.namespace,
        "__PATH": rf"\\{server}\{wmi_class.namespace}:{relative}",
    }
    types = (
        rf"System.Management.ManagementObject#{wmi_class.namespace}\{wmi_class.name}",
        "System.Management.ManagementObject",
        "System.Management.ManagementBaseObject",
        "System.ComponentModel.Component",
        "System.MarshalByRefObject",
        "System.Object",
    )
    return Bag({**instance, **system}, types)


def _management_error(message: str) -> ErrorReply:
    return ErrorReply(
        f"GetWMIManagementException,{_GET_WMI_OBJECT}",
        message,
        "InvalidType",
        "System.Management.ManagementException",
    )


def _not_in_signature(name: str) -> ErrorReply:
    return ErrorReply(
        "GetValueInvocationException",
        f'Exception getting "Item": "Not found " ({name})',
        "NotSpecified",
        "System.Management.Automation.GetValueInvocationException",
    )


def _same(one: str, other: str) -> bool:
    return one.replace("/", "\\").strip("\\").lower() == other.lower()


def sources() -> Sequence[tuple[str, str]]:
    """Return each class and method with how its behaviour is known."""
    found = []
    for each in CLASSES:
        found.append((each.name, each.source))
        found.extend((f"{each.name}.{one.name}", one.source) for one in each.methods)
    return found
