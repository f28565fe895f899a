"""The small site of `small_site`, served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pypsrp.powershell import RunspacePool

from runbook_lib.lab.lab import Lab
from tests.protocol.small_site import Control, SmallWorld, wsman


@pytest.fixture
def world() -> SmallWorld:
    return SmallWorld()


@pytest.fixture
def lab(world: SmallWorld) -> Iterator[Lab]:
    with Lab(world, describe=lambda invocation: invocation.command) as lab:
        yield lab


@pytest.fixture
def control(lab: Lab) -> Control:
    return Control(lab.control)


@pytest.fixture
def pool(lab: Lab) -> Iterator[RunspacePool]:
    pool = RunspacePool(wsman(lab))
    pool.open()
    yield pool
    pool.close()
