"""Domain accounts over the real wire: what refuses them, and that nothing is tried twice."""

from __future__ import annotations

import pytest

from runbook_lib.sessions.lab_control import LabControl
from tests.end_to_end.command_line import NODES, Desk, effects, events

JOIN, COMPONENTS = ("--from", "20", "--to", "20"), ("--from", "60", "--to", "60")
INSTALLER = r"LAB\exinstall"


def account(lab: LabControl) -> dict[str, object]:
    found: list[dict[str, object]] = lab.state()["domain"]["accounts"]
    return next(each for each in found if each["user"] == INSTALLER)


def act(lab: LabControl, deed: str, **arguments: object) -> None:
    lab.act(deed, NODES[0], **arguments)


def test_a_wrong_password_is_tried_once_and_nothing_is_joined(desk: Desk, lab: LabControl) -> None:
    lab.reset("before:20")
    act(lab, "change-password", account=INSTALLER)

    ended = desk.scc("run", desk.parameters(lab=lab), *JOIN)

    what, why, then = ended.error
    assert (ended.code, what) == (
        20,
        "20_join_domain cannot go on: 3 of its steps are blocked.",
    )
    assert r"the domain refuses LAB\exinstall: the password is wrong" in why
    assert "it was tried once and is not tried again by itself" in then
    assert account(lab)["bad_passwords"] == 1
    assert lab.state()["domain"]["memberships"] == {}


def test_both_nodes_join_and_the_next_phase_logs_on_as_the_installer(
    desk: Desk, lab: LabControl
) -> None:
    lab.reset("before:20")
    parameters, run = desk.parameters(lab=lab), desk.folder / "run"
    joined = desk.scc("run", parameters, *JOIN, "--run-folder", run)
    before = lab.counters()["logons"].get(INSTALLER, 0)

    again = desk.scc("plan", parameters, "--phase", "60")

    assert (joined.code, before) == (0, 0)
    assert again.code == 0
    assert lab.counters()["logons"][INSTALLER] >= len(NODES)
    assert lab.state()["domain"]["memberships"] == dict.fromkeys(NODES, "lab.local")
    assert len(events(run, "rebooted")) == len(NODES)


@pytest.mark.parametrize("deed", ["lock-account", "disable-account", "expire-account"])
def test_an_account_that_may_not_log_on_is_refused_by_the_node(
    desk: Desk, lab: LabControl, deed: str
) -> None:
    lab.reset("before:60")
    act(lab, deed, account=INSTALLER)
    done, tried = len(effects(lab)), lab.counters()["bad_logons"].get(INSTALLER, 0)

    ended = desk.scc("run", desk.parameters(lab=lab), *COMPONENTS)

    assert ended.code == 40
    assert INSTALLER in ended.error[0]
    assert len(effects(lab)) == done
    assert lab.counters()["bad_logons"][INSTALLER] == tried + 1
    assert account(lab)["bad_passwords"] == 0
