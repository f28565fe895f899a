"""Sessions of ours on a lab, as the package opens them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from runbook_lib.clock import Clock, SystemClock
from runbook_lib.commands import netsh, network, system
from runbook_lib.commands.command import Action
from runbook_lib.lab.lab import Lab
from runbook_lib.sessions.accounts import Account, Breaker
from runbook_lib.sessions.credentials import SecretValue
from runbook_lib.sessions.psrp_session import PsrpReader, PsrpSession
from runbook_lib.sessions.sealed_http import Endpoint
from runbook_lib.sessions.session import ExpectedIdentity, Session

PRIVATE_MAC = "00-03-FF-10-00-21"
PUBLIC_MAC = "00-03-FF-10-00-11"


@dataclass
class EagerClock:
    """The machine's clock, but nobody waits: `instead` happens in place of each sleep."""

    instead: Callable[[], None] = lambda: None
    slept: list[float] = field(default_factory=list)
    _system: SystemClock = field(default_factory=SystemClock)

    def now(self):  # type: ignore[no-untyped-def]  # noqa: ANN201
        return self._system.now()

    def monotonic(self) -> float:
        return self._system.monotonic()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.instead()


def account(
    lab: Lab, *, user: str = "Administrator", password: str | None = None, breaker: Breaker
) -> Account:
    value = lab.world.password("local-administrator") if password is None else password
    return Account(user, SecretValue("lab:local-administrator", value), breaker)


def session(
    lab: Lab,
    number: int = 0,
    *,
    password: str | None = None,
    breaker: Breaker | None = None,
    clock: Clock | None = None,
    read_only: bool = False,
    endpoints: tuple[Endpoint, ...] = (),
) -> PsrpSession:
    node = lab.nodes[number]
    kind = PsrpReader if read_only else PsrpSession
    return kind(  # type: ignore[return-value]
        node.name,
        endpoints or (Endpoint(node.host, node.port),),
        account(lab, password=password, breaker=breaker or Breaker()),
        clock or SystemClock(),
        reveal=lambda reference: SecretValue(reference, "s3cret-of-the-node"),
        pause_s=0.01,
    )


def identity(node: Session) -> ExpectedIdentity:
    seen: system.Identity = node.begin_read([system.identity()]).finish(20)[0]
    return ExpectedIdentity(seen.machine_guid, seen.computer_name)


def private(node: Session) -> network.Adapter:
    found: network.Adapter = node.begin_read([network.adapter(PRIVATE_MAC)]).finish(20)[0]
    return found


def rename(node: Session, wanted: str = "Private") -> Action:
    return netsh.rename_connection(private(node).connection, wanted)
