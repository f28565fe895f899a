"""A site small enough to read: two nodes whose answers each test gives, and clients for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from threading import Event
from typing import Any

from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from runbook_lib.lab.answers import Bag, Invocation, Reply
from runbook_lib.lab.faults import FaultError
from runbook_lib.lab.lab import Lab

NODES = ("NODE1", "NODE2")
PASSWORD = 'p:w"d$`1'


def _echo(_node: str, _user: str, invocation: Invocation) -> Reply:
    return Reply(output=(Bag({"Command": invocation.command, **invocation.parameters}),))


@dataclass
class SmallWorld:
    """Stands in for the simulated site; `reply` is what its nodes answer with."""

    reply: Callable[[str, str, Invocation], Reply] = _echo
    asked: list[tuple[str, str, Invocation]] = field(default_factory=list)
    acts: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    armed: list[dict[str, object]] = field(default_factory=list)
    off: set[str] = field(default_factory=set)
    users: dict[str, str] = field(
        default_factory=lambda: {
            "Administrator": PASSWORD,
            r"LAB\exinstall": PASSWORD,
        }
    )
    scenario: str = "factory"
    seed: int = 1
    node_names: tuple[str, ...] = NODES
    password_names: tuple[str, ...] = ("local-administrator",)
    answered: Event = field(default_factory=Event)
    is_closed: bool = False

    def __post_init__(self) -> None:
        self._power: list[Callable[[str, bool], None]] = []
        self._resets: list[Callable[[str], None]] = []

    def answer(self, node: str, user: str, invocation: Invocation) -> Reply:
        self.asked.append((node, user, invocation))
        try:
            return self.reply(node, user, invocation)
        finally:
            self.answered.set()

    def refused_logon(self, user: str) -> None:
        """Count nothing."""

    def accounts(self, node: str) -> Mapping[str, str]:
        return {**self.users, rf"{node}\Administrator": PASSWORD}

    def is_listening(self, node: str) -> bool:
        return node not in self.off

    def password(self, _name: str) -> str:
        return PASSWORD

    def act(self, name: str, arguments: Mapping[str, object]) -> dict[str, Any]:
        if name != "bow":
            raise ValueError(f"there is no act {name!r}")
        self.acts.append((name, dict(arguments)))
        return {"effects": []}

    def state(self) -> dict[str, Any]:
        return {"nodes": list(self.node_names)}

    def ledger(self) -> list[dict[str, Any]]:
        return [{"seq": 0}]

    def command_lines(self) -> list[dict[str, str]]:
        return [{"node": "NODE1", "line": "hostname.exe"}]

    def on_power_change(self, callback: Callable[[str, bool], None]) -> None:
        self._power.append(callback)

    def on_connections_reset(self, callback: Callable[[str], None]) -> None:
        self._resets.append(callback)

    def arm_fault(self, given: Mapping[str, object]) -> None:
        if given.get("node") == "nobody":
            raise FaultError("no such node")
        self.armed.append(dict(given))

    def clear_faults(self) -> None:
        self.armed.clear()

    def reset(self, scenario: str, seed: int | None = None) -> None:
        if scenario == "nowhere":
            raise ValueError("no such scenario")
        self.scenario, self.seed = scenario, self.seed if seed is None else seed

    def close(self) -> None:
        self.is_closed = True

    def switch(self, node: str, *, on: bool) -> None:
        """Switch a node off or on."""
        (self.off.discard if on else self.off.add)(node)
        for callback in self._power:
            callback(node, on)

    def break_connections(self, node: str) -> None:
        """Change the address that the node's connections use."""
        for callback in self._resets:
            callback(node)


def wsman(
    lab: Lab, node: str = "NODE1", *, user: str = "Administrator", password: str = PASSWORD
) -> WSMan:
    """Return pypsrp's connection to a node, as it is; no retries, short deadlines."""
    return WSMan(
        lab.node(node).host,
        port=lab.node(node).port,
        username=user,
        password=password,
        ssl=False,
        auth="negotiate",
        encryption="always",
        no_proxy=True,
        connection_timeout=10,
        read_timeout=20,
        operation_timeout=10,
    )


def sign_on_again(connection: WSMan) -> None:
    """Do what a client must after its connection broke: drop the seal, log on anew."""
    connection.transport.encryption = None
    connection.transport.session = None


def script(pool: RunspacePool, text: str, parameters: Mapping[str, object] | None = None) -> Any:
    """Return a pipeline of one script, not yet begun."""
    return PowerShell(pool).add_script(text).add_parameters(dict(parameters or {}))


@dataclass(frozen=True)
class Control:
    """A client of the control address."""

    address: str

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        connection = HTTPConnection(self.address.removeprefix("http://"), timeout=10)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, dict(headers or {}))
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()
