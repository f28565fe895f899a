"""The form in which reads and acts travel: one constant script and its parameters, as data.

Pure: no session, no psrp. Sessions carry what `pack_*` returns and hand back the objects of the
answer as plain mappings. A node is untrusted input: everything it says is checked for its type
before anybody believes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, NoReturn

from runbook_lib.commands.command import (
    Action,
    Answer,
    Cmdlet,
    Detached,
    Program,
    Query,
    Read,
    Row,
    Scalar,
    Script,
    Secret,
    SecretText,
    WmiMethod,
)
from runbook_lib.commands.read_scripts import READ_SCRIPTS
from runbook_lib.errors import (
    BugError,
    CommandFailedError,
    MalformedReplyError,
    OutcomeUnknownError,
    WrongNodeError,
)
from runbook_lib.sessions.session import ActionAnswer, ExpectedIdentity

READ_MANY = "read_many"
_CLOSING = frozenset(("_read", "_rows", "_error", "_text"))
"""The properties of the object that follows a read's rows; a row may have some of them too."""
CARRIERS = ("call_cmdlet", "call_wmi_method", "run_program", "write_registry_lists")

Wire = str | int | bool | None | Secret | list[Any] | dict[str, Any]
"""What a parameter may be: lists become ArrayList, dicts Hashtable, a Secret a SecureString."""

SCRIPT_FAILED = "ScriptFailed"
"""Error identifier of a script that threw; the text is what it threw."""

SHOWN = 300
"""Characters of a node's own text in a message of ours."""


@dataclass(frozen=True)
class ScriptCall:
    """One pipeline: a constant script by name, and its named parameters.

    may_reveal: it only reads, and its secrets may be sent in plan mode too.
    """

    script: str
    parameters: Mapping[str, Wire]
    may_reveal: bool = False

    @property
    def text(self) -> str:
        """Return the script's text, byte for byte as it is packaged."""
        return script_text(self.script)

    def holds_secret(self) -> bool:
        """Tell whether any parameter, at any depth, is a Secret."""
        return _holds_secret(self.parameters)


@cache
def script_text(name: str) -> str:
    """Return the text of a packaged script."""
    folder = resources.files("runbook_lib.commands").joinpath("scripts")
    return folder.joinpath(f"{name}.ps1").read_bytes().decode("ascii")


@dataclass(frozen=True)
class PackedReads:
    """The reads of many queries, equal ones once, and the way back to the queries' values."""

    queries: tuple[Query[Any], ...]
    reads: tuple[Read, ...]

    @property
    def carried(self) -> tuple[Read, ...]:
        """Return the reads that share a carrier."""
        return tuple(read for read in self.reads if isinstance(read.command, Cmdlet | Program))

    @property
    def alone(self) -> tuple[Read, ...]:
        """Return the reads that are a pipeline or a task of their own."""
        return tuple(read for read in self.reads if isinstance(read.command, Script | Detached))

    @property
    def call(self) -> ScriptCall:
        """Return the pipeline that answers all reads that share it."""
        return ScriptCall(READ_MANY, {"Reads": [_packed_read(read) for read in self.carried]})

    def values(
        self, node: str, objects: Sequence[Row], alone: Mapping[Read, Answer] | None = None
    ) -> list[Any]:
        """Return each query's value, in order; MalformedReplyError for anything unpromised.

        alone: the answers of the reads that did not share the carrier.
        """
        answers = dict(zip(self.carried, self._answers(node, objects), strict=True))
        answers.update(alone or {})
        return [
            _parsed(node, query, [answers[read] for read in query.reads]) for query in self.queries
        ]

    def _answers(self, node: str, objects: Sequence[Row]) -> list[Answer]:
        """Return one answer a read; the rows of each come before its closing object."""
        answers: list[Answer] = []
        rows: list[Row] = []
        for found in objects:
            if found.get("_read") != len(answers) or len(answers) == len(self.carried):
                _malformed(node, f"an object for read {found.get('_read')!r} out of its turn")
            if set(found) != _CLOSING:
                rows.append({name: _plain(node, found[name]) for name in found if name != "_read"})
                continue
            answers.append(_closed(node, found, self.carried[len(answers)], rows))
            rows = []
        if len(answers) != len(self.carried) or rows:
            _malformed(node, f"{len(answers)} of {len(self.carried)} reads are answered")
        return answers


