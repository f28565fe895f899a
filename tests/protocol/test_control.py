"""The control address: what it tells, whom it refuses, and the lab as a process."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from pypsrp.powershell import RunspacePool

from runbook_lib import __version__
from runbook_lib.lab.lab import Lab
from tests.protocol.small_site import PASSWORD, Control, SmallWorld, script, wsman

ROOT = Path(__file__).parents[2]


def test_lab_says_what_it_is(lab: Lab, control: Control) -> None:
    assert control.ask("GET", "/lab") == (
        200,
        {
            "version": __version__,
            "pid": os.getpid(),
            "seed": 1,
            "scenario": "factory",
            "nodes": [
                {"name": name, "host": "127.0.0.1", "port": lab.node(name).port}
                for name in ("NODE1", "NODE2")
            ],
        },
    )


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/passwords/local-administrator", {"password": PASSWORD}),
        ("/state", {"nodes": ["NODE1", "NODE2"]}),
        ("/ledger", {"effects": [{"seq": 0}]}),
        ("/commands", {"command_lines": [{"node": "NODE1", "line": "hostname.exe"}]}),
    ],
)
def test_world_is_told(control: Control, path: str, answer: object) -> None:
    assert control.ask("GET", path) == (200, answer)


def test_act_reaches_the_world(control: Control, world: SmallWorld) -> None:
    assert control.ask("POST", "/acts/bow", {"node": "NODE1"}) == (200, {"effects": []})
    assert world.acts == [("bow", {"node": "NODE1"})]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", None, 404),
        ("GET", "/passwords/installer", None, 404),
        ("GET", "/acts/bow", None, 404),
        ("DELETE", "/lab", None, 404),
        ("POST", "/acts/fly", {"node": "NODE1"}, 400),
        ("POST", "/acts/bow", [1], 400),
        ("POST", "/wire", {"record": "yes"}, 400),
        ("POST", "/reset", {"scenario": "nowhere"}, 400),
        ("POST", "/reset", {"scenario": 5}, 400),
    ],
)
def test_nonsense_is_refused_with_a_reason(
    control: Control, method: str, path: str, body: object, status: int
) -> None:
    answered, answer = control.ask(method, path, body)

    assert (answered, set(answer)) == (status, {"error"})


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"Host": "lab.example"},
        {"Host": "127.0.0.1"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:80"},
    ],
)
def test_browsers_and_other_names_are_refused(control: Control, headers: dict[str, str]) -> None:
    status, answer = control.ask("GET", "/passwords/local-administrator", headers=headers)

    assert status == 403
    assert PASSWORD not in json.dumps(answer)


def test_overlong_body_is_refused_unread(control: Control) -> None:
    connection = HTTPConnection(control.address.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/acts/bow")
    connection.putheader("Content-Length", str(10**9))
    connection.endheaders()

    assert connection.getresponse().status == 400
    connection.close()


def test_counters_tell_requests_pipelines_and_logons(
    lab: Lab, control: Control, pool: RunspacePool
) -> None:
    before = control.ask("GET", "/counters")[1]
    script(pool, "x").invoke()

    after = control.ask("GET", "/counters")[1]

    assert (after["logons"], after["bad_logons"]) == ({"Administrator": 1}, {})
    assert after["pipelines"] - before["pipelines"] == 1
    assert after["requests"] - before["requests"] == 2
    assert after["busy_s"] > before["busy_s"] > 0


def test_wire_record_holds_what_was_sent_sealed_and_open(
    control: Control, pool: RunspacePool
) -> None:
    assert control.ask("POST", "/wire", {"record": True}) == (200, {"record": True})
    script(pool, "very special script").invoke()
    control.ask("POST", "/wire", {"record": False})
    script(pool, "not recorded").invoke()

    messages = control.ask("GET", "/wire")[1]["messages"]

    assert [(m["node"], m["connection"], m["direction"]) for m in messages] == [
        ("NODE1", 1, direction) for direction in ("request", "reply") * 2
    ]
    assert "shell/Command<" in messages[0]["text"]
    raw = base64.b64decode(messages[0]["raw"])
    assert raw.startswith(b"POST /wsman HTTP/1.1\r\n")
    assert b"shell/Command" not in raw


def test_reset_begins_again_without_shells_or_faults(
    lab: Lab, control: Control, world: SmallWorld
) -> None:
    RunspacePool(wsman(lab)).open()
    lab.arm_fault({"do": "reset"})
    world.off.add("NODE2")

    status, answer = control.ask("POST", "/reset", {"scenario": "before:10", "seed": 7})

    assert (status, answer["scenario"], answer["seed"]) == (200, "before:10", 7)
    assert len(lab.service("NODE1").shells) == 0
    pool = RunspacePool(wsman(lab))
    pool.open()
    assert len(script(pool, "x", {"A": 1}).invoke()) == 1
    pool.close()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-m", "runbook_lib.lab", "--state", str(tmp_path / "lab")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with started:
        yield started
        if started.poll() is None:
            started.kill()


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    told: dict[str, Any] = json.loads(line)
    return told


def test_process_says_where_it_is_and_ends_with_its_input(
    process: subprocess.Popen[str],
) -> None:
    told = ready(process)

    control = Control(told["control"])
    assert told["pid"] == process.pid
    assert control.ask("GET", "/lab")[1]["nodes"] == told["nodes"]
    assert [node["name"] for node in told["nodes"]] == ["E2K7SCCNode1", "E2K7SCCNode2"]
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 0


def test_process_ends_on_sigterm_and_ignores_sigint(process: subprocess.Popen[str]) -> None:
    told = ready(process)

    assert os.getsid(process.pid) == process.pid
    process.send_signal(signal.SIGINT)
    assert Control(told["control"]).ask("GET", "/lab")[0] == 200
    process.terminate()

    assert process.wait(10) == 0


def test_process_says_in_one_line_what_it_cannot_start(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "runbook_lib.lab", "--scenario", "nowhere"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr
    assert "nowhere" in ended.stderr
