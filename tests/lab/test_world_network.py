"""Adapters: every method's return codes as a table, and what each change leaves behind."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.lab_world import NODE_1, NODE_2, PRIVATE_1, PRIVATE_2, PUBLIC_1, PUBLIC_2, Site

INTERFACE = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces"
NETBT = r"SYSTEM\CurrentControlSet\Services\NetBT\Parameters"
HEARTBEAT = {"IPAddress": ["10.10.10.1"], "SubnetMask": ["255.255.255.0"]}


@pytest.mark.parametrize(
    ("method", "arguments", "code"),
    [
        ("EnableStatic", HEARTBEAT, 0),
        ("EnableStatic", {"IPAddress": ["10.10.10.1"], "SubnetMask": []}, 68),
        ("EnableStatic", {"IPAddress": ["10.10.10.1"]}, 68),
        (
            "EnableStatic",
            {"IPAddress": ["10.10.10.1", "10.10.10.2"], "SubnetMask": ["255.0.0.0"]},
            68,
        ),
        ("EnableStatic", {"IPAddress": ["10.10.10.256"], "SubnetMask": ["255.255.255.0"]}, 70),
        ("EnableStatic", {"IPAddress": ["127.0.0.1"], "SubnetMask": ["255.0.0.0"]}, 70),
        ("EnableStatic", {"IPAddress": ["224.0.0.5"], "SubnetMask": ["255.0.0.0"]}, 70),
        ("EnableStatic", {"IPAddress": ["10.10.10.0"], "SubnetMask": ["255.255.255.0"]}, 70),
        ("EnableStatic", {"IPAddress": ["10.10.10.255"], "SubnetMask": ["255.255.255.0"]}, 70),
        ("EnableStatic", {"IPAddress": ["10.10.10.1"], "SubnetMask": ["255.0.255.0"]}, 66),
        ("EnableStatic", {"IPAddress": ["10.10.10.1"], "SubnetMask": ["255.255.255.255"]}, 66),
        ("EnableStatic", {"IPAddress": ["10.10.10.1"], "SubnetMask": ["0.0.0.0"]}, 66),
        ("SetGateways", {"DefaultIPGateway": ["10.10.10.254"]}, 97),
        ("SetDNSServerSearchOrder", {"DNSServerSearchOrder": ["192.168.1.10"]}, 0),
        ("SetDNSServerSearchOrder", {"DNSServerSearchOrder": None}, 0),
        ("SetDNSServerSearchOrder", {"DNSServerSearchOrder": ["dc1"]}, 70),
        ("SetDynamicDNSRegistration", {"FullDNSRegistrationEnabled": False}, 0),
        ("SetDynamicDNSRegistration", {"DomainDNSRegistrationEnabled": False}, 68),
        ("SetTcpipNetbios", {"TcpipNetbiosOptions": 2}, 0),
        ("SetTcpipNetbios", {"TcpipNetbiosOptions": 3}, 68),
        ("SetTcpipNetbios", {}, 68),
        ("SetWINSServer", {"WINSPrimaryServer": "", "WINSSecondaryServer": ""}, 0),
        ("SetWINSServer", {"WINSPrimaryServer": "wins", "WINSSecondaryServer": ""}, 70),
        ("EnableDHCP", {}, 0),
    ],
)
def test_a_method_returns_its_documented_code(
    method: str, arguments: Mapping[str, object], code: int
) -> None:
    site = Site()

    answer = site.call(method, arguments)

    assert answer["Code"] == code
    assert len(site.effects()) == (1 if code == 0 else 0)


@pytest.mark.parametrize(
    ("addresses", "gateways", "code"),
    [
        (1, {"DefaultIPGateway": ["10.10.10.254"], "GatewayCostMetric": [1]}, 0),
        (1, {"DefaultIPGateway": ["10.10.10.254"], "GatewayCostMetric": [1, 2]}, 68),
        (1, {"DefaultIPGateway": ["10.10.10"], "GatewayCostMetric": [1]}, 71),
        (1, {"DefaultIPGateway": [f"10.10.10.{host}" for host in range(240, 246)]}, 69),
        (1, {"DefaultIPGateway": None}, 0),
    ],
)
def test_gateways_are_set_on_fixed_addresses_only(
    addresses: int, gateways: Mapping[str, object], code: int
) -> None:
    site = Site()
    site.call("EnableStatic", HEARTBEAT)

    assert site.call("SetGateways", gateways)["Code"] == code


def test_a_list_without_a_gateway_clears_none() -> None:
    site = Site()
    site.call("EnableStatic", HEARTBEAT)
    site.call("SetGateways", {"DefaultIPGateway": ["10.10.10.254"], "GatewayCostMetric": [1]})

    answer = site.call("SetGateways", {"DefaultIPGateway": None})

    assert answer["Code"] == 0
    assert site.adapter(PRIVATE_1)["DefaultIPGateway"] == ["10.10.10.254"]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("EnableStatic", HEARTBEAT),
        ("EnableDHCP", {}),
        ("SetGateways", {"DefaultIPGateway": ["10.10.10.254"]}),
        ("SetDNSServerSearchOrder", {"DNSServerSearchOrder": ["192.168.1.10"]}),
        ("SetDynamicDNSRegistration", {"FullDNSRegistrationEnabled": False}),
        ("SetTcpipNetbios", {"TcpipNetbiosOptions": 2}),
        ("SetWINSServer", {"WINSPrimaryServer": "", "WINSSecondaryServer": ""}),
    ],
)
def test_without_a_cable_every_method_answers_84(
    method: str, arguments: Mapping[str, object]
) -> None:
    site = Site()
    site.world.act("unplug", {"node": NODE_1, "mac": PRIVATE_1})

    answer = site.call(method, arguments)

    assert (answer["Outcome"], answer["Code"]) == ("answered", 84)
    assert site.effects(since=1) == []


def test_without_a_cable_the_stack_knows_no_setting_and_the_registry_keeps_it() -> None:
    site = Site()
    site.call("SetTcpipNetbios", {"TcpipNetbiosOptions": 2})
    guid = site.adapter(PRIVATE_1)["SettingID"]

    site.world.act("unplug", {"node": NODE_1, "mac": PRIVATE_1})

    row = site.adapter(PRIVATE_1)
    names = ("IPEnabled", "IPAddress", "TcpipNetbiosOptions", "WINSEnableLMHostsLookup")
    assert [row[name] for name in names] == [False, None, None, None]
    [adapter] = (
        each for each in site.rows("Win32_NetworkAdapter") if each["Index"] == row["Index"]
    )
    assert adapter["NetConnectionStatus"] == 7
    assert site.key(rf"{NETBT}\Interfaces\Tcpip_{guid}")["NetbiosOptions"] == 2

    site.world.act("plug", {"node": NODE_1, "mac": PRIVATE_1})

    assert site.adapter(PRIVATE_1)["TcpipNetbiosOptions"] == 2


def test_a_fixed_address_takes_the_lease_with_its_gateway_and_dns_away() -> None:
    site = Site()

    answer = site.call(
        "EnableStatic",
        {"IPAddress": ["192.168.1.11"], "SubnetMask": ["255.255.255.0"]},
        mac=PUBLIC_1,
    )

    assert answer["Code"] == 0
    row = site.adapter(PUBLIC_1)
    names = ["DHCPEnabled", "IPAddress", "IPSubnet", "DefaultIPGateway", "DNSServerSearchOrder"]
    assert [row[name] for name in names] == [False, ["192.168.1.11"], ["255.255.255.0"], None, None]
    [effect] = site.effects()
    assert effect == (
        "wire",
        f"address of {PUBLIC_1}",
        {
            "dhcp": True,
            "addresses": ["0.0.0.0/0.0.0.0"],
            "gateways": ["192.168.1.1"],
            "dns": ["192.168.1.10"],
        },
        {"dhcp": False, "addresses": ["192.168.1.11/255.255.255.0"], "gateways": [], "dns": []},
    )
    stored = site.key(rf"{INTERFACE}\{row['SettingID']}")
    assert (stored["EnableDHCP"], stored["IPAddress"]) == (0, ["192.168.1.11"])
    assert "DhcpNameServer" not in stored


def test_going_back_to_dhcp_brings_the_lease_back() -> None:
    site = Site()
    before = site.adapter(PUBLIC_1)
    address = {"IPAddress": ["192.168.1.11"], "SubnetMask": ["255.255.255.0"]}
    site.call("EnableStatic", address, mac=PUBLIC_1)

    site.call("EnableDHCP", {}, mac=PUBLIC_1)

    assert site.adapter(PUBLIC_1) == before


def test_only_a_moved_public_address_breaks_connections() -> None:
    site = Site()
    resets: list[str] = []
    site.world.on_connections_reset(resets.append)
    moved = {"IPAddress": ["192.168.1.11"], "SubnetMask": ["255.255.255.0"]}

    site.call("EnableStatic", HEARTBEAT)
    assert resets == []
    site.call("EnableStatic", moved, mac=PUBLIC_1)
    assert resets == [NODE_1]
    site.call("EnableStatic", moved, mac=PUBLIC_1)
    assert resets == [NODE_1]
    site.world.act(
        "set-address",
        {"node": NODE_2, "mac": PUBLIC_2, "address": "192.168.1.12", "mask": "255.255.255.0"},
    )
    assert resets == [NODE_1, NODE_2]


@pytest.mark.parametrize("taken", ["192.168.1.10", "192.168.1.1", "192.168.1.102"])
def test_an_address_that_somebody_holds_is_accepted_and_not_used(taken: str) -> None:
    site = Site()

    answer = site.call(
        "EnableStatic", {"IPAddress": [taken], "SubnetMask": ["255.255.255.0"]}, mac=PUBLIC_1
    )

    assert answer["Code"] == 0
    row = site.adapter(PUBLIC_1)
    assert (row["IPAddress"], row["IPSubnet"]) == (["0.0.0.0"], ["0.0.0.0"])
    assert site.key(rf"{INTERFACE}\{row['SettingID']}")["IPAddress"] == [taken]
    newest = site.rows("Win32_NTLogEvent")[0]
    assert (newest["SourceName"], newest["EventCode"], newest["Type"]) == ("Tcpip", 4199, "error")
    assert taken in newest["Message"]


def test_the_private_segment_is_another_wire_and_a_silent_node_holds_nothing() -> None:
    site = Site()
    lease_of_node_2 = {"IPAddress": ["192.168.1.102"], "SubnetMask": ["255.255.255.0"]}

    site.call("EnableStatic", lease_of_node_2)
    assert site.adapter(PRIVATE_1)["IPAddress"] == ["192.168.1.102"]

    site.world.act("power-off", {"node": NODE_2})
    site.call("EnableStatic", lease_of_node_2, mac=PUBLIC_1)
    assert site.adapter(PUBLIC_1)["IPAddress"] == ["192.168.1.102"]


def test_lmhosts_is_a_setting_of_the_whole_machine() -> None:
    site = Site()

    answer = site.call(
        "EnableWINS",
        {"DNSEnabledForWINSResolution": False, "WINSEnableLMHostsLookup": False},
        mac="",
    )

    assert answer["Code"] == 0
    macs = (PUBLIC_1, PRIVATE_1)
    assert [site.adapter(mac)["WINSEnableLMHostsLookup"] for mac in macs] == [False, False]
    assert site.key(NETBT)["EnableLMHOSTS"] == 0
    assert site.adapter(PRIVATE_2, NODE_2)["WINSEnableLMHostsLookup"] is True


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"WINSEnableLMHostsLookup": False}, 68),
        ({"DNSEnabledForWINSResolution": False}, 68),
        (
            {
                "DNSEnabledForWINSResolution": False,
                "WINSEnableLMHostsLookup": True,
                "WINSHostLookupFile": r"C:\nowhere",
            },
            76,
        ),
    ],
)
def test_enable_wins_refuses_what_it_cannot_do(arguments: Mapping[str, object], code: int) -> None:
    assert Site().call("EnableWINS", arguments, mac="")["Code"] == code


def test_dns_registration_is_two_values_of_the_registry() -> None:
    site = Site()

    site.call(
        "SetDynamicDNSRegistration",
        {"FullDNSRegistrationEnabled": False, "DomainDNSRegistrationEnabled": False},
    )

    row = site.adapter(PRIVATE_1)
    assert (row["FullDNSRegistrationEnabled"], row["DomainDNSRegistrationEnabled"]) == (
        False,
        False,
    )
    stored = site.key(rf"{INTERFACE}\{row['SettingID']}")
    assert (stored["RegistrationEnabled"], stored["RegisterAdapterName"]) == (0, 0)


def test_wins_servers_come_and_go() -> None:
    site = Site()

    site.call("SetWINSServer", {"WINSPrimaryServer": "10.1.1.1", "WINSSecondaryServer": "10.1.1.2"})
    row = site.adapter(PRIVATE_1)
    assert (row["WINSPrimaryServer"], row["WINSSecondaryServer"]) == ("10.1.1.1", "10.1.1.2")

    site.call("SetWINSServer", {"WINSPrimaryServer": "", "WINSSecondaryServer": ""})
    row = site.adapter(PRIVATE_1)
    assert (row["WINSPrimaryServer"], row["WINSSecondaryServer"]) == (None, None)


def test_writing_an_equal_value_is_an_effect_without_a_difference() -> None:
    site = Site()
    site.call("SetTcpipNetbios", {"TcpipNetbiosOptions": 2})
    state = site.world.state()

    site.call("SetTcpipNetbios", {"TcpipNetbiosOptions": 2})

    assert site.world.state() == state
    assert site.effects() == [
        ("wire", f"NetBIOS on {PRIVATE_1}", 0, 2),
        ("wire", f"NetBIOS on {PRIVATE_1}", 2, 2),
    ]
