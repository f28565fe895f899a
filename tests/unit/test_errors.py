"""What every error shows, wherever it is shown."""

from __future__ import annotations

import pickle

from runbook_lib import redaction
from runbook_lib.errors import CommandFailedError


def test_a_secret_that_a_node_repeats_is_masked_in_whatever_shows_the_error() -> None:
    redaction.register("hidden-55%")

    error = CommandFailedError(
        "hidden-55% failed.", why="cluster.exe /password:hidden-55%", next_step="no hidden-55%"
    )

    shown = [str(error), repr(error), *error.args, *error.lines(), *error._render_traceback_()]
    again = pickle.loads(pickle.dumps(error))
    assert "hidden-55%" not in " ".join([*shown, *again.lines()])
    assert error.lines() == [
        "<redacted> failed.",
        "  Why:  cluster.exe /password:<redacted>",
        "  Next: no <redacted>",
    ]
