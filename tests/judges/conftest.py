"""One engine a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.judges.engine import Engine, engine_path


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    judge = Engine(engine_path())
    yield judge
    judge.close()
