"""What cluster.exe says: system texts of its exit codes, and how it sets its listings.

Widths and overflow are those of listings in public scripts: a long name pushes the columns to its
right, one space stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from runbook_lib.lab.handlers.surface import Ran

TEXTS: Mapping[int, str] = MappingProxyType(
    {
        5: "Access is denied.",
        87: "The parameter is incorrect.",
        145: "The directory is not empty.",
        1059: "Circular service dependency was specified.",
        1069: "The service did not start due to a logon failure.",
        1326: "Logon failure: unknown user name or bad password.",
        1331: "Logon failure: account currently disabled.",
        1355: "The specified domain either does not exist or could not be contacted.",
        1722: "The RPC server is unavailable.",
        1753: "There are no more endpoints available from the endpoint mapper.",
        1793: "The user's account has expired.",
        1907: "The user's password must be changed before logging on the first time.",
        1909: "The referenced account is currently locked out and may not be logged on to.",
        5001: "The operation cannot be completed because other resources are dependent on this "
        "resource.",
        5002: "The cluster resource dependency cannot be found.",
        5003: "The cluster resource cannot be made dependent on the specified resource because it "
        "is already dependent.",
        5004: "The cluster resource is not online.",
        5005: "A cluster node is not available for this operation.",
        5007: "The cluster resource could not be found.",
        5009: "A cluster node cannot be evicted from the cluster unless the node is down or it is "
        "the last node.",
        5010: "The object already exists.",
        5011: "The object is already in the list.",
        5013: "The cluster group could not be found.",
        5015: "The operation failed because either the specified cluster node is not the owner of "
        "the resource, or the node is not a possible owner of the resource.",
        5016: "The operation failed because either the specified cluster node is not the owner of "
        "the group, or the node is not a possible owner of the group.",
        5018: "The cluster resource could not be brought online by the resource monitor.",
        5019: "The operation could not be completed because the cluster resource is online.",
        5020: "The cluster resource could not be deleted or brought offline because it is the "
        "quorum resource.",
        5021: "The cluster could not make the specified resource a quorum resource because it is "
        "not capable of being a quorum resource.",
        5023: "The group or resource is not in the correct state to perform the requested "
        "operation.",
        5024: "The properties were stored but not all changes will take effect until the next "
        "time the resource is brought online.",
        5026: "The cluster resource could not be deleted since it is a core resource.",
        5034: "The cluster node failed to take control of the quorum resource because the "
        "resource is owned by another active node.",
        5040: "The cluster node already exists.",
        5042: "The cluster node could not be found.",
        5045: "The cluster network could not be found.",
        5050: "The cluster node is down.",
        5052: "The cluster node is not a member of the cluster.",
        5057: "The cluster IP address is already in use.",
        5060: "The cluster network is not configured for internal cluster communication.",
        5065: "The cluster node is already a member of the cluster.",
        5066: "The cluster network is the only network configured for internal cluster "
        "communication between two or more active cluster nodes. The internal communication "
        "capability cannot be removed from the network.",
        5067: "One or more cluster resources depend on the network to provide service to clients. "
        "The client access capability cannot be removed from the network.",
        5069: "The cluster quorum resource is not allowed to have any dependencies.",
        5070: "The cluster node is paused.",
        5071: "The cluster resource cannot be brought online. The owner node cannot run this "
        "resource.",
        5078: "The specified resource type was not found.",
        5079: "The specified node does not support a resource of this type. This may be due to "
        "version inconsistencies or due to the absence of the resource DLL on this node.",
        5894: "A cluster network was not found for the specified IP address.",
        5900: "A cluster cannot be created with the specified cluster name because that cluster "
        "name is already in use. Specify a different name for the cluster.",
    }
)
"""Win32 code -> the system's own text."""

STORED = 5024


@dataclass(frozen=True)
class Column:
    """One column of a listing; the last one of a table has no padding."""

    title: str
    width: int
    right: bool = False

    def set(self, text: str) -> str:
        """Return a cell."""
        return text.rjust(self.width) if self.right else text.ljust(self.width)


NODE = (Column("Node", 14), Column("Node ID", 7, right=True), Column("Status", 21))
GROUP = (Column("Group", 20), Column("Node", 15), Column("Status", 6))
RESOURCE = (Column("Resource", 20), Column("Group", 20), Column("Node", 15), Column("Status", 6))
NETWORK = (Column("Network", 25), Column("Status", 11))
PROPERTY = (Column("T", 2), Column("", 20), Column("Name", 30), Column("Value", 23))
QUORUM = (Column("Quorum Resource Name", 20), Column("Device", 40), Column("Max Log Size", 12))
DEPENDENCY = RESOURCE


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return header, dashes and rows."""
    dashes = " ".join("-" * each.width for each in columns)
    header = _line(columns, [each.title for each in columns])
    return [header, dashes, *(_line(columns, row) for row in rows)]


def listing(heading: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table under its heading line."""
    return [heading, "", *table(columns, rows)]


def properties(of: str, kind: str, rows: Iterable[tuple[str, str, str]], word: str) -> list[str]:
    """Return a listing of (type, name, value) rows of one object."""
    columns = (PROPERTY[0], Column(kind, 20), *PROPERTY[2:])
    cells = [(mark, of, name, value) for mark, name, value in rows]
    return listing(f"Listing {word}properties for '{of}':", columns, cells)


def number(value: int) -> str:
    """Return a double word as listings show it."""
    return f"{value} (0x{value:x})"


def refused(code: int, *lines: str) -> Ran:
    """Return how cluster.exe ends with a Win32 code: what it said before, then number and text."""
    return Ran(code, (*lines, "", *system_error(code)))


def system_error(code: int) -> tuple[str, str]:
    """Return the two lines for a code; 5024 alone is called a warning."""
    word = "warning" if code == STORED else "error"
    return (f"System {word} {code} has occurred (0x{code:08x}).", TEXTS.get(code, ""))


def _line(columns: Sequence[Column], cells: Sequence[str]) -> str:
    *first, last = [column.set(cell) for column, cell in zip(columns, cells, strict=True)]
    return " ".join([*first, last.rstrip() if not columns[-1].right else last])
