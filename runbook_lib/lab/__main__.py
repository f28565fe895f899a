"""The lab as a process: one line of JSON when it is ready, then it serves until it is let go.

It ends when its standard input closes or on SIGTERM. It lives in a process session of its own
and ignores SIGINT, so that Ctrl-C in a terminal reaches whoever started it, not the nodes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import select
import signal
import sys
from pathlib import Path
from threading import Thread

from runbook_lib.errors import RunbookError, exit_code_of


def main(arguments: list[str] | None = None) -> int:
    """Serve one lab; return the exit code."""
    wanted = _parser().parse_args(arguments)
    asked_to_end, end = os.pipe()
    signal.signal(signal.SIGTERM, lambda _number, _frame: os.write(end, b"."))
    with contextlib.suppress(PermissionError):  # the leader of a session already
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="lab: %(levelname)s: %(message)s")
    try:
        _serve(wanted, asked_to_end)
    except RunbookError as error:
        sys.stderr.write(f"{error}\n")
        return exit_code_of(error)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runbook_lib.lab", description=main.__doc__)
    parser.add_argument("parameters", nargs="?", type=Path, help="names and addresses come from it")
    parser.add_argument("--scenario", default="factory", help="where the nodes begin")
    parser.add_argument("--state", type=Path, help="folder to keep the world in, and to go on from")
    parser.add_argument("--seed", type=int, help="what GUIDs come from")
    return parser


def _serve(wanted: argparse.Namespace, asked_to_end: int) -> None:
    from runbook_lib.lab.lab import Lab

    topology = None
    seed = 1
    if wanted.parameters is not None:
        from runbook_lib.topology.loading import load

        topology = load(wanted.parameters).topology
        seed = topology.lab.seed
    with Lab.start(
        wanted.scenario,
        topology=topology,
        seed=seed if wanted.seed is None else wanted.seed,
        state_folder=wanted.state,
    ) as lab:
        nodes = [node.as_json() for node in lab.nodes]
        ready = {"control": lab.control, "pid": os.getpid(), "nodes": nodes}
        sys.stdout.write(f"{json.dumps(ready)}\n")
        sys.stdout.flush()
        Thread(target=lab.warm_up, daemon=True).start()
        _wait(asked_to_end)


def _wait(asked_to_end: int) -> None:
    """Return when standard input is closed or there is something to read from `asked_to_end`."""
    while True:
        ready, _, _ = select.select([sys.stdin.fileno(), asked_to_end], [], [])
        if asked_to_end in ready or not os.read(sys.stdin.fileno(), 4096):
            return


if __name__ == "__main__":
    sys.exit(main())
