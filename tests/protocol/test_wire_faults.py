"""Faults that are armed on purpose: each spoils one reply, before or after the effect."""

from __future__ import annotations

import socket
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from http.client import HTTPConnection
from threading import Thread

import pytest
import requests
from pypsrp.exceptions import FragmentError, WinRMTransportError
from pypsrp.powershell import PowerShell, RunspacePool

from runbook_lib.lab.answers import Reply
from runbook_lib.lab.faults import FaultError
from runbook_lib.lab.lab import Lab
from tests.protocol.small_site import Control, SmallWorld, script, sign_on_again, wsman


@pytest.fixture
def opened(lab: Lab) -> Iterator[RunspacePool]:
    """A pool whose connection the test may ruin."""
    pool = RunspacePool(wsman(lab))
    pool.open()
    yield pool
    pool.connection.close()


def commands(world: SmallWorld) -> list[str]:
    return [invocation.command for _, _, invocation in world.asked]


def run(pool: RunspacePool, text: str) -> PowerShell:
    pipeline: PowerShell = script(pool, text, {"A": "b"})
    pipeline.invoke()
    return pipeline


def test_reset_before_the_effect_leaves_no_effect(
    lab: Lab, world: SmallWorld, opened: RunspacePool
) -> None:
    lab.arm_fault({"match": "rename", "do": "reset", "when": "before"})

    with pytest.raises(requests.ConnectionError):
        run(opened, "Rename")

    sign_on_again(opened.connection)
    run(opened, "next")
    assert commands(world) == ["next"]


def test_reset_after_the_effect_loses_only_the_reply(
    lab: Lab, world: SmallWorld, opened: RunspacePool
) -> None:
    lab.arm_fault({"match": "rename", "do": "reset", "when": "after_effect"})

    with pytest.raises(requests.ConnectionError):
        run(opened, "Rename")

    assert commands(world) == ["Rename"]


def test_reset_in_the_middle_cuts_the_reply(lab: Lab, opened: RunspacePool) -> None:
    lab.arm_fault({"do": "reset", "when": "mid_reply"})

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        run(opened, "x")


def test_nth_match_on_the_named_node_is_the_one(
    lab: Lab, world: SmallWorld, opened: RunspacePool
) -> None:
    lab.arm_fault({"node": "node1", "match": "set", "nth": 2, "do": "status:503"})
    lab.arm_fault({"node": "NODE2", "match": "", "nth": 1, "do": "status:500"})

    run(opened, "Set 1")
    run(opened, "other")
    with pytest.raises(WinRMTransportError) as caught:
        run(opened, "Set 2")
    run(opened, "Set 3")

    assert caught.value.code == 503
    assert commands(world) == ["Set 1", "other", "Set 3"]


def test_plain_reply_comes_on_a_sealed_session(lab: Lab, opened: RunspacePool) -> None:
    lab.arm_fault({"do": "plain", "when": "after_effect"})
    lab.record.switch(on=True)

    run(opened, "x")  # pypsrp takes it; our own transport must not

    types = [
        line
        for message in lab.record.messages()
        if message.direction == "reply"
        for line in message.raw.split(b"\r\n")
        if line.startswith(b"Content-Type: application/soap+xml")
    ]
    assert types == [b"Content-Type: application/soap+xml;charset=UTF-8"]


