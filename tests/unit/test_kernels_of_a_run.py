"""The kernels of a run: one is ready ahead, and none is left behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from runbook_lib.execution.kernels import Kernels


@dataclass
class Nursery:
    """Starts stand-ins for kernels and notes what becomes of them."""

    noted: list[str] = field(default_factory=list)
    out_of_order: bool = False

    def start(self, phase: str) -> Kernel:
        if self.out_of_order:
            raise OSError(phase)
        self.noted.append(f"start {phase}")
        return Kernel(phase, self)

    def kernels(self) -> Kernels:
        return Kernels(self.start)  # type: ignore[arg-type] # stand-ins


@dataclass
class Kernel:
    phase: str
    nursery: Nursery

    def end(self) -> None:
        self.nursery.noted.append(f"end {self.phase}")


def test_a_kernel_is_started_once_and_ended_after_its_phase() -> None:
    nursery = Nursery()

    with nursery.kernels() as kernels:
        kernels.get_ready(["00"])
        kernels.get_ready(["00"])
        with kernels.take("00"):
            kernels.get_ready(["10"])
            kernels.get_ready(["10"])
            nursery.noted.append("00 runs")
        with kernels.take("10"):
            kernels.get_ready([])
            nursery.noted.append("10 runs")

    assert nursery.noted == [
        "start 00",
        "start 10",
        "00 runs",
        "end 00",
        "10 runs",
        "end 10",
    ]


def test_a_kernel_whose_phase_never_came_is_ended_with_the_run() -> None:
    nursery = Nursery()

    def fail() -> None:
        with nursery.kernels() as kernels, kernels.take("00"):
            kernels.get_ready(["10"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert nursery.noted == ["start 00", "start 10", "end 00", "end 10"]


def test_what_cannot_be_started_ahead_is_tried_once_and_told_when_its_turn_comes() -> None:
    nursery = Nursery(out_of_order=True)

    with nursery.kernels() as kernels:
        kernels.get_ready(["10"])
        nursery.out_of_order = False
        kernels.get_ready(["10"])
        assert nursery.noted == []
        with kernels.take("10"):
            nursery.noted.append("10 runs")
        nursery.out_of_order = True
        with pytest.raises(OSError, match="99"), kernels.take("99"):
            pass

    assert nursery.noted == ["start 10", "10 runs", "end 10"]
