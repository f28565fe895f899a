"""Whether this machine can run the procedure: what is there, what is missing, what mends it.

`facts` looks, `judge` decides; the second is pure, so that every verdict can be tested. What is
found out about the nodes themselves is in `doctor_nodes`.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from runbook_lib.execution.run_folder import runs_folder

PACKAGE = "exchange-scc-runbook"
OLDEST_PYTHON = (3, 11)
LEAST_BYTES = 64 * 2**20
"""Below this a run is refused: the record could not be kept."""
EASY_BYTES = 2**30
PROJECT_BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
"""A clock that shows an earlier time is wrong."""
WEAKEST_LM_LEVEL = 3
"""LM_COMPAT_LEVEL from which on NTLMv1 is never spoken."""

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)>=([0-9.]+)$")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Verdict(StrEnum):
    """What a finding means."""

    OK = "ok"
    OPTIONAL = "optional"
    WARNING = "warning"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. mend: the one command or act that puts it right."""

    subject: str
    verdict: Verdict
    found: str
    mend: str = ""


@dataclass(frozen=True)
class Facts:
    """What was seen on this machine.

    packages: requirement ("papermill>=2.6") -> installed version, None without one.
    keyring: the backend's name, None when there is none that keeps anything.
    kernel: the program that notebooks would run with, None without a kernel specification.
    loopback: why two addresses of 127.0.0.1 cannot be served, None when they can.
    """

    platform: str
    python: tuple[int, int, int]
    executable: str
    packages: Mapping[str, str | None]
    keyring: str | None
    kernel: str | None
    runs: Path
    runs_writable: bool
    free_bytes: int
    now: datetime
    loopback: str | None
    lm_compat_level: str | None
    browser: str | None
    powershell: str | None


def facts() -> Facts:
    """Return what is seen on this machine; changes nothing that stays."""
    runs = runs_folder()
    standing = _nearest_existing(runs)
    return Facts(
        platform=platform.system(),
        python=sys.version_info[:3],
        executable=sys.executable,
        packages=_packages(),
        keyring=_keyring(),
        kernel=_kernel(),
        runs=runs,
        runs_writable=os.access(standing, os.W_OK | os.X_OK),
        free_bytes=shutil.disk_usage(standing).free,
        now=datetime.now(UTC),
        loopback=_loopback(),
        lm_compat_level=os.environ.get("LM_COMPAT_LEVEL"),
        browser=next((path for name in _BROWSERS if (path := shutil.which(name))), None),
        powershell=os.environ.get("RUNBOOK_PWSH") or shutil.which("pwsh"),
    )


def judge(seen: Facts) -> tuple[Finding, ...]:
    """Return a finding for everything that was looked at, in the order of what stops most."""
    return (
        _platform(seen),
        _python(seen),
        _installed(seen),
        _notebook_kernel(seen),
        _folder(seen),
        _space(seen),
        _clock(seen),
        _ports(seen),
        _ntlm(seen),
        _secrets(seen),
        _optional("browser", seen.browser, "only `make test` opens one: apt install chromium"),
        _optional("PowerShell", seen.powershell, "only tests ask one: set RUNBOOK_PWSH to a pwsh"),
    )


def _platform(seen: Facts) -> Finding:
    if seen.platform in {"Linux", "Darwin"}:
        return Finding("system", Verdict.OK, seen.platform)
    return Finding("system", Verdict.MISSING, seen.platform, "use Linux, macOS or WSL2")


def _python(seen: Facts) -> Finding:
    version = ".".join(map(str, seen.python))
    if seen.python >= OLDEST_PYTHON:
        return Finding("Python", Verdict.OK, version)
    return Finding("Python", Verdict.MISSING, version, "make clean setup PYTHON=python3.12")


def _installed(seen: Facts) -> Finding:
    lacking = [
        (requirement, version)
        for requirement, version in sorted(seen.packages.items())
        if version is None or _release(version) < _release(requirement.partition(">=")[2])
    ]
    if not seen.packages:
        return Finding("packages", Verdict.MISSING, f"{PACKAGE} is not installed", "make setup")
    if not lacking:
        return Finding("packages", Verdict.OK, f"all {len(seen.packages)} as required")
    found = ", ".join(
        f"{requirement} ({f'found {version}' if version else 'missing'})"
        for requirement, version in lacking
    )
    wanted = " ".join(f"'{requirement}'" for requirement, _ in lacking)
    mend = f"{seen.executable} -m pip install {wanted}"
    return Finding("packages", Verdict.MISSING, found, mend)


