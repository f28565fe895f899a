from __future__ import annotations

import pytest

from runbook_lib.commands.command import (
    Detached,
    Program,
    Script,
    Secret,
    SecretText,
    TaskAccount,
)
from runbook_lib.commands.powershell_text import render

ACCOUNT = TaskAccount(r"LAB\it's me", Secret("keyring:a/b"))


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        (
            Detached(Program(r"C:\S\Setup.com", ("/m:Install", "it's 5%")), ACCOUNT, "rb-1"),
            [
                (
                    r"""Set-Content -Path 'C:\runbook\rb-1.cmd' -Value 'C:\S\Setup.com """
                    r"""/m:Install "it''s 5%%" > "C:\runbook\rb-1.out" 2>&1'"""
                )
            ],
        ),
        (
            Detached(
                Program("x.exe", (SecretText("/pass:{}", Secret("fd:3")), Secret("fd:4"))),
                ACCOUNT,
                "rb-1",
            ),
            [
                (
                    r"""Set-Content -Path 'C:\runbook\rb-1.cmd' -Value ('x.exe "/pass:' + """
                    r"""(Read-Host -Prompt 'fd:3') + '" "' + (Read-Host -Prompt 'fd:4') + """
                    r"""'" > "C:\runbook\rb-1.out" 2>&1')"""
                )
            ],
        ),
        (
            Detached(Script("read_exchange", (("Server", "E'X"),)), ACCOUNT, "rb-1"),
            [
                (
                    r"""Set-Content -Path 'C:\runbook\rb-1.ps1' -Value """
                    r"""'& ''.\read_exchange.ps1'' -Server ''E''''X'''"""
                ),
                (
                    r"""Set-Content -Path 'C:\runbook\rb-1.cmd' -Value 'powershell.exe """
                    r"""-NoProfile -NonInteractive -ExecutionPolicy Bypass """
                    r"""-File "C:\runbook\rb-1.ps1" > "C:\runbook\rb-1.out" 2>&1'"""
                ),
            ],
        ),
    ],
)
def test_detached_work_reads_as_a_batch_file_and_a_task_that_runs_it(
    command: Detached, lines: list[str]
) -> None:
    assert render(command).splitlines() == [
        *lines,
        (
            r"schtasks.exe /create /tn 'rb-1' /tr 'C:\runbook\rb-1.cmd' /sc once /st '23:59:00' "
            r"/ru 'LAB\it''s me' /rp (Read-Host -Prompt 'keyring:a/b') /f"
        ),
        "schtasks.exe /run /tn 'rb-1'",
    ]


def test_a_text_has_one_place_for_its_secret() -> None:
    text = SecretText("/pass:{}:end", Secret("fd:3"))

    assert (text.before, text.after) == ("/pass:", ":end")
    for form in ("none", "{} and {}"):
        with pytest.raises(ValueError, match="once"):
            SecretText(form, Secret("fd:3"))
