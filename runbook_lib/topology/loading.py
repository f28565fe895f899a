"""From a parameter file to a `Topology`, or to all of the file's faults at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runbook_lib.errors import ParametersError
from runbook_lib.topology.document import Document, parent, parse
from runbook_lib.topology.faults import Fault, plain
from runbook_lib.topology.file_text import clean, decode, read_bytes
from runbook_lib.topology.leaves import Leaves
from runbook_lib.topology.models import VERSION, Topology
from runbook_lib.topology.rules import REMARKS, RULES
from runbook_lib.topology.shape import hidden_paths, topology_of

MOST_LINES = 100
"""How many faults one error shows; a file of nonsense can have thousands."""


@dataclass(frozen=True)
class Loaded:
    """A file that can be used.

    text: as read. sha256: of the file's bytes, hexadecimal. warnings: what is allowed and should
    be known, one sentence each.
    """

    topology: Topology
    text: str
    sha256: str
    warnings: tuple[str, ...]


def load(path: Path) -> Loaded:
    """Return the topology of a file; raises ParametersError with every fault it has."""
    data, remarks = read_bytes(path)
    text, byte_faults = decode(data)
    topology, faults, warnings = _examined(text, byte_faults)
    if topology is None:
        raise _unusable(path, faults)
    return Loaded(topology, text, hashlib.sha256(data).hexdigest(), (*remarks, *warnings))


def check(text: str) -> tuple[Topology | None, tuple[Fault, ...], tuple[str, ...]]:
    """Return the topology of a text, or its faults by line; and what should be known of it."""
    return _examined(text, ())


def _examined(
    text: str, byte_faults: tuple[Fault, ...]
) -> tuple[Topology | None, tuple[Fault, ...], tuple[str, ...]]:
    if any(fault.line == 1 and "UTF-16" in fault.found for fault in byte_faults):
        return None, byte_faults, ()
    text, odd = clean(text)
    if not text and odd:
        return None, odd, ()
    spoiled = {fault.line for fault in (*byte_faults, *odd)}
    document = parse(text)
    topology, faults, warnings = _read(document)
    # A line with a broken character is told once; what is left of it may be refused for nothing.
    faults = [fault for fault in faults if fault.line not in spoiled]
    hidden = tuple(hidden_paths(document.tree))
    every = (*byte_faults, *odd, *(_hide(fault, hidden) for fault in faults))
    if every or topology is None:
        return None, tuple(sorted(set(every))), ()
    return topology, (), warnings


def _read(document: Document) -> tuple[Topology | None, list[Fault], tuple[str, ...]]:
    if not document.whole:
        return None, document.faults, ()
    other = _other_version(document)
    if other:
        return None, [*document.faults, other], ()
    values: dict[str, Any] = {}
    topology, faults = topology_of(document, values)
    leaves = Leaves(values, document)
    faults += [fault for rule in RULES for fault in rule(leaves)]
    warnings = tuple(remark for find in REMARKS for remark in find(leaves))
    return topology, [*document.faults, *faults], warnings


def _other_version(document: Document) -> Fault | None:
    """Return the one fault of a file whose form is not this one's: no guess about the rest."""
    scalar = document.scalars.get("version")
    if scalar is None or not scalar.text.isdecimal() or not scalar.text.isascii():
        return None
    number = int(scalar.text[:9])
    if scalar.text == str(VERSION) or (scalar.text.startswith("0") and number == VERSION):
        return None
    advice = "a newer scc-runbook reads this file" if number > VERSION else "copy the example anew"
    found = f"version {number}, which is not this program's ({advice})"
    return Fault(document.line("version"), "version", found, str(VERSION))


def _hide(fault: Fault, hidden: tuple[str, ...]) -> Fault:
    for path in hidden:
        if fault.path == path or fault.path.startswith((f"{path}.", f"{path}[")):
            shown = f"{parent(path)}.?{fault.path[len(path) :]}".removeprefix(".")
            return replace(fault, path=shown)
    return fault


def _unusable(path: Path, faults: Iterable[Fault]) -> ParametersError:
    lines = [str(fault) for fault in faults]
    more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    count = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
    return ParametersError(
        f"The parameter file {plain(str(path))} has {count}.",
        why="\n".join([*lines[:MOST_LINES], *more]),
        next_step="correct each line named above; parameters/lab.yaml is a file without faults.",
    )
