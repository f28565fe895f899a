"""A real PowerShell engine as a judge: one process answers many questions about text."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from pathlib import Path
from typing import IO, Any

import pytest

JUDGE = Path(__file__).parent / "judge.ps1"


def engine_path() -> str:
    """Return the engine's path; skip where there is none (which fails where one was promised)."""
    found = os.environ.get("RUNBOOK_PWSH") or shutil.which("pwsh")
    if not found:
        pytest.skip("no PowerShell engine (RUNBOOK_PWSH, or pwsh on PATH)")
    return found


class Engine:
    """One engine process; what it says of a text is the engine's own reading."""

    def __init__(self, path: str) -> None:
        self._process = subprocess.Popen(
            [path, "-NoProfile", "-NonInteractive", "-File", str(JUDGE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def facts(self, text: str) -> set[str]:
        """Return what the syntax tree holds, as "kind:name"; parse errors as "error:text"."""
        return {
            f"error:{_text(word)}" if word.startswith("error:") else word
            for word in self._ask("facts", text)
        }

    def meaning(self, text: str) -> list[Any]:
        """Return the statements as the engine binds them; see `_read`."""
        return _read(self._ask("meaning", text))

    def close(self) -> None:
        """End the process."""
        self._stdin.close()
        self._process.wait(20)
        self._stdout.close()

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin
        return self._process.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout
        return self._process.stdout

    def _ask(self, what: str, text: str) -> list[str]:
        encoded = base64.b64encode(text.encode("utf-16-le"))
        self._stdin.write(what.encode() + b" " + encoded + b"\n")
        self._stdin.flush()
        words = self._stdout.readline().decode("ascii").split()
        failed = [_text(word) for word in words if word.startswith("failed:")]
        assert not failed, failed[0]
        return words


def _text(word: str) -> str:
    return base64.b64decode(word.partition(":")[2]).decode("utf-16-le")


def _read(words: list[str]) -> list[Any]:
    """Return statements: ("command", name, {parameter: value}) or ("method", name, target, values).

    Texts, numbers, flags and None are themselves, lists are tuples, a prompt is ("secret", text).
    """
    queue = list(reversed(words))
    statements: list[Any] = []
    while queue:
        word = queue.pop()
        kind = word.partition(":")[0]
        if kind == "command":
            statements.append(("command", _text(word), _parameters(queue)))
        elif kind == "method":
            statements.append(("method", _text(word), _target(queue), _values(queue)))
        else:
            statements.append((kind, _text(word) if kind == "error" else ""))
    return statements


def _parameters(queue: list[str]) -> dict[str, Any]:
    found = {}
    while (word := queue.pop()) != "end:":
        found[_text(word)] = _value(queue)
    return found


def _target(queue: list[str]) -> Any:
    word = queue.pop()
    if word.startswith("class:"):
        kind, _, name = word.partition(":")[2].partition("/")
        return (kind, _text(f":{name}"))
    return (_text(word), _parameters(queue))


def _values(queue: list[str]) -> tuple[Any, ...]:
    found = []
    while queue[-1] != "end:":
        found.append(_value(queue))
    queue.pop()
    return tuple(found)


def _value(queue: list[str]) -> Any:
    word = queue.pop()
    kind, _, rest = word.partition(":")
    match kind:
        case "list":
            return _values(queue)
        case "text":
            return _text(word)
        case "number":
            return int(rest.partition("/")[0])
        case "flag":
            return rest == "True"
        case "secret":
            return ("secret", _text(word))
        case _:
            assert kind == "null", word
            return None
