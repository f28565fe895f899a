"""The PSRP end of one shell: a runspace pool at protocol 2.1, as PowerShell 2.0 has it.

psrpcore does both ends of the protocol but enforces little of 2.1, so this file refuses what a 2.0
node lacks: several statements in one pipeline, disconnecting, resetting a runspace. The lab itself
takes one script or one cmdlet with named parameters per pipeline and says so for anything else.

Rule of the file: whatever goes wrong in an answer fails its pipeline, or the client would wait for
ever. One lock per pool; a node's answer is computed outside of it.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from threading import Condition, Thread
from typing import Any

from psrpcore import (
    CreatePipelineEvent,
    GetAvailableRunspacesEvent,
    GetCommandMetadataEvent,
    PSRPPayload,
    ResetRunspaceStateEvent,
    ServerPipeline,
    ServerRunspacePool,
    SetMaxRunspacesEvent,
    SetMinRunspacesEvent,
    StreamType,
)
from psrpcore.types import (
    PSInvocationState,
    PSVersion,
    SessionCapability,
    add_note_property,
)

from runbook_lib.lab.answers import ErrorReply, Invocation, Reply
from runbook_lib.lab.faults import Fault, When
from runbook_lib.lab.server import objects
from runbook_lib.lab.server.output import NoReplyError, OutputStream
from runbook_lib.lab.server.wsman_faults import INTERNAL, FaultError

_log = logging.getLogger(__name__)

FRAGMENT_BYTES = 32 * 1024
"""PowerShell's own fragment size."""
_START_GRACE_S = 0.25
"""How long a pipeline waits for its first Receive before it starts.

A command that cuts its own connection would else cut it now and then before the reply to Command
is out: the client would see one of two errors, by chance. A client that never asks loses nothing.
"""
_FRAGMENT_HEADER, _MESSAGE_HEADER = 21, 40
_IS_START = 0x1

_NOT_SIMULATED = ErrorReply(
    error_id="NotSimulated",
    message="",
    category="NotImplemented",
    exception="System.Management.Automation.PSNotSupportedException",
)


@dataclass
class Command:
    """One pipeline of the pool, by the CommandId of WS-Management."""

    output: OutputStream
    pipeline: ServerPipeline | None = None
    fault: Fault | None = None
    is_started: bool = False
    is_over: bool = False


@dataclass(frozen=True)
class Node:
    """What a pool asks of the outside.

    answer: carries out an invocation; may raise; NoReplyError means that the node fell silent.
    describe: gives an invocation its label.
    fault_for: returns the armed fault that an invocation meets, if any.
    working: counts what is spent inside.
    """

    answer: Callable[[Invocation], Reply]
    describe: Callable[[Invocation], str]
    fault_for: Callable[[Invocation], Fault | None]
    working: Callable[[], AbstractContextManager[None]]


