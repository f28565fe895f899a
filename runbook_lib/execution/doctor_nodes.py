"""What a parameter file's nodes look like from here: way, account, identity, adapters, clock.

Reads only, one account at a time: where a node refuses the account, the other one is not tried,
for every refusal counts towards a lockout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from runbook_lib.clock import Clock, SystemClock
from runbook_lib.commands import components, network, system, winrm
from runbook_lib.commands.command import Query
from runbook_lib.commands.network import Adapter, ConnectionStatus
from runbook_lib.commands.system import Computer, ComputerNames, Identity, OperatingSystem
from runbook_lib.commands.winrm import ShellQuotas
from runbook_lib.errors import (
    AuthenticationError,
    ExitCode,
    NodeUnreachableError,
    RunbookError,
    exit_code_of,
)
from runbook_lib.execution import doctor_site
from runbook_lib.execution.doctor import Finding, Verdict
from runbook_lib.execution.phases import PHASES
from runbook_lib.sessions.session import Reader
from runbook_lib.topology.loading import load
from runbook_lib.topology.models import Node, Topology

READ_DEADLINE_S = 120.0
MOST_SKEW = timedelta(minutes=5)
"""Kerberos refuses a greater difference between two machines' clocks."""
NODES_SKEW = timedelta(seconds=2)
"""The nodes' clocks may differ by this much from each other."""
ENGLISH = 1033
NO_DHCP_ANSWERED = "169.254."
"""Addresses that Windows gives itself."""
MEMORY_FOR_EXCHANGE_MB = 1024
"""What a shell of the later phases wants: Exchange's tools in it, and its child processes."""
RAISE_MEMORY = 'winrm set winrm/config/winrs @{MaxMemoryPerShellMB="1024"}'

QUERIES: Mapping[str, Query[Any]] = {
    "identity": system.identity(),
    "names": system.computer_names(),
    "computer": system.computer(),
    "system": system.operating_system(),
    "powershell": components.powershell_version(),
    "quotas": winrm.shell_quotas(),
    "adapters": network.adapters(),
    "clock": system.clock(),
}
"""Field of `Seen` -> what is asked for it."""


@dataclass(frozen=True)
class Seen:
    """What one node answered, and what our clock said at that moment."""

    identity: Identity
    names: ComputerNames
    computer: Computer
    system: OperatingSystem
    powershell: str | None
    quotas: ShellQuotas | None
    adapters: tuple[Adapter, ...]
    clock: datetime
    our_clock: datetime


@dataclass(frozen=True)
class Report:
    """Findings about both nodes. exit_code: of the first node that cannot be used, else DONE."""

    findings: tuple[Finding, ...]
    exit_code: ExitCode


def examine(parameters: Path, clock: Clock | None = None) -> Report:
    """Return what is found at the nodes of a file; with target lab a lab is started for it.

    Raises ParametersError or CredentialError: without a file and a secret nothing is asked.
    """
    # Imported here: the way to a node is the slow part, and what was answered is judged without.
    from runbook_lib.execution.connections import connect

    clock = clock or SystemClock()
    loaded = load(parameters)
    connections = connect(loaded, parameters, None, PHASES[0], clock, read_only=True)
    try:
        answers = ask(connections.sessions, loaded.topology, clock)
        reached = [name for name, answer in answers.items() if isinstance(answer, Seen)]
        around = doctor_site.ask(connections.sessions, loaded.topology, reached)
    finally:
        connections.close()
    report = judge(loaded.topology, answers)
    findings = (*report.findings, *doctor_site.judge(loaded.topology, around))
    return Report(findings, report.exit_code)


def ask(
    sessions: Mapping[str, Reader], topology: Topology, clock: Clock
) -> dict[str, Seen | RunbookError]:
    """Return each node's answers, or why there are none; stops at a refused account."""
    answers: dict[str, Seen | RunbookError] = {}
    for node in topology.nodes:
        try:
            pending = sessions[node.name].begin_read(list(QUERIES.values()))
            values = pending.finish(READ_DEADLINE_S)
        except AuthenticationError as error:
            answers[node.name] = error
            break
        except RunbookError as error:
            answers[node.name] = error
        else:
            seen = dict(zip(QUERIES, values, strict=True))
            answers[node.name] = Seen(**seen, our_clock=clock.now())
    return answers


def judge(topology: Topology, answers: Mapping[str, Seen | RunbookError]) -> Report:
    """Return a finding for each thing that was looked at, node 1 first."""
    findings: list[Finding] = []
    code = ExitCode.DONE
    for node in topology.nodes:
        answer = answers.get(node.name)
        if answer is None:
            found = "not tried: the other node refused the account"
            findings.append(Finding(node.name, Verdict.WARNING, found))
        elif isinstance(answer, Seen):
            findings += _node(node, answer)
        else:
            code = code or exit_code_of(answer)
            findings.append(_no_answer(node, answer))
    seen = [answer for answer in answers.values() if isinstance(answer, Seen)]
    if len(seen) == len(topology.nodes):
        findings.append(_both(*seen))
    return Report(tuple(findings), code)


def _no_answer(node: Node, error: RunbookError) -> Finding:
    broken = {NodeUnreachableError: "listener", AuthenticationError: "account"}
    subject = f"{node.name} {broken.get(type(error), 'session')}"
    found = f"{error.what} Why: {error.why}"
    return Finding(subject, Verdict.MISSING, found, error.next_step)


