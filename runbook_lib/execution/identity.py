"""Which machine is which: enrolled once in a run, checked from then on.

A node is known by its MachineGuid and by the MAC addresses of the parameter file; its computer
name and its domain count only from the close of the phases that set them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from runbook_lib.commands import system
from runbook_lib.commands.system import Identity
from runbook_lib.errors import WrongNodeError
from runbook_lib.execution.observation import READ_DEADLINE_S, observe
from runbook_lib.execution.phases import JOINED_BY, NAMES_SETTLED_BY
from runbook_lib.execution.run_folder import outcome_of
from runbook_lib.journal.entry import JournalEntry
from runbook_lib.journal.journal import Journal
from runbook_lib.sessions.session import ExpectedIdentity, Reader
from runbook_lib.topology.models import Node, Topology


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


def recognise(
    topology: Topology,
    found: Mapping[str, Identity],
    entries: Sequence[JournalEntry],
    journal: Journal | None,
) -> dict[str, ExpectedIdentity]:
    """Return what each act on the nodes that were found will check; they are the right machines.

    A node that the run has not met yet is enrolled (journal), a known one compared.
    journal: None in plan mode. Raises WrongNodeError naming what was expected and what answers.
    """
    known = {str(e.data["node"]): str(e.data["machine_guid"]) for e in entries if _enrols(e)}
    names_settled = outcome_of(entries, NAMES_SETTLED_BY) == "done"
    joined = outcome_of(entries, JOINED_BY) == "done"
    for node in topology.nodes:
        seen = found.get(node.name)
        if seen is None:
            continue
        _refuse_other_machine(node.name, seen, known.get(node.name))
        _refuse_other_adapters(node, seen)
        if names_settled:
            _refuse_other_name(node.name, seen)
        if joined:
            _refuse_other_domain(node.name, seen, topology.domain.name)
    _refuse_one_machine_twice(known | {node: seen.machine_guid for node, seen in found.items()})
    for name, seen in found.items():
        if journal and name not in known:
            data = {"node": name, "machine_guid": seen.machine_guid, "macs": list(seen.macs)}
            journal.append("enrolled", data)
    return {
        name: ExpectedIdentity(seen.machine_guid, seen.computer_name if names_settled else None)
        for name, seen in found.items()
    }


def _enrols(entry: JournalEntry) -> bool:
    return entry.event == "enrolled"


def _refuse_other_machine(node: str, seen: Identity, known: str | None) -> None:
    if known is None or known == seen.machine_guid:
        return
    raise WrongNodeError(
        f"Another machine than before answers for {node}; nothing was changed.",
        why=f"this run enrolled MachineGuid {known}, now {seen.machine_guid} "
        f"({seen.computer_name}) answers",
        next_step="find out which machine has the address now, and correct connect.host",
    )


def _refuse_other_adapters(node: Node, seen: Identity) -> None:
    missing = {node.public.mac, node.private.mac} - set(seen.macs)
    if not missing:
        return
    raise WrongNodeError(
        f"The machine that answers for {node.name} is not the one of the parameter file.",
        why=f"it has no adapter {', '.join(sorted(missing))}; it has {', '.join(seen.macs)}",
        # Windows tells no MAC address of an adapter that is disabled.
        next_step="enable the adapter if it is switched off there; else correct "
        "connect.host or the MAC addresses: scc-runbook doctor with the parameter file "
        "lists what each machine has",
    )


def _refuse_other_name(node: str, seen: Identity) -> None:
    if seen.computer_name.upper() == node.upper():
        return
    raise WrongNodeError(
        f"The machine that answers for {node} has another name.",
        why=f"it is called {seen.computer_name}",
        next_step="correct connect.host, or find out who renamed the machine",
    )


def _refuse_other_domain(node: str, seen: Identity, domain: str) -> None:
    if seen.domain is not None and seen.domain.casefold() == domain.casefold():
        return
    where = "no domain" if seen.domain is None else f"the domain {seen.domain}"
    raise WrongNodeError(
        f"The machine that answers for {node} is not in the domain {domain} any more.",
        why=f"it is in {where}",
        next_step="correct connect.host, or find out who took the machine out of its domain",
    )


def _refuse_one_machine_twice(guids: Mapping[str, str]) -> None:
    if len(set(guids.values())) == len(guids):
        return
    raise WrongNodeError(
        "Both nodes have the same MachineGuid; nothing was changed.",
        why=f"{' and '.join(guids)} answer with {next(iter(guids.values()))}: one machine under "
        "two addresses, or a clone that was not prepared with sysprep",
        next_step="correct connect.host, or prepare the clone with sysprep",
    )
