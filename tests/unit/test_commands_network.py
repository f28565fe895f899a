from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.commands import netsh, network, wmi
from runbook_lib.commands.command import Answer, Outcome, Program, Row, WmiMethod
from runbook_lib.commands.network import Adapter, ConnectionStatus, Netbios, StoredSettings

DEVICE: Row = {
    "Index": 65539,
    "MACAddress": "00:03:FF:10:00:21",
    "NetConnectionID": "Local Area Connection 2",
    "NetConnectionStatus": 2,
    "PNPDeviceID": r"PCI\VEN_8086&DEV_100F",
    "Name": "Intel(R) PRO/1000 MT",
}
WAN_MINIPORT: Row = {
    "Index": 1,
    "MACAddress": "50:50:54:50:30:30",
    "NetConnectionID": None,
    "NetConnectionStatus": None,
    "PNPDeviceID": r"ROOT\MS_PPTPMINIPORT\0000",
    "Name": "WAN Miniport (PPTP)",
}
SETTINGS: Row = {
    "Index": 65539,
    "SettingID": "{6F1A}",
    "MACAddress": "00:03:FF:10:00:21",
    "IPEnabled": True,
    "DHCPEnabled": False,
    "IPAddress": ("10.10.10.1",),
    "IPSubnet": ("255.255.255.0",),
    "DefaultIPGateway": None,
    "DNSServerSearchOrder": None,
    "FullDNSRegistrationEnabled": True,
    "DomainDNSRegistrationEnabled": False,
    "TcpipNetbiosOptions": 0,
    "WINSEnableLMHostsLookup": True,
    "DNSEnabledForWINSResolution": False,
    "WINSPrimaryServer": None,
    "WINSSecondaryServer": "",
}
ADAPTER = Adapter(
    index=65539,
    guid="{6F1A}",
    mac="00-03-FF-10-00-21",
    connection="Local Area Connection 2",
    status=ConnectionStatus.CONNECTED,
    device="Intel(R) PRO/1000 MT",
    pnp_device_id=r"PCI\VEN_8086&DEV_100F",
    ip_enabled=True,
    dhcp_enabled=False,
    addresses=("10.10.10.1",),
    masks=("255.255.255.0",),
    gateways=(),
    dns_servers=(),
    registers_in_dns=True,
    registers_domain_suffix=False,
    netbios=Netbios.DEFAULT,
    lmhosts=True,
    dns_for_wins=False,
    wins_servers=(),
)


def answers(*devices: Row, settings: Row = SETTINGS) -> tuple[Answer, Answer]:
    return Answer(devices), Answer((settings,))


def test_adapters_are_joined_by_index_and_miniports_are_left_out() -> None:
    query = network.adapters()

    assert query.reads == (wmi.NETWORK_ADAPTER, wmi.NETWORK_ADAPTER_CONFIGURATION)
    assert query.parse(answers(WAN_MINIPORT, DEVICE)) == (ADAPTER,)


@pytest.mark.parametrize("spelling", ["00-03-FF-10-00-21", "00:03:ff:10:00:21"])
def test_an_adapter_is_found_by_its_mac_however_it_is_spelt(spelling: str) -> None:
    assert network.adapter(spelling).parse(answers(WAN_MINIPORT, DEVICE)) == ADAPTER


def test_a_mac_that_the_node_lacks_is_none() -> None:
    assert network.adapter("00-03-FF-10-00-99").parse(answers(DEVICE)) is None


def test_one_mac_on_two_connections_is_refused() -> None:
    twin = {**DEVICE, "NetConnectionID": "Bridge"}

    with pytest.raises(ValueError, match="more than one connection: Local Area Connection 2, Bri"):
        network.adapter("00-03-FF-10-00-21").parse(answers(DEVICE, twin))


def test_of_a_team_and_its_cards_the_one_with_tcpip_is_found() -> None:
    card = {**DEVICE, "Index": 9, "NetConnectionID": "Card"}
    unbound = {**SETTINGS, "Index": 9, "IPEnabled": False}
    answered = Answer((DEVICE, card)), Answer((SETTINGS, unbound))

    assert network.adapter("00-03-FF-10-00-21").parse(answered) == ADAPTER


