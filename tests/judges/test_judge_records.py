"""What this project says of journals and seals, stock tools say too: jq, sha256sum, bash."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.clock import SteppedClock
from runbook_lib.journal.journal import Journal
from runbook_lib.journal.manifest import seal
from tests.builders import ROOT

pytestmark = pytest.mark.skipif(
    not (shutil.which("jq") and shutil.which("sha256sum")), reason="needs jq and sha256sum"
)

CLOCK = SteppedClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
CHAIN = ROOT / "tests" / "verify_chain.sh"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "journal.jsonl"


def verify_with_stock_tools(path: Path, *head: str) -> tuple[int, str]:
    done = subprocess.run(["bash", CHAIN, path, *head], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()


def test_stock_tools_agree_that_a_journal_is_whole(path: Path) -> None:
    journal = Journal.create(path, CLOCK)
    journal.append("one", {"text": "a \\ b \"c\" 'd' $e `f` \u00e9 \n"})
    journal.append("two", {})

    told = f"WHOLE 2 entries, head {journal.head}"
    assert verify_with_stock_tools(path) == (0, told)
    assert verify_with_stock_tools(path, journal.head) == (0, told)


def test_stock_tools_agree_on_where_a_journal_is_broken(path: Path) -> None:
    journal = Journal.create(path, CLOCK)
    for event in ("one", "two", "three"):
        journal.append(event, {})
    head = journal.head
    lines = path.read_bytes().splitlines(keepends=True)

    cases = {
        "changed": [lines[0].replace(b"one", b"uno"), lines[1], lines[2]],
        "removed": [lines[0], lines[2]],
        "doubled": [lines[0], lines[0], lines[1], lines[2]],
        "garbage": [lines[0], b"garbage\n", lines[1], lines[2]],
        "last changed": [lines[0], lines[1], lines[2].replace(b"three", b"drei!")],
        "cut back": [lines[0], lines[1]],
        "cut off": [lines[0], lines[1], lines[2][:-1]],
    }
    found = {}
    for name, changed in cases.items():
        path.write_bytes(b"".join(changed))
        code, told = verify_with_stock_tools(path, head)
        found[name] = (code, told.split(":")[0])
    assert found == {
        "changed": (1, "BROKEN at line 2"),
        "removed": (1, "BROKEN at line 2"),
        "doubled": (1, "BROKEN at line 2"),
        "garbage": (1, "BROKEN at line 2"),
        "last changed": (1, "BROKEN at line 3"),
        "cut back": (1, "BROKEN at line 2"),
        "cut off": (1, "BROKEN at line 3"),
    }


def test_stock_tools_check_the_manifest_alone(path: Path) -> None:
    run = path.parent
    journal = Journal.create(path, CLOCK)
    journal.append("run_opened", {"run": "r1"})
    journal.append("run_closed", {"outcome": "done"})
    page = run / "review.html"
    page.touch(0o600)
    page.write_bytes(b"<p>page</p>")
    (run / "plans").mkdir(mode=0o700)
    (run / "plans" / "10.json").touch(0o600)
    seal(run, {"run": "r1"})
    check = "jq -r '.files[]|\"\\(.sha256)  \\(.path)\"' MANIFEST.json | sha256sum -c --strict"
    script = f'{check} && bash "{CHAIN}" journal.jsonl "$(jq -r .journal.head MANIFEST.json)"'

    whole = subprocess.run(["bash", "-c", script], cwd=run, capture_output=True, check=False)
    page.write_bytes(b"<p>other</p>")
    changed = subprocess.run(["bash", "-c", script], cwd=run, capture_output=True, check=False)

    assert whole.returncode == 0
    assert b"review.html: FAILED" in changed.stdout
