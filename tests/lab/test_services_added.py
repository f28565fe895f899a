"""Services that a node gets after its delivery, and loses again."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.lab.world.services import ServiceFacts
from tests.lab_world import NODE_1, Site

FACTS = ServiceFacts(
    "MSExchangeIS", "Information Store", 3, running=True, account="LocalSystem", path=r"C:\x.exe"
)


def test_a_service_that_was_added_is_listed_and_described_in_the_registry() -> None:
    site = Site()
    node = site.world._nodes[NODE_1]

    node.services.add(FACTS)

    found = node.services.find("msexchangeis")
    assert found is not None
    assert (found.start_mode, found.state) == ("Manual", "Running")
    assert dict(site.key(r"SYSTEM\CurrentControlSet\Services\MSExchangeIS")) | {
        "Start": 3,
        "DisplayName": "Information Store",
        "ObjectName": "LocalSystem",
        "ImagePath": r"C:\x.exe",
    } == dict(site.key(r"SYSTEM\CurrentControlSet\Services\MSExchangeIS"))


def test_it_can_be_started_stopped_and_given_another_start_type() -> None:
    services = Site().world._nodes[NODE_1].services
    services.add(FACTS)

    services.stop("MSExchangeIS")
    services.set_start("MSExchangeIS", 4)

    found = services.find("MSExchangeIS")
    assert found is not None
    assert (found.start_mode, found.state) == ("Disabled", "Stopped")
    services.start("MSExchangeIS")
    assert services.as_json()["MSExchangeIS"] == "Running"


def test_adding_it_again_keeps_its_start_type() -> None:
    services = Site().world._nodes[NODE_1].services
    services.add(FACTS)
    services.set_start("MSExchangeIS", 2)

    services.add(FACTS)

    found = services.find("MSExchangeIS")
    assert found is not None
    assert found.start_mode == "Auto"


def test_a_removed_service_leaves_nothing() -> None:
    site = Site()
    before = site.world.state()
    services = site.world._nodes[NODE_1].services
    services.add(FACTS)

    services.remove("MSExchangeIS")
    services.remove("MSExchangeIS")

    assert site.world.state() == before


def test_a_lab_that_goes_on_has_the_same_services(tmp_path: Path) -> None:
    site = Site(state_folder=tmp_path)
    services = site.world._nodes[NODE_1].services
    services.add(FACTS)
    services.remove("Spooler")
    site.world.save()

    again = Site(state_folder=tmp_path).world._nodes[NODE_1].services

    assert again.as_json() == services.as_json()
    assert again.find("MSExchangeIS") == services.find("MSExchangeIS")
