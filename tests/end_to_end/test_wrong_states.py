"""Wrong states of the site: each is refused with its reason and its repair, and nothing is done.

What one look names all at once is one case here. Where a state is by its nature met after a first
change, the case says which change that was.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from runbook_lib.sessions.lab_control import LabControl
from tests.end_to_end.command_line import MACS, NODES, Desk, effects, events

FIRST, SECOND = NODES
SERVICE = r"LAB\svc-clus"
LOCKED = "it is disabled; it is locked out; it has expired"
MEDIA = r"C:\ExchangeSetup"
PUBLIC_2 = MACS[SECOND]["Public"]
UP_S = 30.0
"""A simulated machine starts in about a second."""

Act = tuple[str, str, dict[str, object]]


def act(deed: str, node: str = FIRST, /, **arguments: object) -> Act:
    return deed, node, arguments


ON_AGAIN = act("power-on", SECOND)
QUORUM_ELSEWHERE = (
    act("move-cluster-resource", resource="Disk S:", group="Cluster Group"),
    act("set-cluster-quorum", resource="Disk S:", path="S:\\MSCS\\"),
)
OUT_OF_SIGHT = (act("hide-disk", SECOND, lun=0), act("hide-disk", SECOND, lun=1))


@dataclass(frozen=True)
class Case:
    """A scenario, what somebody does to it, the phase that is run, and what it tells.

    done: the settings that the journal says were changed before the state could be met.
    """

    scenario: str
    phase: str
    acts: tuple[Act, ...]
    why: tuple[str, ...]
    then: tuple[str, ...]
    blocked: int = 1
    code: int = 20
    done: tuple[str, ...] = field(default=())


CASES: Mapping[str, Case] = {
    "no shared disk is visible": Case(
        "before:30",
        "30_prepare_shared_disks",
        (act("hide-disk", lun=0), act("hide-disk", lun=1)),
        (
            f"LUN 0 (1024 MB) is not visible on {FIRST}",
            f"LUN 1 (20480 MB) is not visible on {FIRST}",
        ),
        (f"present the LUN to {FIRST}",),
    ),
    "a letter is taken, and a disk holds somebody's data": Case(
        "before:30",
        "30_prepare_shared_disks",
        (act("take-letter", letter="Q"), act("format-with-data", lun=1)),
        (
            f"the letter Q: belongs to the optical drive on {FIRST}",
            "LUN 1 (20480 MB) holds a partition without a letter",
            "whose data are on it cannot be told",
        ),
        (f"give that one another letter on {FIRST}", "delete it if its data are meant to go"),
    ),
    "the letters are the wrong way round": Case(
        "before:40",
        "40_form_cluster",
        (act("swap-letters", first="Q", second="S"),),
        (f"LUN 0 (1024 MB) has the letter S: on {FIRST}, wanted Q:",),
        (f"set the letters right in Disk Management on {FIRST}: Q: for LUN 0",),
    ),
    "node 2 came on while node 1 was to form the cluster": Case(
        "before:40",
        "40_form_cluster",
        (ON_AGAIN,),
        ("the file system of Q: on LUN 0 (1024 MB) is damaged",),
        ("leave only one node running, run chkdsk /f",),
    ),
    "before the cluster is formed, all its other needs at once": Case(
        "before:40",
        "40_form_cluster",
        (
            act("rename-computer", name="SOMETHING"),
            act("hide-disk", lun=0),
            act("hide-disk", lun=1),
            act("add-computer", name="E2K7CLU"),
            act("lock-account", account=SERVICE),
            act("disable-account", account=SERVICE),
            act("expire-account", account=SERVICE),
        ),
        (
            "the computer is to be renamed at the next start",
            f"LUN 0 (1024 MB) is not visible on {FIRST}",
            "the name E2K7CLU is in use: the directory has a computer account E2K7CLU",
            f"{SERVICE} cannot carry the cluster service: {LOCKED}",
        ),
        (
            f"restart {FIRST}",
            "put another name into cluster.name",
            rf"put {SERVICE} in order in Active Directory Users and Computers",
        ),
        blocked=4,
    ),
    "the cluster's address is taken": Case(
        "before:40",
        "40_form_cluster",
        (
            *OUT_OF_SIGHT,
            ON_AGAIN,
            act("set-address", SECOND, mac=PUBLIC_2, address="192.168.1.20", mask="255.255.255.0"),
        ),
        (f"192.168.1.20 is in use by the machine with the MAC address {PUBLIC_2}",),
        ("put another one into cluster.address",),
    ),
    "the quorum is elsewhere, and the service account is disabled": Case(
        "before:50",
        "50_join_second_node",
        (*QUORUM_ELSEWHERE, act("disable-account", account=SERVICE)),
        ("quorum is Disk S: in S:\\MSCS\\", f"{SERVICE} cannot carry the cluster service"),
        (f"run phase 40_form_cluster first, with {SECOND} off", f"put {SERVICE} in order"),
        blocked=2,
    ),
    "node 2 runs in another cluster": Case(
        "before:50",
        "50_join_second_node",
        (ON_AGAIN, act("join-other-cluster", SECOND, cluster="OTHER")),
        (f"{SECOND} runs in another cluster, OTHER",),
        (f"evict {SECOND} there and run cluster node {SECOND} /force on it",),
        blocked=2,
    ),
    "node 2 is found in another cluster once it is on": Case(
        "before:50",
        "50_join_second_node",
        (
            ON_AGAIN,
            act("join-other-cluster", SECOND, cluster="OTHER"),
            act("power-off", SECOND),
        ),
        (f"{SECOND} runs in another cluster, OTHER",),
        (f"evict {SECOND} there and run cluster node {SECOND} /force on it",),
        code=50,
        done=("running nodes",),
    ),
    "before Setup, all its needs at once": Case(
        "before:70",
        "70_install_exchange_active_node",
        (
            act("remove-media", media=MEDIA),
            act("set-exchange-preparation", schema_range_upper=11116, org_version=0),
            act("remove-exchange-server", roles=32),
            act("cms-name-taken", name="MailboxServer"),
            act("rename-computer", name="SOMETHING"),
            act("install-component", component="iis_smtp"),
            act("install-component", component="iis_nntp"),
            act("setup-half-done", action="Uninstall"),
        ),
        (
            rf"{MEDIA}\Setup.com is not there",
            "schema is at 11116, SP3 needs 14625; organization is at none, SP3 needs 11222",
            "no Hub Transport server is in site Default-First-Site-Name",
            "the name MailboxServer is taken: the directory has a computer account MailboxServer",
            "a restart is pending: the computer is to be renamed at the next start",
            "SMTP and NNTP installed",
            f'Setup broke off on {FIRST} while it was doing "Uninstall", and resumes nothing else',
        ),
        (
            "/PrepareSchema, then /PrepareAD",
            "give mailbox_server.name another value",
            f"restart {FIRST}; remove it from {FIRST}",
            "delete the values Action and Watermark of that key by hand",
        ),
        blocked=6,
    ),
    "the mailbox server's address is taken": Case(
        "before:70",
        "70_install_exchange_active_node",
        (act("set-address", SECOND, mac=PUBLIC_2, address="192.168.1.30", mask="255.255.255.0"),),
        (f"192.168.1.30 is taken by the machine with the MAC address {PUBLIC_2}",),
        ("give mailbox_server.address another value",),
    ),
    "the passive Setup would be run on the active node": Case(
        "before:90",
        "80_install_exchange_passive_node",
        (
            act("move-cluster-group", SECOND, group="MailboxServer"),
            act("setup-half-done", SECOND),
        ),
        (f"{SECOND} is the active node of MailboxServer",),
        (f"move MailboxServer to {FIRST} with Move-ClusteredMailboxServer",),
    ),
    "node 2 began to make the mailbox server itself, and waits for a restart": Case(
        "before:80",
        "80_install_exchange_passive_node",
        (
            act("setup-half-done", SECOND, part="server"),
            act("rename-computer", SECOND, name="SOMETHING"),
        ),
        (
            f"{SECOND} holds traces of making MailboxServer itself",
            "a restart is pending: the computer is to be renamed at the next start",
        ),
        (f"restart {SECOND}", "Setup.com /RemoveCms"),
        blocked=2,
    ),
    "the target of the move is no node of the mailbox server": Case(
        "before:80",
        "90_prove_failover",
        (),
        (f"{SECOND} is no node of MailboxServer: it runs on {FIRST.upper()} only",),
        ("install the passive node first (phase 80_install_exchange_passive_node)",),
        blocked=3,
    ),
    "the target of the move has the mailbox server already": Case(
        "before:90",
        "90_prove_failover",
        (act("move-cluster-group", SECOND, group="MailboxServer"),),
        (f"MailboxServer is active on {SECOND} already",),
        (f"move it to {FIRST} with Move-ClusteredMailboxServer first",),
    ),
}


def bring_about(lab: LabControl, scenario: str, acts: tuple[Act, ...] = ()) -> None:
    """Begin at a scenario and do the acts; each finds no machine on its way up or down."""
    lab.reset(scenario)
    for deed, node, arguments in acts:
        lab.act(deed, node, **arguments)
        settle(lab)


def settle(lab: LabControl) -> None:
    """Return when every machine is on or off."""
    ends = time.monotonic() + UP_S
    while any(node["power"] not in {"on", "off"} for node in lab.state()["nodes"].values()):
        assert time.monotonic() < ends
        time.sleep(0.02)


def world(lab: LabControl) -> dict[str, Any]:
    """Return the state without the empty folder that the runbook's tasks come and go in."""
    state = lab.state()
    for node in state["nodes"].values():
        node["files"] = [path for path in node["files"] if path != "\\runbook\\"]
    return state


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_state_is_refused_with_its_reason_and_its_repair(
    name: str, desk: Desk, lab: LabControl
) -> None:
    case, run = CASES[name], desk.folder / "run"
    bring_about(lab, case.scenario, case.acts)
    before, done = world(lab), len(effects(lab))
    phase = ("--from", case.phase, "--to", case.phase)

    ended = desk.scc("run", desk.parameters(lab=lab), *phase, "--run-folder", run)

    what, why, then = ended.error
    assert ended.code == case.code
    assert what == f"{case.phase} cannot go on: {case.blocked} of its steps are blocked."
    assert [each for each in case.why if each not in why] == []
    assert [each for each in case.then if each not in then] == []
    assert tuple(e["data"]["setting"] for e in events(run, "intent")) == case.done
    assert len(effects(lab)) - done == len(case.done)
    if not case.done:
        assert world(lab) == before


