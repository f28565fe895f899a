"""Small faults, one at a time: an edit of a good file, and the exact lines an operator reads.

The cases are data, in `bad_parameters/*.txt`:

    # F6: hexadecimal               what is wrong, with the fault's id where it has one
    - address: 192.168.1.20         a text of the good file (its first occurrence is replaced)
    + address: 0xC0A80114           what stands in its place; {U+XXXX} is that character
    > line 34: cluster.address: ..  each fault, in order; none: the file is good
    ! line 34: ...                  each warning, in order

`nodes.txt` edits the production example as filled in below, the others `lab.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook_lib.topology.loading import check

HERE = Path(__file__).parent / "bad_parameters"
PARAMETERS = Path(__file__).parents[2] / "parameters"
PLACEHOLDER = re.compile(r"<[^<>\n]+>$", re.MULTILINE)
VALUES = (
    *("corp.example", "CORP", "DC07", "10.1.0.10", r"CORP\installer", r"CORP\cluster-service"),
    *("MBXNODE1", "10.1.0.51", "00-0C-29-00-00-01", "10.1.0.11", "00-0C-29-00-00-11"),
    *("MBXNODE2", "node2.corp.example", "00-0C-29-00-00-02", "10.1.0.12", "00-0C-29-00-00-12"),
    *("255.255.255.0", "10.1.0.1", "10.1.0.10", "0", "1024", "1", "204800"),
    *("MBXCLU", "10.1.0.20", "MAIL", "10.1.0.30", "true"),
)
"""What is put in the place of the production example's placeholders, in their order."""


@dataclass(frozen=True)
class Case:
    """One edit and what must be said of it."""

    file: str
    title: str
    edits: tuple[tuple[str, str], ...]
    faults: tuple[str, ...]
    warnings: tuple[str, ...]

    def text(self) -> str:
        """Return the good file with the edits made."""
        text = filled_example() if self.file == "nodes" else lab_text()
        for old, new in self.edits:
            assert old in text, f"{self.title}: no {old!r} to replace"
            text = text.replace(old, new, 1)
        return text


def lab_text() -> str:
    return (PARAMETERS / "lab.yaml").read_text(encoding="utf-8")


def filled_example() -> str:
    values = iter(VALUES)
    text = (PARAMETERS / "production.example.yaml").read_text(encoding="utf-8")
    text = re.sub(r"<[^<>\n]+>$", lambda _: next(values), text, flags=re.MULTILINE)
    assert next(values, None) is None
    return text


def cases() -> Iterator[Case]:
    for file in sorted(HERE.glob("*.txt")):
        for block in re.split(r"\n\n+", file.read_text(encoding="ascii").strip("\n")):
            title, *lines = block.split("\n")
            yield Case(
                file.stem,
                title.removeprefix("# "),
                tuple(edits(lines)),
                tuple(line[2:] for line in lines if line.startswith(">")),
                tuple(line[2:] for line in lines if line.startswith("!")),
            )


def edits(lines: list[str]) -> Iterator[tuple[str, str]]:
    old: str | None = None
    new: list[str] = []
    for line in [*lines, "- "]:
        if line.startswith("-"):
            if old is not None:
                yield old, characters("\n".join(new))
            old, new = line[2:], []
        elif line.startswith("+"):
            new.append(line[2:])


def characters(text: str) -> str:
    text = re.sub(r"\{U\+([0-9A-F]+)\}", lambda found: chr(int(found[1], 16)), text)
    return re.sub(r"\{(\d+) x (.)\}", lambda found: int(found[1]) * found[2], text)


CASES = tuple(cases())


@pytest.mark.parametrize("case", CASES, ids=[f"{case.file}: {case.title}" for case in CASES])
def test_an_edit_is_answered_with_exactly_these_lines(case: Case) -> None:
    topology, faults, warnings = check(case.text())

    assert tuple(map(str, faults)) == case.faults
    assert warnings == case.warnings
    assert (topology is None) == bool(case.faults)


def test_no_part_of_a_literal_secret_is_shown() -> None:
    literals = [case for case in CASES if re.search("hunter2|SECRET", str(case.edits))]
    shown = [str(check(case.text())) for case in literals]

    assert len(literals) > 10
    assert not [line for line in shown if re.search("hunter2|SECRET", line)]


def test_every_rule_has_a_case_that_breaks_it() -> None:
    broken = {rule for case in CASES if case.faults for rule in re.findall(r"F\d+", case.title)}
    elsewhere = {"F19"}  # no text at all: test_topology_loading.py

    assert broken | elsewhere == {f"F{number}" for number in range(1, 26)}


def test_case_titles_are_unique() -> None:
    titles = [(case.file, case.title) for case in CASES]

    assert len(set(titles)) == len(titles)
