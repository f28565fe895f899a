"""Which machine is which: enrolled once in a run, checked from then on.

A node is known by its MachineGuid and by the MAC addresses of the parameter file; its computer
name counts only from the close of the phase that sets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runbook_lib.commands import system
from runbook_lib.commands.system import Identity
from runbook_lib.errors import WrongNodeError
from runbook_lib.execution.observation import READ_DEADLINE_S, observe
from runbook_lib.execution.phases import NAMES_SETTLED_BY
from runbook_lib.execution.run_folder import outcome_of
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal
from runbook_lib.sessions.session import ExpectedIdentity, Reader
from runbook_lib.topology.models import Topology

FIRST_ANSWER_S = 20.0
"""For a node that was not met yet: a wrong address in the file should show before one is bored."""


def ask(
    sessions: Mapping[str, Reader], nodes: Iterable[str], deadline_s: float = READ_DEADLINE_S
) -> dict[str, Identity]:
    """Return who answers for each node."""
    wanted = [(node, {"identity": system.identity()}) for node in nodes]
    answers = observe(sessions, wanted, deadline_s)
    return {node: seen["identity"] for (node, _), seen in zip(wanted, answers, strict=True)}


def enrolled(entries: Iterable[JournalEntry]) -> dict[str, ExpectedIdentity]:
    """Return the machines that an earlier phase or attempt of this run enrolled."""
    return {
        str(entry.data["node"]): ExpectedIdentity(str(entry.data["machine_guid"]), None)
        for entry in entries
        if entry.event == "enrolled"
    }


def enrol(
    topology: Topology,
    sessions: Mapping[str, Reader],
    entries: Iterable[JournalEntry],
    journal: Journal | None,
) -> dict[str, ExpectedIdentity]:
    """Return what each act will check, after checking that the right machines answer.

    The first phase of a run enrols (journal); later ones compare. journal: None in plan mode.
    Raises WrongNodeError naming what was expected and what answers.
    """
    entries = tuple(entries)
    known = {str(e.data["node"]): e.data for e in entries if e.event == "enrolled"}
    found = ask(sessions, (node.name for node in topology.nodes), FIRST_ANSWER_S)
    settled = outcome_of(entries, NAMES_SETTLED_BY) == "done"
    for node in topology.nodes:
        seen = found[node.name]
        _refuse_other_machine(node.name, seen, known.get(node.name))
        wanted = {node.public.mac, node.private.mac}
        if missing := wanted - set(seen.macs):
            raise WrongNodeError(
                f"The machine that answers for {node.name} is not the one of the parameter file.",
                why=f"it has no adapter {', '.join(sorted(missing))}; it has "
                f"{', '.join(seen.macs)}",
                # Windows tells no MAC address of an adapter that is disabled.
                next_step="enable the adapter if it is switched off there; else correct "
                "connect.host or the MAC addresses: scc-runbook doctor with the parameter file "
                "lists what each machine has",
            )
        if settled and seen.computer_name.upper() != node.name.upper():
            raise WrongNodeError(
                f"The machine that answers for {node.name} has another name.",
                why=f"it is called {seen.computer_name}",
                next_step="correct connect.host, or find out who renamed the machine",
            )
    _refuse_one_machine_twice(found)
    for node in topology.nodes:
        if journal and node.name not in known:
            data = {
                "node": node.name,
                "machine_guid": found[node.name].machine_guid,
                "macs": list(found[node.name].macs),
            }
            journal.append("enrolled", data)
    return {
        node.name: ExpectedIdentity(
            found[node.name].machine_guid, found[node.name].computer_name if settled else None
        )
        for node in topology.nodes
    }


def _refuse_other_machine(node: str, seen: Identity, known: Mapping[str, object] | None) -> None:
    if known is None or known["machine_guid"] == seen.machine_guid:
        return
    raise WrongNodeError(
        f"Another machine than before answers for {node}; nothing was changed.",
        why=f"this run enrolled MachineGuid {known['machine_guid']}, now {seen.machine_guid} "
        f"({seen.computer_name}) answers",
        next_step="find out which machine has the address now, and correct connect.host",
    )


def _refuse_one_machine_twice(found: Mapping[str, Identity]) -> None:
    first, second = found.values()
    if first.machine_guid != second.machine_guid:
        return
    raise WrongNodeError(
        "Both nodes have the same MachineGuid; nothing was changed.",
        why=f"{' and '.join(found)} answer with {first.machine_guid}: one machine under two "
        "addresses, or a clone that was not prepared with sysprep",
        next_step="correct connect.host, or prepare the clone with sysprep",
    )
