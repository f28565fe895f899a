"""What the runbook costs beside what others would: ratios, measured in one run.

`make bench` prints the table. Nothing here fails by being slow: a shared machine would decide.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from runbook_lib.clock import SystemClock
from runbook_lib.commands import system
from runbook_lib.commands.command import Query
from runbook_lib.execution import phases
from runbook_lib.execution.connections import Connections, connect
from runbook_lib.execution.observation import observe
from runbook_lib.execution.run_folder import RunFolder
from runbook_lib.sessions import lab_process
from runbook_lib.sessions.lab_process import RunningLab
from runbook_lib.sessions.wire_form import pack_reads
from runbook_lib.topology.loading import load
from tests.benchmarks.measuring import (
    HEAD,
    Ratio,
    WholeRun,
    cpu_of_children,
    in_turn,
    memory_of,
    timed,
)
from tests.builders import LAB, ROOT

pytestmark = pytest.mark.slow

NETWORKS = "10_configure_networks"
READS = 100
ROUNDS = int(os.environ.get("RUNBOOK_BENCH_ROUNDS", "3"))
WHOLE_RUNS = int(os.environ.get("RUNBOOK_BENCH_RUNS", "1"))
"""Turns of the whole procedure, which takes papermill's commands minutes on a busy machine."""


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    with lab_process.start(LAB) as running:
        yield running


@pytest.fixture(scope="module")
def parameters(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the rehearsal's file, joining the lab of this benchmark."""
    path = tmp_path_factory.mktemp("bench") / "parameters.yaml"
    text = LAB.read_text("utf-8")
    assert "control: null" in text
    path.write_text(text.replace("control: null", f'control: "{lab.control.url}"'), "utf-8")
    return path


@pytest.fixture(scope="module")
def table() -> Iterator[Callable[[str], None]]:
    """Collect lines, and print them together when all is measured."""
    lines: list[str] = []
    yield lines.append
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    sys.stdout.write("\n\n" + "\n".join([HEAD, *lines]))
    sys.stdout.write(
        f"\n\nleast of {ROUNDS} turns, of whole runs {WHOLE_RUNS}; {os.cpu_count()} cores, "
        f"load {busy} when it ended\n"
    )


@pytest.fixture
def connections(parameters: Path) -> Iterator[Connections]:
    opened = connect(load(parameters), parameters, None, NETWORKS, SystemClock(), read_only=True)
    yield opened
    opened.close()


def test_reads_on_an_open_session_beside_raw_pypsrp(
    lab: RunningLab, connections: Connections, table: Callable[[str], None]
) -> None:
    query = system.computer()
    call = pack_reads([query]).call
    node = lab.control.nodes()[0]
    ours = connections.sessions[node.name]
    wsman = WSMan(
        node.host,
        port=node.port,
        username="Administrator",
        password=lab.control.password("local-administrator"),
        ssl=False,
        auth="negotiate",
        encryption="always",
        no_proxy=True,
    )

    def by_ours() -> None:
        for _ in range(READS):
            ours.begin_read([query]).finish(20)

    with RunspacePool(wsman) as pool:

        def by_pypsrp() -> None:
            for _ in range(READS):
                powershell = PowerShell(pool)
                powershell.add_script(call.text).add_parameters(dict(call.parameters))
                assert powershell.invoke()
                assert not powershell.had_errors

        ours.begin_read([query]).finish(20)
        by_pypsrp()
        costs = in_turn(timed(by_ours), timed(by_pypsrp), ROUNDS)
    table(Ratio(f"{READS} reads on an open session / raw pypsrp, one pool", *costs, 1.15).line())


def test_a_phase_read_in_one_trip_beside_one_by_one(
    parameters: Path, connections: Connections, table: Callable[[str], None]
) -> None:
    topology = load(parameters).topology
    wanted = [
        (step.node, {k: q for k, q in step.reads().items() if isinstance(q, Query)})
        for factory in phases.steps_of(NETWORKS)
        for step in factory(topology)
    ]

    def one_by_one() -> None:
        for node, reads in wanted:
            for query in reads.values():
                connections.sessions[node].begin_read([query]).finish(20)

    observe(connections.sessions, wanted)
    costs = in_turn(timed(lambda: observe(connections.sessions, wanted)), timed(one_by_one), ROUNDS)
    queries = sum(len(reads) for _, reads in wanted)
    table(
        Ratio(
            f"phase 10's {queries} questions, both nodes: one trip / one by one", *costs, 0.5
        ).line()
    )


def test_a_headless_run_beside_papermill_commands(
    lab: RunningLab, parameters: Path, tmp_path: Path, table: Callable[[str], None]
) -> None:
    runs_of_ours: list[WholeRun] = []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    turn = iter(range(1000))

    def overhead(carry_out: Callable[[Path], None]) -> float:
        """Return the seconds that no node worked for us."""
        lab.control.reset("factory")
        busy, began = lab.control.counters()["busy_s"], time.perf_counter()
        carry_out(tmp_path / f"runs-{next(turn)}")
        spent = time.perf_counter() - began
        return float(spent - (lab.control.counters()["busy_s"] - busy))

    def start(runs: Path, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            words,
            cwd=ROOT,
            env={**environment, "RUNBOOK_RUNS": str(runs)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def by_runbook(runs: Path) -> None:
        before, cpu_s, began = lab.control.counters(), cpu_of_children(), time.perf_counter()
        process = start(runs, sys.executable, "-m", "runbook_lib", "run", str(parameters))
        with memory_of(process.pid) as memory:
            assert process.wait() == 0
        after = lab.control.counters()
        runs_of_ours.append(
            WholeRun(
                wall_s=time.perf_counter() - began,
                cpu_s=cpu_of_children() - cpu_s,
                nodes_s=after["busy_s"] - before["busy_s"],
                requests=after["requests"] - before["requests"],
                pipelines=after["pipelines"] - before["pipelines"],
                memory=memory,
            )
        )

    def by_papermill(runs: Path) -> None:
        runs.mkdir()
        for phase in phases.PHASES:
            words = [sys.executable, "-m", "papermill", f"notebooks/{phase}.ipynb"]
            words += [str(runs / f"{phase}.ipynb"), "-p", "parameters_file", str(parameters)]
            assert start(runs, *words).wait() == 0

    costs = in_turn(lambda: overhead(by_runbook), lambda: overhead(by_papermill), WHOLE_RUNS)
    [run] = [path for path in (tmp_path / "runs-0").iterdir() if (path / "summary.json").exists()]
    assert RunFolder(run).is_sealed
    table(Ratio("whole run, page and seal, less the nodes' time / papermill", *costs, 0.5).line())
    table(min(runs_of_ours, key=lambda each: each.wall_s).lines())
