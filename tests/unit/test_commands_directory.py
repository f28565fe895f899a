"""What the directory's rows mean: accounts, names, preparation, clocks, and refused binds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from runbook_lib.commands import directory
from runbook_lib.commands.command import Answer, Secret, TaskAccount
from runbook_lib.commands.directory import Asked, Directory, Reach, Unanswered
from runbook_lib.commands.exchange_preparation import Role

USER = r"LAB\ex(1)"
ASKED = Asked(
    "lab.local",
    "192.168.1.10",
    TaskAccount(USER, Secret("lab:installer")),
    users=(USER, "gone@lab.local"),
    computers=("NODE1", "CLU"),
    hosts=("clu.lab.local",),
)
SID = "S-1-5-21-1-2-3"
SETTINGS = "CN=NTDS Settings,CN=DC1,CN=Servers,CN=Here,CN=Sites,CN=Configuration,DC=lab,DC=local"
SITE = "CN=Here,CN=Sites,CN=Configuration,DC=lab,DC=local"

Facts = dict[tuple[str, str], tuple[str, ...]]


def facts(**changes: Any) -> Facts:
    """Return what a whole answer holds; a change is `subject__attribute=values`, None removes."""
    user = r"user ex\281\29"
    found: Facts = {
        ("dns", "lab.local"): ("192.168.1.10",),
        ("locator", "controller"): ("dc1.lab.local",),
        ("machine", "now"): ("20261122120003",),
        ("machine", "answered"): ("all",),
        ("rootDSE", "currentTime"): ("20261122120000.0Z",),
        ("rootDSE", "dnsHostName"): ("dc1.lab.local",),
        ("rootDSE", "domainFunctionality"): ("2",),
        ("rootDSE", "forestFunctionality"): ("",),
        ("domain", "objectSid"): (SID,),
        ("domain", "nTMixedDomain"): ("0",),
        ("domain", "fSMORoleOwner"): (SETTINGS,),
        ("domain", "lockoutThreshold"): (),
        ("schema", "fSMORoleOwner"): (SETTINGS.replace("DC1", "DC2"),),
        ("schema version", "rangeUpper"): ("14625",),
        ("system objects", "objectVersion"): ("11221",),
        ("organization", "name"): ("Org",),
        ("organization", "objectVersion"): ("11222",),
        ("server HUB", "msExchCurrentServerRoles"): ("36",),
        ("server HUB", "msExchServerSite"): (SITE,),
        ("server HUB", "serialNumber"): ("Version 8.3 (Build 30083.6)",),
        (user, "sAMAccountName"): ("ex(1)",),
        (user, "objectSid"): (f"{SID}-1109",),
        (user, "userAccountControl"): ("66048",),
        (user, "msDS-User-Account-Control-Computed"): ("0",),
        (user, "accountExpires"): ("9223372036854775807",),
        (user, "pwdLastSet"): ("127000000000000000",),
        (user, "tokenGroups"): (f"{SID}-512", f"{SID}-513"),
        ("group Domain Admins", "objectSid"): (f"{SID}-512",),
        ("computer NODE1", "distinguishedName"): ("CN=NODE1,CN=Computers,DC=lab,DC=local",),
        ("computer NODE1", "dNSHostName"): (),
        ("computer NODE1", "userAccountControl"): ("4098",),
    }
    for key, values in changes.items():
        subject, _, attribute = key.partition("__")
        place = (user if subject == "user" else subject, attribute.replace("_", "-"))
        if values is None:
            found.pop(place)
        else:
            found[place] = values
    return found


def answer(found: Facts) -> Answer:
    return Answer(
        tuple(
            {"Subject": subject, "Attribute": attribute, "Values": list(values)}
            for (subject, attribute), values in found.items()
        )
    )


def seen(found: Facts) -> Directory | Unanswered:
    return directory.seen(ASKED).parse([answer(found)])


def whole(**changes: Any) -> Directory:
    found = seen(facts(**changes))
    assert isinstance(found, Directory)
    return found


def test_one_question_holds_all_and_its_names_are_escaped() -> None:
    parameters: Mapping[str, object] = dict(ASKED.read.command.parameters)  # type: ignore[union-attr]

    assert parameters == {
        "Server": "192.168.1.10",
        "Domain": "lab.local",
        "Hosts": ("lab.local", "clu.lab.local"),
        "User": USER,
        "Password": Secret("lab:installer"),
        "Users": (r"ex\281\29", "gone"),
        "Groups": ("Domain Admins", "Exchange Organization Administrators"),
        "Computers": ("NODE1", "CLU"),
    }


def test_a_whole_answer_becomes_what_the_steps_ask_for() -> None:
    found = whole()

    assert (found.controller, found.schema_master, found.pdc) == ("dc1.lab.local", "DC2", "DC1")
    assert (found.domain_level, found.forest_level, found.is_mixed) == (2, 0, False)
    assert found.lockout_threshold == 0
    assert found.reach == Reach(
        member_of=None,
        site=None,
        channel=None,
        addresses={"lab.local": ("192.168.1.10",)},
        controller="dc1.lab.local",
        clock_ahead=timedelta(seconds=3),
        failures={},
    )
    assert found.account("gone@lab.local") is None
    account = found.account(USER)
    assert account is not None
    assert (account.sid, account.faults) == (f"{SID}-1109", ())
    assert found.is_member(USER, "Domain Admins")
    assert not found.is_member(USER, "Exchange Organization Administrators")
    assert not found.is_member("gone@lab.local", "Domain Admins")


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"user__userAccountControl": ("66050",)}, ("it is disabled",)),
        ({"user__msDS_User_Account_Control_Computed": ("16",)}, ("it is locked out",)),
        ({"user__accountExpires": ("127000000000000000",)}, ("it has expired",)),
        ({"user__accountExpires": ("0",)}, ()),
        ({"user__accountExpires": ("155000000000000000",)}, ()),
        (
            {"user__msDS_User_Account_Control_Computed": ("8388608",)},
            ("its password has expired",),
        ),
        (
            {
                "user__msDS_User_Account_Control_Computed": ("8388608",),
                "user__pwdLastSet": ("0",),
            },
            ("its password must be changed first",),
        ),
    ],
)
def test_an_accounts_faults_are_told(changes: dict[str, Any], faults: tuple[str, ...]) -> None:
    account = whole(**changes).account(USER)

    assert account is not None
    assert account.faults == faults


def test_a_name_is_in_use_by_an_account_or_in_dns() -> None:
    found = whole(**{"dns__clu.lab.local": ("192.168.1.20",)})
    computer = found.computer("NODE1")

    assert computer is not None
    assert (computer.dns_name, computer.enabled) == (None, False)
    assert found.name_in_use("NODE1") == "the directory has a computer account NODE1"
    assert found.name_in_use("CLU") == "DNS knows clu.lab.local as 192.168.1.20"
    assert whole().name_in_use("CLU") is None


def test_exchanges_preparation_is_held_against_a_release() -> None:
    exchange = whole().exchange
    older = whole(**{"schema version__rangeUpper": ("11116",)}).exchange
    none = whole(
        **{
            "schema version__rangeUpper": None,
            "organization__name": None,
            "organization__objectVersion": None,
            "system objects__objectVersion": None,
        }
    ).exchange

    assert (exchange.organization, exchange.lacks("SP3")) == ("Org", ())
    assert older.lacks("SP3") == ("schema is at 11116, SP3 needs 14625",)
    assert older.lacks("SP1") == ()
    assert (none.organization, len(none.lacks("RTM"))) == (None, 3)
    [hub] = exchange.servers_with(Role.HUB_TRANSPORT, "HERE")
    assert (hub.name, hub.site, hub.build) == ("HUB", "Here", "8.3.83.6")
    assert exchange.servers_with(Role.HUB_TRANSPORT, "There") == ()
    assert exchange.servers_with(Role.MAILBOX) == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("52e", "the password is wrong"),
        ("525", "there is no such account"),
        ("775", "it is locked out"),
        ("533", "it is disabled"),
        ("701", "it has expired"),
        ("532", "its password has expired"),
        ("773", "its password must be changed first"),
    ],
)
def test_a_refused_bind_says_why(data: str, why: str) -> None:
    words = f"8009030C: LdapErr: DSID-0, comment: AcceptSecurityContext error, data {data}, v1772"

    found = seen({("failure", "bind"): ("0x8007052E", "Logon failure.\r\n", words)})

    assert isinstance(found, Unanswered)
    assert found.reason == f"the domain refuses {USER}: {why}"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("bind", rf"the domain refuses {USER}: The text. (0x80070005)"),
        ("rootDSE", "the domain controller 192.168.1.10 does not answer: The text. (0x80070005)"),
        ("servers", rf"{USER} may not read the directory (servers): The text. (0x80070005)"),
    ],
)
def test_other_failures_are_told_as_they_came(asked: str, reason: str) -> None:
    found = seen({("failure", asked): ("0x80070005", "The text.\r\n", "")})

    assert isinstance(found, Unanswered)
    assert found.reason == reason


def test_failures_on_the_way_do_not_hide_the_directory() -> None:
    found = whole(**{"failure__dns clu.lab.local": ("0x00002AF9", "No such host is known", "")})

    assert found.reach.failures == {"dns clu.lab.local": "No such host is known (0x00002AF9)"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"machine__answered": None}, "the script ended before its last question"),
        ({"domain__objectSid": None}, "the directory's answer lacks 'objectSid'"),
        ({"domain__fSMORoleOwner": ()}, "the directory's answer lacks tuple index"),
        ({"domain__fSMORoleOwner": ("DC1",)}, "no name of a server's settings"),
        ({"user__userAccountControl": ("many",)}, "invalid literal"),
        ({"rootDSE__currentTime": ("now",)}, "does not match format"),
    ],
)
def test_nonsense_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        seen(facts(**changes))
