"""Pipelines over PSRP: the only caller of pypsrp, and the border where its errors become ours.

Rules that bind this file:
1. Every wait is under a deadline of ours; nothing of pypsrp waits by itself.
2. A pipeline counts as answered only when it completed, without an error record, with objects of
   the promised kind. Whatever pypsrp's parsers raise over an answer is a malformed answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, cast
from xml.etree.ElementTree import ParseError

from pypsrp.complex_objects import GenericComplexObject, PSInvocationState
from pypsrp.exceptions import (
    FragmentError,
    SerializationError,
    WinRMError,
    WinRMTransportError,
    WSManFaultError,
)
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.serializer import TaggedValue
from pypsrp.shell import SignalCode
from pypsrp.wsman import WSMan

from runbook_lib.clock import Clock, Deadline
from runbook_lib.commands.command import Row, Secret
from runbook_lib.errors import (
    AuthenticationError,
    BugError,
    CommandFailedError,
    MalformedReplyError,
    RunbookError,
    SessionLostError,
)
from runbook_lib.redaction import redact
from runbook_lib.sessions import wire_form
from runbook_lib.sessions.credentials import SecretValue
from runbook_lib.sessions.psrp_values import read_quickly
from runbook_lib.sessions.sealed_http import LARGEST_ANSWER, SealedHttp
from runbook_lib.sessions.wire_form import ScriptCall

OPERATION_S = 20
"""Longest single wait that the node is asked for; it answers earlier when it has something."""

FAREWELL_S = 3.0
"""For closing what the node holds for us; it ends by itself when we cannot."""

SHELL_GONE = 2150858843
TIMED_OUT = 2150858793
ACCESS_DENIED = 5
ABORTED = 995
QUOTAS = (2150859173, 2150859179)

Reveal = Callable[[str], SecretValue]
"""Reference -> secret: `Credentials.resolve`."""


class FaultError(SessionLostError):
    """The node answered, sealed and in form, that it does not do what was asked."""


class ShellGoneError(FaultError):
    """The node no longer knows our shell, and did nothing of what was asked."""


class _Transport:
    """What pypsrp needs of a transport, over our sealed connection."""

    def __init__(self, http: SealedHttp) -> None:
        self._http = http
        self.endpoint = f"http://{http.at}/wsman"

    def send(self, message: bytes, *, retries_on_read_timeout: int = 0, timeout: Any = None) -> Any:
        del retries_on_read_timeout  # a second try is decided by whoever knows what was sent
        limit_s = float(timeout or OPERATION_S + 10)
        status, body = self._http.exchange(message, limit_s)
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            raise _malformed(self._http.node, "a document type, which SOAP forbids")
        if status != 200:
            raise WinRMTransportError("http", status, body.decode("utf-8", "replace"))
        return body

    def close(self) -> None:
        self._http.close()


class Pipeline:
    """One script call on one pool."""

    def __init__(self, link: Link, pool: RunspacePool, call: ScriptCall) -> None:
        self._link = link
        self._powershell = PowerShell(pool)
        self._powershell.add_script(call.text)
        for name, value in call.parameters.items():
            sealed = link.wire_value(value, may_reveal=call.may_reveal)
            self._powershell.add_parameter(name, sealed)

    def begin(self) -> None:
        """Send the call."""
        self._link.http.budget = LARGEST_ANSWER
        with _mapped(self._link.node):
            # Invocation details echo arguments, and pypsrp breaks on those of warnings.
            self._powershell.begin_invoke(remote_stream_options=0)

    def objects(self, deadline: Deadline) -> list[Row]:
        """Return the output as plain mappings; errors of the pipeline are errors of ours."""
        self._link.http.deadline = deadline
        while self._powershell.state == PSInvocationState.RUNNING:
            if deadline.is_over:
                raise SessionLostError(
                    f"{self._link.node} did not answer in time.",
                    why="the deadline of the command is over",
                    next_step="see what keeps the node busy, then resume the run",
                )
            with _mapped(self._link.node):
                self._powershell.poll_invoke(timeout=min(OPERATION_S, int(deadline.left()) + 1))
        with _mapped(self._link.node):
            self._check_end()
            return [_row(self._link.node, found) for found in self._powershell.output]

    def close(self, pool: RunspacePool) -> None:
        """Let the node forget the pipeline, whether it ended or not.

        pypsrp would refuse to close one that it believes to be running.
        """
        pool.pipelines.pop(self._powershell.id, None)
        with _mapped(self._link.node):
            pool.shell.signal(SignalCode.TERMINATE, command_id=self._powershell.id)

    def _check_end(self) -> None:
        errors = [str(record) for record in self._powershell.streams.error]
        is_complete = self._powershell.state == PSInvocationState.COMPLETED
        if errors or not is_complete:
            said = redact("; ".join(errors)) or "no error was given"
            raise CommandFailedError(
                f"{self._link.node} could not carry out a script of ours.",
                why=said[: wire_form.SHOWN],
                next_step="put right what the node names, then resume the run",
            )


class Link:
    """One node's connection and pool: opened when needed, replaced when lost."""

    def __init__(
        self, http: SealedHttp, clock: Clock, reveal: Reveal, *, allow_secrets: bool
    ) -> None:
        self.http = http
        self.clock = clock
        self.node = http.node
        self._reveal = reveal
        self._allow_secrets = allow_secrets
        self._pool: RunspacePool | None = None
        self._done: list[Pipeline] = []

    def pipeline(self, call: ScriptCall, deadline: Deadline) -> Pipeline:
        """Return a pipeline ready to begin; nothing of the call has been sent."""
        self.http.deadline = deadline
        self.http.budget = LARGEST_ANSWER
        pool = self._open_pool()
        if call.holds_secret():
            with _mapped(self.node):
                pool.exchange_keys()
        return Pipeline(self, pool, call)

    def send(self, pipeline: Pipeline, call: ScriptCall, deadline: Deadline) -> Pipeline:
        """Send; return the pipeline that was sent.

        A node that does not know our shell has done nothing, and is asked in a new one.
        """
        try:
            pipeline.begin()
        except ShellGoneError:
            self._forget_pool()
            pipeline = self.pipeline(call, deadline)
            pipeline.begin()
        return pipeline

    def retire(self, pipeline: Pipeline) -> None:
        """Close an answered pipeline at the next occasion, when nobody waits for an answer."""
        self._done.append(pipeline)

    def lose(self, pipeline: Pipeline | None) -> None:
        """Give up the connection; the shell outlives it, and is rid of the pipeline later."""
        self.http.close()
        if pipeline is not None:
            self.retire(pipeline)

    def reconnect(self, deadline: Deadline) -> None:
        """Open the connection anew; the shell survives it."""
        self.http.deadline = deadline
        self.http.connect()
        self._open_pool()

    def close(self) -> None:
        """Give back the shell if the connection stands; else the node ends it by itself."""
        pool = self._pool
        self._forget_pool()
        if pool is not None and self.http.is_open:
            self.http.deadline = Deadline.after(self.clock, FAREWELL_S)
            with suppress(RunbookError), _mapped(self.node):
                pool.close()
        self.http.close()

    def wire_value(self, value: Any, *, may_reveal: bool = False) -> Any:
        """Return a parameter as pypsrp sends it: secrets sealed once more, as SecureString.

        may_reveal: for a pipeline that only reads, and may carry secrets in plan mode too.
        """
        if isinstance(value, Mapping):
            return {
                name: self.wire_value(item, may_reveal=may_reveal) for name, item in value.items()
            }
        if isinstance(value, list):
            return [self.wire_value(item, may_reveal=may_reveal) for item in value]
        if isinstance(value, Secret):
            return TaggedValue("SS", self._revealed(value, may_reveal=may_reveal))
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**31:
            return TaggedValue("I64", value)
        return value

    def _revealed(self, secret: Secret, *, may_reveal: bool) -> str:
        if not (self._allow_secrets or may_reveal):
            raise BugError(
                "A read was about to send a secret.",
                why=f"it names {secret.reference}",
                next_step="report this with the run folder's debug/",
            )
        return self._reveal(secret.reference).reveal()

    def _open_pool(self) -> RunspacePool:
        if not self.http.is_open:
            self.http.connect()
        try:
            self._close_done()
        except SessionLostError:
            # The connection had died unnoticed; nothing of what is to be sent has left.
            self.http.connect()
        if self._pool is None:
            at = self.http.at
            wsman = WSMan(at.host, port=at.port, ssl=False, operation_timeout=OPERATION_S)
            # pypsrp knows one transport; ours has what it calls of it.
            wsman.transport = cast("Any", _Transport(self.http))
            pool = RunspacePool(wsman)
            read_quickly(pool)
            with _mapped(self.node):
                pool.open()
            self._pool = pool
        return self._pool

    def _close_done(self) -> None:
        done, self._done = self._done, []
        for pipeline in done:
            if self._pool is None:
                return
            try:
                pipeline.close(self._pool)
            except ShellGoneError:
                self._forget_pool()
            except FaultError:
                # It never came to be, or is gone already.
                continue

    def _forget_pool(self) -> None:
        self._done.clear()
        self._pool = None