def _node(node: Node, seen: Seen) -> list[Finding]:
    return [
        Finding(f"{node.name} listener", Verdict.OK, "answers"),
        Finding(f"{node.name} account", Verdict.OK, "it opens a PowerShell session"),
        _name(node, seen),
        _system(node, seen),
        _time(node, seen),
        _quotas(node, seen),
        *(_adapter(node, number, adapter) for number, adapter in enumerate(seen.adapters, 1)),
        *_absent_adapters(node, seen),
    ]


def _name(node: Node, seen: Seen) -> Finding:
    member = "domain" if seen.computer.part_of_domain else "workgroup"
    found = f"{seen.names.running} in {member} {seen.computer.domain}"
    if seen.names.rename_is_pending:
        found += f", {seen.names.pending} from the next start on"
    if seen.names.running.upper() != node.name.upper():
        found += f"; becomes {node.name}"
    return Finding(f"{node.name} identity", Verdict.OK, found)


def _system(node: Node, seen: Seen) -> Finding:
    subject = f"{node.name} system"
    found = f"{seen.system.caption}, service pack {seen.system.service_pack}, PowerShell "
    found += seen.powershell or "unknown"
    if not seen.system.can_cluster:
        mend = "install Windows Server 2003 Enterprise or Datacenter Edition"
        return Finding(subject, Verdict.MISSING, f"{found}: no cluster service", mend)
    if seen.system.language != ENGLISH:
        mend = "install the English edition; names of groups and messages differ in others"
        found += f", language {seen.system.language}"
        return Finding(subject, Verdict.MISSING, found, mend)
    return Finding(subject, Verdict.OK, found)


def _time(node: Node, seen: Seen) -> Finding:
    subject = f"{node.name} clock"
    skew = seen.clock - seen.our_clock
    found = f"{_seconds(skew)} against this machine"
    if abs(skew) > MOST_SKEW:
        mend = "set the clocks (w32tm /resync on the node); Kerberos allows five minutes"
        return Finding(subject, Verdict.MISSING, found, mend)
    return Finding(subject, Verdict.OK, found)


def _quotas(node: Node, seen: Seen) -> Finding:
    subject = f"{node.name} WinRM quotas"
    quotas = seen.quotas
    if quotas is None:
        return Finding(subject, Verdict.OPTIONAL, "the node does not show them")
    found = (
        f"a shell: {_limit(quotas.memory_per_shell_mb)} MB, "
        f"{_limit(quotas.processes_per_shell)} processes, {quotas.idle_timeout_ms // 1000} s idle; "
        f"{_limit(quotas.shells_per_user)} shells a user, {quotas.concurrent_users} users"
    )
    if quotas.allows_memory(MEMORY_FOR_EXCHANGE_MB):
        return Finding(subject, Verdict.OK, found)
    found += f"; later phases (Exchange's tools) want {MEMORY_FOR_EXCHANGE_MB} MB"
    return Finding(subject, Verdict.OPTIONAL, found, f"at the node, in cmd: {RAISE_MEMORY}")


def _limit(number: int) -> str:
    return str(number) if number else "unlimited"


def _adapter(node: Node, number: int, adapter: Adapter) -> Finding:
    subject = f"{node.name} adapter {number}"
    found = f"mac: {adapter.mac}  ({adapter.connection}, {adapter.status}, {_address(adapter)})"
    roles = {node.public.mac: "public", node.private.mac: "private"}
    role = roles.get(adapter.mac or "")
    if role is None:
        return Finding(subject, Verdict.OPTIONAL, f"{found}; not in the file")
    if adapter.status is not ConnectionStatus.CONNECTED:
        mend = f"plug in the cable of {adapter.connection}, or enable it"
        return Finding(subject, Verdict.WARNING, f"{found}; {role}", mend)
    return Finding(subject, Verdict.OK, f"{found}; {role}")


def _address(adapter: Adapter) -> str:
    listed = ", ".join(adapter.addresses)
    if not adapter.dhcp_enabled:
        return listed or "no address"
    if listed.startswith(NO_DHCP_ANSWERED):
        return f"{listed}, for no DHCP server answered"
    return f"{listed} by DHCP" if listed else "DHCP"


def _absent_adapters(node: Node, seen: Seen) -> list[Finding]:
    there = {adapter.mac for adapter in seen.adapters}
    wanted = {"public": node.public.mac, "private": node.private.mac}
    return [
        Finding(
            f"{node.name} {role} adapter",
            Verdict.MISSING,
            f"{mac}, which the file names, is not in this machine",
            f"write the right one of the addresses above as {role}: mac: in the file, or "
            "correct connect.host",
        )
        for role, mac in wanted.items()
        if mac not in there
    ]


def _both(first: Seen, second: Seen) -> Finding:
    if first.identity.machine_guid == second.identity.machine_guid:
        found = "one machine, or clones: both have the same MachineGuid"
        mend = "correct connect.host, or prepare the clone with sysprep"
        return Finding("nodes", Verdict.MISSING, found, mend)
    apart = (second.clock - second.our_clock) - (first.clock - first.our_clock)
    found = f"two machines, clocks {_seconds(apart)} apart"
    if abs(apart) > NODES_SKEW:
        return Finding("nodes", Verdict.WARNING, found, "let both nodes use one time source")
    return Finding("nodes", Verdict.OK, found)


def _seconds(difference: timedelta) -> str:
    return f"{round(difference.total_seconds()):+d} s"
