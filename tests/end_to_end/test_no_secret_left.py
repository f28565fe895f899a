"""A whole run with every library as talkative as it can be: no secret stands anywhere afterwards.

The secrets are the lab's passwords, asked from its control address; the scanner shares no code
with the masking. That they were used, and that the scanner finds what there is, is shown too.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped] # ipykernel depends on it
import pytest

from runbook_lib.sessions import lab_process
from runbook_lib.sessions.lab_control import LabControl
from tests.builders import LAB
from tests.canary import ENCODINGS, plant, scan, scan_bytes
from tests.end_to_end.command_line import Begun, Desk, Ended

NAMES = ("local-administrator", "installer", "cluster-service")
TALKATIVE = """\
import logging, os, pathlib
logging.basicConfig(
    level=logging.DEBUG,
    filename=pathlib.Path(os.environ["HOME"], f"debug.{os.getpid()}.log"),
    format="%(name)s %(levelname)s %(message)s",
)
"""
"""A sitecustomize.py: every process of the run, kernels and lab too, logs all it can at home."""


@dataclass(frozen=True)
class Watched:
    """A run that was watched. processes: what stood on command lines and in environments."""

    desk: Desk
    ended: Ended
    secrets: dict[str, str]
    processes: dict[str, bytes]
    logons: dict[str, int]
    wire: bytes


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    # A kernel's sockets need a short path, so that of TMPDIR has one letter.
    folder = tmp_path_factory.mktemp("w")
    for name in ("home", "t", "site"):
        (folder / name).mkdir()
    (folder / "site" / "sitecustomize.py").write_text(TALKATIVE, "utf-8")
    desk = Desk(folder, folder / "home")
    path = [str(folder / "site"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    surroundings = {"TMPDIR": str(folder / "t"), "PYTHONPATH": os.pathsep.join(filter(None, path))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(desk.home))
        for name, value in surroundings.items():
            patch.setenv(name, value)
        lab = lab_process.start(LAB, state=folder / "lab")
    with lab:
        lab.control.record_wire(on=True)
        secrets = {name: lab.control.password(name) for name in NAMES}
        parameters = desk.parameters(lab=lab.control)
        begun = desk.begin("run", parameters, **surroundings)
        processes = seen_from_outside(begun)
        yield Watched(
            desk,
            begun.ended(),
            secrets,
            processes,
            lab.control.counters()["logons"],
            decrypted(lab.control),
        )
    desk.close()


def seen_from_outside(begun: Begun) -> dict[str, bytes]:
    """Return what any program of the same user could see of the run's processes."""
    found: dict[str, bytes] = {}
    while begun.process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            main = psutil.Process(begun.process.pid)
            for process in (main, *main.children(recursive=True)):
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    line = " ".join(process.cmdline())
                    key = f"{process.pid} {line}"
                    if key not in found:
                        found[key] = f"{line}\n{process.environ()}".encode()
        time.sleep(0.05)
    return found


def decrypted(lab: LabControl) -> bytes:
    """Return what the nodes and we said to each other, as it was before encryption."""
    return "\n".join(str(message["text"]) for message in lab.wire()).encode()


def test_the_run_ends_well_and_the_secret_was_used(watched: Watched) -> None:
    assert watched.ended.code == 0
    assert set(watched.logons) == {"Administrator"}
    assert watched.logons["Administrator"] >= 2
    assert len(watched.wire) > 100_000


def test_every_process_logged_all_it_could(watched: Watched) -> None:
    logs = sorted(watched.desk.home.glob("debug.*.log"))
    text = "\n".join(path.read_text("utf-8") for path in logs)

    assert len(logs) >= 5  # the lab, the pipeline, three kernels
    assert " DEBUG " in text


def test_the_scanner_finds_a_secret_planted_among_what_the_run_left(watched: Watched) -> None:
    folder = watched.desk.home / "planted"
    secret = watched.secrets["local-administrator"]
    files = plant(folder, secret)
    try:
        found = {finding.place for finding in scan(watched.secrets, [folder])}
    finally:
        for path in files.values():
            path.unlink()
        folder.rmdir()

    assert found == {str(files[encoding]) for encoding in ENCODINGS}


def test_no_secret_stands_in_any_file_of_the_run_the_lab_home_or_tmp(watched: Watched) -> None:
    assert scan(watched.secrets, [watched.desk.folder]) == ()
    assert len(list(watched.desk.run.rglob("*.ipynb"))) == 3


def test_no_secret_stands_on_a_command_line_in_an_environment_or_in_a_message(
    watched: Watched,
) -> None:
    lines = "\n".join(watched.processes)

    assert "ipykernel" in lines
    for name, content in watched.processes.items():
        assert scan_bytes(watched.secrets, content, name) == ()
    for secret in watched.secrets.values():
        assert secret.encode() not in watched.wire
        assert json.dumps(secret).encode() not in watched.wire
