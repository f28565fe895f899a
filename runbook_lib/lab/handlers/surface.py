"""How a handler declares itself: what it answers, with which parameters, and how that is known.

A source is one or more claims, separated by "; ", and each begins with one word: captured (from a
real host), documented (on a page) or inferred (from neighbouring facts; never to be shown as
certain). The README counts the claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.lab.answers import Bag, ErrorReply
from runbook_lib.lab.faults import Fault, When
from runbook_lib.lab.world.domain import Domain
from runbook_lib.lab.world.site import Site, Token
from runbook_lib.lab.world.windows_node import WindowsNode

SOURCES = ("captured", "documented", "inferred")


@dataclass(frozen=True)
class Context:
    """Where a command runs: the node, the site around it, and under whose logon.

    fault: one that strikes this very command.
    """

    node: WindowsNode
    site: Site
    token: Token
    fault: Fault | None = None

    @property
    def domain(self) -> Domain:
        """Return the directory."""
        return self.site.domain

    @property
    def user(self) -> str:
        """Return who the command runs as."""
        return self.token.user

    def code_by_fault(self, deed: str, honest: Callable[[], int]) -> int:
        """Return what `honest` returns, unless a fault of this deed says another number.

        Armed for before the effect, the fault takes the effect's place.
        """
        fault = self.fault
        if fault is None or fault.deed != deed:
            return honest()
        if fault.when is not When.BEFORE:
            honest()
        return fault.number


class CommandError(Exception):
    """An error record that ends a command."""

    def __init__(self, reply: ErrorReply) -> None:
        super().__init__(reply.message)
        self.reply = reply


@dataclass(frozen=True)
class Answer:
    """What a cmdlet gave, in its order: objects, and errors that did not end it.

    Under `$ErrorActionPreference = 'Stop'` nothing after the first error is given.
    """

    stream: tuple[object, ...] = ()

    @property
    def output(self) -> tuple[object, ...]:
        """Return the objects."""
        return tuple(each for each in self.stream if not isinstance(each, ErrorReply))

    @property
    def errors(self) -> tuple[ErrorReply, ...]:
        """Return the errors."""
        return tuple(each for each in self.stream if isinstance(each, ErrorReply))

    def until_error(self) -> Iterator[object]:
        """Yield the objects before the first error, then raise it as CommandError."""
        for each in self.stream:
            if isinstance(each, ErrorReply):
                raise CommandError(each)
            yield each


@dataclass(frozen=True)
class Ran:
    """What a program gave: its exit code and its lines on either stream."""

    exit_code: int
    lines: tuple[str, ...] = ()


class Ended(Exception):  # noqa: N818 - a program that ends early need not have failed
    """Raised by a stage: the program ends here with this exit code, after these lines."""

    def __init__(self, code: int, *lines: str) -> None:
        super().__init__(f"ended with exit code {code}")
        self.code = code
        self.lines = lines


class GoesOn(Exception):  # noqa: N818 - nothing went wrong
    """Raised by a stage: from here on the program works through another procedure."""

    def __init__(self, begun: Begins) -> None:
        super().__init__(begun.procedure.name)
        self.begun = begun


@dataclass
class Progress:
    """What a program in progress has to say: lines of its output, and objects of a script's.

    failure: what a script has thrown, if its program ends because of that.
    """

    lines: list[str] = field(default_factory=list)
    bags: list[Bag] = field(default_factory=list)
    failure: CommandError | None = None

    def say(self, *lines: str) -> None:
        """Write lines to the program's output; whoever looks at its log sees them grow."""
        self.lines.extend(lines)

    def give(self, *bags: Bag) -> None:
        """Give out objects: of a constant script only, in the order of its pipeline."""
        self.bags.extend(bags)


StageFunction = Callable[[Context, dict[str, Any], Progress], None]


@dataclass(frozen=True)
class Stage:
    """A part of a program's work: it lasts some lab seconds, and takes effect at their end."""

    lasts_s: float
    do: StageFunction


