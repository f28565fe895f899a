"""WS-Management as WinRM 2.0 serves it: shells, their commands, and what else it answers.

Served: Create, Command, Send, Receive, Signal, Delete of PowerShell shells; Get and Enumerate of
shells; Get of the configuration; Identify. Everything else gets the fault that says so.
"""

from __future__ import annotations

import base64
import binascii
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Condition, Lock
from xml.sax.saxutils import escape, quoteattr

from runbook_lib.lab.answers import Invocation, Reply
from runbook_lib.lab.faults import Fault, When
from runbook_lib.lab.server import soap, winrm_config
from runbook_lib.lab.server.psrp import Command, Node, RunspacePool
from runbook_lib.lab.server.shells import Shell, Shells
from runbook_lib.lab.server.soap import RSP, Request
from runbook_lib.lab.server.winrm_config import Quotas
from runbook_lib.lab.server.winrs import CommandShell, Line, StandardError
from runbook_lib.lab.server.wire_faults import WireFaults, mangled
from runbook_lib.lab.server.wire_record import WireRecord
from runbook_lib.lab.server.wsman_faults import (
    BAD_BODY,
    ENVELOPE_TOO_SMALL,
    NO_SUCH_ACTION,
    NO_SUCH_COMMAND,
    NO_SUCH_RESOURCE,
    TIMEOUT_TOO_SHORT,
    UNSUPPORTED,
    FaultError,
)

POWERSHELL = "http://schemas.microsoft.com/powershell/"
_POWERSHELL_SHELLS = frozenset(
    {f"{POWERSHELL}Microsoft.PowerShell", f"{POWERSHELL}Microsoft.PowerShell32"}
)
_COMMAND_SHELL = f"{RSP}/cmd"
_SHELL = RSP
_TRANSFER = soap.X
_STATE = f"{RSP}/CommandState"
_SIGNAL_STOP = frozenset({"powershell/signal/ctrl_c", f"{RSP}/signal/ctrl_c"})
_SIGNAL_TERMINATE = frozenset({f"{RSP}/signal/terminate"})
_RECEIVE_OVERHEAD = 2048
_SMALLEST_ENVELOPE = 8192


@dataclass(frozen=True)
class Answered:
    """What goes back: an HTTP status, an envelope, and the armed fault that spoils both."""

    status: int
    envelope: bytes
    fault: Fault | None = None


@dataclass(frozen=True)
class Caller:
    """Who asks, and whether a reply can still reach him.

    wait_on: told which condition the request waits on, so that a reset can wake it.
    """

    user: str
    address: str = "127.0.0.1"
    is_gone: Callable[[], bool] = lambda: False
    wait_on: Callable[[Condition], None] = lambda _condition: None


