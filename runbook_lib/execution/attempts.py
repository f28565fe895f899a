"""A phase that was begun before: what became of its changes, and if its approval holds."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.errors import StalePlanError
from runbook_lib.execution.gates import GateKeeper, plan_gate
from runbook_lib.execution.phase_plan import PhasePlan, remaining_is_covered, shows
from runbook_lib.execution.phase_record import (
    approved_before,
    changed_since,
    differences,
    open_intents,
)
from runbook_lib.execution.run_folder import RunFolder
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal
from runbook_lib.steps.step import Effect


def settle(journal: Journal, plan: PhasePlan) -> tuple[set[tuple[str, str]], set[str]]:
    """Journal what became of changes that were sent and never seen to end.

    plan: made from a read after the stop; what it still wants was not done, and what it cannot
    see stays open.
    Returns the adopted (step, node), and the nodes that wait for a restart because of them.
    """
    adopted: set[tuple[str, str]] = set()
    waiting: set[str] = set()
    steps = {planned.key: planned for planned in plan.steps}
    for intent in open_intents(journal.entries, plan.phase):
        data = intent.data
        planned = steps.get((data["step"], data["node"]))
        if planned is None:
            continue
        done = shows(planned.plan, data["setting"], data["after"])
        if done is None:
            continue
        if not done:
            seen = ["a separate read shows that nothing was changed"]
            journal.append(
                "result",
                {"intent": intent.seq, "outcome": "absent", "code": None, "output": seen},
            )
            continue
        adopted.add(planned.key)
        evidence = f"read on resume: {data['setting']} is {data['after']}"
        journal.append("adopted", {"intent": intent.seq, "evidence": evidence})
        if data["effect"] == Effect.AFTER_REBOOT.value:
            waiting.add(data["node"])
    return adopted, waiting


def take_reported(journal: Journal, plan: PhasePlan) -> set[tuple[str, str]]:
    """Journal the acts that a person did before answering, where the plan's read shows them.

    Without it the record would call a change unchanged that somebody made for this run, and its
    way back would leave it out. Returns the (step, node) of each.
    """
    steps = {planned.key: planned for planned in plan.steps}
    found: set[tuple[str, str]] = set()
    for opened, answer in _reported(journal.entries, plan.phase):
        data = opened.data
        key = (str(data["step"]), str(data["node"]))
        planned = steps.get(key)
        for change in data.get("changes", ()):
            setting, after = change["setting"], change["after"]
            if planned is None or not shows(planned.plan, setting, after):
                continue
            step = {"phase": plan.phase, "step": data["step"], "node": data["node"]}
            intent = journal.append("intent", {**step, **change})
            evidence = (
                f"reported by {answer.data['by']} (journal {answer.seq}); "
                f"read afterwards: {setting} is {after}"
            )
            journal.append("adopted", {"intent": intent.seq, "evidence": evidence})
            found.add(key)
    return found


def _reported(
    entries: Sequence[JournalEntry], phase: str
) -> list[tuple[JournalEntry, JournalEntry]]:
    """Return (gate, answer) of each act that was reported done and is in no intent yet."""
    opened: dict[str, JournalEntry] = {}
    reported: dict[tuple[str, str], tuple[JournalEntry, JournalEntry]] = {}
    for entry in entries:
        data = entry.data
        if entry.event == "gate_answered":
            gate = opened.get(data["gate"])
            if gate is not None and data["answer"] == "approve" and not data["automatic"]:
                reported[(gate.data["step"], gate.data["node"])] = (gate, entry)
        elif data.get("phase") != phase:
            continue
        elif entry.event == "gate_opened" and data["kind"] == "manual":
            opened[data["gate"]] = entry
        elif entry.event in {"intent", "verified"}:
            reported.pop((data["step"], data["node"]), None)
    return list(reported.values())


def pass_plan_gate(
    folder: RunFolder, journal: Journal, keeper: GateKeeper, plan: PhasePlan, given: str
) -> None:
    """Return when somebody agreed to this plan, or to one that covers what is left of it.

    given: the digest that came with the notebook's parameters, "" for none.
    Raises WaitingForPersonError, ApprovalError, or StalePlanError when the nodes have changed
    since the approval; the new plan's gate is then open.
    """
    gate = plan_gate(plan.phase, plan.digest)
    approved = approved_before(journal.entries, plan.phase)
    before = approved["plan_sha256"] if approved is not None else ""
    # A notebook that is run again still carries the digest of the plan that was approved first.
    if given not in {"", plan.digest, before}:
        keeper.open(gate)
        raise _stale(folder, plan, f"the approved plan is {given}, the nodes need {plan.digest}")
    if approved is not None and plan.digest not in {before, given}:
        uncovered = remaining_is_covered(approved, plan.steps)
        if not uncovered and changed_since(journal.entries, plan.phase, before):
            return
        keeper.open(gate)
        if not keeper.is_automatic:
            raise _stale(folder, plan, "; ".join(uncovered) or differences(approved, plan))
    keeper.pass_through(gate, given_digest=given)


def _stale(folder: RunFolder, plan: PhasePlan, why: str) -> StalePlanError:
    return StalePlanError(
        f"The nodes are no longer as the approved plan of {plan.phase} saw them; "
        "nothing was changed.",
        why=why,
        next_step=f"read the new plan (plans/{plan.phase}.json), then answer its gate: "
        f'scc-runbook approve {folder.path} {plan.phase}.plan --by "NAME" --reason "TEXT"',
    )
