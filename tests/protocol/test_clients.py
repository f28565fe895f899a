"""Clients that nobody here wrote: each gets the protocol's own answer, also when it is a no."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import winrm
from pypsrp.client import Client
from pypsrp.exceptions import WSManFaultError as PsrpFaultError
from winrm.exceptions import InvalidCredentialsError, WSManFaultError

from runbook_lib.lab.lab import Lab
from tests.protocol.small_site import PASSWORD


def session(lab: Lab, password: str = PASSWORD) -> winrm.Session:
    node = lab.node("NODE1")
    return winrm.Session(
        f"http://{node.host}:{node.port}/wsman",
        auth=("Administrator", password),
        transport="ntlm",
        message_encryption="always",
        ca_trust_path=None,
        proxy=None,
    )


def test_pywinrm_is_told_that_there_is_no_command_shell(lab: Lab) -> None:
    with pytest.raises(WSManFaultError) as caught:
        session(lab).run_cmd("hostname")

    assert caught.value.wsman_fault_code == 2150859180
    assert "not accept any remote shell requests" in str(caught.value)


def test_pywinrm_powershell_is_told_the_same(lab: Lab) -> None:
    with pytest.raises(WSManFaultError) as caught:
        session(lab).run_ps("Get-Date")

    assert caught.value.wsman_fault_code == 2150859180


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


def test_winrs_of_pypsrp_is_refused(lab: Lab) -> None:
    node = lab.node("NODE1")
    client = Client(
        node.host,
        port=node.port,
        username="Administrator",
        password=PASSWORD,
        ssl=False,
        no_proxy=True,
    )

    with pytest.raises(PsrpFaultError) as caught:
        client.execute_cmd("hostname")

    assert caught.value.code == 2150859180


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
