"""The form of waiting gates: what is asked, who answers, and why.

An answer goes the one way that answers go, `execution.gates.approve`: same checks, same file. The
form shows what that refused, or what to do next. Once answered it is plain HTML, without widgets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from runbook_lib.errors import RunbookError
from runbook_lib.execution import gates
from runbook_lib.execution.run_folder import OpenGate
from runbook_lib.guide.questions import STYLE, Said, command_line, question_html, question_text

Act = Callable[[str], None]
"""Does the act of a gate on the simulated node."""


class Question:
    """One gate in the form: its buttons, and what came of pressing them."""

    def __init__(self, gate: OpenGate, *, can_act: bool) -> None:
        """can_act: the node is simulated, so the form offers to do the act there."""
        self.gate = gate
        self.answer: Said | None = None
        is_plan = gate.kind == "plan"
        self.approve = _button("Approve" if is_plan else "Done", "rb-approve", "success")
        self.refuse = _button("Refuse", "rb-refuse", "")
        self.act = _button("Do it on the simulated node", "rb-act", "info")
        self.said = widgets.HTML()
        self.said.add_class("rb-said")
        acts = [self.act] if can_act and not is_plan else []
        self.buttons = (*acts, self.approve, self.refuse)

    def say(self, said: Said) -> None:
        """Show what was said of the last press."""
        self.said.value = said.html()

    def settle(self, said: Said) -> None:
        """Keep the answer, and take no other."""
        self.answer = said
        self.say(said)
        for button in self.buttons:
            button.disabled = True


class GateForm:
    """Asks the waiting gates of one phase.

    plan: the data of the planned steps, which a plan's gate shows.
    act: does an act on a simulated node; None where nodes are real.
    """

    def __init__(
        self,
        run: str,
        asked: Sequence[OpenGate],
        *,
        plan: Sequence[Mapping[str, Any]] = (),
        by: str = "",
        act: Act | None = None,
    ) -> None:
        """Build the widgets; nothing is shown yet."""
        self._run = run
        self._plan = plan
        self._act = act
        self._answered: Callable[[], None] = lambda: None
        self.questions = [Question(gate, can_act=act is not None) for gate in asked]
        self.name = _field("Name", "rb-name", by, "who answers")
        self.reason = _field("Reason", "rb-reason", "", "why; a change number, for instance")
        for question in self.questions:
            self._listen(question)
        self.widget = widgets.VBox([*self._before(), *self._fields(), *self._after()])
        self.widget.add_class("rb-gate-form")

    def on_answer(self, answered: Callable[[], None]) -> None:
        """Have `answered` called after each answer."""
        self._answered = answered

    @property
    def is_answered(self) -> bool:
        """Tell whether every question has its answer."""
        return all(question.answer is not None for question in self.questions)

    def _repr_mimebundle_(self, **asked: Any) -> dict[str, Any]:
        """Return text and HTML; while an answer is missing, the widgets as well."""
        static = {"text/plain": self.text(), "text/html": self.html()}
        if self.is_answered:
            return static
        view: dict[str, Any] = self.widget._repr_mimebundle_(**asked)
        return {**view, **static}

    def __repr__(self) -> str:
        """Return the plain form, as a console shows it."""
        return self.text()

    def text(self) -> str:
        """Return questions and answers, or how they are answered on the command line."""
        return "\n".join(
            f"{question_text(question.gate, self._plan)}\n"
            + (question.answer.text() if question.answer else self._command(question))
            for question in self.questions
        )

    def html(self) -> str:
        """Return questions and answers as HTML without widgets."""
        parts = [
            question_html(question.gate, self._plan)
            + (
                question.answer.html()
                if question.answer
                else Said("waiting", next_step=self._command(question)).html()
            )
            for question in self.questions
        ]
        return f'<div class="rb-gate-form"><style>{STYLE}</style>{"".join(parts)}</div>'

    def close(self) -> None:
        """Free the widgets in the kernel and in the browser."""
        for widget in _all_of(self.widget):
            widget.close()

    def _before(self) -> Iterator[widgets.Widget]:
        yield widgets.HTML(f"<style>{STYLE}</style>")
        for question in self.questions:
            if question.gate.kind == "plan":
                yield widgets.HTML(question_html(question.gate, self._plan))

    def _fields(self) -> Iterator[widgets.Widget]:
        fields = widgets.HBox([self.name, self.reason])
        fields.add_class("rb-fields")
        yield fields

    def _after(self) -> Iterator[widgets.Widget]:
        for question in self.questions:
            if question.gate.kind != "plan":
                yield widgets.HTML(question_html(question.gate, self._plan))
            yield widgets.HBox(list(question.buttons))
            yield question.said

    def _command(self, question: Question) -> str:
        return command_line(self._run, question.gate.gate)

    def _listen(self, question: Question) -> None:
        question.approve.on_click(lambda _: self._answer(question, refuse=False))
        question.refuse.on_click(lambda _: self._answer(question, refuse=True))
        question.act.on_click(lambda _: self._perform(question))

    def _answer(self, question: Question, *, refuse: bool) -> None:
        name, reason = self.name.value.strip(), self.reason.value.strip()
        try:
            gates.approve(self._run, question.gate.gate, by=name, reason=reason, refuse=refuse)
        except (RunbookError, OSError) as error:
            question.say(Said.of(error))
            return
        others = sum(other.answer is None for other in self.questions) - 1
        question.settle(Said.answered(question.gate, name, reason, refuse=refuse, others=others))
        if self.is_answered:
            self.name.disabled = self.reason.disabled = True
        self._answered()

    def _perform(self, question: Question) -> None:
        if self._act is None:
            return
        question.act.disabled = True
        question.say(Said("busy", "Doing it on the simulated node \u2026"))
        try:
            self._act(question.gate.gate)
        except (RunbookError, OSError) as error:
            question.act.disabled = False
            question.say(Said.of(error))
            return
        question.say(
            Said("good", "It is done on the simulated node.", next_step="report it with Done")
        )


def _button(text: str, name: str, style: str) -> widgets.Button:
    button = widgets.Button(
        description=text, button_style=style, layout=widgets.Layout(width="auto")
    )
    button.add_class(name)
    return button


def _field(label: str, name: str, value: str, hint: str) -> widgets.Text:
    field = widgets.Text(value=value, description=label, placeholder=hint)
    field.add_class(name)
    return field


def _all_of(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    for child in getattr(widget, "children", ()):
        yield from _all_of(child)
    yield widget