def _notebook_kernel(seen: Facts) -> Finding:
    subject = "notebook kernel"
    if seen.kernel is None:
        mend = f"{seen.executable} -m ipykernel install --sys-prefix"
        return Finding(subject, Verdict.MISSING, "there is no kernel named python3", mend)
    if _is_this_python(seen.kernel, seen.executable):
        return Finding(subject, Verdict.OK, "this Python")
    found = f"the kernel python3 is another Python: {seen.kernel}"
    return Finding(subject, Verdict.MISSING, found, "jupyter kernelspec remove python3")


def _is_this_python(kernel: str, executable: str) -> bool:
    """Tell whether a kernel specification means this Python; a bare name is found on its PATH."""
    return kernel in {"python", "python3"} or Path(kernel).parent == Path(executable).parent


def _folder(seen: Facts) -> Finding:
    if seen.runs_writable:
        return Finding("run folders", Verdict.OK, str(seen.runs))
    mend = "set RUNBOOK_RUNS to a folder of yours"
    return Finding("run folders", Verdict.MISSING, f"{seen.runs} cannot be written", mend)


def _space(seen: Facts) -> Finding:
    found = f"{seen.free_bytes // 2**20} MiB free for {seen.runs}"
    mend = "set RUNBOOK_RUNS to a folder with more space"
    if seen.free_bytes < LEAST_BYTES:
        return Finding("disk space", Verdict.MISSING, found, mend)
    if seen.free_bytes < EASY_BYTES:
        return Finding("disk space", Verdict.WARNING, found, mend)
    return Finding("disk space", Verdict.OK, found)


def _clock(seen: Facts) -> Finding:
    found = f"{seen.now:%Y-%m-%d %H:%M:%S} UTC"
    if seen.now >= PROJECT_BEGAN:
        return Finding("clock", Verdict.OK, found)
    return Finding("clock", Verdict.MISSING, found, "timedatectl set-ntp true")


def _ports(seen: Facts) -> Finding:
    subject = "loopback"
    if seen.loopback is None:
        return Finding(subject, Verdict.OK, "two ports of 127.0.0.1 answer")
    mend = "allow connections to 127.0.0.1; the rehearsal serves its nodes there"
    return Finding(subject, Verdict.MISSING, seen.loopback, mend)


def _ntlm(seen: Facts) -> Finding:
    level = seen.lm_compat_level
    if level is None:
        return Finding("NTLM", Verdict.OK, "version 2 only")
    if level.isdigit() and int(level) >= WEAKEST_LM_LEVEL:
        return Finding("NTLM", Verdict.OK, f"version 2 only (LM_COMPAT_LEVEL={level})")
    found = f"LM_COMPAT_LEVEL={level} would allow version 1"
    return Finding("NTLM", Verdict.MISSING, found, "unset LM_COMPAT_LEVEL")


def _secrets(seen: Facts) -> Finding:
    if seen.keyring is not None:
        found = f"{seen.keyring}; `keyring set SERVICE USER` asks for a secret and puts it there"
        return Finding("keyring", Verdict.OK, found)
    found = "no keyring here that keeps secrets: keyring: references cannot be answered"
    return Finding("keyring", Verdict.OPTIONAL, found, "use prompt: or fd: references")


def _optional(subject: str, found: str | None, mend: str) -> Finding:
    if found:
        return Finding(subject, Verdict.OK, found)
    return Finding(subject, Verdict.OPTIONAL, "not found", mend)


def _release(version: str) -> tuple[int, ...]:
    """Return a version's numbers; what follows them (rc1, .dev2) is left out."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def _packages() -> dict[str, str | None]:
    try:
        requirements = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return {}
    found: dict[str, str | None] = {}
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is None:
            continue
        try:
            found[requirement] = metadata.version(match.group(1))
        except metadata.PackageNotFoundError:
            found[requirement] = None
    return found


def _keyring() -> str | None:
    # Imported here: its backends ask the desktop, which only this finding needs.
    import keyring
    from keyring.backends import fail, null

    backend = keyring.get_keyring()
    if isinstance(backend, fail.Keyring | null.Keyring):
        return None
    return str(backend.name)


def _kernel() -> str | None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        argv = KernelSpecManager().get_kernel_spec("python3").argv
    except NoSuchKernel:
        return None
    return str(argv[0]) if argv else None


def _loopback() -> str | None:
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as one,
            socket.create_server(("127.0.0.1", 0)) as two,
        ):
            for server in (one, two):
                socket.create_connection(server.getsockname(), timeout=2).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _nearest_existing(path: Path) -> Path:
    """Return `path`, or the folder above it that is there already."""
    for folder in (path.absolute(), *path.absolute().parents):
        if folder.is_dir():
            return folder
    return Path(tempfile.gettempdir())
