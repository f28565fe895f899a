"""What makes tests without sockets fast: nothing waits for a disk, no secret outlives its test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from runbook_lib import redaction
from runbook_lib.journal.storage import SYSTEM_DISK


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_disks() -> Iterator[None]:
    """Let nothing be written through: no test here survives a power cut.

    That everything is synced, and when, is shown by disks of the tests' own.
    """
    real = SYSTEM_DISK.sync
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        object.__setattr__(SYSTEM_DISK, "sync", os.fsync)
        yield
    object.__setattr__(SYSTEM_DISK, "sync", real)


@pytest.fixture(autouse=True)
def no_secret_of_another_test() -> Iterator[None]:
    """Forget what a test registered: each one more makes every masking after it slower."""
    yield
    registry = redaction._REDACTOR
    if registry._values:
        registry.__init__()  # type: ignore[misc]
