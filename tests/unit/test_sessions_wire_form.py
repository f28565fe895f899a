from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runbook_lib
from runbook_lib.commands import bindings, netsh, network, power, system, wmi
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
from runbook_lib.commands.read_scripts import READ_SCRIPTS
from runbook_lib.errors import (
    CommandFailedError,
    MalformedReplyError,
    OutcomeUnknownError,
    WrongNodeError,
)
from runbook_lib.sessions import wire_form
from runbook_lib.sessions.session import ActionAnswer, ExpectedIdentity

GUID = "9c5ecd4f-6a4f-4f0e-b1d3-0c4e6a0f1d11"
HERE = ExpectedIdentity(GUID, "NODE1")
NAMES = Query((Read(Cmdlet("Get-Thing", (("Class", "A"),)), ("Name",)),), lambda a: a[0])
LISTING = Query((Read(Program("list.exe", ("/all",))),), lambda a: a[0])
IDENTITY = {"MachineGuid": GUID, "ComputerName": "NODE1"}


def closing(read: int, rows: int, error: Any = None, text: Any = None) -> dict[str, Any]:
    return {"_read": read, "_rows": rows, "_error": error, "_text": text}


def test_equal_reads_of_many_queries_travel_once() -> None:
    adapter = network.adapter("00-03-FF-10-00-11")
    queries: list[Query[Any]] = [network.adapters(), system.identity(), adapter]

    packed = wire_form.pack_reads(queries)

    assert len(packed.reads) == len(set(packed.reads)) == 5
    assert packed.call.script == "read_many"
    sent = packed.call.parameters["Reads"]
    assert isinstance(sent, list)
    assert sent[0] == {
        "Command": "Get-WmiObject",
        "Parameters": {"Class": "Win32_NetworkAdapter"},
        "Properties": list(wmi.NETWORK_ADAPTER.properties),
    }


def test_answers_come_back_to_each_query_in_its_own_order() -> None:
    both = Query((*LISTING.reads, *NAMES.reads), lambda answers: [len(a.rows) for a in answers])
    packed = wire_form.pack_reads([NAMES, LISTING, both, NAMES])

    values = packed.values(
        "NODE1",
        [
            {"_read": 0, "Name": "one"},
            {"_read": 0, "Name": None},
            closing(0, 2),
            {"_read": 1, "ExitCode": 0, "Output": ["first", "second"]},
            closing(1, 1),
        ],
    )

    names = Answer(({"Name": "one"}, {"Name": None}))
    assert values == [
        names,
        Answer(({"ExitCode": 0, "Output": ("first", "second")},)),
        [1, 2],
        names,
    ]


def test_an_error_of_one_read_is_its_answer_and_leaves_the_others_alone() -> None:
    packed = wire_form.pack_reads([NAMES, LISTING])
    rows = [
        {"_read": 0, "Name": "cut"},
        closing(0, 1, "GetFailed", "no such class"),
        {"_read": 1, "ExitCode": 1, "Output": []},
        closing(1, 1),
    ]

    assert packed.values("NODE1", rows) == [
        Answer(error_id="GetFailed", text="no such class"),
        Answer(({"ExitCode": 1, "Output": ()},)),
    ]


GOOD: list[dict[str, Any]] = [{"_read": 0, "Name": "one"}, closing(0, 1)]


@pytest.mark.parametrize(
    "objects",
    [
        [],
        GOOD[:1],
        GOOD[1:],
        [GOOD[0], *GOOD],
        [*GOOD, GOOD[0]],
        [*GOOD, closing(1, 0)],
        [{"_read": 1, "Name": "one"}, closing(1, 1)],
        [{"Name": "one"}, closing(0, 1)],
        [{"_read": 0}, closing(0, 1)],
        [{"_read": 0, "Name": "one", "Other": 1}, closing(0, 1)],
        [{"_read": 0, "Name": object()}, closing(0, 1)],
        [{"_read": 0, "Name": [["nested"]]}, closing(0, 1)],
        [{"_read": 0, "Name": 1.5}, closing(0, 1)],
        [closing(0, 0, error=7)],
        [closing(0, 0, error="id", text=7)],
    ],
)
def test_anything_unpromised_is_malformed(objects: list[dict[str, Any]]) -> None:
    with pytest.raises(MalformedReplyError):
        wire_form.pack_reads([NAMES]).values("NODE1", objects)


