"""The nodes of a run, connected: on the lab or on real machines, by the parameter file alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_lib.clock import Clock
from runbook_lib.commands.command import ManualAct
from runbook_lib.execution.phases import PHASES, account_of, steps_of
from runbook_lib.execution.run_folder import RunFolder
from runbook_lib.execution.work_notes import WorkNotes
from runbook_lib.journal.vocabulary import WORDS
from runbook_lib.sessions import credentials, lab_process
from runbook_lib.sessions.accounts import Account, Breaker
from runbook_lib.sessions.credentials import Credentials
from runbook_lib.sessions.lab_control import LabControl
from runbook_lib.sessions.lab_process import RunningLab
from runbook_lib.sessions.session import Session
from runbook_lib.topology.loading import Loaded
from runbook_lib.topology.models import (
    Authentication,
    DomainAccount,
    LocalAccount,
    Node,
    Target,
    Topology,
)

if TYPE_CHECKING:
    from runbook_lib.sessions.sealed_http import Endpoint

WINRM_PORT = 5985
"""WinRM 2.0 over HTTP; messages are sealed by the logon's own encryption."""

Hands = Callable[[ManualAct, str], None]
"""Performs a manual act on a node in a person's place; only a lab has them."""

ONLY_THE_DRIVER_CAN = ("fd:", "prompt:")
"""References that one process resolves once, and hands to the kernels it starts."""


@dataclass(frozen=True)
class Connections:
    """One session a node, by node name; and, in the lab, hands for what a person would do.

    work: what the sessions wait for at this moment.
    """

    sessions: Mapping[str, Session]
    hands: Hands | None = None
    lab: RunningLab | None = None
    log_on: Callable[[str], Mapping[str, Session]] | None = None
    work: WorkNotes = field(default_factory=WorkNotes)
    _further: dict[str, Mapping[str, Session]] = field(default_factory=dict)

    def sessions_for(self, phase: str) -> Mapping[str, Session]:
        """Return sessions as the account of another phase; the lab and the secrets stay."""
        if self.log_on is None:
            return self.sessions
        if phase not in self._further:
            self._further[phase] = self.log_on(phase)
        return self._further[phase]

    def close(self) -> None:
        """Close every session, and the lab if this process started it."""
        for sessions in (self.sessions, *self._further.values()):
            for session in sessions.values():
                session.close()
        if self.lab is not None:
            self.lab.close()


def connect(
    loaded: Loaded,
    parameters: Path,
    folder: RunFolder | None,
    phase: str,
    clock: Clock,
    *,
    read_only: bool,
    in_kernel: bool = False,
) -> Connections:
    """Return sessions to both nodes; nothing is asked of them yet.

    phase: decides which account logs on. read_only: the sessions have no way to act.
    in_kernel: this process cannot ask a person and owns no descriptor of theirs; such secrets
    are handed to it.
    Raises CredentialError for a reference that leads nowhere, NodeUnreachableError for a lab
    that cannot be had.
    """
    # Imported here: pypsrp is slow to load, and plans and journals are read without it.
    from runbook_lib.sessions.psrp_session import PsrpReader, PsrpSession

    topology = loaded.topology
    lab = lab_of(topology, parameters, folder, phase)
    control = lab.control if lab else None
    handed = credentials.receive()
    vault = Credentials(
        control.password if control else None,
        handed,
        is_first=not in_kernel,
        reserved=reserved_words(topology),
    )
    kind = PsrpReader if read_only else PsrpSession
    breaker = Breaker()
    work = WorkNotes(folder.work_notes if folder is not None and not read_only else None)

    def log_on(phase: str) -> Mapping[str, Session]:
        who = account_of(topology, phase)
        account = Account(who.user, vault.resolve(str(who.password)), breaker)
        return {
            node.name: kind(  # type: ignore[misc] # readers in plan mode
                node.name,
                _endpoints(node, control),
                account,
                clock,
                reveal=vault.resolve,
                authentication=authentication_of(node, who),
                pause_s=max(topology.waits.poll_s, 0.05),
                tell_work=work.tell,
            )
            for node in topology.nodes
        }

    hands = control.perform if control else None
    return Connections(log_on(phase), hands, lab, log_on, work)


def reserved_words(topology: Topology) -> frozenset[str]:
    """Return what stands in a run's record by necessity; no secret may be part of it."""
    nodes = [node.name for node in topology.nodes]
    steps = [step.__name__ for phase in PHASES for step in steps_of(phase)]
    return WORDS | {*PHASES, *steps, *nodes, topology.cluster.name, topology.mailbox_server.name}


def authentication_of(node: Node, who: LocalAccount | DomainAccount) -> str:
    """Return how a session proves who it is: no Kerberos server knows a node's own account."""
    chosen = node.connect.authentication
    if chosen is Authentication.KERBEROS and isinstance(who, LocalAccount):
        return Authentication.NEGOTIATE.value
    return chosen.value


def _endpoints(node: Node, control: LabControl | None) -> Sequence[Endpoint]:
    """Return where a node is tried: where it is now, then where this procedure moves it."""
    from runbook_lib.sessions.sealed_http import Endpoint

    if control is not None:
        return [Endpoint(n.host, n.port) for n in control.nodes() if n.name == node.name]
    port = node.connect.port or WINRM_PORT
    hosts = dict.fromkeys((node.connect.host or node.public.address, node.public.address))
    return [Endpoint(host, port) for host in hosts]


def lab_of(
    topology: Topology, parameters: Path, folder: RunFolder | None, phase: str
) -> RunningLab | None:
    """Return the lab of a run: the named one, the run's own, or a new one; None for real nodes."""
    if topology.target is not Target.LAB:
        return None
    if topology.lab.control:
        return RunningLab(LabControl(str(topology.lab.control)), 0)
    scenario = f"before:{phase}"
    if folder is None:
        return lab_process.start(parameters, scenario=scenario)
    return lab_process.join_or_start(folder.lab_state, parameters, scenario=scenario)


@contextmanager
def keep_lab(
    loaded: Loaded, parameters: Path, folder: RunFolder | None, phase: str
) -> Iterator[RunningLab | None]:
    """Hold the run's lab up while several processes use it, one after the other."""
    lab = lab_of(loaded.topology, parameters, folder, phase)
    try:
        yield lab
    finally:
        if lab is not None:
            lab.close()


class HandedOver:
    """Secrets that only this process can resolve, ready to be handed to each kernel it starts."""

    def __init__(self, topology: Topology) -> None:
        """Resolve them now, so that a person is asked before the run begins."""
        references = {
            str(account.password)
            for account in (
                topology.accounts.local_administrator,
                topology.accounts.installer,
                topology.accounts.cluster_service,
            )
        }
        vault = Credentials(None, {}, reserved=reserved_words(topology))
        self._secrets = [
            vault.resolve(reference)
            for reference in sorted(references)
            if reference.startswith(ONLY_THE_DRIVER_CAN)
        ]

    @contextmanager
    def for_kernel(self) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
        """Yield the environment and the descriptors that a kernel needs to receive them."""
        if not self._secrets:
            yield {}, ()
            return
        descriptor = credentials.hand_over(self._secrets)
        try:
            yield {credentials.HANDED_OVER: str(descriptor)}, (descriptor,)
        finally:
            os.close(descriptor)
