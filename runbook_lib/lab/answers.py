"""What the wire hands to a node and what a node hands back: plain values, no psrpcore, no XML.

Lists are Python lists, hashtables are dicts, and besides those only str, int, bool, None, Bag and
SecretText occur. The wire turns them into PowerShell objects; the handlers never see one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class SecretText(str):
    """The text of a SecureString that a client sent; reprs and formats show a mask.

    It still is a str, so that a world can compare and keep it; whoever writes it anywhere on
    purpose (the ledger of command lines, to prove an exposure) must ask for `reveal`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a mask."""
        return "<secret text>"

    def __str__(self) -> str:
        """Return a mask."""
        return "<secret text>"

    def __format__(self, _specification: str) -> str:
        """Return a mask."""
        return "<secret text>"

    def reveal(self) -> str:
        """Return the text itself, as a plain str."""
        return self[:]


@dataclass(frozen=True)
class Bag:
    """An object with named properties, as `Select-Object` or `New-Object PSObject` gives it.

    types: its type names, most special first; empty means a plain PSCustomObject. The wire ends
    the list in System.Object where the node's own list would.
    """

    properties: Mapping[str, object]
    types: tuple[str, ...] = ()


@dataclass(frozen=True)
class ErrorReply:
    """One error record.

    error_id: the FullyQualifiedErrorId.
    exception: the .NET type name of the exception.
    """

    error_id: str
    message: str
    category: str = "NotSpecified"
    exception: str = "System.Exception"


@dataclass(frozen=True)
class Reply:
    """What a pipeline gave: objects, error records, and the error that ended it, if one did."""

    output: tuple[object, ...] = ()
    errors: tuple[ErrorReply, ...] = ()
    terminating: ErrorReply | None = None


@dataclass(frozen=True)
class Invocation:
    """One pipeline: a cmdlet by name, or a script by its text, with named parameters.

    is_line: it is one command line of a remote command shell, and nothing else.

    label: a short name for people and for faults to match, such as "call_wmi_method EnableStatic";
    empty when nobody gave one.
    """

    command: str
    is_script: bool
    parameters: Mapping[str, object] = field(default_factory=dict)
    label: str = field(default="", compare=False)
    is_line: bool = False
