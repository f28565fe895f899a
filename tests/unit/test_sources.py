"""What the README claims of the lab is what the lab says of itself."""

from __future__ import annotations

from runbook_lib.lab import sources
from tests.builders import ROOT


def test_every_claim_is_captured_documented_or_inferred() -> None:
    kinds = {claim.partition(":")[0] for _, claim in sources.sources()}

    assert kinds <= set(sources.KINDS)


def test_the_readme_shows_the_counts() -> None:
    shown = [f"| {kind} | {count} |" for kind, count in sources.counts().items()]

    lines = (ROOT / "README.md").read_text("utf-8").splitlines()

    assert [
        line for line in lines if line.startswith(tuple(f"| {k} |" for k in sources.KINDS))
    ] == shown
