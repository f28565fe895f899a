"""What pydantic says about a tree, as faults with a line each, in an operator's words.

Rule of this file: pydantic's messages are not passed on, they show values.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from runbook_lib.topology.document import Document, Tree, child, parent
from runbook_lib.topology.faults import Fault, quoted
from runbook_lib.topology.leaf import UNFIT, Leaf, Scalar
from runbook_lib.topology.models import Section, Topology
from runbook_lib.topology.references import SECRET_KEY, is_reference

Part = str | int
MOST_SUGGESTIONS = 40
LONGEST_KEY = 40


def topology_of(document: Document, leaves: dict[str, Any]) -> tuple[Topology | None, list[Fault]]:
    """Return the topology that the fields alone would give, or the faults of the fields.

    leaves: is filled with each leaf that parsed, by path.
    """
    try:
        topology = Topology.model_validate(document.tree, context=leaves)
    except ValidationError as error:
        literal = _literal_secrets(document)
        found = _faults(error, document)
        return None, [*(one for one in found if one.path not in literal), *literal.values()]
    return topology, list(_literal_secrets(document).values())


def hidden_paths(tree: Tree | None, path: str = "") -> Iterator[str]:
    """Yield the paths of unknown keys that stand beside a secret.

    They may be the rest of a password that YAML took for a key, so they are not shown, unless
    they look like a slip of a known key.
    """
    members = tree.items() if isinstance(tree, dict) else ()
    if any(SECRET_KEY.search(key) for key, _ in members):
        known = known_keys(_parts(path))
        for key, value in members:
            alone = isinstance(value, Scalar) and value.is_null
            slip = SECRET_KEY.search(key) or _nearest(key, known, 0.8)
            if key not in known and (alone or not slip):
                yield child(path, key)
    for key, value in members:
        yield from hidden_paths(value, child(path, key))
    for place, value in enumerate(tree if isinstance(tree, list) else ()):
        yield from hidden_paths(value, child(path, place))


def known_keys(parts: tuple[Part, ...]) -> tuple[str, ...]:
    """Return the keys that may stand at a place; none where no section may."""
    kind, _ = _kind_at(parts)
    return _keys(kind) if _is_section(kind) else ()


def _faults(error: ValidationError, document: Document) -> Iterator[Fault]:
    suggestions = MOST_SUGGESTIONS
    hidden = set(hidden_paths(document.tree))
    for one in error.errors(include_url=False, include_input=False):
        parts = one["loc"]
        path = path_of(parts)
        if path in document.refused:
            continue
        line = document.line(path)
        if one["type"] == "extra_forbidden":
            suggestions -= 1
            yield Fault(
                line,
                path,
                "an unknown key",
                _wanted_key(parts, suggestions >= 0 and path not in hidden),
            )
        elif one["type"] == "missing":
            yield Fault(line, path, "nothing", _wanted(parts))
        elif one["type"] == UNFIT:
            context = one["ctx"]
            yield Fault(line, path, context["found"], context["wanted"])
        elif one["type"] in {"too_short", "too_long"}:
            # pydantic counts the entries that are good; a bad one is told by itself.
            wanted = _wanted_length(one["ctx"], count := document.count(path))
            if wanted:
                yield Fault(line, path, f"a list of {count}", wanted)
        else:
            yield Fault(line, path, _kind_found(document, path), _wanted(parts))


def path_of(parts: tuple[Part, ...]) -> str:
    """Return a place as in `nodes[0].public.address`."""
    path = ""
    for part in parts:
        path = child(path, part)
    return path


def _parts(path: str) -> tuple[Part, ...]:
    pieces = re.findall(r"[A-Za-z0-9_-]+", path)
    return tuple(int(piece) if piece.isdigit() else piece for piece in pieces)


def _wanted_key(parts: tuple[Part, ...], suggest: bool) -> str:  # noqa: FBT001 - private
    known = known_keys(parts[:-1])
    near = _nearest(str(parts[-1]), known, 0.6) if suggest else None
    return f"{near} (the nearest known key)" if near else f"one of {', '.join(known)}"


def _nearest(key: str, known: tuple[str, ...], cutoff: float) -> str | None:
    if len(key) > LONGEST_KEY:
        return None
    return next(iter(difflib.get_close_matches(key.lower(), known, n=1, cutoff=cutoff)), None)


def _wanted(parts: tuple[Part, ...]) -> str:
    kind, leaf = _kind_at(parts)
    if leaf is not None:
        return leaf.wanted
    if _is_section(kind):
        return f"a section with the keys {', '.join(_keys(kind))}"
    return "a list"


def _wanted_length(bounds: Mapping[str, Any], count: int) -> str | None:
    lowest, highest = bounds.get("min_length", 0), bounds.get("max_length", count)
    if count < lowest:
        return f"a list of at least {lowest}"
    return f"a list of at most {highest}" if count > highest else None


def _kind_found(document: Document, path: str) -> str:
    scalar = document.scalars.get(path)
    if scalar is None:
        return document.kinds.get(path, "nothing")
    return "nothing" if scalar.is_null else quoted(scalar.text)


def _kind_at(parts: tuple[Part, ...]) -> tuple[Any, Leaf | None]:
    """Return the annotation at a place, and its grammar when it is a leaf."""
    kind: Any = Topology
    leaf: Leaf | None = None
    for part in parts:
        if isinstance(part, int) and get_origin(kind) is tuple:
            kind = get_args(kind)[0]
            metadata = getattr(kind, "__metadata__", ())
        elif _is_section(kind) and part in (fields := _fields(kind)):
            kind, metadata = fields[part].annotation, fields[part].metadata
        else:
            return None, None
        leaf = next((one for one in metadata if isinstance(one, Leaf)), None)
    return kind, leaf


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _fields(kind: type[Section]) -> dict[Any, Any]:
    return {field.alias or name: field for name, field in kind.model_fields.items()}


def _keys(kind: type[Section]) -> tuple[str, ...]:
    return tuple(_fields(kind))


def _literal_secrets(document: Document) -> dict[str, Fault]:
    """Return a fault for each key that names a secret and has anything but a reference.

    The schema's own secret fields refuse by their grammar.
    """
    found = {}
    for path, line in document.lines.items():
        key = path.removeprefix(parent(path)).removeprefix(".")
        if not SECRET_KEY.search(key) or _kind_at(_parts(path))[1] is not None:
            continue
        scalar = document.scalars.get(path)
        if scalar is None or not (scalar.is_null or is_reference(scalar.text)):
            wanted = "no such key; secrets stand under accounts, by reference"
            found[path] = Fault(line, path, "a secret (not shown)", wanted)
    return found
