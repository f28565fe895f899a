"""Gates: where a person decides (a plan) or acts (at a node), with a name, a time and a reason.

A gate has one model for the command line, JupyterLab and files: it is opened in the journal, its
answer is a file in gates/ written whole, and the next writer of the journal takes it over.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook_lib.errors import ApprovalError, RecordDamagedError, WaitingForPersonError
from runbook_lib.execution import evidence
from runbook_lib.execution.evidence import Upload
from runbook_lib.execution.run_folder import (
    RunFolder,
    open_existing,
    open_gates,
    write_json,
)
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal

ANSWER_KEYS = {
    *("gate", "opened", "answer", "by", "reason", "os_user", "at", "plan_sha256"),
    *("note", "evidence"),
}


@dataclass(frozen=True)
class Gate:
    """One question to a person. plan_sha256 binds the answer to one plan; None for an act.

    changes: what the act is to change, as an intent holds it; none for a plan.
    """

    name: str
    kind: str
    phase: str
    instruction: str
    plan_sha256: str | None = None
    step: str | None = None
    node: str | None = None
    changes: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Gate:
        """Return the gate that the journal holds."""
        named = {("name" if key == "gate" else key): value for key, value in data.items()}
        return cls(**named)

    def data(self) -> dict[str, Any]:
        """Return the gate as the journal holds it."""
        data: dict[str, Any] = {
            "gate": self.name,
            "kind": self.kind,
            "phase": self.phase,
            "instruction": self.instruction,
            "plan_sha256": self.plan_sha256,
            "step": self.step,
            "node": self.node,
        }
        return {**data, "changes": list(self.changes)} if self.changes else data


def plan_gate(phase: str, digest: str) -> Gate:
    """Return the gate before a phase's changes."""
    return Gate(
        f"{phase}.plan",
        "plan",
        phase,
        f"approve the plan of {phase} (plans/{phase}.json)",
        plan_sha256=digest,
    )


def manual_gate(
    phase: str,
    step: str,
    node: str,
    instruction: str,
    changes: Sequence[Mapping[str, Any]] = (),
) -> Gate:
    """Return the gate of an act that a person does at a node."""
    name = f"{phase}.{step}.{node}"
    return Gate(name, "manual", phase, instruction, step=step, node=node, changes=changes)


