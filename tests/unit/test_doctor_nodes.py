"""What is said of the nodes, and that a refused account is tried once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runbook_lib.clock import SteppedClock
from runbook_lib.commands.command import Query
from runbook_lib.commands.network import ConnectionStatus
from runbook_lib.commands.system import (
    Computer,
    ComputerNames,
    DomainRole,
    Identity,
    OperatingSystem,
)
from runbook_lib.commands.winrm import ShellQuotas
from runbook_lib.errors import (
    AuthenticationError,
    ExitCode,
    MalformedReplyError,
    NodeUnreachableError,
    RunbookError,
)
from runbook_lib.execution.doctor import Finding, Verdict
from runbook_lib.execution.doctor_nodes import QUERIES, Seen, ask, judge
from tests.builders import adapter, private_adapter, topology

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ONE, TWO = (node.name for node in topology().nodes)
REFUSED = AuthenticationError("Refused.", why="401", next_step="correct the password")
UNREACHABLE = NodeUnreachableError("No way.", why="port 5985 is closed", next_step="start WinRM")
GARBLED = MalformedReplyError("Not an answer.", why="no rows", next_step="look at the node")


def node(number: int, **changes: Any) -> Seen:
    """Return a healthy node of the rehearsal as delivered, but for `changes`."""
    there = topology().nodes[number - 1]
    fresh: dict[str, Any] = {
        "identity": Identity(f"guid-{number}", "WIN-1", (there.public.mac,), NOW),
        "names": ComputerNames("WIN-1", "WIN-1"),
        "computer": Computer("WIN-1", False, "WORKGROUP", DomainRole(2), "x64-based PC"),
        "system": OperatingSystem(
            "Windows Server 2003 Enterprise x64", "5.2.3790", 2, None, None, 2, 3, 1033, NOW
        ),
        "powershell": "2.0",
        "quotas": ShellQuotas(5, 1024, 15, 5, 180_000),
        "adapters": (
            adapter(mac=there.public.mac),
            private_adapter(mac=there.private.mac, dhcp_enabled=True, addresses=()),
        ),
        "clock": NOW,
        "our_clock": NOW,
    }
    return Seen(**{**fresh, **changes})


def found(subject: str, first: Seen | RunbookError, second: Seen | RunbookError) -> Finding:
    report = judge(topology(), {ONE: first, TWO: second})
    (finding,) = [each for each in report.findings if each.subject == subject]
    return finding


def test_healthy_nodes_are_told_with_addresses_to_copy() -> None:
    report = judge(topology(), {ONE: node(1), TWO: node(2)})

    assert report.exit_code is ExitCode.DONE
    assert report.findings[:7] == (
        Finding(f"{ONE} listener", Verdict.OK, "answers"),
        Finding(f"{ONE} account", Verdict.OK, "it opens a PowerShell session"),
        Finding(f"{ONE} identity", Verdict.OK, f"WIN-1 in workgroup WORKGROUP; becomes {ONE}"),
        Finding(
            f"{ONE} system",
            Verdict.OK,
            "Windows Server 2003 Enterprise x64, service pack 2, PowerShell 2.0",
        ),
        Finding(f"{ONE} clock", Verdict.OK, "+0 s against this machine"),
        Finding(
            f"{ONE} WinRM quotas",
            Verdict.OK,
            "a shell: 1024 MB, 15 processes, 180 s idle; 5 shells a user, 5 users",
        ),
        Finding(
            f"{ONE} adapter 1",
            Verdict.OK,
            "mac: 00-03-FF-10-00-11  (Public, connected, 192.168.1.11); public",
        ),
    )
    assert report.findings[7].found == "mac: 00-03-FF-10-00-21  (Private, connected, DHCP); private"
    assert report.findings[-1] == Finding("nodes", Verdict.OK, "two machines, clocks +0 s apart")


def test_a_pending_name_and_a_domain_are_told() -> None:
    computer = replace(node(1).computer, part_of_domain=True, domain="lab.local")
    seen = node(1, names=ComputerNames("WIN-1", ONE.upper()), computer=computer)

    assert found(f"{ONE} identity", seen, node(2)).found == (
        f"WIN-1 in domain lab.local, {ONE.upper()} from the next start on; becomes {ONE}"
    )


def test_an_edition_without_the_cluster_service_is_missing_something() -> None:
    seen = node(1, system=replace(node(1).system, suite=0))

    assert found(f"{ONE} system", seen, node(2)).verdict is Verdict.MISSING


def test_another_language_than_english_is_refused() -> None:
    seen = node(1, system=replace(node(1).system, language=1031))
    finding = found(f"{ONE} system", seen, node(2))

    assert (finding.verdict, finding.found.endswith(", language 1031")) == (Verdict.MISSING, True)


@pytest.mark.parametrize("memory", [150, 1023])
def test_too_little_memory_for_later_phases_is_a_note_with_its_one_command(memory: int) -> None:
    seen = node(1, quotas=ShellQuotas(5, memory, 15, 5, 180_000))

    assert found(f"{ONE} WinRM quotas", seen, node(2)) == Finding(
        f"{ONE} WinRM quotas",
        Verdict.OPTIONAL,
        f"a shell: {memory} MB, 15 processes, 180 s idle; 5 shells a user, 5 users; "
        "later phases (Exchange's tools) want 1024 MB",
        'at the node, in cmd: winrm set winrm/config/winrs @{MaxMemoryPerShellMB="1024"}',
    )


def test_a_quota_of_nought_is_no_limit() -> None:
    seen = node(1, quotas=ShellQuotas(0, 0, 0, 5, 180_000))

    assert found(f"{ONE} WinRM quotas", seen, node(2)) == Finding(
        f"{ONE} WinRM quotas",
        Verdict.OK,
        "a shell: unlimited MB, unlimited processes, 180 s idle; unlimited shells a user, 5 users",
    )


def test_a_node_that_does_not_show_its_quotas_can_be_used_all_the_same() -> None:
    report = judge(topology(), {ONE: node(1, quotas=None), TWO: node(2)})
    hidden = Finding(f"{ONE} WinRM quotas", Verdict.OPTIONAL, "the node does not show them")

    assert hidden in report.findings
    assert report.exit_code is ExitCode.DONE


@pytest.mark.parametrize(
    ("skew", "verdict"),
    [(-0.4, Verdict.OK), (300, Verdict.OK), (301, Verdict.MISSING), (-301, Verdict.MISSING)],
)
def test_a_clock_may_differ_by_five_minutes(skew: float, verdict: Verdict) -> None:
    seen = node(1, clock=NOW + timedelta(seconds=skew))

    assert found(f"{ONE} clock", seen, node(2)).verdict is verdict


@pytest.mark.parametrize(("apart", "verdict"), [(2, Verdict.OK), (-3, Verdict.WARNING)])
def test_the_nodes_clocks_are_compared_though_read_one_after_the_other(
    apart: int, verdict: Verdict
) -> None:
    later = NOW + timedelta(minutes=1)
    second = node(2, our_clock=later, clock=later + timedelta(seconds=apart))

    assert found("nodes", node(1), second).verdict is verdict


def test_an_adapter_that_the_file_does_not_name_is_optional() -> None:
    third = adapter(mac="00-03-FF-99-00-01", connection="Backup", addresses=("10.9.9.9",))
    seen = node(1, adapters=(*node(1).adapters, third))

    assert found(f"{ONE} adapter 3", seen, node(2)) == Finding(
        f"{ONE} adapter 3",
        Verdict.OPTIONAL,
        "mac: 00-03-FF-99-00-01  (Backup, connected, 10.9.9.9); not in the file",
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"dhcp_enabled": False, "addresses": ()}, "no address"),
        ({"dhcp_enabled": True, "addresses": ("192.168.1.101",)}, "192.168.1.101 by DHCP"),
        (
            {"dhcp_enabled": True, "addresses": ("169.254.33.17",)},
            "169.254.33.17, for no DHCP server answered",
        ),
    ],
)
def test_an_address_is_told_with_where_it_comes_from(changes: dict[str, Any], told: str) -> None:
    seen = node(1, adapters=(adapter(**changes),))

    assert found(f"{ONE} adapter 1", seen, node(2)).found == (
        f"mac: 00-03-FF-10-00-11  (Public, connected, {told}); public"
    )


def test_an_unplugged_adapter_of_the_file_is_a_warning() -> None:
    unplugged = adapter(status=ConnectionStatus.MEDIA_DISCONNECTED)
    finding = found(f"{ONE} adapter 1", node(1, adapters=(unplugged,)), node(2))

    assert (finding.verdict, finding.mend) == (
        Verdict.WARNING,
        "plug in the cable of Public, or enable it",
    )


def test_an_adapter_that_is_not_there_is_missing() -> None:
    finding = found(f"{ONE} private adapter", node(1, adapters=(adapter(),)), node(2))

    assert (finding.verdict, finding.found) == (
        Verdict.MISSING,
        "00-03-FF-10-00-21, which the file names, is not in this machine",
    )


def test_one_machine_under_two_addresses_is_found_out() -> None:
    finding = found("nodes", node(1), node(2, identity=node(1).identity))

    assert finding.verdict is Verdict.MISSING


@pytest.mark.parametrize(
    ("error", "subject"),
    [(UNREACHABLE, "listener"), (REFUSED, "account"), (GARBLED, "session")],
)
def test_a_node_that_cannot_be_used_is_told_with_why(error: RunbookError, subject: str) -> None:
    report = judge(topology(), {ONE: error, TWO: node(2)})
    told = [each for each in report.findings if each.subject.startswith(ONE)]

    assert report.exit_code == error.exit_code
    assert told == [
        Finding(
            f"{ONE} {subject}", Verdict.MISSING, f"{error.what} Why: {error.why}", error.next_step
        )
    ]


@dataclass
class Answering:
    """A reader that answers from what it was given, in the order of the queries."""

    node: str
    answer: Seen | RunbookError
    asked: list[str] = field(default_factory=list)

    def begin_read(self, queries: Sequence[Query[Any]]) -> Answering:
        assert list(queries) == list(QUERIES.values())
        self.asked.append(self.node)
        return self

    def finish(self, deadline_s: float) -> list[Any]:
        del deadline_s
        if isinstance(self.answer, RunbookError):
            raise self.answer
        return [getattr(self.answer, name) for name in QUERIES]

    def go_on(self, deadline_s: float) -> None:
        del deadline_s

    def listens(self) -> bool:
        raise AssertionError

    def reconnect(self) -> None:
        raise AssertionError

    def close(self) -> None:
        raise AssertionError


def asked(first: Seen | RunbookError, second: Seen | RunbookError) -> tuple[Any, list[str]]:
    tried: list[str] = []
    sessions = {ONE: Answering(ONE, first, tried), TWO: Answering(TWO, second, tried)}
    return ask(sessions, topology(), SteppedClock(NOW)), tried


def test_both_nodes_are_asked_once() -> None:
    assert asked(node(1), node(2)) == ({ONE: node(1), TWO: node(2)}, [ONE, TWO])


def test_a_node_that_is_away_does_not_keep_the_other_from_being_asked() -> None:
    assert asked(UNREACHABLE, node(2)) == ({ONE: UNREACHABLE, TWO: node(2)}, [ONE, TWO])


def test_a_refused_account_is_not_tried_at_the_other_node() -> None:
    answers, tried = asked(REFUSED, node(2))
    report = judge(topology(), answers)

    assert (answers, tried) == ({ONE: REFUSED}, [ONE])
    assert report.exit_code is ExitCode.IDENTITY
    assert report.findings[-1] == Finding(
        TWO, Verdict.WARNING, "not tried: the other node refused the account"
    )
