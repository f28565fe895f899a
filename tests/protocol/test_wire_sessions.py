"""Logons, shells and connections: what counts, what is refused, what survives what."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event, Thread
from xml.etree import ElementTree as ET

import pytest
import requests
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.shell import WinRS
from pypsrp.wsman import NAMESPACES, WSMan

from runbook_lib.lab.answers import Invocation, Reply
from runbook_lib.lab.lab import Lab
from runbook_lib.lab.server.listener import NodeListener
from runbook_lib.lab.server.loopback import NotLoopbackError
from runbook_lib.lab.server.winrm_config import Quotas
from runbook_lib.lab.world.power import NodeIsDownError
from tests.protocol.small_site import SmallWorld, script, sign_on_again, wsman

PSRP_SHELLS = "http://schemas.microsoft.com/powershell/"


def opened(connection: WSMan) -> RunspacePool:
    pool = RunspacePool(connection)
    pool.open()
    return pool


def logons(lab: Lab) -> tuple[dict[str, int], dict[str, int]]:
    return lab.logons.good(), lab.logons.bad()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_wrong_password_is_one_bad_logon(lab: Lab) -> None:
    with pytest.raises(AuthenticationError):
        opened(wsman(lab, password="wrong"))

    assert logons(lab) == ({}, {"Administrator": 1})


def test_unknown_account_is_one_bad_logon(lab: Lab) -> None:
    with pytest.raises(AuthenticationError):
        opened(wsman(lab, user=r"LAB\nobody"))

    assert logons(lab) == ({}, {r"LAB\nobody": 1})


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("administrator", "Administrator"),
        (r"node1\ADMINISTRATOR", r"NODE1\Administrator"),
        (r"lab\ExInstall", r"LAB\exinstall"),
    ],
)
def test_account_is_known_in_any_spelling(
    lab: Lab, world: SmallWorld, given: str, known: str
) -> None:
    pool = opened(wsman(lab, user=given))
    script(pool, "x").invoke()
    pool.close()

    assert [user for _, user, _ in world.asked] == [known]
    assert logons(lab) == ({known: 1}, {})


def test_account_of_one_node_is_none_of_the_other(lab: Lab) -> None:
    with pytest.raises(AuthenticationError):
        opened(wsman(lab, "NODE2", user=r"NODE1\Administrator"))


def test_new_password_counts_from_the_next_logon(lab: Lab, world: SmallWorld) -> None:
    world.users["Administrator"] = "another"

    opened(wsman(lab, password="another")).close()

    with pytest.raises(AuthenticationError):
        opened(wsman(lab))


def test_accounts_leave_no_trace_in_the_environment(lab: Lab) -> None:
    opened(wsman(lab)).close()

    assert "NTLM_USER_FILE" not in os.environ


def test_labs_of_one_process_keep_their_accounts_apart() -> None:
    first, second = SmallWorld(), SmallWorld(users={"Administrator": "of the second"})
    with Lab(first) as one, Lab(second) as two:
        opened(wsman(one)).close()
        opened(wsman(two, password="of the second")).close()

        with pytest.raises(AuthenticationError):
            opened(wsman(one, password="of the second"))
        assert logons(one) == ({"Administrator": 1}, {"Administrator": 1})
        assert logons(two) == ({"Administrator": 1}, {})
    assert first.is_closed
    assert second.is_closed


def test_sixth_shell_of_a_user_is_over_the_quota(lab: Lab) -> None:
    pools = [opened(wsman(lab)) for _ in range(5)]

    with pytest.raises(WSManFaultError) as caught:
        opened(wsman(lab))

    assert caught.value.code == 2150859173
    assert caught.value.reason == (
        "The WS-Management service cannot process the request. This user is allowed a maximum "
        "number of 5 concurrent shells, which has been exceeded. Close existing shells or raise "
        "the quota for this user."
    )
    opened(wsman(lab, user=r"LAB\exinstall")).close()
    opened(wsman(lab, "NODE2")).close()
    pools.pop().close()
    pools.append(opened(wsman(lab)))
    for pool in pools:
        pool.close()


def test_idle_shell_is_gone_after_the_time_allowed(lab: Lab) -> None:
    clock = Clock()
    shells = lab.service("NODE1").shells
    shells._monotonic = clock
    pool = opened(wsman(lab))
    clock.now = 179.0
    script(pool, "x").invoke()
    clock.now += 181.0

    with pytest.raises(WSManFaultError) as caught:
        script(pool, "x").invoke()

    assert caught.value.code == 2150858843
    assert "the shell was not found on the server" in str(caught.value.reason)
    assert len(shells) == 0


def test_closed_shell_is_gone(lab: Lab) -> None:
    pool = opened(wsman(lab))
    selectors = pool.shell._selector_set
    pool.close()

    pool.shell._selector_set = selectors
    with pytest.raises(WSManFaultError) as caught:
        script(pool, "x").begin_invoke()

    assert caught.value.code == 2150858843


def test_shell_of_another_user_is_denied(lab: Lab) -> None:
    mine, others = opened(wsman(lab)), opened(wsman(lab, user=r"LAB\exinstall"))
    others.shell._selector_set = mine.shell._selector_set

    with pytest.raises(WSManFaultError) as caught:
        script(others, "x").begin_invoke()

    assert (caught.value.code, caught.value.reason) == (5, "Access is denied.")


def test_command_that_is_over_cannot_be_signalled_twice(pool: RunspacePool) -> None:
    pipeline = script(pool, "x")
    pipeline.invoke()
    pipeline.close()

    with pytest.raises(WSManFaultError) as caught:
        pool.shell.signal("powershell/signal/ctrl_c", pipeline.id)

    assert caught.value.code == 2150858843
    assert "a command identifier that does not exist" in str(caught.value.reason)


@dataclass
class Waiting:
    """A Receive that waits in a thread of its own for a pipeline that has not answered yet."""

    lab: Lab
    pool: RunspacePool
    pipeline: PowerShell
    ended_by: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.thread = Thread(target=self._wait)
        self.thread.start()
        [shell] = self.lab.service("NODE1").shells.owned_by("Administrator")
        [command] = shell.pool.commands.values()
        with shell.pool.changed:
            assert shell.pool.changed.wait_for(lambda: command.output.has_reader, 10)

    def _wait(self) -> None:
        try:
            self.pipeline.poll_invoke()
        except (WSManFaultError, requests.ConnectionError) as error:
            self.ended_by.append(error)

    def end(self) -> Exception:
        self.thread.join(10)
        [error] = self.ended_by
        return error


@pytest.fixture
def waiting(lab: Lab, world: SmallWorld) -> Iterator[Waiting]:
    go = Event()
    world.reply = lambda _n, _u, _i: Reply(output=(go.wait(10),))
    pool = opened(wsman(lab))
    pipeline = script(pool, "x")
    pipeline.begin_invoke()
    yield Waiting(lab, pool, pipeline)
    go.set()


def test_deleting_a_shell_aborts_whoever_waits_in_it(lab: Lab, waiting: Waiting) -> None:
    deleting = RunspacePool(wsman(lab))
    deleting.shell._selector_set = waiting.pool.shell._selector_set
    deleting.shell.opened = True

    deleting.shell.close()

    error = waiting.end()
    assert isinstance(error, WSManFaultError)
    assert error.code == 995


def test_later_receive_takes_the_place_of_an_earlier_one(lab: Lab, waiting: Waiting) -> None:
    again = RunspacePool(wsman(lab))
    again.shell._selector_set = waiting.pool.shell._selector_set

    with pytest.raises(WSManFaultError) as caught:
        again.shell.receive("stdout", command_id=waiting.pipeline._command_id, timeout=1)

    error = waiting.end()
    assert isinstance(error, WSManFaultError)
    assert (error.code, caught.value.code) == (995, 2150858793)


def test_receive_that_waits_ends_with_its_connection(world: SmallWorld, waiting: Waiting) -> None:
    world.break_connections("NODE1")

    assert isinstance(waiting.end(), requests.ConnectionError)
    assert not world.answered.is_set()


def test_receive_without_output_times_out_and_can_be_asked_again(world: SmallWorld) -> None:
    go = Event()
    world.reply = lambda _n, _u, _i: Reply(output=(go.wait(10),))
    with Lab(world, quotas=Quotas(longest_timeout_s=0.01)) as lab:
        pool = opened(wsman(lab))
        pipeline = script(pool, "x")
        pipeline.begin_invoke()

        with pytest.raises(WSManFaultError) as caught:
            pool._receive(pipeline.id)

        go.set()
        assert caught.value.code == 2150858793
        assert pipeline.end_invoke() == [True]
        pool.close()


def test_operation_timeout_below_half_a_second_is_refused(pool: RunspacePool) -> None:
    pool.connection.operation_timeout = 0.4  # type: ignore[assignment]

    with pytest.raises(WSManFaultError) as caught:
        script(pool, "x").begin_invoke()
    pool.connection.operation_timeout = 10

    assert caught.value.code == 2150858764


def test_same_receive_gives_the_same_output_again(pool: RunspacePool) -> None:
    pipeline = script(pool, "x", {"A": 1})
    pipeline.begin_invoke()
    sent: list[bytes] = []
    send = pool.connection.transport.send

    def remember(message: bytes, **options: object) -> bytes:
        sent.append(message)
        return send(message, **options)  # type: ignore[arg-type]

    pool.connection.transport.send = remember  # type: ignore[method-assign]
    first = pool.shell.receive("stdout", command_id=pipeline._command_id)

    again = send(sent[-1])

    assert first[2]["stdout"]
    assert again == send(sent[-1])
    assert b"CommandState/Done" in again


def test_shell_can_be_read_and_listed(lab: Lab, pool: RunspacePool) -> None:
    state = pool.shell._get_shell()
    wanted = ET.Element("{http://schemas.xmlsoap.org/ws/2004/09/enumeration}Enumerate")
    ET.SubElement(wanted, "{http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd}OptimizeEnumeration")

    listed = wsman(lab).enumerate(NAMESPACES["rsp"], wanted)

    assert [e.text for e in listed.iterfind(".//rsp:ShellId", NAMESPACES)] == [pool.shell.id]
    assert {name: state[name] for name in ("ShellId", "Owner", "IdleTimeOut", "InputStreams")} == {
        "ShellId": pool.shell.id,
        "Owner": "Administrator",
        "IdleTimeOut": "PT180.000S",
        "InputStreams": "stdin pr",
    }
    assert pool.is_alive()


def test_configuration_names_the_quotas(lab: Lab) -> None:
    connection = wsman(lab)

    config = connection.get_server_config().find("cfg:Config", NAMESPACES)

    assert config is not None
    found = {child.tag.rpartition("}")[2]: child for child in config}
    assert found["MaxEnvelopeSizekb"].text == "150"
    assert found["MaxTimeoutms"].text == "60000"
    shells = {child.tag.rpartition("}")[2]: child.text for child in found["Winrs"]}
    assert (shells["MaxShellsPerUser"], shells["IdleTimeout"]) == ("5", "180000")


def test_other_shells_are_refused(lab: Lab) -> None:
    with pytest.raises(WSManFaultError) as caught:
        WinRS(wsman(lab), resource_uri=f"{PSRP_SHELLS}Microsoft.Exchange").open()

    assert caught.value.code == 2150858752


def test_node_that_goes_down_refuses_and_returns_on_its_port(lab: Lab, world: SmallWorld) -> None:
    before = lab.node("NODE1")
    pool = opened(wsman(lab))

    world.switch("NODE1", on=False)

    with pytest.raises(requests.ConnectionError):
        script(pool, "x").begin_invoke()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((before.host, before.port), 5)
    with pytest.raises(OSError, match="in use"), socket.socket() as thief:
        thief.bind((before.host, before.port))
    opened(wsman(lab, "NODE2")).close()
    world.switch("NODE1", on=True)
    sign_on_again(pool.connection)
    with pytest.raises(WSManFaultError) as caught:
        script(pool, "x").begin_invoke()
    assert caught.value.code == 2150858843
    assert lab.node("NODE1") == before
    opened(wsman(lab)).close()


def test_node_that_starts_off_refuses_until_it_is_on(world: SmallWorld) -> None:
    world.off.add("NODE2")
    with Lab(world) as lab:
        node = lab.node("NODE2")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((node.host, node.port), 5)

        world.switch("NODE2", on=True)

        opened(wsman(lab, "NODE2")).close()


def test_broken_connection_keeps_shell_for_a_new_logon(lab: Lab, world: SmallWorld) -> None:
    pool = opened(wsman(lab))

    world.break_connections("NODE1")

    with pytest.raises((requests.ConnectionError, WinRMTransportError)):
        script(pool, "lost").begin_invoke()
    sign_on_again(pool.connection)
    pipeline = script(pool, "found", {"A": 1})
    pipeline.invoke()
    assert [invocation.command for _, _, invocation in world.asked] == ["found"]
    assert len(lab.service("NODE1").shells) == 1
    assert logons(lab)[1] == {}


def test_command_that_breaks_its_own_connection_loses_the_reply(
    lab: Lab, world: SmallWorld
) -> None:
    def moving(node: str, _user: str, _invocation: Invocation) -> Reply:
        world.break_connections(node)
        return Reply(output=("moved",))

    world.reply = moving
    pool = opened(wsman(lab))
    pipeline = script(pool, "EnableStatic")
    pipeline.begin_invoke()

    with pytest.raises(requests.ConnectionError) as caught:
        pipeline.poll_invoke()

    assert "reset" in str(caught.value).lower()
    assert len(world.asked) == 1


def test_node_that_falls_silent_over_a_command_never_replies(lab: Lab, world: SmallWorld) -> None:
    def falling(node: str, _user: str, _invocation: Invocation) -> Reply:
        world.switch(node, on=False)
        raise NodeIsDownError(node)

    world.reply = falling
    pool = opened(wsman(lab))
    pipeline = script(pool, "shutdown")
    pipeline.begin_invoke()

    with pytest.raises(requests.ConnectionError):
        pipeline.poll_invoke()


def test_pipeline_starts_though_nobody_asks_for_its_output(
    lab: Lab, world: SmallWorld, pool: RunspacePool
) -> None:
    script(pool, "x").begin_invoke()

    assert world.answered.wait(10)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::1", "localhost", "127.0.0.2"])
def test_nothing_but_the_loopback_address_is_bound(lab: Lab, host: str) -> None:
    with pytest.raises(NotLoopbackError):
        NodeListener(lab.listener("NODE1")._front, host)

    addresses = {lab.listener(name)._keeper.getsockname()[0] for name in ("NODE1", "NODE2")}
    assert addresses == {"127.0.0.1"}
