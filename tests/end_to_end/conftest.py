"""A desk for each test, and a lab that the tests of one file share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.sessions import lab_process
from runbook_lib.sessions.lab_control import LabControl
from tests.builders import LAB
from tests.end_to_end.command_line import Desk


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home without anybody's settings."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def desk(tmp_path: Path, home: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, home)
    yield desk
    desk.close()
    for path in tmp_path.rglob("*.ipynb"):
        assert "Traceback" not in path.read_text("utf-8"), path


@pytest.fixture(scope="module")
def served() -> Iterator[LabControl]:
    """Return a lab that stands as long as a file's tests run."""
    with lab_process.start(LAB) as lab:
        yield lab.control


@pytest.fixture
def lab(served: LabControl) -> LabControl:
    """Return the file's lab with both nodes as they were delivered, and no fault armed."""
    served.clear_faults()
    served.reset("factory")
    return served
