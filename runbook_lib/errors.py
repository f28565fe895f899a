"""Every error of the package: what happened, why, the one next step, and an exit code.

The exit codes are part of the interface: schedulers and change tools act on them, so the
table at the end of this file is the only place that names them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from runbook_lib.redaction import redact


class ExitCode(IntEnum):
    """What a process of ours ends with."""

    DONE = 0
    USAGE = 2
    PARAMETERS = 10
    DIFFERENT = 15
    REFUSED = 20
    WAITING = 25
    TRANSPORT = 30
    IDENTITY = 40
    FAILED = 50
    UNKNOWN = 60
    RECORD = 70
    LOCKED = 80
    BUG = 90
    INTERRUPTED = 130
    TERMINATED = 143


class RunbookError(Exception):
    """An error with the three things its reader needs.

    what: one sentence naming the object and what is wrong with it.
    why: what was seen; a value, a code or a journal number, never a secret.
    next_step: the one thing to do now.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, what: str, *, why: str, next_step: str) -> None:
        """Keep the three parts apart, so that each front end can set them in its own way.

        A node may repeat a secret in what it says, and notebooks show an error as it is: masked.
        """
        self.what, self.why, self.next_step = redact(what), redact(why), redact(next_step)
        super().__init__(self.what)

    def __str__(self) -> str:
        """Return the form for a terminal or a log: three lines."""
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Return the message line by line, without the class's name."""
        return [self.what, f"  Why:  {self.why}", f"  Next: {self.next_step}"]

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of a traceback."""
        first, *rest = self.lines()
        return [f"{type(self).__name__}: {first}", *rest]

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling (test workers, process pools) with all three parts."""
        return (_rebuild, (type(self), self.what, self.why, self.next_step))


def _rebuild(cls: type[RunbookError], what: str, why: str, next_step: str) -> RunbookError:
    return cls(what, why=why, next_step=next_step)


class ParametersError(RunbookError):
    """The parameter file cannot be used; `why` lists every fault, one a line."""

    exit_code = ExitCode.PARAMETERS


class PreconditionError(RunbookError):
    """Something that must hold before a change does not; nothing was changed."""

    exit_code = ExitCode.REFUSED


class StalePlanError(RunbookError):
    """The nodes are no longer as the approved plan saw them; nothing was changed."""

    exit_code = ExitCode.REFUSED


class ApprovalError(RunbookError):
    """An approval is refused, is for another plan, or comes from nobody."""

    exit_code = ExitCode.REFUSED


class WaitingForPersonError(RunbookError):
    """A gate has no answer yet; an outcome of its own, not a failure."""

    exit_code = ExitCode.WAITING


class TransportError(RunbookError):
    """The way to the node failed while nothing was being changed."""

    exit_code = ExitCode.TRANSPORT


class NodeUnreachableError(TransportError):
    """No connection to the node could be made; nothing was sent."""


class SessionLostError(TransportError):
    """An open session broke while reading; asking again is safe."""


class MalformedReplyError(TransportError):
    """The node's answer to a read is not what the protocol or the command promises."""


class AuthenticationError(RunbookError):
    """The node refused the account; one try was made and no other will be."""

    exit_code = ExitCode.IDENTITY


class WrongNodeError(RunbookError):
    """The machine that answers is not the one enrolled under this name; nothing was changed."""

    exit_code = ExitCode.IDENTITY


class CredentialError(RunbookError):
    """A secret's reference leads nowhere; the reference is named, never a value."""

    exit_code = ExitCode.IDENTITY


class CommandFailedError(RunbookError):
    """The node carried out a command and said no; its state is known."""

    exit_code = ExitCode.FAILED


class VerificationError(RunbookError):
    """A change was accepted, and a separate read does not show it."""

    exit_code = ExitCode.FAILED


class StoppedMidwayError(RunbookError):
    """What must hold for the next change does not; the changes before it stand, and are known."""

    exit_code = ExitCode.FAILED


class RebootError(RunbookError):
    """A node did not restart, or did not come back, within its deadline."""

    exit_code = ExitCode.UNKNOWN


class OutcomeUnknownError(RunbookError):
    """The link was lost after a change was sent; only a probe can tell what became of it."""

    exit_code = ExitCode.UNKNOWN


class RecordDamagedError(RunbookError):
    """The run folder is not what was written into it, or cannot be written."""

    exit_code = ExitCode.RECORD


class RunLockedError(RunbookError):
    """Another process holds this run."""

    exit_code = ExitCode.LOCKED


class UnsimulatedCommandError(RunbookError):
    """The lab does not simulate what was asked of it."""

    exit_code = ExitCode.FAILED


class BugError(RunbookError):
    """An invariant of our own does not hold."""

    exit_code = ExitCode.BUG


class InterruptedRunError(RunbookError):
    """A person pressed Ctrl-C; what was reached stands in the journal."""

    exit_code = ExitCode.INTERRUPTED


class TerminatedRunError(RunbookError):
    """The process was asked to end (SIGTERM); what was reached stands in the journal."""

    exit_code = ExitCode.TERMINATED


EXIT_CODES: dict[type[BaseException], ExitCode] = {
    KeyboardInterrupt: ExitCode.INTERRUPTED,
    RunbookError: ExitCode.BUG,
}


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the exit code for any exception; what is not ours is our bug."""
    if isinstance(error, RunbookError):
        return error.exit_code
    return EXIT_CODES.get(type(error), ExitCode.BUG)
