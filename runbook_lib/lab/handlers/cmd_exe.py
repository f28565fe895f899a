"""cmd.exe: its own commands on files, and the lines of a task's batch file.

Only what the procedure's tasks and reads say is simulated: one command a line, its output to a
file or to nothing, variables of the system, and doubled percent signs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.handlers import files
from runbook_lib.lab.handlers.surface import Context, Ended, Program, Ran, runs
from runbook_lib.lab.world.files import Files

NO_FILE = "The system cannot find the file specified."
NO_PATH = "The system cannot find the path specified."
NOT_EMPTY = "The directory is not empty."
DIR_NOT_EMPTY = 145
VARIABLES = {"systemroot": r"C:\WINDOWS", "windir": r"C:\WINDOWS", "systemdrive": "C:"}
_VARIABLE = re.compile(r"%%|%([A-Za-z_]+)%")
_REDIRECTION = re.compile(r'\s*>\s*("[^"]+"|\S+)(\s+2>&1)?\s*$')


@dataclass(frozen=True)
class Line:
    """One line of a batch file: its command, and the file that its output goes to.

    target: None for the console. Its variables are not replaced yet.
    """

    command: str
    target: str | None


def line_of(text: str) -> Line:
    """Return a line taken apart; a `>` between quotes is text."""
    bare = re.sub(r'"[^"]*"', lambda found: "_" * len(found[0]), text)
    if ">" not in bare:
        return Line(text.strip(), None)
    at = bare.index(">")
    found = _REDIRECTION.match(text[at:])
    if found is None:
        raise UnsimulatedCommandError(
            "The lab's batch files know one way to send output to a file.",
            why=f"the line ends in {text[at:]!r}",
            next_step="add it to runbook_lib/lab/handlers/cmd_exe.py",
        )
    return Line(text[:at].strip(), found[1].strip('"'))


def expanded(text: str, variables: Mapping[str, str] | None = None, *, in_batch: bool) -> str:
    """Return a text with its variables replaced; an unknown one is nothing in a batch file."""
    known = {**VARIABLES, **(variables or {})}

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "%" if in_batch else "%%"
        return known.get(name.lower(), "" if in_batch else found[0])

    return _VARIABLE.sub(value, text)


def is_own(name: str) -> bool:
    """Tell whether a name is a command of cmd's own that the lab knows."""
    return name.lower() in _OWN


def own_command(context: Context, words: Sequence[str]) -> Ran | None:
    """Return what a command of cmd's own does; None for the name of a program."""
    function = _OWN.get(words[0].lower()) if words else None
    if function is None:
        return None
    return function(context, [word for word in words[1:] if word.lower() not in _SILENT])


@runs(
    "cmd.exe",
    source="documented: commands of cmd; inferred: their messages and exit codes on files",
)
def cmd(context: Context, arguments: Sequence[str]) -> Ran:
    """Carry out one command of cmd's own after /c."""
    if not arguments or arguments[0].lower() != "/c":
        raise UnsimulatedCommandError(
            "The lab's cmd.exe takes /c and one of its own commands.",
            why=f"it was given {' '.join(arguments)[:60]!r}",
            next_step="send the program itself",
        )
    words = [expanded(word, in_batch=False) for word in arguments[1:]]
    if len(words) == 1:
        words = words[0].split()
    try:
        ran = own_command(context, words)
    except Ended as end:
        return Ran(end.code)
    if ran is None:
        raise UnsimulatedCommandError(
            f"The lab's cmd.exe does not carry out {' '.join(words)[:60]}.",
            why=f"it knows {', '.join(_OWN)}",
            next_step="send the program itself, or add it to runbook_lib/lab/handlers/cmd_exe.py",
        )
    return ran


PROGRAMS: tuple[Program, ...] = (cmd,)


def _type(context: Context, words: Sequence[str]) -> Ran:
    path = " ".join(words)
    found = files.volume(context, path)
    if found is None or not found.is_folder(_folder(path)):
        return Ran(1, (NO_PATH,))
    if not found.is_file(path):
        return Ran(1, (NO_FILE,))
    return Ran(0, found.lines(path))


def _del(context: Context, words: Sequence[str]) -> Ran:
    path = " ".join(words)
    found = files.volume(context, path)
    if found is None or not found.is_file(path):
        return Ran(0, (f"Could Not Find {path}",))
    found.remove(path)
    context.node.ledger.note()
    return Ran(0)


def _mkdir(context: Context, words: Sequence[str]) -> Ran:
    path = " ".join(words)
    found = files.volume(context, path)
    if found is None:
        return Ran(1, (NO_PATH,))
    if found.exists(path):
        return Ran(1, (f"A subdirectory or file {path} already exists.",))
    found.make_folder(path)
    context.node.ledger.note()
    return Ran(0)


def _rd(context: Context, words: Sequence[str]) -> Ran:
    path = " ".join(words)
    found = files.volume(context, path)
    if found is None or not found.is_folder(path):
        return Ran(2, (NO_FILE,))
    if found.names(path):
        return Ran(DIR_NOT_EMPTY, (NOT_EMPTY,))
    found.remove_folder(path)
    context.node.ledger.note()
    return Ran(0)


def _move(context: Context, words: Sequence[str]) -> Ran:
    if len(words) != 2:
        return Ran(1, ("The syntax of the command is incorrect.",))
    old, new = words
    found: Files | None = files.volume(context, old)
    if found is None or not found.is_file(old) or files.volume(context, new) is not found:
        return Ran(1, (NO_FILE,))
    found.move(old, new)
    context.node.ledger.note()
    return Ran(0, ("        1 file(s) moved.",))


def _echo(_context: Context, words: Sequence[str]) -> Ran:
    if words == ["off"]:
        return Ran(0)
    return Ran(0, (" ".join(words),))


def _if(context: Context, words: Sequence[str]) -> Ran:
    """Carry out `if exist PATH COMMAND` and `if not exist PATH COMMAND`.

    Raises Ended where the command is `exit`: that is the end of the batch file.
    """
    rest = list(words)
    wanted = True
    if rest[:1] and rest[0].lower() == "not":
        wanted, rest = False, rest[1:]
    if len(rest) < 3 or rest[0].lower() != "exist":
        raise UnsimulatedCommandError(
            "The lab's cmd.exe knows only one kind of if.",
            why=f"it was given {' '.join(words)[:60]!r}",
            next_step="ask if exist PATH COMMAND",
        )
    if files.exists(context, rest[1]) is not wanted:
        return Ran(0)
    if rest[2].lower() == "exit":
        raise Ended(0)
    ran = own_command(context, rest[2:])
    return ran or Ran(1)


def _folder(path: str) -> str:
    return path.rpartition("\\")[0]


_SILENT = frozenset({"/y", "/q", "/f"})
_OWN: Mapping[str, Callable[[Context, Sequence[str]], Ran]] = {
    "type": _type,
    "del": _del,
    "mkdir": _mkdir,
    "md": _mkdir,
    "rd": _rd,
    "move": _move,
    "echo": _echo,
    "if": _if,
}
