"""What Exchange Setup is asked for: its switches, long and short, in any order and any capitals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from runbook_lib.errors import UnsimulatedCommandError

SPELLINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mode": ("mode", "m"),
        "roles": ("roles", "role", "r"),
        "newcms": ("newcms",),
        "removecms": ("removecms",),
        "cmsname": ("cmsname", "cn"),
        "cmsipaddress": ("cmsipaddress", "cip"),
        "cmssharedstorage": ("cmssharedstorage", "css"),
        "cmsdatapath": ("cmsdatapath", "cdp"),
        "enableerrorreporting": ("enableerrorreporting",),
        "enablelegacyoutlook": ("enablelegacyoutlook",),
    }
)
"""Switch -> its spellings, of those that the lab simulates."""

_OTHERS = (
    "recovercms upgradecms clearlocalcms targetdir t sourcedir s updatesdir u domaincontroller dc "
    "answerfile af newprovisionedserver nprs preparelegacyexchangepermissions pl prepareschema ps "
    "preparead p organizationname on preparedomain pd preparealldomains pad "
    "noselfsignedcertificates cmsipv4addresses cmsipv4networks cmsipv6networks help h ?"
)
UNSIMULATED = frozenset(_OTHERS.split())
FLAGS = frozenset(
    ("newcms", "removecms", "cmssharedstorage", "enableerrorreporting", "enablelegacyoutlook")
)
MAILBOX_SPELLINGS = frozenset(("mailbox", "mb", "m"))


@dataclass(frozen=True)
class Wish:
    """What one call asks for. given: switch and value as they were written, for the log."""

    mode: str = "Install"
    roles: tuple[str, ...] = ()
    new_cms: bool = False
    remove_cms: bool = False
    name: str = ""
    address: str = ""
    shared: bool = False
    data_path: str = ""
    public_database: bool = False
    given: tuple[tuple[str, str], ...] = ()

    @property
    def wants_role(self) -> bool:
        """Tell whether the Mailbox role is to be installed."""
        return self.mode == "Install" and bool(self.roles)

    @property
    def is_mailbox_alone(self) -> bool:
        """Tell whether no other role is named: only this one may be on a cluster's node."""
        return all(role.lower() in MAILBOX_SPELLINGS for role in self.roles)


@dataclass(frozen=True)
class BadSwitchError(Exception):
    """A switch that Setup does not know, or that has no value or one too many."""

    switch: str
    reason: str = field(default="")


def parse(arguments: Sequence[str]) -> Wish:
    """Return what is asked for; BadSwitchError where Setup would object to the words."""
    given: dict[str, str] = {}
    written: list[tuple[str, str]] = []
    for word in arguments:
        switch, _, value = word[1:].partition(":") if word[:1] in ("/", "-") else ("", "", word)
        name = _known(switch, word)
        if name in given:
            raise BadSwitchError(switch, "is given twice")
        if bool(value) == (name in FLAGS):
            raise BadSwitchError(switch, "takes no value" if value else "needs a value")
        given[name] = value
        written.append((name, value))
    return _wish(given, tuple(written))


def _known(switch: str, word: str) -> str:
    for name, spellings in SPELLINGS.items():
        if switch.lower() in spellings:
            return name
    if switch.lower() in UNSIMULATED:
        raise UnsimulatedCommandError(
            f"The lab does not simulate Setup.com {word}.",
            why="Setup knows this switch, the lab has no answer for it",
            next_step="add it to runbook_lib/lab/handlers/setup_arguments.py",
        )
    raise BadSwitchError(switch or word, "is unknown")


def _wish(given: Mapping[str, str], written: tuple[tuple[str, str], ...]) -> Wish:
    mode = given.get("mode", "Install").capitalize()
    if mode not in ("Install", "Uninstall"):
        raise UnsimulatedCommandError(
            f"The lab does not simulate Setup.com /mode:{mode}.",
            why="it installs and uninstalls",
            next_step="add it to runbook_lib/lab/handlers/setup_arguments.py",
        )
    roles = tuple(part.strip() for part in given.get("roles", "").split(",") if part.strip())
    return Wish(
        mode=mode,
        roles=roles,
        new_cms="newcms" in given,
        remove_cms="removecms" in given,
        name=given.get("cmsname", ""),
        address=given.get("cmsipaddress", ""),
        shared="cmssharedstorage" in given,
        data_path=given.get("cmsdatapath", "").strip().rstrip("\\"),
        public_database="enablelegacyoutlook" in given,
        given=written,
    )
