"""A command line as `cmd` takes it from a remote shell: words, then the program of that name."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.answers import Bag, Reply
from runbook_lib.lab.handlers import cmd_exe, installed
from runbook_lib.lab.handlers.surface import Context, Ended

SOURCE = "inferred: how cmd of Windows Server 2003 splits a line and names an unknown command"
NOT_RECOGNIZED = 1
_UNSIMULATED = frozenset({"powershell", "cscript", "wmic"})
_SIMULATED_BY_NONE = frozenset("&|<>^%")


def run(context: Context, line: str) -> Reply:
    """Return one object with ExitCode, Output and Errors (lists of text)."""
    words = split(line)
    if not words:
        return _told(0)
    if words[0].lower().removesuffix(".exe") in _UNSIMULATED:
        raise UnsimulatedCommandError(
            f"The lab has no {words[0]} of its own.",
            why="it runs the programs that it knows, and constant scripts over PSRP",
            next_step="send a program, or a packaged script over PSRP",
        )
    if installed.find_program(words[0]) is None and not cmd_exe.is_own(words[0]):
        return _told(
            NOT_RECOGNIZED,
            errors=(
                f"'{words[0]}' is not recognized as an internal or external command,",
                "operable program or batch file.",
            ),
        )
    if _SIMULATED_BY_NONE & set(line):
        raise UnsimulatedCommandError(
            "The lab's command shell takes one program and its arguments.",
            why=f"the line holds one of {' '.join(sorted(_SIMULATED_BY_NONE))}",
            next_step="send the programs one by one",
        )
    try:
        own = cmd_exe.own_command(context, words)
    except Ended as end:
        return _told(end.code)
    ran = own or installed.run_program(context, words[0], words[1:])
    return _told(ran.exit_code, ran.lines)


def split(line: str) -> list[str]:
    r"""Return the words of a line as a C program gets them: quotes group, \" is a quote."""
    words: list[str] = []
    word, quoted, begun = "", False, False
    at = 0
    text = line.strip()
    while at < len(text):
        slashes = len(text[at:]) - len(text[at:].lstrip("\\"))
        following = text[at + slashes : at + slashes + 1]
        if following == '"':
            word += "\\" * (slashes // 2)
            begun = True
            if slashes % 2:
                word += '"'
            else:
                quoted = not quoted
            at += slashes + 1
        elif slashes:
            word, begun = word + "\\" * slashes, True
            at += slashes
        elif following.isspace() and not quoted:
            if begun:
                words.append(word)
            word, begun = "", False
            at += 1
        else:
            word, begun = word + following, True
            at += 1
    return [*words, word] if begun else words


def _told(exit_code: int, output: Sequence[str] = (), errors: Sequence[str] = ()) -> Reply:
    told = {"ExitCode": exit_code, "Output": [*output], "Errors": [*errors]}
    return Reply((Bag(told),))
