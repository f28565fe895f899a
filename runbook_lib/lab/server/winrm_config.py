"""What WinRM 2.0 says of itself: version, quotas, configuration.

Values are those of a dump of the same stack (Windows 7 class) and of the Identify answer of a
Server 2003 node; 2003 has no CredSSP. source: documented.
"""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.lab.server.soap import CFG

PRODUCT_VERSION = "OS: 5.2.3790 SP: 2.0 Stack: 2.0"
ANONYMOUS_PRODUCT_VERSION = "OS: 0.0.0 SP: 0.0 Stack: 2.0"


@dataclass(frozen=True)
class Quotas:
    """The limits that the lab enforces, with the defaults of WinRM 2.0."""

    shells_per_user: int = 5
    shortest_timeout_s: float = 0.5
    longest_timeout_s: float = 60.0
    idle_s: float = 180.0
    envelope_bytes: int = 150 * 1024


def shell_settings(quotas: Quotas) -> dict[str, object]:
    """Return the settings of remote shells by their names, in the order of the dump."""
    return {
        "AllowRemoteShellAccess": "true",
        "IdleTimeout": int(quotas.idle_s * 1000),
        "MaxConcurrentUsers": 5,
        "MaxShellRunTime": 2147483647,
        "MaxProcessesPerShell": 15,
        "MaxMemoryPerShellMB": 150,
        "MaxShellsPerUser": quotas.shells_per_user,
    }


def section(resource_uri: str, quotas: Quotas) -> str | None:
    """Return a configuration section as XML; None if there is no such section."""
    service = _element(
        "Service",
        {
            "RootSDDL": "O:NSG:BAD:P(A;;GA;;;BA)S:P(AU;FA;GA;;;WD)(AU;SA;GWGX;;;WD)",
            "MaxConcurrentOperations": 4294967295,
            "MaxConcurrentOperationsPerUser": 15,
            "EnumerationTimeoutms": 60000,
            "MaxConnections": 25,
            "MaxPacketRetrievalTimeSeconds": 120,
            "AllowUnencrypted": "false",
            "Auth": {
                "Basic": "false",
                "Kerberos": "true",
                "Negotiate": "true",
                "Certificate": "false",
                "CbtHardeningLevel": "Relaxed",
            },
        },
    )
    shells = _element("Winrs", shell_settings(quotas))
    whole = _element(
        "Config",
        {
            "MaxEnvelopeSizekb": quotas.envelope_bytes // 1024,
            "MaxTimeoutms": int(quotas.longest_timeout_s * 1000),
            "MaxBatchItems": 32000,
            "MaxProviderRequests": 4294967295,
        },
        inside=service + shells,
    )
    sections = {"": whole, "/service": service, "/winrs": shells}
    uri = resource_uri.lower()
    return sections.get(uri.removeprefix(CFG.lower())) if uri.startswith(CFG.lower()) else None


def _element(name: str, values: dict[str, object], inside: str = "") -> str:
    content = "".join(
        _element(key, value) if isinstance(value, dict) else f"<cfg:{key}>{value}</cfg:{key}>"
        for key, value in values.items()
    )
    return f'<cfg:{name} xmlns:cfg="{CFG}">{content}{inside}</cfg:{name}>'
