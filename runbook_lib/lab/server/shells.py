"""The open shells of one node: whose they are, how many a user may have, when they grow too old."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from xml.sax.saxutils import escape

from runbook_lib.lab.server.psrp import RunspacePool
from runbook_lib.lab.server.winrm_config import Quotas
from runbook_lib.lab.server.winrs import CommandShell
from runbook_lib.lab.server.wsman_faults import (
    ACCESS_DENIED,
    SHELL_GONE,
    TOO_MANY_SHELLS,
    Fault,
    FaultError,
)

_REPLAYS = 8

Pool = RunspacePool | CommandShell


@dataclass
class Shell:
    """One shell of one user.

    busy: how many requests it serves now; such a shell is not idle.
    replays: the last answers to Receive, by the request's MessageID.
    """

    shell_id: str
    resource_uri: str
    owner: str
    address: str
    pool: Pool
    opened_at: float
    used_at: float
    busy: int = 0
    replays: OrderedDict[str, bytes] = field(default_factory=OrderedDict)

    def keep_for_replay(self, message_id: str, envelope: bytes) -> None:
        """Remember an answer: a client that missed it sends the same request again."""
        self.replays[message_id] = envelope
        while len(self.replays) > _REPLAYS:
            self.replays.popitem(last=False)


class Shells:
    """The table of shells. Any thread may call; callers must not hold a pool's lock."""

    def __init__(self, quotas: Quotas, monotonic: Callable[[], float]) -> None:
        """Start empty; `monotonic` is the clock that shells grow old by."""
        self._quotas = quotas
        self._monotonic = monotonic
        self._lock = Lock()
        self._shells: dict[str, Shell] = {}

    def __len__(self) -> int:
        with self._lock:
            return len(self._shells)

    def make(self, resource_uri: str, owner: str, address: str, pool: Pool) -> Shell:
        """Return a shell that is not in the table yet.

        Its identifier is made here: WinRM 2.0 takes none from a client.
        """
        now = self._monotonic()
        shell_id = str(uuid.uuid4()).upper()
        return Shell(shell_id, resource_uri, owner, address, pool, opened_at=now, used_at=now)

    def add(self, shell: Shell) -> None:
        """Take a shell in; raise the quota's fault if its owner has too many."""
        self._drop_idle()
        most = self._quotas.shells_per_user
        with self._lock:
            if len(self._owned_by(shell.owner)) >= most:
                raise FaultError(
                    TOO_MANY_SHELLS.saying(
                        "The WS-Management service cannot process the request. This user is "
                        f"allowed a maximum number of {most} concurrent shells, which has been "
                        "exceeded. Close existing shells or raise the quota for this user."
                    )
                )
            self._shells[shell.shell_id] = shell

    @contextmanager
    def using(self, shell_id: str, user: str) -> Iterator[Shell]:
        """Lend a shell to one request; raise the fault for one that is gone or another's."""
        self._drop_idle()
        with self._lock:
            shell = self._shells.get(shell_id.upper())
            if shell is None:
                raise FaultError(_gone(shell_id))
            if shell.owner.casefold() != user.casefold():
                raise FaultError(ACCESS_DENIED)
            shell.busy += 1
        try:
            yield shell
        finally:
            with self._lock:
                shell.busy -= 1
                shell.used_at = self._monotonic()

    def owned_by(self, user: str) -> list[Shell]:
        """Return a user's shells."""
        self._drop_idle()
        with self._lock:
            return self._owned_by(user)

    def discard(self, shell: Shell) -> None:
        """Take a shell out of the table."""
        with self._lock:
            self._shells.pop(shell.shell_id, None)

    def close_all(self) -> None:
        """End all shells; whoever waits in one gets fault 995."""
        with self._lock:
            shells = list(self._shells.values())
            self._shells.clear()
        _close(shells)

    def described(self, shell: Shell) -> str:
        """Return the shell as rsp:Shell."""
        now = self._monotonic()
        is_cmd = isinstance(shell.pool, CommandShell)
        streams = ("stdin", "stdout stderr") if is_cmd else ("stdin pr", "stdout")
        return (
            f"<rsp:Shell><rsp:ShellId>{shell.shell_id}</rsp:ShellId>"
            f"<rsp:ResourceUri>{escape(shell.resource_uri)}</rsp:ResourceUri>"
            f"<rsp:Owner>{escape(shell.owner)}</rsp:Owner>"
            f"<rsp:ClientIP>{shell.address}</rsp:ClientIP>"
            f"<rsp:IdleTimeOut>PT{self._quotas.idle_s:.3f}S</rsp:IdleTimeOut>"
            f"<rsp:InputStreams>{streams[0]}</rsp:InputStreams>"
            f"<rsp:OutputStreams>{streams[1]}</rsp:OutputStreams>"
            f"<rsp:ShellRunTime>{_age(now - shell.opened_at)}</rsp:ShellRunTime>"
            f"<rsp:ShellInactivity>{_age(now - shell.used_at)}</rsp:ShellInactivity></rsp:Shell>"
        )

    def _owned_by(self, user: str) -> list[Shell]:
        return [s for s in self._shells.values() if s.owner.casefold() == user.casefold()]

    def _drop_idle(self) -> None:
        oldest = self._monotonic() - self._quotas.idle_s
        with self._lock:
            idle = [s for s in self._shells.values() if not s.busy and s.used_at < oldest]
            for shell in idle:
                del self._shells[shell.shell_id]
        _close(idle)


def _close(shells: list[Shell]) -> None:
    for shell in shells:
        with shell.pool.changed:
            shell.pool.close()


def _gone(shell_id: str) -> Fault:
    return SHELL_GONE.saying(
        f"The request for the Windows Remote Shell with ShellId {shell_id} failed because the "
        "shell was not found on the server. Possible causes are: the specified ShellId is "
        "incorrect or the shell no longer exists on the server. Provide the correct ShellId or "
        "create a new shell and retry the operation."
    )


def _age(span_s: float) -> str:
    minutes, rest = divmod(int(span_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"P{days}DT{hours}H{minutes}M{rest}S"
