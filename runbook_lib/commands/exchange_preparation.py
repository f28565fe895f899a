"""How far the directory is prepared for Exchange 2007, and which of its servers are there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag
from types import MappingProxyType

_SERIAL = re.compile(r"Version (\d+)\.(\d+) \(Build (\d+)(?:\.(\d+))?")


class Role(IntFlag):
    """msExchCurrentServerRoles."""

    MAILBOX = 2
    CLIENT_ACCESS = 4
    UNIFIED_MESSAGING = 16
    HUB_TRANSPORT = 32
    EDGE_TRANSPORT = 64


@dataclass(frozen=True)
class Levels:
    """The three numbers by which a release of Exchange knows its own preparation."""

    schema: int
    organization: int
    domain: int


RELEASES: Mapping[str, Levels] = MappingProxyType(
    {
        "RTM": Levels(10637, 10666, 10628),
        "SP1": Levels(11116, 11221, 11221),
        "SP2": Levels(14622, 11222, 11221),
        "SP3": Levels(14625, 11222, 11221),
    }
)
"""Release of Exchange 2007 -> what it prepares."""


@dataclass(frozen=True)
class ExchangeServer:
    """One Exchange 2007 server. site: the name of its AD site. build: such as "8.3.83.6"."""

    name: str
    roles: Role
    site: str
    build: str | None


@dataclass(frozen=True)
class ExchangePreparation:
    """What Setup's preparation left in the directory; None where nothing was prepared."""

    schema: int | None
    organization: str | None
    organization_version: int | None
    domain_version: int | None
    servers: tuple[ExchangeServer, ...]

    def servers_with(self, role: Role, site: str | None = None) -> tuple[ExchangeServer, ...]:
        """Return the servers that hold a role, in one site or anywhere."""
        return tuple(
            server
            for server in self.servers
            if role in server.roles and (site is None or server.site.upper() == site.upper())
        )

    def lacks(self, release: str) -> tuple[str, ...]:
        """Return what is not prepared for a release ("SP3"), each with its numbers."""
        wanted = RELEASES[release]
        found = (
            ("schema", self.schema, wanted.schema),
            ("organization", self.organization_version, wanted.organization),
            ("domain", self.domain_version, wanted.domain),
        )
        return tuple(
            f"{what} is at {'none' if level is None else level}, {release} needs {least}"
            for what, level, least in found
            if (level or 0) < least
        )


def preparation_of(facts: Mapping[str, Mapping[str, tuple[str, ...]]]) -> ExchangePreparation:
    """Return it from what the controller of these facts answered."""
    organization = facts.get("organization", {})
    return ExchangePreparation(
        schema=_number(facts.get("schema version", {}).get("rangeUpper")),
        organization=next(iter(organization.get("name", ())), None),
        organization_version=_number(organization.get("objectVersion")),
        domain_version=_number(facts.get("system objects", {}).get("objectVersion")),
        servers=tuple(
            sorted(
                (
                    _server(subject.partition(" ")[2], found)
                    for subject, found in facts.items()
                    if subject.startswith("server ")
                ),
                key=lambda server: server.name,
            )
        ),
    )


def _server(name: str, found: Mapping[str, tuple[str, ...]]) -> ExchangeServer:
    site = next(iter(found["msExchServerSite"]), "")
    return ExchangeServer(
        name=name,
        roles=Role(_number(found["msExchCurrentServerRoles"]) or 0),
        site=site.partition(",")[0].partition("=")[2],
        build=_build(next(iter(found["serialNumber"]), "")),
    )


def _build(serial: str) -> str | None:
    """Return 8.3.83.6 of "Version 8.3 (Build 30083.6)": the build stands with a leading 3."""
    match = _SERIAL.match(serial)
    if match is None:
        return None
    major, minor, build, revision = match.groups()
    return f"{major}.{minor}.{int(build) % 10000}.{revision or 0}"


def _number(values: tuple[str, ...] | None) -> int | None:
    return int(values[0]) if values else None
