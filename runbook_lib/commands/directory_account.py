"""An account of the directory: whether it may log on, and why it was refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

DISABLED = 0x2
LOCKED = 0x10
PASSWORD_EXPIRED = 0x800000
NEVER = (0, 9223372036854775807)

_TICKS_A_SECOND = 10_000_000
_DATA = re.compile(r"\bdata ([0-9a-f]+)\b", re.IGNORECASE)

REFUSALS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "525": ("there is no such account", "correct the account's name in the parameter file"),
        "52e": (
            "the password is wrong",
            "correct the secret; it was tried once and is not tried again by itself",
        ),
        "532": ("its password has expired", "give it a new password"),
        "533": ("it is disabled", "enable it"),
        "701": ("it has expired", "extend it"),
        "773": ("its password must be changed first", "change its password"),
        "775": ("it is locked out", "find out who tries wrong passwords, then unlock it"),
    }
)
"""What a controller adds to a refused bind ("data 775") -> why, and what to do."""


@dataclass(frozen=True)
class Account:
    """One user account. groups: SIDs of the groups it belongs to, nested ones included."""

    name: str
    sid: str
    enabled: bool
    locked: bool
    expired: bool
    password_expired: bool
    must_change: bool
    groups: frozenset[str]

    @property
    def faults(self) -> tuple[str, ...]:
        """Return why it cannot log on, in words; empty when it can."""
        found = (
            (not self.enabled, "it is disabled"),
            (self.locked, "it is locked out"),
            (self.expired, "it has expired"),
            (self.password_expired and not self.must_change, "its password has expired"),
            (self.must_change, "its password must be changed first"),
        )
        return tuple(words for holds, words in found if holds)


def account_of(facts: Mapping[str, Mapping[str, tuple[str, ...]]], user: str) -> Account | None:
    """Return the account as the controller of these facts knows it, or None."""
    found = facts.get(f"user {user}")
    if found is None:
        return None
    control = int(found["userAccountControl"][0])
    # Locked and expired stand in no stored attribute: the controller works them out.
    computed = int((*found["msDS-User-Account-Control-Computed"], "0")[0])
    expires = int((*found["accountExpires"], "0")[0])
    return Account(
        name=found["sAMAccountName"][0],
        sid=found["objectSid"][0],
        enabled=not control & DISABLED,
        locked=bool(computed & LOCKED),
        expired=expires not in NEVER and expires <= _file_time(facts["rootDSE"]["currentTime"][0]),
        password_expired=bool(computed & PASSWORD_EXPIRED),
        must_change=(*found["pwdLastSet"], "")[0] == "0",
        groups=frozenset(found["tokenGroups"]),
    )


def refused_logon(user: str, told: tuple[str, ...]) -> tuple[str, str]:
    """Return why a bind was refused and what to do, from the controller's own words."""
    code, text, detail = (*told, "", "", "")[:3]
    match = _DATA.search(detail)
    if match and match[1].lower() in REFUSALS:
        why, mend = REFUSALS[match[1].lower()]
        return f"the domain refuses {user}: {why}", f"{user}: {mend}; then plan the phase again"
    return (
        f"the domain refuses {user}: {text.strip()} ({code})",
        f"see that {user} may log on and that its secret is right; it was tried once",
    )


def _file_time(moment: str) -> int:
    """Return a generalized time (20061122101533.0Z) in 100 ns since 1601."""
    at = datetime.strptime(moment.partition(".")[0], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    since = at - datetime(1601, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * _TICKS_A_SECOND
