"""The constant scripts: known by their bytes, answered as their text says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.answers import Bag, Invocation, SecretText
from runbook_lib.lab.handlers.netsh import BAD_SYNTAX
from runbook_lib.lab.handlers.scripts import SCRIPTS
from tests.lab_world import CONFIGURATION, NODE_1, PRIVATE_1, SCRIPT_FOLDER, Site, script_text

INVALID_CLASS = "GetWMIManagementException,Microsoft.PowerShell.Commands.GetWmiObjectCommand"
NOT_FOUND = "PathNotFound,Microsoft.PowerShell.Commands.GetItemPropertyCommand"


def _wmi(wmi_class: str, *properties: str, **parameters: object) -> dict[str, object]:
    return {
        "Command": "Get-WmiObject",
        "Parameters": {"Class": wmi_class, **parameters},
        "Properties": list(properties),
    }


def _closing(number: int, rows: int, error: str | None = None, text: str | None = None) -> object:
    return {"_read": number, "_rows": rows, "_error": error, "_text": text}


def test_every_packaged_script_is_known_by_its_bytes() -> None:
    packaged = {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in SCRIPT_FOLDER.glob("*.ps1")
    }

    assert {script.name: script.sha256 for script in SCRIPTS} == packaged


@pytest.mark.parametrize("text", ["", "Get-Service", "exit 0 # read_many"])
def test_any_other_text_is_refused(text: str) -> None:
    site = Site()

    with pytest.raises(UnsimulatedCommandError, match="does not simulate this script"):
        site.world.answer(NODE_1, "Administrator", Invocation(text, True))


def test_a_script_with_one_byte_more_is_another_script() -> None:
    site = Site()

    with pytest.raises(UnsimulatedCommandError):
        site.world.answer(
            NODE_1, "Administrator", Invocation(script_text("read_many") + "\n", True)
        )


def test_reads_give_rows_and_each_a_closing_object() -> None:
    answer = Site().run(
        "read_many",
        Reads=[
            _wmi("win32_computersystem", "name", "PartOfDomain", "GUID"),
            _wmi("Win32_Nothing", "Name"),
            {
                "Command": "get-itemproperty",
                "Parameters": {"path": r"HKLM:\SOFTWARE\Nobody"},
                "Properties": ["x"],
            },
            _wmi("Win32_LogicalDisk", "DeviceID"),
        ],
    )

    assert answer == (
        {"_read": 0, "Name": "WIN2003-A", "PartOfDomain": False, "GUID": None},
        _closing(0, 1),
        _closing(1, 0, INVALID_CLASS, "Invalid class"),
        _closing(
            2, 0, NOT_FOUND, r"Cannot find path 'HKLM:\SOFTWARE\Nobody' because it does not exist."
        ),
        {"_read": 3, "DeviceID": "C:"},
        {"_read": 3, "DeviceID": "D:"},
        _closing(3, 2),
    )


def test_programs_are_read_with_exit_code_and_lines() -> None:
    site = Site()

    answer = site.run(
        "read_many",
        Reads=[
            {"Program": "netsh.exe", "Arguments": ["interface", "show", "nothing"]},
            {"Program": "diskpart9.exe", "Arguments": []},
        ],
    )

    assert answer == (
        {
            "_read": 0,
            "ExitCode": 1,
            "Output": [
                BAD_SYNTAX,
                "",
            ],
        },
        _closing(0, 1),
        _closing(
            1,
            0,
            "CommandNotFoundException",
            "The term 'diskpart9.exe' is not recognized as the name of a cmdlet, function, script "
            "file, or operable program. Check the spelling of the name, or if a path was included, "
            "verify that the path is correct and try again.",
        ),
    )
    assert site.world.command_lines() == [
        {"node": NODE_1, "line": "netsh.exe interface show nothing"}
    ]


def test_an_unknown_parameter_is_the_binders_error() -> None:
    [closing] = Site().run(
        "read_many", Reads=[_wmi("Win32_ComputerSystem", "Name", CimSession="x")]
    )

    assert closing == _closing(
        0,
        0,
        "NamedParameterNotFound,Microsoft.PowerShell.Commands.GetWmiObjectCommand",
        "A parameter cannot be found that matches parameter name 'CimSession'.",
    )


def test_rows_before_an_error_stay() -> None:
    read = {
        "Command": "Get-Service",
        "Parameters": {"Name": ["Dhcp", "nobody", "Dnscache"]},
        "Properties": ["Name", "Status"],
    }

    *rows, closing = Site().run("read_many", Reads=[read])

    assert [row["Name"] for row in rows] == ["Dhcp"]
    assert closing == _closing(
        0,
        1,
        "NoServiceFoundForGivenName,Microsoft.PowerShell.Commands.GetServiceCommand",
        "Cannot find any service with service name 'nobody'.",
    )


def test_no_reads_are_one_that_cannot_be_indexed() -> None:
    site = Site()

    assert site.run("read_many", Reads=[]) == ()
    assert site.run("read_many") == (
        _closing(0, 0, "NullArray", "Cannot index into a null array."),
    )


def test_the_types_of_rows_tell_where_they_come_from() -> None:
    invocation = Invocation(
        script_text("read_many"), True, {"Reads": [_wmi("Win32_Processor", "AddressWidth")]}
    )
    reply = Site().world.answer(NODE_1, "Administrator", invocation)

    custom = ("System.Management.Automation.PSCustomObject", "System.Object")
    selected = ("Selected.System.Management.ManagementObject", *custom)
    assert [bag.types for bag in reply.output if isinstance(bag, Bag)] == [
        selected,
        selected,
        custom,
    ]


def _method(site: Site, **changed: object) -> Mapping[str, object]:
    given: dict[str, object] = {
        "Identity": site.identity(),
        "Namespace": r"root\cimv2",
        "Class": CONFIGURATION,
        "KeyProperty": "Index",
        "KeyValue": 8,
        "Method": "SetTcpipNetbios",
        "Arguments": {"TcpipNetbiosOptions": 2},
    }
    [answer] = site.run("call_wmi_method", NODE_1, **(given | changed))
    return dict(answer)


def _cast(value: str, why: str) -> str:
    return f'Cannot convert value "{value}" to type "System.UInt32". Error: "{why}"'


def test_an_answered_action_names_the_machine_and_its_code() -> None:
    site = Site()

    assert _method(site) == {
        "Outcome": "answered",
        "MachineGuid": site.identity()["MachineGuid"],
        "ComputerName": "WIN2003-A",
        "Code": 0,
        "Output": [],
        "ErrorId": None,
        "ErrorText": None,
    }


@pytest.mark.parametrize(
    ("guid", "name", "outcome"),
    [
        ("same", None, "answered"),
        ("same", "", "answered"),
        ("SAME", "win2003-a", "answered"),
        ("same", "WIN2003-B", "wrong node"),
        ("other", None, "wrong node"),
        (None, "WIN2003-A", "wrong node"),
    ],
)
@pytest.mark.parametrize(
    ("script", "parameters"),
    [
        ("call_cmdlet", {"Name": "Get-Service", "Parameters": {"Name": "Dhcp"}}),
        ("run_program", {"Program": "netsh.exe", "Arguments": ["x"]}),
        ("write_registry_lists", {"Lists": []}),
    ],
)
def test_an_action_asks_first_who_it_is_on(
    script: str,
    parameters: Mapping[str, object],
    guid: str | None,
    name: str | None,
    outcome: str,
) -> None:
    site = Site()
    own = str(site.identity()["MachineGuid"])
    wanted = {"same": own, "SAME": own.upper()}.get(guid or "", guid)

    [answer] = site.run(
        script, NODE_1, Identity={"MachineGuid": wanted, "ComputerName": name}, **parameters
    )

    assert (answer["Outcome"], answer["ErrorId"]) == (outcome, None)
    assert (answer["MachineGuid"], answer["ComputerName"]) == (own, "WIN2003-A")
    if outcome == "wrong node":
        assert (answer["Code"], answer["Output"], site.world.command_lines()) == (None, [], [])


def test_an_action_without_an_identity_is_refused() -> None:
    [answer] = Site().run("call_cmdlet", Name="Get-Service")

    assert (answer["Outcome"], answer["ErrorId"]) == ("refused", "NullArray")


@pytest.mark.parametrize(
    ("changed", "error_id", "text"),
    [
        ({"Class": "Win32_Nothing"}, INVALID_CLASS, "Invalid class"),
        ({"Namespace": r"root\nowhere"}, INVALID_CLASS, "Invalid namespace"),
        ({"KeyValue": 99}, f"0 instances of {CONFIGURATION} have Index = 99", None),
        (
            {"KeyProperty": "IPEnabled", "KeyValue": True},
            f"2 instances of {CONFIGURATION} have IPEnabled = True",
            None,
        ),
        (
            {"Method": "SetIPv6"},
            "DotNetMethodException",
            'Exception calling "GetMethodParameters" with "1" argument(s): "Not found "',
        ),
        (
            {"Arguments": {"Option": 2}},
            "GetValueInvocationException",
            'Exception getting "Item": "Not found " (Option)',
        ),
        (
            {"Arguments": {"TcpipNetbiosOptions": "off"}},
            "InvalidCastFromStringToInteger",
            _cast("off", "Input string was not in a correct format."),
        ),
        (
            {"Arguments": {"TcpipNetbiosOptions": -1}},
            "InvalidCastIConvertible",
            _cast("-1", "Value was either too large or too small for a UInt32."),
        ),
        (
            {"KeyProperty": "", "KeyValue": None},
            "DotNetMethodException",
            'Exception calling "InvokeMethod" with "3" argument(s): "Invalid method Parameter(s) "',
        ),
    ],
)
def test_a_method_that_cannot_be_called_is_refused(
    changed: Mapping[str, object], error_id: str, text: str | None
) -> None:
    site = Site()

    answer = _method(site, **changed)

    assert answer["Outcome"] == "refused"
    assert (answer["ErrorId"], answer["ErrorText"]) == (error_id, text or error_id)
    assert answer["Code"] is None
    assert site.world.ledger() == []


@pytest.mark.parametrize(
    "changed",
    [
        {"KeyValue": "8"},
        {"KeyProperty": "MACAddress", "KeyValue": "00:03:ff:10:00:21"},
        {"Class": CONFIGURATION.lower(), "Method": "settcpipnetbios"},
        {"Namespace": "ROOT/cimv2"},
        {"Arguments": {"tcpipnetbiosoptions": "2"}},
    ],
)
def test_names_and_keys_compare_as_powershell_compares(changed: Mapping[str, object]) -> None:
    site = Site()

    assert _method(site, **changed)["Code"] == 0
    assert site.adapter(PRIVATE_1)["TcpipNetbiosOptions"] == 2


@pytest.mark.parametrize("value", [[], None])
def test_an_empty_list_clears_as_an_unset_argument_does(value: object) -> None:
    site = Site()

    answer = _method(
        site, Method="SetDNSServerSearchOrder", Arguments={"DNSServerSearchOrder": value}
    )

    assert (answer["Outcome"], answer["Code"]) == ("answered", 0)
    assert site.adapter(PRIVATE_1)["DNSServerSearchOrder"] is None


def test_a_secret_reaches_the_program_and_its_label_does_not_show_it() -> None:
    from runbook_lib.lab.handlers.dispatch import label_of

    site = Site()
    arguments = ["user", SecretText("pa ss")]
    parameters = {"Identity": site.identity(), "Program": "net.exe", "Arguments": arguments}

    site.run("run_program", NODE_1, **parameters)

    assert site.world.command_lines() == [{"node": NODE_1, "line": 'net.exe user "pa ss"'}]
    invocation = Invocation(script_text("run_program"), True, parameters)
    assert label_of(invocation) == "run_program net.exe user ***"


def test_null_arguments_are_left_out() -> None:
    site = Site()

    site.run(
        "run_program",
        Identity=site.identity(),
        Program="net.exe",
        Arguments=["config", None, "server", 7, True],
    )

    assert site.world.command_lines()[0]["line"] == "net.exe config server 7 True"


def test_a_cmdlets_objects_come_back_as_text() -> None:
    site = Site()

    [answer] = site.run(
        "call_cmdlet",
        Identity=site.identity(),
        Name="Test-Path",
        Parameters={"Path": r"HKLM:\SOFTWARE"},
    )

    assert (answer["Outcome"], answer["Code"], answer["Output"]) == ("answered", 0, ["True"])


def test_lists_are_written_in_order_and_keys_are_made() -> None:
    site = Site()
    path = r"HKLM:\SOFTWARE\Lab\New"

    [answer] = site.run(
        "write_registry_lists",
        Identity=site.identity(),
        Lists=[
            {"Path": path, "Name": "A", "Values": ["x", "y"]},
            {"Path": path, "Name": "B", "Values": []},
            {"Path": path, "Name": "A", "Values": ["z"]},
        ],
    )

    assert (answer["Outcome"], answer["Code"], answer["Output"]) == ("answered", 0, [])
    stored = site.key(path[6:])
    assert (stored["A"], stored["B"]) == (["z"], [])
    assert [(what, before, after) for _, what, before, after in site.effects()] == [
        (r"key SOFTWARE\Lab\New", False, True),
        (r"SOFTWARE\Lab\New\A", None, ["x", "y"]),
        (r"SOFTWARE\Lab\New\B", None, []),
        (r"SOFTWARE\Lab\New\A", ["x", "y"], ["z"]),
    ]
