"""Files of the simulated nodes, as cmd and PowerShell reach them."""

from __future__ import annotations

import pytest

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.answers import Reply
from runbook_lib.lab.world.files import MASK, Files, NoSuchFileError, drive_of
from tests.lab_tasks import program, shown
from tests.lab_world import NODE_1, Site


@pytest.fixture
def site() -> Site:
    return Site()


def cmd(site: Site, *words: str) -> tuple[int, list[str]]:
    return program(site, "cmd.exe", "/c", *words)


def error_of(reply: Reply) -> str:
    [error] = reply.errors
    return error.error_id


def test_names_count_without_case_and_keep_their_spelling() -> None:
    files = Files()
    files.write(r"C:\Some Folder\A.txt", "one\r\ntwo")

    assert files.is_file(r"c:\some folder\a.TXT")
    assert files.lines(r"\SOME FOLDER\a.txt") == ("one", "two")
    assert files.paths == ("\\Some Folder\\", r"\Some Folder\A.txt")
    assert files.names("C:\\") == ("Some Folder",)


def test_a_volume_is_what_was_saved_but_for_its_secrets() -> None:
    files, other = Files(), Files()
    files.write(r"C:\x\a.cmd", "say s3cret twice: s3cret", secrets=["s3cret"])
    files.make_folder(r"C:\empty")

    other.restore(files.as_saved())

    assert other.as_json() == files.as_json() == ["\\empty\\", "\\x\\", r"\x\a.cmd"]
    assert other.read(r"C:\x\a.cmd") == f"say {MASK} twice: {MASK}\n"
    assert files.read(r"C:\x\a.cmd") == "say s3cret twice: s3cret\n"


def test_what_is_not_there_is_told() -> None:
    files = Files()

    for ask in (files.read, files.remove, files.names, files.remove_folder, files.secrets):
        with pytest.raises(NoSuchFileError):
            ask(r"C:\nothing")


def test_a_folder_goes_with_all_in_it_and_no_neighbour() -> None:
    files = Files()
    for path in (r"C:\a\b\c.txt", r"C:\ab\d.txt"):
        files.write(path, "")

    files.remove_folder(r"C:\a")

    assert files.paths == ("\\ab\\", r"\ab\d.txt")


def test_a_file_grows_and_moves() -> None:
    files = Files()
    files.append(r"C:\log.txt", "one")
    files.append(r"C:\log.txt", "two")
    files.move(r"C:\log.txt", r"C:\logs\old.txt")

    assert files.lines(r"C:\logs\old.txt") == ("one", "two")
    assert not files.exists(r"C:\log.txt")


def test_a_path_tells_its_drive() -> None:
    assert [drive_of(path) for path in (r"q:\x", "Q:", r"\x", "x")] == ["Q:", "Q:", "", ""]


def test_cmd_makes_shows_moves_and_removes(site: Site) -> None:
    site.world._nodes[NODE_1].files.write(r"C:\lab\a.txt", "one\ntwo")

    assert shown(site, r"C:\LAB\a.txt") == ["one", "two"]
    assert cmd(site, "mkdir", r"C:\lab") == (
        1,
        [r"A subdirectory or file C:\lab already exists."],
    )
    assert cmd(site, "rd", r"C:\lab") == (145, ["The directory is not empty."])
    assert cmd(site, "move", "/y", r"C:\lab\a.txt", r"C:\lab\b.txt")[0] == 0
    assert cmd(site, "if", "exist", r"C:\lab\b.txt", "echo", "yes") == (0, ["yes"])
    assert cmd(site, "if", "not", "exist", r"C:\lab\b.txt", "echo", "no") == (0, [])
    assert cmd(site, "del", "/q", r"C:\lab\b.txt") == (0, [])
    assert cmd(site, "del", r"C:\lab\b.txt") == (0, [r"Could Not Find C:\lab\b.txt"])
    assert cmd(site, "rd", r"C:\lab") == (0, [])


def test_cmd_tells_a_missing_file_from_a_missing_folder(site: Site) -> None:
    assert cmd(site, "type", r"%windir%\nothing.txt") == (
        1,
        ["The system cannot find the file specified."],
    )
    assert cmd(site, "type", r"C:\nowhere\nothing.txt") == (
        1,
        ["The system cannot find the path specified."],
    )
    assert cmd(site, "type", r"X:\nothing.txt")[0] == 1


def test_what_cmd_does_not_simulate_says_so(site: Site) -> None:
    for words in (["/k"], ["/c", "format", "x:"], ["/c", "if", "defined", "x", "echo", "y"]):
        with pytest.raises(UnsimulatedCommandError):
            program(site, "cmd.exe", *words)


def test_powershell_writes_and_reads_lines(site: Site) -> None:
    path = r"C:\WINDOWS\Temp\x.txt"
    site.world._nodes[NODE_1].files.make_folder(r"C:\WINDOWS\Temp")

    written = site.ask("Set-Content", Path=path, Value=["one", None, 7])

    assert (written.errors, site.ask("Get-Content", Path=path).output) == ((), ("one", "7"))
    assert site.ask("Test-Path", Path=path).output == (True,)
    assert site.ask("Test-Path", Path=r"C:\WINDOWS\Temp\y.txt").output == (False,)


def test_powershell_names_what_is_missing(site: Site) -> None:
    assert error_of(site.ask("Get-Content", Path=r"C:\x")) == (
        "PathNotFound,Microsoft.PowerShell.Commands.GetContentCommand"
    )
    assert error_of(site.ask("Set-Content", Path=r"C:\no\x", Value="a")).startswith(
        "GetContentWriterDirectoryNotFoundError"
    )
    assert error_of(site.ask("Import-Clixml", Path=r"C:\x.xml")).startswith(
        "System.IO.FileNotFoundException"
    )
