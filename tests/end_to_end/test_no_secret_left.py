"""A whole run with every library as talkative as it can be: no secret stands anywhere afterwards.

The secrets are the lab's passwords, asked from its control address; the scanner shares no code
with the masking. That they were used, and that the scanner finds what there is, is shown too.
"""

from __future__ import annotations

import html
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped] # ipykernel depends on it
import pytest

from runbook_lib.execution.phases import PHASES
from runbook_lib.sessions import lab_process
from runbook_lib.sessions.lab_control import LabControl
from tests.builders import LAB
from tests.canary import ENCODINGS, plant, scan, scan_bytes
from tests.end_to_end.command_line import NODES, Begun, Desk, Ended, events

NAMES = ("local-administrator", "installer", "cluster-service")
INSTALLER = r"LAB\exinstall"
IN_A_FILE = (
    "the service account's password stands in a file that administrators of the node can read, "
    "and on the command line of cluster.exe, until the task has ended"
)
VARYING = re.compile(
    rb"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    rb"|(?<![0-9A-Za-z+/=%_&#])\d{1,6}(?![0-9A-Za-z+/=%_;])"
)
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
    site: dict[str, bytes]


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
            told_by(lab.control),
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


def told_by(lab: LabControl) -> dict[str, bytes]:
    """Return what the lab keeps of the site: its state, each change, each command line."""
    kept = {"state": lab.state(), "ledger": lab.ledger(), "commands": lab.command_lines()}
    return {name: json.dumps(each).encode() for name, each in kept.items()}


def test_the_run_ends_well_and_every_secret_was_used(watched: Watched) -> None:
    service = r"LAB\svc-clus"
    commands = watched.site["commands"].decode()

    assert watched.ended.code == 0
    assert set(watched.logons) == {"Administrator", INSTALLER}
    assert min(watched.logons.values()) >= len(NODES)
    assert len(watched.wire) > 100_000
    # The service's own password is used by cluster.exe, the installer's by the task scheduler.
    assert f"/user:{json.dumps(service)[1:-1]} /password:<secret> /node:{NODES[0]}" in commands
    assert f"/add:{NODES[1]} /password:<secret>" in commands
    assert f"/ru {json.dumps(INSTALLER)[1:-1]} /rp ***" in commands


def test_every_process_logged_all_it_could(watched: Watched) -> None:
    logs = sorted(watched.desk.home.glob("debug.*.log"))
    text = "\n".join(path.read_text("utf-8") for path in logs)

    assert len(logs) >= 2 + len(PHASES)  # the lab, the pipeline, a kernel for each phase
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


def test_the_scanner_finds_a_secret_planted_in_a_log_whose_lines_repeat_as_well(
    watched: Watched,
) -> None:
    folder = watched.desk.folder / "planted"
    secret = watched.secrets["installer"]
    log = max(watched.desk.home.glob("debug.*.log"), key=lambda path: path.stat().st_size)
    lines = log.read_bytes()[:200_000]
    missed = []
    for encoding, path in plant(folder, secret).items():
        planted = lines + b"\n" + path.read_bytes() + b"\n" + lines
        if scan_bytes(watched.secrets, distinct_lines(planted), encoding) == ():
            missed.append(encoding)
        path.unlink()
    folder.rmdir()

    assert missed == []


def test_no_secret_stands_in_any_file_of_the_run_the_lab_home_or_tmp(watched: Watched) -> None:
    logs = sorted(watched.desk.home.glob("debug.*.log"))
    places = [path for path in watched.desk.folder.iterdir() if path != watched.desk.home]
    others = [path for path in watched.desk.home.iterdir() if path not in logs]

    assert scan(watched.secrets, [*places, *others]) == ()
    for log in logs:
        content = log.read_bytes()
        assert [name for name, value in watched.secrets.items() if value.encode() in content] == []
        assert scan_bytes(watched.secrets, distinct_lines(content), str(log)) == ()
    assert len(list(watched.desk.run.rglob("*.ipynb"))) == len(PHASES)


def distinct_lines(log: bytes) -> bytes:
    """Return each line once that differs by more than an identifier or a number standing alone.

    Libraries log the same messages over and over; decoding all of them takes a minute.
    """
    first = {VARYING.sub(b"#", line): line for line in reversed(log.split(b"\n"))}
    return b"\n".join(reversed(first.values()))


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


def test_no_secret_stands_in_what_the_site_keeps_of_itself(watched: Watched) -> None:
    for name, content in watched.site.items():
        assert len(content) > 10_000
        assert scan_bytes(watched.secrets, content, name) == ()


def test_where_a_secret_had_to_be_shown_the_record_says_so(watched: Watched) -> None:
    """Two acts hold a password in a file and on a command line, each until its task has ended."""
    exposing = {
        (e["data"]["phase"], e["data"]["step"]): e["data"]["exposes"]
        for e in events(watched.desk.run, "intent")
        if e["data"].get("exposes")
    }
    page = html.unescape((watched.desk.run / "review.html").read_text("utf-8"))

    assert {step for (_, step), told in exposing.items() if IN_A_FILE in told} == {
        "create_cluster",
        "add_node",
    }
    assert set(exposing) == {
        ("20_join_domain", "join_domain"),
        ("40_form_cluster", "create_cluster"),
        ("50_join_second_node", "add_node"),
        ("70_install_exchange_active_node", "install_role"),
        ("70_install_exchange_active_node", "make_mailbox_server"),
        ("80_install_exchange_passive_node", "install_role"),
        ("90_prove_failover", "move_to_second_node"),
        ("90_prove_failover", "move_back"),
    }
    assert [each for told in exposing.values() for each in told if each not in page] == []
