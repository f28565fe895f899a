"""Going down and coming up: what lives through it, what changes by it, how it can go wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runbook_lib.lab.answers import Invocation
from runbook_lib.lab.world.acts import ActError
from runbook_lib.lab.world.power import NodeIsDownError
from tests.lab_world import NODE_1, NODE_2, PRIVATE_1, Site, script_text

COMPUTER_NAME = r"SYSTEM\CurrentControlSet\Control\ComputerName"


def _booted_at(site: Site) -> str:
    [system] = site.rows("Win32_OperatingSystem")
    return str(system["LastBootUpTime"])


def _names(site: Site) -> list[str]:
    keys = ("ActiveComputerName", "ComputerName")
    return [site.key(rf"{COMPUTER_NAME}\{key}")["ComputerName"] for key in keys]


def _rename(site: Site, name: str) -> object:
    [answer] = site.run(
        "call_wmi_method",
        Identity=site.identity(),
        Namespace=r"root\cimv2",
        Class="Win32_ComputerSystem",
        KeyProperty="Name",
        KeyValue="WIN2003-A",
        Method="Rename",
        Arguments={"Name": name, "Password": None, "UserName": None},
    )
    return answer["Code"]


def test_a_new_name_is_taken_up_at_the_next_start() -> None:
    site = Site()

    assert _rename(site, "E2K7SCCNode1") == 0
    assert _names(site) == ["WIN2003-A", "E2K7SCCNODE1"]

    site.restart()
    assert _names(site) == ["E2K7SCCNODE1", "E2K7SCCNODE1"]
    [computer] = site.rows("Win32_ComputerSystem")
    assert computer["Name"] == "E2K7SCCNODE1"
    parameters = site.key(r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters")
    assert (parameters["Hostname"], parameters["NV Hostname"]) == ("E2K7SCCNode1", "E2K7SCCNode1")


@pytest.mark.parametrize("name", ["", "has space", "under_score", "12345", "-begins", "a" * 16])
def test_a_bad_name_is_refused_with_87(name: str) -> None:
    site = Site()

    assert _rename(site, name) == 87
    assert site.effects() == []


def test_a_restart_is_silence_then_a_later_boot_time() -> None:
    site = Site()
    before = _booted_at(site)
    told: list[tuple[str, bool]] = []
    site.world.on_power_change(lambda node, is_on: told.append((node, is_on)))

    assert site.program("shutdown.exe", "/r", "/t", "5", "/f", "/c", "x", "/d", "p:2:4") == (0, [])
    polls = 0
    while True:
        polls += 1
        try:
            after = _booted_at(site)
        except NodeIsDownError:
            continue
        break

    assert polls == 4
    assert after > before
    assert told == [(NODE_1, False), (NODE_1, True)]
    assert site.effects() == [
        ("wire", "shutdown asked for", None, "restart"),
        ("time", "power", "on", "starting"),
        ("time", "power", "starting", "on"),
    ]


def test_every_restart_has_a_boot_time_of_its_own() -> None:
    site = Site()
    times = [_booted_at(site)]

    for _ in range(3):
        site.restart()
        times.append(_booted_at(site))

    assert sorted(set(times)) == times


def test_a_boot_time_is_later_even_where_the_clock_was_set_back() -> None:
    site = Site()
    before = _booted_at(site)

    site.clock.wall -= timedelta(days=1)
    site.restart()

    assert _booted_at(site) > before


def test_a_start_type_counts_from_the_next_start() -> None:
    site = Site()
    services = r"HKLM:\SYSTEM\CurrentControlSet\Services"
    site.ask("Set-ItemProperty", Path=rf"{services}\Spooler", Name="Start", Value=4)
    site.ask("Set-ItemProperty", Path=rf"{services}\AppMgmt", Name="Start", Value=2)

    def seen() -> list[tuple[str, str]]:
        rows = {row["Name"]: row for row in site.rows("Win32_Service")}
        return [(rows[name]["StartMode"], rows[name]["State"]) for name in ("Spooler", "AppMgmt")]

    assert seen() == [("Disabled", "Running"), ("Auto", "Stopped")]
    site.restart()
    assert seen() == [("Disabled", "Stopped"), ("Auto", "Running")]


def test_a_loss_of_power_overtakes_a_shutdown_that_was_asked_for() -> None:
    site = Site()
    site.program("shutdown.exe", "/r", "/t", "60")

    site.world.act("power-loss", {"node": NODE_1})
    site.world.act("power-on", {"node": NODE_1})
    site.pass_time(1000)

    node = site.world.state()["nodes"][NODE_1]
    assert (node["power"], node["boots"], node["going_down"]) == ("on", 2, None)


def test_a_restart_is_written_into_the_event_log() -> None:
    site = Site()

    site.program("shutdown.exe", "/r", "/t", "5", "/c", "joins", "/d", "p:2:4")
    site.pass_time()

    events = [(row["SourceName"], row["EventCode"]) for row in site.rows("Win32_NTLogEvent")]
    assert events == [
        ("EventLog", 6005),
        ("EventLog", 6009),
        ("EventLog", 6006),
        ("USER32", 1074),
        ("EventLog", 6005),
        ("EventLog", 6009),
    ]
    [asked] = (row for row in site.rows("Win32_NTLogEvent") if row["EventCode"] == 1074)
    assert "restart of computer WIN2003-A" in asked["Message"]
    assert "Comment: joins" in asked["Message"]


def test_losing_power_is_told_by_the_next_start() -> None:
    site = Site()

    site.world.act("power-loss", {"node": NODE_1})
    assert not site.world.is_listening(NODE_1)
    site.world.act("power-on", {"node": NODE_1})
    site.pass_time()

    events = [row["EventCode"] for row in site.rows("Win32_NTLogEvent")]
    assert events[:3] == [6005, 6009, 6008]


def test_a_node_that_was_switched_off_stays_off_until_somebody_switches_it_on() -> None:
    site = Site()

    site.world.act("power-off", {"node": NODE_2})
    site.pass_time(10_000)
    assert site.world.state()["nodes"][NODE_2]["power"] == "off"
    with pytest.raises(NodeIsDownError):
        site.rows("Win32_ComputerSystem", NODE_2)
    with pytest.raises(ActError, match="nobody can work there"):
        site.world.act("restart", {"node": NODE_2})

    site.world.act("power-on", {"node": NODE_2})
    site.pass_time()
    assert site.rows("Win32_ComputerSystem", NODE_2)[0]["Name"] == "WIN2003-B"


def test_shutting_down_over_the_wire_leaves_the_node_off() -> None:
    site = Site()

    assert site.program("shutdown.exe", "/s", "/t", "0") == (0, [])
    site.pass_time(1000)

    assert site.world.state()["nodes"][NODE_1]["power"] == "off"


@pytest.mark.parametrize(
    ("flags", "power"), [(6, "on"), (2, "on"), (5, "off"), (1, "off"), (12, "off"), (0, "on")]
)
def test_win32shutdown_knows_its_flags(flags: int, power: str) -> None:
    site = Site()

    [answer] = site.run(
        "call_wmi_method",
        Identity=site.identity(),
        Namespace=r"root\cimv2",
        Class="Win32_OperatingSystem",
        KeyProperty="CSName",
        KeyValue="win2003-a",
        Method="Win32Shutdown",
        Arguments={"Flags": flags},
    )
    site.pass_time()

    assert answer["Code"] == 0
    node = site.world.state()["nodes"][NODE_1]
    assert (node["power"], node["boots"]) == (power, 2 if flags & 2 else 1)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("/a",), 1116, "(1116)"),
        (("/r", "/t", "601"), 1, "Usage:"),
        (("/r", "/t"), 1, "Usage:"),
        (("/f",), 1, "Usage:"),
        (("now",), 1, "Usage:"),
        (("/r", "/d", "planned"), 1, "Usage:"),
        (("/r", "/m", r"\\WIN2003-B"), 5, "Access is denied.(5)"),
    ],
)
def test_shutdown_refuses_in_the_words_of_windows(
    words: tuple[str, ...], code: int, text: str
) -> None:
    site = Site()

    exit_code, output = site.program("shutdown.exe", *words)

    assert exit_code == code
    assert text in output[0]
    assert site.effects() == []


def test_a_second_shutdown_is_refused_and_the_first_can_be_taken_back() -> None:
    site = Site()
    site.program("shutdown.exe", "/r", "/t", "600")

    assert site.program("shutdown.exe", "/r") == (1115, ["A system shutdown is in progress.(1115)"])
    assert site.program("shutdown.exe", "-a") == (0, [])
    site.pass_time(1000)
    assert site.world.state()["nodes"][NODE_1]["boots"] == 1


def test_binding_lists_count_from_the_next_start() -> None:
    site = Site()
    linkage = r"HKLM:\SYSTEM\CurrentControlSet\Services\LanmanServer\Linkage"
    guid = site.adapter(PRIVATE_1)["SettingID"]
    kept = [entry for entry in site.key(linkage[6:])["Bind"] if guid not in entry]

    [answer] = site.run(
        "write_registry_lists",
        Identity=site.identity(),
        Lists=[{"Path": linkage, "Name": "Bind", "Values": kept}],
    )
    assert (answer["Outcome"], answer["Code"]) == ("answered", 0)
    assert any(guid in line for line in site.program("net.exe", "config", "server")[1])

    site.restart()
    assert not any(guid in line for line in site.program("net.exe", "config", "server")[1])


def test_the_dialog_unbinds_at_once_and_keeps_the_entry_as_disabled() -> None:
    site = Site()
    linkage = r"SYSTEM\CurrentControlSet\Services\LanmanServer\Linkage"
    guid = site.adapter(PRIVATE_1)["SettingID"]

    site.world.act("unbind-file-sharing", {"node": NODE_1, "mac": PRIVATE_1})

    assert not any(guid in entry for entry in site.key(linkage)["Bind"])
    assert site.key(rf"{linkage}\Disabled")["Bind"] == [rf"\Device\NetBT_Tcpip_{guid}"]
    assert not any(guid in line for line in site.program("net.exe", "config", "server")[1])
    assert site.effects() == [("person", f"file sharing on {PRIVATE_1}", True, False)]

    site.world.act("bind-file-sharing", {"node": NODE_1, "mac": PRIVATE_1})
    assert any(guid in entry for entry in site.key(linkage)["Bind"])


def test_what_waits_for_a_restart_is_gone_after_it() -> None:
    site = Site()
    manager = r"HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager"
    update = r"HKLM:\SOFTWARE\Microsoft\Updates\UpdateExeVolatile"
    renames = ["\\??\\C:\\a.tmp", ""]
    site.ask("Set-ItemProperty", Path=manager, Name="PendingFileRenameOperations", Value=renames)
    site.ask("New-Item", Path=update)
    site.ask("Set-ItemProperty", Path=update, Name="Flags", Value=1)
    assert site.key(manager[6:])["PendingFileRenameOperations"] == renames

    site.restart()

    assert "PendingFileRenameOperations" not in site.key(manager[6:])
    assert site.ask("Test-Path", Path=update).output == (False,)


def test_nothing_is_answered_after_the_warning_time() -> None:
    site = Site()
    invocation = Invocation(script_text("read_many"), True, {"Reads": []})

    site.program("shutdown.exe", "/r", "/t", "0")
    site.pass_time(6)

    with pytest.raises(NodeIsDownError):
        site.world.answer(NODE_1, "Administrator", invocation)
    assert site.world.is_listening(NODE_2)
