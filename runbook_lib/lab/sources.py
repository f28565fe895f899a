"""How each behaviour of the lab is known: captured, documented or inferred.

`python -m runbook_lib.lab.sources` prints the whole list; the README shows the counts, and a test
compares them. captured: recorded from a real machine. documented: read in documentation or in
public code that quotes real output. inferred: what nobody here has seen.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from runbook_lib.lab.handlers import dispatch
from runbook_lib.lab.server import wsman_faults

KINDS = ("captured", "documented", "inferred")


def sources() -> Sequence[tuple[str, str]]:
    """Return each surface with each claim about it, sorted by surface."""
    wire = [
        (f"WS-Management fault {name}", fault.source)
        for name, fault in vars(wsman_faults).items()
        if isinstance(fault, wsman_faults.Fault)
    ]
    return sorted([*dispatch.sources(), *wire])


def counts() -> dict[str, int]:
    """Return how many claims there are of each kind."""
    found = Counter(claim.partition(":")[0] for _, claim in sources())
    return {kind: found[kind] for kind in KINDS}


def main() -> None:
    """Print the list, then the counts."""
    for surface, claim in sources():
        sys.stdout.write(f"{surface}: {claim}\n")
    sys.stdout.write(", ".join(f"{n} {kind}" for kind, n in counts().items()) + "\n")


if __name__ == "__main__":
    main()
