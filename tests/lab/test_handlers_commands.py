"""Bare cmdlets and programs: what a node answers, in its own words."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab import scenarios
from runbook_lib.lab.answers import Bag, ErrorReply
from runbook_lib.lab.handlers import dispatch, exchange_scripts, installed, scripts, wmi
from runbook_lib.lab.handlers.surface import SOURCES, answers
from tests.lab_world import NODE_1, Site

COM3 = r"HKLM:\SOFTWARE\Microsoft\COM3"


def _error(site: Site, command: str, **parameters: object) -> ErrorReply:
    reply = site.ask(command, NODE_1, **parameters)
    assert not reply.output
    [error] = (*reply.errors, *([reply.terminating] if reply.terminating else []))
    return error


def test_a_wmi_object_carries_its_class_and_path() -> None:
    [bag] = Site().ask("Get-WmiObject", Class="win32_computersystem").output

    assert isinstance(bag, Bag)
    assert bag.types[:2] == (
        r"System.Management.ManagementObject#root\cimv2\Win32_ComputerSystem",
        "System.Management.ManagementObject",
    )
    assert bag.properties["__PATH"] == (
        r'\\WIN2003-A\root\cimv2:Win32_ComputerSystem.Name="WIN2003-A"'
    )


def test_the_beginning_of_a_parameter_is_enough_if_it_is_the_only_one() -> None:
    site = Site()

    assert site.ask("get-wmiobject", cl="Win32_Processor", Names=None).terminating is None
    assert _error(site, "Get-ItemProperty", Pa=r"HKLM:\SOFTWARE", X=1).error_id == (
        "NamedParameterNotFound,Microsoft.PowerShell.Commands.GetItemPropertyCommand"
    )


def test_the_beginning_of_several_parameters_is_ambiguous() -> None:
    error = _error(Site(), "Get-WmiObject", C="Win32_Processor")

    assert error == ErrorReply(
        "AmbiguousParameter,Microsoft.PowerShell.Commands.GetWmiObjectCommand",
        "Parameter cannot be processed because the parameter name 'C' is ambiguous. "
        "Possible matches include: -Class -ComputerName -Credential.",
        "InvalidArgument",
        "System.Management.Automation.ParameterBindingException",
    )


def test_an_unknown_command_is_loud_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        error = _error(Site(), "Get-CimInstance", ClassName="x")

    assert error.error_id == "CommandNotFoundException"
    assert error.message.startswith("The term 'Get-CimInstance' is not recognized")
    assert "runbook_lib/lab/handlers" in caplog.text


def test_a_program_is_no_cmdlet() -> None:
    with pytest.raises(UnsimulatedCommandError):
        Site().run("call_cmdlet", Identity=Site().identity(), Name="netsh.exe")


@pytest.mark.parametrize("path", [r"HKCU:\Software", r"C:\WINDOWS", r"HKLM:\SOFTWARE\*"])
def test_what_the_lab_does_not_have_is_refused_and_not_reported_missing(path: str) -> None:
    with pytest.raises(UnsimulatedCommandError):
        Site().ask("Get-ItemProperty", Path=path)


def test_a_key_answers_with_its_values_and_where_it_lies() -> None:
    row = Site().key(r"software\microsoft\COM3")
    hive = r"Microsoft.PowerShell.Core\Registry::HKEY_LOCAL_MACHINE"

    assert row == {
        "RemoteAccessEnabled": 0,
        "PSPath": rf"{hive}\SOFTWARE\Microsoft\COM3",
        "PSParentPath": rf"{hive}\SOFTWARE\Microsoft",
        "PSChildName": "COM3",
        "PSDrive": "HKLM",
        "PSProvider": r"Microsoft.PowerShell.Core\Registry",
    }


def test_a_key_without_values_answers_nothing() -> None:
    site = Site()

    assert site.ask("Get-ItemProperty", Path=r"HKLM:\SOFTWARE").output == ()
    assert site.ask("Get-ItemProperty", Path=r"HKLM:\SOFTWARE").errors == ()


@pytest.mark.parametrize(
    ("command", "parameters", "error_id"),
    [
        (
            "Get-ItemProperty",
            {"Path": COM3, "Name": "X"},
            "System.Management.Automation.PSArgumentException",
        ),
        ("New-Item", {"Path": r"HKLM:\SOFTWARE"}, "System.IO.IOException"),
        ("New-ItemProperty", {"Path": r"HKLM:\Nobody", "Name": "X"}, "PathNotFound"),
        (
            "New-ItemProperty",
            {"Path": COM3, "Name": "RemoteAccessEnabled"},
            "System.IO.IOException",
        ),
        ("Set-ItemProperty", {"Path": r"HKLM:\Nobody", "Name": "X", "Value": 1}, "PathNotFound"),
        ("Test-Path", {"Path": None}, "ParameterArgumentValidationErrorNullNotAllowed"),
        ("Get-WmiObject", {"Class": "Win32_Nothing"}, "GetWMIManagementException"),
        ("Get-Service", {"Name": "W3SVC"}, "NoServiceFoundForGivenName"),
    ],
)
def test_a_cmdlet_refuses_with_the_identifier_of_windows(
    command: str, parameters: Mapping[str, object], error_id: str
) -> None:
    site = Site()
    spoken = command.replace("-", "")

    assert _error(site, command, **parameters).error_id == (
        f"{error_id},Microsoft.PowerShell.Commands.{spoken}Command"
    )
    assert site.effects() == []


def test_making_a_key_anew_empties_it() -> None:
    site = Site()

    site.ask("New-Item", Path=COM3, Force=True)

    assert site.ask("Get-ItemProperty", Path=COM3).output == ()


def test_a_value_keeps_its_kind_when_it_is_written_again() -> None:
    site = Site()

    site.ask(
        "Set-ItemProperty",
        Path=COM3,
        Name="remoteaccessenabled",
        Value="1",
    )

    assert site.key(r"SOFTWARE\Microsoft\COM3")["RemoteAccessEnabled"] == 1
    assert site.effects() == [("wire", r"SOFTWARE\Microsoft\COM3\remoteaccessenabled", 0, 1)]


def test_services_are_found_by_name() -> None:
    [bag] = Site().ask("Get-Service", Name="clussvc").output

    assert isinstance(bag, Bag)
    assert (bag.properties["Name"], bag.properties["Status"]) == ("ClusSvc", "Stopped")


def test_every_surface_says_how_it_is_known() -> None:
    found = dispatch.sources()

    assert len(set(found)) == len(found)
    assert {source.partition(":")[0] for _, source in found} <= set(SOURCES)
    names = {name for name, _ in found}
    assert {"Get-WmiObject", "netsh.exe", "read_many.ps1", "Win32_ComputerSystem.Rename"} <= names
    assert len(names) == (
        1  # command lines of a remote shell
        + len(installed.CMDLETS)
        + len(exchange_scripts.CMDLETS)
        + len(installed.PROGRAMS)
        + len(scripts.SCRIPTS)
        + len(scenarios.FACTS)
        + sum(1 + len(each.methods) for each in wmi.CLASSES)
    )


@pytest.mark.parametrize("source", ["guess: no", "documented: a page; guess: no", ""])
def test_every_claim_begins_with_one_of_three_words(source: str) -> None:
    with pytest.raises(ValueError, match="a source begins with captured, documented, inferred"):
        answers("X", parameters="", implementation="Y", source=source)(lambda _c, _p: None)  # type: ignore[arg-type, return-value]


def test_every_instance_has_its_key_and_the_properties_of_its_class() -> None:
    site = Site()

    usual = (each for each in wmi.CLASSES if each.namespace == r"root\cimv2")
    for each in usual:
        rows = [
            {name: value for name, value in row.items() if not name.startswith("__")}
            for row in site.rows(each.name)
        ]
        assert rows, each.name
        assert {tuple(row) for row in rows} == {tuple(rows[0])}, each.name
        assert each.key in rows[0], each.name


@pytest.mark.parametrize(
    ("condition", "indexes"),
    [
        ("Index=8", [8]),
        ("index = '8'", [8]),
        ("IPEnabled=TRUE", [1, 8]),
        ("IPEnabled=TRUE AND NOT Index=1", [8]),
        ("MACAddress IS NOT NULL AND IPEnabled=false", [4, 5]),
        ("MACAddress is null", [2, 3, 6, 7]),
        ("MACAddress='00:03:ff:10:00:21'", [8]),
        ("Index < 3 OR (Index >= 7 AND Index <> 8)", [1, 2, 7]),
        ("Description LIKE 'wan%(ip)'", [7]),
        ('ServiceName LIKE "E_000"', [1, 8]),
        ("Index > 'x'", []),
    ],
)
def test_a_filter_picks_instances(condition: str, indexes: list[int]) -> None:
    reply = Site().ask("Get-WmiObject", Class="Win32_NetworkAdapterConfiguration", Filter=condition)

    bags = [bag for bag in reply.output if isinstance(bag, Bag)]
    assert [bag.properties["Index"] for bag in bags] == indexes


@pytest.mark.parametrize(
    "condition",
    [
        "Index",
        "Index=",
        "=8",
        "Index=8)",
        "(Index=8",
        "Nobody=1",
        "Index=8 Index=9",
        "Index IS 8",
        "#",
    ],
)
def test_a_bad_filter_is_an_invalid_query(condition: str) -> None:
    error = _error(
        Site(), "Get-WmiObject", Class="Win32_NetworkAdapterConfiguration", Filter=condition
    )

    assert error.message == "Invalid query"


def test_backslashes_in_a_filter_are_doubled() -> None:
    condition = r"PNPDeviceID='ROOT\\MS_NDISWANIP\\0000'"

    [bag] = Site().ask("Get-WmiObject", Class="Win32_NetworkAdapter", Filter=condition).output

    assert isinstance(bag, Bag)
    assert bag.properties["Index"] == 7


@pytest.mark.parametrize("parameters", [{"ComputerName": "."}, {"Comp": "."}, {"Verbose": True}])
def test_what_a_node_takes_and_the_lab_does_not_is_refused_as_such(
    parameters: Mapping[str, object],
) -> None:
    with pytest.raises(UnsimulatedCommandError):
        Site().ask("Get-WmiObject", Class="Win32_Processor", **parameters)


def test_errors_can_be_silenced() -> None:
    names = ["Dhcp", "nobody", "Dnscache"]

    reply = Site().ask("Get-Service", Name=names, ErrorAction="SilentlyContinue")

    assert (len(reply.output), reply.errors) == (2, ())
