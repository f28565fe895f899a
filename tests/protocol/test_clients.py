"""Clients that nobody here wrote: each gets the protocol's own answer, also when it is a no."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import winrm
from pypsrp.client import Client
from winrm.exceptions import InvalidCredentialsError

from runbook_lib.lab.lab import Lab
from tests.protocol.small_site import PASSWORD


def session(lab: Lab, password: str = PASSWORD, name: str = "NODE1") -> winrm.Session:
    node = lab.node(name)
    return winrm.Session(
        f"http://{node.host}:{node.port}/wsman",
        auth=("Administrator", password),
        transport="ntlm",
        message_encryption="always",
        ca_trust_path=None,
        proxy=None,
    )


@pytest.fixture
def site() -> Iterator[Lab]:
    """Serve the simulated site itself."""
    with Lab.start("factory") as served:
        yield served


def on(site: Lab) -> winrm.Session:
    return session(site, site.world.password("local-administrator"), site.nodes[0].name)


def test_pywinrm_runs_a_program_in_the_command_shell(site: Lab) -> None:
    ran = on(site).run_cmd("ping.exe", ["-n", "1", "192.168.1.1"])

    assert (ran.status_code, ran.std_err) == (0, b"")
    assert b"Reply from 192.168.1.1" in ran.std_out
    assert site.world.command_lines() == [
        {"node": "E2K7SCCNode1", "line": "ping.exe -n 1 192.168.1.1"}
    ]


def test_pywinrm_changes_what_a_program_changes(site: Lab) -> None:
    words = ["interface", "set", "interface", 'name="Local Area Connection"', "newname=Wire"]

    ran = on(site).run_cmd("netsh", words)

    assert ran.status_code == 0
    effects = [(e["node"], e["cause"], e["after"]) for e in site.world.ledger()]
    assert effects == [("E2K7SCCNode1", "wire", "Wire")]


def test_an_exit_code_reaches_pywinrm(site: Lab) -> None:
    ran = on(site).run_cmd("netsh.exe", ["interface", "set", "interface", "nowhere", "newname=x"])

    assert ran.status_code == 1


def test_an_unknown_program_is_what_cmd_says_of_it(site: Lab) -> None:
    ran = on(site).run_cmd("frobnicate", ["/now"])

    assert (ran.status_code, ran.std_out) == (1, b"")
    assert ran.std_err.startswith(b"'frobnicate' is not recognized")


def test_pywinrm_powershell_is_told_that_it_is_not_simulated(site: Lab) -> None:
    ran = on(site).run_ps("Get-Date")

    assert (ran.status_code, ran.std_out) == (1, b"")
    assert b"The lab has no powershell of its own." in ran.std_err


def test_pywinrm_with_a_wrong_password_is_refused_once(lab: Lab) -> None:
    with pytest.raises(InvalidCredentialsError):
        session(lab, "wrong").run_cmd("hostname")

    assert lab.logons.bad() == {"Administrator": 1}


def test_convenience_client_of_pypsrp_is_told_what_is_not_simulated(lab: Lab) -> None:
    node = lab.node("NODE1")
    client = Client(
        node.host,
        port=node.port,
        username="Administrator",
        password=PASSWORD,
        ssl=False,
        no_proxy=True,
    )

    _, streams, had_errors = client.execute_ps("Get-Date")

    assert had_errors
    assert [error.fq_error for error in streams.error] == ["NotSimulated"]


def test_winrs_of_pypsrp_runs_a_program(site: Lab) -> None:
    node = site.nodes[1]
    client = Client(
        node.host,
        port=node.port,
        username="Administrator",
        password=site.world.password("local-administrator"),
        ssl=False,
        no_proxy=True,
    )

    output, error, code = client.execute_cmd("ping.exe -n 1 192.168.1.1")

    assert (code, error) == (0, "")
    assert "Reply from 192.168.1.1" in output


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_with_a_plain_body_is_logged_on_and_refused(lab: Lab, tmp_path: Path) -> None:
    node = lab.node("NODE1")
    config = tmp_path / "curl.conf"
    password = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    config.write_text(f'user = "Administrator:{password}"\n', encoding="utf-8")

    done = subprocess.run(
        [
            *("curl", "--silent", "--noproxy", "*", "--ntlm", "--config", str(config)),
            *("--data", "<a/>", "--write-out", "%{http_code}"),
            f"http://{node.host}:{node.port}/wsman",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    assert done.stdout == "500"
    assert (lab.logons.good(), lab.logons.bad()) == ({"Administrator": 1}, {})