@dataclass
class NodeService:
    """WinRM of one node.

    answer: carries out an invocation for a user. describe: gives an invocation its label.
    record: counts the work of pipelines. monotonic: the clock that idle shells grow old by.
    """

    node: str
    answer: Callable[[str, Invocation], Reply]
    describe: Callable[[Invocation], str] = lambda _invocation: ""
    faults: WireFaults = field(default_factory=WireFaults)
    record: WireRecord = field(default_factory=WireRecord)
    quotas: Quotas = field(default_factory=Quotas)
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        """Start without shells."""
        self.shells = Shells(self.quotas, self.monotonic)
        self._lock = Lock()
        self.pipelines = 0

    def handle(self, envelope: bytes, caller: Caller) -> Answered:
        """Return the answer to one envelope; raise ConnectionGoneError where none can be given."""
        if soap.identify_is_asked(envelope):
            return Answered(200, soap.identify_reply(winrm_config.PRODUCT_VERSION))
        request: Request | None = None
        try:
            request = soap.parse(envelope)
            self._check_limits(request)
            return self._with_faults(request, caller)
        except FaultError as error:
            relates_to = error.relates_to or (request.message_id if request else "")
            return Answered(500, soap.fault_reply(error.fault, relates_to))

    def _check_limits(self, request: Request) -> None:
        if request.timeout_s < self.quotas.shortest_timeout_s:
            raise FaultError(TIMEOUT_TOO_SHORT)
        if request.max_envelope < _SMALLEST_ENVELOPE:
            raise FaultError(ENVELOPE_TOO_SMALL)

    def _with_faults(self, request: Request, caller: Caller) -> Answered:
        name = request.action.rpartition("/")[2].lower()
        fault = self.faults.meet_request(self.node, name)
        if fault is not None and fault.when is When.BEFORE:
            return Answered(200, soap.reply(request, ""), fault)
        answered = self._serve(request, caller)
        return answered if fault is None else Answered(answered.status, answered.envelope, fault)

    def _serve(self, request: Request, caller: Caller) -> Answered:
        action = request.action
        if action == f"{_TRANSFER}/Create":
            return self._create(request, caller)
        if action == f"{_TRANSFER}/Get":
            return self._get(request, caller)
        if action == f"{soap.WSEN}/Enumerate":
            return self._enumerate(request, caller)
        serve = {
            f"{_SHELL}/Command": self._command,
            f"{_SHELL}/Send": self._send,
            f"{_SHELL}/Receive": self._receive,
            f"{_SHELL}/Signal": self._signal,
            f"{_TRANSFER}/Delete": self._delete,
        }.get(action)
        if serve is None:
            raise FaultError(NO_SUCH_ACTION)
        if request.resource_uri not in {*_POWERSHELL_SHELLS, _COMMAND_SHELL}:
            raise FaultError(NO_SUCH_RESOURCE)
        shell_id = request.selectors.get("ShellId", "")
        with self.shells.using(shell_id, caller.user) as shell, shell.pool.changed:
            return serve(request, shell, caller)

    def _create(self, request: Request, caller: Caller) -> Answered:
        if request.resource_uri == _COMMAND_SHELL:
            shell = self.shells.make(
                request.resource_uri,
                caller.user,
                caller.address,
                CommandShell(self._node_for(caller.user)),
            )
            return self._created(request, shell)
        if request.resource_uri not in _POWERSHELL_SHELLS:
            raise FaultError(NO_SUCH_RESOURCE)
        creation = request.first(f"{{{RSP}}}Shell").findtext(f"{{{soap.PWSH}}}creationXml")
        if not creation:
            raise FaultError(BAD_BODY)
        pool = RunspacePool(self._node_for(caller.user))
        shell = self.shells.make(request.resource_uri, caller.user, caller.address, pool)
        with pool.changed:
            pool.receive(_decoded(creation))
        return self._created(request, shell)

    def _created(self, request: Request, shell: Shell) -> Answered:
        self.shells.add(shell)
        body = (
            f"<x:ResourceCreated><a:Address>{escape(request.to)}</a:Address>"
            f"<a:ReferenceParameters><w:ResourceURI>{escape(shell.resource_uri)}</w:ResourceURI>"
            f'<w:SelectorSet><w:Selector Name="ShellId">{shell.shell_id}</w:Selector>'
            "</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>"
            f"{self.shells.described(shell)}"
        )
        return Answered(200, soap.reply(request, body))

    def _node_for(self, user: str) -> Node:
        return Node(
            answer=partial(self._answer, user),
            describe=self.describe,
            fault_for=lambda invocation: self.faults.meet_pipeline(self.node, invocation.label),
            working=partial(self.record.working, is_request=False),
        )

    def _answer(self, user: str, invocation: Invocation) -> Reply:
        with self._lock:
            self.pipelines += 1
        return self.answer(user, invocation)

    def _command(self, request: Request, shell: Shell, _caller: Caller) -> Answered:
        line = request.first(f"{{{RSP}}}CommandLine")
        command_id = (line.get("CommandId") or str(uuid.uuid4())).upper()
        parts = [part.text or "" for part in line.findall(f"{{{RSP}}}Arguments")]
        if command_id in shell.pool.commands:
            raise FaultError(BAD_BODY)
        command: Command | Line
        if isinstance(shell.pool, CommandShell):
            program = line.findtext(f"{{{RSP}}}Command") or ""
            command = shell.pool.start(command_id, " ".join([program, *parts]))
        else:
            command = self._pipeline(shell.pool, command_id, "".join(parts))
        named = f"<rsp:CommandId>{escape(command_id)}</rsp:CommandId>"
        body = f"<rsp:CommandResponse>{named}</rsp:CommandResponse>"
        return Answered(200, soap.reply(request, body), _fault_now(command))

    @staticmethod
    def _pipeline(pool: RunspacePool, command_id: str, arguments: str) -> Command:
        if not arguments:
            raise FaultError(BAD_BODY)
        return pool.create_command(command_id, _decoded(arguments))

    def _send(self, request: Request, shell: Shell, _caller: Caller) -> Answered:
        fault = None
        for stream in request.first(f"{{{RSP}}}Send").findall(f"{{{RSP}}}Stream"):
            if stream.get("Name") not in {"stdin", "pr"}:
                raise FaultError(BAD_BODY)
            command = self._named_command(shell, stream.get("CommandId"))
            data = _decoded(stream.text or "")
            if isinstance(shell.pool, RunspacePool):
                shell.pool.receive(data)
            if command is not None:
                fault = fault or _fault_now(command)
        return Answered(200, soap.reply(request, "<rsp:SendResponse/>"), fault)

    def _receive(self, request: Request, shell: Shell, caller: Caller) -> Answered:
        replayed = shell.replays.get(request.message_id)
        if replayed is not None:
            return Answered(200, replayed)
        wanted = request.first(f"{{{RSP}}}Receive/{{{RSP}}}DesiredStream")
        streams = {"stdout"} if isinstance(shell.pool, RunspacePool) else {"stdout", "stderr"}
        if not (wanted.text or "").split() or not {*(wanted.text or "").split()} <= streams:
            raise FaultError(BAD_BODY)
        command_id = (wanted.get("CommandId") or "").upper()
        command = self._named_command(shell, command_id)
        output = shell.pool.output if command is None else command.output
        envelope_bytes = min(request.max_envelope, self.quotas.envelope_bytes)
        room = (envelope_bytes - _RECEIVE_OVERHEAD) * 3 // 4
        caller.wait_on(shell.pool.changed)
        timeout_s = min(request.timeout_s, self.quotas.longest_timeout_s)
        chunks, is_last = output.take(room, timeout_s, caller.is_gone)
        fault = None
        if command is not None and command.fault is not None:
            fault, command.fault = command.fault, None
            chunks = mangled(chunks, fault)
        envelope = soap.reply(request, _received(chunks, command_id, command, is_last=is_last))
        shell.keep_for_replay(request.message_id, envelope)
        return Answered(200, envelope, fault)

    def _signal(self, request: Request, shell: Shell, _caller: Caller) -> Answered:
        signal = request.first(f"{{{RSP}}}Signal")
        command_id = (signal.get("CommandId") or "").upper()
        command = self._named_command(shell, command_id)
        code = (signal.findtext(f"{{{RSP}}}Code") or "").strip().lower()
        if command is None or code not in _SIGNAL_STOP | _SIGNAL_TERMINATE:
            raise FaultError(BAD_BODY)
        if code in _SIGNAL_STOP:
            # The command is one of this very pool.
            shell.pool.stop(command)  # type: ignore[arg-type]
        else:
            shell.pool.remove(command_id)
        return Answered(200, soap.reply(request, "<rsp:SignalResponse/>"))

    def _delete(self, request: Request, shell: Shell, _caller: Caller) -> Answered:
        self.shells.discard(shell)
        shell.pool.close()
        return Answered(200, soap.reply(request, ""))

    def _get(self, request: Request, caller: Caller) -> Answered:
        if request.resource_uri in {RSP, *_POWERSHELL_SHELLS}:
            shell_id = request.selectors.get("ShellId", "")
            with self.shells.using(shell_id, caller.user) as shell:
                return Answered(200, soap.reply(request, self.shells.described(shell)))
        configured = winrm_config.section(request.resource_uri, self.quotas)
        if configured is None:
            raise FaultError(NO_SUCH_RESOURCE)
        return Answered(200, soap.reply(request, configured))

    def _enumerate(self, request: Request, caller: Caller) -> Answered:
        if request.resource_uri != RSP:
            raise FaultError(NO_SUCH_RESOURCE)
        wanted = request.first(f"{{{soap.WSEN}}}Enumerate")
        if wanted.find(f"{{{soap.W}}}OptimizeEnumeration") is None:
            raise FaultError(UNSUPPORTED)
        mine = self.shells.owned_by(caller.user)
        items = "".join(self.shells.described(shell) for shell in mine)
        body = (
            "<n:EnumerateResponse><n:EnumerationContext/>"
            f"<w:Items>{items}</w:Items><w:EndOfSequence/></n:EnumerateResponse>"
        )
        return Answered(200, soap.reply(request, body))

    @staticmethod
    def _named_command(shell: Shell, command_id: str | None) -> Command | Line | None:
        if not command_id:
            return None
        command = shell.pool.commands.get(command_id.upper())
        if command is None:
            raise FaultError(NO_SUCH_COMMAND)
        return command


