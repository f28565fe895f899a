"""What a node may say that no node should: our sessions believe none of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from runbook_lib.clock import SystemClock
from runbook_lib.commands import power
from runbook_lib.commands.command import (
    Action,
    Answer,
    Cmdlet,
    Outcome,
    Program,
    Query,
    Read,
    Secret,
    WmiMethod,
)
from runbook_lib.errors import (
    CommandFailedError,
    MalformedReplyError,
    OutcomeUnknownError,
    TransportError,
)
from runbook_lib.lab.answers import Bag, ErrorReply, Reply, SecretText
from runbook_lib.lab.lab import Lab
from runbook_lib.sessions.accounts import Account, Breaker
from runbook_lib.sessions.credentials import SecretValue
from runbook_lib.sessions.psrp_session import PsrpSession
from runbook_lib.sessions.sealed_http import Endpoint
from runbook_lib.sessions.session import ExpectedIdentity
from tests.protocol.small_site import PASSWORD, SmallWorld

HERE = ExpectedIdentity("guid", None)
NAMES = Query((Read(Cmdlet("Get-Thing"), ("Name",)),), lambda answers: answers[0])
ACT = power.restart("why")
DONE = Bag({"Outcome": "answered", "Code": 0, "Output": []})
CLOSING = Bag({"_read": 0, "_rows": 0, "_error": None, "_text": None})


@pytest.fixture
def node(lab: Lab) -> Iterator[PsrpSession]:
    there = lab.node("NODE1")
    account = Account("Administrator", SecretValue("env:P", PASSWORD), Breaker())
    session = PsrpSession(
        "NODE1",
        [Endpoint(there.host, there.port)],
        account,
        SystemClock(),
        reveal=lambda reference: SecretValue(reference, "sealed-once-more"),
        pause_s=0.01,
    )
    with closing(session):
        yield session


def says(world: SmallWorld, reply: Reply) -> None:
    world.reply = lambda _node, _user, _invocation: reply


def test_the_promised_form_is_believed(node: PsrpSession, world: SmallWorld) -> None:
    says(world, Reply((Bag({"_read": 0, "Name": "x"}), Bag({**CLOSING.properties, "_rows": 1}))))
    assert node.begin_read([NAMES]).finish(20) == [Answer(({"Name": "x"},))]

    says(world, Reply((DONE,)))
    assert node.begin_act(ACT, HERE).finish(20).outcome is Outcome.DONE


@pytest.mark.parametrize(
    "output",
    [
        (),
        ("text",),
        (None, CLOSING),
        (5, CLOSING),
        (["a", "list"], CLOSING),
        ({"a": "table"}, CLOSING),
        (CLOSING, CLOSING),
        (Bag({"_read": 0, "Name": Bag({"a": 1})}), Bag({**CLOSING.properties, "_rows": 1})),
        (Bag({"_read": 0, "Name": {"a": 1}}), Bag({**CLOSING.properties, "_rows": 1})),
        (Bag({"_read": 0, "Name": 1.5}), Bag({**CLOSING.properties, "_rows": 1})),
    ],
)
def test_any_other_object_is_malformed_in_a_read_and_a_doubt_after_an_act(
    node: PsrpSession, world: SmallWorld, output: tuple[Any, ...]
) -> None:
    says(world, Reply(output))

    with pytest.raises(MalformedReplyError):
        node.begin_read([NAMES]).finish(20)
    with pytest.raises(OutcomeUnknownError):
        node.begin_act(ACT, HERE).finish(20)


@pytest.mark.parametrize(
    "reply",
    [
        Reply((CLOSING,), errors=(ErrorReply("Some.Error", "it went wrong"),)),
        Reply((CLOSING,), terminating=ErrorReply("Some.Error", "it went wrong")),
        Reply((DONE,), errors=(ErrorReply("Some.Error", "it went wrong"),)),
        Reply((DONE,), terminating=ErrorReply("Some.Error", "it went wrong")),
    ],
)
def test_an_error_record_counts_whatever_the_pipeline_says_of_itself(
    node: PsrpSession, world: SmallWorld, reply: Reply
) -> None:
    says(world, reply)

    with pytest.raises(CommandFailedError) as caught:
        node.begin_read([NAMES]).finish(20)
    with pytest.raises(OutcomeUnknownError, match="not known"):
        node.begin_act(ACT, HERE).finish(20)

    assert "it went wrong" in caught.value.why


def test_more_output_than_the_bound_is_refused_and_the_session_goes_on(
    node: PsrpSession, world: SmallWorld
) -> None:
    line = "x" * 100_000
    says(world, Reply(tuple(Bag({"_read": 0, "Name": line}) for _ in range(120))))

    with pytest.raises(MalformedReplyError, match="trusted") as caught:
        node.begin_read([NAMES]).finish(60)

    assert caught.value.why == f"more than {8 * 1024 * 1024} bytes"
    says(world, Reply((CLOSING,)))
    assert node.begin_read([NAMES]).finish(20) == [Answer()]


def test_a_nodes_text_is_cut_in_our_errors(node: PsrpSession, world: SmallWorld) -> None:
    says(world, Reply(terminating=ErrorReply("Some.Error", "long " * 2000)))

    with pytest.raises(CommandFailedError) as caught:
        node.begin_read([NAMES]).finish(20)

    assert len(caught.value.why) <= 300


def test_a_secret_that_a_node_echoes_is_masked(node: PsrpSession, world: SmallWorld) -> None:
    says(world, Reply(terminating=ErrorReply("Some.Error", f"no logon with {PASSWORD}")))

    with pytest.raises(CommandFailedError) as caught:
        node.begin_read([NAMES]).finish(20)

    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    "command",
    [
        Cmdlet("Set-Thing", (("Password", Secret("keyring:a/b")),)),
        Program("thing.exe", ("/password", Secret("keyring:a/b"))),
        WmiMethod("Win32_Thing", "Act", (("Password", Secret("keyring:a/b")),)),
    ],
)
def test_a_secret_arrives_as_a_secure_string_in_every_form(
    node: PsrpSession, world: SmallWorld, command: Any
) -> None:
    says(world, Reply((DONE,)))

    node.begin_act(Action(command), HERE).finish(20)

    assert _secrets(world.asked[-1][2].parameters) == ["sealed-once-more"]


def _secrets(value: Any) -> list[str]:
    if isinstance(value, SecretText):
        return [value.reveal()]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [found for item in items for found in _secrets(item)]


@pytest.mark.parametrize("number", [0, 1, -1, 2**31 - 1, 2**31, -(2**31), 2**40])
def test_numbers_of_any_size_reach_the_node(
    node: PsrpSession, world: SmallWorld, number: int
) -> None:
    says(world, Reply((DONE,)))

    node.begin_act(Action(Cmdlet("Set-Thing", (("Size", number),))), HERE).finish(20)

    assert world.asked[-1][2].parameters["Parameters"] == {"Size": number}


@pytest.mark.parametrize("text", ["", "'\"$`;", "a\r\nb\tc", "_x000A_", "\u2019 \u00e9 \U0001f600"])
def test_texts_of_any_content_reach_the_node_and_come_back(
    node: PsrpSession, world: SmallWorld, text: str
) -> None:
    row, end = Bag({"_read": 0, "Name": text}), Bag({**CLOSING.properties, "_rows": 1})
    says(world, Reply((row, end)))
    query = Query((Read(Cmdlet("Get-Thing", (("Path", text),)), ("Name",)),), lambda a: a[0].rows)

    assert node.begin_read([query]).finish(20) == [({"Name": text},)]
    reads: Any = world.asked[-1][2].parameters["Reads"]
    assert [read["Parameters"] for read in reads] == [{"Path": text}]


def test_every_answer_is_an_error_of_ours_whatever_http_says(lab: Lab, node: PsrpSession) -> None:
    for status in (200, 204, 302, 400, 403, 404, 413, 500, 502, 503, 599):
        lab.arm_fault({"match": "wsman:command", "do": f"status:{status}"})
        with pytest.raises(TransportError):
            node.begin_read([NAMES]).finish(0)
