"""Programs on a node: netsh, net, ping and hostname, in their own words."""

from __future__ import annotations

import pytest

from tests.lab_world import NODE_1, NODE_2, PRIVATE_1, PRIVATE_2, PUBLIC_1, Site

SYNTAX = "The syntax supplied for this command is not valid. Check help for the correct syntax."
LAN, LAN_2 = "Local Area Connection", "Local Area Connection 2"
ADDRESS = ("interface", "ip", "set", "address")
DNS = ("interface", "ip", "set", "dns")
WINS = ("interface", "ip", "set", "wins")
RENAME = ("interface", "set", "interface")


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
