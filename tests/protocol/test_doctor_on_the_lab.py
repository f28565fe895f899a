"""The doctor asks both nodes over the wire, and changes nothing there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from runbook_lib.cli.main import app
from runbook_lib.errors import ExitCode
from runbook_lib.execution.doctor_nodes import RAISE_MEMORY
from tests.builders import LAB, topology


def doctor() -> tuple[int, dict[str, Any]]:
    """Return the exit code, and what is found by subject."""
    result = CliRunner().invoke(app, ["doctor", str(LAB), "--json"])
    findings = json.loads(result.stdout)["findings"]
    return result.exit_code, {each["subject"]: each for each in findings}


def test_fresh_nodes_lack_nothing() -> None:
    code, found = doctor()

    assert code == ExitCode.DONE
    assert [each for each in found.values() if each["verdict"] not in {"ok", "optional"}] == []
    for node in topology().nodes:
        adapters = (
            found[f"{node.name} adapter 1"]["found"] + found[f"{node.name} adapter 2"]["found"]
        )
        assert f"mac: {node.public.mac} " in adapters
        assert f"mac: {node.private.mac} " in adapters


def test_what_stands_around_the_nodes_is_asked_over_the_wire() -> None:
    _, found = doctor()

    one = topology().nodes[0].name
    assert found[f"{one} disk 1"]["found"] == "lun: 0, size_mb: 1024  (raw); quorum"
    assert found[f"{one} disk 2"]["found"] == "lun: 1, size_mb: 20480  (raw); database"
    assert found["directory"]["found"] == "prepared for Exchange 2007 SP3: First Organization"
    assert found["account LAB\\exinstall"]["verdict"] == "ok"


def test_the_quotas_of_each_node_are_told_with_what_raises_the_one_that_is_low() -> None:
    _, found = doctor()

    for node in topology().nodes:
        assert found[f"{node.name} WinRM quotas"] == {
            "subject": f"{node.name} WinRM quotas",
            "verdict": "optional",
            "found": "a shell: 150 MB, 15 processes, 180 s idle; 5 shells a user, 5 users; "
            "later phases (Exchange's tools) want 1024 MB",
            "mend": f"at the node, in cmd: {RAISE_MEMORY}",
        }


def test_an_old_logon_protocol_is_refused_before_a_password_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LM_COMPAT_LEVEL", "0")

    code, found = doctor()

    one, two = (node.name for node in topology().nodes)
    assert code == ExitCode.IDENTITY
    assert found["NTLM"]["verdict"] == "missing"
    assert found[f"{one} account"]["mend"] == "unset LM_COMPAT_LEVEL"
    assert found[two]["found"] == "not tried: the other node refused the account"
