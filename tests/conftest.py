"""What every test stands on: folders of its own, one hypothesis profile, and skips that count."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from runbook_lib import redaction

# Two cores are shared with whoever else works on the machine: a slow example is no finding.
# Everyday runs draw a quarter of the examples; HYPOTHESIS_PROFILE=thorough draws all of them.
settings.register_profile(
    "shared", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", parent=settings.get_profile("shared"), derandomize=True)
settings.register_profile("thorough", parent=settings.get_profile("shared"), max_examples=100)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "shared")
)

_MUST_RUN = {"browser": "RUNBOOK_REQUIRE_BROWSER", "judge": "RUNBOOK_PWSH"}
"""Marker -> the variable that says its tests have all they need, so that none may skip."""


_nth_test = itertools.count()


@pytest.fixture(autouse=True)
def _own_folders(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No test writes into the tree, and none sees what the person who runs it has set.

    A folder is made for those that ask for one; to the others it is only promised.
    """
    if "tmp_path" in request.fixturenames:
        folder: Path = request.getfixturevalue("tmp_path")
    else:
        folder = tmp_path_factory.getbasetemp() / f"promised-{next(_nth_test)}"
    monkeypatch.setenv("RUNBOOK_RUNS", str(folder / "runs"))
    monkeypatch.delenv("RUNBOOK_CRASH_AT", raising=False)
    # What one test registers as secret must not be masked in the next one's words.
    monkeypatch.setattr(redaction, "_REDACTOR", redaction.Redactor())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where the machine was said to have what the test needs."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        for marker, variable in _MUST_RUN.items():
            if item.get_closest_marker(marker) and os.environ.get(variable):
                report.outcome = "failed"
                report.longrepr = f"skipped although {variable} is set: {report.longrepr}"
    return report
