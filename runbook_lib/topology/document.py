"""YAML as this project takes it: mappings, lists and texts, each with its line, nothing else.

Rules of this file: the parser's events are all that is used of the YAML library, so no tag, no
alias and no type of its own is ever acted on; its messages are not passed on, because they may
quote what they could not read, and that may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from runbook_lib.topology.faults import Fault, quoted
from runbook_lib.topology.leaf import Scalar

Tree = dict[str, "Tree"] | list["Tree"] | Scalar
DEEPEST = 8
PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
NO_CHARACTER = re.compile(r"\\U(?!000|0010)")

PROBLEMS = (
    ("found character '\\t'", "a tab where only spaces can stand", "spaces"),
    ("found character", "a text that begins with a sign of YAML's own", "single quotes around it"),
    ("mapping values are not", 'a second ": " on the line', "single quotes around a text with it"),
    ("found unknown escape", "a backslash in double quotes", "single quotes around the text"),
    ("found unexpected end", "a quote that is never closed", "its closing quote"),
    ("found undefined tag", "a tag", "no tags"),
    ("found duplicate", "a directive", "no directives"),
    ("found incompatible", "a directive", "no directives"),
)
"""How the parser's complaint begins, and what is said in its place."""


class _UnreadableError(Exception):
    """The rest of the document is not looked at; the fault is noted already."""


@dataclass
class Document:
    """What could be read of a text, and what stood in the way.

    lines: path -> line, for each mapping, list and text. kinds: path -> "a mapping" or "a list".
    scalars: path -> text. refused: paths whose value was given
    in a form that is not taken; more faults about them would say nothing new.
    """

    tree: Tree | None = None
    lines: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    scalars: dict[str, Scalar] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    whole: bool = False

    def line(self, path: str) -> int:
        """Return the line of a path, or of the nearest mapping or list around it."""
        while path and path not in self.lines:
            path = parent(path)
        return self.lines.get(path, 1)

    def count(self, path: str) -> int:
        """Return how many entries the list at a path has."""
        return sum(one.endswith("]") and parent(one) == path for one in self.lines)


def parent(path: str) -> str:
    """Return the path of the mapping or list that holds this one; "" for the whole file."""
    return re.sub(r'(?:^|\.)[^.\[\]"]+$|\[[^\[\]]*\]$', "", path)


def child(path: str, key: str | int) -> str:
    """Return the path of a member; a key that could be mistaken is put in quotes."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    inner = quoted(key).replace("[", "<U+005B>").replace("]", "<U+005D>")
    return f"{path}[{inner}]"


def parse(text: str) -> Document:
    """Return the text as a tree; `whole` is true when all of it was read."""
    document = Document()
    reader = _Reader(document)
    reader.refuse_directives(text)
    try:
        reader.stream(YAML(typ="safe", pure=True).parse(text))
        document.whole = True
    except _UnreadableError:
        pass
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reader.note(mark.line + 1 if mark else 1, *_explained(error.problem or ""))
    except (YAMLError, ValueError, OverflowError):
        # The two built-in errors have no mark: "\UFFFFFFFF" in double quotes is no character.
        lines = enumerate(text.split("\n"), start=1)
        line = next((number for number, one in lines if NO_CHARACTER.search(one)), 1)
        reader.note(line, "an escape sequence that is no character", "the character itself")
    return document


def _explained(problem: str) -> tuple[str, str]:
    for start, found, wanted in PROBLEMS:
        if problem.startswith(start):
            return found, wanted
    expected = re.split(", but (?:found|got)", problem)[0]
    return f"a text that is no YAML ({expected})", "YAML"


class _Reader:
    """Builds the tree from events; a path of None is read over, its faults apart."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def note(self, line: int, found: str, wanted: str, path: str | None = None) -> None:
        """Add a fault of form."""
        self.document.faults.append(Fault(line, path or "", found, wanted))

    def refuse_directives(self, text: str) -> None:
        """Note each line that would change how the next ones are read."""
        for number, line in enumerate(text.split("\n"), start=1):
            if line.startswith("%"):
                self.note(number, "a directive", "no directives")

    def stream(self, events: Iterator[Event]) -> None:
        """Read the one document of a stream."""
        started = False
        for event in events:
            if isinstance(event, DocumentStartEvent):
                if started:
                    self.note(_line(event), "a second document", "one document")
                    raise _UnreadableError
                started = True
                self.document.tree = self.value(next(events), events, "", 0)
            elif isinstance(event, StreamEndEvent) and not started:
                self.document.tree = {}

    def value(self, event: Event, events: Iterator[Event], path: str | None, depth: int) -> Tree:
        """Return the value that begins with `event`, all its events consumed."""
        line = _line(event)
        if depth > DEEPEST:
            self.note(line, f"more than {DEEPEST} levels", "the levels of the example")
            raise _UnreadableError
        self._refuse_decoration(event, path)
        if path is not None:
            self.document.lines.setdefault(path, line)
            if isinstance(event, CollectionStartEvent):
                kind = "a mapping" if isinstance(event, MappingStartEvent) else "a list"
                self.document.kinds[path] = kind
        if isinstance(event, MappingStartEvent):
            return self._mapping(events, path, depth)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(events, path, depth)
        if isinstance(event, ScalarEvent):
            scalar = Scalar(event.value, path or "", plain=not event.style)
            if path is not None:
                self.document.scalars[path] = scalar
                if scalar.text or not scalar.plain:
                    # Where nothing stands, the parser is at the next thing already.
                    self.document.lines[path] = line
            return scalar
        if path is not None:
            self.document.refused.add(path)
        return Scalar("", path or "")

    def _refuse_decoration(self, event: Event, path: str | None) -> None:
        found = None
        if isinstance(event, AliasEvent):
            found, wanted = "an alias (*)", "the value itself"
        elif getattr(event, "anchor", None) is not None:
            found, wanted = "an anchor (&)", "no anchors"
        elif getattr(event, "ctag", None) is not None:
            found, wanted = "a tag (!)", "no tags"
        if found:
            self.note(_line(event), found, wanted, path)

    def _sequence(self, events: Iterator[Event], path: str | None, depth: int) -> Tree:
        items: list[Tree] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            inner = None if path is None else child(path, len(items))
            items.append(self.value(event, events, inner, depth + 1))
        return items

    def _mapping(self, events: Iterator[Event], path: str | None, depth: int) -> Tree:
        members: dict[str, Tree] = {}
        first_lines: dict[str, int] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            line = _line(event)
            key = self._key(event, events, path, depth)
            inner = None
            if path is not None and key is not None:
                inner = child(path, key)
                if key in first_lines:
                    found = f"the key of line {first_lines[key]} again"
                    self.note(line, found, "each key once", inner)
                    inner = None
                else:
                    first_lines[key] = self.document.lines[inner] = line
            value = self.value(next(events), events, inner, depth + 1)
            if inner is not None and key is not None:
                members[key] = value
        return members

    def _key(
        self, event: Event, events: Iterator[Event], path: str | None, depth: int
    ) -> str | None:
        """Return a key's text; None for what cannot be one."""
        self._refuse_decoration(event, path)
        if isinstance(event, ScalarEvent):
            if event.value == "<<" and not event.style:
                self.note(_line(event), "a merge key (<<)", "the keys themselves", path)
                return None
            return str(event.value)
        if not isinstance(event, AliasEvent):
            self.note(_line(event), "a list or mapping as a key", "a name", path)
            self.value(event, events, None, depth + 1)
        return None


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1
