"""An administrator with stock clients: cmdlets by pypsrp, command lines by pywinrm.

What is typed comes from the platform's own documentation. Nothing of the package is used but the
lab, whose listeners and control address are reached over sockets.
"""

from __future__ import annotations

import csv
import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import winrm
from pypsrp.exceptions import WinRMError as PypsrpError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan
from requests.exceptions import RequestException
from winrm.exceptions import WinRMError, WinRMTransportError

from runbook_lib.lab.lab import Lab

WORK = r"C:\admin"
PATIENCE_S = 60.0
PAUSE_S = 0.02
LOST = (RequestException, WinRMError, WinRMTransportError, PypsrpError)
"""How stock clients say that a node fell silent."""


class RefusedError(AssertionError):
    """A node refused what the administrator asked for."""


@dataclass
class Person:
    """Who stands at the machines: acts through the control address."""

    lab: Lab

    def does(self, act: str, **arguments: object) -> None:
        """Do an act; whatever is refused raises."""
        request = urllib.request.Request(
            f"{self.lab.control}/acts/{act}", json.dumps(arguments).encode(), method="POST"
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as reply:
            json.load(reply)


@dataclass
class Administrator:
    """One account at one node. Every command opens a connection of its own."""

    lab: Lab
    node: str
    user: str
    password: str

    # -- command lines, through the remote command shell

    def run(self, *words: str, codes: Sequence[int] = (0,)) -> list[str]:
        """Run a program; return its lines. RefusedError for another exit code than these."""
        code, lines = self.try_run(*words)
        if code not in codes:
            raise RefusedError(words, code, lines)
        return lines

    def try_run(self, *words: str) -> tuple[int, list[str]]:
        """Return a program's exit code and lines."""
        at = self.lab.node(self.node)
        session = winrm.Session(
            f"http://{at.host}:{at.port}/wsman",
            auth=(self.user, self.password),
            transport="ntlm",
            message_encryption="always",
            ca_trust_path=None,
            proxy=None,
        )
        try:
            ran = session.run_cmd(words[0], words[1:])
        finally:
            session.protocol.transport.close_session()
        said = ran.std_out + ran.std_err
        return ran.status_code, said.decode().splitlines()

    # -- cmdlets, through a runspace pool

    @contextmanager
    def pool(self) -> Iterator[RunspacePool]:
        at = self.lab.node(self.node)
        connection = WSMan(
            at.host,
            port=at.port,
            username=self.user,
            password=self.password,
            ssl=False,
            auth="negotiate",
            encryption="always",
            no_proxy=True,
            connection_timeout=10,
            read_timeout=20,
            operation_timeout=10,
        )
        with connection, RunspacePool(connection) as pool:
            yield pool

    def ps(self, cmdlet: str, **parameters: object) -> list[Any]:
        """Invoke a cmdlet; return its objects. RefusedError for its first error."""
        with self.pool() as pool:
            shell = PowerShell(pool).add_cmdlet(cmdlet).add_parameters(parameters)
            given = shell.invoke()
            if shell.had_errors or shell.streams.error:
                raise RefusedError(cmdlet, parameters, [str(each) for each in shell.streams.error])
            return list(given)

    def wmi(self, name: str, **parameters: object) -> list[dict[str, Any]]:
        """Return the instances of a class, each as its properties."""
        return [
            {**each.adapted_properties, **each.extended_properties}
            for each in self.ps("Get-WmiObject", Class=name, **parameters)
        ]

    def call(self, path: str, method: str, *arguments: object) -> None:
        """Call a WMI method of an instance, or of a class where the path is its name alone.

        The arguments stand in the alphabetical order of their names: so Invoke-WmiMethod wants it.
        """
        target = {"Path": path} if "." in path or ":" in path else {"Class": path}
        listed = {"ArgumentList": list(arguments)} if arguments else {}
        [result] = self.ps("Invoke-WmiMethod", **target, Name=method, **listed)
        code = {**result.adapted_properties, **result.extended_properties}["ReturnValue"]
        if code != 0:
            raise RefusedError(path, method, code)

    def value(self, key: str, name: str) -> Any:
        """Return a registry value."""
        [found] = self.ps("Get-ItemProperty", Path=key, Name=name)
        return {**found.adapted_properties, **found.extended_properties}[name]

    # -- work that takes minutes, or needs credentials for other machines: a scheduled task

    def task(self, name: str, command: str, account: tuple[str, str]) -> tuple[int, list[str]]:
        """Let the scheduler run one command under an account; return exit code and output."""
        base = rf"{WORK}\{name}"
        self.run("mkdir", WORK)
        self.ps(
            "Set-Content",
            Path=f"{base}.cmd",
            Value=[
                "@echo off",
                f"{command} > {base}.out 2>&1",
                f"echo %ERRORLEVEL% > {base}.rc",
            ],
        )
        user, password = account
        when = ("/sc", "once", "/st", "23:59:00")
        made = self.run(
            *("schtasks", "/create", "/tn", name, "/tr", f"{base}.cmd"),
            *(*when, "/ru", user, "/rp", password),
        )
        if not any(line.startswith("SUCCESS") for line in made):
            raise RefusedError(made)
        self.run("schtasks", "/run", "/tn", name)
        await_that(lambda: not self._is_running(name), f"the task {name} ends")
        code = int(self.run("type", f"{base}.rc")[0])
        lines = self.run("type", f"{base}.out")
        self.run("schtasks", "/delete", "/tn", name, "/f")
        for ending in ("cmd", "out", "rc"):
            self.run("del", f"{base}.{ending}")
        self.run("rd", WORK)
        return code, lines

    def _is_running(self, name: str) -> bool:
        lines = self.run("schtasks", "/query", "/fo", "CSV", "/v")
        rows = csv.DictReader(line for line in lines if line)
        [status] = [row["Status"] for row in rows if row["TaskName"] == name]
        return status == "Running"

    # -- up and down

    def boot_time(self) -> str:
        """Return when Windows started."""
        [system] = self.wmi("Win32_OperatingSystem")
        return str(system["LastBootUpTime"])

    def answers(self) -> bool:
        """Tell whether the node takes this account's commands now."""
        try:
            self.run("echo", "there")
        except LOST:
            return False
        return True

    def restart(self) -> None:
        """Restart Windows and wait until it has come back."""
        before = self.boot_time()
        # It may be down before its answer is out.
        with suppress(*LOST):
            self.run("shutdown", "/r", "/t", "5", "/f", "/d", "p:2:4", "/c", "maintenance")
        await_that(lambda: self._started_after(before), f"{self.node} is back")

    def _started_after(self, before: str) -> bool:
        try:
            return self.boot_time() != before
        except LOST:
            return False

    def run_and_be_cut_off(self, *words: str) -> None:
        """Run what changes the very address that carries the connection; the reply may be lost."""
        try:
            self.run(*words)
        except LOST:
            await_that(self.answers, f"{self.node} answers at its new address")


def await_that(is_so: Callable[[], bool], what: str) -> None:
    """Ask until it is so; RefusedError when it never comes true."""
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > until:
            raise RefusedError(f"in vain: {what}")
        time.sleep(PAUSE_S)
