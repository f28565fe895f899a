"""Which of a node's addresses a session tries, in which order, and for how long; no sockets."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from runbook_lib.clock import Deadline, SteppedClock
from runbook_lib.errors import NodeUnreachableError
from runbook_lib.sessions.sealed_http import Endpoint, SealedHttp

NAME, WISHED = Endpoint("node1.corp.example", 5985), Endpoint("192.168.1.11", 5985)


@dataclass
class Network:
    """Hosts by name; an address that is not alive lets every packet vanish."""

    clock: SteppedClock
    hosts: dict[str, list[str]]
    alive: set[str]
    tried: list[str] = field(default_factory=list)

    def getaddrinfo(self, host: str, port: int, *_rest: Any, **_named: Any) -> list[Any]:
        if host not in self.hosts:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (address, port)) for address in self.hosts[host]]

    def create_connection(self, place: tuple[str, int], limit_s: float) -> Any:
        for address in self.hosts.get(place[0], [place[0]]):
            self.tried.append(address)
            if address in self.alive:
                return socket.socket()
            self.clock.sleep(limit_s)
        raise TimeoutError("timed out")


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    found = Network(SteppedClock(datetime(2026, 11, 23, tzinfo=UTC)), {}, set())
    monkeypatch.setattr(socket, "getaddrinfo", found.getaddrinfo)
    monkeypatch.setattr(socket, "create_connection", found.create_connection)
    return found


def opened(network: Network, http: SealedHttp) -> Endpoint:
    http.deadline = Deadline.after(network.clock, 20.0)
    connection = http._opened()
    connection.sock.close()
    return http.at


def test_a_name_with_dead_addresses_leaves_time_for_the_wished_one_and_the_logon(
    network: Network,
) -> None:
    network.hosts = {NAME.host: ["192.168.1.50", "10.10.10.77"], WISHED.host: [WISHED.host]}
    network.alive = {WISHED.host}
    http = SealedHttp("node1", (NAME, WISHED), None, network.clock)  # type: ignore[arg-type]

    assert opened(network, http) == WISHED
    assert http.deadline.left() >= 5.0


def test_the_address_that_answered_last_is_tried_first(network: Network) -> None:
    network.hosts = {NAME.host: ["192.168.1.50"], WISHED.host: [WISHED.host]}
    network.alive = {WISHED.host}
    http = SealedHttp("node1", (NAME, WISHED), None, network.clock)  # type: ignore[arg-type]
    opened(network, http)
    network.tried.clear()

    assert opened(network, http) == WISHED
    assert network.tried == [WISHED.host]


def test_every_address_that_was_tried_is_named(network: Network) -> None:
    network.hosts = {WISHED.host: [WISHED.host]}
    http = SealedHttp("node1", (NAME, WISHED), None, network.clock)  # type: ignore[arg-type]

    with pytest.raises(NodeUnreachableError) as caught:
        opened(network, http)

    assert caught.value.why == (
        "node1.corp.example:5985: Name or service not known; 192.168.1.11:5985: timed out"
    )


def test_a_node_listens_where_one_of_its_addresses_takes_a_connection(network: Network) -> None:
    network.hosts = {NAME.host: ["192.168.1.50"], WISHED.host: [WISHED.host]}
    http = SealedHttp("node1", (NAME, WISHED), None, network.clock)  # type: ignore[arg-type]

    assert not http.listens()
    assert network.tried == ["192.168.1.50", WISHED.host]
    network.alive = {WISHED.host}
    assert http.listens()
    assert not http.is_open