def test_a_node_2_that_runs_is_switched_off_before_anything_else(
    desk: Desk, lab: LabControl
) -> None:
    bring_about(lab, "before:40", (*OUT_OF_SIGHT, ON_AGAIN))
    before = world(lab)

    planned = desk.scc("plan", desk.parameters(lab=lab), "--phase", "40", "--exit-code", "--json")

    changes = [
        (change["setting"], change["before"], change["after"])
        for step in planned.json[0]["steps"]
        for change in step["changes"]
    ]
    assert planned.code == 15
    assert changes[0] == ("running nodes", "both", f"{FIRST} alone")
    assert world(lab) == before


def test_a_setup_that_ends_with_0_without_its_mark_is_not_believed(
    desk: Desk, lab: LabControl
) -> None:
    """The disk's group is on node 2 here, too: that one is taken to node 1 before Setup."""
    acts = (
        act("role-without-configured-version"),
        act("move-cluster-group", SECOND, group="Group 0"),
    )
    bring_about(lab, "before:70", acts)
    run = desk.folder / "run"

    ended = desk.scc(
        "run", desk.parameters(lab=lab), "--from", "70", "--to", "70", "--run-folder", run
    )

    assert (ended.code, ended.error[:2]) == (
        50,
        (
            f"{FIRST}: Node 1 has the Mailbox role: a separate read does not show it.",
            "the read after the change shows Mailbox role files copied only, wanted installed",
        ),
    )
    assert [(e["data"]["setting"], e["data"]["after"]) for e in events(run, "intent")] == [
        ("owner of Group 0 (Disk S:)", FIRST),
        ("licence of Exchange", "accepted"),
        ("Mailbox role", "installed"),
    ]
    assert [e["data"]["code"] for e in events(run, "result")][-1] == 0
    assert lab.state()["exchange"]["clustered_server"] is None


