"""The command shell of WinRM: one `cmd` shell that runs command lines, each to its end.

Output is told apart by its stream, the exit code comes with the end. Nothing here knows a program:
a line goes to the node as it came.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from threading import Condition, Thread

from runbook_lib.lab.answers import Bag, Invocation
from runbook_lib.lab.faults import Fault, When
from runbook_lib.lab.server.output import NoReplyError, OutputStream
from runbook_lib.lab.server.psrp import Node

_log = logging.getLogger(__name__)

STOPPED = 0xC000013A
"""Exit code of a program that Ctrl-C ended (STATUS_CONTROL_C_EXIT)."""
_START_GRACE_S = 0.25
"""As in psrp.py: a line that cuts its own connection waits until somebody listens."""


class StandardError(bytes):
    """A piece of output that belongs to the stream stderr."""

    __slots__ = ()


@dataclass
class Line:
    """One command line of the shell, by the CommandId of WS-Management."""

    output: OutputStream
    fault: Fault | None = None
    exit_code: int = 0
    is_over: bool = False


@dataclass
class CommandShell:
    """One `cmd` shell. Callers hold `changed` for everything."""

    node: Node
    changed: Condition = field(default_factory=Condition)
    commands: dict[str, Line] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Have no output of its own: every piece belongs to a line."""
        self.output = OutputStream(self.changed)

    def start(self, command_id: str, text: str) -> Line:
        """Begin a command line; its output follows."""
        line = Line(OutputStream(self.changed))
        self.commands[command_id] = line
        invocation = Invocation(text, is_script=False, is_line=True)
        invocation = Invocation(
            text, is_script=False, is_line=True, label=self.node.describe(invocation)
        )
        line.fault = self.node.fault_for(invocation)
        if line.fault is None or line.fault.when is not When.BEFORE:
            Thread(target=self._run, args=(line, invocation), daemon=True).start()
        return line

    def stop(self, line: Line) -> None:
        """End a line as Ctrl-C does; what the program still has to say is dropped."""
        if not line.is_over:
            self._end(line, STOPPED)

    def remove(self, command_id: str) -> None:
        """Forget a line and what it still had to say; whoever waits for it gets fault 995."""
        line = self.commands.pop(command_id)
        line.is_over = True
        line.output.abort()

    def close(self) -> None:
        """End everything: the shell is deleted, or the node is going down."""
        for command_id in list(self.commands):
            self.remove(command_id)
        self.output.abort()

    def _run(self, line: Line, invocation: Invocation) -> None:
        with self.changed:
            self.changed.wait_for(lambda: line.output.has_reader or line.is_over, _START_GRACE_S)
            if line.is_over:
                return
        try:
            with self.node.working():
                reply = self.node.answer(invocation)
            [said] = [each for each in reply.output if isinstance(each, Bag)]
            code, pieces = _told(said)
        except NoReplyError:
            with self.changed:
                line.output.abort()
            return
        except Exception as error:  # noqa: BLE001 - whatever fails must end the line
            # Loud, and plainly the lab's own: no node says so.
            _log.warning("the lab failed to run %s: %s", invocation.label, error)
            code, pieces = 1, [StandardError(f"The lab failed: {error}\r\n".encode())]
        with self.changed:
            if not line.is_over:
                for piece in pieces:
                    line.output.put(piece)
                self._end(line, code)

    @staticmethod
    def _end(line: Line, exit_code: int) -> None:
        line.exit_code, line.is_over = exit_code, True
        line.output.finish()


def _told(said: Bag) -> tuple[int, list[bytes]]:
    """Return a line's exit code and its output in the code page that clients ask for (UTF-8)."""
    code = said.properties["ExitCode"]
    pieces: list[bytes] = []
    for name, kind in (("Output", bytes), ("Errors", StandardError)):
        given = said.properties[name]
        lines = given if isinstance(given, list | tuple) else ()
        pieces += [kind(f"{text}\r\n".encode()) for text in lines]
    if isinstance(code, bool) or not isinstance(code, int):
        raise TypeError(code)
    return code, pieces