@pytest.mark.parametrize(
    ("device", "settings"),
    [
        ({"Index": "65539"}, {}),
        ({"MACAddress": "00:03"}, {}),
        ({"NetConnectionStatus": 99}, {}),
        ({}, {"Index": 7}),
        ({}, {"IPEnabled": "True"}),
        ({}, {"IPAddress": (1, 2)}),
        ({}, {"TcpipNetbiosOptions": 3}),
        ({}, {"SettingID": None}),
    ],
)
def test_what_no_node_would_answer_is_refused(
    device: dict[str, Any], settings: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"."):
        network.adapters().parse(answers({**DEVICE, **device}, settings={**SETTINGS, **settings}))


def test_a_failed_read_is_no_empty_list() -> None:
    failed = Answer(error_id="GetWMICOMException", text="RPC server is unavailable")

    with pytest.raises(ValueError, match="RPC server is unavailable"):
        network.adapters().parse((failed, Answer()))


def test_a_netbios_change_names_the_instance_and_every_documented_answer() -> None:
    action = network.set_netbios(65539, Netbios.OFF)

    assert action.command == WmiMethod(
        "Win32_NetworkAdapterConfiguration",
        "SetTcpipNetbios",
        (("TcpipNetbiosOptions", 2),),
        key=("Index", 65539),
    )
    assert action.accepts == {0: Outcome.DONE, 1: Outcome.REBOOT_NEEDED}
    assert action.explains[84] == "IP is not enabled on the adapter (unplugged or disabled)"


def test_lmhosts_is_a_class_method_that_writes_the_other_switch_back() -> None:
    command = network.set_lmhosts(enabled=False, dns_for_wins=True).command

    assert command == WmiMethod(
        "Win32_NetworkAdapterConfiguration",
        "EnableWINS",
        (("DNSEnabledForWINSResolution", True), ("WINSEnableLMHostsLookup", False)),
    )


def test_no_dns_servers_is_an_argument_left_unset() -> None:
    command = network.set_dns_servers(1, ()).command

    assert isinstance(command, WmiMethod)
    assert command.arguments == (("DNSServerSearchOrder", None),)


def test_gateways_cannot_be_cleared_through_wmi() -> None:
    with pytest.raises(ValueError, match="netsh"):
        network.set_gateways(1, ())


def test_stored_settings_are_read_while_the_adapter_is_unplugged() -> None:
    interface = {
        "EnableDHCP": 0,
        "IPAddress": ("10.10.10.1",),
        "SubnetMask": ("255.255.255.0",),
        "DefaultGateway": (),
        "NameServer": "192.168.1.10,192.168.1.11",
        "RegistrationEnabled": None,
        "RegisterAdapterName": None,
    }
    netbt = {"NetbiosOptions": 2}

    stored = network.stored_settings("{6F1A}").parse((Answer((interface,)), Answer((netbt,))))

    assert stored == StoredSettings(
        dhcp_enabled=False,
        addresses=("10.10.10.1",),
        masks=("255.255.255.0",),
        gateways=(),
        dns_servers=("192.168.1.10", "192.168.1.11"),
        registers_in_dns=True,
        registers_domain_suffix=False,
        netbios=Netbios.OFF,
    )


def test_a_mac_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="MAC address"):
        network.adapter("00-03-FF")


def test_reads_of_different_questions_are_equal_where_they_ask_the_same() -> None:
    one, other = network.adapter("00-03-FF-10-00-21"), network.adapters()

    assert one.reads == other.reads
    assert len({*one.reads, *other.reads}) == 2


def test_a_program_holds_one_element_an_argument() -> None:
    command = netsh.rename_connection("Local Area Connection 2", "Private").command

    assert command == Program(
        "netsh.exe",
        ("interface", "set", "interface", "name=Local Area Connection 2", "newname=Private"),
    )
