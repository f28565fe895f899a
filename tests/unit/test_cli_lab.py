"""`scc-runbook lab`: the file that joins it, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.cli.lab_server import joining, serve
from runbook_lib.errors import ParametersError
from runbook_lib.topology.loading import check, load
from tests.builders import LAB, ROOT

CONTROL = "http://127.0.0.1:4242"
"""What the stand-in says; nothing is connected to."""


def test_the_file_that_joins_differs_in_one_value() -> None:
    before = LAB.read_text("utf-8").splitlines()

    after = joining(load(LAB), CONTROL).splitlines()

    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [(old.replace("null", f'"{CONTROL}"'), new) for old, new in changed] == [
        (new, new) for _, new in changed
    ]
    assert len(changed) == 1


@pytest.mark.parametrize(
    "section",
    [
        "lab: {control: null, seed: 1}",
        "lab: {seed: 1, control: ~}",
        'lab: {control: "http://127.0.0.1:1", seed: 1}',
        "lab:\n  control: 'http://127.0.0.1:1'   # an older one\n  seed: 1",
        "lab:\n  seed: 1\n  control: http://127.0.0.1:1",
    ],
)
def test_the_file_that_joins_is_valid_however_the_section_is_written(
    section: str, tmp_path: Path
) -> None:
    path = tmp_path / "lab.yaml"
    text = LAB.read_text("utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("lab:")]
    path.write_text(text.replace(line, section), "utf-8")

    topology, faults, _ = check(joining(load(path), CONTROL))

    assert faults == ()
    assert topology is not None
    assert topology.lab.control == CONTROL


def test_a_file_for_real_nodes_starts_no_lab(tmp_path: Path) -> None:
    example = ROOT / "parameters" / "production.example.yaml"
    path = tmp_path / "nodes.yaml"
    path.write_text(example.read_text("utf-8"), "utf-8")

    with pytest.raises(ParametersError):
        serve(path, scenario="factory", state=None, output=None, command=["/does/not/exist"])
