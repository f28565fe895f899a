"""One run from start to seal, as a person sees it, finds it on disk and finds it on the nodes."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.execution.phases import PHASES
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.world import World
from runbook_lib.sessions import lab_process
from runbook_lib.sessions.lab_control import LabControl
from tests.builders import LAB, topology
from tests.end_to_end.command_line import (
    AS_DOCUMENTED,
    END,
    MACS,
    NETWORKS,
    NODES,
    Desk,
    Ended,
    cell_states,
    effects,
    entries,
    events,
    notebook,
    standing,
    unsettled,
)
from tests.in_process import WALL
from tests.phases.crash import Journey, uninterrupted
from tests.phases.test_exchange_crashes import changes_the_site as of_the_procedure

FIRST, SECOND = NODES
SERVICE = r"LAB\svc-clus"
FILES = {
    "MANIFEST.json",
    "journal.jsonl",
    *(f"logs/kernel.{phase}.1.log" for phase in PHASES),
    *(f"notebooks/{phase}.1.ipynb" for phase in PHASES),
    "parameters.yaml",
    *(f"plans/{phase}.json" for phase in PHASES),
    "review.html",
    "summary.json",
}
"""Beside these there is a log of each task."""
OF_EACH_KIND = (
    "MANIFEST.json",
    "journal.jsonl",
    f"logs/kernel.{END}.1.log",
    f"notebooks/{NETWORKS}.1.ipynb",
    "parameters.yaml",
    f"plans/{END}.json",
    "review.html",
    "summary.json",
)


@dataclass(frozen=True)
class Finished:
    """A run that ended well. lab: its own, served again; done: what its nodes saw of the run."""

    desk: Desk
    ended: Ended
    lab: LabControl
    done: list[dict[str, Any]]

    @property
    def run(self) -> Path:
        return self.desk.run

    @property
    def logs(self) -> set[str]:
        """Return the logs of the tasks that the journal names."""
        tasks = [e["data"].get("task") for e in events(self.run, "intent")]
        return {f"logs/{task}.log" for task in tasks if task}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Iterator[Finished]:
    desk = Desk(tmp_path_factory.mktemp("finished"), home)
    ended = desk.scc("run", LAB)
    state = desk.run.with_name(f"{desk.run.name}.lab")
    with lab_process.start(LAB, state=state) as lab:
        yield Finished(desk, ended, lab.control, lab.control.ledger())
    desk.close()


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_a_whole_run_ends_with_0_and_says_last_where_the_record_is_and_its_digest(
    finished: Finished,
) -> None:
    ended, run = finished.ended, finished.run

    assert ended.code == 0
    digest = json.loads(finished.desk.scc("verify", run, "--json").out)["digest"]
    assert ended.out.splitlines()[-3:] == [
        f"{run}: done",
        f"  page      {run / 'review.html'}",
        f"  manifest  {digest}",
    ]


def test_its_progress_names_the_phases_and_how_each_ended(finished: Finished) -> None:
    lines = finished.ended.err.splitlines()

    assert len(PHASES) == 11
    assert [line for line in lines if line.startswith("[")] == [
        f"[{n}/11] {phase}" for n, phase in enumerate(PHASES, 1)
    ]
    closed = [line.split(" in ")[0].strip() for line in lines if " done in " in line]
    assert closed == [f"{phase} done" for phase in PHASES]


def test_the_run_folder_holds_what_the_architecture_names_and_is_private(
    finished: Finished,
) -> None:
    run = finished.run
    found = {path: path.lstat() for path in (run, *run.rglob("*"))}

    assert len(finished.logs) == 7
    assert files(run) == FILES | finished.logs
    assert {p.name for p in run.iterdir() if p.is_dir()} == {
        "debug",
        "gates",
        "logs",
        "notebooks",
        "plans",
    }
    kinds = {
        (stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), status.st_uid)
        for status in found.values()
    }
    assert kinds == {(stat.S_IFDIR, 0o700, os.getuid()), (stat.S_IFREG, 0o600, os.getuid())}


def test_each_executed_notebook_is_valid_complete_and_got_our_four_parameters_only(
    finished: Finished,
) -> None:
    given = {
        "parameters_file": str(finished.run / "parameters.yaml"),
        "mode": "apply",
        "run_folder": str(finished.run),
        "approved_plan": "",
    }
    for phase in PHASES:
        executed = notebook(finished.run, phase)
        injected = [
            "".join(cell["source"])
            for cell in executed["cells"]
            if "injected-parameters" in cell["metadata"].get("tags", [])
        ]

        assert executed["metadata"]["papermill"]["parameters"] == given
        lines = [f'{name} = "{value}"' for name, value in given.items()]
        assert [cell.splitlines() for cell in injected] == [["# Parameters", *lines]]
        assert set(cell_states(executed).values()) == {"completed"}


def test_every_intent_is_settled_and_every_step_verified(finished: Finished) -> None:
    verified = {
        (e["data"]["phase"], e["data"]["step"], e["data"]["node"])
        for e in events(finished.run, "verified")
    }
    planned = {
        (e["data"]["phase"], step["step"], step["node"])
        for e in events(finished.run, "planned")
        for step in e["data"]["steps"]
    }

    assert unsettled(finished.run) == []
    assert verified == planned
    assert [(e["event"], e["data"]) for e in entries(finished.run)[-1:]] == [
        ("run_closed", {"outcome": "done", "by": None, "reason": None})
    ]


def test_the_site_is_what_the_document_ends_with(finished: Finished) -> None:
    """Asserted from the lab's own state, not from what our reads say of it."""
    state = finished.lab.state()
    cluster, server = state["cluster"], state["exchange"]["clustered_server"]

    assert without_restarts(standing(finished.lab)) == without_restarts(AS_DOCUMENTED)
    assert state["domain"]["memberships"] == dict.fromkeys(NODES, "lab.local")
    assert (cluster["name"], state["domain"]["dns"]["e2k7clu"]) == ("E2K7CLU", "192.168.1.20")
    assert cluster["quorum"]["resource"] == "Disk Q:"
    assert {name: each["state"] for name, each in cluster["members"].items()} == {
        FIRST.upper(): 0,
        SECOND.upper(): 0,
    }
    assert {each["name"]: each["role"] for each in cluster["networks"]} == {
        "Public": 2,
        "Private": 1,
    }
    assert {each["name"]: each["owner"] for each in cluster["groups"]} == {
        "Cluster Group": FIRST.upper(),
        "MailboxServer": FIRST.upper(),
    }
    assert {each["state"] for each in cluster["resources"]} == {2}
    assert (server["name"], server["data_path"]) == ("MailboxServer", r"S:\ExchangeData")
    assert sorted(server["machines"]) == [FIRST.upper(), SECOND.upper()]
    assert state["tasks"]["tasks"] == []


