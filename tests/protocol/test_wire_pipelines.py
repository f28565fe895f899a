"""What an unmodified pypsrp gets from a node: objects, errors, secrets, big answers."""

from __future__ import annotations

import logging
from threading import Event
from typing import Any

import pytest
from pypsrp.complex_objects import GenericComplexObject, ObjectMeta, PSInvocationState
from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool

from runbook_lib.lab.answers import Bag, ErrorReply, Invocation, Reply, SecretText
from runbook_lib.lab.server.psrp import FRAGMENT_BYTES
from tests.protocol.small_site import SmallWorld, script


def answers(world: SmallWorld, reply: Reply) -> None:
    world.reply = lambda _node, _user, _invocation: reply


def run(pool: RunspacePool, text: str = "x") -> PowerShell:
    pipeline: PowerShell = script(pool, text)
    pipeline.invoke()
    return pipeline


def properties(value: Any) -> dict[str, Any]:
    assert isinstance(value, GenericComplexObject)
    return dict(value.extended_properties)


def typed(value: Any) -> list[str]:
    assert isinstance(value, GenericComplexObject)
    return list(value.types)


def test_node_speaks_protocol_2_1_and_tells_its_versions(pool: RunspacePool) -> None:
    told = pool.application_private_data

    assert pool.protocol_version == "2.1"
    assert pool.ps_version == "2.0"
    assert told is not None
    assert told.data["PSVersionTable"] == {
        "CLRVersion": "2.0.50727.3634",
        "BuildVersion": "6.0.6002.18111",
        "PSVersion": "2.0",
        "WSManStackVersion": "2.0",
        "PSCompatibleVersions": ["1.0", "2.0"],
        "SerializationVersion": "1.1.0.1",
        "PSRemotingProtocolVersion": "2.1",
    }


def test_script_arrives_as_text_and_named_parameters(world: SmallWorld, pool: RunspacePool) -> None:
    given = {"Reads": [{"Command": "Get-WmiObject", "Properties": ["Name"], "On": True, "N": None}]}

    script(pool, "param($Reads) $Reads", given).invoke()

    assert world.asked == [
        ("NODE1", "Administrator", Invocation("param($Reads) $Reads", True, given))
    ]


def test_cmdlet_arrives_as_name_and_named_parameters(world: SmallWorld, pool: RunspacePool) -> None:
    PowerShell(pool).add_cmdlet("Get-Service").add_parameter("Name", "ClusSvc").invoke()

    asked = world.asked[0][2]
    assert asked == Invocation("Get-Service", False, {"Name": "ClusSvc"})
    assert type(asked.parameters["Name"]) is str


@pytest.mark.parametrize(
    "value",
    [
        "text",
        "",
        "quotes \" ' ` $x\r\n\t\x00 umlaut \N{LATIN SMALL LETTER U WITH DIAERESIS}",
        "_x000A_ stays what it is",
        "\N{GRINNING FACE}",
        0,
        -1,
        2**31 - 1,
        -(2**31),
        True,
        False,
        ["a", 1, True, None, ["b"], []],
        {"a": {"b": [1]}},
    ],
)
def test_value_returns_as_it_was(world: SmallWorld, pool: RunspacePool, value: object) -> None:
    answers(world, Reply(output=(Bag({"Value": value}),)))

    assert properties(run(pool).output[0]) == {"Value": value}


def test_large_integer_travels_as_64_bits(world: SmallWorld, pool: RunspacePool) -> None:
    answers(world, Reply(output=(31_138_512_896, 2**63)))

    assert run(pool).output == [31_138_512_896, 2**63]


def test_object_keeps_its_type_names(world: SmallWorld, pool: RunspacePool) -> None:
    types = (r"System.Management.ManagementObject#root\cimv2\Win32_Service", "System.Object")
    answers(world, Reply(output=(Bag({"Name": "W32Time"}, types), Bag({"A": 1}))))

    first, second = (typed(value) for value in run(pool).output)

    assert first == list(types)
    assert second == ["System.Management.Automation.PSCustomObject", "System.Object"]


def test_error_record_keeps_identifier_category_and_text(
    world: SmallWorld, pool: RunspacePool
) -> None:
    error = ErrorReply(
        "PathNotFound,Microsoft.PowerShell.Commands.GetItemPropertyCommand",
        "Cannot find path 'HKLM:\\x' because it does not exist.",
        "ObjectNotFound",
        "System.Management.Automation.ItemNotFoundException",
    )
    answers(world, Reply(output=("before",), errors=(error,)))

    pipeline = run(pool)

    [record] = pipeline.streams.error
    assert (pipeline.state, pipeline.had_errors) == (PSInvocationState.COMPLETED, False)
    assert pipeline.output == ["before"]
    assert (record.fq_error, record.category, record.reason, str(record)) == (
        error.error_id,
        13,
        "ItemNotFoundException",
        error.message,
    )
    assert typed(record.exception)[0] == error.exception
    assert str(record.exception) == error.message


def test_terminating_error_fails_the_pipeline(world: SmallWorld, pool: RunspacePool) -> None:
    error = ErrorReply("CommandNotFoundException", "The term 'x' is not recognized ...")
    answers(world, Reply(output=(1,), terminating=error))

    pipeline = run(pool)

    assert (pipeline.state, pipeline.had_errors) == (PSInvocationState.FAILED, True)
    assert pipeline.output == [1]
    assert [(e.fq_error, str(e)) for e in pipeline.streams.error] == [
        (error.error_id, error.message)
    ]