def _fault_now(command: Command | Line) -> Fault | None:
    """Return the fault that strikes before a pipeline starts; it strikes once."""
    fault = command.fault
    if fault is None or fault.when is not When.BEFORE:
        return None
    command.fault = None
    return fault


def _received(
    chunks: list[bytes], command_id: str, command: Command | Line | None, *, is_last: bool
) -> str:
    named = f" CommandId={quoteattr(command_id)}" if command_id else ""
    streams = "".join(
        f'<rsp:Stream Name="{_stream_of(chunk)}"{named}>'
        f"{base64.b64encode(chunk).decode()}</rsp:Stream>"
        for chunk in chunks
    )
    if not command_id:
        return f"<rsp:ReceiveResponse>{streams}</rsp:ReceiveResponse>"
    code = ""
    if is_last:
        streams += f'<rsp:Stream Name="stdout"{named} End="true"></rsp:Stream>'
        if isinstance(command, Line):
            streams += f'<rsp:Stream Name="stderr"{named} End="true"></rsp:Stream>'
            code = f"<rsp:ExitCode>{command.exit_code}</rsp:ExitCode>"
    state = "Done" if is_last else "Running"
    return (
        f"<rsp:ReceiveResponse>{streams}"
        f'<rsp:CommandState{named} State="{_STATE}/{state}">{code}</rsp:CommandState>'
        "</rsp:ReceiveResponse>"
    )


def _stream_of(chunk: bytes) -> str:
    return "stderr" if isinstance(chunk, StandardError) else "stdout"


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FaultError(BAD_BODY) from error
