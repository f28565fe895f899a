"""A world without a wire, and short ways to talk to its nodes as a client would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from runbook_lib.lab.answers import Bag, Invocation, Reply
from runbook_lib.lab.world.clock import PolledClock
from runbook_lib.lab.world.world import World
from runbook_lib.topology.models import Topology

SCRIPT_FOLDER = Path(__file__).parents[1] / "runbook_lib" / "commands" / "scripts"
NODE_1, NODE_2 = "E2K7SCCNode1", "E2K7SCCNode2"
PUBLIC_1, PRIVATE_1 = "00-03-FF-10-00-11", "00-03-FF-10-00-21"
PUBLIC_2, PRIVATE_2 = "00-03-FF-10-00-12", "00-03-FF-10-00-22"
CONFIGURATION = "Win32_NetworkAdapterConfiguration"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@cache
def script_text(name: str) -> str:
    return (SCRIPT_FOLDER / f"{name}.ps1").read_bytes().decode()


@dataclass
class Site:
    """A factory world whose time passes only by vain polls, ten seconds each."""

    state_folder: Path | None = None
    topology: Topology | None = None
    scenario: str = "factory"
    seed: int = 1
    clock: PolledClock = field(default_factory=lambda: PolledClock(NOON))
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.world = World.create(
            self.scenario, self.topology, self.seed, self.state_folder, clock=self.clock
        )

    def ask(self, command: str, node: str = NODE_1, /, **parameters: object) -> Reply:
        return self.world.answer(node, "Administrator", Invocation(command, False, parameters))

    def run(self, script: str, node: str = NODE_1, /, **parameters: object) -> tuple[Any, ...]:
        invocation = Invocation(script_text(script), True, parameters)
        reply = self.world.answer(node, "Administrator", invocation)
        assert reply.terminating is None
        return tuple(dict(bag.properties) for bag in reply.output if isinstance(bag, Bag))

    def rows(self, wmi_class: str, node: str = NODE_1) -> tuple[Mapping[str, Any], ...]:
        reply = self.ask("Get-WmiObject", node, Class=wmi_class)
        assert not reply.errors
        return tuple(bag.properties for bag in reply.output if isinstance(bag, Bag))

    def adapter(self, mac: str, node: str = NODE_1) -> Mapping[str, Any]:
        with_colons = mac.replace("-", ":")
        [row] = (row for row in self.rows(CONFIGURATION, node) if row["MACAddress"] == with_colons)
        return row

    def key(self, path: str, node: str = NODE_1) -> Mapping[str, Any]:
        reply = self.ask("Get-ItemProperty", node, Path=f"HKLM:\\{path}")
        assert not reply.errors
        [bag] = reply.output
        assert isinstance(bag, Bag)
        return bag.properties

    def identity(self, node: str = NODE_1) -> dict[str, object]:
        guid = self.key(r"SOFTWARE\Microsoft\Cryptography", node)["MachineGuid"]
        return {"MachineGuid": guid, "ComputerName": None}

    def call(
        self, method: str, arguments: Mapping[str, object], mac: str = PRIVATE_1, node: str = NODE_1
    ) -> Mapping[str, Any]:
        """Call a method of the adapter with this MAC, or of its class with an empty one."""
        [answer] = self.run(
            "call_wmi_method",
            node,
            Identity=self.identity(node),
            Namespace=r"root\cimv2",
            Class=CONFIGURATION,
            KeyProperty="Index" if mac else "",
            KeyValue=self.adapter(mac, node)["Index"] if mac else None,
            Method=method,
            Arguments=dict(arguments),
        )
        return dict(answer)

    def program(self, *words: str, node: str = NODE_1) -> tuple[int, list[str]]:
        name, *arguments = words
        [answer] = self.run(
            "run_program",
            node,
            Identity=self.identity(node),
            Program=name,
            Arguments=arguments,
        )
        return answer["Code"], answer["Output"]

    def effects(self, since: int = 0) -> list[tuple[str, str, object, object]]:
        return [
            (each["cause"], each["what"], each["before"], each["after"])
            for each in self.world.ledger()[since:]
        ]

    def pass_time(self, seconds: float = 60) -> None:
        """Let lab time pass: a minute is enough for a restart."""
        self.clock.passed_s += seconds
        self.world.state()

    def restart(self, node: str = NODE_1) -> None:
        """Restart Windows from its menu and wait until it answers."""
        self.world.act("restart", {"node": node})
        self.pass_time()


def texts(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """Return one property of every row."""
    return [row[name] for row in rows]
