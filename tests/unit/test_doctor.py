"""What is said of this machine, and which command mends what is missing."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from runbook_lib.cli.main import app
from runbook_lib.errors import ExitCode
from runbook_lib.execution import doctor
from runbook_lib.execution.doctor import Facts, Finding, Verdict, facts, judge
from tests.builders import ROOT

HEALTHY = Facts(
    platform="Linux",
    python=(3, 12, 4),
    executable="/srv/.venv/bin/python",
    packages={"papermill>=2.6": "2.7.0", "ipykernel>=7.4": "7.4.0"},
    keyring="Secret Service",
    kernel="/srv/.venv/bin/python3",
    runs=Path("/srv/runs"),
    runs_writable=True,
    free_bytes=10 * 2**30,
    now=datetime(2026, 11, 23, 10, 0, tzinfo=UTC),
    loopback=None,
    lm_compat_level=None,
    browser="/usr/bin/chromium",
    powershell="/usr/bin/pwsh",
)


def about(subject: str, **changes: Any) -> Finding:
    (found,) = [f for f in judge(replace(HEALTHY, **changes)) if f.subject == subject]
    return found


def test_a_healthy_machine_lacks_nothing() -> None:
    assert {each.verdict for each in judge(HEALTHY)} == {Verdict.OK}
    assert {each.mend for each in judge(HEALTHY)} == {""}


@pytest.mark.parametrize(
    ("subject", "changes", "expected"),
    [
        (
            "system",
            {"platform": "Windows"},
            Finding("system", Verdict.MISSING, "Windows", "use Linux, macOS or WSL2"),
        ),
        (
            "Python",
            {"python": (3, 10, 9)},
            Finding("Python", Verdict.MISSING, "3.10.9", "make clean setup PYTHON=python3.12"),
        ),
        (
            "packages",
            {"packages": {"papermill>=2.6": None, "ipykernel>=7.4": "7.3.9", "rich>=13": "13"}},
            Finding(
                "packages",
                Verdict.MISSING,
                "ipykernel>=7.4 (found 7.3.9), papermill>=2.6 (missing)",
                "/srv/.venv/bin/python -m pip install 'ipykernel>=7.4' 'papermill>=2.6'",
            ),
        ),
        (
            "packages",
            {"packages": {}},
            Finding(
                "packages",
                Verdict.MISSING,
                "exchange-scc-runbook is not installed",
                "make setup",
            ),
        ),
        (
            "notebook kernel",
            {"kernel": "/usr/bin/python3"},
            Finding(
                "notebook kernel",
                Verdict.MISSING,
                "the kernel python3 is another Python: /usr/bin/python3",
                "jupyter kernelspec remove python3",
            ),
        ),
        (
            "notebook kernel",
            {"kernel": None},
            Finding(
                "notebook kernel",
                Verdict.MISSING,
                "there is no kernel named python3",
                "/srv/.venv/bin/python -m ipykernel install --sys-prefix",
            ),
        ),
        (
            "run folders",
            {"runs_writable": False},
            Finding(
                "run folders",
                Verdict.MISSING,
                "/srv/runs cannot be written",
                "set RUNBOOK_RUNS to a folder of yours",
            ),
        ),
        (
            "disk space",
            {"free_bytes": 63 * 2**20},
            Finding(
                "disk space",
                Verdict.MISSING,
                "63 MiB free for /srv/runs",
                "set RUNBOOK_RUNS to a folder with more space",
            ),
        ),
        (
            "disk space",
            {"free_bytes": 64 * 2**20},
            Finding(
                "disk space",
                Verdict.WARNING,
                "64 MiB free for /srv/runs",
                "set RUNBOOK_RUNS to a folder with more space",
            ),
        ),
        (
            "clock",
            {"now": datetime(1970, 1, 1, tzinfo=UTC)},
            Finding(
                "clock", Verdict.MISSING, "1970-01-01 00:00:00 UTC", "timedatectl set-ntp true"
            ),
        ),
        (
            "loopback",
            {"loopback": "Permission denied"},
            Finding(
                "loopback",
                Verdict.MISSING,
                "Permission denied",
                "allow connections to 127.0.0.1; the rehearsal serves its nodes there",
            ),
        ),
        (
            "NTLM",
            {"lm_compat_level": "0"},
            Finding(
                "NTLM",
                Verdict.MISSING,
                "LM_COMPAT_LEVEL=0 would allow version 1",
                "unset LM_COMPAT_LEVEL",
            ),
        ),
        (
            "NTLM",
            {"lm_compat_level": "5"},
            Finding("NTLM", Verdict.OK, "version 2 only (LM_COMPAT_LEVEL=5)"),
        ),
        (
            "keyring",
            {"keyring": None},
            Finding(
                "keyring",
                Verdict.OPTIONAL,
                "no keyring here that keeps secrets: keyring: references cannot be answered",
                "use prompt: or fd: references",
            ),
        ),
        (
            "browser",
            {"browser": None},
            Finding(
                "browser",
                Verdict.OPTIONAL,
                "not found",
                "only `make test` opens one: apt install chromium",
            ),
        ),
    ],
)
def test_each_fault_is_named_with_what_mends_it(
    subject: str, changes: dict[str, Any], expected: Finding
) -> None:
    assert about(subject, **changes) == expected


@pytest.mark.parametrize("kernel", ["python", "python3", "/srv/.venv/bin/python3.12"])
def test_a_kernel_of_this_python_is_accepted(kernel: str) -> None:
    assert about("notebook kernel", kernel=kernel).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("2.6", Verdict.OK), ("2.10.1", Verdict.OK), ("2.6rc1", Verdict.OK), ("2.5", Verdict.MISSING)],
)
def test_versions_are_compared_as_numbers(version: str, verdict: Verdict) -> None:
    assert about("packages", packages={"papermill>=2.6": version}).verdict is verdict


def test_looking_makes_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBOOK_RUNS", str(tmp_path / "none" / "runs"))
    monkeypatch.setattr(doctor, "_loopback", lambda: None)

    seen = facts()

    assert (seen.runs, seen.runs_writable) == (tmp_path / "none" / "runs", True)
    assert list(tmp_path.iterdir()) == []


def test_every_requirement_of_the_project_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_loopback", lambda: None)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert set(facts().packages) == {
        re.sub(r"[_.](?=[a-z])", "-", each) for each in project["dependencies"]
    }


def test_the_command_ends_with_15_when_something_needed_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "facts", lambda: replace(HEALTHY, runs_writable=False))

    result = CliRunner().invoke(app, ["doctor"])

    assert result.exit_code == ExitCode.DIFFERENT
    assert "run folders      missing  /srv/runs cannot be written" in result.stdout
    assert result.stderr == "  run folders: set RUNBOOK_RUNS to a folder of yours\n"


def test_the_command_ends_with_0_when_only_optional_things_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "facts", lambda: replace(HEALTHY, browser=None))

    result = CliRunner().invoke(app, ["doctor", "--json"])
    answer = json.loads(result.stdout)

    assert (result.exit_code, answer["exit_code"], len(answer["findings"])) == (0, 0, 12)
    assert answer["findings"][0] == {
        "subject": "system",
        "verdict": "ok",
        "found": "Linux",
        "mend": "",
    }
