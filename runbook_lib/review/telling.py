"""A journal read as the story of a run.

Read tolerantly: a page must be makeable years later, also from a record that an older version
wrote or that ends in the middle. What an entry lacks is left empty, what is unknown is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from runbook_lib.journal.entry import NOTHING_BEFORE, JournalEntry
from runbook_lib.review.story import (
    RESTART,
    Attempt,
    ChangeStory,
    CheckStory,
    Event,
    EvidenceStory,
    Facts,
    GateStory,
    PhaseStory,
    StepStory,
    Story,
)

_TOLD_ELSEWHERE = frozenset(
    {
        "run_opened", "run_closed", "enrolled", "phase_opened", "phase_closed", "planned",
        "observed", "intent", "result", "verified", "gate_opened", "gate_answered",
    }
)  # fmt: skip


def story_of(entries: Sequence[JournalEntry]) -> Story:
    """Return the story that the entries tell."""
    first = next((entry.data for entry in entries if entry.event == "run_opened"), {})
    closed = next((entry.data for entry in reversed(entries) if entry.event == "run_closed"), {})
    story = Story(
        opened=first,
        began=entries[0].at if entries else "",
        ended=entries[-1].at if entries else "",
        outcome=text(closed, "outcome") or "not ended",
        closed=closed,
        head=entries[-1].digest if entries else NOTHING_BEFORE,
        count=len(entries),
    )
    for name in texts(first.get("phases")):
        story.phases[name] = PhaseStory(name)
    teller = _Teller(story)
    for entry in entries:
        teller.tell(entry)
    return story


class _Teller:
    """Follows the entries in order; remembers which phase is open and which intent is whose."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._phase = ""
        self._intents: dict[int, ChangeStory] = {}

    def tell(self, entry: JournalEntry) -> None:
        """Take one entry into the story."""
        tellers: dict[str, Callable[[JournalEntry], None]] = {
            "enrolled": self._enrolled,
            "phase_opened": self._phase_opened,
            "phase_closed": self._phase_closed,
            "observed": self._observed,
            "planned": self._planned,
            "gate_opened": self._gate_opened,
            "gate_answered": self._gate_answered,
            "intent": self._intent,
            "result": self._result,
            "adopted": self._adopted,
            "rebooted": self._rebooted,
            "verified": self._verified,
        }
        if entry.event not in _TOLD_ELSEWHERE:
            phase = text(entry.data, "phase") or self._phase
            event = Event(entry.seq, entry.at, entry.event, phase, entry.data)
            self._story.events.append(event)
        if entry.event in tellers:
            tellers[entry.event](entry)

    def _phase_of(self, data: Facts) -> PhaseStory:
        name = text(data, "phase") or self._phase or "(no phase)"
        return self._story.phases.setdefault(name, PhaseStory(name))

    def _step_of(self, data: Facts) -> StepStory:
        phase = self._phase_of(data)
        name = text(data, "step") or "(no step)"
        step = phase.steps.setdefault(name, StepStory(name))
        step.title = text(data, "title") or step.title
        step.ids = tuple(texts(data.get("ids"))) or step.ids
        return step

    def _enrolled(self, entry: JournalEntry) -> None:
        event = Event(entry.seq, entry.at, entry.event, self._phase, entry.data)
        self._story.nodes.append(event)

    def _phase_opened(self, entry: JournalEntry) -> None:
        phase = self._phase_of(entry.data)
        self._phase = phase.name
        number = entry.data.get("attempt")
        phase.attempts.append(
            Attempt(
                number if isinstance(number, int) else len(phase.attempts) + 1,
                text(entry.data, "mode"),
                entry.at,
                entry.seq,
            )
        )

    def _phase_closed(self, entry: JournalEntry) -> None:
        phase = self._phase_of(entry.data)
        if phase.attempts:
            last = phase.attempts[-1]
            last.ended = entry.at
            last.outcome = text(entry.data, "outcome") or last.outcome
            last.exit_code = text(entry.data, "exit_code")
        self._phase = ""

    def _observed(self, entry: JournalEntry) -> None:
        phase = self._phase_of(entry.data)
        picture = entry.data.get("picture")
        if text(entry.data, "when") == "before":
            # A second attempt begins on nodes that the first one changed.
            phase.before = phase.before or picture
        else:
            phase.after = picture

    def _planned(self, entry: JournalEntry) -> None:
        phase = self._phase_of(entry.data)
        phase.plan_sha256 = text(entry.data, "plan_sha256")
        phase.planned = list(_mappings(entry.data.get("steps")))
        phase.planned_changes = sum(
            len(list(_mappings(step.get("changes")))) for step in phase.planned
        )
        for step in phase.planned:
            self._step_of({**step, "phase": phase.name})

    def _gate_opened(self, entry: JournalEntry) -> None:
        data = entry.data
        self._story.gates.append(
            GateStory(
                name=text(data, "gate"),
                kind=text(data, "kind"),
                phase=text(data, "phase"),
                instruction=text(data, "instruction"),
                node=text(data, "node"),
                plan_sha256=text(data, "plan_sha256"),
                opened=entry.seq,
                opened_at=entry.at,
            )
        )

    def _gate_answered(self, entry: JournalEntry) -> None:
        data = entry.data
        for gate in reversed(self._story.gates):
            if gate.name == text(data, "gate") and gate.answered is None:
                gate.answer = text(data, "answer")
                gate.by, gate.reason = text(data, "by"), text(data, "reason")
                gate.os_user = text(data, "os_user")
                gate.answered_at = text(data, "answered_at") or entry.at
                gate.answered = entry.seq
                gate.automatic = data.get("automatic") is True
                gate.note = text(data, "note")
                gate.evidence = [
                    EvidenceStory(text(each, "file"), text(each, "name"), text(each, "sha256"))
                    for each in _mappings(data.get("evidence"))
                ]
                return

    def _intent(self, entry: JournalEntry) -> None:
        change = _change(entry.data)
        change.node = text(entry.data, "node")
        change.intent = entry.seq
        self._intents[entry.seq] = change
        self._step_of(entry.data).changes.append(change)

    def _result(self, entry: JournalEntry) -> None:
        change = self._change_of(entry)
        if change is not None:
            change.outcome = text(entry.data, "outcome")
            change.code = text(entry.data, "code")
            change.output = tuple(texts(entry.data.get("output")))

    def _adopted(self, entry: JournalEntry) -> None:
        change = self._change_of(entry)
        if change is not None:
            change.outcome = "adopted"
            change.note = text(entry.data, "evidence")

    def _change_of(self, entry: JournalEntry) -> ChangeStory | None:
        seq = entry.data.get("intent")
        return self._intents.get(seq) if isinstance(seq, int) else None

    def _rebooted(self, entry: JournalEntry) -> None:
        node = text(entry.data, "node")
        restart = self._phase_of(entry.data).steps.get(RESTART)
        for change in reversed(restart.changes if restart else []):
            if change.node == node:
                change.outcome, change.verified = "changed", entry.seq
                change.after = text(entry.data, "boot_after") or change.after
                return

    def _verified(self, entry: JournalEntry) -> None:
        step = self._step_of(entry.data)
        node, outcome = text(entry.data, "node"), text(entry.data, "outcome")
        changes = list(_mappings(entry.data.get("changes")))
        for data in changes:
            proved = _change(data)
            proved.node = node
            change = _same(step.changes, proved) or proved
            if change is proved:
                step.changes.append(proved)
            change.verified = entry.seq
            change.outcome = text(data, "outcome") or outcome
        if changes:
            return
        waiting = [
            change
            for change in step.changes
            if change.node == node and change.outcome in {"reboot pending", "reboot needed"}
        ]
        if outcome == "changed" and waiting:
            for change in waiting:
                change.outcome = "changed"
                change.note = f"in force after the restart (journal {entry.seq})"
            return
        step.checks[node] = CheckStory(node, outcome, text(entry.data, "reason"), entry.seq)


def _change(data: Facts) -> ChangeStory:
    return ChangeStory(
        node="",
        setting=text(data, "setting"),
        before=text(data, "before"),
        after=text(data, "after"),
        undo=text(data, "undo"),
        effect=text(data, "effect"),
        command=text(data, "command"),
        exposes=tuple(texts(data.get("exposes"))),
    )


def _same(changes: Iterable[ChangeStory], proved: ChangeStory) -> ChangeStory | None:
    """Return the last sent change that a read has proved now, if it is among `changes`."""
    key = (proved.node, proved.setting, proved.after)
    fitting = [
        change
        for change in changes
        if (change.node, change.setting, change.after) == key
        and change.verified is None
        and change.outcome not in {"absent", "not sent"}
    ]
    return fitting[-1] if fitting else None


def texts(value: object) -> list[str]:
    """Return a list's items as texts; nothing for what is no list."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return []
    return [str(item) for item in value]


def _mappings(value: object) -> Iterable[Facts]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return ()
    return (item for item in value if isinstance(item, Mapping))


def text(facts: Facts, name: str) -> str:
    """Return a fact as text, empty if it is not there."""
    value = facts.get(name)
    return "" if value is None else str(value)