def pack_reads(queries: Sequence[Query[Any]]) -> PackedReads:
    """Return the reads of these queries, each once, in the order of their first asking."""
    reads = dict.fromkeys(read for query in queries for read in query.reads)
    return PackedReads(tuple(queries), tuple(reads))


def pack_script(read: Read) -> ScriptCall:
    """Return the pipeline of a script that reads; BugError for one that is not known to."""
    script = read_script(read)
    return ScriptCall(script.name, _dictionary(script.parameters), may_reveal=True)


def read_script(read: Read) -> Script:
    """Return the script of a read, detached or not; BugError for whatever might change a node."""
    command = read.command.command if isinstance(read.command, Detached) else read.command
    if isinstance(command, Script) and command.name in READ_SCRIPTS:
        return command
    raise _bug("A read was about to run what may change a node.", _asked(read))


def script_answer(node: str, read: Read, objects: Sequence[Row]) -> Answer:
    """Return the asked properties of a script's objects, or the error that one of them tells."""
    for found in objects:
        if found.get("_error") is not None:
            return error_answer(node, found["_error"], found.get("_text"))
    return Answer(
        tuple({name: _plain(node, row.get(name)) for name in read.properties} for row in objects)
    )


def error_answer(node: str, error: object, text: object) -> Answer:
    """Return an error as a node tells it; MalformedReplyError where it is no text."""
    if not isinstance(error, str) or not isinstance(text, str | None):
        _malformed(node, "an error that is no text")
    return Answer(error_id=error, text=text)


def pack_act(action: Action, identity: ExpectedIdentity) -> ScriptCall:
    """Return the pipeline that carries out an action on the expected machine only."""
    expected: dict[str, Any] = {
        "MachineGuid": identity.machine_guid,
        "ComputerName": identity.computer_name,
    }
    command = action.command
    match command:
        case Cmdlet():
            return ScriptCall(
                "call_cmdlet",
                {
                    "Identity": expected,
                    "Name": command.name,
                    "Parameters": _dictionary(command.parameters),
                },
            )
        case WmiMethod():
            key, value = command.key or ("", None)
            return ScriptCall(
                "call_wmi_method",
                {
                    "Identity": expected,
                    "Namespace": command.namespace,
                    "Class": command.wmi_class,
                    "KeyProperty": key,
                    "KeyValue": value,
                    "Method": command.method,
                    "Arguments": _dictionary(command.arguments),
                },
            )
        case Program():
            return ScriptCall(
                "run_program",
                {
                    "Identity": expected,
                    "Program": command.path,
                    "Arguments": [_whole(argument) for argument in command.arguments],
                },
            )
        case Script():
            return ScriptCall(
                command.name, {"Identity": expected, **_dictionary(command.parameters)}
            )
        case Detached():
            raise _bug("Detached work was about to be carried out in the session.", name_of(action))


def act_answer(
    node: str, action: Action, identity: ExpectedIdentity, objects: Sequence[Row]
) -> ActionAnswer:
    """Return the accepted answer; the node's no, another machine and nonsense are errors.

    What cannot be understood is no proof that nothing happened: OutcomeUnknownError.
    """
    outcome = objects[0].get("Outcome") if len(objects) == 1 else None
    if outcome == "wrong node":
        _wrong_node(node, identity, objects[0])
    if outcome == "refused":
        _failed(node, action, _shown(objects[0].get("ErrorText")))
    if outcome != "answered":
        _unknown(node, action, f"{len(objects)} objects, outcome {outcome!r}")
    bag = objects[0]
    code, output = bag.get("Code"), bag.get("Output")
    if isinstance(code, bool) or not isinstance(code, int):
        _unknown(node, action, f"its code is {_shown(code)!r}")
    lines = [output] if isinstance(output, str) else output
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        _unknown(node, action, f"its output is of type {type(output).__name__}")
    if code not in action.accepts:
        meaning = action.explains.get(code, "the documentation does not name it")
        said = " / ".join(line.strip() for line in lines if line.strip())
        _failed(node, action, f"code {code}: {meaning}" + (f"; {_shown(said)}" if said else ""))
    return ActionAnswer(code, tuple(lines), action.accepts[code])


