"""Bare cmdlets and programs: what a node answers, in its own words."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab import scenarios
from runbook_lib.lab.answers import Bag, ErrorReply
from runbook_lib.lab.handlers import dispatch, installed, scripts, wmi
from runbook_lib.lab.handlers.surface import SOURCES, answers
from tests.lab_world import NODE_1, NODE_2, PRIVATE_1, PRIVATE_2, PUBLIC_1, Site

COM3 = r"HKLM:\SOFTWARE\Microsoft\COM3"
SYNTAX = "The syntax supplied for this command is not valid. Check help for the correct syntax."
LAN, LAN_2 = "Local Area Connection", "Local Area Connection 2"
ADDRESS = ("interface", "ip", "set", "address")
DNS = ("interface", "ip", "set", "dns")
WINS = ("interface", "ip", "set", "wins")
RENAME = ("interface", "set", "interface")


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


GOOD = ("source=static", "addr=10.10.10.1", "mask=255.255.255.0")
NOT_REGISTERED = "An interface with this name is not registered with the router."
IN_USE = "An interface with this name is already registered with the router."
DHCP_ALREADY = "DHCP is already enabled on this interface."


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ((*RENAME, f"name={LAN}", "newname=Public"), 0, "Ok."),
        (("int", "set", "int", LAN, "newname=Public"), 0, "Ok."),
        ((*RENAME, f"name={LAN.upper()}", f"newname={LAN.upper()}"), 0, "Ok."),
        ((*RENAME, "name=Nobody", "newname=Public"), 1, NOT_REGISTERED),
        ((*RENAME, f"name={LAN}", f"newname={LAN_2.lower()}"), 1, IN_USE),
        ((*RENAME, f"name={LAN}"), 1, SYNTAX),
        ((*RENAME, f"name={LAN}", "newname="), 1, SYNTAX),
        ((*ADDRESS, f"name={LAN_2}", *GOOD, "gateway=none"), 0, "Ok."),
        ((*ADDRESS, LAN_2, "static", "10.10.10.1", "255.255.255.0"), 0, "Ok."),
        ((*ADDRESS, f"name={LAN_2}", *GOOD, "gateway=10.10.10.9", "gwmetric=1"), 0, "Ok."),
        ((*ADDRESS, f"name={LAN_2}", "source=dhcp"), 1, DHCP_ALREADY),
        ((*ADDRESS, "name=Nobody", "source=dhcp"), 1, "Invalid interface Nobody specified."),
        ((*ADDRESS, LAN_2, "static", "10.10.10.300", "255.255.255.0"), 1, SYNTAX),
        ((*ADDRESS, LAN_2, "static", "10.10.10.1", "255.0.255.0"), 1, SYNTAX),
        ((*ADDRESS, f"name={LAN_2}", *GOOD, "gateway=x"), 1, SYNTAX),
        ((*ADDRESS, f"name={LAN_2}", "source=static", "ip=10.10.10.1"), 1, SYNTAX),
        ((*ADDRESS, f"name={LAN_2}", f"name={LAN_2}", "source=dhcp"), 1, SYNTAX),
        ((*ADDRESS, f"name={LAN_2}"), 1, SYNTAX),
        (ADDRESS, 1, SYNTAX),
        ((*DNS, f"name={LAN_2}", "source=static", "addr=none", "register=none"), 0, "Ok."),
        ((*DNS, f"name={LAN_2}", "source=static", "addr=none", "register=all"), 1, SYNTAX),
        ((*DNS, f"name={LAN_2}", "source=dhcp"), 0, "Ok."),
        ((*WINS, f"name={LAN_2}", "source=static", "addr=none"), 0, "Ok."),
        (("interface", "ipv4", "set", "address", f"name={LAN_2}", "source=dhcp"), 1, SYNTAX),
        (("advfirewall", "show"), 1, SYNTAX),
        ((), 1, SYNTAX),
    ],
)
def test_netsh_says_ok_or_what_it_does_not_like(
    words: tuple[str, ...], code: int, text: str
) -> None:
    site = Site()
    before = site.world.state()

    assert site.program("netsh.exe", *words) == (code, [text, ""])
    if code:
        assert site.world.state() == before
        assert site.effects() == []


def test_netsh_gives_a_fixed_address_and_takes_the_gateway_away() -> None:
    site = Site()
    fixed = ("static", "192.168.1.11", "255.255.255.0")
    without = (f"name={LAN}", "source=static", "gateway=none")

    site.program("netsh", *ADDRESS, LAN, *fixed, "192.168.1.1", "1")
    assert site.adapter(PUBLIC_1)["DefaultIPGateway"] == ["192.168.1.1"]
    site.program("NETSH.EXE", *ADDRESS, LAN, *fixed)
    assert site.adapter(PUBLIC_1)["DefaultIPGateway"] == ["192.168.1.1"]
    site.program(r"C:\WINDOWS\system32\netsh.exe", *ADDRESS, *without)

    row = site.adapter(PUBLIC_1)
    assert (row["IPAddress"], row["DefaultIPGateway"]) == (["192.168.1.11"], None)


@pytest.mark.parametrize(
    ("register", "boxes"),
    [("none", [False, False]), ("primary", [True, False]), ("both", [True, True])],
)
def test_netsh_sets_the_boxes_of_the_dns_page(register: str, boxes: list[bool]) -> None:
    site = Site()

    site.program(
        "netsh.exe",
        *DNS,
        f"name={LAN_2}",
        "source=static",
        "addr=192.168.1.10",
        f"register={register}",
    )

    row = site.adapter(PRIVATE_1)
    names = ("FullDNSRegistrationEnabled", "DomainDNSRegistrationEnabled")
    assert [row[name] for name in names] == boxes
    assert row["DNSServerSearchOrder"] == ["192.168.1.10"]


def test_netsh_needs_no_cable() -> None:
    site = Site()
    site.world.act("unplug", {"node": NODE_1, "mac": PRIVATE_1})

    address = ("source=static", "addr=10.10.10.1", "mask=255.255.255.0", "gateway=none")
    assert site.program("netsh.exe", *ADDRESS, f"name={LAN_2}", *address)[0] == 0
    assert site.adapter(PRIVATE_1)["IPAddress"] is None

    site.world.act("plug", {"node": NODE_1, "mac": PRIVATE_1})
    assert site.adapter(PRIVATE_1)["IPAddress"] == ["10.10.10.1"]


def test_net_config_server_lists_the_bound_transports_with_their_macs() -> None:
    site = Site()
    guids = [site.adapter(mac)["SettingID"] for mac in (PRIVATE_1, PUBLIC_1)]

    code, lines = site.program("net.exe", "config", "server")

    assert code == 0
    assert lines[0] == r"Server Name                           \\WIN2003-A"
    assert [line for line in lines if line.startswith("\t")] == [
        "\tNetbiosSmb (000000000000)",
        f"\tNetBT_Tcpip_{guids[0]} (0003FF100021)",
        f"\tNetBT_Tcpip_{guids[1]} (0003FF100011)",
    ]
    assert "The command completed successfully." in lines


def test_every_surface_says_how_it_is_known() -> None:
    found = dispatch.sources()

    assert len(set(found)) == len(found)
    assert {source.partition(":")[0] for _, source in found} <= set(SOURCES)
    names = {name for name, _ in found}
    assert {"Get-WmiObject", "netsh.exe", "read_many.ps1", "Win32_ComputerSystem.Rename"} <= names
    assert len(names) == (
        len(installed.CMDLETS)
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

    for each in wmi.CLASSES:
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


@pytest.mark.parametrize(
    ("target", "answers_on_public", "after_heartbeat"),
    [
        ("192.168.1.10", True, True),
        ("192.168.1.102", True, True),
        ("192.168.1.101", True, True),
        ("192.168.1.77", False, False),
        ("10.10.10.2", False, True),
        ("10.10.10.1", False, True),
    ],
)
def test_ping_asks_the_segments_of_the_node(
    target: str, answers_on_public: bool, after_heartbeat: bool
) -> None:
    site = Site()
    assert (site.program("ping.exe", "-n", "1", target)[0] == 0) is answers_on_public

    for node, mac, host in ((NODE_1, PRIVATE_1, 1), (NODE_2, PRIVATE_2, 2)):
        address = {"IPAddress": [f"10.10.10.{host}"], "SubnetMask": ["255.255.255.0"]}
        site.call("EnableStatic", address, mac, node)

    assert (site.program("ping.exe", target)[0] == 0) is after_heartbeat


def test_a_node_that_is_down_or_unplugged_does_not_answer_a_ping() -> None:
    site = Site()
    site.world.act("power-off", {"node": NODE_2})
    code, lines = site.program("ping.exe", "-n", "2", "192.168.1.102")
    assert code == 1
    assert lines.count("Request timed out.") == 2
    assert "    Packets: Sent = 2, Received = 0, Lost = 2 (100% loss)," in lines

    site.world.act("unplug", {"node": NODE_1, "mac": PUBLIC_1})
    assert site.program("ping.exe", "192.168.1.10")[0] == 1


def test_hostname_prints_the_name_in_its_own_case() -> None:
    site = Site()
    site.world.act("rename-computer", {"node": NODE_1, "name": "E2K7SCCNode1"})
    site.restart()

    assert site.program("hostname") == (0, ["E2K7SCCNode1"])
