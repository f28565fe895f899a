r"""powershell.exe -Command: plain statements as somebody types them into a task's batch file.

`Cmdlet -Name value ...`, with `;` between statements and, behind one, `| Export-Clixml PATH`: no
more of the language is here. A statement that fails says why, the next one runs all the same, and
the last one decides the exit code. What a cmdlet gives must go to a file, for the lab formats
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.handlers import exchange_calls, exchange_scripts, files, objects_file
from runbook_lib.lab.handlers.surface import (
    Begins,
    CommandError,
    Context,
    Ended,
    Procedure,
    Progress,
    Stage,
)
from runbook_lib.lab.world import exchange_moves as moves

LOADS_S = 5.0
_EXPORT, _ADD = "export-clixml", "add-pssnapin"
_CONSTANTS: Mapping[str, object] = {"$true": True, "$false": False, "$null": None}
_TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|([;|])|([^\s;|']+))")

Data = dict[str, Any]


def begin(text: str) -> Begins:
    """Begin to carry out a line of statements; UnsimulatedCommandError for what is none."""
    return Begins(LINE, {"statements": _parsed(text), "at": 0, "has_snap_in": False, "code": 0})


def _until_a_move(context: Context, data: Data, progress: Progress) -> None:
    """Carry out statements up to a move that leaves its node, or all of them."""
    while data["at"] < len(data["statements"]):
        statement = data["statements"][data["at"]]
        if _does(context, data, progress, statement):
            return
        data["at"] += 1
    raise Ended(int(data["code"]))


def _arrive(context: Context, data: Data, progress: Progress) -> None:
    moves.arrive(context.site)
    try:
        exchange_calls.judge_move(context)
    except CommandError as error:
        _failed(data, progress, exchange_calls.MOVE, error)
    data["at"] += 1
    _until_a_move(context, data, progress)
    # A second move on the same line: its time is not simulated.
    _arrive(context, data, progress)


LINE = Procedure(
    "powershell.exe -Command",
    (Stage(LOADS_S, _until_a_move), Stage(moves.UNDER_WAY_S + 5, _arrive)),
)
PROCEDURES = (LINE,)


def _does(context: Context, data: Data, progress: Progress, statement: Mapping[str, Any]) -> bool:
    """Carry out one statement; tell whether it is a move that is now under way."""
    # The list of commands holds this program.
    from runbook_lib.lab.handlers import installed

    name, parameters = str(statement["name"]), statement["parameters"]
    is_exchange = data["has_snap_in"] or name.lower() == _ADD
    data["code"] = 0
    try:
        if is_exchange and name.lower() == exchange_calls.MOVE.lower():
            bound = installed.bind(exchange_calls.move, parameters)
            bound.pop("ErrorAction", None)
            return exchange_calls.begin_move(context, bound)
        if is_exchange and name.lower() in {each.name.lower() for each in exchange_scripts.CMDLETS}:
            given: tuple[object, ...] = exchange_scripts.run(context, name, parameters)
        else:
            given = installed.run_cmdlet(context, name, parameters).output
    except CommandError as error:
        _failed(data, progress, name, error)
        return False
    data["has_snap_in"] = is_exchange
    if statement["export"]:
        _export(context, str(statement["export"]), given)
    elif given:
        _refuse(f"{name} gives objects, which the lab does not format: export them")
    return False


def _failed(data: Data, progress: Progress, name: str, error: CommandError) -> None:
    data["code"] = 1
    progress.say(f"{name} : {error.reply.message}")


def _export(context: Context, path: str, given: Sequence[object]) -> None:
    found = files.volume(context, path)
    if found is None or not found.is_folder(path.rpartition("\\")[0]):
        _refuse(f"there is no folder for {path}")
    found.write(path, objects_file.dump(given))


def _parsed(text: str) -> list[dict[str, Any]]:
    words, statements = _words(text), []
    while words:
        at = words.index(";") if ";" in words else len(words)
        one, words = words[:at], words[at + 1 :]
        if one:
            statements.append(_statement(one))
    return statements


def _words(text: str) -> list[str]:
    """Return the words of a line; a quoted one keeps its first quote, so that it is no switch."""
    words, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            _refuse(f"the line goes on with {text[at : at + 20]!r}")
        quoted, sign, bare = found.groups()
        words.append("'" + quoted.replace("''", "'") if quoted is not None else sign or bare)
        at = found.end()
    return words


def _statement(words: Sequence[str]) -> dict[str, Any]:
    at = words.index("|") if "|" in words else len(words)
    command, piped = words[:at], list(words[at + 1 :])
    export = ""
    if at < len(words):
        if len(piped) == 3 and piped[1].lower() == "-path":
            del piped[1]
        if len(piped) != 2 or piped[0].lower() != _EXPORT:
            _refuse(f"what stands behind the bar is {' '.join(piped)[:40]!r}")
        export = piped[1].removeprefix("'")
    if not command:
        _refuse("a statement is empty")
    return {"name": command[0], "parameters": _parameters(command), "export": export}


def _parameters(command: Sequence[str]) -> dict[str, object]:
    """Return the parameters; a value without a name is the first one of these cmdlets."""
    given: dict[str, object] = {}
    rest = list(command[1:])
    if rest and not rest[0].startswith("-"):
        given["Name" if command[0].lower() == _ADD else "Identity"] = _value(rest.pop(0))
    while rest:
        name, colon, value = rest.pop(0).partition(":")
        if not name.startswith("-"):
            _refuse(f"{name!r} stands without a parameter's name")
        if (colon and not value and rest) or (not colon and rest and not rest[0].startswith("-")):
            value = rest.pop(0)
        elif not colon:
            value = "$true"
        given[name[1:]] = _value(value)
    return given


def _value(word: str) -> object:
    if word.startswith("'"):
        return word[1:]
    if word.lower() in _CONSTANTS:
        return _CONSTANTS[word.lower()]
    if set(word) & set('$@(){}"`,'):
        _refuse(f"a value is {word!r}")
    return word


def _refuse(why: str) -> NoReturn:
    raise UnsimulatedCommandError(
        "The lab's powershell.exe carries out plain statements.",
        why=why,
        next_step="say it plainly, or add it to runbook_lib/lab/handlers/powershell_lines.py",
    )
