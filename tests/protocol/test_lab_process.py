"""The lab as a process: started once a run, joined by the others, and restarted from its folder."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runbook_lib.commands.command import ManualAct, PersonsAct
from runbook_lib.errors import CredentialError, NodeUnreachableError, PreconditionError
from runbook_lib.sessions import lab_process
from runbook_lib.sessions.lab_control import LabControl
from tests.builders import LAB
from tests.protocol.nodes import PRIVATE_MAC

NODE = "E2K7SCCNode1"


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_process_starts_the_lab_and_the_others_join_it(tmp_path: Path) -> None:
    state = tmp_path / "run.lab"
    with lab_process.join_or_start(state, LAB, scenario="factory") as first:
        with lab_process.join_or_start(state, LAB, scenario="factory") as second:
            assert (first.is_ours, second.is_ours) == (True, False)
            assert first.control == second.control
        assert first.control.describe()["pid"] == first.pid
        assert [node.name for node in first.control.nodes()] == [NODE, "E2K7SCCNode2"]
        mode = stat.S_IMODE((state / "lab.json").stat().st_mode)

    assert not is_alive(first.pid)
    assert mode == 0o600


def test_a_lab_goes_on_from_its_folder(tmp_path: Path) -> None:
    state = tmp_path / "run.lab"
    with lab_process.join_or_start(state, LAB, scenario="factory") as lab:
        lab.control.act("unplug", NODE, mac=PRIVATE_MAC)
        before = lab.control.ledger()

    with lab_process.join_or_start(state, LAB, scenario="factory") as again:
        assert again.is_ours
        assert again.control.ledger() == before


def test_an_address_of_another_process_is_not_believed(tmp_path: Path) -> None:
    state = tmp_path / "run.lab"
    with lab_process.start(LAB) as stranger:
        state.mkdir()
        written = {"control": stranger.control.url, "pid": stranger.pid + 1}
        (state / "lab.json").write_text(json.dumps(written))

        with lab_process.join_or_start(state, LAB, scenario="factory") as ours:
            assert ours.is_ours
            assert ours.pid != stranger.pid


@pytest.mark.parametrize("content", ["", "{", "[]", '{"control": 5}', '{"control": "http://a"}'])
def test_a_spoilt_address_file_is_no_lab(tmp_path: Path, content: str) -> None:
    (tmp_path / "lab.json").write_text(content)

    with lab_process.join_or_start(tmp_path, LAB, scenario="factory") as lab:
        assert lab.is_ours


def test_a_lab_ends_with_whoever_started_it(tmp_path: Path) -> None:
    starter = (
        "import os, sys; from pathlib import Path; from runbook_lib.sessions import lab_process\n"
        "lab = lab_process.start(Path(sys.argv[1]))\n"
        "print(lab.pid, lab.control.url, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", starter, str(LAB)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        _pid, url = process.stdout.readline().split()
        assert LabControl(url).describe()["scenario"] == "factory"
        process.send_signal(signal.SIGKILL)
        process.wait()

    for _ in range(600):
        try:
            LabControl(url).describe()
        except NodeUnreachableError:
            return
    pytest.fail("the lab outlived the process that kept its standard input")


def test_why_a_lab_did_not_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(NodeUnreachableError, match="did not start") as caught:
        lab_process.start(tmp_path / "none.yaml")

    assert "none.yaml cannot be used" in caught.value.why


def test_a_lab_that_is_not_ready_in_time_is_ended() -> None:
    with pytest.raises(NodeUnreachableError, match="did not start") as caught:
        lab_process.start(LAB, ready_s=0.0)

    assert caught.value.why.startswith("not ready within 0 s")


def test_the_control_address_does_what_a_person_would() -> None:
    with lab_process.start(LAB) as lab:
        act = ManualAct(PersonsAct.UNBIND_FILE_SHARING, "untick it", (("mac", PRIVATE_MAC),))
        lab.control.perform(act, NODE)
        [effect] = lab.control.ledger()

        assert (effect["node"], effect["cause"]) == (NODE, "person")
        assert len(lab.control.password("installer")) >= 12
        assert lab.control.counters()["requests"] == 0
        with pytest.raises(CredentialError, match="lab:nobody"):
            lab.control.password("nobody")
        with pytest.raises(PreconditionError, match="/acts/dance"):
            lab.control.act("dance", NODE)
        lab.control.reset("factory")
        assert lab.control.ledger() == []


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "http://example.org:80", "https://127.0.0.1:1", "http://127.0.0.1", "x"],
)
def test_an_address_without_a_lab_is_unreachable(url: str) -> None:
    with pytest.raises(NodeUnreachableError):
        LabControl(url).describe()
