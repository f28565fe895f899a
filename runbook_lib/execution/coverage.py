"""Which step carries which sentence of the procedure, what checks it, and which test names it.

The sentences stand in procedure.toml, the ids at the steps; here they are only laid side by side.
A sentence without a step needs a written reason, and a step's id needs its sentence.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from types import ModuleType

from runbook_lib.errors import BugError
from runbook_lib.execution import phases
from runbook_lib.steps.step import StepClass
from runbook_lib.topology.models import Topology

_KEYS = {"phase", "text", "figures", "reason"}


@dataclass(frozen=True)
class Sentence:
    """One sentence of the procedure in our words; reason: why no step carries it, "" for most."""

    id: str
    phase: str
    text: str
    figures: tuple[int, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Procedure:
    """All sentences in order, and the figures that the document promises and does not have."""

    sentences: tuple[Sentence, ...]
    missing_figures: tuple[int, ...]


@dataclass(frozen=True)
class CarryingStep:
    """A step of one phase with the ids that it carries; reads_only: it checks and changes nothing.

    classes: the names of what its factory yields, by which a test may know it too.
    """

    phase: str
    name: str
    ids: tuple[str, ...]
    reads_only: bool
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One sentence with what carries it: steps, the checks among them, and tests if asked for."""

    sentence: Sentence
    steps: tuple[CarryingStep, ...]
    tests: tuple[str, ...] = ()

    @property
    def is_covered(self) -> bool:
        """Tell whether a step or a reason is there."""
        return bool(self.steps or self.sentence.reason)

    @property
    def checks(self) -> tuple[str, ...]:
        """Return the steps that tell whether the sentence holds and change nothing.

        Empty where a step changes something and reads it again by itself, which each of them does.
        """
        return tuple(dict.fromkeys(step.name for step in self.steps if step.reads_only))


@dataclass(frozen=True)
class Coverage:
    """Every sentence with its steps, and what does not fit.

    unknown: ids that a step carries and the procedure does not have, with the step's name.
    """

    lines: tuple[Line, ...]
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def uncovered(self) -> tuple[Sentence, ...]:
        """Return the sentences with neither a step nor a reason."""
        return tuple(line.sentence for line in self.lines if not line.is_covered)

    @property
    def misplaced(self) -> tuple[Sentence, ...]:
        """Return the sentences whose steps all stand in other phases than the sentence's."""
        return tuple(
            line.sentence
            for line in self.lines
            if line.steps and line.sentence.phase not in {step.phase for step in line.steps}
        )

    @property
    def idle_reasons(self) -> tuple[Sentence, ...]:
        """Return the sentences that are excused although a step carries them."""
        return tuple(line.sentence for line in self.lines if line.steps and line.sentence.reason)

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is open."""
        return not (self.uncovered or self.unknown or self.misplaced or self.idle_reasons)


def procedure() -> Procedure:
    """Return the sentences of the packaged procedure.toml."""
    text = resources.files("runbook_lib").joinpath("procedure.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    missing = tables.pop("missing_figures")
    odd = {name: set(table) - _KEYS for name, table in tables.items() if set(table) - _KEYS}
    if odd:
        raise BugError(
            "procedure.toml has a key that nobody reads.",
            why=f"{odd}",
            next_step=f"a sentence has {', '.join(sorted(_KEYS))}",
        )
    return Procedure(
        tuple(
            Sentence(
                name,
                table["phase"],
                table["text"],
                tuple(table.get("figures", ())),
                table.get("reason", ""),
            )
            for name, table in tables.items()
        ),
        tuple(missing),
    )


def carrying_steps(
    topology: Topology, modules: Mapping[str, ModuleType] = phases.MODULES
) -> tuple[CarryingStep, ...]:
    """Return every step of every phase with the ids that it says it carries."""
    found = []
    for phase, module in modules.items():
        for factory in module.STEPS:
            made = tuple(factory(topology))
            found.append(
                CarryingStep(
                    phase,
                    factory.__name__,
                    tuple(dict.fromkeys(each for step in made for each in step.ids)),
                    all(step.step_class is StepClass.READ for step in made),
                    tuple(dict.fromkeys(type(step).__name__ for step in made)),
                )
            )
    return tuple(found)


def lay_out(
    sentences: Iterable[Sentence],
    steps: Sequence[CarryingStep],
    tests: Mapping[str, Sequence[str]] | None = None,
) -> Coverage:
    """Return each sentence beside the steps that carry it.

    tests: id -> the tests that name it or one of its steps.
    """
    lines = tuple(
        Line(
            sentence,
            tuple(step for step in steps if sentence.id in step.ids),
            tuple((tests or {}).get(sentence.id, ())),
        )
        for sentence in sentences
    )
    known = {line.sentence.id for line in lines}
    unknown = {each: step.name for step in steps for each in step.ids if each not in known}
    return Coverage(lines, unknown)
