"""The lab as a whole: a world, a listener per node, and the control address.

`with Lab.start("factory") as lab:` is what tests use; `python -m runbook_lib.lab` is the same as a
process. Nothing is global: many labs may live in one process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Self

from runbook_lib import __version__
from runbook_lib.lab.answers import Invocation, Reply
from runbook_lib.lab.faults import Fault, FaultError
from runbook_lib.lab.server.control import BadRequestError, ControlServer, NotFoundError, Routes
from runbook_lib.lab.server.listener import NodeListener
from runbook_lib.lab.server.logon_counts import LogonCounts
from runbook_lib.lab.server.output import NoReplyError
from runbook_lib.lab.server.seam import LabWorld
from runbook_lib.lab.server.winrm_config import Quotas
from runbook_lib.lab.server.wire_faults import WireFaults
from runbook_lib.lab.server.wire_record import WireRecord
from runbook_lib.lab.world.power import NodeIsDownError

if TYPE_CHECKING:
    from runbook_lib.lab.server.http import Front
    from runbook_lib.lab.server.wsman import NodeService
    from runbook_lib.topology.models import Topology


@dataclass(frozen=True)
class LabNode:
    """Where one node is reached."""

    name: str
    host: str
    port: int

    def as_json(self) -> dict[str, object]:
        """Return it as the control address gives it."""
        return {"name": self.name, "host": self.host, "port": self.port}


class Lab:
    """A running lab; `close` ends it. Ports and passwords stay the same while it runs."""

    def __init__(
        self,
        world: LabWorld,
        *,
        describe: Callable[[Invocation], str] = lambda _invocation: "",
        quotas: Quotas | None = None,
    ) -> None:
        """Serve `world`; describe: gives an invocation the label that faults are matched by."""
        self.world = world
        self.record = WireRecord()
        self.logons = LogonCounts(heard=world.refused_logon)
        self._faults = WireFaults()
        self._refusing: set[str] = set()
        self._describe = describe
        self._quotas = quotas or Quotas()
        self._fronts: dict[str, Front] = {}
        self._fronts_lock = Lock()
        self._listeners = {
            name: NodeListener(partial(self._front, name)) for name in world.node_names
        }
        self.nodes = tuple(
            LabNode(name, listener.host, listener.port)
            for name, listener in self._listeners.items()
        )
        world.on_power_change(self._on_power_change)
        world.on_connections_reset(self._on_connections_reset)
        for name in world.node_names:
            if world.is_listening(name):
                self._listeners[name].open()
        self._control = ControlServer(self._routes())
        self._control.start()

    @classmethod
    def start(
        cls,
        scenario: str = "factory",
        *,
        topology: Topology | None = None,
        seed: int = 1,
        state_folder: Path | None = None,
        quotas: Quotas | None = None,
    ) -> Self:
        """Return a lab on the simulated site; it goes on from `state_folder` if that holds one."""
        from runbook_lib.lab.handlers import dispatch
        from runbook_lib.lab.world.world import World

        world = World.create(scenario, topology, seed, state_folder)
        return cls(world, describe=dispatch.label_of, quotas=quotas)

    def __enter__(self) -> Self:
        """Return the lab itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the lab."""
        self.close()

    @property
    def control(self) -> str:
        """Return the control address."""
        return self._control.address

    def node(self, name: str) -> LabNode:
        """Return a node by its name; raise KeyError."""
        return {node.name: node for node in self.nodes}[name]

    def listener(self, name: str) -> NodeListener:
        """Return a node's listener by the node's name; raise KeyError."""
        return self._listeners[name]

    def service(self, name: str) -> NodeService:
        """Return a node's WinRM by the node's name; raise KeyError."""
        return self._front(name).service

    def arm_fault(self, given: Mapping[str, object]) -> None:
        """Arm a fault of the wire or of the world; raise FaultError if it is neither."""
        fault = Fault.parse(given)
        if not fault.is_of_the_wire:
            self.world.arm_fault(given)
            return
        names = {name.lower() for name in self._listeners}
        if fault.node is not None and fault.node.lower() not in names:
            raise FaultError(f"node: {fault.node!r} is none of {', '.join(self._listeners)}")
        _check_argument(fault)
        self._faults.arm(fault)

    def clear_faults(self) -> None:
        """Take all faults back; nodes that refused connections accept them again."""
        self._faults.disarm()
        self.world.clear_faults()
        refusing, self._refusing = self._refusing, set()
        for name in refusing:
            if self.world.is_listening(name):
                self._listeners[name].open()

    def reset(self, scenario: str, seed: int | None = None) -> None:
        """Begin again at a starting state: no shells, no faults; ports and passwords stay."""
        self._faults.disarm()
        self._refusing.clear()
        self.world.reset(scenario, seed)
        for name, listener in self._listeners.items():
            self._close_shells(name)
            if self.world.is_listening(name):
                listener.open()

    def counters(self) -> dict[str, object]:
        """Return what happened since the lab began, resets included."""
        with self._fronts_lock:
            fronts = list(self._fronts.values())
        return {
            "bad_logons": self.logons.bad(),
            "logons": self.logons.good(),
            "requests": self.record.requests,
            "pipelines": sum(front.service.pipelines for front in fronts),
            "busy_s": round(self.record.busy_s, 6),
        }

    def describe(self) -> dict[str, object]:
        """Return what GET /lab answers."""
        return {
            "version": __version__,
            "pid": os.getpid(),
            "seed": self.world.seed,
            "scenario": self.world.scenario,
            "nodes": [node.as_json() for node in self.nodes],
        }

    def warm_up(self) -> None:
        """Have all at hand that the first connection needs."""
        for name in self._listeners:
            self._front(name)

    def close(self) -> None:
        """End everything and give the ports back."""
        self._control.stop()
        self._faults.disarm()
        for name, listener in self._listeners.items():
            listener.release()
            self._close_shells(name)
        self.world.close()

    def _front(self, name: str) -> Front:
        from runbook_lib.lab.server.authentication import Accounts
        from runbook_lib.lab.server.http import Front
        from runbook_lib.lab.server.wsman import NodeService

        with self._fronts_lock:
            if name not in self._fronts:
                service = NodeService(
                    name,
                    partial(self._answer, name),
                    describe=self._describe,
                    faults=self._faults,
                    record=self.record,
                    quotas=self._quotas,
                )
                self._fronts[name] = Front(
                    service=service,
                    accounts=Accounts(partial(self.world.accounts, name)),
                    counts=self.logons,
                    record=self.record,
                    refuse=partial(self._refuse, name),
                )
            return self._fronts[name]

    def _close_shells(self, name: str) -> None:
        with self._fronts_lock:
            front = self._fronts.get(name)
        if front is not None:
            front.service.shells.close_all()

    def _answer(self, name: str, user: str, invocation: Invocation) -> Reply:
        try:
            return self.world.answer(name, user, invocation)
        except NodeIsDownError as error:
            raise NoReplyError from error

    def _refuse(self, name: str) -> None:
        self._refusing.add(name)
        self._listeners[name].close()

    def _on_power_change(self, name: str, is_listening: bool) -> None:  # noqa: FBT001 - the world's
        if not is_listening:
            self._listeners[name].close()
            self._close_shells(name)
        elif name not in self._refusing:
            self._listeners[name].open()

    def _on_connections_reset(self, name: str) -> None:
        self._listeners[name].reset()

    def _routes(self) -> Routes:
        world = self.world
        return Routes(
            {
                ("GET", "lab"): lambda _rest, _body: self.describe(),
                ("GET", "passwords"): self._serve_password,
                ("POST", "acts"): self._serve_act,
                ("GET", "state"): lambda _rest, _body: world.state(),
                ("GET", "ledger"): lambda _rest, _body: {"effects": world.ledger()},
                ("GET", "commands"): lambda _r, _b: {"command_lines": world.command_lines()},
                ("GET", "counters"): lambda _rest, _body: self.counters(),
                ("POST", "wire"): self._serve_recording,
                ("GET", "wire"): lambda _rest, _body: {
                    "messages": [message.as_json() for message in self.record.messages()]
                },
                ("POST", "faults"): self._serve_fault,
                ("DELETE", "faults"): self._serve_no_faults,
                ("POST", "reset"): self._serve_reset,
            }
        )

    def _serve_password(self, rest: str, _body: Mapping[str, object]) -> object:
        if rest not in self.world.password_names:
            raise NotFoundError(f"no password is called {rest}")
        return {"password": self.world.password(rest)}

    def _serve_act(self, rest: str, body: Mapping[str, object]) -> object:
        try:
            return self.world.act(rest, body)
        except ValueError as error:
            raise BadRequestError(str(error)) from error

    def _serve_recording(self, _rest: str, body: Mapping[str, object]) -> object:
        if not isinstance(body.get("record"), bool):
            raise BadRequestError("record is true or false")
        self.record.switch(on=body["record"] is True)
        return {"record": self.record.is_on}

    def _serve_fault(self, _rest: str, body: Mapping[str, object]) -> object:
        try:
            self.arm_fault(body)
        except FaultError as error:
            raise BadRequestError(str(error)) from error
        return {"armed": dict(body)}

    def _serve_no_faults(self, _rest: str, _body: Mapping[str, object]) -> object:
        self.clear_faults()
        return {}

    def _serve_reset(self, _rest: str, body: Mapping[str, object]) -> object:
        scenario, seed = body.get("scenario", self.world.scenario), body.get("seed")
        if not isinstance(scenario, str) or not (seed is None or isinstance(seed, int)):
            raise BadRequestError("scenario is a name, seed a number")
        try:
            self.reset(scenario, seed)
        except ValueError as error:
            raise BadRequestError(str(error)) from error
        return self.describe()


def _check_argument(fault: Fault) -> None:
    if fault.deed == "redirect" and not fault.argument:
        raise FaultError("do: redirect needs an address, as in redirect:http://127.0.0.1:1")
    if fault.deed == "slow" and fault.argument:
        try:
            float(fault.argument)
        except ValueError as error:
            raise FaultError("do: slow takes seconds per byte, as in slow:0.5") from error
    if fault.deed == "status" and not 100 <= fault.number <= 599:
        raise FaultError("do: status needs an HTTP status, as in status:503")
