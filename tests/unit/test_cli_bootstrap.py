"""The page and the script for the first contact with a node."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from runbook_lib.cli.main import app


def test_the_page_is_shown_and_names_the_script_and_the_doctor() -> None:
    told = CliRunner().invoke(app, ["bootstrap"]).stdout

    assert told.startswith("# First contact\n")
    assert "first_contact.ps1 -Mend" in told
    assert "keyring set scc-runbook installer" in told
    assert "scc-runbook doctor" in told


def test_page_and_script_are_written_where_they_are_wanted(tmp_path: Path) -> None:
    folder = tmp_path / "usb"

    told = CliRunner().invoke(app, ["bootstrap", "--output", str(folder)])

    assert (told.exit_code, told.stdout) == (0, "")
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(written) == ["first_contact.md", "first_contact.ps1"]
    script = written["first_contact.ps1"]
    assert script.isascii()
    assert b"param([switch]$Mend)" in script
