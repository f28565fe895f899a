"""What a simulated node tells of its remote shells, alike on both of its surfaces."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.answers import Bag
from runbook_lib.lab.server import winrm_config
from runbook_lib.lab.server.soap import CFG
from tests.lab_world import Site


@pytest.fixture(scope="module")
def site() -> Site:
    return Site()


@pytest.mark.parametrize(
    "path", [r"WSMan:\localhost\Shell", "wsman:\\LOCALHOST\\shell\\"], ids=["as-written", "spelt"]
)
def test_the_settings_of_remote_shells_are_listed_as_text(site: Site, path: str) -> None:
    reply = site.ask("Get-ChildItem", Path=path)

    told = [dict(bag.properties) for bag in reply.output if isinstance(bag, Bag)]
    assert told == [
        {"Name": name, "Type": "System.String", "Value": value}
        for name, value in (
            ("AllowRemoteShellAccess", "true"),
            ("IdleTimeout", "180000"),
            ("MaxConcurrentUsers", "5"),
            ("MaxShellRunTime", "2147483647"),
            ("MaxProcessesPerShell", "15"),
            ("MaxMemoryPerShellMB", "150"),
            ("MaxShellsPerUser", "5"),
        )
    ]


def test_the_drive_and_the_wire_tell_the_same(site: Site) -> None:
    section = winrm_config.section(f"{CFG}/winrs", winrm_config.Quotas())
    assert section is not None
    on_the_wire = {each.tag.rpartition("}")[2]: each.text for each in ET.fromstring(section)}

    listed = site.ask("Get-ChildItem", Path=r"WSMan:\localhost\Shell").output

    bags = [bag.properties for bag in listed if isinstance(bag, Bag)]
    assert {bag["Name"]: bag["Value"] for bag in bags} == on_the_wire


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"Path": r"WSMan:\localhost"},
        {"Path": r"WSMan:\localhost\Service"},
        {"Path": r"WSMan:\localhost\Shell\MaxMemoryPerShellMB"},
        {"Path": r"WSMan:\other\Shell"},
        {"Path": "C:\\"},
        {"Path": r"WSMan:\localhost\Shell", "Recurse": True},
    ],
)
def test_anything_else_is_not_simulated(site: Site, parameters: dict[str, object]) -> None:
    with pytest.raises(UnsimulatedCommandError):
        site.ask("Get-ChildItem", **parameters)