def test_redirect_names_another_address(lab: Lab, opened: RunspacePool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        port = elsewhere.getsockname()[1]
        lab.arm_fault({"do": f"redirect:http://127.0.0.1:{port}/wsman"})
        seen: list[bytes] = []

        def serve() -> None:
            connection, _ = elsewhere.accept()
            with connection:
                seen.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n")

        thread = Thread(target=serve)
        thread.start()
        with pytest.raises(WinRMTransportError):
            run(opened, "x")
        thread.join(10)

    assert seen[0].startswith(b"GET /wsman ")


def test_malformed_output_is_no_xml(lab: Lab, opened: RunspacePool) -> None:
    lab.arm_fault({"do": "garbage", "when": "after_effect"})

    [garbage] = run(opened, "x").output  # pypsrp hands it on as text

    with pytest.raises(ET.ParseError):
        ET.fromstring(garbage)


def test_malformed_envelope_is_no_xml(lab: Lab, world: SmallWorld, opened: RunspacePool) -> None:
    lab.arm_fault({"do": "garbage", "when": "before"})

    with pytest.raises(ET.ParseError):
        run(opened, "x")
    assert commands(world) == []


def test_dropped_fragment_leaves_a_gap(lab: Lab, world: SmallWorld, opened: RunspacePool) -> None:
    world.reply = lambda _n, _u, _i: Reply(output=("x" * 200_000,))
    lab.arm_fault({"do": "drop_fragment", "when": "mid_reply"})

    with pytest.raises(FragmentError):
        run(opened, "x")


def test_dropped_fragment_of_a_short_answer_takes_its_object(
    lab: Lab, opened: RunspacePool
) -> None:
    lab.arm_fault({"do": "drop_fragment", "when": "after_effect"})

    assert run(opened, "x").output == []


def test_duplicate_fragment_is_out_of_order(
    lab: Lab, world: SmallWorld, opened: RunspacePool
) -> None:
    world.reply = lambda _n, _u, _i: Reply(output=("x" * 200_000,))
    lab.arm_fault({"do": "duplicate", "when": "after_effect"})

    with pytest.raises(FragmentError):
        run(opened, "x")


def test_hanging_reply_ends_when_faults_are_taken_back(
    lab: Lab, world: SmallWorld, opened: RunspacePool
) -> None:
    lab.arm_fault({"do": "hang", "when": "after_effect"})
    pipeline = script(opened, "x")
    pipeline.begin_invoke()
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            pipeline.poll_invoke()
        except requests.ConnectionError as error:
            errors.append(error)

    thread = Thread(target=wait)
    thread.start()
    assert world.answered.wait(10)
    thread.join(0.05)
    assert errors == []
    while thread.is_alive():  # the reply may not be held yet when the faults go
        lab.clear_faults()
        thread.join(0.05)

    assert len(errors) == 1


def test_client_that_gives_up_on_a_hanging_reply_can_sign_on_again(
    lab: Lab, opened: RunspacePool
) -> None:
    lab.arm_fault({"do": "hang", "when": "before"})
    opened.connection.transport.read_timeout = 0.05  # type: ignore[assignment]

    with pytest.raises(requests.ReadTimeout):
        run(opened, "x")

    opened.connection.transport.read_timeout = 10
    sign_on_again(opened.connection)
    assert len(run(opened, "next").output) == 1


def test_slow_reply_arrives_whole_in_the_end(lab: Lab, opened: RunspacePool) -> None:
    lab.arm_fault({"do": "slow:0.00001", "when": "after_effect"})

    assert len(run(opened, "x").output) == 1


def test_node_that_refuses_does_so_until_faults_are_taken_back(
    lab: Lab, world: SmallWorld, opened: RunspacePool
) -> None:
    lab.arm_fault({"node": "NODE1", "do": "refuse"})
    node = lab.node("NODE1")

    with pytest.raises(requests.ConnectionError):
        run(opened, "x")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((node.host, node.port), 5)
    world.switch("NODE1", on=True)
    assert not lab.listener("NODE1").is_open
    lab.clear_faults()

    sign_on_again(opened.connection)
    assert len(run(opened, "x").output) == 1


@pytest.mark.parametrize(("action", "status"), [("http", 503), ("create", 500), ("receive", 404)])
def test_requests_that_are_no_pipelines_meet_faults_by_their_action(
    lab: Lab, action: str, status: int
) -> None:
    lab.arm_fault({"match": f"wsman:{action}", "do": f"status:{status}"})

    with pytest.raises(WinRMTransportError) as caught:
        RunspacePool(wsman(lab)).open()

    assert caught.value.code == status
    RunspacePool(wsman(lab)).open()


def test_refused_logon_by_fault_counts_for_nobody(lab: Lab) -> None:
    lab.arm_fault({"match": "wsman:http", "do": "status:401"})
    node = lab.node("NODE1")
    connection = HTTPConnection(node.host, node.port, timeout=10)

    connection.request("POST", "/wsman", b"")

    assert connection.getresponse().status == 401
    connection.close()
    assert lab.logons.bad() == {}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"do": "dance"},
        {"do": "status:x"},
        {"do": "status:99"},
        {"do": "redirect"},
        {"do": "slow:very"},
        {"do": "reset", "when": "never"},
        {"do": "reset", "nth": 0},
        {"do": "reset", "node": "NODE9"},
        {"do": "exit:1", "node": "nobody"},
    ],
)
def test_fault_without_a_meaning_is_refused(
    lab: Lab, control: Control, given: dict[str, object]
) -> None:
    with pytest.raises(FaultError):
        lab.arm_fault(given)

    status, answer = control.ask("POST", "/faults", given)
    assert status == 400
    assert set(answer) == {"error"}


def test_fault_of_the_world_is_handed_on(lab: Lab, control: Control, world: SmallWorld) -> None:
    fault = {"node": "NODE1", "match": "netsh", "do": "exit:1"}

    assert control.ask("POST", "/faults", fault) == (200, {"armed": fault})
    armed = list(world.armed)
    assert control.ask("DELETE", "/faults") == (200, {})

    assert (armed, world.armed) == ([fault], [])