def test_a_value_that_no_node_would_answer_names_the_read() -> None:
    packed = wire_form.pack_reads([system.clock()])
    row = {"_read": 0, "Year": "x", "Month": 1, "Day": 1, "Hour": 1, "Minute": 1, "Second": 1}

    with pytest.raises(MalformedReplyError, match="Win32_UTCTime") as caught:
        packed.values("NODE1", [row, closing(0, 1)])

    assert caught.value.why == "Year should be a number, and is 'x' (str)"


def test_a_wmi_method_travels_with_named_arguments_and_its_key() -> None:
    call = wire_form.pack_act(network.set_address(7, "10.0.0.1", "255.0.0.0"), HERE)

    assert call.script == "call_wmi_method"
    assert call.parameters == {
        "Identity": IDENTITY,
        "Namespace": r"root\cimv2",
        "Class": "Win32_NetworkAdapterConfiguration",
        "KeyProperty": "Index",
        "KeyValue": 7,
        "Method": "EnableStatic",
        "Arguments": {"IPAddress": ["10.0.0.1"], "SubnetMask": ["255.0.0.0"]},
    }


def test_a_class_method_has_an_empty_key() -> None:
    call = wire_form.pack_act(network.set_lmhosts(enabled=False, dns_for_wins=False), HERE)

    assert (call.parameters["KeyProperty"], call.parameters["KeyValue"]) == ("", None)


def test_a_program_travels_as_a_list_of_arguments() -> None:
    call = wire_form.pack_act(netsh.clear_dns_servers("Private"), ExpectedIdentity(GUID, None))

    assert call.script == "run_program"
    assert call.parameters == {
        "Identity": {"MachineGuid": GUID, "ComputerName": None},
        "Program": "netsh.exe",
        "Arguments": [
            "interface",
            "ip",
            "set",
            "dns",
            "name=Private",
            "source=static",
            "addr=none",
        ],
    }


def test_registry_lists_travel_as_lists_of_text() -> None:
    wanted = bindings.Linkage("Tcpip", bindings.BindingLists(("a", "b"), ("c",), ()))

    call = wire_form.pack_act(bindings.write_order(wanted), HERE)

    path = r"HKLM:\SYSTEM\CurrentControlSet\Services\Tcpip\Linkage"
    assert call.script == "write_registry_lists"
    assert call.parameters["Lists"] == [
        {"Path": path, "Name": "Bind", "Values": ["a", "b"]},
        {"Path": path, "Name": "Export", "Values": ["c"]},
        {"Path": path, "Name": "Route", "Values": []},
    ]


def test_a_secret_is_noticed_at_any_depth() -> None:
    secret = Secret("keyring:x/y")
    method = WmiMethod("C", "M", (("Password", secret),))
    program = Program("p.exe", ("/pass", secret))

    assert wire_form.pack_act(Action(method), HERE).holds_secret()
    assert wire_form.pack_act(Action(program), HERE).holds_secret()
    assert not wire_form.pack_act(power.restart("why"), HERE).holds_secret()


def answered(**facts: Any) -> list[dict[str, Any]]:
    bag = {"Outcome": "answered", "MachineGuid": GUID, "ComputerName": "NODE1"}
    return [{**bag, "Code": 0, "Output": [], "ErrorId": None, "ErrorText": None, **facts}]


def answer(action: Action, objects: list[dict[str, Any]]) -> ActionAnswer:
    return wire_form.act_answer("Node1", action, HERE, objects)


