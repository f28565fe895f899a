"""From an invocation to an answer: a known script, a cmdlet, or a program; nothing else.

What a node would not know either is answered with the node's own error. What the lab merely
does not simulate raises UnsimulatedCommandError, so that nobody takes silence for Windows.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab import scenarios
from runbook_lib.lab.answers import Invocation, Reply
from runbook_lib.lab.handlers import command_line, exchange_scripts, installed, scripts, wmi
from runbook_lib.lab.handlers.surface import Begins, CommandError, Context, claims

_log = logging.getLogger(__name__)


def answer(context: Context, invocation: Invocation) -> Reply:
    """Return what the node answers to one pipeline."""
    try:
        if invocation.is_line:
            return command_line.run(context, invocation.command)
        if invocation.is_script:
            return Reply(_script(context, invocation))
        return _command(context, invocation)
    except CommandError as error:
        return Reply(terminating=error.reply)


def label_of(invocation: Invocation) -> str:
    """Return a short name for people and for faults to match; never a secret."""
    if invocation.is_line:
        # The program alone: what follows it may be a secret.
        return " ".join([invocation.label, *command_line.split(invocation.command)[:1]]).strip()
    if not invocation.is_script:
        return f"{invocation.label} {invocation.command}".strip()
    script = scripts.find(invocation.command)
    known = f"{script.name} {script.label(invocation.parameters)}" if script else "unknown script"
    return f"{invocation.label} {known}".strip()


def sources() -> Sequence[tuple[str, str]]:
    """Return every simulated surface with each claim of how it is known, sorted by name."""
    found = [(each.name, each.source) for each in installed.CMDLETS]
    found += [(each.name, each.source) for each in exchange_scripts.CMDLETS]
    found += [(each.name, each.source) for each in installed.PROGRAMS]
    found += [(f"{each.name}.ps1", each.source) for each in scripts.SCRIPTS]
    found.append(("command lines", command_line.SOURCE))
    found += wmi.sources()
    found += scenarios.FACTS
    return sorted((name, claim) for name, source in found for claim in claims(source))


def _script(context: Context, invocation: Invocation) -> tuple[object, ...]:
    script = scripts.find(invocation.command)
    if script is None:
        first = invocation.command.strip().partition("\n")[0][:60]
        _log.error("the lab does not know the script that begins with %r", first)
        raise UnsimulatedCommandError(
            "The lab does not simulate this script.",
            why=f"its text is none of the constant scripts; it begins with {first!r}",
            next_step="add its SHA-256 and a handler to runbook_lib/lab/handlers/scripts.py",
        )
    given = script.function(context, invocation.parameters)
    if isinstance(given, Begins):
        return tuple(installed.to_its_end(context, given)[1].bags)
    return given


def _command(context: Context, invocation: Invocation) -> Reply:
    if installed.find_cmdlet(invocation.command) is None:
        if installed.find_program(invocation.command) is None:
            raise installed.not_found(invocation.command)
        ran = installed.run_program(context, invocation.command, ())
        return Reply(tuple(ran.lines))
    given = installed.run_cmdlet(context, invocation.command, invocation.parameters)
    return Reply(given.output, given.errors)