def quieten_libraries() -> None:
    """Keep script text and envelopes out of every log, whatever level a person asks for."""
    for name in ("pypsrp", "spnego"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))


def _row(node: str, found: Any) -> Row:
    if not isinstance(found, GenericComplexObject):
        raise _malformed(node, f"an object of type {type(found).__name__}")
    return {**found.adapted_properties, **found.extended_properties}


@contextmanager
def _mapped(node: str) -> Iterator[None]:
    """Turn what pypsrp and the parsers below it raise into errors of ours."""
    try:
        yield
    except RunbookError:
        raise
    except WSManFaultError as fault:
        raise _of_fault(node, fault) from fault
    except (FragmentError, SerializationError, ParseError) as error:
        raise _malformed(node, f"{type(error).__name__}: {redact(str(error))}") from error
    except WinRMError as error:
        raise SessionLostError(
            f"The PowerShell session on {node} broke.",
            why=redact(str(error))[: wire_form.SHOWN],
            next_step="resume the run",
        ) from error
    except Exception as error:
        # Measured: KeyError, ValueError, RecursionError ... by what the answer holds.
        raise _malformed(node, f"its content cannot be read ({type(error).__name__})") from error


def _of_fault(node: str, fault: WSManFaultError) -> RunbookError:
    why = f"WS-Management fault {fault.code}: {redact(str(fault.reason))[: wire_form.SHOWN]}"
    if fault.code == ACCESS_DENIED:
        return AuthenticationError(
            f"The account may log on to {node}, and may not use its WinRM service.",
            why=why,
            next_step="use an account of the node's Administrators",
        )
    if fault.code in QUOTAS:
        return FaultError(
            f"{node} has no room for another PowerShell session.",
            why=why,
            next_step="end other sessions of the account; idle ones end after three minutes",
        )
    refused = ShellGoneError if fault.code == SHELL_GONE else FaultError
    return refused(
        f"The PowerShell session on {node} is gone.", why=why, next_step="resume the run"
    )


def _malformed(node: str, why: str) -> MalformedReplyError:
    return MalformedReplyError(
        f"{node} answered in a way that cannot be trusted.",
        why=why[: wire_form.SHOWN],
        next_step="run it again; if it comes back, keep the run folder's debug/ and report it",
    )
