"""A program that takes lab time, for tests of tasks, and short ways to start and look at one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from runbook_lib.lab.answers import SecretText
from runbook_lib.lab.handlers import installed
from runbook_lib.lab.handlers.surface import (
    Begins,
    Context,
    Ended,
    Procedure,
    Progress,
    Ran,
    Stage,
    runs,
)
from tests.lab_world import NODE_1, Site, script_text

INSTALLER = r"LAB\exinstall"
DONE = r"C:\slow work.txt"
"""What slow.exe leaves when it has come to its end."""


def _first(context: Context, data: dict[str, Any], progress: Progress) -> None:
    data["by"] = context.user
    progress.say(f"as {context.user}, {'with' if context.token.can_hop else 'without'} credentials")


def _second(context: Context, data: dict[str, Any], progress: Progress) -> None:
    context.node.changed("slow work", None, data["words"])
    progress.say("half of it")
    if "stop" in data["words"]:
        raise Ended(7, "stopped half way")


def _third(context: Context, data: dict[str, Any], progress: Progress) -> None:
    context.node.files.write(DONE, "done")
    progress.say(f"done by {data['by']}")


SLOW = Procedure("slow.exe", (Stage(10.0, _first), Stage(20.0, _second), Stage(30.0, _third)))


@runs("slow.exe", source="inferred: made up")
def slow(_context: Context, arguments: Sequence[str]) -> Begins:
    """Work for a minute; without its arguments, for nothing is said of a secret."""
    return Begins(SLOW, {"words": [w for w in arguments if ":" not in w]}, ("begun",))


@runs("quick.exe", source="inferred: made up")
def quick(_context: Context, arguments: Sequence[str]) -> Ran:
    """Say the arguments, one a line, and end with their number."""
    return Ran(len(arguments), tuple(arguments))


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every node have both programs while a test runs."""
    monkeypatch.setattr(installed, "PROGRAMS", (*installed.PROGRAMS, slow, quick))
    monkeypatch.setattr(installed, "PROCEDURES", (*installed.PROCEDURES, SLOW))


def password(site: Site) -> SecretText:
    """Return the installer's password as a SecureString brings it."""
    return SecretText(site.world.password("installer"))


def start(site: Site, *words: object, task: str = "rb-1", **more: Any) -> dict[str, Any]:
    """Start a program as a task on node 1."""
    given: dict[str, object] = {
        "Identity": site.identity(),
        "Task": task,
        "User": INSTALLER,
        "Password": password(site),
        "Program": words[0],
        "Arguments": list(words[1:]),
    }
    [answer] = site.run("start_task", NODE_1, **{**given, **more})
    return dict(answer)


def start_script(site: Site, name: str, **parameters: object) -> dict[str, Any]:
    """Start a constant script as a task on node 1."""
    return start(
        site,
        "",
        Script=script_text(name),
        Carrier=script_text("run_detached"),
        Parameters=parameters,
    )


def program(site: Site, *words: str) -> tuple[int, list[str]]:
    """Run a program as a read does; no identity is asked, so nothing else happens."""
    read = {"Program": words[0], "Arguments": list(words[1:])}
    row, _ = site.run("read_many", NODE_1, Reads=[read])
    return row["ExitCode"], row["Output"]


def shown(site: Site, path: str) -> list[str]:
    """Return a file as `type` shows it; nothing where there is none."""
    code, lines = program(site, "cmd.exe", "/c", "type", path)
    return lines if code == 0 else []


def tasks(site: Site) -> list[dict[str, str]]:
    """Return the tasks of node 1 as schtasks lists them."""
    _, lines = program(site, "schtasks.exe", "/query", "/fo", "CSV", "/v")
    rows = [[cell.strip('"') for cell in line.split('","')] for line in lines if '","' in line]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]] if rows else []


def status(site: Site) -> str | None:
    """Return the status of the one task, None without one."""
    found = [row["Status"] for row in tasks(site)]
    return found[0] if found else None
