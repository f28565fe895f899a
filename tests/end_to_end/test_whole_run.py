"""One run from start to seal, as a person sees it, finds it on disk and finds it on the nodes."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.sessions import lab_process
from runbook_lib.sessions.lab_control import LabControl
from tests.builders import LAB
from tests.end_to_end.command_line import (
    AS_DOCUMENTED,
    CHECK,
    END,
    NETWORKS,
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

PHASES = (CHECK, NETWORKS, END)
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


@dataclass(frozen=True)
class Finished:
    """A run that ended well. lab: its own, served again from the folder where it was left."""

    desk: Desk
    ended: Ended
    lab: LabControl

    @property
    def run(self) -> Path:
        return self.desk.run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Iterator[Finished]:
    desk = Desk(tmp_path_factory.mktemp("finished"), home)
    ended = desk.scc("run", LAB)
    state = desk.run.with_name(f"{desk.run.name}.lab")
    with lab_process.start(LAB, state=state) as lab:
        yield Finished(desk, ended, lab.control)
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

    assert [line for line in lines if line.startswith("[")] == [
        f"[1/3] {CHECK}",
        f"[2/3] {NETWORKS}",
        f"[3/3] {END}",
    ]
    closed = [line.split(" in ")[0].strip() for line in lines if " done in " in line]
    assert closed == [f"{phase} done" for phase in PHASES]


def test_the_run_folder_holds_what_the_architecture_names_and_is_private(
    finished: Finished,
) -> None:
    run = finished.run
    found = {path: path.lstat() for path in (run, *run.rglob("*"))}

    assert files(run) == FILES
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


def test_both_nodes_stand_as_the_document_wants_them(finished: Finished) -> None:
    assert standing(finished.lab) == AS_DOCUMENTED


def test_the_ledger_has_each_journalled_change_and_no_other(finished: Finished) -> None:
    """The lab's own account against the journal's, joined by node and by count of changes."""
    counted = [e["node"] for e in effects(finished.lab) if "Linkage" not in e["what"]]
    # One change of the binding order writes three lists.
    lists = [e["node"] for e in effects(finished.lab) if "Linkage" in e["what"]]
    intents = [e["data"]["node"] for e in events(finished.run, "intent")]

    assert sorted(counted + lists[::3]) == sorted(intents)
    assert len(lists) == 6


def test_the_run_is_whole_and_any_changed_byte_is_found_in_the_file_that_has_it(
    finished: Finished,
) -> None:
    run, desk = finished.run, finished.desk
    whole = desk.scc("verify", run)
    assert (whole.code, whole.out.splitlines()[0], whole.err) == (0, f"{run}: whole", "")

    found = {}
    for name in sorted(FILES):
        path = run / name
        before = path.read_bytes()
        try:
            path.write_bytes(with_one_byte_changed(before))
            arguments = ["--digest", manifest_digest(whole)] if name == "MANIFEST.json" else []
            verified = desk.scc("verify", run, "--json", *arguments)
        finally:
            path.write_bytes(before)
        faults = verified.json["faults"]
        named = {each for each in FILES if any(each in fault for fault in faults)}
        found[name] = (verified.code, verified.json["state"], named)

    assert found == {name: (70, "damaged", {name}) for name in FILES}
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
    before = {name: (run / name).read_bytes() for name in FILES}
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


def test_what_changed_behind_its_back_is_planned_and_then_mended(finished: Finished) -> None:
    desk, lab = finished.desk, finished.lab
    parameters = desk.parameters(lab=lab, name="drifted.yaml")
    lab.act("set-netbios", "E2K7SCCNode2", mac="00-03-FF-10-00-22", value=1)
    before = effects(lab)

    planned = desk.scc("plan", parameters, "--exit-code", "--json")
    after_the_plan = effects(lab)
    ran = desk.scc("run", parameters, "--run-folder", desk.folder / "mended")

    changes = [
        (plan["phase"], step["node"], change["setting"], change["before"], change["after"])
        for plan in planned.json
        for step in plan["steps"]
        for change in step["changes"]
    ]
    assert (planned.code, planned.err) == (15, "")
    assert changes == [(NETWORKS, "E2K7SCCNode2", "NetBIOS over TCP/IP on Private", "on", "off")]
    assert after_the_plan == before
    assert ran.code == 0
    assert [(e["node"], e["cause"], e["after"]) for e in effects(lab)[len(before) :]] == [
        ("E2K7SCCNode2", "wire", 2)
    ]
    assert standing(lab) == AS_DOCUMENTED
