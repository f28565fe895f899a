"""The lab's control address, from outside: its nodes, passwords, acts, record and faults."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from runbook_lib.commands.command import ManualAct
from runbook_lib.errors import CredentialError, NodeUnreachableError, PreconditionError

ANSWER_S = 30.0
LARGEST_ANSWER = 64 * 1024 * 1024


@dataclass(frozen=True)
class LabNode:
    """Where the lab serves one node; the name is the wished one."""

    name: str
    host: str
    port: int


@dataclass(frozen=True)
class LabControl:
    """The control address of a running lab (http://127.0.0.1:PORT)."""

    url: str

    def nodes(self) -> tuple[LabNode, ...]:
        """Return where the nodes are served."""
        return tuple(
            LabNode(str(node["name"]), str(node["host"]), int(node["port"]))
            for node in self.describe()["nodes"]
        )

    def describe(self) -> dict[str, Any]:
        """Return version, process, seed, scenario and nodes."""
        return self._ask("GET", "/lab")

    def password(self, name: str) -> str:
        """Return a password of the lab by its name; the caller masks it."""
        status, answer = self._asked("GET", f"/passwords/{quote(name, safe='')}")
        if status != 200:
            raise CredentialError(
                f"The lab has no password lab:{name}.",
                why=f"HTTP {status} at {self.url}",
                next_step="name one of lab:local-administrator, lab:installer, lab:cluster-service",
            )
        return str(answer["password"])

    def perform(self, act: ManualAct, node: str) -> None:
        """Do what a person would do at a node."""
        self.act(act.act.value, node, **dict(act.arguments))

    def act(self, name: str, node: str, /, **arguments: Any) -> dict[str, Any]:
        """Do one act by its name, as `POST /acts/NAME`."""
        return self._ask("POST", f"/acts/{quote(name, safe='')}", {"node": node, **arguments})

    def state(self) -> dict[str, Any]:
        """Return the world, as the lab writes it."""
        return self._ask("GET", "/state")

    def ledger(self) -> list[dict[str, Any]]:
        """Return every change of the world, in order, each with its cause."""
        return list(self._ask("GET", "/ledger")["effects"])

    def command_lines(self) -> list[dict[str, Any]]:
        """Return every command line that ran on a node."""
        return list(self._ask("GET", "/commands")["command_lines"])

    def counters(self) -> dict[str, Any]:
        """Return how many logons, refused logons, requests and pipelines there were."""
        return self._ask("GET", "/counters")

    def record_wire(self, *, on: bool) -> None:
        """Start or end the record of what goes over the wire."""
        self._ask("POST", "/wire", {"record": on})

    def wire(self) -> list[dict[str, Any]]:
        """Return what was recorded."""
        return list(self._ask("GET", "/wire")["messages"])

    def arm_fault(self, fault: Mapping[str, Any]) -> None:
        """Make something go wrong, once."""
        self._ask("POST", "/faults", fault)

    def clear_faults(self) -> None:
        """Take back what has not gone wrong yet."""
        self._ask("DELETE", "/faults")

    def reset(self, scenario: str) -> None:
        """Begin again at a starting state; addresses and passwords stay."""
        self._ask("POST", "/reset", {"scenario": scenario})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        status, answer = self._asked(method, path, body)
        if status != 200:
            raise PreconditionError(
                f"The lab refused {method} {path}.",
                why=str(answer.get("error", f"HTTP {status}"))[:300],
                next_step="see the lab's own messages; they name what it does not know",
            )
        return answer

    def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        place = urlsplit(self.url)
        if place.scheme != "http" or place.hostname != "127.0.0.1" or place.port is None:
            raise NodeUnreachableError(
                f"{self.url} is no address of a lab.",
                why="a lab listens on http://127.0.0.1:PORT only",
                next_step="leave lab.control empty, or use the file that `scc-runbook lab` prints",
            )
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=ANSWER_S)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read(LARGEST_ANSWER))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NodeUnreachableError(
                f"The lab at {self.url} does not answer.",
                why=str(error) or type(error).__name__,
                next_step="start it again, or leave lab.control empty to have one started",
            ) from error
        finally:
            connection.close()
        return response.status, answer if isinstance(answer, dict) else {}
