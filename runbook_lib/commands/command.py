"""What can be said to a node, as values: no session, no text to splice, no I/O.

A command is a cmdlet with parameters, a program with a list of arguments, a packaged constant
script with parameters, a WMI method with named arguments, or an act that a person does.
A `Query` reads and an `Action` changes; which of the two a command is can be told by its type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Secret:
    """A secret by its reference ("keyring:exchange/installer"); the value is never here.

    Values exist only in `sessions.credentials` and leave it only as SecureString on the wire.
    """

    reference: str

    def __str__(self) -> str:
        """Return a stand-in that names the reference."""
        return f"<secret {self.reference}>"


Scalar = str | int | bool | None | Secret
Value = Scalar | tuple[Scalar, ...]
"""What an argument may be. A tuple is a list on the wire."""

Row = Mapping[str, Any]
"""One object of a node's answer: property name -> str, int, bool, None or a tuple of those."""


@dataclass(frozen=True)
class Cmdlet:
    """One cmdlet with named parameters, in the order given."""

    name: str
    parameters: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True)
class WmiMethod:
    """One WMI method with named arguments, on one instance or on the class.

    key: (property, value) that picks exactly one instance; None calls the class's static method.
    A None argument is left unset.
    """

    wmi_class: str
    method: str
    arguments: tuple[tuple[str, Value], ...] = ()
    key: tuple[str, str | int] | None = None
    namespace: str = r"root\cimv2"


@dataclass(frozen=True)
class SecretText:
    """A text with one secret in it, such as SecretText("/pass:{}", Secret("lab:installer")).

    Only an argument of detached work may be one; the text around the secret is sent as it is.
    """

    form: str
    secret: Secret

    def __post_init__(self) -> None:
        """Refuse a form without exactly one place for the secret."""
        if self.form.count("{}") != 1:
            message = f"a form holds {{}} once: {self.form!r}"
            raise ValueError(message)

    @property
    def before(self) -> str:
        """Return what stands before the secret."""
        return self.form.partition("{}")[0]

    @property
    def after(self) -> str:
        """Return what stands after the secret."""
        return self.form.partition("{}")[2]


@dataclass(frozen=True)
class Program:
    """One program with a list of arguments; each element arrives as one argument."""

    path: str
    arguments: tuple[Scalar | SecretText, ...] = ()


@dataclass(frozen=True)
class Script:
    """One packaged constant script (`commands/scripts/<name>.ps1`) with parameters."""

    name: str
    parameters: tuple[
        tuple[str, Value | Mapping[str, Value] | tuple[Mapping[str, Value], ...]], ...
    ] = ()


@dataclass(frozen=True)
class TaskAccount:
    """The domain account under whose own logon a task works; its password by reference."""

    user: str
    password: Secret


@dataclass(frozen=True)
class Detached:
    """Work that runs on the node as a scheduled task and outlives the session that began it.

    A PSRP session has no credentials for a second hop (directory, other node, share); a task
    under a domain account has. A script's parameters travel as a file of objects, so none may be
    a Secret. A program's arguments stand in a file that is deleted after the task's end: none
    may hold a double quote, and a Secret or SecretText among them is an exposure to declare.
    task: the task's name on the node, given when the intent is written; "" before that.
    """

    command: Program | Script
    account: TaskAccount
    task: str = ""


class PersonsAct(StrEnum):
    """What only a person (or the lab's control address) can do."""

    UNBIND_FILE_SHARING = "unbind-file-sharing"
    POWER_OFF = "power-off"
    POWER_ON = "power-on"
    RUN_ALONE = "run-alone"
    ACCEPT_LICENSE = "accept-license"


@dataclass(frozen=True)
class ManualAct:
    """An act that a person does at the node; the gate shows `instruction`.

    arguments: plain facts for whoever acts in the lab's place of the person (a MAC address).
    """

    act: PersonsAct
    instruction: str
    arguments: tuple[tuple[str, str], ...] = ()

    @property
    def is_word(self) -> bool:
        """Tell whether the answer to the gate is the whole act, so that no node shows it."""
        return self.act is PersonsAct.ACCEPT_LICENSE


class Outcome(StrEnum):
    """What an accepted answer means."""

    DONE = "done"
    REBOOT_NEEDED = "reboot needed"


@dataclass(frozen=True)
class Read:
    """One read as it is sent, and the properties wanted of each object.

    Cmdlets and programs of one trip share a carrier; a constant script is a pipeline of its own;
    detached, it runs as a task. Such a script is one of `read_scripts.READ_SCRIPTS` and gives
    objects, of which the asked properties count (a missing one is None). What it throws becomes
    the Answer's error; it may also give one object with `_error` and `_text`, which then does.
    """

    command: Cmdlet | Program | Script | Detached
    properties: tuple[str, ...] = ()


class ReadFailure(StrEnum):
    """Why a read gave no rows, in words of ours."""

    NOT_FOUND = "not found"
    FAILED = "failed"


@dataclass(frozen=True)
class Answer:
    """What came back for one Read: rows, or an error identifier and its text."""

    rows: tuple[Row, ...] = ()
    error_id: str | None = None
    text: str | None = None

    @property
    def ok(self) -> bool:
        """Tell whether the node answered without an error."""
        return self.error_id is None


@dataclass(frozen=True)
class Query(Generic[T]):
    """Reads, and how their answers become one value.

    parse: gets one Answer per read, in order; raises ValueError for what no node would answer.
    """

    reads: tuple[Read, ...]
    parse: Callable[[Sequence[Answer]], T] = field(compare=False)


@dataclass(frozen=True)
class Action:
    """A change: what is said, which answers are accepted, and how long it may take.

    accepts: return value or exit code -> what it means; anything else is a failure.
    explains: return value or exit code -> what the platform's documentation says it means.
    drops_session: the change may cut the very connection that carries it.
    exposes: where a secret stands in plain text because of this command, for how long; each a
    clause that plan and record show.
    """

    command: Cmdlet | WmiMethod | Program | Script | Detached
    accepts: Mapping[int, Outcome] = field(
        default_factory=lambda: MappingProxyType({0: Outcome.DONE}), hash=False
    )
    explains: Mapping[int, str] = field(default_factory=dict, hash=False, compare=False)
    deadline_s: float = 60.0
    drops_session: bool = False
    exposes: tuple[str, ...] = ()
