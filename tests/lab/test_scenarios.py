"""Factory state: nothing is as it will be wished, and every value has its reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runbook_lib.lab import scenarios
from runbook_lib.lab.inputs import Inputs
from runbook_lib.topology.loading import load
from tests.lab_world import (
    CONFIGURATION,
    NODE_1,
    NODE_2,
    PRIVATE_1,
    PRIVATE_2,
    PUBLIC_1,
    PUBLIC_2,
    Site,
    texts,
)

LAB_YAML = Path(__file__).parents[2] / "parameters" / "lab.yaml"
CONTROL = r"SYSTEM\CurrentControlSet\Control"
SERVICES = r"SYSTEM\CurrentControlSet\Services"


def test_the_rehearsal_file_names_the_hardware_of_the_lab() -> None:
    topology = load(LAB_YAML).topology

    assert [(node.public.mac, node.private.mac) for node in topology.nodes] == [
        (machine.public_mac, machine.private_mac) for machine in scenarios.MACHINES
    ]
    disks = (topology.disks.quorum, topology.disks.database)
    assert [(disk.lun, disk.size_mb) for disk in disks] == [
        (disk.lun, disk.size_mb) for disk in scenarios.SHARED_DISKS
    ]
    assert Inputs.of(topology) == Inputs()


def test_both_machines_carry_the_names_of_their_image() -> None:
    site = Site()

    for node, name in ((NODE_1, "WIN2003-A"), (NODE_2, "WIN2003-B")):
        [computer] = site.rows("Win32_ComputerSystem", node)
        kept = {key: computer[key] for key in ("Name", "Domain", "DomainRole", "PartOfDomain")}
        assert kept == {
            "Name": name,
            "Domain": "WORKGROUP",
            "DomainRole": 2,
            "PartOfDomain": False,
        }
        for key in ("ComputerName", "ActiveComputerName"):
            stored = site.key(rf"{CONTROL}\ComputerName\{key}", node)
            assert stored["ComputerName"] == name


def test_the_operating_system_is_r2_enterprise_x64_with_service_pack_2() -> None:
    [system] = Site().rows("Win32_OperatingSystem")

    asked = [
        "Caption",
        "Version",
        "ServicePackMajorVersion",
        "CSDVersion",
        "OtherTypeDescription",
        "OSProductSuite",
        "ProductType",
        "OSLanguage",
        "LastBootUpTime",
    ]
    assert {name: system[name] for name in asked} == {
        "Caption": "Microsoft(R) Windows(R) Server 2003 Enterprise x64 Edition",
        "Version": "5.2.3790",
        "ServicePackMajorVersion": 2,
        "CSDVersion": "Service Pack 2",
        "OtherTypeDescription": "R2",
        "OSProductSuite": 274,
        "ProductType": 3,
        "OSLanguage": 1033,
        "LastBootUpTime": "20261122094800.000000+060",
    }
    assert not {"OSArchitecture", "OperatingSystemSKU"} & set(system)


SITE = ("255.255.255.0", ["192.168.1.1"], ["192.168.1.10"])
NOWHERE = ("255.255.0.0", None, None)


@pytest.mark.parametrize(
    ("place", "connection", "address", "rest"),
    [
        ((NODE_1, PUBLIC_1), "Local Area Connection", "192.168.1.101", SITE),
        ((NODE_1, PRIVATE_1), "Local Area Connection 2", "169.254.33.17", NOWHERE),
        ((NODE_2, PUBLIC_2), "Local Area Connection 2", "192.168.1.102", SITE),
        ((NODE_2, PRIVATE_2), "Local Area Connection", "169.254.201.98", NOWHERE),
    ],
)
def test_the_public_adapter_has_a_lease_and_the_private_one_an_automatic_address(
    place: tuple[str, str],
    connection: str,
    address: str,
    rest: tuple[str, list[str] | None, list[str] | None],
) -> None:
    (node, mac), (mask, gateway, dns) = place, rest
    site = Site()
    row = site.adapter(mac, node)

    asked = [
        "IPEnabled",
        "DHCPEnabled",
        "IPAddress",
        "IPSubnet",
        "DefaultIPGateway",
        "DNSServerSearchOrder",
        "FullDNSRegistrationEnabled",
        "DomainDNSRegistrationEnabled",
        "TcpipNetbiosOptions",
        "WINSEnableLMHostsLookup",
        "DNSEnabledForWINSResolution",
        "WINSPrimaryServer",
        "WINSSecondaryServer",
    ]
    assert {name: row[name] for name in asked} == {
        "IPEnabled": True,
        "DHCPEnabled": True,
        "IPAddress": [address],
        "IPSubnet": [mask],
        "DefaultIPGateway": gateway,
        "DNSServerSearchOrder": dns,
        "FullDNSRegistrationEnabled": True,
        "DomainDNSRegistrationEnabled": False,
        "TcpipNetbiosOptions": 0,
        "WINSEnableLMHostsLookup": True,
        "DNSEnabledForWINSResolution": False,
        "WINSPrimaryServer": None,
        "WINSSecondaryServer": None,
    }
    [adapter] = (
        each for each in site.rows("Win32_NetworkAdapter", node) if each["Index"] == row["Index"]
    )
    assert (adapter["NetConnectionID"], adapter["NetConnectionStatus"]) == (
        connection,
        2,
    )


def test_wan_miniports_have_no_connection_and_no_address() -> None:
    site = Site()

    adapters = site.rows("Win32_NetworkAdapter")
    miniports = [row for row in adapters if row["NetConnectionID"] is None]
    assert texts(miniports, "Index") == [2, 3, 4, 5, 6, 7]
    assert set(texts(miniports, "NetConnectionStatus")) == {None}
    rest = [row for row in site.rows(CONFIGURATION) if row["Index"] in texts(miniports, "Index")]
    assert {(row["IPEnabled"], row["IPAddress"]) for row in rest} == {(False, None)}
    assert not {"GUID", "NetEnabled"} & set(adapters[0])


def test_the_private_adapter_comes_first_in_the_binding_order() -> None:
    site = Site()
    guids = {mac: site.adapter(mac)["SettingID"] for mac in (PUBLIC_1, PRIVATE_1)}
    linkage = site.key(rf"{SERVICES}\Tcpip\Linkage")

    *known, absent = linkage["Bind"]
    assert known == [
        rf"\Device\{guids[PRIVATE_1]}",
        rf"\Device\{guids[PUBLIC_1]}",
        r"\Device\NdisWanIp",
    ]
    assert re.fullmatch(r"\\Device\\\{[0-9A-F-]{36}\}", absent)
    assert absent.removeprefix("\\Device\\") not in guids.values()
    bare = [entry.removeprefix("\\Device\\") for entry in linkage["Bind"]]
    assert linkage["Export"] == [rf"\Device\Tcpip_{name}" for name in bare]
    assert linkage["Route"] == [f'"{name}"' for name in bare]


def test_remote_access_may_stand_between_and_nothing_need_be_absent() -> None:
    site = Site()
    guids = {mac: site.adapter(mac, NODE_2)["SettingID"] for mac in (PUBLIC_2, PRIVATE_2)}

    assert site.key(rf"{SERVICES}\Tcpip\Linkage", NODE_2)["Bind"] == [
        rf"\Device\{guids[PRIVATE_2]}",
        r"\Device\NdisWanIp",
        rf"\Device\{guids[PUBLIC_2]}",
    ]


def test_file_sharing_is_bound_to_both_adapters() -> None:
    site = Site()
    guids = [site.adapter(mac)["SettingID"] for mac in (PRIVATE_1, PUBLIC_1)]

    assert site.key(rf"{SERVICES}\LanmanServer\Linkage")["Bind"] == [
        r"\Device\NetbiosSmb",
        *(rf"\Device\NetBT_Tcpip_{guid}" for guid in guids),
    ]


def test_the_key_of_disabled_bindings_is_empty_on_one_node_and_missing_on_the_other() -> None:
    site = Site()
    path = rf"{SERVICES}\LanmanServer\Linkage\Disabled"

    assert site.key(path, NODE_1)["Bind"] == []
    reply = site.ask("Get-ItemProperty", NODE_2, Path=f"HKLM:\\{path}")
    assert [error.error_id for error in reply.errors] == [
        "PathNotFound,Microsoft.PowerShell.Commands.GetItemPropertyCommand"
    ]


def test_what_remoting_needs_is_installed_and_iis_is_not() -> None:
    site = Site()
    software = r"SOFTWARE\Microsoft"

    dotnet = site.key(rf"{software}\NET Framework Setup\NDP\v2.0.50727")
    assert (dotnet["Install"], dotnet["SP"]) == (1, 2)
    engine = site.key(rf"{software}\PowerShell\1\PowerShellEngine")
    assert engine["PowerShellVersion"] == "2.0"
    components = site.key(rf"{software}\Windows\CurrentVersion\Setup\OC Manager\Subcomponents")
    iis = ("complusnetwork", "iis_common", "iis_inetmgr", "iis_www", "iis_smtp", "iis_nntp")
    assert {components[name] for name in iis} == {0}
    assert site.key(rf"{software}\COM3")["RemoteAccessEnabled"] == 0
    assert not {"W3SVC", "SMTPSVC", "NNTPSVC"} & set(texts(site.rows("Win32_Service"), "Name"))
    assert "KB898790" not in texts(site.rows("Win32_QuickFixEngineering"), "HotFixID")


def test_no_restart_is_pending() -> None:
    site = Site()
    software = r"SOFTWARE\Microsoft"

    assert "PendingFileRenameOperations" not in site.key(rf"{CONTROL}\Session Manager")
    for path in (
        rf"{software}\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired",
        rf"{software}\Updates\UpdateExeVolatile",
    ):
        reply = site.ask("Get-ItemProperty", Path=f"HKLM:\\{path}")
        assert (reply.output, len(reply.errors)) == ((), 1)


def test_the_seed_decides_every_guid_and_nothing_else() -> None:
    one, same, other = (Site(seed=seed).world.state() for seed in (1, 1, 2))

    assert one == same
    keys = [
        {path: sorted(values) for path, values in state["nodes"][NODE_1]["registry"].items()}
        for state in (one, other)
    ]
    assert len(keys[0]) == len(keys[1])
    guids = [
        state["nodes"][node]["registry"][r"SOFTWARE\Microsoft\Cryptography"]["MachineGuid"]
        for state in (one, other)
        for node in (NODE_1, NODE_2)
    ]
    assert len(set(guids)) == 4
    assert all(guid == guid.lower() and "{" not in guid for guid in guids)


@pytest.mark.parametrize("scenario", ["before:00", "before:10", "before:10_configure_networks"])
def test_the_first_phases_begin_on_factory_machines(scenario: str) -> None:
    begun, factory = Site(scenario=scenario).world.state(), Site().world.state()

    assert begun["nodes"] == factory["nodes"]


@pytest.mark.parametrize("scenario", ["before:21", "nonsense", "before:"])
def test_a_start_that_is_not_there_is_refused_by_name(scenario: str) -> None:
    with pytest.raises(scenarios.UnknownScenarioError, match="there is no scenario"):
        Site(scenario=scenario)
