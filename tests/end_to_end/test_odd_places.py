"""Folders and names that people have, and that a format string, a shell or a socket trips over."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.command_line import CHECK, Desk, events, notebook

ONLY_00 = ("--from", "00", "--to", "00")
ODD = "Läufe \"1\" mit 'x' {y} \\z $HOME"


def test_a_run_goes_well_in_a_folder_of_any_name_started_from_anywhere(
    tmp_path: Path, home: Path
) -> None:
    (tmp_path / ODD).mkdir()
    desk = Desk(tmp_path / ODD, home, working_folder=tmp_path)

    # The file is that of the package: there is none in the working folder.
    ended = desk.scc("run", "parameters/lab.yaml", *ONLY_00)
    verified = desk.scc("verify", desk.run)
    desk.close()

    assert (ended.code, verified.code) == (0, 0)
    assert notebook(desk.run, CHECK)["metadata"]["papermill"]["parameters"] == {
        "parameters_file": str(desk.run / "parameters.yaml"),
        "mode": "apply",
        "run_folder": str(desk.run),
        "approved_plan": "",
    }
    assert [path.name for path in tmp_path.iterdir()] == [ODD]


def test_relative_folders_count_from_where_the_shell_stands(tmp_path: Path, home: Path) -> None:
    desk = Desk(tmp_path, home, working_folder=tmp_path)
    parameters = desk.parameters(name="mine.yaml")

    ended = desk.scc("run", parameters.name, *ONLY_00, "--run-folder", "here/run")
    verified = desk.scc("verify", "here/run")
    desk.close()

    assert (ended.code, verified.code) == (0, 0)
    assert ended.out.splitlines()[-3] == f"{tmp_path / 'here' / 'run'}: done"
    assert events(tmp_path / "here" / "run", "run_closed") != []


def test_a_temporary_folder_too_deep_for_sockets_is_told_and_stops_nothing_else(
    desk: Desk,
) -> None:
    deep = desk.folder / ("x" * 90)
    deep.mkdir()
    run = desk.folder / "run"

    ended = desk.scc("run", desk.parameters(), *ONLY_00, "--run-folder", run, TMPDIR=str(deep))
    again = desk.scc("resume", run, TMPDIR=str(deep))

    what = f"The folder for temporary files, {deep}, cannot hold a kernel's sockets."
    assert (ended.code, ended.error[0]) == (20, what)
    assert (again.code, again.error[0]) == (20, what)
    assert desk.scc("resume", run).code == 0
