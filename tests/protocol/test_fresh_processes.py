"""What can only be seen from a process of its own: what it loads, and what reaches it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from runbook_lib.sessions import credentials
from runbook_lib.sessions.credentials import SecretValue
from tests.builders import LAB, ROOT

HEAVY = ("pandas", "ipywidgets", "IPython", "papermill", "jinja2")


def loaded_by(statement: str, **environment: str) -> list[str]:
    """Return which of the heavy packages a fresh interpreter has loaded after a statement."""
    program = f"import sys\n{statement}\nprint(*[n for n in {HEAVY} if n in sys.modules])"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.split()


@pytest.mark.parametrize(
    "statement",
    [
        "import runbook_lib.execution.phase",
        "import runbook_lib.guide.opening",
        "from runbook_lib.pictures.table import step_table; step_table([]).html()",
    ],
)
def test_a_headless_notebook_loads_neither_pandas_nor_widgets(statement: str) -> None:
    assert loaded_by(statement) == []


def test_a_table_loads_pandas_when_a_frame_is_asked_for() -> None:
    statement = "from runbook_lib.pictures.table import step_table; step_table([]).frame()"

    assert loaded_by(statement) == ["pandas"]


def test_help_and_validate_need_neither_papermill_nor_sessions() -> None:
    code = (
        "import sys; from runbook_lib.cli.main import app\n"
        "for arguments in (['--help'], ['validate', sys.argv[1]]):\n"
        "    try: app(arguments)\n"
        "    except SystemExit as end: assert not end.code, end.code\n"
        "slow = {'papermill', 'pypsrp', 'psrpcore', 'pandas', 'IPython', 'requests', 'rich'}\n"
        "sys.exit(','.join(sorted(slow & set(sys.modules))) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(LAB)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_loading_leaves_the_process_as_it_was() -> None:
    code = (
        "import sys, os\n"
        "from pathlib import Path\n"
        "from runbook_lib.topology.loading import load\n"
        f"loaded = load(Path({str(LAB)!r}))\n"
        "print([name for name in sys.modules if name.split('.')[0] in"
        " {'pypsrp', 'jinja2', 'papermill', 'IPython', 'psrpcore', 'yaml', 'keyring'}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=LAB.parents[1]
    )

    assert done.stdout == "[]\n"


def test_secrets_reach_a_child_through_a_pipe_and_nothing_else() -> None:
    secrets = [SecretValue("prompt:Administrator", 'hand"ed €ver'), SecretValue("fd:7", "other")]
    number = credentials.hand_over(secrets)
    child = textwrap.dedent("""
        import os
        from runbook_lib.sessions import credentials
        got = credentials.receive()
        vault = credentials.Credentials(None, got, is_first=False)
        print(ascii(vault.resolve("prompt:Administrator").reveal()), sorted(got))
        print(os.environ.get("RUNBOOK_SECRETS_FD"), credentials.receive())
    """)

    done = subprocess.run(
        [sys.executable, "-c", child],
        env={**os.environ, credentials.HANDED_OVER: str(number)},
        pass_fds=(number,),
        capture_output=True,
        text=True,
        check=True,
    )

    os.close(number)
    assert done.stdout.splitlines() == [
        "'hand\"ed \\u20acver' ['fd:7', 'prompt:Administrator']",
        "None {}",
    ]


def test_a_reader_that_leaves_early_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m runbook_lib validate {LAB} --json | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert done.stderr == ""
