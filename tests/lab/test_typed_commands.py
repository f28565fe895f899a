"""What an administrator types without our carriers: WMI methods, cmd's own words, the shell's."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.answers import Bag, Invocation, Reply
from runbook_lib.lab.handlers import installed, objects_file, powershell_lines
from runbook_lib.lab.handlers.surface import Context
from tests.lab import exchange_site as lab
from tests.lab_world import CONFIGURATION, NODE_1, PRIVATE_1, Site

SNAP_IN = "Add-PSSnapin Microsoft.Exchange.Management.PowerShell.Admin"
STATUS = "Get-ClusteredMailboxServerStatus MailboxServer"


def line(site: Site, text: str) -> dict[str, Any]:
    invocation = Invocation(text, is_script=False, is_line=True)
    [said] = site.world.answer(NODE_1, "Administrator", invocation).output
    assert isinstance(said, Bag)
    return dict(said.properties)


def code(reply: Reply) -> object:
    [bag] = reply.output
    assert isinstance(bag, Bag)
    return bag.properties["ReturnValue"]


def shell(where: Context, text: str) -> tuple[int, list[str]]:
    ended, progress = installed.to_its_end(where, powershell_lines.begin(text))
    return ended, progress.lines


# -- Invoke-WmiMethod


def test_arguments_of_a_method_stand_in_the_order_of_their_names() -> None:
    site = Site()
    path = site.rows("Win32_ComputerSystem")[0]["__PATH"]
    password = site.world.password("installer")
    documented = ["lab.local", password, r"LAB\exinstall", None, 3]

    wrong = site.ask(
        "Invoke-WmiMethod", Path=path, Name="JoinDomainOrWorkgroup", ArgumentList=documented
    )
    right = site.ask(
        "Invoke-WmiMethod",
        Path=path,
        Name="JoinDomainOrWorkgroup",
        ArgumentList=[None, 3, "lab.local", password, r"LAB\exinstall"],
    )

    assert wrong.terminating is not None or code(wrong) != 0
    assert code(right) == 0


def test_a_path_that_wmi_gave_leads_back_to_its_object() -> None:
    site = Site()
    [volume] = [each for each in site.rows("Win32_Volume") if each["DriveLetter"] == "C:"]

    reply = site.ask("Invoke-WmiMethod", Path=volume["__PATH"], Name="Format", ArgumentList=[])

    assert volume["__RELPATH"].startswith(r'Win32_Volume.DeviceID="\\\\?\\Volume{')
    assert code(reply) != 0


def test_a_method_of_a_class_needs_no_instance_and_one_of_an_instance_does() -> None:
    site = Site()
    names = {"Class": CONFIGURATION, "Name": "EnableWINS", "ArgumentList": [False, False]}
    index = site.adapter(PRIVATE_1)["Index"]

    assert code(site.ask("Invoke-WmiMethod", **names)) == 0
    assert site.adapter(PRIVATE_1)["WINSEnableLMHostsLookup"] is False
    refused = site.ask(
        "Invoke-WmiMethod", Class=CONFIGURATION, Name="SetTcpipNetbios", ArgumentList=[2]
    )
    assert refused.terminating is not None
    path = f"{CONFIGURATION}.Index={index}"
    done = site.ask("Invoke-WmiMethod", Path=path, Name="settcpipnetbios", ArgumentList=2)
    assert code(done) == 0


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"Class": "Win32_Nothing", "Name": "X"}, "Invalid class "),
        ({"Class": CONFIGURATION, "Namespace": r"root\none", "Name": "X"}, "Invalid namespace "),
        ({"Class": CONFIGURATION, "Name": "X"}, "Not found "),
        ({"Path": f"{CONFIGURATION}.Index=99", "Name": "SetTcpipNetbios"}, "Not found "),
    ],
)
def test_wmi_says_what_it_does_not_find(parameters: dict[str, object], told: str) -> None:
    reply = Site().ask("Invoke-WmiMethod", **parameters)

    assert reply.terminating is not None
    assert reply.terminating.message == told


@pytest.mark.parametrize("path", [r"\\OTHER\root\cimv2:Win32_Volume.DeviceID='x'", "Win32_X=@"])
def test_wmi_paths_that_lead_elsewhere_are_not_simulated(path: str) -> None:
    with pytest.raises(UnsimulatedCommandError):
        Site().ask("Invoke-WmiMethod", Path=path, Name="Format")


# -- cmd's own commands


def test_the_remote_shell_knows_cmds_own_commands() -> None:
    site = Site()

    assert line(site, r"mkdir C:\work")["ExitCode"] == 0
    site.ask("Set-Content", Path=r"C:\work\a.txt", Value=["one", "two"])
    assert line(site, r"type C:\work\a.txt")["Output"] == ["one", "two"]
    assert line(site, r"del C:\work\a.txt")["ExitCode"] == 0
    assert line(site, r"rd C:\work") == {"ExitCode": 0, "Output": [], "Errors": []}


def test_the_remote_shell_refuses_what_would_redirect() -> None:
    with pytest.raises(UnsimulatedCommandError, match="one program and its arguments"):
        line(Site(), r"echo x > C:\work.txt")


# -- lines of the Exchange shell


def test_a_line_reads_into_a_file_and_goes_on_after_an_error() -> None:
    made = lab.whole()
    where = lab.context(made)
    file = r"C:\WINDOWS\Temp\status.xml"

    ended, said = shell(where, f"{STATUS}; {SNAP_IN}; {STATUS} | Export-Clixml {file}")

    assert (ended, len(said)) == (0, 1)
    assert "is not recognized as the name of a cmdlet" in said[0]
    [found] = objects_file.load(where.node.files.read(file))
    assert isinstance(found, Bag)
    assert found.properties["State"] == "Online"


def test_the_last_statement_decides_the_exit_code() -> None:
    where = lab.context(lab.whole())

    assert shell(where, f"{SNAP_IN}; Get-MailboxServer nobody | Export-Clixml C:\\x.xml")[0] == 1


def test_a_move_there_and_back_fits_on_one_line() -> None:
    made = lab.whole()
    move = "Move-ClusteredMailboxServer MailboxServer -MoveComment 'it''s a test' -Confirm:$false"

    ended, said = shell(
        lab.context(made),
        f"{SNAP_IN}; {move} -TargetMachine E2K7SCCNode2; {move} -TargetMachine E2K7SCCNode1",
    )

    assert (ended, said) == (0, [])
    owners = [each["after"] for each in made.ledger() if "owner of cluster group M" in each["what"]]
    assert owners[-2:] == ["E2K7SCCNODE2", "E2K7SCCNODE1"]
    assert lab.mounted(made) == {"Mailbox Database": True}


@pytest.mark.parametrize(
    "text",
    [
        "Get-Date | Format-List",
        f"{STATUS} -Identity $name",
        "Get-Service -Name a b",
        "Get-Service -Name 'open",
        "| Export-Clixml C:\\x.xml",
    ],
)
def test_more_of_the_language_is_not_simulated(text: str) -> None:
    with pytest.raises(UnsimulatedCommandError, match="carries out plain statements"):
        powershell_lines.begin(text)


def test_objects_that_go_nowhere_are_not_formatted() -> None:
    with pytest.raises(UnsimulatedCommandError, match="carries out plain statements"):
        shell(lab.context(lab.whole()), f"{SNAP_IN}; {STATUS}")