@dataclass
class RunspacePool:
    """One runspace pool. Callers hold `changed` for everything but `run`."""

    node: Node
    changed: Condition = field(default_factory=Condition)
    commands: dict[str, Command] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Set up the protocol's server end at version 2.1."""
        self.output = OutputStream(self.changed)
        self._pool = _Pool({"PSVersionTable": _version_table()})
        self._pool.our_capability = SessionCapability(
            PSVersion=PSVersion("2.0"),
            protocolversion=PSVersion("2.1"),
            SerializationVersion=PSVersion("1.1.0.1"),
        )
        self._by_pipeline: dict[uuid.UUID, Command] = {}

    def create_command(self, command_id: str, fragment: bytes) -> Command:
        """Make the pipeline that the first fragment of `fragment` announces, and take it in."""
        command = Command(OutputStream(self.changed))
        pipeline_id = _pipeline_id(fragment)
        command.pipeline = ServerPipeline(self._pool, pipeline_id)
        self.commands[command_id] = command
        self._by_pipeline[pipeline_id] = command
        self.receive(fragment)
        return command

    def receive(self, data: bytes) -> None:
        """Take in fragments from the client; output may follow in any of the queues."""
        try:
            self._pool.receive_data(PSRPPayload(data, StreamType.default, None))
            while (event := self._pool.next_event()) is not None:
                self._on_event(event)
        except FaultError:
            raise
        except Exception as error:
            _log.warning("a client sent what is no PSRP: %s", type(error).__name__)
            raise FaultError(INTERNAL) from error
        self._flush()

    def stop(self, command: Command) -> None:
        """End a command as stopped; an answer that is still being computed will be dropped."""
        if command.is_over or command.pipeline is None:
            return
        if command.pipeline.state == PSInvocationState.NotStarted:
            _set_running(command.pipeline)
        command.pipeline.stop()
        self._end(command)

    def remove(self, command_id: str) -> None:
        """Forget a command and what it still had to say; whoever waits for it gets fault 995."""
        command = self.commands.pop(command_id)
        if command.pipeline is not None:
            self._by_pipeline.pop(command.pipeline.pipeline_id, None)
            self._pool.pipeline_table.pop(command.pipeline.pipeline_id, None)
        command.is_over = True
        command.output.abort()

    def close(self) -> None:
        """End everything: the shell is deleted, or the node is going down."""
        for command_id in list(self.commands):
            self.remove(command_id)
        self.output.abort()

    def _on_event(self, event: Any) -> None:
        if isinstance(event, CreatePipelineEvent):
            self._begin(event)
        elif isinstance(event, GetCommandMetadataEvent):
            refusal = replace(_NOT_SIMULATED, message="Command metadata is not simulated.")
            self._write(self._by_pipeline[event.pipeline_id], Reply(terminating=refusal), "")
        elif isinstance(event, (SetMaxRunspacesEvent, SetMinRunspacesEvent)):
            self._pool.runspace_availability_response(event.ci, response=True)
        elif isinstance(event, ResetRunspaceStateEvent):  # a message of 2.3
            self._pool.runspace_availability_response(event.ci, response=False)
        elif isinstance(event, GetAvailableRunspacesEvent):
            self._pool.runspace_availability_response(event.ci, self._pool.max_runspaces)

    def _begin(self, event: CreatePipelineEvent) -> None:
        command = self._by_pipeline[event.pipeline_id]
        try:
            invocation = _invocation(event.pipeline)
        except _RefusedError as refusal:
            self._write(command, Reply(terminating=refusal.reply), "")
            return
        invocation = replace(invocation, label=self.node.describe(invocation))
        command.fault = self.node.fault_for(invocation)
        if command.fault is not None and command.fault.when is When.BEFORE:
            return
        command.is_started = True
        Thread(target=self._run, args=(command, invocation), daemon=True).start()

    def _run(self, command: Command, invocation: Invocation) -> None:
        with self.changed:
            self.changed.wait_for(
                lambda: command.output.has_reader or command.is_over, _START_GRACE_S
            )
            if command.is_over:
                return
        with self.node.working():
            self._carry_out(command, invocation)

    def _carry_out(self, command: Command, invocation: Invocation) -> None:
        name = "" if invocation.is_script else invocation.command
        try:
            reply = self.node.answer(invocation)
        except NoReplyError:
            with self.changed:
                command.output.abort()
            return
        except Exception as error:  # noqa: BLE001 - see the rule of the file
            _log.exception("the lab failed to answer %s", invocation.label or "a pipeline")
            reply = _failure(f"The lab failed: {error!r}")
        with self.changed:
            if command.is_over:
                return
            try:
                self._write(command, reply, name)
            except Exception as error:  # noqa: BLE001 - the same
                _log.exception("the lab cannot send its answer to %s", invocation.label)
                self._write(command, _failure(f"The answer has no wire form: {error!r}"), name)

    def _write(self, command: Command, reply: Reply, name: str) -> None:
        # All is converted before the first message is queued: a value without a wire form must
        # not leave half an answer behind.
        output = [objects.powershell(value) for value in reply.output]
        errors = [objects.error_record(error, name) for error in reply.errors]
        pipeline = command.pipeline
        if pipeline is None:
            raise FaultError(INTERNAL)
        _set_running(pipeline)
        for value in output:
            pipeline.write_output(value)
        for record in errors:
            pipeline.write_error(
                record.Exception,
                category_info=record.CategoryInfo,
                fully_qualified_error_id=record.FullyQualifiedErrorId,
            )
        if reply.terminating is None:
            pipeline.complete()
        else:
            record = objects.error_record(reply.terminating, name)
            pipeline._change_state(PSInvocationState.Failed, error=record)  # noqa: SLF001
        self._end(command)

    def _end(self, command: Command) -> None:
        self._flush()
        if command.pipeline is not None:
            self._pool.pipeline_table.pop(command.pipeline.pipeline_id, None)
        command.is_over = True
        command.output.finish()

    def _flush(self) -> None:
        while (payload := self._pool.data_to_send(FRAGMENT_BYTES)) is not None:
            pipeline_id = payload.pipeline_id
            command = None if pipeline_id is None else self._by_pipeline.get(pipeline_id)
            (self.output if command is None else command.output).put(payload.data)