def test_the_whole_world_is_the_one_that_stands_before_the_last_phase(finished: Finished) -> None:
    world = World.create(f"before:{END}", topology(), 1, clock=PolledClock(WALL))
    expected = json.loads(json.dumps(world.state()))
    world.close()

    assert {**finished.lab.state(), "scenario": ""} == {**expected, "scenario": ""}


def without_restarts(nodes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return how nodes stand, whatever a domain and shared disks took in restarts."""
    return {
        name: {key: value for key, value in node.items() if key != "restarts"}
        for name, node in nodes.items()
    }


def test_the_lab_saw_what_the_phases_do_one_by_one_and_nothing_else(finished: Finished) -> None:
    """The ledger of the whole run against each phase, carried out alone in one process."""
    seen = Counter(
        without_order(e["node"], e["cause"], e["what"], str(e["before"]), str(e["after"]))
        for e in finished.done
        if of_the_procedure(e)
    )
    alone: Counter[tuple[str, ...]] = Counter()
    for phase in PHASES:
        scenario = "factory" if phase in PHASES[:2] else ""
        journey = Journey(phase, scenario, counts=of_the_procedure)
        for effect, times in uninterrupted(journey).effects.items():
            alone[without_order(*effect)] += times

    assert (seen - alone, alone - seen) == (Counter(), Counter())


def without_order(*effect: str) -> tuple[str, ...]:
    """Return an effect without the values that are mappings: their order is not the same."""
    return tuple("" if each.startswith("{'") else each for each in effect)


def test_the_mailbox_server_was_moved_there_and_back(finished: Finished) -> None:
    what = "owner of cluster group MailboxServer"
    owners = [e["after"] for e in finished.done if e["what"] == what]

    assert owners[-2:] == [SECOND.upper(), FIRST.upper()]


def test_summary_and_page_have_all_phases(finished: Finished) -> None:
    summary = json.loads((finished.run / "summary.json").read_text("utf-8"))
    page = (finished.run / "review.html").read_text("utf-8")

    assert summary["phases"] == dict.fromkeys(PHASES, "done")
    assert (summary["changes"], summary["restarts"]) == (len(events(finished.run, "intent")) - 4, 4)
    assert [phase for phase in PHASES if phase not in page] == []


def test_the_run_is_whole_and_any_changed_byte_is_found_in_the_file_that_has_it(
    finished: Finished,
) -> None:
    run, desk = finished.run, finished.desk
    whole = desk.scc("verify", run)
    assert (whole.code, whole.out.splitlines()[0], whole.err) == (0, f"{run}: whole", "")

    found = {}
    of_each_kind = {*OF_EACH_KIND, min(finished.logs)}
    everything = files(run)
    for name in sorted(of_each_kind):
        path = run / name
        before = path.read_bytes()
        try:
            path.write_bytes(with_one_byte_changed(before))
            arguments = ["--digest", manifest_digest(whole)] if name == "MANIFEST.json" else []
            verified = desk.scc("verify", run, "--json", *arguments)
        finally:
            path.write_bytes(before)
        faults = verified.json["faults"]
        named = {each for each in everything if any(each in fault for fault in faults)}
        if name == "MANIFEST.json":
            # What stands in it may have become the name or the digest of another file.
            assert name in named
            named = {name}
        found[name] = (verified.code, verified.json["state"], named)

    assert found == {name: (70, "damaged", {name}) for name in of_each_kind}
    assert desk.scc("verify", run).code == 0


def with_one_byte_changed(content: bytes) -> bytes:
    """Return the content with another byte in its middle; one byte where there was none."""
    if not content:
        return b"x"
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def manifest_digest(verified: Ended) -> str:
    (line,) = [line for line in verified.out.splitlines() if line.startswith("  manifest ")]
    return line.split()[-1]


@pytest.mark.parametrize("name", ["plans/10_configure_networks.json", "review.html"])
def test_a_file_that_is_gone_is_named(finished: Finished, name: str) -> None:
    path = finished.run / name
    aside = finished.desk.folder / "aside"
    path.rename(aside)
    try:
        verified = finished.desk.scc("verify", finished.run)
    finally:
        aside.rename(path)

    faults = [line for line in verified.out.splitlines() if "fault:" in line]
    assert (verified.code, len(faults)) == (70, 1)
    assert name in faults[0]


def test_a_file_that_was_added_is_named(finished: Finished) -> None:
    path = finished.run / "logs" / "note.txt"
    path.touch(mode=0o600)
    try:
        verified = finished.desk.scc("verify", finished.run)
    finally:
        path.unlink()

    faults = [line for line in verified.out.splitlines() if "fault:" in line]
    assert (verified.code, len(faults)) == (70, 1)
    assert "logs/note.txt" in faults[0]


def test_the_chain_also_holds_by_stock_tools_alone(finished: Finished) -> None:
    sealed: dict[str, Any] = json.loads((finished.run / "MANIFEST.json").read_text("utf-8"))
    script = LAB.parents[1] / "tests" / "verify_chain.sh"
    begun = finished.desk.start(
        ["bash", str(script), str(finished.run / "journal.jsonl"), sealed["journal"]["head"]]
    )

    assert begun.ended().code == 0


def test_a_sealed_run_is_neither_resumed_nor_closed_nor_run_into(finished: Finished) -> None:
    desk, run = finished.desk, finished.run
    before = {name: (run / name).read_bytes() for name in files(run)}
    tried = {
        "resume": desk.scc("resume", run),
        "close": desk.scc("close", run, "--by", "Ann", "--reason", "over"),
        "run": desk.scc("run", LAB, "--run-folder", run),
        "approve": desk.scc("approve", run, f"{NETWORKS}.plan", "--by", "Ann", "--reason", "x"),
    }

    assert {name: ended.code for name, ended in tried.items()} == dict.fromkeys(tried, 20)
    assert {name: ended.error[0] for name, ended in tried.items()} == {
        "resume": f"The run {run.name} has ended.",
        "close": f"The run {run.name} has ended already.",
        "run": f"The folder {run} cannot take a new run.",
        "approve": f"Gate {NETWORKS}.plan does not wait for an answer.",
    }
    assert {name: (run / name).read_bytes() for name in files(run)} == before


def test_on_finished_nodes_a_plan_finds_nothing_and_another_run_sends_nothing(
    finished: Finished,
) -> None:
    desk, lab = finished.desk, finished.lab
    parameters = desk.parameters(lab=lab, name="again.yaml")
    before = effects(lab)

    planned = desk.scc("plan", parameters, "--exit-code")
    ran = desk.scc("run", parameters, "--run-folder", desk.folder / "again")

    assert (planned.code, planned.err) == (0, "")
    assert (ran.code, events(desk.folder / "again", "intent")) == (0, [])
    assert effects(lab) == before


BEHIND_ITS_BACK: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("set-netbios", SECOND, {"mac": MACS[SECOND]["Private"], "value": 1}),
    ("disable-account", FIRST, {"account": SERVICE}),
    ("remove-letter", FIRST, {"letter": "Q"}),
    ("set-cluster-quorum", FIRST, {"resource": "Disk Q:", "path": "Q:\\OTHER\\"}),
    ("set-network-role", FIRST, {"network": "Private", "role": 3}),
    ("remove-component", SECOND, {"component": "complusnetwork"}),
    ("dismount-database", FIRST, {}),
    ("setup-half-done", SECOND, {}),
)
"""One change at least of what each phase from 10 to 90 has brought about."""
BY_A_PERSON: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("enable-account", FIRST, {"account": SERVICE}),
    ("give-letter", FIRST, {"lun": 0, "letter": "Q"}),
    ("mount-database", FIRST, {}),
)
"""What the procedure does not mend: the plan tells it, and who has to."""
DRIFTED = {
    ("10", SECOND, "NetBIOS over TCP/IP on Private", "off"),
    ("20", FIRST, "check_accounts", r"LAB\svc-clus: it is disabled"),
    ("30", FIRST, "check_disks", "LUN 0 (1024 MB) is not as it was prepared on E2K7SCCNode1"),
    ("40", FIRST, "quorum", "Disk Q: in Q:\\MSCS\\"),
    ("50", FIRST, "role of Private", "internal only"),
    ("60", SECOND, "Windows components", "complusnetwork, iis_common, iis_inetmgr, iis_www"),
    ("70", FIRST, "group MailboxServer", "online"),
    ("80", SECOND, "Mailbox role", "installed"),
    ("90", FIRST, "database Mailbox Database", "mounted"),
}


def test_what_changed_behind_its_back_in_any_phase_is_planned_and_then_mended(
    finished: Finished,
) -> None:
    desk, lab = finished.desk, finished.lab
    parameters = desk.parameters(lab=lab, name="drifted.yaml")
    as_it_was = lab.state()
    for deed, node, arguments in BEHIND_ITS_BACK:
        lab.act(deed, node, **arguments)
    before = effects(lab)

    planned = desk.scc("plan", parameters, "--exit-code", "--json")
    after_the_plan = effects(lab)
    for deed, node, arguments in BY_A_PERSON:
        lab.act(deed, node, **arguments)
    ran = desk.scc("run", parameters, "--run-folder", desk.folder / "mended")

    assert (planned.code, planned.err) == (15, "")
    assert DRIFTED - told(planned.json) == set()
    assert after_the_plan == before
    assert (ran.code, ran.err.count("failed")) == (0, 0)
    assert [
        (e["data"]["phase"][:2], e["data"]["node"], e["data"]["setting"], e["data"]["after"])
        for e in events(desk.folder / "mended", "intent")
    ] == sorted(each for each in DRIFTED if each[0] in {"10", "40", "50", "60", "80"})
    assert lab.state() == as_it_was


def told(plans: list[dict[str, Any]]) -> set[tuple[str, str, str, str]]:
    """Return phase, node, setting and aim of each change, and each hindrance without its advice."""
    found = set()
    for plan in plans:
        for step in plan["steps"]:
            at = (plan["phase"][:2], step["node"])
            found |= {(*at, change["setting"], change["after"]) for change in step["changes"]}
            if step["outcome"] == "blocked":
                reason = step["reason"].partition(". Next:")[0].partition(": one partition")[0]
                found.add((*at, step["step"], reason))
    return found
