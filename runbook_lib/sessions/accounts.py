"""Accounts that log on, and the breaker that stands between them and a lock-out.

One refusal of an account is final for the whole run, on both nodes: a second try with the same
password cannot go better, and counts towards the lock-out of the account.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runbook_lib.errors import AuthenticationError
from runbook_lib.sessions.credentials import SecretValue


@dataclass
class Breaker:
    """Which accounts were refused, and by which node; shared by all sessions of a run."""

    _refused: dict[str, str] = field(default_factory=dict)

    def note(self, user: str, node: str) -> None:
        """Remember that `node` refused `user`; the first node stays."""
        self._refused.setdefault(user.casefold(), node)

    def check(self, user: str) -> None:
        """Raise AuthenticationError if the account was refused before."""
        node = self._refused.get(user.casefold())
        if node is not None:
            raise AuthenticationError(
                f"The account {user} is not tried again.",
                why=f"{node} refused it, and every further try counts towards its lock-out",
                next_step="put the password reference right (for a domain's account also see that "
                "the node reaches its domain), then resume the run",
            )


@dataclass(frozen=True)
class Account:
    """One account with its secret; see `sealed_http.Logon`."""

    user: str
    secret: SecretValue
    breaker: Breaker

    def password(self) -> str:
        """Return the password, unless the account was refused before."""
        self.breaker.check(self.user)
        return self.secret.reveal()

    def refused(self, node: str) -> None:
        """Stop every later try with this account."""
        self.breaker.note(self.user, node)