def test_secure_string_arrives_as_masked_text(world: SmallWorld, pool: RunspacePool) -> None:
    secret = "p\N{LATIN SMALL LETTER A WITH DIAERESIS}ss;word\N{GRINNING FACE}"
    pool.exchange_keys()
    sealed = pool.serialize(secret, ObjectMeta("SS"))

    script(pool, "x", {"Arguments": {"Password": sealed}}).invoke()

    [(_, _, asked)] = world.asked
    arguments = asked.parameters["Arguments"]
    assert isinstance(arguments, dict)
    assert isinstance(arguments["Password"], SecretText)
    assert arguments["Password"] == secret
    assert secret not in repr(asked)


def test_secure_string_can_be_answered(world: SmallWorld, pool: RunspacePool) -> None:
    pool.exchange_keys()
    answers(world, Reply(output=(SecretText("hush"),)))

    assert run(pool).output == ["hush"]


def test_answer_larger_than_envelope_and_fragment_arrives_whole(
    world: SmallWorld, pool: RunspacePool
) -> None:
    big = "x" * (4 * 150 * 1024) + "end"
    many = tuple(f"{number} " + "y" * 700 for number in range(300))
    answers(world, Reply(output=(big, *many)))

    assert run(pool).output == [big, *many]
    assert len(big) > FRAGMENT_BYTES


def test_script_larger_than_one_envelope_arrives_whole(
    world: SmallWorld, pool: RunspacePool
) -> None:
    text = "# " + "z" * (3 * 150 * 1024)

    script(pool, text).invoke()

    assert world.asked[0][2].command == text


def test_pipelines_of_one_pool_do_not_mix(world: SmallWorld, pool: RunspacePool) -> None:
    world.reply = lambda _node, _user, invocation: Reply(output=(invocation.command,))
    pipelines = [script(pool, f"number {n}") for n in range(8)]
    for pipeline in pipelines:
        pipeline.begin_invoke()

    outputs = [pipeline.end_invoke() for pipeline in reversed(pipelines)]

    assert outputs == [[f"number {n}"] for n in reversed(range(8))]


def test_handler_that_raises_fails_its_pipeline_and_says_so_loudly(
    world: SmallWorld, pool: RunspacePool, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_node: str, _user: str, _invocation: Invocation) -> Reply:
        raise ZeroDivisionError("oh")

    world.reply = broken

    with caplog.at_level(logging.ERROR):
        pipeline = run(pool)

    assert pipeline.state == PSInvocationState.FAILED
    assert pipeline.streams.error[0].fq_error == "LabFailure"
    assert "the lab failed to answer x" in caplog.text


def test_answer_without_wire_form_fails_its_pipeline(
    world: SmallWorld, pool: RunspacePool, caplog: pytest.LogCaptureFixture
) -> None:
    answers(world, Reply(output=("first", object())))

    with caplog.at_level(logging.CRITICAL):
        pipeline = run(pool)

    assert (pipeline.state, pipeline.output) == (PSInvocationState.FAILED, [])
    assert pipeline.streams.error[0].fq_error == "LabFailure"


def test_several_statements_are_refused(world: SmallWorld, pool: RunspacePool) -> None:
    pipeline = PowerShell(pool).add_script("1").add_statement().add_script("2")

    pipeline.invoke()

    assert [str(e) for e in pipeline.streams.error] == [
        "PowerShell 2.0 has no pipelines of several statements."
    ]
    assert world.asked == []


@pytest.mark.parametrize(
    "build",
    [
        lambda pool: PowerShell(pool).add_cmdlet("Get-Date").add_cmdlet("Out-String"),
        lambda pool: PowerShell(pool).add_cmdlet("Get-Item").add_argument("C:\\"),
        lambda pool: PowerShell(pool).add_cmdlet("X").add_parameter("A", 1).add_parameter("A", 2),
    ],
    ids=["a pipe", "a positional argument", "a parameter twice"],
)
def test_what_the_lab_does_not_take_is_refused(
    world: SmallWorld, pool: RunspacePool, build: Any
) -> None:
    pipeline = build(pool)

    pipeline.invoke()

    assert pipeline.state == PSInvocationState.FAILED
    assert pipeline.streams.error[0].fq_error == "NotSimulated"
    assert world.asked == []


def test_pipeline_input_is_refused(world: SmallWorld, pool: RunspacePool) -> None:
    pipeline = script(pool, "$input")

    pipeline.invoke(["a", "b"])

    assert pipeline.streams.error[0].fq_error == "NotSimulated"
    assert world.asked == []


def test_command_metadata_is_refused(pool: RunspacePool) -> None:
    with pytest.raises(IndexError):  # pypsrp pops a count that a failed pipeline does not send
        pool.get_command_metadata("Get-*")


def test_disconnecting_is_refused(pool: RunspacePool) -> None:
    with pytest.raises(WSManFaultError) as caught:
        pool.disconnect()

    assert caught.value.code == 2150858771


def test_runspaces_are_counted_and_can_be_changed(pool: RunspacePool) -> None:
    pool.max_runspaces = 3

    assert pool.get_available_runspaces() == 3


def test_stopped_pipeline_drops_its_answer(world: SmallWorld, pool: RunspacePool) -> None:
    asked, go = Event(), Event()

    def slow(_node: str, _user: str, invocation: Invocation) -> Reply:
        if invocation.command == "slow":
            asked.set()
            go.wait(10)
        return Reply(output=(invocation.command,))

    world.reply = slow
    pipeline = script(pool, "slow")
    pipeline.begin_invoke()
    assert asked.wait(10)

    pipeline.stop()
    go.set()

    assert run(pool, "next").output == ["next"]
    assert pipeline.output == []
