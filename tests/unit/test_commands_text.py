from __future__ import annotations

import pytest

from runbook_lib.commands import bindings, netsh, network, power, system
from runbook_lib.commands.command import Cmdlet, Program, Script, Secret, WmiMethod
from runbook_lib.commands.powershell_text import Renderable, quoted, render

ADAPTERS = "Get-WmiObject -Class 'Win32_NetworkAdapterConfiguration' -Filter 'Index=7'"
COMPUTER = "Get-WmiObject -Class 'Win32_ComputerSystem'"
DOCUMENTED = {
    "EnableStatic": ("IPAddress", "SubnetMask"),
    "SetGateways": ("DefaultIPGateway", "GatewayCostMetric"),
    "SetDNSServerSearchOrder": ("DNSServerSearchOrder",),
    "SetDynamicDNSRegistration": ("FullDNSRegistrationEnabled", "DomainDNSRegistrationEnabled"),
    "SetTcpipNetbios": ("TcpipNetbiosOptions",),
    "SetWINSServer": ("WINSPrimaryServer", "WINSSecondaryServer"),
    "EnableWINS": ("DNSEnabledForWINSResolution", "WINSEnableLMHostsLookup"),
    "Rename": ("Name",),
}
"""The arguments of each method in the order of its documentation, as far as we give them."""


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (
            netsh.rename_connection("Local Area Connection 2", "Private").command,
            "netsh.exe interface set interface 'name=Local Area Connection 2' newname=Private",
        ),
        (
            power.restart("it's phase 10").command,
            "shutdown.exe /r /t 5 /f /c 'it''s phase 10' /d p:2:4",
        ),
        (
            network.set_netbios(7, network.Netbios.OFF).command,
            f"({ADAPTERS}).SetTcpipNetbios(2)",
        ),
        (
            network.set_address(7, "10.10.10.1", "255.255.255.0").command,
            f"({ADAPTERS}).EnableStatic([string[]]@('10.10.10.1'), [string[]]@('255.255.255.0'))",
        ),
        (network.set_dns_servers(7, ()).command, f"({ADAPTERS}).SetDNSServerSearchOrder()"),
        (
            network.set_lmhosts(enabled=False, dns_for_wins=True).command,
            r"([wmiclass]'root\cimv2:Win32_NetworkAdapterConfiguration').EnableWINS($true, $false)",
        ),
        (
            system.rename("O'HARA", "NODE1").command,
            rf"({COMPUTER} -Filter 'Name=''O\''HARA''').Rename('NODE1')",
        ),
        (
            WmiMethod("C", "M", (("A", None), ("B", 1), ("D", None)), ("K", 1), r"root\MSCluster"),
            r"(Get-WmiObject -Namespace 'root\MSCluster' -Class 'C' -Filter 'K=1').M($null, 1)",
        ),
        (
            Cmdlet("Set-Thing", (("Path", "a b"), ("Force", True), ("Size", -5), ("No", None))),
            "Set-Thing -Path 'a b' -Force:$true -Size (-5) -No $null",
        ),
        (
            Cmdlet("Set-Thing", (("Password", Secret("keyring:a/b")),)),
            "Set-Thing -Password (Read-Host -AsSecureString -Prompt 'keyring:a/b')",
        ),
        (
            Program(r"C:\Exchange Setup\setup.com", ("/p", Secret("fd:3"), "", "$x", "-v")),
            r"& 'C:\Exchange Setup\setup.com' /p (Read-Host -Prompt 'fd:3') '' '$x' '-v'",
        ),
        (
            Script("some_script", (("Number", 7), ("Names", ("a", "b")))),
            r"& '.\some_script.ps1' -Number 7 -Names @('a', 'b')",
        ),
    ],
)
def test_a_command_reads_as_an_administrator_would_write_it(command: Renderable, text: str) -> None:
    assert render(command) == text


def test_registry_lists_are_one_line_each_and_make_a_missing_key_first() -> None:
    lists = bindings.BindingLists(("a",), (), ())

    lines = render(bindings.write_order(bindings.Linkage("Tcpip", lists)).command).splitlines()

    path = r"'HKLM:\SYSTEM\CurrentControlSet\Services\Tcpip\Linkage'"
    assert lines[0] == (
        f"if (-not (Test-Path -Path {path})) {{ New-Item -Path {path} -Force | Out-Null }}"
    )
    assert lines[1] == (
        f"New-ItemProperty -Path {path} -Name 'Bind' -PropertyType 'MultiString' "
        "-Value ([string[]]@('a')) -Force | Out-Null"
    )
    assert len(lines) == 4


@pytest.mark.parametrize("quote", ["'", "\u2018", "\u2019", "\u201a", "\u201b"])
def test_every_single_quote_is_doubled_in_a_literal(quote: str) -> None:
    assert quoted(f"a{quote}b") == f"'a{quote}{quote}b'"


@pytest.mark.parametrize(
    "action",
    [
        network.set_address(1, "a", "b"),
        network.set_gateways(1, ("a",)),
        network.set_dns_servers(1, ("a",)),
        network.set_dns_registration(1, full=False, domain=False),
        network.set_netbios(1, network.Netbios.ON),
        network.set_wins_servers(1, "", ""),
        network.set_lmhosts(enabled=False, dns_for_wins=False),
        system.rename("a", "b"),
    ],
)
def test_arguments_stand_in_the_order_of_the_documentation(action: object) -> None:
    command = action.command  # type: ignore[attr-defined]

    assert isinstance(command, WmiMethod)
    assert tuple(name for name, _ in command.arguments) == DOCUMENTED[command.method]
