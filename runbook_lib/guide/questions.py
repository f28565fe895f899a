"""What a gate asks and what is said to its answer: values in, escaped HTML and text out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.errors import RunbookError
from runbook_lib.execution import asked_plan
from runbook_lib.execution.run_folder import OpenGate
from runbook_lib.pictures.table import Table
from runbook_lib.pictures.text import escaped, shown

AGAIN = "run this cell again (\u25b6 in the toolbar)"
"""Not Shift+Enter: a pressed button that goes away takes the keyboard's focus with it."""

STYLE = """\
.rb-gate{font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);max-width:960px;
color:var(--jp-ui-font-color1,inherit);padding:.3em .9em .4em;box-sizing:border-box;
border-left:4px solid var(--jp-warn-color1,#b86e00)}
.rb-gate.rb-settled{border-left-color:var(--jp-success-color1,#2e8540)}
.rb-gate .rb-ask{font-size:15px;font-weight:600;margin:.1em 0 .3em}
.rb-gate p{margin:.3em 0;line-height:1.5}
.rb-gate .rb-scroll{max-height:34em;overflow:auto;margin:.4em 0;
border:1px solid var(--jp-border-color2,#8884)}
.rb-gate .rb-scroll table{margin:0;width:100%;font-size:12px;border-collapse:collapse}
.rb-gate .rb-scroll tr>*{padding:.25em .8em .25em .4em;line-height:1.35;border:0;
border-bottom:1px solid var(--jp-border-color2,#8884)}
.rb-gate .rb-scroll tr>*:first-child{white-space:nowrap}
.rb-gate code{font-size:12px;overflow-wrap:anywhere;background:none;color:inherit;padding:0}
.rb-gate .rb-soft{color:var(--jp-ui-font-color2,inherit)}
.rb-gate .rb-answer{border-left:3px solid var(--jp-border-color1,#8886);padding:.1em .7em;
margin:.4em 0;line-height:1.5}
.rb-gate .rb-answer.rb-good{border-color:var(--jp-success-color1,#2e8540)}
.rb-gate .rb-answer.rb-bad{border-color:var(--jp-error-color1,#d03b3b)}
.rb-gate .rb-fields .widget-text{width:22em}
.rb-gate .rb-fields .widget-label{width:4.5em}
.rb-gate .rb-node{min-width:8em;font-weight:600}
"""


@dataclass(frozen=True)
class Said:
    """What is said of an answer, or of an attempt at one. kind: good, bad or busy."""

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
        following = "answer the other one too" if others else AGAIN
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


@dataclass
class Asked:
    """The questions of one phase that wait, with the answers that were taken.

    run: the run folder. plan: the data of the planned steps, which a plan's gate shows.
    """

    run: str
    gates: Sequence[OpenGate]
    plan: Sequence[Mapping[str, Any]] = ()
    answers: dict[str, Said] = field(default_factory=dict)

    @property
    def is_answered(self) -> bool:
        """Tell whether every question has its answer."""
        return len(self.answers) == len(self.gates)

    @property
    def outcome(self) -> Said:
        """Return what is left to do after the last answer; a refusal counts before all others."""
        steps = [answer.next_step for answer in self.answers.values() if answer.kind == "bad"]
        return Said("bad" if steps else "good", next_step=steps[0] if steps else AGAIN)

    def take(self, gate: OpenGate, by: str, reason: str, *, refuse: bool) -> Said:
        """Keep the answer to one question; return what is said of it."""
        others = sum(other.gate not in self.answers for other in self.gates) - 1
        said = Said.answered(gate, by, reason, refuse=refuse, others=others)
        self.answers[gate.gate] = said
        return said

    def _repr_mimebundle_(self, **_asked: object) -> dict[str, str]:
        """Return both forms; the front end picks what it can show."""
        return {"text/plain": self.text(), "text/html": self.html()}

    def __repr__(self) -> str:
        """Return the plain form, as a console shows it."""
        return self.text()

    def text(self) -> str:
        """Return questions and answers, or how they are answered on the command line."""
        lines = []
        for gate in self.gates:
            lines += self._question(gate)
            answer = self.answers.get(gate.gate)
            lines.append(answer.text() if answer else command_line(self.run, gate.gate))
        return "\n".join(lines)

    def html(self) -> str:
        """Return questions and answers as HTML, escaped."""
        kind = "rb-gate rb-settled" if self.is_answered else "rb-gate"
        parts = "\n".join(self._part(gate) for gate in self.gates)
        return f'<div class="{kind}"><style>{STYLE}</style>\n{parts}</div>'

    def _question(self, gate: OpenGate) -> list[str]:
        if gate.kind != "plan":
            told = _sentence(gate.instruction)
            return [shown(f"To be done by a person: {told}", longest=1000)]
        lines = (
            f"Approve the plan of {gate.phase}?",
            asked_plan.counts(self.plan),
            *asked_plan.notes(gate.phase, self.plan),
            f"Plan {gate.plan_sha256}",
        )
        return [shown(line, longest=1000) for line in lines]

    def _part(self, gate: OpenGate) -> str:
        if gate.kind == "plan":
            changes = Table(asked_plan.COLUMNS, asked_plan.rows(self.plan))
            notes = asked_plan.notes(gate.phase, self.plan)
            parts = [
                f'<div class="rb-ask">Approve the plan of {escaped(gate.phase)}?</div>',
                f"<p>{escaped(asked_plan.counts(self.plan))}</p>",
                f'<div class="rb-scroll">{changes.html()}</div>',
                *(f"<p>{escaped(note, longest=1000)}</p>" for note in notes),
                f'<p class="rb-soft">Plan <code>{escaped(gate.plan_sha256)}</code></p>',
            ]
        else:
            parts = [
                f'<div class="rb-ask">To be done by a person, for {escaped(node_of(gate))}</div>',
                f"<p>{escaped(_sentence(gate.instruction), longest=1000)}</p>",
            ]
        answer = self.answers.get(gate.gate)
        if answer is None:
            line = escaped(command_line(self.run, gate.gate), longest=1000)
            parts.append(f'<p class="rb-soft">Without the form: <code>{line}</code></p>')
        else:
            parts.append(Said(answer.kind, answer.what).html())
        return "\n".join(parts)


def node_of(gate: OpenGate) -> str:
    """Return the node at which a gate's act is done; empty for a plan."""
    if gate.kind == "plan":
        return ""
    return gate.gate.removeprefix(f"{gate.phase}.").partition(".")[2]


def command_line(run: str, gate: str) -> str:
    """Return how a gate is answered without the form."""
    return f'scc-runbook approve {shlex.quote(run)} {gate} --by "NAME" --reason "TEXT"'


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
