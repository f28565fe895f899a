"""What a gate asks and what is said to its answer: values in, escaped HTML and text out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.errors import RunbookError
from runbook_lib.execution.run_folder import OpenGate
from runbook_lib.pictures.table import Table
from runbook_lib.pictures.text import escaped, shown
from runbook_lib.steps.step import Effect

BY_HAND = "by hand: "
"""How the plan tells a person's act from a command."""

AGAIN = "run this cell again (Shift+Enter)"

STYLE = """\
.rb-gate-form{font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);max-width:960px;
color:var(--jp-ui-font-color1,inherit);border:1px solid var(--jp-border-color1,#8886);
border-left:4px solid var(--jp-warn-color1,#b86e00);padding:.5em .9em .7em;border-radius:3px}
.rb-gate-form .rb-ask{font-size:15px;font-weight:600;margin:.1em 0 .3em}
.rb-gate-form p{margin:.3em 0;line-height:1.5}
.rb-gate-form .rb-scroll{max-height:24em;overflow:auto;margin:.4em 0;
border:1px solid var(--jp-border-color2,#8884)}
.rb-gate-form .rb-scroll table{margin:0;width:100%;font-size:12px}
.rb-gate-form code{font-size:12px;overflow-wrap:anywhere;background:none;color:inherit}
.rb-gate-form .rb-soft{color:var(--jp-ui-font-color2,inherit)}
.rb-gate-form .rb-answer{border-left:3px solid var(--jp-border-color1,#8886);padding:.1em .7em;
margin:.3em 0;line-height:1.5}
.rb-gate-form .rb-answer.rb-good{border-color:var(--jp-success-color1,#2e8540)}
.rb-gate-form .rb-answer.rb-bad{border-color:var(--jp-error-color1,#d03b3b)}
.rb-gate-form .rb-fields .widget-text{width:22em}
.rb-gate-form .rb-fields .widget-label{width:4.5em}
"""


@dataclass(frozen=True)
class Said:
    """What is said of an answer, or of an attempt at one. kind: good, bad, busy or waiting."""

    kind: str
    what: str = ""
    why: str = ""
    next_step: str = ""

    @classmethod
    def of(cls, error: RunbookError | OSError) -> Said:
        """Return what an error says: what, why and the next step."""
        if isinstance(error, RunbookError):
            return cls("bad", error.what, error.why, error.next_step)
        return cls(
            "bad",
            "The answer could not be written.",
            str(error.strerror or error),
            "make the run folder writable, then answer again",
        )

    @classmethod
    def answered(cls, gate: OpenGate, by: str, reason: str, *, refuse: bool, others: int) -> Said:
        """Return what follows from an answer. others: questions that still wait."""
        if refuse:
            told = f"{AGAIN}: it records the refusal and changes nothing"
            return cls("bad", f"Refused by {by}: {reason}", next_step=told)
        word = "Approved" if gate.kind == "plan" else "Reported done"
        following = "answer the other gate too" if others else AGAIN
        return cls("good", f"{word} by {by}: {reason}", next_step=following)

    def lines(self) -> list[tuple[str, str]]:
        """Return the parts that there are, each with its label."""
        parts = (("", self.what), ("Why", self.why), ("Next", self.next_step))
        return [(label, part) for label, part in parts if part]

    def text(self) -> str:
        """Return the parts, a line each."""
        return "\n".join(
            shown(f"{label}: {part}" if label else part) for label, part in self.lines()
        )

    def html(self) -> str:
        """Return the parts as HTML, escaped."""
        lines = "<br>".join(
            (f"<strong>{label}:</strong> " if label else "") + escaped(part)
            for label, part in self.lines()
        )
        return f'<div class="rb-answer rb-{self.kind}">{lines}</div>'


def command_line(run: str, gate: str) -> str:
    """Return how a gate is answered without the form."""
    return f'scc-runbook approve {shlex.quote(run)} {gate} --by "NAME" --reason "TEXT"'


def question_html(gate: OpenGate, steps: Sequence[Mapping[str, Any]]) -> str:
    """Return what is asked: a plan with its counts, changes and digest, or an act."""
    if gate.kind != "plan":
        return (
            '<div class="rb-ask">To be done by a person</div>'
            f"<p>{escaped(_sentence(gate.instruction), longest=1000)}</p>"
        )
    return (
        f'<div class="rb-ask">Approve the plan of {escaped(gate.phase)}?</div>'
        f"<p>{escaped(counts(steps))}</p>"
        f'<div class="rb-scroll">{changes_table(steps).html()}</div>'
        f'<p class="rb-soft">Plan <code>{escaped(gate.plan_sha256)}</code></p>'
    )


def question_text(gate: OpenGate, steps: Sequence[Mapping[str, Any]]) -> str:
    """Return what is asked as plain text."""
    if gate.kind != "plan":
        return shown(f"To be done by a person: {_sentence(gate.instruction)}", longest=1000)
    lines = (f"Approve the plan of {gate.phase}?", counts(steps), f"Plan {gate.plan_sha256}")
    return "\n".join(shown(line) for line in lines)


def counts(steps: Sequence[Mapping[str, Any]]) -> str:
    """Return a plan in figures: changes by node, those by hand, those that need a restart."""
    changes = [(step["node"], change) for step in steps for change in step["changes"]]
    nodes = dict.fromkeys(step["node"] for step in steps)
    by_node = ", ".join(f"{sum(on == node for on, _ in changes)} on {node}" for node in nodes)
    by_hand = sum(change["command"].startswith(BY_HAND) for _, change in changes)
    later = sum(change["effect"] == Effect.AFTER_REBOOT.value for _, change in changes)
    parts = [f"{_number(len(changes), 'change')}: {by_node}"]
    parts += [f"{by_hand} done by hand"] if by_hand else []
    parts += [f"{later} in force after a restart"] if later else []
    return f"{'; '.join(parts)}. Nothing was changed yet."


def changes_table(steps: Sequence[Mapping[str, Any]]) -> Table:
    """Return a plan's changes in order, each with how it is undone."""
    return Table(
        ("node", "what", "before", "after", "undone by"),
        tuple(
            (step["node"], change["setting"], change["before"], change["after"], change["undo"])
            for step in steps
            for change in step["changes"]
        ),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
