"""A real engine runs read_directory.ps1 on a directory made of a lab's objects.

The objects come from the state that the control address shows, not from the lab's own answer to
the script; a search is found by its place, scope and filter, word for word. Values that the
directory holds as bytes are bytes here too.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.lab.answers import SecretText
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.domain_objects import DOMAIN_SID, GROUP_RIDS
from tests.judges.engine import engine_path
from tests.lab_world import NODE_1, Site, script_text

pytestmark = pytest.mark.judge

PLATFORM = Path(__file__).parents[1] / "engine_platform.ps1"
STAND_INS = {
    "ConvertTo-Text": "function ConvertTo-Text($Secure) { [string]$Secure }",
    "Get-Clock": "function Get-Clock { $global:platform.now }",
    "Resolve-HostName": "function Resolve-HostName($Name) { "
    "$found = $global:platform.dns.\"$Name\"; if (-not $found) { throw 'no host' }; $found }",
    "New-Context": "function New-Context($Domain) { $Domain }",
    "Find-Controller": "function Find-Controller($Context) { "
    '$found = $global:platform.controllers."$Context"; '
    "if (-not $found) { throw 'no controller' }; $found }",
    "Open-RootDse": "function Open-RootDse($Path) { "
    "if ($Path -ne $global:platform.rootPath) { throw 'silent' }; $Path }",
    "Get-RootValue": 'function Get-RootValue($Entry, $Name) { $global:platform.root."$Name" }',
    "Open-Entry": "function Open-Entry($Path, $User, $Text) { "
    "if ($Text -ne $global:platform.password) { throw 'refused' }; $Path }",
    "Start-Bind": "function Start-Bind($Entry) { $global:calls += , @('bind', $Entry) }",
    "Search-Below": "function Search-Below($Entry, $Scope, $Filter, $Attributes) { "
    '$key = "$Entry|$Scope|$Filter"; '
    "foreach ($found in @($global:platform.searches.$key | Where-Object { $_ })) { "
    "$all = @{ }; foreach ($name in $Attributes) { "
    '$values = @($found."$name" | Where-Object { $null -ne $_ }); '
    "$list = New-Object System.Collections.ArrayList; "
    "foreach ($one in $values) { if ($one.bytes) { "
    "[void]$list.Add([Text.Encoding]::ASCII.GetBytes($one.bytes)) } else { [void]$list.Add($one) } "
    "}; $all[$name] = $list }; New-Object PSObject -Property @{ Properties = $all } } }",
    "ConvertTo-Sid": "function ConvertTo-Sid($Bytes) { [Text.Encoding]::ASCII.GetString($Bytes) }",
    "Test-Channel": "function Test-Channel { [bool]$global:platform.channel }",
    "Get-Cause": "function Get-Cause($Record) { "
    "$cause = $global:platform.causes.([string]$Record.Exception.Message); "
    "if ($null -ne $cause.ErrorCode) { $cause.ErrorCode = [int]$cause.ErrorCode }; $cause }",
}
"""What asks .NET in the script, each one line there and here."""

CAUSES = {
    "no host": {"ErrorCode": 11001, "Message": "No such host is known"},
    "no controller": {"Message": 'Domain controller not found in the domain "x.test".'},
    "silent": {"ErrorCode": -2147016646, "Message": "The server is not operational.\r\n"},
    "refused": {
        "ErrorCode": -2147023570,
        "Message": "Logon failure: unknown user name or bad password.\r\n",
        "ExtendedErrorMessage": "8009030C: LdapErr: DSID-0C09043E, comment: "
        "AcceptSecurityContext error, data 52e, v1772",
    },
}
USERS, GROUPS = ["exinstall", r"a\2ab", "svc-clus"], ["Domain Admins", "Nobody"]
COMPUTERS = ["E2K7CLU", "DC1"]
HOSTS = ["lab.local", "dc1.lab.local", "e2k7clu.lab.local"]
CONTEXT = "DC=lab,DC=local"
CONFIGURATION = f"CN=Configuration,{CONTEXT}"
SCHEMA = f"CN=Schema,{CONFIGURATION}"
BASE = "LDAP://192.168.1.10/"
SETTINGS = f"CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,{CONFIGURATION}"


def judged(cases: Sequence[Mapping[str, Any]], folder: Path) -> list[Any]:
    """Return each case's objects and calls, in one process."""
    text = script_text("read_directory")
    for name, line in STAND_INS.items():
        text, count = re.subn(rf"(?m)^function {name}\b.*$", line.replace("\\", r"\\"), text)
        assert count == 1, name
    given, got = folder / "given.json", folder / "got.json"
    given.write_text(json.dumps([{"text": text, **case} for case in cases]))
    files = map(str, (PLATFORM, given, got))
    command = [engine_path(), "-NoProfile", "-NonInteractive", "-File", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    answers: list[Any] = json.loads(got.read_text())
    return answers


def directory(site: Site) -> dict[str, Any]:
    """Return what a directory with a lab's objects finds for each search."""
    state = site.world.state()["domain"]
    exchange = state["exchange"]
    services = f"{BASE}CN=Services,{CONFIGURATION}"
    whole = f"{BASE}{CONTEXT}|Subtree|"
    found: dict[str, list[dict[str, object]]] = {
        f"{BASE}{CONTEXT}|Base|(objectClass=*)": [
            {
                "objectSid": sid(""),
                "nTMixedDomain": 0 if state["level"] else 1,
                "fSMORoleOwner": SETTINGS,
                "lockoutThreshold": state["lockout_threshold"],
            }
        ],
        f"{BASE}{SCHEMA}|Base|(objectClass=*)": [{"fSMORoleOwner": SETTINGS}],
    }
    if exchange["domain_version"]:
        found[f"{BASE}{CONTEXT}|OneLevel|(cn=Microsoft Exchange System Objects)"] = [
            {"objectVersion": exchange["domain_version"]}
        ]
    if exchange["schema_range_upper"]:
        found[f"{BASE}{SCHEMA}|OneLevel|(cn=ms-Exch-Schema-Version-Pt)"] = [
            {"rangeUpper": exchange["schema_range_upper"]}
        ]
    if exchange["org_version"]:
        found[f"{services}|Subtree|(objectClass=msExchOrganizationContainer)"] = [
            {"name": exchange["organization"], "objectVersion": exchange["org_version"]}
        ]
    found[f"{services}|Subtree|(objectClass=msExchExchangeServer)"] = [
        {
            "name": each["name"],
            "msExchCurrentServerRoles": each["roles"],
            "msExchServerSite": f"CN={each['site']},CN=Sites,{CONFIGURATION}",
            "serialNumber": [each["serial"]],
        }
        for each in exchange["servers"]
    ]
    for each in state["accounts"]:
        name = each["user"].partition("\\")[2]
        place = f"CN={name},CN=Users,{CONTEXT}"
        found[f"{whole}(&(objectClass=user)(sAMAccountName={name}))"] = [
            {"distinguishedName": place}
        ]
        found[f"{BASE}{place}|Base|(objectClass=*)"] = [person(each, name)]
    for name, rid in GROUP_RIDS.items():
        found[f"{whole}(&(objectClass=group)(sAMAccountName={name}))"] = [{"objectSid": sid(rid)}]
    for each in state["computers"]:
        kind = 0x2000 if each["name"] == "DC1" else 0x1000
        found[f"{whole}(sAMAccountName={each['name']}$)"] = [
            {
                "distinguishedName": each["place"],
                "dNSHostName": each["dns_name"],
                "userAccountControl": kind | (0 if each["enabled"] else 2),
            }
        ]
    return found


def sid(rid: object) -> dict[str, str]:
    return {"bytes": f"{DOMAIN_SID}-{rid}".rstrip("-")}


def person(account: Mapping[str, Any], name: str) -> dict[str, object]:
    stale = account["password_expired"] or account["must_change"]
    groups = [sid(GROUP_RIDS[group]) for group in account["groups"]]
    if "Domain Admins" in account["groups"]:
        groups.append({"bytes": "S-1-5-32-544"})
    return {
        "sAMAccountName": name,
        "objectSid": sid(account["rid"]),
        "userAccountControl": 0x200 | (0 if stale else 0x10000) | (not account["enabled"]) * 2,
        "msDS-User-Account-Control-Computed": account["locked"] * 0x10 | bool(stale) * 0x800000,
        "accountExpires": str(127 * 10**15 if account["expired"] else 2**63 - 1),
        "pwdLastSet": str(0 if account["must_change"] else 127 * 10**15),
        "tokenGroups": groups,
    }


def as_on(site: Site, **more: object) -> dict[str, object]:
    """Return what the stand-ins give out around that directory."""
    state = site.world.state()["domain"]
    now = f"{site.clock.now():%Y%m%d%H%M%S}"
    [computer] = site.rows("Win32_ComputerSystem")
    member = computer["PartOfDomain"]
    netlogon = dict(site.key(places.NETLOGON)) if member else {}
    known = {f"{name}.lab.local": [address] for name, address in state["dns"].items()}
    return {
        "now": now,
        "wmi": {"Win32_ComputerSystem": [{"Row": dict(computer)}]},
        "keys": {rf"HKLM:\{places.NETLOGON}": [{"Row": netlogon}]},
        "channel": member,
        "dns": {**known, "lab.local": [state["dns"]["dc1"]]},
        "controllers": {"lab.local": "dc1.lab.local"},
        "rootPath": f"{BASE}RootDSE",
        "root": {
            "currentTime": f"{now}.0Z",
            "dnsHostName": "dc1.lab.local",
            "domainFunctionality": str(state["level"]),
            "forestFunctionality": str(state["forest_level"]),
            "defaultNamingContext": CONTEXT,
            "configurationNamingContext": CONFIGURATION,
            "schemaNamingContext": SCHEMA,
        },
        "password": site.world.password("installer"),
        "searches": directory(site),
        "causes": CAUSES,
        **more,
    }


def changed(*acts: tuple[str, Mapping[str, object]]) -> Site:
    site = Site(scenario="before:20")
    for deed, arguments in acts:
        site.world.act(deed, arguments)
    return site


def test_the_directory_is_read_as_the_lab_answers(tmp_path: Path) -> None:
    service: dict[str, object] = {"account": r"LAB\svc-clus"}
    none: dict[str, object] = {"schema_range_upper": 0, "org_version": 0, "domain_version": 0}
    sites = [
        changed(),
        changed(("lock-account", service), ("expire-account", service)),
        changed(("disable-account", service), ("demand-new-password", service)),
        changed(("expire-password", service), ("add-dns-record", {"name": "e2k7clu",
                "address": "192.168.1.20"})),
        changed(("add-computer", {"name": "E2K7CLU"}), ("set-functional-level", {"level": 0})),
        changed(("add-computer", {"name": "E2K7CLU", "dns_name": "x.y", "enabled": False})),
        changed(("set-exchange-preparation", none), ("remove-exchange-server", {"roles": 4})),
        Site(scenario="before:30"),
    ]  # fmt: skip
    asked = {"Server": "192.168.1.10", "Domain": "lab.local", "Hosts": HOSTS}
    named = {"Users": USERS, "Groups": GROUPS, "Computers": COMPUTERS, "User": r"LAB\exinstall"}
    tries: list[tuple[Site, dict[str, object], str | None]] = [
        (site, {**asked, **named}, site.world.password("installer")) for site in sites
    ]
    plain = sites[0]
    tries += [
        (plain, {**asked, **named}, "a wrong one"),
        (plain, {**asked, "Server": "192.168.1.77"}, None),
        (plain, {**asked, "Domain": "x.test"}, None),
        (plain, {**asked, "Hosts": []}, None),
        (plain, {"Server": "192.168.1.10", "Domain": "lab.local"}, None),
    ]

    answers = judged(
        [
            {
                "parameters": {**given, **({"Password": secret} if secret else {})},
                "platform": as_on(site),
            }
            for site, given, secret in tries
        ],
        tmp_path,
    )

    for (site, given, secret), answer in zip(tries, answers, strict=True):
        told = {**given, **({"Password": SecretText(secret)} if secret else {})}
        ours = site.run("read_directory", NODE_1, **told)
        assert list(ours) == answer["rows"], given
        assert len(answer["calls"]) == (1 if secret and secret != "a wrong one" else 0)