class GateKeeper:
    """Lets a gate pass when it is answered; opens it and stops the phase when it is not."""

    def __init__(self, folder: RunFolder, journal: Journal, *, automatic: bool) -> None:
        """automatic: the parameter file says `approval: auto`, which only the lab may."""
        self._folder = folder
        self._journal = journal
        self.is_automatic = automatic

    def pass_through(self, gate: Gate, *, given_digest: str = "") -> None:
        """Return when the gate is open.

        given_digest: the plan's SHA-256 handed in with the notebook's parameters; whoever
        started the notebook with it is the one who approved.
        Raises WaitingForPersonError without an answer, ApprovalError when it is refused or
        when it was given for another plan.
        """
        opened = self._opened(gate)
        if opened is not None and self._answered_in_journal(gate, opened):
            return
        opened = opened or self.open(gate)
        if gate.plan_sha256 and given_digest == gate.plan_sha256:
            self._take(
                gate,
                _answer(gate, opened.seq, getpass.getuser(), "given with the start: approved_plan"),
                automatic=False,
            )
        elif self.is_automatic:
            reason = "rehearsal on simulated nodes: approval is auto in the parameter file"
            self._take(gate, _answer(gate, opened.seq, "lab", reason), automatic=True)
        else:
            self._take(gate, self._answer_file(gate, opened), automatic=False)

    def take_over(self, phase: str) -> None:
        """Journal the answers that were given to a phase's gates, also to outdated plans.

        Raises ApprovalError for a refusal.
        """
        for waiting in open_gates(self._journal.entries):
            opened = self._journal.entries[waiting.opened]
            gate = Gate.from_data(opened.data)
            if gate.phase == phase and self._path(gate, opened).exists():
                self._take(gate, self._answer_file(gate, opened), automatic=False)

    def open(self, gate: Gate) -> JournalEntry:
        """Put the question into the journal, unless it already waits there."""
        return self._opened(gate) or self._journal.append("gate_opened", gate.data())

    def _opened(self, gate: Gate) -> JournalEntry | None:
        """Return the gate's last opening for this very plan, unless it was refused since.

        An answer is for one act: when a read has shown that act, or could not find it, the next
        one is asked for anew.
        """
        found = None
        for entry in self._journal.entries:
            if gate.kind == "manual" and self._ends_act(gate, entry):
                found = None
            if entry.data.get("gate") != gate.name:
                continue
            if entry.event == "gate_opened":
                found = entry if entry.data["plan_sha256"] == gate.plan_sha256 else None
            elif entry.event == "gate_answered" and entry.data["answer"] == "refuse":
                found = None
        return found

    def _ends_act(self, gate: Gate, entry: JournalEntry) -> bool:
        asked = (gate.phase, gate.step, gate.node)
        if entry.event == "verified":
            return (entry.data["phase"], entry.data["step"], entry.data["node"]) == asked
        if entry.event not in {"result", "adopted"}:
            return False
        intent = self._journal.entries[entry.data["intent"]].data
        return (intent["phase"], intent["step"], intent["node"]) == asked

    def _answered_in_journal(self, gate: Gate, opened: JournalEntry) -> bool:
        return any(
            entry.event == "gate_answered"
            and entry.seq > opened.seq
            and entry.data["gate"] == gate.name
            and entry.data["answer"] == "approve"
            for entry in self._journal.entries
        )

    def _path(self, gate: Gate, opened: JournalEntry) -> Path:
        return self._folder.path / "gates" / f"{gate.name}.{opened.seq}.json"

    def _answer_file(self, gate: Gate, opened: JournalEntry) -> dict[str, Any]:
        path = self._path(gate, opened)
        if not path.exists():
            raise WaitingForPersonError(
                f"A person's word is needed: {gate.instruction}.",
                why=f'gate "{gate.name}" has no answer (journal {opened.seq})',
                next_step=f'scc-runbook approve {self._folder.path} {gate.name} --by "NAME" '
                f'--reason "TEXT", then scc-runbook resume {self._folder.path}',
            )
        try:
            answer = json.loads(path.read_text("utf-8"))
            valid = isinstance(answer, dict) and set(answer) == ANSWER_KEYS
        except ValueError:
            valid = False
        if not valid:
            raise RecordDamagedError(
                f"The answer to gate {gate.name} cannot be read.",
                why=f"{path} is not what `approve` writes",
                next_step=f"remove that file and answer again with scc-runbook approve "
                f"{self._folder.path} {gate.name}",
            )
        if (answer["gate"], answer["opened"]) != (gate.name, opened.seq):
            raise ApprovalError(
                f"The answer to gate {gate.name} was given to another question.",
                why=f"{path.name} answers {answer['gate']} (journal {answer['opened']})",
                next_step=f"remove {path} and answer this gate with scc-runbook approve",
            )
        return dict(answer)

    def _take(self, gate: Gate, answer: dict[str, Any], *, automatic: bool) -> None:
        if answer["plan_sha256"] != gate.plan_sha256:
            raise ApprovalError(
                f"The answer to gate {gate.name} is for another plan.",
                why=f"it names plan {answer['plan_sha256']}, this plan is {gate.plan_sha256}",
                next_step=f"read plans/{gate.phase}.json and answer gate {gate.name} again",
            )
        entry = self._journal.append(
            "gate_answered",
            {
                "gate": gate.name,
                "answer": answer["answer"],
                "by": answer["by"],
                "reason": answer["reason"],
                "os_user": answer["os_user"],
                "answered_at": answer["at"],
                "automatic": automatic,
                "plan_sha256": gate.plan_sha256,
                "note": answer["note"],
                "evidence": answer["evidence"],
            },
        )
        if answer["answer"] != "approve":
            raise ApprovalError(
                f"Gate {gate.name} was refused; nothing was changed.",
                why=f"{answer['by']}: {answer['reason']} (journal {entry.seq})",
                next_step=f"settle the reason, then scc-runbook resume {self._folder.path} "
                f"opens the gate again, or end the run with scc-runbook close",
            )


def _answer(
    gate: Gate, opened: int, by: str, reason: str, answer: str = "approve"
) -> dict[str, Any]:
    return {
        "gate": gate.name,
        "opened": opened,
        "answer": answer,
        "by": by,
        "reason": reason,
        "os_user": getpass.getuser(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "plan_sha256": gate.plan_sha256,
        "note": "",
        "evidence": [],
    }


def approve(
    run: str,
    gate: str,
    *,
    by: str,
    reason: str,
    refuse: bool = False,
    note: str = "",
    attach: Sequence[Path | Upload] = (),
) -> None:
    """Answer an open gate of a run; the next `resume` takes the answer over.

    note: what else the record should say. attach: files that are copied into it, unread.
    Raises ApprovalError when the gate does not wait, name or reason are empty, or a file cannot
    be taken.
    """
    folder = open_existing(run)
    waiting = open_gates(folder.entries())
    found = next((candidate for candidate in waiting if candidate.gate == gate), None)
    if not by.strip() or not reason.strip():
        raise ApprovalError(
            f"Gate {gate} was not answered.",
            why="a name and a reason are both needed",
            next_step="give both (on the command line --by NAME and --reason TEXT)",
        )
    if found is None or folder.is_sealed:
        names = ", ".join(candidate.gate for candidate in waiting) or "none"
        raise ApprovalError(
            f"Gate {gate} does not wait for an answer.",
            why=f"gates that wait in {folder.path}: {names}",
            next_step=f"see scc-runbook status {folder.path}",
        )
    answer = _answer(
        Gate(found.gate, found.kind, found.phase, found.instruction, found.plan_sha256),
        found.opened,
        by.strip(),
        reason.strip(),
        "refuse" if refuse else "approve",
    )
    answer |= {"note": note.strip(), "evidence": evidence.keep(folder, gate, attach)}
    write_json(folder.path / "gates" / f"{gate}.{found.opened}.json", answer)
