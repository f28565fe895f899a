"""Phase 00's checks tell what is met, what is wrong, and what only a later phase can tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from runbook_lib.commands.network import ConnectionStatus, Netbios
from runbook_lib.commands.system import (
    Computer,
    DomainRole,
    OperatingSystem,
    PendingReboot,
    Service,
)
from runbook_lib.execution import phases
from runbook_lib.execution.phase_plan import PhasePlan, PlannedStep
from runbook_lib.steps import check_end_state
from runbook_lib.steps import check_prerequisites as steps
from runbook_lib.steps.step import Blocked, Deferred, NoChange, Plan, StepClass, StepFactory
from runbook_lib.topology.models import Target
from tests.builders import adapter, private_adapter, topology

R2 = OperatingSystem(
    caption="Microsoft(R) Windows(R) Server 2003 Enterprise x64 Edition",
    version="5.2.3790",
    service_pack=2,
    service_pack_text="Service Pack 2",
    release="R2",
    suite=274,
    product_type=3,
    language=1033,
    booted_at=datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
)
WORKGROUP = Computer("WIN2003-A", False, "WORKGROUP", DomainRole.STANDALONE_SERVER, "x64-based PC")
NOTHING = PendingReboot((), windows_update=False, update_exe=False, computer_rename=False)


def plan(factory: StepFactory, **seen: Any) -> Plan:
    return next(iter(factory(topology()))).plan(**seen)


def reason(found: Plan) -> str:
    assert isinstance(found, Blocked)
    return found.reason


def test_a_good_node_passes_with_its_evidence() -> None:
    found = [
        plan(steps.find_adapters, public=adapter(), private=private_adapter()),
        plan(steps.check_edition, system=R2, width=64),
        plan(steps.check_language, system=R2),
        plan(steps.check_hotfix, system=R2, hotfixes=frozenset()),
        plan(steps.check_mail_services, services=(Service("W3SVC", "Running", "Auto"),)),
        plan(steps.check_membership, computer=WORKGROUP),
        plan(steps.check_pending_reboot, pending=NOTHING),
        plan(steps.check_one_mailbox_server),
    ]

    assert found == [
        NoChange("00-03-FF-10-00-11 is Public, 00-03-FF-10-00-21 is Private"),
        NoChange("Microsoft(R) Windows(R) Server 2003 Enterprise x64 Edition R2, SP2, 64-bit"),
        NoChange("language 1033 (English)"),
        NoChange("contained in Service Pack 2"),
        NoChange("neither is installed"),
        NoChange("in workgroup WORKGROUP"),
        NoChange("nothing waits for a restart"),
        NoChange("MailboxServer on E2K7SCCNode1 and E2K7SCCNode2"),
    ]


def test_all_that_is_wrong_with_the_system_is_said_at_once() -> None:
    xp = replace(R2, version="5.1.2600", suite=0, service_pack=1)

    assert reason(plan(steps.check_edition, system=xp, width=32)) == (
        "version 5.1.2600 is not Windows Server 2003 (5.2); this edition has no cluster service "
        "(Enterprise or Datacenter has); service pack 1, PowerShell 2.0 needs 2"
    )


def test_production_needs_x64_and_the_rehearsal_does_not() -> None:
    production = topology().model_copy(update={"target": Target.NODES})
    step = next(iter(steps.check_edition(production)))

    assert reason(step.plan(system=R2, width=32)) == "32-bit, released Exchange 2007 needs x64"
    assert isinstance(plan(steps.check_edition, system=R2, width=32), NoChange)


def test_another_language_is_refused() -> None:
    german = replace(R2, language=1031)

    assert reason(plan(steps.check_language, system=german)) == (
        "Windows speaks language 1031, only 1033 (English) is known"
    )


def test_without_service_pack_2_the_hotfix_itself_must_be_there() -> None:
    sp1 = replace(R2, service_pack=1)

    with_it = plan(steps.check_hotfix, system=sp1, hotfixes=frozenset({"KB898790"}))
    without = plan(steps.check_hotfix, system=sp1, hotfixes=frozenset({"KB921181"}))

    assert with_it == NoChange("KB898790 is installed")
    assert reason(without) == "KB898790 is missing"


def test_smtp_and_nntp_are_both_named() -> None:
    services = (Service("SMTPSVC", "Stopped", "Manual"), Service("NntpSvc", "Running", "Auto"))

    assert reason(plan(steps.check_mail_services, services=services)) == "SMTP and NNTP installed"


@pytest.mark.parametrize(
    ("computer", "expected"),
    [
        (
            replace(WORKGROUP, role=DomainRole.PRIMARY_DOMAIN_CONTROLLER, part_of_domain=True),
            "it is a domain controller",
        ),
        (
            replace(WORKGROUP, part_of_domain=True, domain="corp.example"),
            "it is a member of corp.example, not of lab.local",
        ),
    ],
)
def test_a_controller_or_a_stranger_is_refused(computer: Computer, expected: str) -> None:
    assert reason(plan(steps.check_membership, computer=computer)) == expected


def test_a_member_of_the_wished_domain_passes() -> None:
    member = replace(WORKGROUP, part_of_domain=True, domain="LAB.LOCAL")

    assert plan(steps.check_membership, computer=member) == NoChange("member of LAB.LOCAL")


def test_every_pending_restart_is_told() -> None:
    pending = replace(NOTHING, windows_update=True, computer_rename=True)

    assert reason(plan(steps.check_pending_reboot, pending=pending)) == (
        "Windows Update asks for a restart; the computer is to be renamed at the next start"
    )


def test_a_dark_adapter_is_refused_before_anything_is_changed() -> None:
    dark = private_adapter(ip_enabled=False, status=ConnectionStatus.MEDIA_DISCONNECTED)

    assert reason(plan(steps.find_adapters, public=adapter(), private=dark)) == (
        "Private (00-03-FF-10-00-21) has no link: media disconnected"
    )


def test_what_cannot_be_asked_yet_names_the_phase_that_asks() -> None:
    later = (
        steps.check_domain,
        steps.check_shared_disks,
        steps.check_free_names,
        steps.check_exchange_surroundings,
    )

    assert [plan(factory) for factory in later] == [
        Deferred("20_join_domain"),
        Deferred("30_prepare_shared_disks"),
        Deferred("40_form_cluster"),
        Deferred("70_install_exchange_active_node"),
    ]


def test_checks_need_no_approval() -> None:
    step = next(iter(steps.check_domain(topology())))
    only_checks = PhasePlan(
        steps.PHASE, (PlannedStep("check_domain", "", step, Deferred("20_join_domain")),)
    )

    assert not only_checks.needs_approval


def test_the_end_state_asks_every_step_whose_change_lasts() -> None:
    checked = {
        type(step.step)  # type: ignore[attr-defined]
        for factory in check_end_state.STEPS
        for step in factory(topology())
    }
    changing = {
        type(step)
        for module in phases.MODULES.values()
        for factory in module.STEPS
        for step in factory(topology())
        if step.step_class is not StepClass.READ
    }

    assert {kind.__name__ for kind in changing - checked} == {
        # On the way only, or told by another step: who runs alone, what the cluster guards.
        *("RunFirstNodeAlone", "RunSecondNodeAlone", "RunFirstNodeAgain", "SwitchOnSecondNode"),
        *("MakePartitions", "FormatVolumes", "WriteFirstMarks", "GiveLetters", "WriteSecondMarks"),
        *("JoinDomain", "CreateCluster", "AddNode", "HoldDisk"),
        *("DeleteEmptyGroup", "BringIntoService"),
    }


def test_a_difference_at_the_end_names_setting_value_and_wish() -> None:
    step = next(iter(check_end_state.netbios_is_off(topology())))

    found = step.plan(seen=private_adapter(netbios=Netbios.ON))

    assert found == Blocked(
        "NetBIOS over TCP/IP on Private is on, wanted off", "run phase 10_configure_networks again"
    )
