"""The simulated domain: who may log on, what joining answers, what stays over a restart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.lab.answers import SecretText
from runbook_lib.lab.world.acts import ActError
from runbook_lib.lab.world.domain_objects import EXCHANGE_ADMINISTRATORS
from tests.lab_world import NODE_1, NODE_2, PUBLIC_1, Site

INSTALLER, SERVICE = r"LAB\exinstall", r"LAB\svc-clus"
COMPUTER = "Win32_ComputerSystem"


@pytest.fixture
def site() -> Site:
    return Site(scenario="before:20")


@pytest.fixture
def members() -> Site:
    return Site(scenario="before:30")


def call(site: Site, method: str, node: str = NODE_1, **arguments: object) -> int:
    [answer] = site.run(
        "call_wmi_method",
        node,
        Identity=site.identity(node),
        Namespace=r"root\cimv2",
        Class=COMPUTER,
        KeyProperty="Name",
        KeyValue=node.upper(),
        Method=method,
        Arguments=arguments,
    )
    return int(answer["Code"])


def join(site: Site, changes: Mapping[str, object] | None = None, node: str = NODE_1) -> int:
    given: dict[str, object] = {
        "Name": "lab.local",
        "Password": SecretText(site.world.password("installer")),
        "UserName": INSTALLER,
        "AccountOU": None,
        "FJoinOptions": 3,
    }
    return call(site, "JoinDomainOrWorkgroup", node, **{**given, **(changes or {})})


def domain(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = site.world.state()["domain"]
    return found


def membership(site: Site, node: str = NODE_1) -> tuple[object, ...]:
    [row] = site.rows(COMPUTER, node)
    return tuple(row[name] for name in ("PartOfDomain", "Domain", "DomainRole", "Workgroup"))


def may_log_on(site: Site, user: str, node: str = NODE_1) -> bool:
    return user in site.world.accounts(node)


def test_a_join_is_there_at_once_and_works_from_the_next_start_on(site: Site) -> None:
    code = join(site)

    assert (code, membership(site)) == (0, (True, "lab.local", 3, None))
    assert not may_log_on(site, INSTALLER)
    suffixes = [site.key(r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters")[name]
                for name in ("Domain", "NV Domain")]  # fmt: skip
    assert suffixes == ["", "lab.local"]

    site.restart()

    assert may_log_on(site, INSTALLER)
    assert not may_log_on(site, SERVICE)
    assert domain(site)["dns"]["e2k7sccnode1"] == "192.168.1.11"


@pytest.mark.parametrize(
    ("acts", "changes", "code"),
    [
        ((), {"Name": "lab local"}, 87),
        ((), {"FJoinOptions": 2}, 87),
        ((), {"Name": "other.test"}, 1355),
        ((), {"Name": "LAB"}, 0),
        ((), {"UserName": "exinstall@lab.local"}, 0),
        ((), {"UserName": r"LAB\nobody"}, 1326),
        ((), {"UserName": r"OTHER\exinstall"}, 1326),
        ((), {"Password": "wrong"}, 1326),
        ((("change-password", INSTALLER),), {}, 1326),
        ((("lock-account", INSTALLER),), {}, 1909),
        ((("disable-account", INSTALLER),), {}, 1331),
        ((("expire-account", INSTALLER),), {}, 1793),
        ((("expire-password", INSTALLER),), {}, 1330),
        ((("demand-new-password", INSTALLER),), {}, 1907),
        ((("controller-off", ""),), {}, 1355),
        ((("set-controller-clock", "-400"),), {}, 1398),
        ((("add-computer", NODE_1),), {}, 2224),
        ((("add-computer", NODE_1),), {"FJoinOptions": 1}, 0),
        ((), {"FJoinOptions": 1}, 2221),
        ((("put-into-domain", "other.test"),), {}, 2691),
        ((("put-into-domain", "other.test"),), {"FJoinOptions": 35}, 0),
        ((("remove-from-group", INSTALLER),), {}, 0),
        ((("remove-from-group", INSTALLER),), {"AccountOU": "OU=Nodes,DC=lab,DC=local"}, 5),
        ((("remove-from-group", INSTALLER), ("set-machine-quota", "0")), {}, 5),
    ],
)
def test_a_join_answers_what_stands_in_its_way(
    site: Site, acts: tuple[tuple[str, str], ...], changes: dict[str, object], code: int
) -> None:
    for deed, about in acts:
        arguments: dict[str, object] = {
            "account": about,
            "group": "Domain Admins",
            "name": about,
            "domain": about,
        }
        arguments |= {"seconds": about, "value": about} if about.lstrip("-").isdigit() else {}
        arguments |= {"node": NODE_1} if deed == "put-into-domain" else {}
        site.world.act(deed, arguments)
    if isinstance(changes.get("Password"), str):
        changes = {**changes, "Password": SecretText(str(changes["Password"]))}

    assert join(site, changes) == code
    assert (domain(site)["memberships"].get(NODE_1) == "lab.local") is (code == 0)


def test_a_node_without_the_domains_name_servers_finds_no_domain(site: Site) -> None:
    site.world.act(
        "set-address",
        {"node": NODE_1, "mac": PUBLIC_1, "address": "192.168.9.1", "mask": "255.255.255.0"},
    )

    assert join(site) == 1355


def test_leaving_disables_the_account_and_ends_the_logons(members: Site) -> None:
    password = SecretText(members.world.password("installer"))

    code = call(
        members, "UnjoinDomainOrWorkgroup", Password=password, UserName=INSTALLER, FUnjoinOptions=2
    )
    again = call(members, "UnjoinDomainOrWorkgroup", FUnjoinOptions=0)

    assert (code, again) == (0, 2692)
    assert membership(members) == (False, "WORKGROUP", 2, "WORKGROUP")
    computers = {each["name"]: each["enabled"] for each in domain(members)["computers"]}
    assert computers == {"DC1": True, "E2K7SCCNODE1": False, "E2K7SCCNODE2": True}
    assert (may_log_on(members, INSTALLER), may_log_on(members, INSTALLER, NODE_2)) == (False, True)


@pytest.mark.parametrize(
    ("deed", "back"),
    [
        ("lock-account", "unlock-account"),
        ("disable-account", "enable-account"),
        ("expire-account", "extend-account"),
    ],
)
def test_an_account_that_is_not_in_order_logs_on_nowhere(
    members: Site, deed: str, back: str
) -> None:
    members.world.act(deed, {"account": INSTALLER})
    refused = may_log_on(members, INSTALLER)
    members.world.act(back, {"account": INSTALLER})

    assert (refused, may_log_on(members, INSTALLER)) == (False, True)


def test_a_changed_password_is_nobodys_to_know(members: Site) -> None:
    members.world.act("change-password", {"account": INSTALLER})
    changed = members.world.accounts(NODE_1)[INSTALLER]

    assert changed != members.world.password("installer")
    members.world.act("restore-password", {"account": INSTALLER})
    assert members.world.accounts(NODE_1)[INSTALLER] == members.world.password("installer")


@pytest.mark.parametrize(
    ("deed", "arguments"),
    [
        ("controller-off", {}),
        ("reset-computer", {"name": NODE_1}),
        ("remove-computer", {"name": NODE_1}),
        ("remove-from-group", {"account": INSTALLER, "group": "domain admins"}),
    ],
)
def test_without_channel_or_group_no_domain_account_logs_on(
    members: Site, deed: str, arguments: dict[str, object]
) -> None:
    members.world.act(deed, arguments)

    assert not may_log_on(members, INSTALLER)
    assert may_log_on(members, "Administrator")


def test_the_tenth_wrong_password_locks_the_account(members: Site) -> None:
    for _ in range(12):
        members.world.refused_logon(INSTALLER)
    members.world.refused_logon("Administrator")

    [account] = [each for each in domain(members)["accounts"] if each["user"] == INSTALLER]
    assert (account["bad_passwords"], account["locked"]) == (10, True)
    assert not may_log_on(members, INSTALLER)


def test_a_good_logon_forgets_the_bad_ones(site: Site) -> None:
    site.world.refused_logon(INSTALLER)

    join(site)

    [account] = [each for each in domain(site)["accounts"] if each["user"] == INSTALLER]
    assert account["bad_passwords"] == 0


def test_a_plain_account_adds_as_many_computers_as_its_quota(members: Site) -> None:
    directory = members.world._site.domain
    members.world.act("set-machine-quota", {"value": 2})

    codes = [directory.create_computer(f"C{n}", SERVICE) for n in range(3)]

    assert codes == [0, 0, 8557]
    assert directory.create_computer("C0", INSTALLER) == 2224
    assert directory.create_computer("C9", r"LAB\nobody") == 5


def test_the_directory_goes_on_from_a_state_folder(tmp_path: Path) -> None:
    first = Site(tmp_path, scenario="before:30")
    acts: tuple[tuple[str, dict[str, object]], ...] = (
        ("lock-account", {"account": INSTALLER}),
        ("add-to-group", {"account": SERVICE, "group": EXCHANGE_ADMINISTRATORS}),
        ("set-controller-clock", {"seconds": 30}),
        ("add-computer", {"name": "E2K7CLU", "dns_name": "e2k7clu.lab.local"}),
        ("remove-dns-record", {"name": "e2k7sccnode2"}),
        ("set-exchange-preparation", {"schema_range_upper": 11116}),
        ("set-exchange-site", {"name": "EXHUB1", "site": "Elsewhere"}),
        ("set-functional-level", {"level": 0}),
        ("controller-off", {}),
    )
    for deed, arguments in acts:
        first.world.act(deed, arguments)

    second = Site(tmp_path)

    assert second.world.state() == first.world.state()
    for name in first.world.password_names:
        for file in tmp_path.rglob("*"):
            if file.is_file():
                assert first.world.password(name) not in file.read_text("utf-8")


@pytest.mark.parametrize(
    ("deed", "arguments", "why"),
    [
        ("lock-account", {}, "the act needs account, a text"),
        ("lock-account", {"account": "nobody"}, "the domain has no account nobody"),
        ("add-to-group", {"account": SERVICE, "group": "Chess Club"}, "group is one of Domain"),
        ("set-controller-clock", {"seconds": "soon"}, "the act needs seconds, a number"),
        ("reset-computer", {"name": "NONE"}, "the directory has no such computer account"),
        ("put-into-domain", {"node": "NODE9", "domain": "x"}, "the act needs node, one of"),
        ("dance", {}, "there is no act 'dance'"),
    ],
)
def test_an_act_that_cannot_be_done_says_why(
    site: Site, deed: str, arguments: dict[str, object], why: str
) -> None:
    with pytest.raises(ActError, match=why):
        site.world.act(deed, arguments)
    assert site.world.ledger() == []
