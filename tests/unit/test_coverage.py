"""Every sentence of the procedure has a step or a written reason, and every id its sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import PreconditionError
from runbook_lib.execution import phases
from runbook_lib.execution.coverage import (
    CarryingStep,
    Sentence,
    carrying_steps,
    lay_out,
    procedure,
)
from runbook_lib.execution.coverage_tests import named_in_tests
from runbook_lib.lab.scenarios import PHASES
from tests.builders import topology

HERE = "10_configure_networks"
NAMED = ("id", "step", "class", "helper", "phase")


def step(name: str, *ids: str, phase: str = HERE, reads_only: bool = False) -> CarryingStep:
    return CarryingStep(phase, name, ids, reads_only, (name.title(),))


def test_every_sentence_of_a_finished_phase_is_carried_or_excused() -> None:
    found = lay_out(procedure().sentences, carrying_steps(topology()))

    assert [each.id for each in found.uncovered if each.phase in phases.PHASES] == []
    assert dict(found.unknown) == {}
    assert [each.id for each in found.idle_reasons] == []
    finished = set(phases.PHASES)
    assert [each.id for each in found.misplaced if each.phase in finished] == []


def test_the_procedure_is_whole_and_in_order() -> None:
    book = procedure()
    ids = [each.id for each in book.sentences]

    assert len(set(ids)) == len(ids) == 80
    assert [each for each in ids if not re.fullmatch(r"[SNM]0\d\d|T[1-9]\d?", each)] == []
    numbers = [int(each[1:]) for each in ids]
    steps = [number for each, number in zip(ids, numbers, strict=True) if each[0] != "T"]
    assert steps == sorted(steps)
    assert numbers[len(steps) :] == list(range(1, 18))
    assert {each.phase for each in book.sentences} <= set(PHASES)
    assert all(each.text and each.text == each.text.strip().rstrip(".") for each in book.sentences)


def test_every_figure_has_its_sentence_or_is_known_to_be_lost() -> None:
    book = procedure()
    named = [figure for each in book.sentences for figure in each.figures]

    # Figure 31 is looked at twice: before and after the networks get their roles.
    assert sorted([*named, *book.missing_figures]) == sorted([*range(1, 48), 31])


def test_a_sentence_without_step_and_reason_is_open() -> None:
    sentences = [
        Sentence("S001", HERE, "a"),
        Sentence("S002", HERE, "b", reason="told elsewhere"),
        Sentence("S003", HERE, "c"),
        Sentence("S004", HERE, "d", reason="not needed any more"),
        Sentence("S005", "20_join_domain", "e"),
    ]
    steps = [
        step("change", "S003", "S004"),
        step("check", "S003", "S005", reads_only=True),
        step("stray", "S999"),
    ]

    found = lay_out(sentences, steps)

    assert [each.id for each in found.uncovered] == ["S001"]
    assert [each.id for each in found.idle_reasons] == ["S004"]
    assert [each.id for each in found.misplaced] == ["S005"]
    assert dict(found.unknown) == {"S999": "stray"}
    assert not found.is_whole
    assert [line.checks for line in found.lines] == [(), (), ("check",), (), ("check",)]
    assert lay_out(sentences[1:2], []).is_whole


def test_a_test_is_known_by_the_id_or_the_step_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "unit").mkdir()
    (tmp_path / "unit" / "test_a.py").write_text(
        "import pytest\n\n"
        "@pytest.mark.parametrize('x', ['S003'])\n"
        "def test_by_id(x):\n    pass\n\n"
        "def test_by_step():\n    steps.change(1)\n\n"
        "def test_by_class():\n    Change(1)\n\n"
        "def test_by_helper():\n    helper()\n\n"
        "def test_by_phase():\n    carry_out(PHASE)\n\n"
        "def test_of_nothing():\n    S0031, changes = 1, 2\n\n"
        f"PHASE = '{HERE}'\n\n"
        "def helper():\n    other()\n\n"
        "def other():\n    steps.change\n",
        "utf-8",
    )

    found = named_in_tests(["S003", "S009"], [step("change", "S003")], tmp_path)

    assert found == {
        "S003": tuple(f"unit/test_a.py::test_by_{each}" for each in NAMED),
        "S009": (),
    }


def test_a_test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_b.py").write_text("def test_x(:\n", "utf-8")

    with pytest.raises(PreconditionError, match="is no Python") as caught:
        named_in_tests(["S003"], [], tmp_path)

    assert caught.value.why.endswith("in line 1")


def test_the_command_tells_all_and_ends_with_15_while_something_is_open(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from runbook_lib.cli import procedure_commands
    from runbook_lib.execution import coverage as book

    sentence = Sentence("S001", HERE, "a", (7,))
    monkeypatch.setattr(book, "procedure", lambda: book.Procedure((sentence,), ()))

    def ask(*steps: CarryingStep) -> tuple[int, Any]:
        monkeypatch.setattr(book, "carrying_steps", lambda _: steps)
        try:
            procedure_commands.coverage(parameters=Path("parameters/lab.yaml"), as_json=True)
            code = 0
        except Exception as error:  # noqa: BLE001 - typer's way to end
            code = getattr(error, "exit_code", -1)
        return code, json.loads(capsys.readouterr().out)

    open_code, found = ask()
    done_code, done = ask(step("change", "S001"))

    assert (open_code, found["neither_step_nor_reason"]) == (15, ["S001"])
    assert (done_code, done["neither_step_nor_reason"]) == (0, [])
    assert done["lines"] == [
        {
            "checks": [],
            "figures": [7],
            "id": "S001",
            "phase": HERE,
            "reason": "",
            "steps": [{"phase": HERE, "step": "change"}],
            "tests": [],
            "text": "a",
        }
    ]
