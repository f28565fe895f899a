"""Phase 10's steps plan from plain values: what is right is left alone, what differs is named."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.commands import bindings, netsh, network
from runbook_lib.commands.command import ManualAct, PersonsAct, Program, Script, WmiMethod
from runbook_lib.commands.network import ConnectionStatus, NameResolution, Netbios
from runbook_lib.commands.system import Computer, ComputerNames, DomainRole
from runbook_lib.steps import configure_networks as steps
from runbook_lib.steps.step import (
    Blocked,
    Changes,
    Effect,
    NoChange,
    Plan,
    RebootPending,
    Step,
    StepFactory,
)
from tests.builders import (
    PRIVATE_GUID,
    PUBLIC_GUID,
    adapter,
    file_sharing,
    private_adapter,
    tcpip,
    topology,
)


def on_node_1(factory: StepFactory) -> Any:
    return next(iter(factory(topology())))


def essence(plan: Plan) -> list[tuple[str, str, str]]:
    assert isinstance(plan, Changes)
    return [(change.setting, change.before, change.after) for change in plan.changes]


WORKGROUP = Computer("WIN2003-A", False, "WORKGROUP", DomainRole.STANDALONE_SERVER, "x64-based PC")


@pytest.mark.parametrize("factory", steps.STEPS)
def test_every_step_concerns_both_nodes_in_order(factory: StepFactory) -> None:
    found: list[Step] = list(factory(topology()))

    assert [step.node for step in found] == ["E2K7SCCNode1", "E2K7SCCNode2"]


def test_the_steps_carry_the_ids_of_the_procedure() -> None:
    ids = {identifier for factory in steps.STEPS for identifier in on_node_1(factory).ids}

    assert ids == {f"S{n:03}" for n in range(10, 19)} | {"T11"}


def test_another_computer_name_is_changed_after_the_restart() -> None:
    plan = on_node_1(steps.name_computers).plan(
        names=ComputerNames("WIN2003-A", "WIN2003-A"), computer=WORKGROUP
    )

    assert essence(plan) == [("computer name", "WIN2003-A", "E2K7SCCNode1")]
    assert plan.changes[0].effect is Effect.AFTER_REBOOT
    assert plan.changes[0].by.command == WmiMethod(
        "Win32_ComputerSystem", "Rename", (("Name", "E2K7SCCNode1"),), key=("Name", "WIN2003-A")
    )


@pytest.mark.parametrize(
    ("running", "pending", "expected"),
    [
        ("E2K7SCCNODE1", "E2K7SCCNODE1", NoChange("named E2K7SCCNODE1")),
        ("WIN2003-A", "E2K7SCCNODE1", RebootPending("E2K7SCCNode1 after the next start")),
    ],
)
def test_a_right_or_pending_name_is_left_alone(running: str, pending: str, expected: Plan) -> None:
    plan = on_node_1(steps.name_computers).plan(
        names=ComputerNames(running, pending), computer=WORKGROUP
    )

    assert plan == expected


def test_a_domain_member_is_not_renamed() -> None:
    member = Computer("OTHER", True, "lab.local", DomainRole.MEMBER_SERVER, "x64-based PC")

    plan = on_node_1(steps.name_computers).plan(
        names=ComputerNames("OTHER", "OTHER"), computer=member
    )

    assert isinstance(plan, Blocked)
    assert plan.reason == "OTHER is a member of lab.local and must not be renamed here"


def test_connections_get_their_names() -> None:
    plan = on_node_1(steps.name_connections).plan(
        adapters=(
            adapter(connection="Local Area Connection"),
            private_adapter(connection="Local Area Connection 2"),
        )
    )

    assert [change.by.command for change in plan.changes] == [
        netsh.rename_connection("Local Area Connection", "Public").command,
        netsh.rename_connection("Local Area Connection 2", "Private").command,
    ]


def test_swapped_connection_names_never_collide() -> None:
    plan = on_node_1(steps.name_connections).plan(
        adapters=(adapter(connection="Private"), private_adapter(connection="Public"))
    )

    assert [(c.before, c.after) for c in plan.changes] == [
        ("Public", "Public (set aside)"),
        ("Private", "Public"),
        ("Public (set aside)", "Private"),
    ]


def test_a_name_that_a_third_adapter_has_is_refused() -> None:
    third = adapter(mac="00-03-FF-10-00-99", connection="public", guid="{C}")

    plan = on_node_1(steps.name_connections).plan(
        adapters=(adapter(connection="LAN"), private_adapter(), third)
    )

    assert isinstance(plan, Blocked)
    assert plan.reason == "the name public belongs to another adapter (00-03-FF-10-00-99)"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ((PUBLIC_GUID, PRIVATE_GUID, "NdisWanIp"), "Public, Private, Remote Access Connections"),
        ((PUBLIC_GUID, "{absent}", PRIVATE_GUID), "Public, Private"),
    ],
)
def test_a_right_order_is_left_alone(order: tuple[str, ...], expected: str) -> None:
    plan = on_node_1(steps.order_bindings).plan(
        public=adapter(), private=private_adapter(), linkage=tcpip(*order)
    )

    assert plan == NoChange(expected)


def test_the_order_is_rewritten_with_every_entry_kept() -> None:
    plan = on_node_1(steps.order_bindings).plan(
        public=adapter(),
        private=private_adapter(),
        linkage=tcpip("NdisWanIp", "{absent}", PRIVATE_GUID, PUBLIC_GUID),
    )

    assert essence(plan) == [
        (
            "binding order",
            "Remote Access Connections, Private, Public",
            "Public, Private, Remote Access Connections",
        )
    ]
    assert plan.changes[0].by == bindings.write_order(
        tcpip(PUBLIC_GUID, "{absent}", PRIVATE_GUID, "NdisWanIp")
    )


def test_file_sharing_is_unbound_by_a_person() -> None:
    plan = on_node_1(steps.unbind_file_sharing).plan(
        seen=private_adapter(), linkage=file_sharing(PUBLIC_GUID, PRIVATE_GUID)
    )

    assert essence(plan) == [("file and printer sharing on Private", "bound", "not bound")]
    act = plan.changes[0].by
    assert isinstance(act, ManualAct)
    assert (act.act, act.arguments) == (
        PersonsAct.UNBIND_FILE_SHARING,
        (("mac", "00-03-FF-10-00-21"),),
    )


def test_file_sharing_by_the_registry_moves_only_this_adapters_entries() -> None:
    wished = topology().model_copy(
        update={
            "networks": topology().networks.model_copy(update={"unbind_file_sharing": "registry"})
        }
    )
    step = next(iter(steps.unbind_file_sharing(wished)))

    plan = step.plan(seen=private_adapter(), linkage=file_sharing(PUBLIC_GUID, PRIVATE_GUID))

    assert isinstance(plan, Changes)
    (change,) = plan.changes
    assert change.effect is Effect.AFTER_REBOOT
    expected = bindings.write_bindings(
        file_sharing(PUBLIC_GUID, PRIVATE_GUID).unbound_from(PRIVATE_GUID)
    )
    assert change.by == expected
    assert isinstance(expected.command, Script)


def test_unbound_file_sharing_is_left_alone() -> None:
    plan = on_node_1(steps.unbind_file_sharing).plan(
        seen=private_adapter(), linkage=file_sharing(PUBLIC_GUID)
    )

    assert plan == NoChange("not bound")


def test_what_dhcp_lent_counts_as_different_even_when_it_is_equal() -> None:
    plan = on_node_1(steps.set_public_addresses).plan(seen=adapter(dhcp_enabled=True))

    assert essence(plan) == [
        ("address of Public", "192.168.1.11/255.255.255.0 by DHCP", "192.168.1.11/255.255.255.0"),
        ("gateway of Public", "192.168.1.1 by DHCP", "192.168.1.1"),
        ("DNS servers of Public", "192.168.1.10 by DHCP", "192.168.1.10"),
    ]
    assert [change.by.drops_session for change in plan.changes] == [False, False, False]


def test_a_moving_public_address_is_known_to_drop_the_session() -> None:
    plan = on_node_1(steps.set_public_addresses).plan(seen=adapter(addresses=("192.168.1.101",)))

    assert plan.changes[0].by == network.set_address(
        1, "192.168.1.11", "255.255.255.0", drops_session=True
    )


def test_a_second_address_counts_as_different() -> None:
    seen = adapter(
        addresses=("192.168.1.11", "192.168.1.99"), masks=("255.255.255.0", "255.255.255.0")
    )

    plan = on_node_1(steps.set_public_addresses).plan(seen=seen)

    assert [setting for setting, _, _ in essence(plan)] == ["address of Public"]


def test_private_loses_gateway_dns_and_wins() -> None:
    seen = private_adapter(
        connection="Local Area Connection 2",
        gateways=("10.10.10.254",),
        dns_servers=("192.168.1.10",),
        wins_servers=("192.168.1.10",),
    )

    plan = on_node_1(steps.set_private_addresses).plan(seen=seen)

    assert [change.by.command for change in plan.changes] == [
        Program(
            "netsh.exe",
            (
                "interface",
                "ip",
                "set",
                "address",
                "name=Local Area Connection 2",
                "source=static",
                "addr=10.10.10.1",
                "mask=255.255.255.0",
                "gateway=none",
            ),
        ),
        network.set_dns_servers(8, ()).command,
        netsh.clear_wins_servers("Local Area Connection 2").command,
    ]


@pytest.mark.parametrize(
    ("full", "suffix", "before"),
    [
        (True, False, "address yes, suffix no"),
        (False, True, "address no, suffix yes"),
        (True, True, "address yes, suffix yes"),
    ],
)
def test_each_registration_box_counts(full: bool, suffix: bool, before: str) -> None:
    seen = private_adapter(registers_in_dns=full, registers_domain_suffix=suffix)

    plan = on_node_1(steps.stop_dns_registration).plan(seen=seen)

    assert essence(plan) == [("DNS registration of Private", before, "address no, suffix no")]
    assert plan.changes[0].by == network.set_dns_registration(8, full=False, domain=False)


@pytest.mark.parametrize("dns_for_wins", [True, False])
def test_lmhosts_goes_off_and_its_neighbour_switch_stays(dns_for_wins: bool) -> None:
    plan = on_node_1(steps.turn_off_lmhosts).plan(
        switches=NameResolution(lmhosts=True, dns_for_wins=dns_for_wins)
    )

    assert plan.changes[0].by == network.set_lmhosts(enabled=False, dns_for_wins=dns_for_wins)


@pytest.mark.parametrize("netbios", [Netbios.DEFAULT, Netbios.ON])
def test_netbios_goes_off_from_either_state(netbios: Netbios) -> None:
    plan = on_node_1(steps.disable_netbios).plan(seen=private_adapter(netbios=netbios))

    assert essence(plan) == [("NetBIOS over TCP/IP on Private", str(netbios), "off")]
    assert plan.changes[0].by == network.set_netbios(8, Netbios.OFF)


RIGHT: dict[StepFactory, tuple[dict[str, Any], str]] = {
    steps.set_public_addresses: (
        {"seen": adapter()},
        "192.168.1.11/255.255.255.0, gateway 192.168.1.1, DNS 192.168.1.10",
    ),
    steps.set_private_addresses: (
        {"seen": private_adapter()},
        "10.10.10.1/255.255.255.0, no gateway, no DNS, no WINS",
    ),
    steps.stop_dns_registration: ({"seen": private_adapter()}, "does not register"),
    steps.turn_off_lmhosts: (
        {"switches": NameResolution(lmhosts=False, dns_for_wins=False)},
        "off for the whole machine",
    ),
    steps.disable_netbios: ({"seen": private_adapter()}, "already off"),
    steps.confirm_settings: (
        {"public": adapter(), "private": private_adapter()},
        "192.168.1.11 and 10.10.10.1 in use",
    ),
}


@pytest.mark.parametrize("factory", RIGHT)
def test_a_met_wish_is_left_alone(factory: StepFactory) -> None:
    seen, reason = RIGHT[factory]

    assert on_node_1(factory).plan(**seen) == NoChange(reason)


ONE_ADAPTER = (
    steps.set_public_addresses,
    steps.set_private_addresses,
    steps.stop_dns_registration,
    steps.disable_netbios,
)


@pytest.mark.parametrize("factory", ONE_ADAPTER)
def test_a_mac_that_no_adapter_has_is_named(factory: StepFactory) -> None:
    plan = on_node_1(factory).plan(seen=None)

    assert isinstance(plan, Blocked)
    assert plan.reason.startswith("no adapter has the MAC address 00-03-FF-10-00-")


@pytest.mark.parametrize("factory", ONE_ADAPTER)
def test_an_adapter_without_link_is_not_touched(factory: StepFactory) -> None:
    dark = adapter(ip_enabled=False, status=ConnectionStatus.MEDIA_DISCONNECTED)

    plan = on_node_1(factory).plan(seen=dark)

    assert isinstance(plan, Blocked)
    assert plan.reason.endswith("has no link: media disconnected")


def test_an_address_conflict_is_told() -> None:
    plan = on_node_1(steps.confirm_settings).plan(
        public=adapter(addresses=("0.0.0.0",)), private=private_adapter()
    )

    assert isinstance(plan, Blocked)
    assert plan.reason == "Public lost its address: another machine uses it (0.0.0.0)"


def test_before_the_changes_the_confirmation_waits_for_its_own_phase() -> None:
    plan = on_node_1(steps.confirm_settings).plan(
        public=adapter(addresses=("192.168.1.101",)), private=private_adapter()
    )

    assert plan == steps.AfterTheChanges("10_configure_networks")


CLUSTER, MAILBOX = "192.168.1.20", "192.168.1.30"
"""Addresses that the cluster service brings online on the node that owns the group."""


def owner(**changes: Any) -> network.Adapter:
    addresses = ("192.168.1.11", CLUSTER, MAILBOX)
    return adapter(**{"addresses": addresses, "masks": ("255.255.255.0",) * 3, **changes})


def test_addresses_that_the_cluster_brought_online_are_not_a_difference() -> None:
    plan = on_node_1(steps.set_public_addresses).plan(seen=owner())
    confirmed = on_node_1(steps.confirm_settings).plan(public=owner(), private=private_adapter())

    assert isinstance(plan, NoChange)
    assert isinstance(confirmed, NoChange)


def test_an_address_is_not_changed_under_those_of_the_cluster() -> None:
    seen = owner(addresses=("192.168.1.99", CLUSTER, MAILBOX))

    plan = on_node_1(steps.set_public_addresses).plan(seen=seen)

    assert plan == Blocked(
        "Public holds 192.168.1.20, 192.168.1.30 of the cluster; to change its address would "
        "take them away",
        "move the cluster's groups to the other node, then plan again",
    )


def test_another_second_address_is_still_a_difference() -> None:
    seen = adapter(addresses=("192.168.1.11", "192.168.1.77"), masks=("255.255.255.0",) * 2)

    assert essence(on_node_1(steps.set_public_addresses).plan(seen=seen)) == [
        (
            "address of Public",
            "192.168.1.11/255.255.255.0, 192.168.1.77/255.255.255.0",
            "192.168.1.11/255.255.255.0",
        )
    ]


def test_the_adapter_of_a_team_is_named_and_not_its_member() -> None:
    team = adapter(index=1, connection="Team")
    member = adapter(index=9, connection="Local Area Connection 3", ip_enabled=False)

    plan = on_node_1(steps.name_connections).plan(adapters=(team, private_adapter(), member))

    assert essence(plan) == [("connection name of 00-03-FF-10-00-11", "Team", "Public")]


def test_a_member_of_a_team_may_not_keep_the_wished_name() -> None:
    team = adapter(index=1, connection="Team")
    member = adapter(index=9, connection="Public", ip_enabled=False)

    plan = on_node_1(steps.name_connections).plan(adapters=(team, private_adapter(), member))

    assert isinstance(plan, Blocked)
    assert plan.reason.startswith("the name Public belongs to another adapter")
