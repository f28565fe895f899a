"""start_task.ps1 and end_task.ps1, as they would answer: files first, then schtasks.exe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NoReturn

from runbook_lib.lab.answers import Bag, SecretText
from runbook_lib.lab.handlers import cmd_exe, objects_file, powershell, schtasks_exe
from runbook_lib.lab.handlers.surface import CommandError, Context, Program, Ran

FOLDER = r"C:\runbook"
ENDINGS = ("go", "cmd", "out", "tmp", "rc", "ps1", "run.ps1", "in.xml", "out.xml")
_NOT_IN_A_BATCH_FILE = re.compile(r'[^ -~]|"')
_NOT_FOR_SCHTASKS = re.compile(r'"|\s.*\\$')
_MASK = "***"
_POWERSHELL = (
    r'"%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -NonInteractive '
    "-ExecutionPolicy Bypass -File"
)

Parameters = Mapping[str, object]


def start_task(context: Context, parameters: Parameters) -> Ran:
    """Write a task's files, make it and let it run; what fails leaves nothing behind."""
    task = powershell.text(parameters.get("Task"))
    base = rf"{FOLDER}\{task}"
    password = powershell.text(parameters.get("Password"))
    if _NOT_FOR_SCHTASKS.search(password):
        _throw(
            "schtasks.exe cannot take this password: it holds a quote, or a blank and a backslash "
            "at its end"
        )
    script = powershell.text(parameters.get("Script"))
    line = f'{_POWERSHELL} "{base}.run.ps1" "{base}"' if script else _line(parameters)
    files = context.node.files
    files.make_folder(FOLDER)
    _run(context, schtasks_exe.cacls, [FOLDER, "/t", "/g", "Administrators:F", "SYSTEM:F"])
    _remove_work(context, base, task)
    if script:
        files.write(f"{base}.ps1", script)
        files.write(f"{base}.run.ps1", powershell.text(parameters.get("Carrier")))
        files.write(f"{base}.in.xml", objects_file.dump([parameters.get("Parameters")]))
    batch = [
        "@echo off",
        f"if not exist {base}.go exit",
        f"del {base}.go",
        f"{line} > {base}.out 2>&1",
        f"echo %ERRORLEVEL% > {base}.tmp",
        rf"move /y {base}.tmp {base}.rc >nul",
    ]
    files.write(f"{base}.cmd", "\n".join(batch), secrets=_secrets(parameters))
    account = ["/ru", powershell.text(parameters.get("User")), "/rp", password]
    begin = ["/create", "/tn", task, "/tr", f"{base}.cmd", "/sc", "once", "/st", "23:59:00"]
    made = _run(context, schtasks_exe.schtasks, [*begin, *account, "/f"], secret=password)
    lines = list(made.lines)
    is_made = made.exit_code == 0 and "account information could not be set" not in " ".join(lines)
    if is_made:
        files.write(f"{base}.go", "once")
        run = _run(context, schtasks_exe.schtasks, ["/run", "/tn", task])
        lines += run.lines
        is_made = run.exit_code == 0
    if not is_made:
        _remove_work(context, base, task)
        _throw("schtasks.exe: " + " ".join(lines))
    return Ran(0, tuple(lines))


def end_task(context: Context, parameters: Parameters) -> Ran:
    """Remove a task, its files, and their folder once it is empty."""
    task = powershell.text(parameters.get("Task"))
    _remove_files(context, rf"{FOLDER}\{task}")
    removed = _run(context, schtasks_exe.schtasks, ["/delete", "/tn", task, "/f"])
    _run(context, cmd_exe.cmd, ["/c", "rd", FOLDER])
    return Ran(0, removed.lines)


def run_detached(_context: Context, _parameters: Parameters) -> tuple[Bag, ...]:
    """Refuse: the carrier runs inside a task only."""
    _throw("run_detached.ps1 needs the files of a task")


def is_unnamed(parameters: Parameters) -> bool:
    """Tell whether a call names no machine."""
    return not powershell.is_true(powershell.entry(parameters.get("Identity"), "MachineGuid"))


def is_of_a_read(parameters: Parameters) -> bool:
    """Tell whether a start names no machine, and may: it is a script's."""
    return is_unnamed(parameters) and powershell.is_true(parameters.get("Script"))


def label(parameters: Parameters) -> str:
    """Return the program with its arguments, or the task alone; secrets masked."""
    words: list[object] = [parameters.get("Program") or parameters.get("Task")]
    words += powershell.as_list(parameters.get("Arguments") or [])
    return " ".join(_shown(word) for word in words)


def _line(parameters: Parameters) -> str:
    words = [parameters.get("Program"), *powershell.as_list(parameters.get("Arguments"))]
    return " ".join(_quoted(word) for word in words if word is not None)


def _quoted(value: object) -> str:
    text = _text(value)
    if _NOT_IN_A_BATCH_FILE.search(text):
        _throw("an argument holds a quote or a character that a batch file cannot carry")
    text = text.replace("%", "%%")
    slashes = len(text) - len(text.rstrip("\\"))
    return f'"{text}{text[len(text) - slashes :] if slashes else ""}"'


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        before, secret, after = (
            powershell.text(powershell.entry(value, name)) for name in ("Before", "Secret", "After")
        )
        return before + secret + after
    return powershell.text(value)


def _secrets(parameters: Parameters) -> tuple[str, ...]:
    """Return what in the batch file is secret, as it stands there."""
    found = []
    for value in powershell.as_list(parameters.get("Arguments")):
        secret = powershell.entry(value, "Secret") if isinstance(value, Mapping) else value
        if isinstance(secret, SecretText):
            found += [secret.reveal(), secret.reveal().replace("%", "%%")]
    return tuple(sorted(set(found), key=len, reverse=True))


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        before, after = (powershell.entry(value, name) for name in ("Before", "After"))
        return f"{powershell.text(before)}{_MASK}{powershell.text(after)}"
    return _MASK if isinstance(value, SecretText) else powershell.text(value)


def _run(context: Context, program: Program, words: Sequence[str], *, secret: str = "") -> Ran:
    """Run a program of the script's own; no fault of the work's strikes it."""
    shown = [_MASK if secret and word == secret else word for word in words]
    context.node.ledger.started(context.node.name, program.name, shown)
    given = program.function(context, words)
    return given if isinstance(given, Ran) else Ran(1)


def _remove_work(context: Context, base: str, task: str) -> None:
    _remove_files(context, base)
    _run(context, schtasks_exe.schtasks, ["/delete", "/tn", task, "/f"])


def _remove_files(context: Context, base: str) -> None:
    for ending in ENDINGS:
        if context.node.files.is_file(f"{base}.{ending}"):
            context.node.files.remove(f"{base}.{ending}")


def _throw(message: str) -> NoReturn:
    raise CommandError(powershell.thrown(message))
