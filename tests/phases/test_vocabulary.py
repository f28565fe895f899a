"""The words that no secret may be part of are those of a real record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.execution.connections import reserved_words
from runbook_lib.execution.phases import PHASES
from runbook_lib.journal.vocabulary import EVENTS, KEYS, VALUES
from tests.builders import topology
from tests.in_process import Rehearsal
from tests.phases import power_phase

DECIDE = ("outcome", "answer", "kind", "mode", "effect", "when", "target", "approval", "power")
"""Names of data by whose value a run is resumed or told."""


def pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every name in some data with what stands under it."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield name, item
            yield from pairs(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from pairs(item)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    power_phase.install(monkeypatch)
    rehearsal = Rehearsal.on_factory_nodes(tmp_path)
    for phase in ("00_check_prerequisites", "10_configure_networks", power_phase.PHASE):
        rehearsal.carry_out(phase)
    assert rehearsal.folder is not None
    return list(rehearsal.folder.entries())


def test_every_event_name_and_deciding_value_of_a_record_is_listed(record: list[Any]) -> None:
    found = [pair for entry in record for pair in pairs(entry.data)]

    assert {entry.event for entry in record} - EVENTS == set()
    assert {name for name, _ in found} - KEYS == set()
    assert {value for name, value in found if name in DECIDE} - VALUES == set()


def test_phases_steps_and_nodes_are_reserved_too() -> None:
    words = reserved_words(topology())

    assert words >= {*PHASES, "disable_netbios", "E2K7SCCNode1"}
