"""The world as a whole: it outlives its process, counts every effect, and lets faults happen."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.lab.answers import Invocation, Reply
from runbook_lib.lab.faults import FaultError
from runbook_lib.lab.world.accounts import UnknownPasswordError
from runbook_lib.lab.world.acts import ActError
from runbook_lib.lab.world.clock import PolledClock, RunningClock
from runbook_lib.lab.world.power import NodeIsDownError
from runbook_lib.lab.world.state_file import StateFolderError
from runbook_lib.lab.world.world import World
from tests.lab_world import NODE_1, NODE_2, NOON, PRIVATE_1, PUBLIC_1, Site, script_text

NETBIOS_OFF = {"TcpipNetbiosOptions": 2}


def test_a_world_goes_on_from_its_state_folder(tmp_path: Path) -> None:
    first = Site(tmp_path, seed=7)
    first.call("SetTcpipNetbios", NETBIOS_OFF)
    first.program(
        "netsh.exe", "interface", "set", "interface", "Local Area Connection", "newname=Public"
    )
    first.world.act("power-off", {"node": NODE_2})

    second = Site(tmp_path, scenario="before:10", seed=1)

    assert second.world.state() == first.world.state()
    assert second.world.ledger() == first.world.ledger()
    assert second.world.command_lines() == first.world.command_lines()
    assert (second.world.scenario, second.world.seed) == ("factory", 7)
    assert second.rows("Win32_OperatingSystem") == first.rows("Win32_OperatingSystem")
    second.call("SetTcpipNetbios", NETBIOS_OFF)
    assert [each["seq"] for each in second.world.ledger()] == [0, 1, 2, 3]


def test_a_restart_that_was_under_way_is_finished_by_the_next_process(tmp_path: Path) -> None:
    first = Site(tmp_path)
    first.program("shutdown.exe", "/r", "/t", "0")
    first.pass_time(6)
    assert first.world.state()["nodes"][NODE_1]["power"] == "starting"

    second = Site(tmp_path)
    assert not second.world.is_listening(NODE_1)
    second.pass_time(30)
    assert second.world.is_listening(NODE_1)
    assert second.world.state()["nodes"][NODE_1]["boots"] == 2


def test_every_effect_is_on_disk_before_its_reply(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.call("SetTcpipNetbios", NETBIOS_OFF)

    saved = json.loads((tmp_path / "world.json").read_text())

    assert saved["ledger"]["effects"] == site.world.ledger()
    assert {file.name for file in tmp_path.iterdir()} == {"world.json"}


def test_a_read_writes_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path)
    before = (tmp_path / "world.json").stat().st_mtime_ns

    site.rows("Win32_Service")
    site.key(r"SOFTWARE\Microsoft\COM3")

    assert (tmp_path / "world.json").stat().st_mtime_ns == before
    assert site.world.ledger() == []


def test_no_password_is_saved_and_each_process_has_its_own(tmp_path: Path) -> None:
    first = Site(tmp_path)
    names = first.world.password_names
    first.call("SetTcpipNetbios", NETBIOS_OFF)
    second = Site(tmp_path)

    assert names == ("local-administrator", "installer", "cluster-service")
    passwords = [site.world.password(name) for site in (first, second) for name in names]
    assert len(set(passwords)) == 6
    saved = (tmp_path / "world.json").read_text()
    assert not any(password in saved for password in passwords)


def test_both_nodes_take_the_same_local_administrator_and_nobody_of_the_domain() -> None:
    world = Site().world
    password = world.password("local-administrator")

    assert world.accounts(NODE_1) == {
        "Administrator": password,
        "WIN2003-A\\Administrator": password,
    }
    assert set(world.accounts(NODE_2)) == {"Administrator", "WIN2003-B\\Administrator"}
    with pytest.raises(UnknownPasswordError):
        world.password("root")


@pytest.mark.parametrize("text", ["", "{", '{"version": 99}'])
def test_a_folder_with_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "world.json").write_text(text)

    with pytest.raises(StateFolderError):
        Site(tmp_path)


@pytest.mark.parametrize(
    ("act", "arguments", "message"),
    [
        ("fly", {"node": NODE_1}, "there is no act 'fly'"),
        ("plug", {}, "the act needs node"),
        ("plug", {"node": "DC1", "mac": PUBLIC_1}, "the act needs node"),
        ("plug", {"node": NODE_1}, "the act needs mac, a text"),
        ("plug", {"node": NODE_1, "mac": "00-00-00-00-00-00"}, "no connection with the MAC"),
        ("plug", {"node": NODE_1, "mac": "50-50-54-50-30-30"}, "no connection with the MAC"),
        ("set-netbios", {"node": NODE_1, "mac": PUBLIC_1, "value": "off"}, "value, a number"),
        ("rename-computer", {"node": NODE_1, "name": "a b"}, "with error 87"),
    ],
)
def test_an_act_that_cannot_be_done_says_why(
    act: str, arguments: Mapping[str, object], message: str
) -> None:
    site = Site()

    with pytest.raises(ActError, match=message):
        site.world.act(act, arguments)
    assert site.world.ledger() == []


@pytest.mark.parametrize(
    ("act", "arguments", "what", "before", "after"),
    [
        ("unplug", {}, f"cable of {PRIVATE_1}", True, False),
        ("plug", {}, f"cable of {PRIVATE_1}", True, True),
        (
            "rename-connection",
            {"name": "X"},
            f"connection name of {PRIVATE_1}",
            "Local Area Connection 2",
            "X",
        ),
        ("set-netbios", {"value": 1}, f"NetBIOS on {PRIVATE_1}", 0, 1),
        (
            "set-dns-registration",
            {"value": False},
            f"DNS registration of {PRIVATE_1}",
            [True, False],
            [False, False],
        ),
        ("set-lmhosts", {"value": False}, "LMHOSTS lookup", True, False),
        (
            "rename-computer",
            {"name": "Other"},
            "computer name after the next start",
            "win2003-a",
            "Other",
        ),
        ("power-on", {}, "power", "on", "on"),
    ],
)
def test_an_act_is_one_effect_of_a_person(
    act: str, arguments: Mapping[str, object], what: str, before: object, after: object
) -> None:
    site = Site()

    done = site.world.act(act, {"node": NODE_1, "mac": PRIVATE_1, **arguments})

    effect = {"seq": 0, "node": NODE_1, "cause": "person", "what": what}
    assert done == {"effects": [effect | {"before": before, "after": after}]}
    assert site.world.ledger() == done["effects"]


def test_a_program_start_is_kept_as_one_quoted_line() -> None:
    site = Site()

    site.program(
        "netsh.exe", "interface", "set", "interface", "name=Local Area Connection", "newname=A"
    )

    assert site.world.command_lines() == [
        {
            "node": NODE_1,
            "line": 'netsh.exe interface set interface "name=Local Area Connection" newname=A',
        }
    ]


def test_a_fault_gives_a_method_another_code_and_no_effect() -> None:
    site = Site()
    site.world.arm_fault({"match": "SetTcpipNetbios", "nth": 2, "do": "return:91"})

    codes = [site.call("SetTcpipNetbios", NETBIOS_OFF)["Code"] for _ in range(3)]

    assert codes == [0, 91, 0]
    assert len(site.world.ledger()) == 2


def test_a_fault_gives_a_program_another_exit_code_before_or_after_its_effect() -> None:
    rename = ("netsh.exe", "interface", "set", "interface", "Local Area Connection", "newname=A")
    for when, effects in (("before", 0), ("after_effect", 1)):
        site = Site()
        site.world.arm_fault({"node": NODE_1, "match": "netsh", "when": when, "do": "exit:1"})

        assert site.program(*rename)[0] == 1
        assert len(site.world.ledger()) == effects


@pytest.mark.parametrize(("deed", "power"), [("reboot", "starting"), ("power_loss", "off")])
@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after_effect", 1)])
def test_a_node_can_go_down_around_an_effect(
    deed: str, power: str, when: str, effects: int
) -> None:
    site = Site()
    site.world.arm_fault({"match": "SetTcpipNetbios", "when": when, "do": deed})

    with pytest.raises(NodeIsDownError):
        site.call("SetTcpipNetbios", NETBIOS_OFF)

    assert site.world.state()["nodes"][NODE_1]["power"] == power
    made = [each for each in site.world.ledger() if each["cause"] == "wire"]
    assert len(made) == effects
    site.pass_time()
    assert site.world.is_listening(NODE_1) is (deed == "reboot")


def test_a_node_may_ignore_a_restart_once() -> None:
    site = Site()
    site.world.arm_fault({"match": "shutdown", "do": "no_reboot"})

    for boots in (1, 2):
        assert site.program("shutdown.exe", "/r", "/t", "0") == (0, [])
        site.pass_time()
        assert site.world.state()["nodes"][NODE_1]["boots"] == boots


def test_a_node_may_never_come_back_until_somebody_switches_it_on() -> None:
    site = Site()
    site.world.arm_fault({"match": "shutdown", "do": "no_return"})

    site.program("shutdown.exe", "/r", "/t", "0")
    site.pass_time(100_000)
    assert not site.world.is_listening(NODE_1)

    site.world.clear_faults()
    site.world.act("power-on", {"node": NODE_1})
    site.pass_time()
    assert site.world.is_listening(NODE_1)


def test_another_machine_may_answer_under_the_name_and_changes_nothing() -> None:
    site = Site()
    identity = site.identity()
    site.world.arm_fault({"match": "SetTcpipNetbios", "do": "swap_identity"})
    arguments = {
        "Identity": identity,
        "Namespace": r"root\cimv2",
        "Class": "Win32_NetworkAdapterConfiguration",
        "KeyProperty": "Index",
        "KeyValue": 8,
        "Method": "SetTcpipNetbios",
        "Arguments": NETBIOS_OFF,
    }

    [answer] = site.run("call_wmi_method", NODE_1, **arguments)

    assert (answer["Outcome"], answer["Code"]) == ("wrong node", None)
    assert answer["MachineGuid"] == site.identity()["MachineGuid"] != identity["MachineGuid"]
    assert site.world.ledger() == []
    site.world.clear_faults()
    assert site.run("call_wmi_method", NODE_1, **arguments)[0]["Outcome"] == "answered"


def test_a_clock_may_go_wrong() -> None:
    site = Site()
    site.world.arm_fault({"node": NODE_1, "do": "skew:301"})

    names = ("Hour", "Minute", "Second")
    times = [
        tuple(site.rows("Win32_UTCTime", node)[0][name] for name in names)
        for node in (NODE_1, NODE_2)
    ]
    assert times == [(12, 5, 1), (12, 0, 0)]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({}, "do: '' is none of"),
        ({"do": "burn"}, "do: 'burn' is none of"),
        ({"do": "exit"}, "exit needs a number"),
        ({"do": "exit:one"}, "exit needs a number"),
        ({"do": "exit:1", "nth": 0}, "nth: 0 is no number from 1 on"),
        ({"do": "exit:1", "when": "later"}, "when: 'later'"),
        ({"do": "exit:1", "where": "x"}, "a fault has no where"),
        ({"do": "exit:1", "node": "DC1"}, "node: 'DC1' is none of"),
        ({"do": "reset"}, "reset happens on the wire"),
    ],
)
def test_a_fault_that_nobody_can_do_is_refused(fault: Mapping[str, object], message: str) -> None:
    with pytest.raises(FaultError, match=message):
        Site().world.arm_fault(fault)


def test_a_reset_begins_again_and_tells_the_wire() -> None:
    site = Site()
    fresh = site.world.state()
    password = site.world.password("installer")
    site.call("SetTcpipNetbios", NETBIOS_OFF)
    site.world.act("power-off", {"node": NODE_2})
    told: list[tuple[str, bool]] = []
    site.world.on_power_change(lambda node, is_on: told.append((node, is_on)))

    site.world.reset("factory")

    assert site.world.state() == fresh
    assert (site.world.ledger(), told) == ([], [(NODE_2, True)])
    assert site.world.password("installer") == password


def test_by_itself_time_passes_and_a_restart_ends() -> None:
    world = World.create(clock=RunningClock(pace=10_000))
    up = threading.Event()
    told: list[bool] = []

    def hear(_node: str, is_on: bool) -> None:
        told.append(is_on)
        if is_on:
            up.set()

    world.on_power_change(hear)
    world.act("restart", {"node": NODE_1})

    assert up.wait(10)
    assert told == [False, True]
    world.close()


def test_many_threads_make_one_account() -> None:
    site = Site()

    def toggle() -> None:
        for _ in range(5):
            site.call("SetTcpipNetbios", NETBIOS_OFF)

    threads = [threading.Thread(target=toggle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [effect["seq"] for effect in site.world.ledger()] == list(range(20))


def test_the_same_story_leaves_the_same_state_and_ledger() -> None:
    def story(begins: datetime) -> tuple[object, object]:
        site = Site(clock=PolledClock(begins))
        site.call("SetTcpipNetbios", NETBIOS_OFF)
        site.world.act("power-loss", {"node": NODE_2})
        site.world.act("power-on", {"node": NODE_2})
        site.restart()
        site.pass_time()
        return site.world.state(), site.world.ledger()

    assert story(NOON) == story(datetime(2026, 1, 1, tzinfo=UTC))


def test_an_unknown_node_is_nobody() -> None:
    with pytest.raises(KeyError):
        Site().world.answer("DC1", "Administrator", Invocation("Get-Service", False))


def test_the_label_that_faults_match_names_script_and_content() -> None:
    from runbook_lib.lab.handlers.dispatch import label_of

    reads = [
        {"Command": "Get-WmiObject", "Parameters": {"Class": "Win32_Service"}, "Properties": []},
        {"Program": "net.exe", "Arguments": ["config", "server"]},
    ]
    labels = [
        label_of(Invocation(script_text("read_many"), True, {"Reads": reads})),
        label_of(Invocation(script_text("call_cmdlet"), True, {"Name": "Get-Service"})),
        label_of(Invocation("Get-Service", False)),
        label_of(Invocation("whoami", True)),
    ]

    assert labels == [
        "read_many Get-WmiObject Win32_Service; net.exe config server",
        "call_cmdlet Get-Service",
        "Get-Service",
        "unknown script",
    ]
    assert Site().ask("Get-Service", Name="ClusSvc") != Reply()
