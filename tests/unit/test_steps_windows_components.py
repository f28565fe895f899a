"""Phase 60 tells what is met and why, installs what is missing, and refuses each wrong state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.commands import components
from runbook_lib.commands.command import Answer, Cmdlet, Script
from runbook_lib.commands.components import (
    ComponentFiles,
    DotNet,
    InstallationFiles,
    Offload,
    OptionalComponents,
)
from runbook_lib.commands.powershell_text import render
from runbook_lib.commands.system import PendingReboot, Service
from runbook_lib.commands.windows_inventory import Inventory
from runbook_lib.steps import install_windows_components as steps
from runbook_lib.steps.step import (
    SILENT,
    Blocked,
    Changes,
    Deferred,
    Effect,
    NoChange,
    Plan,
    StepFactory,
)
from tests.builders import topology

NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"
FILES = ComponentFiles(
    mmc=(5, 2, 3790, 3959),
    runtime_64=True,
    runtime_32=True,
    source=InstallationFiles("C:\\", found=True),
    service_pack_source=InstallationFiles(r"C:\WINDOWS\ServicePackFiles", found=True),
    manager_runs=False,
)
WANTED = components.WANTED_COMPONENTS
NONE = OptionalComponents((), network_com_access=False)
ALL = OptionalComponents(WANTED, network_com_access=True)
W3SVC = tuple(Service(name, "Running", "Auto") for name in ("IISADMIN", "W3SVC"))
OWN = Inventory(
    {"service pack": "2", ".NET 2.0": "SP2", "Windows components": "iis_www"}, (), frozenset()
)


def plan(factory: StepFactory, **seen: Any) -> Plan:
    return next(iter(factory(topology()))).plan(**seen)


def reason(found: Plan) -> str:
    assert isinstance(found, Blocked)
    return found.reason


def test_what_remote_management_is_built_on_is_met_with_its_reason() -> None:
    dotnet = DotNet(installed=True, service_pack=2)

    found = [
        plan(steps.check_dotnet, dotnet=dotnet, files=FILES, width=64),
        plan(steps.check_management_console, files=FILES),
        plan(steps.check_powershell, version="2.0"),
        plan(steps.check_no_mail_services, services=W3SVC, installed=ALL),
        plan(steps.check_nothing_waits, pending=PendingReboot((), False, False, False)),
    ]

    assert found == [
        NoChange("2.0 SP2, 64-bit; remote management needs it too"),
        NoChange("mmc.exe 5.2.3790.3959"),
        NoChange("Windows PowerShell 2.0; this very session runs on it"),
        NoChange("neither is installed"),
        NoChange("nothing waits for a restart"),
    ]


@pytest.mark.parametrize(
    ("installed", "service_pack", "width", "says", "package"),
    [
        (False, 0, 64, ".NET Framework 2.0 is not installed", "NetFx20SP2_x64.exe"),
        (False, 0, 32, ".NET Framework 2.0 is not installed", "NetFx20SP2_x86.exe"),
        (True, 0, 64, ".NET Framework 2.0 has no service pack, Exchange needs 1", "x64"),
    ],
)
def test_the_package_of_the_framework_follows_the_architecture(
    installed: bool, service_pack: int, width: int, says: str, package: str
) -> None:
    found = plan(
        steps.check_dotnet, dotnet=DotNet(installed, service_pack), files=FILES, width=width
    )

    assert isinstance(found, Blocked)
    assert found.reason == says
    assert package in found.next_step


def test_the_32_bit_framework_alone_does_not_do_on_x64() -> None:
    files = replace(FILES, runtime_64=False)

    found = plan(steps.check_dotnet, dotnet=DotNet(True, 2), files=files, width=64)

    assert reason(found) == ".NET Framework 2.0 is registered, its 64-bit runtime is not there"


@pytest.mark.parametrize(
    ("mmc", "says"),
    [
        ((5, 2, 3790, 1830), "mmc.exe is 5.2.3790.1830, Management Console 3.0 has "),
        ((), "there is no mmc.exe, Management Console 3.0 has "),
    ],
)
def test_an_old_console_is_refused_whatever_the_label_of_the_system(
    mmc: tuple[int, ...], says: str
) -> None:
    found = plan(steps.check_management_console, files=replace(FILES, mmc=mmc))

    assert reason(found) == f"{says}5.2.3790.2560 or later"


@pytest.mark.parametrize(
    ("services", "installed", "says"),
    [
        ("SMTPSVC NNTPSVC", (), "SMTP and NNTP"),
        ("NntpSvc", (), "NNTP"),
        ("", ("iis_smtp",), "SMTP"),
    ],
)
def test_mail_and_news_services_are_one_clear_refusal(
    services: str, installed: tuple[str, ...], says: str
) -> None:
    found = plan(
        steps.check_no_mail_services,
        services=tuple(Service(name, "Stopped", "Manual") for name in services.split()),
        installed=OptionalComponents(installed, network_com_access=False),
    )

    assert reason(found) == f"{says} installed, and Exchange Setup refuses such a node"


def test_what_is_missing_is_installed_in_one_go_and_mail_stays_away() -> None:
    found = plan(steps.install_components, installed=NONE, services=(), files=FILES)

    assert isinstance(found, Changes)
    [change] = found.changes
    assert (change.before, change.after) == ("none of them", ", ".join(WANTED))
    assert not isinstance(change.by, str)
    command = change.by.command  # type: ignore[union-attr]
    assert isinstance(command, Script)
    assert render(command).splitlines() == [
        (
            r"Set-Content -Path 'C:\runbook\components.txt' -Value @('[Components]', "
            "'complusnetwork = on', 'iis_common = on', 'iis_inetmgr = on', 'iis_www = on', "
            "'iis_smtp = off', 'iis_nntp = off')"
        ),
        r"sysocmgr.exe '/i:C:\WINDOWS\inf\sysoc.inf' '/u:C:\runbook\components.txt' /q /r",
    ]
    assert change.by.deadline_s > dict(command.parameters)["Seconds"]  # type: ignore[union-attr, operator]


def test_after_half_of_it_the_same_wish_is_left() -> None:
    half = OptionalComponents(("iis_common",), network_com_access=False)

    found = plan(steps.install_components, installed=half, services=W3SVC[:1], files=FILES)

    assert isinstance(found, Changes)
    assert [(c.before, c.after) for c in found.changes] == [("iis_common", ", ".join(WANTED))]


def test_files_that_windows_would_ask_for_are_asked_for_before() -> None:
    gone = replace(
        FILES,
        source=InstallationFiles("D:\\", found=False),
        service_pack_source=InstallationFiles("", found=False),
    )

    found = plan(steps.install_components, installed=NONE, services=(), files=gone)
    met = plan(steps.install_components, installed=ALL, services=W3SVC, files=gone)

    assert reason(found) == "Windows would look for its files in vain: D:\\, nowhere"
    assert met == NoChange(", ".join(WANTED))


def test_a_component_manager_at_work_is_not_disturbed() -> None:
    busy = replace(FILES, manager_runs=True)

    found = plan(steps.install_components, installed=NONE, services=(), files=busy)

    assert "sysocmgr.exe runs" in reason(found)


@pytest.mark.parametrize(
    ("installed", "services", "says"),
    [
        (ALL, W3SVC[:1], "installed, but service W3SVC of iis_www is missing"),
        (
            OptionalComponents(WANTED, network_com_access=False),
            W3SVC,
            "installed, but network COM+ access is switched off (COM3, RemoteAccessEnabled)",
        ),
    ],
)
def test_a_component_that_is_only_listed_is_refused(
    installed: OptionalComponents, services: tuple[Service, ...], says: str
) -> None:
    found = plan(steps.install_components, installed=installed, services=services, files=FILES)

    assert reason(found) == says


def test_offload_is_switched_off_where_it_is_not_and_restarts_nobody() -> None:
    offload = Offload({"EnableTCPChimney": None, "EnableRSS": 1, "EnableTCPA": 0})

    found = plan(steps.turn_off_offload, offload=offload)

    assert isinstance(found, Changes)
    assert [(c.setting, c.before, c.after, c.undo) for c in found.changes] == [
        (
            "EnableTCPChimney (from the next start on)",
            "on, by default",
            "off",
            "delete the value EnableTCPChimney",
        ),
        ("EnableRSS (from the next start on)", "on", "off", "set EnableRSS to 1"),
    ]
    assert {c.effect for c in found.changes} == {Effect.NOW}
    assert {type(c.by.command) for c in found.changes} == {Cmdlet}  # type: ignore[union-attr]
    off = Offload(dict.fromkeys(components.OFFLOAD_VALUES, 0))
    assert plan(steps.turn_off_offload, offload=off) == NoChange("off")


def test_a_pending_restart_is_a_persons_one_node_at_a_time() -> None:
    pending = PendingReboot((r"\??\C:\WINDOWS\SET2B5.tmp",), False, False, False)

    found = plan(steps.check_nothing_waits, pending=pending)

    assert isinstance(found, Blocked)
    assert found.reason.endswith(r"next start (\??\C:\WINDOWS\SET2B5.tmp)")
    assert "one node at a time" in found.next_step


def test_nodes_that_differ_are_refused_and_updates_only_told() -> None:
    other = replace(OWN, components={**OWN.components, ".NET 2.0": "SP1"})
    patched = replace(OWN, updates=frozenset({"KB958644"}))
    lacking = replace(OWN, lacks=("iis_www",))

    assert reason(plan(steps.compare_nodes, own=OWN, beside=other)) == (
        f".NET 2.0 is SP2 on {NODE_1} and SP1 on {NODE_2}"
    )
    assert plan(steps.compare_nodes, own=OWN, beside=patched) == NoChange(
        "the same on both: service pack 2, .NET 2.0 SP2, Windows components iis_www; "
        f"KB958644 on {NODE_2} only"
    )
    assert reason(plan(steps.compare_nodes, own=OWN, beside=SILENT)) == (
        f"{NODE_2} does not answer"
    )
    deferred = plan(steps.compare_nodes, own=lacking, beside=OWN)
    assert isinstance(deferred, Deferred)
    assert (deferred.until, deferred.reason) == (steps.PHASE, "checked after the changes above")


def test_what_the_files_tell_is_read_and_nonsense_is_refused() -> None:
    row = {
        "Mmc": "5.2.3790.3959",
        "Runtime64": True,
        "Runtime32": True,
        "SourcePath": "C:\\",
        "SourceFound": True,
        "ServicePackSourcePath": r"C:\WINDOWS\ServicePackFiles",
        "ServicePackFound": True,
        "ManagerRuns": False,
    }
    parse = components.component_files().parse

    assert parse([Answer((row,))]) == FILES
    assert parse([Answer(({**row, "Mmc": None},))]).mmc == ()
    with pytest.raises(ValueError, match="Mmc should be a version"):
        parse([Answer(({**row, "Mmc": "5.x"},))])
