"""Who logs on in which phase, and how; what is planned before anybody can."""

from __future__ import annotations

from types import ModuleType

import pytest

from runbook_lib.execution import phases
from runbook_lib.execution.connections import authentication_of
from runbook_lib.execution.phases import account_of
from runbook_lib.topology.models import Authentication
from tests.builders import topology

INSTALLER, ADMINISTRATOR = "LAB\\exinstall", "Administrator"


@pytest.mark.parametrize(
    ("phase", "user"),
    [
        ("00_check_prerequisites", ADMINISTRATOR),
        ("10_configure_networks", ADMINISTRATOR),
        ("20_join_domain", ADMINISTRATOR),
        ("99_check_end_state", INSTALLER),
    ],
)
def test_the_domain_account_logs_on_behind_the_joining(phase: str, user: str) -> None:
    assert account_of(topology(), phase).user == user


def test_without_a_joining_phase_nobody_is_in_the_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "MODULES", {"99_check_end_state": ModuleType("99")})

    assert account_of(topology(), "99_check_end_state").user == ADMINISTRATOR


@pytest.mark.parametrize(
    ("chosen", "by_administrator", "by_installer"),
    [("kerberos", "negotiate", "kerberos"), ("ntlm", "ntlm", "ntlm")],
)
def test_kerberos_is_for_domain_accounts(
    chosen: str, by_administrator: str, by_installer: str
) -> None:
    wish = topology()
    first = wish.nodes[0]
    connect = first.connect.model_copy(update={"authentication": Authentication(chosen)})
    node = first.model_copy(update={"connect": connect})

    assert [
        authentication_of(node, wish.accounts.local_administrator),
        authentication_of(node, wish.accounts.installer),
    ] == [by_administrator, by_installer]