def test_an_accepted_code_has_the_meaning_that_the_action_gives_it() -> None:
    action = network.set_netbios(7, network.Netbios.OFF)

    assert answer(action, answered(Code=1)) == ActionAnswer(1, (), Outcome.REBOOT_NEEDED)
    assert answer(action, answered(Output=["Ok."])) == ActionAnswer(0, ("Ok.",), Outcome.DONE)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (66, "the subnet mask is not valid"),
        (84, "IP is not enabled on the adapter (unplugged or disabled)"),
        (91, "access was denied"),
        (98, "not all DHCP leases could be released or renewed"),
        (99, "the documentation does not name it"),
    ],
)
def test_a_code_that_is_not_accepted_is_explained(code: int, meaning: str) -> None:
    with pytest.raises(CommandFailedError) as caught:
        answer(network.set_netbios(7, network.Netbios.OFF), answered(Code=code))

    assert caught.value.what == "Node1 refused Win32_NetworkAdapterConfiguration.SetTcpipNetbios."
    assert caught.value.why == f"code {code}: {meaning}"


def test_a_programs_own_words_are_in_the_error() -> None:
    said = ["An interface with this name is not registered with the router.", ""]

    with pytest.raises(CommandFailedError, match=r"refused netsh\.exe interface set") as caught:
        answer(netsh.rename_connection("a", "b"), answered(Code=1, Output=said))

    assert caught.value.why.endswith("says why; " + said[0])


def test_a_refusal_is_the_nodes_own_text() -> None:
    bag = answered(Outcome="refused", Code=None, ErrorId="X", ErrorText="Access denied")

    with pytest.raises(CommandFailedError) as caught:
        answer(power.restart("why"), bag)

    assert caught.value.why == "Access denied"


def test_another_machine_is_a_wrong_node() -> None:
    bag = answered(Outcome="wrong node", Code=None, MachineGuid="other", ComputerName="NODE9")

    with pytest.raises(WrongNodeError) as caught:
        answer(power.restart("why"), bag)

    assert caught.value.why == f"expected {GUID} (NODE1), found other (NODE9)"


@pytest.mark.parametrize(
    "objects",
    [
        [],
        answered() * 2,
        answered(Outcome="done"),
        answered(Outcome=None),
        answered(Code=None),
        answered(Code=True),
        answered(Code="0"),
        answered(Output=None),
        answered(Output=[1]),
    ],
)
def test_nonsense_after_an_act_leaves_its_outcome_unknown(objects: list[dict[str, Any]]) -> None:
    with pytest.raises(OutcomeUnknownError):
        answer(power.restart("why"), objects)


def test_a_long_text_of_a_node_is_cut_with_its_length() -> None:
    bag = answered(Outcome="refused", ErrorText="x" * 5000)

    with pytest.raises(CommandFailedError) as caught:
        answer(power.restart("why"), bag)

    assert caught.value.why == "x" * 300 + "... (5000 characters)"


def test_a_script_is_sent_byte_for_byte_as_it_is_packaged() -> None:
    folder = Path(runbook_lib.__file__).parent / "commands" / "scripts"
    on_disk = {path.stem: path.read_bytes() for path in folder.glob("*.ps1")}

    assert on_disk.keys() >= {wire_form.READ_MANY, *wire_form.CARRIERS, *READ_SCRIPTS}
    assert {name: wire_form.script_text(name).encode() for name in on_disk} == on_disk


plain = st.none() | st.booleans() | st.integers() | st.text()


@given(st.lists(st.lists(plain, max_size=3), max_size=4))
def test_rows_survive_the_way_there_and_back(table: list[list[Any]]) -> None:
    queries = [
        Query((Read(Cmdlet("Get", (("N", n),)), ("Value",)),), lambda answers: answers[0])
        for n, _ in enumerate(table)
    ]
    objects: list[dict[str, Any]] = []
    for n, values in enumerate(table):
        objects += [{"_read": n, "Value": value} for value in values]
        objects.append(closing(n, len(values)))

    back = wire_form.pack_reads(queries).values("NODE1", objects)

    assert back == [Answer(tuple({"Value": value} for value in values)) for values in table]
