"""Every command as PowerShell 2.0 text that an administrator could read, check and paste.

For people only: what is sent to a node is data, never this text. A secret shows as a prompt that
names its reference. Rules of the quoting:
* Text stands in single quotes, where only quotes mean anything; the four typographic single
  quotes end such a text too, so they are doubled like the plain one.
* Only words that no parser could take for anything else stand bare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from runbook_lib.commands.command import (
    Cmdlet,
    Detached,
    Program,
    Scalar,
    Script,
    Secret,
    SecretText,
    Value,
    WmiMethod,
)

Renderable = Cmdlet | WmiMethod | Program | Script | Detached

_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")
_BARE_PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9_]*\.exe", re.ASCII)
_BARE_WORD = re.compile(
    r"/?[A-Za-z][A-Za-z0-9_]*((=|:|\.|\\)[A-Za-z0-9_]+)*|0|[1-9][0-9]{0,4}", re.ASCII
)
_BARE_IN_BATCH = re.compile(r"[A-Za-z0-9_./:\\-]+", re.ASCII)
_UNATTENDED = "-NoProfile -NonInteractive -ExecutionPolicy Bypass -File"
_USUAL_NAMESPACE = r"root\cimv2"


def render(command: Renderable) -> str:
    """Return the command as text; several lines where it takes several statements."""
    match command:
        case Cmdlet():
            return _cmdlet(command.name, command.parameters)
        case Program():
            return _program(command)
        case WmiMethod():
            return _wmi_method(command)
        case Script():
            return _script(command)
        case Detached():
            return _detached(command)


def quoted(text: str) -> str:
    """Return a text as a single-quoted literal."""
    return "'" + _QUOTES.sub(r"\1\1", text) + "'"


def _cmdlet(name: str, parameters: Sequence[tuple[str, Value]]) -> str:
    return " ".join((name, *(_parameter(key, value) for key, value in parameters)))


def _parameter(name: str, value: Value) -> str:
    if isinstance(value, bool):
        # With a colon it binds to switches and to Boolean parameters alike.
        return f"-{name}:{_scalar(value)}"
    if isinstance(value, Secret):
        return f"-{name} (Read-Host -AsSecureString -Prompt {quoted(value.reference)})"
    return f"-{name} {_value(value)}"


def _program(command: Program) -> str:
    bare = _BARE_PROGRAM.fullmatch(command.path)
    start = command.path if bare else f"& {quoted(command.path)}"
    return " ".join((start, *(_word(argument) for argument in command.arguments)))


def _word(argument: Scalar | SecretText) -> str:
    if isinstance(argument, Secret):
        return _scalar(argument)
    if isinstance(argument, SecretText):
        around = [quoted(part) for part in (argument.before, argument.after)]
        return f"({around[0]} + {_scalar(argument.secret)} + {around[1]})"
    text = "" if argument is None else str(argument)
    return text if _BARE_WORD.fullmatch(text) else quoted(text)


def _wmi_method(command: WmiMethod) -> str:
    """Return a call with the arguments in the order given: that of the documentation."""
    values = [value for _, value in command.arguments]
    while values and values[-1] is None:
        values.pop()
    arguments = ", ".join(_typed(value) for value in values)
    return f"{_wmi_target(command)}.{command.method}({arguments})"


def _wmi_target(command: WmiMethod) -> str:
    if command.key is None:
        return f"([wmiclass]{quoted(f'{command.namespace}:{command.wmi_class}')})"
    place = () if command.namespace == _USUAL_NAMESPACE else (("Namespace", command.namespace),)
    name, value = command.key
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    wanted = f"{name}={value}" if isinstance(value, int) else f"{name}='{text}'"
    found = _cmdlet(
        "Get-WmiObject",
        (*place, ("Class", command.wmi_class), ("Filter", wanted)),
    )
    return f"({found})"


def _script(command: Script) -> str:
    if command.name == "write_registry_lists":
        lists = dict(command.parameters)["Lists"]
        return "\n".join(_registry_lists(lists)) if isinstance(lists, tuple) else ""
    if command.name == "install_components":
        listed = dict(command.parameters)["Components"]
        return "\n".join(_component_manager(listed)) if isinstance(listed, tuple) else ""
    pairs = [f"-{name} {_nested(value)}" for name, value in command.parameters]
    file = quoted(rf".\{command.name}.ps1")
    return " ".join((f"& {file}", *pairs))


def _detached(command: Detached) -> str:
    """Return how a person would let a task do it: a batch file, then the task that runs it."""
    if isinstance(command.command, Script) and command.command.name == "call_exchange":
        return _in_exchange_shell(dict(command.command.parameters))
    task = command.task or "rb-task"
    base = rf"C:\runbook\{task}"
    lines = []
    if isinstance(command.command, Script):
        lines.append(_put(f"{base}.ps1", quoted(_script(command.command))))
        line: list[str | Secret] = [f'powershell.exe {_UNATTENDED} "{base}.ps1"']
    else:
        line = [_in_batch(command.command.path)]
        for argument in command.command.arguments:
            line += [" ", *_batch_word(argument)]
    parts = [_scalar(part) for part in _joined([*line, f' > "{base}.out" 2>&1'])]
    lines.append(_put(f"{base}.cmd", parts[0] if len(parts) == 1 else f"({' + '.join(parts)})"))
    account = command.account
    lines.append(
        f"schtasks.exe /create /tn {_word(task)} /tr {quoted(f'{base}.cmd')} /sc once "
        f"/st '23:59:00' /ru {quoted(account.user)} /rp {_scalar(account.password)} /f"
    )
    lines.append(f"schtasks.exe /run /tn {_word(task)}")
    return "\n".join(lines)


def _in_exchange_shell(parameters: Mapping[str, object]) -> str:
    """Return what one types in the Exchange shell, whose user has credentials of his own."""
    given = parameters["Parameters"]
    pairs = tuple(given.items()) if isinstance(given, Mapping) else ()
    snapin = ("Name", "Microsoft.Exchange.Management.PowerShell.Admin")
    return "\n".join((_cmdlet("Add-PSSnapin", (snapin,)), _cmdlet(str(parameters["Name"]), pairs)))


def _put(path: str, value: str) -> str:
    return f"Set-Content -Path {quoted(path)} -Value {value}"


def _batch_word(argument: Scalar | SecretText) -> list[str | Secret]:
    if isinstance(argument, Secret):
        return ['"', argument, '"']
    if isinstance(argument, SecretText):
        return [f'"{argument.before}', argument.secret, f'{argument.after}"']
    return [_in_batch("" if argument is None else str(argument))]


def _in_batch(text: str) -> str:
    doubled = text.replace("%", "%%")
    return doubled if _BARE_IN_BATCH.fullmatch(doubled) else f'"{doubled}"'


def _joined(parts: Sequence[str | Secret]) -> list[str | Secret]:
    """Return the parts with neighbouring texts made one."""
    joined: list[str | Secret] = []
    for part in parts:
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def _component_manager(components: Sequence[Scalar | Mapping[str, Value]]) -> list[str]:
    wishes = [
        f"{each['Name']} = {each['State']}" for each in components if isinstance(each, Mapping)
    ]
    answers = r"C:\runbook\components.txt"
    start = (r"/i:C:\WINDOWS\inf\sysoc.inf", f"/u:{answers}", "/q", "/r")
    return [
        _put(answers, _value(("[Components]", *wishes))),
        _program(Program("sysocmgr.exe", start)),
    ]


def _registry_lists(lists: Sequence[Scalar | Mapping[str, Value]]) -> list[str]:
    lines: list[str] = []
    for one in lists:
        if not isinstance(one, Mapping):
            continue
        path = _value(one["Path"])
        # New-Item -Force empties a key that exists, hence the question first.
        made = f"if (-not (Test-Path -Path {path})) {{ New-Item -Path {path} -Force | Out-Null }}"
        if made not in lines:
            lines.append(made)
        lines.append(
            f"New-ItemProperty -Path {path} -Name {_value(one['Name'])} "
            f"-PropertyType 'MultiString' -Value ({_texts(one['Values'])}) -Force | Out-Null"
        )
    return lines


def _nested(value: Value | Mapping[str, Value] | tuple[Mapping[str, Value], ...]) -> str:
    if isinstance(value, Mapping):
        return "@{ " + "; ".join(f"{quoted(key)} = {_value(value[key])}" for key in value) + " }"
    if isinstance(value, tuple):
        return f"@({', '.join(_nested(one) for one in value)})"
    return _scalar(value)


def _typed(value: Value) -> str:
    """Return a method's argument: lists of text are cast, as WMI methods want them."""
    is_texts = isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    return _texts(value) if is_texts else _value(value)


def _texts(value: Value) -> str:
    return f"[string[]]{_value(value if isinstance(value, tuple) else (value,))}"


def _value(value: Value) -> str:
    if isinstance(value, tuple):
        return f"@({', '.join(_scalar(item) for item in value)})"
    return _scalar(value)


def _scalar(value: Scalar) -> str:
    if value is None:
        return "$null"
    if isinstance(value, bool):
        return "$true" if value else "$false"
    if isinstance(value, int):
        return str(value) if value >= 0 else f"({value})"
    if isinstance(value, Secret):
        return f"(Read-Host -Prompt {quoted(value.reference)})"
    return quoted(value)
