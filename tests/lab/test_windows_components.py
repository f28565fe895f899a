"""The component manager of the simulated nodes: what it switches, what it needs, how it hangs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.world import registry_places as places
from tests.lab_world import NODE_1, NODE_2, Site

WANTED = ("complusnetwork", "iis_common", "iis_inetmgr", "iis_www")


def components(**states: str) -> list[dict[str, str]]:
    return [{"Name": name, "State": state} for name, state in states.items()]


def install(site: Site, listed: list[dict[str, str]], node: str = NODE_1) -> Any:
    [answer] = site.run(
        "install_components", node, Identity=site.identity(node), Components=listed, Seconds=900
    )
    return answer["Outcome"], answer["Code"], answer["Output"]


def on(site: Site, node: str = NODE_1) -> set[str]:
    listed = site.key(places.SUBCOMPONENTS, node)
    return {name for name, value in listed.items() if value == 1 and not name.startswith("PS")}


def services(site: Site) -> set[str]:
    return {str(row["Name"]) for row in site.rows("Win32_Service")}


def test_a_factory_node_has_none_of_them_and_says_what_it_has() -> None:
    site = Site()

    assert not on(site) & {*WANTED, "iis_smtp", "iis_nntp"}
    assert site.run("read_components") == (
        {
            "Mmc": "5.2.3790.3959",
            "Runtime64": True,
            "Runtime32": True,
            "SourcePath": "C:\\",
            "SourceFound": True,
            "ServicePackSourcePath": r"C:\WINDOWS\ServicePackFiles",
            "ServicePackFound": True,
            "ManagerRuns": False,
        },
    )


def test_components_come_with_their_services_and_com_access() -> None:
    site = Site()
    before = on(site), services(site)

    ended = install(site, components(**dict.fromkeys(WANTED, "on"), iis_smtp="off"))

    assert ended == ("answered", 0, ["sysocmgr.exe ended with code 0"])
    assert on(site) - before[0] == set(WANTED)
    assert services(site) - before[1] == {"IISADMIN", "W3SVC"}
    assert site.key(places.COM_PLUS)["RemoteAccessEnabled"] == 1
    assert site.ask("Get-Service", Name=["W3SVC"]).output
    assert [each["line"] for each in site.world.command_lines()] == [
        r"sysocmgr.exe /i:C:\WINDOWS\inf\sysoc.inf /u:C:\runbook\components.txt /q /r"
    ]
    assert not on(site, NODE_2) & set(WANTED)


def test_off_takes_them_away_again_and_unknown_names_do_nothing() -> None:
    site = Site()
    before = on(site), services(site)
    install(site, components(**dict.fromkeys(WANTED, "on")))

    install(site, components(**dict.fromkeys(WANTED, "off"), iis_nothing="on"))

    assert (on(site), services(site)) == before
    assert site.key(places.COM_PLUS)["RemoteAccessEnabled"] == 0


def test_a_part_of_iis_stays_away_without_the_common_files() -> None:
    site = Site()

    install(site, components(iis_www="on"))

    assert "iis_www" not in on(site)
    assert "W3SVC" not in services(site)


@pytest.mark.parametrize("elsewhere", ["D:\\", r"\\server\disc", r"C:\nowhere"])
def test_without_installation_files_it_would_never_end(elsewhere: str) -> None:
    site = Site()
    setup = rf"HKLM:\{places.SETUP}"
    site.ask("Set-ItemProperty", Path=setup, Name="SourcePath", Value=elsewhere)
    before = on(site)

    ended = install(site, components(iis_common="on"))

    assert ended == ("answered", 1460, ["sysocmgr.exe was ended after 900 seconds"])
    assert on(site) == before
    assert site.run("read_components")[0]["SourceFound"] is False
    files = site.world._nodes[NODE_1].files
    files.write_lines(r"C:\a.txt", ["[Components]", "iis_common = on"])
    with pytest.raises(UnsimulatedCommandError, match="never ends"):
        site.program("sysocmgr.exe", "/i:x", r"/u:C:\a.txt", "/q", "/r")


def test_removing_needs_no_files_and_installing_what_is_there_neither() -> None:
    site = Site()
    install(site, components(iis_common="on", iis_www="on"))
    site.world.act("remove-installation-files", {"node": NODE_1})

    assert install(site, components(iis_common="on"))[1] == 0
    assert install(site, components(iis_www="off"))[1] == 0
    assert "iis_www" not in on(site)
    site.world.act("copy-installation-files", {"node": NODE_1})
    assert install(site, components(iis_www="on"))[1] == 0


def test_a_person_ticks_and_unticks_a_component() -> None:
    site = Site()
    site.world.act("install-component", {"node": NODE_1, "component": "iis_common"})
    site.world.act("install-component", {"node": NODE_1, "component": "iis_smtp"})

    assert "SMTPSVC" in services(site)
    assert ("person", "component iis_smtp", False, True) in site.effects()
    site.world.act("remove-component", {"node": NODE_1, "component": "iis_smtp"})
    assert "SMTPSVC" not in services(site)
    with pytest.raises(ValueError, match="no component 'nothing'"):
        site.world.act("install-component", {"node": NODE_1, "component": "nothing"})


def test_a_lab_that_goes_on_has_the_same_components(tmp_path: Path) -> None:
    site = Site(state_folder=tmp_path)
    install(site, components(**dict.fromkeys(WANTED, "on")))

    again = Site(state_folder=tmp_path)

    assert on(again) == on(site)
    assert services(again) == services(site)


def test_another_machine_is_left_alone() -> None:
    site = Site()
    other = site.identity(NODE_2)

    [answer] = site.run(
        "install_components",
        Identity=other,
        Components=components(iis_common="on"),
        Seconds=900,
    )

    assert answer["Outcome"] == "wrong node"
    assert "iis_common" not in on(site)


def test_there_is_no_window() -> None:
    with pytest.raises(UnsimulatedCommandError, match="no window"):
        Site().program("sysocmgr.exe", r"/i:C:\WINDOWS\inf\sysoc.inf")
