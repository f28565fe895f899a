"""Our sessions against a running lab: reads, acts, and what each kind of loss means."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from runbook_lib import crash_points
from runbook_lib.commands import network, power, system
from runbook_lib.commands.command import Action, Cmdlet, Outcome, Program, Query, Read, Secret
from runbook_lib.errors import (
    AuthenticationError,
    BugError,
    CommandFailedError,
    MalformedReplyError,
    NodeUnreachableError,
    OutcomeUnknownError,
    SessionLostError,
    WrongNodeError,
)
from runbook_lib.lab.lab import Lab
from runbook_lib.sessions.accounts import Breaker
from runbook_lib.sessions.psrp_session import PsrpReader, PsrpSession
from runbook_lib.sessions.sealed_http import Endpoint
from runbook_lib.sessions.session import ActionAnswer, ExpectedIdentity
from tests.protocol.nodes import PUBLIC_MAC, EagerClock, identity, private, rename, session

NAMES = system.computer_names()


@pytest.fixture
def site() -> Iterator[Lab]:
    with Lab.start("factory") as lab:
        yield lab


@pytest.fixture
def node(site: Lab) -> Iterator[PsrpSession]:
    with closing(session(site)) as opened:
        yield opened


def effects(site: Lab) -> list[tuple[str, str]]:
    return [(str(one["node"]), str(one["what"])) for one in site.world.ledger()]


def counted(site: Lab, what: str) -> Any:
    return site.counters()[what]


def test_both_nodes_are_asked_before_either_is_waited_for(site: Lab) -> None:
    with closing(session(site, 0)) as one, closing(session(site, 1)) as two:
        pending = [each.begin_read([NAMES]) for each in (one, two)]
        seen = [each.finish(20)[0] for each in pending]

    assert seen == [
        system.ComputerNames("WIN2003-A", "WIN2003-A"),
        system.ComputerNames("WIN2003-B", "WIN2003-B"),
    ]


def test_many_queries_are_one_pipeline(site: Lab, node: PsrpSession) -> None:
    queries: list[Query[Any]] = [
        network.adapters(),
        system.identity(),
        system.operating_system(),
        NAMES,
    ]

    values = node.begin_read(queries).finish(20)

    assert values[1].macs == tuple(one.mac for one in values[0])
    assert counted(site, "pipelines") == 1


def test_no_queries_need_no_connection(site: Lab, node: PsrpSession) -> None:
    assert node.begin_read([]).finish(20) == []
    assert counted(site, "requests") == 0


def test_an_act_has_one_effect_and_its_answer(site: Lab, node: PsrpSession) -> None:
    action = rename(node)

    answer = node.begin_act(action, identity(node)).finish(20)

    assert answer == ActionAnswer(0, ("Ok.", ""), Outcome.DONE)
    assert private(node).connection == "Private"
    assert len(effects(site)) == 1


def test_another_machine_refuses_by_itself(site: Lab, node: PsrpSession) -> None:
    action = rename(node)
    other = ExpectedIdentity("00000000-0000-0000-0000-000000000000", None)

    with pytest.raises(WrongNodeError, match=site.nodes[0].name):
        node.begin_act(action, other).finish(20)

    assert effects(site) == []


def test_a_machine_with_another_name_refuses_by_itself(site: Lab, node: PsrpSession) -> None:
    action, here = rename(node), identity(node)

    with pytest.raises(WrongNodeError):
        node.begin_act(action, ExpectedIdentity(here.machine_guid, "OTHER")).finish(20)

    assert effects(site) == []


def test_the_nodes_no_is_explained(site: Lab, node: PsrpSession) -> None:
    seen, here = private(node), identity(node)
    site.world.act("unplug", {"node": site.nodes[0].name, "mac": seen.mac})

    with pytest.raises(CommandFailedError) as caught:
        node.begin_act(network.set_netbios(seen.index, network.Netbios.OFF), here).finish(20)

    assert caught.value.why == "code 84: IP is not enabled on the adapter (unplugged or disabled)"


def test_a_reply_lost_after_the_effect_leaves_the_outcome_unknown_and_done_once(
    site: Lab, node: PsrpSession
) -> None:
    action, here = rename(node), identity(node)
    site.arm_fault({"match": "netsh", "do": "reset", "when": "after_effect"})

    with pytest.raises(OutcomeUnknownError, match=r"netsh\.exe interface set"):
        node.begin_act(action, here).finish(20)

    assert private(node).connection == "Private"
    assert len(effects(site)) == 1


def test_an_act_is_not_sent_again_when_the_link_breaks_before_its_effect(
    site: Lab, node: PsrpSession
) -> None:
    action, here = rename(node), identity(node)
    site.arm_fault({"match": "netsh", "do": "reset", "when": "before"})

    with pytest.raises(OutcomeUnknownError):
        node.begin_act(action, here).finish(20)

    assert private(node).connection != "Private"
    assert effects(site) == []


@pytest.mark.parametrize(
    "deed", ["status:503", "status:500", "plain", "garbage", "duplicate", "drop_fragment"]
)
def test_after_an_act_no_broken_answer_counts_as_any(
    site: Lab, node: PsrpSession, deed: str
) -> None:
    action, here = rename(node), identity(node)
    site.arm_fault({"match": "netsh", "do": deed, "when": "mid_reply"})

    with pytest.raises(OutcomeUnknownError):
        node.begin_act(action, here).finish(20)

    assert private(node).connection == "Private"
    assert len(effects(site)) == 1


@pytest.mark.parametrize("deed", ["reset", "status:503"])
@pytest.mark.parametrize("when", ["before", "after_effect", "mid_reply"])
def test_a_read_is_sent_again_after_a_loss(
    site: Lab, node: PsrpSession, deed: str, when: str
) -> None:
    site.arm_fault({"match": "read_many", "do": deed, "when": when})

    assert node.begin_read([NAMES]).finish(20)[0].running == "WIN2003-A"


def test_a_loss_costs_no_shell(site: Lab, node: PsrpSession) -> None:
    for _ in range(7):
        site.arm_fault({"match": "read_many", "do": "reset", "when": "after_effect"})
        node.begin_read([NAMES]).finish(20)

    assert len(site.service(site.nodes[0].name).shells._shells) == 1


@pytest.mark.parametrize("deed", ["plain", "status:500", "garbage", "drop_fragment", "duplicate"])
def test_a_read_does_not_believe_a_broken_answer(site: Lab, node: PsrpSession, deed: str) -> None:
    site.arm_fault({"match": "read_many", "do": deed, "when": "mid_reply"})

    with pytest.raises(MalformedReplyError):
        node.begin_read([NAMES]).finish(20)

    assert node.begin_read([NAMES]).finish(20)[0].running == "WIN2003-A"


@pytest.mark.parametrize("status", [200, 500])
def test_an_unencrypted_answer_is_refused_whatever_its_status(
    site: Lab, node: PsrpSession, status: int
) -> None:
    node.begin_read([NAMES]).finish(20)
    deed = "plain" if status == 200 else f"status:{status}"
    site.arm_fault({"match": "wsman:command", "do": deed})

    with pytest.raises(MalformedReplyError) as caught:
        node.begin_read([NAMES]).finish(20)

    assert caught.value.why.startswith(f"HTTP {status} with a body that is not encrypted")


def test_a_redirect_is_refused_and_nothing_goes_there(site: Lab, node: PsrpSession) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0)
        address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/wsman"
        node.begin_read([NAMES]).finish(20)
        site.arm_fault({"match": "wsman:command", "do": f"redirect:{address}"})

        with pytest.raises(MalformedReplyError, match="trusted") as caught:
            node.begin_read([NAMES]).finish(20)

        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert address in caught.value.why


def test_a_silent_node_ends_a_read_at_its_deadline(site: Lab, node: PsrpSession) -> None:
    site.arm_fault({"match": "read_many", "do": "hang", "when": "mid_reply"})
    pending = node.begin_read([NAMES])
    began = time.monotonic()

    with pytest.raises(SessionLostError, match="did not answer in time"):
        pending.finish(0.3)

    assert time.monotonic() - began < 10


def test_a_trickle_cannot_stretch_the_deadline(site: Lab, node: PsrpSession) -> None:
    site.arm_fault({"match": "read_many", "do": "slow:0.02", "when": "mid_reply"})

    with pytest.raises(SessionLostError, match="did not answer in time"):
        node.begin_read([NAMES]).finish(0.4)


def test_a_silent_node_leaves_an_act_unknown(site: Lab, node: PsrpSession) -> None:
    action, here = rename(node), identity(node)
    site.arm_fault({"match": "netsh", "do": "hang", "when": "after_effect"})

    with pytest.raises(OutcomeUnknownError, match="not known"):
        node.begin_act(action, here).finish(0.3)

    assert len(effects(site)) == 1


def test_a_wrong_password_costs_one_bad_logon_on_both_nodes_together(site: Lab) -> None:
    breaker = Breaker()
    one, two = (session(site, n, password="wrong one", breaker=breaker) for n in (0, 1))

    for each in (one, two, one):
        with pytest.raises(AuthenticationError):
            each.begin_read([NAMES]).finish(20)

    assert counted(site, "bad_logons") == {"Administrator": 1}
    assert counted(site, "logons") == {}


def test_an_act_with_a_wrong_password_is_an_authentication_error(site: Lab) -> None:
    here = ExpectedIdentity("any", None)

    with pytest.raises(AuthenticationError, match="refused the account Administrator"):
        session(site, password="wrong one").begin_act(power.restart("x"), here).finish(20)


def test_a_connection_that_died_while_idle_is_replaced_before_an_act(
    site: Lab, node: PsrpSession
) -> None:
    action, here = rename(node), identity(node)
    site.listener(site.nodes[0].name).reset()

    assert node.begin_act(action, here).finish(20).outcome is Outcome.DONE
    assert len(site.service(site.nodes[0].name).shells._shells) == 1


@pytest.mark.parametrize("is_tidy", [True, False])
def test_a_shell_that_is_gone_is_replaced_before_an_act_takes_effect(
    site: Lab, node: PsrpSession, is_tidy: bool
) -> None:
    action, here = rename(node), identity(node)
    if is_tidy:
        # Nothing is left to be closed in the old shell: the act itself finds that it is gone.
        node.reconnect()
    site.service(site.nodes[0].name).shells.close_all()

    assert node.begin_act(action, here).finish(20).outcome is Outcome.DONE
    assert len(effects(site)) == 1


def test_reconnecting_keeps_the_shell(site: Lab, node: PsrpSession) -> None:
    node.begin_read([NAMES]).finish(20)

    node.reconnect()

    assert node.begin_read([NAMES]).finish(20)[0].running == "WIN2003-A"
    assert counted(site, "logons") == {"Administrator": 2}
    assert len(site.service(site.nodes[0].name).shells._shells) == 1


def test_closing_gives_the_shell_back(site: Lab, node: PsrpSession) -> None:
    node.begin_read([NAMES]).finish(20)

    node.close()
    node.close()

    assert len(site.service(site.nodes[0].name).shells._shells) == 0


def test_changing_the_address_that_carries_the_session_loses_the_reply_only(
    site: Lab, node: PsrpSession
) -> None:
    here = identity(node)
    seen = node.begin_read([network.adapter(PUBLIC_MAC)]).finish(20)[0]
    action = network.set_address(seen.index, "192.168.1.11", "255.255.255.0", drops_session=True)

    with pytest.raises(OutcomeUnknownError):
        node.begin_act(action, here).finish(20)

    after = node.begin_read([network.adapter(PUBLIC_MAC)]).finish(20)[0]
    assert after.addresses == ("192.168.1.11",)


def test_a_node_that_is_off_is_unreachable(site: Lab, node: PsrpSession) -> None:
    site.world.act("power-off", {"node": site.nodes[0].name})

    with pytest.raises(NodeUnreachableError) as caught:
        node.begin_read([NAMES]).finish(0)
    with pytest.raises(NodeUnreachableError):
        node.begin_act(power.restart("x"), ExpectedIdentity("any", None)).finish(20)
    with pytest.raises(NodeUnreachableError):
        node.reconnect()

    assert caught.value.why == f"127.0.0.1:{site.nodes[0].port}: Connection refused"


def test_a_read_waits_for_a_node_with_growing_pauses(site: Lab) -> None:
    name = site.nodes[0].name
    site.world.act("power-off", {"node": name})
    clock = EagerClock()

    def switch_on() -> None:
        if len(clock.slept) == 3:
            site.world.act("power-on", {"node": name})

    clock.instead = switch_on

    with closing(session(site, clock=clock)) as node:
        assert node.begin_read([NAMES]).finish(600)[0].running == "WIN2003-A"

    assert clock.slept[:5] == [0.01, 0.02, 0.04, 0.08, 0.16][: len(clock.slept)]


def test_the_second_endpoint_is_tried_when_the_first_does_not_answer(site: Lab) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = Endpoint("127.0.0.1", nobody.getsockname()[1])
        there = Endpoint(site.nodes[0].host, site.nodes[0].port)

        with closing(session(site, endpoints=(closed, there))) as node:
            assert node.begin_read([NAMES]).finish(20)[0].running == "WIN2003-A"


def test_proxy_variables_mean_nothing(
    site: Lab, node: PsrpSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0)
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")

        assert node.begin_read([NAMES]).finish(20)[0].running == "WIN2003-A"

        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_ntlm_version_1_is_refused_before_anything_is_sent(
    site: Lab, node: PsrpSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LM_COMPAT_LEVEL", "2")

    with pytest.raises(AuthenticationError, match="version 1"):
        node.begin_read([NAMES]).finish(20)

    assert counted(site, "requests") == 0


class _OffersBasic(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="WSMAN"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


def test_a_node_that_offers_basic_only_gets_no_password(site: Lab) -> None:
    server = HTTPServer(("127.0.0.1", 0), _OffersBasic)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    breaker = Breaker()
    there = Endpoint("127.0.0.1", server.server_port)

    with pytest.raises(AuthenticationError, match="No acceptable way") as caught:
        session(site, breaker=breaker, endpoints=(there,)).begin_read([NAMES]).finish(20)

    server.shutdown()
    server.server_close()
    assert caught.value.why.endswith('it offers Basic realm="WSMAN" and not Negotiate')


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\nhalf", "5 bytes of the answer are missing"),
        (b"HTTP/1.1 401 No\r\nContent-Le", "a refusal that offers nothing"),
        (b"", "Remote end closed"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "HTTP 503"),
    ],
)
def test_a_logon_that_breaks_off_has_sent_nothing(site: Lab, answer: bytes, why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as link:
                link.recv(65536)
                link.sendall(answer)

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        there = Endpoint("127.0.0.1", server.getsockname()[1])

        with pytest.raises(NodeUnreachableError) as caught:
            session(site, endpoints=(there,)).begin_read([NAMES]).finish(0)

        serving.join()
    assert why in caught.value.why


def test_what_speaks_no_http_is_not_believed(site: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as link:
                link.recv(65536)
                link.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        there = Endpoint("127.0.0.1", server.getsockname()[1])

        with pytest.raises(MalformedReplyError, match="cannot be trusted") as caught:
            session(site, endpoints=(there,)).begin_read([NAMES]).finish(0)

        serving.join()
    assert caught.value.why == "it is no HTTP (BadStatusLine)"


def test_a_logon_record_says_how_it_was_made(node: PsrpSession) -> None:
    assert node.protocol == ""

    node.begin_read([NAMES]).finish(20)

    assert node.protocol == "ntlm"


def test_no_log_holds_what_is_said_to_a_node(
    node: PsrpSession, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        node.begin_act(rename(node), identity(node)).finish(20)

    # psrpcore is the lab's, which shares this process in tests only.
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("psrpcore")]
    assert not [said for said in ours if "Get-ItemProperty" in said or "Connection 2" in said]


def test_plan_mode_has_no_way_to_act(site: Lab) -> None:
    with closing(session(site, read_only=True)) as reader:
        assert type(reader) is PsrpReader
        assert not hasattr(reader, "begin_act")
        assert reader.begin_read([NAMES]).finish(20)[0].running == "WIN2003-A"


def test_a_read_never_sends_a_secret(site: Lab) -> None:
    read = Read(Cmdlet("Get-Item", (("Path", Secret("env:X")),)), ("Name",))

    with closing(session(site, read_only=True)) as reader, pytest.raises(BugError):
        reader.begin_read([Query((read,), list)]).finish(20)


def test_a_secret_travels_sealed_and_is_text_on_the_node_only(site: Lab, node: PsrpSession) -> None:
    here = identity(node)
    site.record.switch(on=True)
    action = Action(Program("netsh.exe", ("interface", Secret("keyring:a/b"))))

    with pytest.raises(CommandFailedError):
        node.begin_act(action, here).finish(20)

    said = b"".join(message.text for message in site.record.messages())
    lines = [str(line["line"]) for line in site.world.command_lines()]
    assert any("s3cret-of-the-node" in line for line in lines)
    assert b"s3cret-of-the-node" not in said


def test_crash_points_stand_around_each_act_and_nowhere_else(node: PsrpSession) -> None:
    action, here = rename(node), identity(node)
    reached: list[str] = []
    crash_points.listen(lambda name, _n: reached.append(name))
    try:
        node.begin_read([NAMES]).finish(20)
        pending = node.begin_act(action, here)
        reached.append("both nodes have it")
        pending.finish(20)
    finally:
        crash_points.listen(None)

    assert reached == ["send:before", "send:after", "both nodes have it", "reply"]