@dataclass(frozen=True)
class Procedure:
    """A program's work in stages. Its name is unique among `installed.PROCEDURES`.

    Every stage may change the world and `data`, raise Ended to stop early, and counts from 1
    for the fault `kill:N`, which ends the process with exit code 1 before stage N takes effect.
    keeps_objects: it runs a script, whose objects a file takes when it ends.
    """

    name: str
    stages: tuple[Stage, ...]
    keeps_objects: bool = False


@dataclass(frozen=True)
class Begins:
    """What a program that takes time gives in place of `Ran`.

    data: what its stages need, plain JSON without any secret; it is saved between them.
    lines: what the program says before it has done anything.
    """

    procedure: Procedure
    data: dict[str, Any]
    lines: tuple[str, ...] = ()


CmdletFunction = Callable[[Context, Mapping[str, object]], Answer]
ProgramFunction = Callable[[Context, Sequence[str]], Ran | Begins]
ScriptFunction = Callable[[Context, Mapping[str, object]], "tuple[Bag, ...] | Begins"]
MethodFunction = Callable[[Context, "Instance | None", Mapping[str, object]], int]
InstancesFunction = Callable[[Context], Sequence["Instance"]]

Instance = Mapping[str, object]
"""One WMI object: every property of its class, in the spelling of the class."""


def claims(source: str) -> tuple[str, ...]:
    """Return the claims of a source, each with its word; ValueError for one without."""
    found = tuple(source.split("; "))
    for claim in found:
        if claim.partition(": ")[0] not in SOURCES:
            raise ValueError(f"a source begins with {', '.join(SOURCES)}: {claim!r}")
    return found


def _checked(source: str) -> str:
    claims(source)
    return source


@dataclass(frozen=True)
class Cmdlet:
    """A cmdlet, its parameters in the spelling of its help, and its .NET class.

    refuses: parameters that a node knows and the lab does not simulate.
    """

    name: str
    parameters: tuple[str, ...]
    refuses: tuple[str, ...]
    implementation: str
    source: str
    function: CmdletFunction


@dataclass(frozen=True)
class Program:
    """A program; unless it lies on the node's PATH, it is started by the path of its file."""

    name: str
    source: str
    function: ProgramFunction
    on_path: bool = True


@dataclass(frozen=True)
class Method:
    """A WMI method: argument name -> type, in the spelling of its signature."""

    name: str
    arguments: Mapping[str, str]
    static: bool
    source: str
    function: MethodFunction


@dataclass(frozen=True)
class WmiClass:
    """A WMI class: its key, the function that gives its instances, its methods."""

    name: str
    key: str
    source: str
    instances: InstancesFunction
    namespace: str = r"root\cimv2"
    methods: tuple[Method, ...] = field(default=())


def answers(
    name: str, *, parameters: str, implementation: str, source: str, refuses: str = ""
) -> Callable[[CmdletFunction], Cmdlet]:
    """Make the function below answer a cmdlet; parameters are separated by blanks."""

    def make(function: CmdletFunction) -> Cmdlet:
        return Cmdlet(
            name,
            tuple(parameters.split()),
            tuple(refuses.split()),
            implementation,
            _checked(source),
            function,
        )

    return make


def runs(name: str, *, source: str, on_path: bool = True) -> Callable[[ProgramFunction], Program]:
    """Make the function below run as a program."""

    def make(function: ProgramFunction) -> Program:
        return Program(name, _checked(source), function, on_path)

    return make


def method(
    name: str, *, arguments: str, source: str, static: bool = False
) -> Callable[[MethodFunction], Method]:
    """Make the function below a WMI method; arguments such as "IPAddress:String[] Count:UInt16"."""

    def make(function: MethodFunction) -> Method:
        pairs = (pair.partition(":") for pair in arguments.split())
        types = {argument: kind for argument, _, kind in pairs}
        return Method(name, types, static, _checked(source), function)

    return make


def lists(
    name: str,
    *,
    key: str,
    source: str,
    namespace: str = r"root\cimv2",
    methods: tuple[Method, ...] = (),
) -> Callable[[InstancesFunction], WmiClass]:
    """Make the function below give the instances of a WMI class."""

    def make(function: InstancesFunction) -> WmiClass:
        return WmiClass(name, key, _checked(source), function, namespace, methods)

    return make