def name_of(action: Action) -> str:
    """Return a few words for an action, without its arguments."""
    command = action.command
    match command:
        case WmiMethod():
            return f"{command.wmi_class}.{command.method}"
        case Program():
            return " ".join((command.path, *_leading_words(command)))
        case Cmdlet() | Script():
            return command.name
        case Detached():
            return name_of(Action(command.command))


def _leading_words(command: Program) -> list[str]:
    words = [word for word in command.arguments if isinstance(word, str)]
    plain = [word for word in words if word.isalpha()]
    return plain[:4] or words[:1]


def _packed_read(read: Read) -> dict[str, Any]:
    command = read.command
    if isinstance(command, Program):
        return {"Program": command.path, "Arguments": [_whole(one) for one in command.arguments]}
    if not isinstance(command, Cmdlet):
        raise _bug("A script was about to share a carrier.", _asked(read))
    return {
        "Command": command.name,
        "Parameters": _dictionary(command.parameters),
        "Properties": list(read.properties),
    }


def _whole(argument: Scalar | SecretText) -> Scalar:
    if isinstance(argument, SecretText):
        raise _bug("Only a task's program takes a text with a secret in it.", argument.form)
    return argument


def _dictionary(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    return {name: _wire(value) for name, value in pairs}


def _wire(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _wire(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_wire(item) for item in value]
    return value


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_secret(item) for item in value)
    return isinstance(value, Secret)


def _plain(node: str, value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, bytes):
        return tuple(value)
    if isinstance(value, list | tuple):
        items = tuple(value)
        if all(item is None or isinstance(item, str | bool | int) for item in items):
            return items
    return _malformed(node, f"a value of type {type(value).__name__}")


def _closed(node: str, closing: Row, read: Read, rows: list[Row]) -> Answer:
    count, error, text = (closing.get(name) for name in ("_rows", "_error", "_text"))
    if count != len(rows):
        _malformed(node, f"{len(rows)} rows where {count!r} are announced")
    if error is not None:
        return error_answer(node, error, text)
    wanted = ("ExitCode", "Output") if isinstance(read.command, Program) else read.properties
    for row in rows:
        if set(row) != set(wanted):
            _malformed(node, f"a row with {', '.join(sorted(row))} for {', '.join(wanted)}")
    return Answer(tuple(rows))


def _parsed(node: str, query: Query[Any], answers: list[Answer]) -> Any:
    try:
        return query.parse(answers)
    except ValueError as error:
        asked = ", ".join(_asked(read) for read in query.reads)
        raise MalformedReplyError(
            f"{node} answered {asked} with what no such node answers.",
            why=_shown(error),
            next_step="run it again; if it comes back, keep the run folder's debug/ and report it",
        ) from error


def _asked(read: Read) -> str:
    command = read.command.command if isinstance(read.command, Detached) else read.command
    if isinstance(command, Program):
        return command.path
    if isinstance(command, Script):
        return command.name
    return " ".join(str(value) for _, value in command.parameters) or command.name


def _shown(value: object) -> str:
    said = str(value)
    return said if len(said) <= SHOWN else f"{said[:SHOWN]}... ({len(said)} characters)"


def _bug(what: str, why: str) -> BugError:
    return BugError(what, why=why, next_step="report this with the run folder's debug/")


def _malformed(node: str, why: str) -> NoReturn:
    raise MalformedReplyError(
        f"The answer of {node} is not in the form that was asked for.",
        why=why,
        next_step="run it again; if it comes back, keep the run folder's debug/ and report it",
    )


def _unknown(node: str, action: Action, why: str) -> NoReturn:
    raise OutcomeUnknownError(
        f"What became of {name_of(action)} on {node} cannot be told from its answer.",
        why=why,
        next_step="resume the run: it asks the node before anything is done again",
    )


def _failed(node: str, action: Action, why: str) -> NoReturn:
    raise CommandFailedError(
        f"{node} refused {name_of(action)}.",
        why=why,
        next_step="put right what the node names, then resume the run",
    )


def _wrong_node(node: str, identity: ExpectedIdentity, bag: Row) -> NoReturn:
    expected = f"{identity.machine_guid} ({identity.computer_name or 'any name'})"
    raise WrongNodeError(
        f"The machine that answers for {node} is another one; nothing was changed.",
        why=f"expected {expected}, "
        f"found {_shown(bag.get('MachineGuid'))} ({_shown(bag.get('ComputerName'))})",
        next_step=f"see which machine has the address of {node}, then resume the run",
    )
