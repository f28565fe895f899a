"""What is read out of a node's settings of remote shells, and what is believed of it."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.commands.command import Answer, Cmdlet, Read
from runbook_lib.commands.winrm import ShellQuotas, shell_quotas

SETTINGS = {
    "AllowRemoteShellAccess": "true",
    "IdleTimeout": "180000",
    "MaxConcurrentUsers": "5",
    "MaxShellRunTime": "2147483647",
    "MaxProcessesPerShell": "15",
    "MaxMemoryPerShellMB": "150",
    "MaxShellsPerUser": "4",
}
MEMORY = "MaxMemoryPerShellMB"


def settings(**changes: Any) -> Answer:
    told = {**SETTINGS, **changes}
    return Answer(tuple({"Name": name, "Value": value} for name, value in told.items()))


def test_the_settings_are_asked_for_in_one_read() -> None:
    path = ("Path", r"WSMan:\localhost\Shell")

    assert shell_quotas().reads == (Read(Cmdlet("Get-ChildItem", (path,)), ("Name", "Value")),)


def test_each_limit_is_found_by_its_name() -> None:
    answer = settings()

    assert shell_quotas().parse([answer]) == ShellQuotas(4, 150, 15, 5, 180_000)
    assert shell_quotas().parse([Answer(answer.rows[::-1])]) == ShellQuotas(4, 150, 15, 5, 180_000)


def test_a_number_is_taken_as_well_as_its_text() -> None:
    assert shell_quotas().parse([settings(**{MEMORY: 150})]) == ShellQuotas(4, 150, 15, 5, 180_000)


def test_a_node_without_the_drive_or_one_of_the_settings_tells_nothing() -> None:
    no_drive = Answer(error_id="DriveNotFound,Microsoft.PowerShell.Commands.GetChildItemCommand")
    rest = Answer(tuple(row for row in settings().rows if row["Name"] != MEMORY))

    assert shell_quotas().parse([no_drive]) is None
    assert shell_quotas().parse([Answer(settings().rows, no_drive.error_id)]) is None
    assert shell_quotas().parse([rest]) is None


@pytest.mark.parametrize("value", ["", "-1", -1, "1e3", "150 MB", "\u0661", "1" * 11, None, True])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"MaxMemoryPerShellMB|Value"):
        shell_quotas().parse([settings(**{MEMORY: value})])


@pytest.mark.parametrize(
    ("quota", "asked", "allowed"), [(150, 150, True), (150, 151, False), (0, 2**20, True)]
)
def test_memory_is_allowed_up_to_its_quota_and_nought_is_none(
    quota: int, asked: int, allowed: bool
) -> None:
    assert ShellQuotas(5, quota, 15, 5, 180_000).allows_memory(asked) is allowed