def _failure(message: str) -> Reply:
    return Reply(terminating=ErrorReply("LabFailure", message))


class _Pool(ServerRunspacePool):
    """psrpcore reads "ci" where these two messages say "CI" ([MS-PSRP] 2.2.2.6 and 2.2.2.7)."""

    def _process_SetMaxRunspaces(self, event: SetMaxRunspacesEvent) -> None:
        _spell_ci(event)
        super()._process_SetMaxRunspaces(event)

    def _process_SetMinRunspaces(self, event: SetMinRunspacesEvent) -> None:
        _spell_ci(event)
        super()._process_SetMinRunspaces(event)


def _spell_ci(event: Any) -> None:
    message = event._ps_object  # noqa: SLF001
    if not hasattr(message, "ci"):
        add_note_property(message, "ci", message.CI)


class _RefusedError(Exception):
    """A pipeline that a 2.0 node or the lab does not carry out."""

    def __init__(self, message: str) -> None:
        """Say what and why; it becomes the error that ends the pipeline."""
        super().__init__(message)
        self.reply = replace(_NOT_SIMULATED, message=message)


def _invocation(pipeline: Any) -> Invocation:
    statements = [command.end_of_statement for command in pipeline.commands[:-1]]
    if any(statements):
        raise _RefusedError("PowerShell 2.0 has no pipelines of several statements.")
    if len(pipeline.commands) != 1:
        raise _RefusedError("The lab takes one script or one cmdlet per pipeline.")
    if not pipeline.no_input:
        raise _RefusedError("The lab takes no pipeline input.")
    [command] = pipeline.commands
    parameters: dict[str, object] = {}
    for name, value in command.parameters:
        if not name:
            raise _RefusedError("The lab takes named parameters only.")
        if name in parameters:
            raise _RefusedError(f"The parameter {name} was given twice.")
        try:
            parameters[str.__str__(name)] = objects.plain(value)
        except objects.UnsupportedValueError as error:
            raise _RefusedError(f"The lab takes no value of type {error} for {name}.") from error
    return Invocation(str.__str__(command.command_text), bool(command.is_script), parameters)


def _set_running(pipeline: ServerPipeline) -> None:
    # A server sends the states that end a pipeline only.
    pipeline._change_state(PSInvocationState.Running, emit=False)  # noqa: SLF001


def _pipeline_id(fragment: bytes) -> uuid.UUID:
    """Return the pipeline's id from the message header that opens a first fragment."""
    start = _FRAGMENT_HEADER
    if len(fragment) < start + _MESSAGE_HEADER or not fragment[16] & _IS_START:
        raise FaultError(INTERNAL)
    return uuid.UUID(bytes_le=fragment[start + 24 : start + _MESSAGE_HEADER])


def _version_table() -> dict[str, object]:
    """Return $PSVersionTable of PowerShell 2.0."""
    return {
        "CLRVersion": PSVersion("2.0.50727.3634"),
        "BuildVersion": PSVersion("6.0.6002.18111"),
        "PSVersion": PSVersion("2.0"),
        "WSManStackVersion": PSVersion("2.0"),
        "PSCompatibleVersions": [PSVersion("1.0"), PSVersion("2.0")],
        "SerializationVersion": PSVersion("1.1.0.1"),
        "PSRemotingProtocolVersion": PSVersion("2.1"),
    }
