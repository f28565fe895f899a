"""The node's membership in a domain: what it is, and how it joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from runbook_lib.commands import rows, system, windows_registry, wmi
from runbook_lib.commands.command import Action, Answer, Outcome, Query, TaskAccount, WmiMethod
from runbook_lib.commands.system import Computer

JOIN, CREATE_ACCOUNT = 1, 2

JOIN_EXPLAINS: Mapping[int, str] = MappingProxyType(
    {
        5: "access was denied",
        87: "a parameter is not valid",
        110: "the computer account cannot be opened",
        1323: "the password could not be updated",
        1326: "the user name or the password is wrong",
        1330: "the account's password has expired",
        1331: "the account is disabled",
        1355: "the domain does not exist or could not be contacted",
        1398: "the clocks of node and domain controller are too far apart",
        1793: "the account has expired",
        1907: "the account's password must be changed first",
        1909: "the account is locked out",
        2221: "the domain has no account for this computer",
        2224: "the domain has an account of this name already",
        2691: "the node is a member of a domain already",
        2692: "the node is a member of no domain",
        8557: "the account has added as many computers as it may",
    }
)
"""Return values of joining: Win32 codes; those about accounts are the logon's own."""

EXPOSES = (
    "the password is plain text in the memory of PowerShell and WMI on the node during the call",
)


@dataclass(frozen=True)
class Membership:
    """Where the computer belongs, and its primary DNS suffix now and after the next start."""

    computer: Computer
    suffix: str
    pending_suffix: str

    def is_of(self, domain: str) -> bool:
        """Tell whether the computer is a member of a domain, in force or not yet."""
        return self.computer.part_of_domain and (
            self.computer.domain.casefold() == domain.casefold()
        )

    @property
    def waits_for_restart(self) -> bool:
        """Tell whether the next start changes the suffix: so it is between join and restart."""
        return self.suffix.casefold() != self.pending_suffix.casefold()


def membership() -> Query[Membership]:
    """Return the membership as the node itself knows it."""
    suffixes = windows_registry.key(windows_registry.TCPIP_PATH, "Domain", "NV Domain")

    def parse(answers: Sequence[Answer]) -> Membership:
        row = rows.first_row(rows.answered(answers[1]))
        now, later = (rows.optional_text(row, name) or "" for name in ("Domain", "NV Domain"))
        return Membership(_computer.parse(answers[:1]), now, later)

    return Query((wmi.COMPUTER_SYSTEM, suffixes), parse)


_computer = system.computer()


def join(
    running: str, domain: str, account: TaskAccount, unit: str | None, *, is_prepared: bool = False
) -> Action:
    """Make the computer a member of a domain; in force after the next start.

    running: its name now. unit: where its account is made, None for the usual place.
    is_prepared: the domain has an account for it, which is used instead of a new one.
    """
    arguments = (
        ("Name", domain),
        ("Password", account.password),
        ("UserName", account.user),
        ("AccountOU", None if is_prepared else unit),
        ("FJoinOptions", JOIN if is_prepared else JOIN | CREATE_ACCOUNT),
    )
    return Action(
        WmiMethod(
            "Win32_ComputerSystem", "JoinDomainOrWorkgroup", arguments, key=("Name", running)
        ),
        accepts=MappingProxyType({0: Outcome.REBOOT_NEEDED}),
        explains=JOIN_EXPLAINS,
        deadline_s=180.0,
        exposes=EXPOSES,
    )
