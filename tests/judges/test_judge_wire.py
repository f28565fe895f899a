"""What a real PSRP server writes for the same objects as the lab, message by message.

Differences that remain are made equal by `_as_client_reads`, each with its reason.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pypsrp.powershell import RunspacePool

from runbook_lib.lab.answers import Bag, ErrorReply, Reply
from runbook_lib.lab.lab import Lab
from tests.judges.engine import engine_path
from tests.judges.server_mode import Said, ServerMode, messages, outline
from tests.protocol.small_site import SmallWorld, script, wsman

pytestmark = pytest.mark.judge

_STREAM = re.compile(rb"<rsp:Stream [^>]*Name=\"stdout\"[^>]*>([^<]+)<")
_INTEGERS = {"By", "SB", "U16", "I16", "U32", "I32", "U64", "I64"}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerMode]:
    mode = ServerMode(engine_path())
    yield mode
    mode.close()


class LabWire:
    """The lab on its real wire, answering each pipeline with what a test gives."""

    def __init__(self) -> None:
        self.world = SmallWorld()
        self.lab = Lab(self.world)
        self.pool = RunspacePool(wsman(self.lab))
        self.pool.open()
        self.lab.record.switch(on=True)
        self._seen = len(self.lab.record.messages())

    def run(self, reply: Reply) -> list[Said]:
        """Return every message of one pipeline, in order."""
        self.world.reply = lambda _node, _user, _invocation: reply
        script(self.pool, "whatever").invoke()
        recorded = self.lab.record.messages()[self._seen :]
        self._seen += len(recorded)
        begun: dict[int, bytearray] = {}
        return [
            said
            for message in recorded
            if message.direction == "reply"
            for stream in _STREAM.findall(message.text)
            for said in messages(base64.b64decode(stream), begun)
        ]

    def close(self) -> None:
        self.pool.close()
        self.lab.close()


@pytest.fixture(scope="module")
def wire() -> Iterator[LabWire]:
    lab = LabWire()
    yield lab
    lab.close()


def told(said: list[Said]) -> list[tuple[str, Any]]:
    return [(one.kind, _as_client_reads(outline(one.xml))) for one in said]


def _as_client_reads(found: Any) -> Any:
    """Return an outline without what no client of ours can tell apart."""
    if isinstance(found, tuple):
        # Widths: WMI gives uint16 and uint32 where the lab gives the usual integer.
        return ("integer" if found[0] in _INTEGERS else found[0], found[1])
    if isinstance(found, list):
        return [_as_client_reads(one) for one in found]
    if not isinstance(found, dict):
        return found
    made = {name: _as_client_reads(value) for name, value in found.items()}
    if "items" in made:
        # Lists: a string[] keeps its type on a node, the lab has one kind of list.
        made["types"] = ["list"]
    return made


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'text'", "text"),
        ("''", ""),
        ('"a`r`nb`tc"', "a\r\nb\tc"),
        ("[string][char]0x7f + [char]0x85 + [char]0x1b", "\x7f\x85\x1b"),
        ("'_x000A_ _X000a_ _x'", "_x000A_ _X000a_ _x"),
        ("'<&>\"''' + [char]0x2019", "<&>\"'\u2019"),
        ("[char]::ConvertFromUtf32(0x1F600)", "\U0001f600"),
        ("5", 5),
        ("-5", -5),
        ("[long]5000000000", 5_000_000_000),
        ("[uint32]4294967295", 4_294_967_295),
        ("[uint64]18446744073709551615", 18_446_744_073_709_551_615),
        ("$true", True),
        ("$false", False),
        ("@{ a = @{ b = 1 }; c = $null }", {"a": {"b": 1}, "c": None}),
        ("New-Object PSObject -Property @{ a = 'x'; n = 5; f = $true; z = $null }", None),
        ("New-Object PSObject -Property @{ l = [string[]]@('a', 'b') }", Bag({"l": ["a", "b"]})),
        ("New-Object PSObject -Property @{ l = [string[]]@() }", Bag({"l": []})),
        ("New-Object PSObject -Property @{ l = @('a', $null, 5) }", Bag({"l": ["a", None, 5]})),
        (
            "Select-Object -InputObject (New-Object PSObject -Property @{ a = 1 }) -Property a, b",
            Bag(
                {"a": 1, "b": None},
                (
                    "Selected.System.Management.Automation.PSCustomObject",
                    "System.Management.Automation.PSCustomObject",
                ),
            ),
        ),
    ],
)
def test_an_object_is_written_as_a_real_server_writes_it(
    server: ServerMode, wire: LabWire, text: str, value: object
) -> None:
    if text.startswith("New-Object") and value is None:
        value = Bag({"a": "x", "n": 5, "f": True, "z": None})

    assert told(wire.run(Reply((value,)))) == told(server.run(text))


def test_objects_keep_their_order_and_end_with_the_state(server: ServerMode, wire: LabWire) -> None:
    expected = [
        ("PipelineOutput", ("S", "one")),
        ("PipelineOutput", ("integer", "2")),
        ("PipelineState", {"MS": {"PipelineState": ("integer", "4")}}),
    ]

    assert told(wire.run(Reply(("one", 2)))) == expected
    assert told(server.run("'one'; 2")) == expected


def test_no_output_is_the_state_alone(server: ServerMode, wire: LabWire) -> None:
    assert told(wire.run(Reply())) == told(server.run("[void]1"))


ERROR = "System.Management.Automation.RuntimeException"


def test_an_error_record_has_the_fields_that_a_real_one_has(
    server: ServerMode, wire: LabWire
) -> None:
    reply = Reply(("after",), errors=(ErrorReply("My.Id", "it went wrong"),))

    ours = dict(told(wire.run(reply)))["ErrorRecord"]
    theirs = dict(told(server.run("Write-Error 'it went wrong' -ErrorId 'My.Id'; 'after'")))
    real = theirs["ErrorRecord"]

    assert ours["types"] == real["types"]
    assert ours["text"] == real["text"] == "it went wrong"
    # Beyond these a real one adds details of the call and of the message, where it has them.
    core = {"Exception", "TargetObject", "FullyQualifiedErrorId", "ErrorCategory_Category"}
    core |= {f"ErrorCategory_{name}" for name in ("Activity", "Reason", "TargetName", "Message")}
    assert core <= set(ours["MS"]) <= set(real["MS"])
    assert ours["MS"]["Exception"]["Props"]["Message"] == ("S", "it went wrong")
    assert real["MS"]["Exception"]["Props"]["Message"] == ("S", "it went wrong")
    # The real identifier ends in the cmdlet that wrote it; the lab's replies hold whole ones.
    assert real["MS"]["FullyQualifiedErrorId"][1].partition(",")[0] == "My.Id"
    assert ours["MS"]["FullyQualifiedErrorId"] == ("S", "My.Id")


def test_a_terminating_error_ends_the_pipeline_as_failed(server: ServerMode, wire: LabWire) -> None:
    reply = Reply(("before",), terminating=ErrorReply("stop", "stop", exception=ERROR))

    ours, theirs = told(wire.run(reply)), told(server.run("'before'; throw 'stop'"))

    assert [kind for kind, _ in ours] == [kind for kind, _ in theirs]
    for _, state in (ours[-1], theirs[-1]):
        record = state["MS"]["ExceptionAsErrorRecord"]
        assert state["MS"]["PipelineState"] == ("integer", "5")
        assert record["text"] == "stop"
        assert record["MS"]["FullyQualifiedErrorId"] == ("S", "stop")
        assert record["MS"]["Exception"]["types"][0] == ERROR
