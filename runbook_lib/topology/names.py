"""What the names of Windows may look like: computers, domains, accounts, connections, labels.

Rules of this file: ASCII and `fullmatch` only, so that no look-alike letter and no trailing
newline passes; no character that PowerShell, cmd or cluster.exe gives a meaning passes either.
"""

from __future__ import annotations

import re
import string

from runbook_lib.topology.faults import (
    UnfitError,
    first_outside,
    quoted,
    with_character,
    with_length,
)

LETTERS_AND_DIGITS = frozenset(string.ascii_letters + string.digits)
COMPUTER_CHARACTERS = LETTERS_AND_DIGITS | {"-"}
DOMAIN_CHARACTERS = COMPUTER_CHARACTERS | {"."}
TITLE_CHARACTERS = LETTERS_AND_DIGITS | set(" ._-")
UNIT_CHARACTERS = TITLE_CHARACTERS | set("=,")

COMPUTER = "a name of 1 to 15 letters, digits and inner hyphens, not digits alone"
DOMAIN = "a DNS name of two labels or more such as lab.local, at most 64 characters"
LOCAL_USER = "a local account's name such as Administrator, without a domain"
DOMAIN_USER = r"DOMAIN\user or user@domain.example"
TITLE = "1 to 32 letters, digits, inner spaces, dots, hyphens and underscores"
UNIT = "a distinguished name such as OU=Mail,DC=lab,DC=local"

LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
DOMAIN_NAME = re.compile(rf"{LABEL}(?:\.{LABEL})+", re.ASCII)
HOST_NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*", re.ASCII)
LAST_LABEL_DIGITS = re.compile(r"(?:.*\.)?[0-9]+", re.ASCII)
ACCOUNT = r"[A-Za-z0-9](?:[A-Za-z0-9._ -]{0,18}[A-Za-z0-9_-])?"
ACCOUNT_NAME = re.compile(ACCOUNT, re.ASCII)
DOWN_LEVEL = re.compile(
    rf"(?P<domain>(?!-)[A-Za-z0-9-]{{1,15}}(?<!-))\\(?P<user>{ACCOUNT})", re.ASCII
)
PRINCIPAL = re.compile(rf"(?P<user>{ACCOUNT})@(?P<domain>{LABEL}(?:\.{LABEL})+)", re.ASCII)
TITLE_TEXT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,30}[A-Za-z0-9_-])?", re.ASCII)
PART = r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9_-])?"
UNIT_NAME = re.compile(rf"OU={PART}(?:,OU={PART})*(?:,DC={LABEL})+", re.ASCII | re.IGNORECASE)

DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))]
)
RESERVED = DEVICES | frozenset(
    [
        *("LOCALHOST", "WORKGROUP", "GATEWAY", "ANONYMOUS", "BATCH", "BUILTIN", "DIALUP"),
        *("DOMAIN", "ENTERPRISE", "INTERACTIVE", "INTERNET", "LOCAL", "NETWORK", "NULL"),
        *("PROXY", "RESTRICTED", "SELF", "SERVER", "SERVICE", "SYSTEM", "USERS", "WORLD"),
    ]
)
"""Names that Windows or its directory keeps for itself, in capitals."""


def parse_computer(text: str) -> str:
    """Return a name that is good for NetBIOS and DNS alike."""
    if not 1 <= len(text) <= 15:
        raise UnfitError(COMPUTER, with_length(text))
    place = first_outside(text, COMPUTER_CHARACTERS)
    if place is not None:
        raise UnfitError(COMPUTER, with_character(text, place))
    if text.startswith("-") or text.endswith("-"):
        raise UnfitError(COMPUTER, f"{quoted(text)} with a hyphen at its edge")
    if text.isdigit():
        raise UnfitError(COMPUTER, f"{quoted(text)} (digits alone)")
    if text.upper() in RESERVED:
        raise UnfitError(COMPUTER, f"{quoted(text)} (a reserved name)")
    return text


def parse_domain(text: str) -> str:
    """Return the DNS name of an Active Directory domain."""
    place = first_outside(text, DOMAIN_CHARACTERS)
    if place is not None:
        raise UnfitError(DOMAIN, with_character(text, place))
    if len(text) > 64:
        raise UnfitError(DOMAIN, with_length(text))
    if not DOMAIN_NAME.fullmatch(text) or LAST_LABEL_DIGITS.fullmatch(text):
        raise UnfitError(DOMAIN)
    return text


def parse_local_user(text: str) -> str:
    """Return the name of an account of one machine."""
    if not ACCOUNT_NAME.fullmatch(text):
        raise UnfitError(LOCAL_USER)
    return text


def parse_domain_user(text: str) -> str:
    r"""Return DOMAIN\user or user@domain as it stands."""
    if not (DOWN_LEVEL.fullmatch(text) or PRINCIPAL.fullmatch(text)):
        raise UnfitError(DOMAIN_USER)
    return text


def user_and_domain(account: str) -> tuple[str, str]:
    """Return both halves of an account that `parse_domain_user` has read."""
    found = DOWN_LEVEL.fullmatch(account) or PRINCIPAL.fullmatch(account)
    if found is None:
        raise UnfitError(DOMAIN_USER)
    return found["user"], found["domain"]


def parse_title(text: str) -> str:
    """Return the name of a connection or the label of a disk."""
    place = first_outside(text, TITLE_CHARACTERS)
    if place is not None:
        raise UnfitError(TITLE, with_character(text, place))
    if not TITLE_TEXT.fullmatch(text):
        raise UnfitError(TITLE)
    return text


def parse_unit(text: str) -> str:
    """Return the distinguished name of an organizational unit."""
    place = first_outside(text, UNIT_CHARACTERS)
    if place is not None:
        raise UnfitError(UNIT, with_character(text, place))
    if not UNIT_NAME.fullmatch(text):
        raise UnfitError(UNIT)
    return text