def test_a_move_that_arrives_with_dismounted_databases_is_an_error_and_goes_on_by_mounting_them(
    desk: Desk, lab: LabControl
) -> None:
    bring_about(lab, "before:90", (act("late-move-failure"),))
    run = desk.folder / "run"

    failed = desk.scc(
        "run", desk.parameters(lab=lab), "--from", "90", "--to", "90", "--run-folder", run
    )
    resumed = desk.scc("resume", run)

    assert (failed.code, failed.error[1], resumed.code) == (
        50,
        "The server was moved, but these databases are not mounted: Mailbox Database.",
        0,
    )
    assert [(e["data"]["setting"], e["data"]["after"]) for e in events(run, "intent")] == [
        ("active node (clients are shut out while it moves)", SECOND),
        ("database Mailbox Database", "mounted"),
        ("active node (clients are shut out while it moves)", FIRST),
    ]


def test_what_another_run_did_meanwhile_is_taken_as_done(desk: Desk, lab: LabControl) -> None:
    """One run waits for its approval; somebody else's does the phase; the first one goes on."""
    bring_about(lab, "before:60")
    only_60 = ("--from", "60", "--to", "60", "--run-folder")
    person = desk.parameters(("approval: auto ", "approval: person "), lab=lab, name="person.yaml")
    first, other = desk.folder / "first", desk.folder / "other"
    asked = desk.scc("run", person, *only_60, first)
    did = desk.scc("run", desk.parameters(lab=lab), *only_60, other)
    before, done = world(lab), len(effects(lab))

    gate = events(first, "gate_opened")[0]["data"]["gate"]
    approved = desk.scc("approve", first, gate, "--by", "Ann", "--reason", "looked at")
    resumed = desk.scc("resume", first)

    assert (asked.code, did.code, approved.code, resumed.code) == (25, 0, 0, 0)
    assert events(other, "intent") != []
    assert events(first, "intent") == []
    assert {e["data"]["outcome"] for e in events(first, "verified")} == {"unchanged"}
    assert (world(lab), len(effects(lab))) == (before, done)
