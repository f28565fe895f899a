r"""The command line of cluster.exe: `cluster [[/cluster:]NAME] [object [name]] /option[:value]`.

Options may be shortened down to the part that stands before the bracket in their pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

NOUNS: Mapping[str, str] = MappingProxyType(
    {
        "node": "node",
        "group": "group",
        "res": "resource",
        "resource": "resource",
        "net": "network",
        "network": "network",
    }
)

OPTIONS = (
    "create",
    "add[nodes]",
    "ipaddr[ess]",
    "pass[word]",
    "user",
    "node",
    "verb[ose]",
    "unattend[ed]",
    "min[imum]",
    "quorum[resource]",
    "path",
    "maxlogsize",
    "ver[sion]",
    "listnetpri[ority]",
    "setnetpri[ority]",
    "stat[us]",
    "prop[erties]",
    "priv[properties]",
    "evict",
    "force[cleanup]",
    "start",
    "stop",
    "wait",
    "move[to]",
    "on[line]",
    "off[line]",
    "delete",
    "group",
    "type",
    "listdep[endencies]",
    "adddep[endency]",
    "removedep[endency]",
    "listowners",
    "pause",
    "resume",
)
"""What the lab takes; whatever else cluster.exe knows is refused as not simulated."""


class UnknownOptionError(ValueError):
    """An option that stands in no pattern."""


@dataclass(frozen=True)
class Words:
    """One command line taken apart.

    cluster: the name that was given, None for the node's own cluster. options: full name ->
    value, None without one. properties: the Name=Value words.
    """

    cluster: str | None = None
    noun: str = "cluster"
    name: str | None = None
    options: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)

    def has(self, option: str) -> bool:
        """Tell whether an option was given."""
        return option in self.options

    def value(self, option: str) -> str:
        """Return an option's value, "" without one."""
        return self.options.get(option) or ""


def parse(arguments: Sequence[str]) -> Words:
    """Return the words by their meaning; UnknownOptionError for what cannot be told."""
    cluster: str | None = None
    noun, name = "cluster", None
    options: dict[str, str | None] = {}
    properties: dict[str, str] = {}
    for place, word in enumerate(arguments):
        if word.lower().startswith("/cluster:"):
            cluster = word[len("/cluster:") :]
        elif word.startswith("/"):
            option, colon, value = word[1:].partition(":")
            options[full(option)] = value if colon else None
        elif noun == "cluster" and word.lower() in NOUNS and not options:
            noun = NOUNS[word.lower()]
        elif noun != "cluster" and name is None and not options:
            name = word
        elif place == 0:
            cluster = word
        elif "=" in word and ({"properties", "privproperties"} & options.keys()):
            key, _, value = word.partition("=")
            properties[key] = value
        else:
            raise UnknownOptionError(word)
    return Words(cluster, noun, name, options, properties)


def full(option: str) -> str:
    """Return an option's full name."""
    found = [name for pattern in OPTIONS for name in _fits(pattern, option.lower())]
    if not found:
        raise UnknownOptionError(option)
    return found[0]


def _fits(pattern: str, given: str) -> Iterator[str]:
    least, rest = re.fullmatch(r"(\w+)(?:\[(\w+)\])?", pattern).groups("")  # type: ignore[union-attr]
    if (least + rest).startswith(given) and given.startswith(least):
        yield least + rest
