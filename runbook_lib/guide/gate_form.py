"""The form of waiting gates: who answers, why, and the buttons.

An answer goes the one way that answers go, `execution.gates.approve`: same checks, same file. What
is asked stands beside the form as plain HTML and takes the answers in, so that a saved notebook
tells both; the widgets go away with the last answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets

from runbook_lib.errors import RunbookError
from runbook_lib.execution import gates
from runbook_lib.execution.evidence import Upload
from runbook_lib.execution.run_folder import OpenGate
from runbook_lib.guide.questions import STYLE, Asked, Said, node_of

Act = Callable[[str], None]
"""Does the act of a gate on the simulated node."""


class Row:
    """One gate in the form: its buttons, and what came of pressing them."""

    def __init__(self, gate: OpenGate, *, can_act: bool) -> None:
        """can_act: the node is simulated, so the form offers to do the act there."""
        self.gate = gate
        is_plan = gate.kind == "plan"
        self.approve = _button("Approve" if is_plan else "Done", "rb-approve", "success")
        self.refuse = _button("Refuse", "rb-refuse", "")
        self.act = _button("Do it on the simulated node", "rb-act", "")
        self.said = widgets.HTML()
        self.said.add_class("rb-said")
        acts = [self.act] if can_act and not is_plan else []
        self.buttons = (*acts, self.approve, self.refuse)

    def widgets(self) -> Iterator[widgets.Widget]:
        """Yield what the form shows of this gate."""
        label = widgets.Label(node_of(self.gate))
        label.add_class("rb-node")
        line = widgets.HBox([*([label] if label.value else []), *self.buttons])
        line.add_class("rb-buttons")
        yield line
        yield self.said

    def say(self, said: Said) -> None:
        """Show what was said of the last press."""
        self.said.value = said.html()

    def settle(self, said: Said) -> None:
        """Show the answer, and take no other."""
        self.say(said)
        for button in self.buttons:
            button.disabled = True


class GateForm:
    """Takes the answers to what is asked.

    by: the name that answered last. act: does an act on a simulated node; None where they are real.
    """

    def __init__(self, asked: Asked, *, by: str = "", act: Act | None = None) -> None:
        """Build the widgets; nothing is shown yet."""
        self.asked = asked
        self._act = act
        self._answered: Callable[[], None] = lambda: None
        self.rows = [Row(gate, can_act=act is not None) for gate in asked.gates]
        self.name = _field("Name", "rb-name", by, "who answers")
        self.reason = _field("Reason", "rb-reason", "", "a change number, or why")
        self.note = _field("Note", "rb-note", "", "what else the record should say")
        self.files = widgets.FileUpload(
            multiple=True,
            description="Files for the record",
            layout=widgets.Layout(width="auto"),
        )
        self.files.add_class("rb-files")
        for row in self.rows:
            self._listen(row)
        lines = (
            widgets.HBox([self.name, self.reason]),
            widgets.HBox([self.note, self.files]),
        )
        for line in lines:
            line.add_class("rb-fields")
        rows = [widget for row in self.rows for widget in row.widgets()]
        self.widget = widgets.VBox([widgets.HTML(f"<style>{STYLE}</style>"), *lines, *rows])
        self.widget.add_class("rb-gate")
        self.widget.add_class("rb-form")

    def on_answer(self, answered: Callable[[], None]) -> None:
        """Have `answered` called after each answer."""
        self._answered = answered

    def _repr_mimebundle_(self, **asked: Any) -> dict[str, Any]:
        """Return the widgets while an answer is missing, afterwards what is left to do."""
        if self.asked.is_answered:
            told = self.asked.outcome
            html = f'<div class="rb-gate rb-settled"><style>{STYLE}</style>{told.html()}</div>'
            return {"text/plain": told.text(), "text/html": html}
        view: dict[str, Any] = self.widget._repr_mimebundle_(**asked)
        return {**view, "text/plain": repr(self), "text/html": ""}

    def __repr__(self) -> str:
        """Return how the form is used, for a front end that shows no widgets."""
        return "A form with name, reason and buttons stands here in JupyterLab."

    def close(self) -> None:
        """Free the widgets in the kernel and in the browser."""
        for widget in _all_of(self.widget):
            widget.close()

    def _listen(self, row: Row) -> None:
        row.approve.on_click(lambda _: self._answer(row, refuse=False))
        row.refuse.on_click(lambda _: self._answer(row, refuse=True))
        row.act.on_click(lambda _: self._perform(row))

    def _answer(self, row: Row, *, refuse: bool) -> None:
        name, reason = self.name.value.strip(), self.reason.value.strip()
        note = self.note.value.strip()
        files = [Upload(str(each["name"]), bytes(each["content"])) for each in self.files.value]
        gate = row.gate.gate
        try:
            gates.approve(
                self.asked.run, gate, by=name, reason=reason, refuse=refuse, note=note, attach=files
            )
        except (RunbookError, OSError) as error:
            row.say(Said.of(error))
            return
        # They belong to this answer; the next one has its own.
        self.note.value, self.files.value = "", ()
        row.settle(self.asked.take(row.gate, name, reason, refuse=refuse))
        self._answered()

    def _perform(self, row: Row) -> None:
        if self._act is None:
            return
        row.act.disabled = True
        row.say(Said("busy", "Doing it on the simulated node \u2026"))
        try:
            self._act(row.gate.gate)
        except (RunbookError, OSError) as error:
            row.act.disabled = False
            row.say(Said.of(error))
            return
        row.say(Said("good", "It is done on the simulated node.", next_step="report it with Done"))


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
