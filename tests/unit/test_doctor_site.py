"""What is said of disks, Exchange's files, accounts and the directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from runbook_lib.commands.command import Query
from runbook_lib.commands.directory import (
    DOMAIN_ADMINS,
    EXCHANGE_ADMINISTRATORS,
    ComputerAccount,
    Directory,
    Reach,
    Unanswered,
)
from runbook_lib.commands.directory_account import Account
from runbook_lib.commands.disks import Drive, Storage
from runbook_lib.commands.exchange_preparation import ExchangePreparation, ExchangeServer, Role
from runbook_lib.commands.exchange_setup_state import Media
from runbook_lib.errors import AuthenticationError, CredentialError, RunbookError
from runbook_lib.execution.doctor import Finding, Verdict
from runbook_lib.execution.doctor_site import Around, Surroundings, ask, judge
from tests.builders import topology

ONE, TWO = (node.name for node in topology().nodes)
INSTALLER, SERVICE = r"LAB\exinstall", r"LAB\svc-clus"
QUORUM = Drive(1, 0, 2, 1069286400, None, 0, ())
DATABASE = Drive(2, 1, 2, 21467980800, 0x1234, 1, ())
MEDIA = Media(r"C:\ExchangeSetup\Setup.com", "8.3.83.6")
REFUSED = CredentialError("No secret.", why="the keyring is empty", next_step="fill it")


def account(name: str, *groups: str, **changes: Any) -> Account:
    healthy: dict[str, Any] = {
        "enabled": True,
        **dict.fromkeys(("locked", "expired", "password_expired", "must_change"), False),
    }
    return Account(name, "S-1", groups=frozenset(groups), **{**healthy, **changes})


DIRECTORY = Directory(
    reach=Reach(None, None, None, {}, "dc1.lab.local", timedelta(), {}),
    controller="dc1.lab.local",
    sid="S-1-5-21",
    domain_level=2,
    forest_level=2,
    is_mixed=False,
    schema_master="DC1",
    pdc="DC1",
    lockout_threshold=10,
    exchange=ExchangePreparation(
        14625,
        "First Organization",
        11222,
        11221,
        (ExchangeServer("EXHUB1", Role.HUB_TRANSPORT | Role.CLIENT_ACCESS, "Site", "8.3.83.6"),),
    ),
    accounts={INSTALLER: account("exinstall", "admins", "exchange"), SERVICE: account("svc-clus")},
    computers={},
    groups={DOMAIN_ADMINS: "admins", EXCHANGE_ADMINISTRATORS: "exchange"},
)


def found(
    subject: str,
    around: Around | RunbookError | None = None,
    seen: Directory | Unanswered | RunbookError | None = DIRECTORY,
) -> Finding:
    healthy = Around(Storage((QUORUM, DATABASE), {}, {}), MEDIA)
    findings = judge(topology(), Surroundings({ONE: around or healthy, TWO: healthy}, seen))
    (finding,) = [each for each in findings if each.subject == subject]
    return finding


def test_disks_are_told_as_the_file_wants_them() -> None:
    assert found(f"{ONE} disk 1") == Finding(
        f"{ONE} disk 1", Verdict.OK, "lun: 0, size_mb: 1024  (raw); quorum"
    )
    assert found(f"{ONE} disk 2") == Finding(
        f"{ONE} disk 2", Verdict.OK, "lun: 1, size_mb: 20480  (partitions: 1); database"
    )


def test_a_disk_that_the_file_does_not_name_and_one_that_is_not_there() -> None:
    other = replace(DATABASE, index=3, lun=7)
    around = Around(Storage((QUORUM, other), {}, {}), MEDIA)

    assert found(f"{ONE} disk 3", around).verdict is Verdict.OPTIONAL
    missing = found(f"{ONE} database disk", around)
    assert (missing.verdict, missing.found) == (
        Verdict.WARNING,
        "no disk shows lun 1 with 20480 MB",
    )


def test_a_disk_that_the_other_node_owns_is_not_called_missing() -> None:
    around = Around(Storage((QUORUM, replace(DATABASE, size_bytes=None)), {}, {}), MEDIA)
    healthy = Around(Storage((QUORUM, DATABASE), {}, {}), MEDIA)

    told = judge(topology(), Surroundings({ONE: around, TWO: healthy}, DIRECTORY))

    assert f"{ONE} database disk" not in {each.subject for each in told}
    owned = found(f"{ONE} disk 2", around)
    assert (owned.verdict, owned.found) == (
        Verdict.OPTIONAL,
        "lun: 1  (cannot be read here now: the cluster's other node may own it)",
    )


@pytest.mark.parametrize(
    ("media", "verdict", "says"),
    [
        (MEDIA, Verdict.OK, "Exchange 2007 SP3, version 8.3.83.6; a cluster needs an Enter"),
        (None, Verdict.OPTIONAL, r"there is no Setup.com in C:\ExchangeSetup"),
        (replace(MEDIA, version="8.1.240.6"), Verdict.WARNING, "Exchange 2007 SP1, version"),
        (replace(MEDIA, version="8.0.535.6"), Verdict.WARNING, "version 8.0.535.6, no released"),
        (replace(MEDIA, version=None), Verdict.WARNING, "version unknown, no released"),
    ],
)
def test_exchanges_files_are_told_by_their_version(
    media: Media | None, verdict: Verdict, says: str
) -> None:
    finding = found(f"{ONE} Exchange's files", Around(Storage((), {}, {}), media))

    assert finding.verdict is verdict
    assert finding.found.startswith(says)
    assert bool(finding.mend) is (verdict is not Verdict.OK)


def test_a_ready_domain_lacks_nothing() -> None:
    subjects = [f"account {INSTALLER}", f"account {SERVICE}", "names", "directory", "domain"]

    assert {found(each).verdict for each in [*subjects, "Exchange servers"]} == {Verdict.OK}
    assert found("domain").found == "dc1.lab.local, level Windows Server 2003"
    assert found("Exchange servers").found == "EXHUB1 (Site)"


@pytest.mark.parametrize(
    ("accounts", "subject", "says"),
    [
        ({INSTALLER: None}, INSTALLER, "not in the directory"),
        ({SERVICE: account("x", locked=True)}, SERVICE, "it is locked out"),
        (
            {INSTALLER: account("x", "admins")},
            INSTALLER,
            f"it logs on to the domain, but is no member of {EXCHANGE_ADMINISTRATORS}",
        ),
        (
            {SERVICE: account("x", "admins")},
            SERVICE,
            f"a member of {DOMAIN_ADMINS}: more than the cluster service needs",
        ),
    ],
)
def test_an_account_that_will_not_do_is_told_before_a_phase_needs_it(
    accounts: dict[str, Account | None], subject: str, says: str
) -> None:
    seen = replace(DIRECTORY, accounts={**DIRECTORY.accounts, **accounts})

    finding = found(f"account {subject}", seen=seen)

    assert (finding.verdict, finding.found) == (Verdict.WARNING, says)
    assert finding.mend


def test_a_directory_that_is_not_prepared_is_told_with_its_numbers() -> None:
    bare = replace(DIRECTORY, exchange=ExchangePreparation(None, None, None, None, ()))

    assert found("directory", seen=bare).found == (
        "schema is at none, SP3 needs 14625; organization is at none, SP3 needs 11222; "
        "domain is at none, SP3 needs 11221"
    )
    assert found("Exchange servers", seen=bare).found == (
        "no server with Hub Transport or Client Access"
    )
    mixed = found("domain", seen=replace(DIRECTORY, is_mixed=True, domain_level=0))
    assert mixed.found == "dc1.lab.local, level Windows 2000, mixed mode"
    assert mixed.verdict is Verdict.WARNING


def test_a_name_in_use_may_be_our_own() -> None:
    name = topology().cluster.name
    used = {name: ComputerAccount(name, "CN=x", None, enabled=True)}

    finding = found("names", seen=replace(DIRECTORY, computers=used))

    assert finding.verdict is Verdict.OPTIONAL
    assert finding.found.startswith(f"{name}: the directory has a computer account {name}")


def test_what_could_not_be_asked_is_told_and_stops_nobody() -> None:
    silent = Unanswered("DC1 does not answer", "see that it runs")

    assert found("directory", seen=silent) == Finding(
        "directory", Verdict.WARNING, "DC1 does not answer", "see that it runs"
    )
    assert found("directory", seen=REFUSED).found == "No secret. Why: the keyring is empty"
    assert found(f"{ONE} surroundings", REFUSED).verdict is Verdict.WARNING
    refused = AuthenticationError("Refused.", why="401", next_step="correct it")
    assert found(f"{ONE} surroundings", refused).verdict is Verdict.MISSING


@dataclass
class Asked:
    """A session that counts its trips and gives one value a query, or an error."""

    node: str
    error: RunbookError | None = None
    trips: list[int] = field(default_factory=list)

    def begin_read(self, queries: Sequence[Query[Any]]) -> Asked:
        self.trips.append(len(queries))
        return self

    def finish(self, _deadline_s: float) -> list[Any]:
        if self.error:
            raise self.error
        return [Storage((), {}, {}), None] if self.trips[-1] == 2 else [DIRECTORY]

    def go_on(self, _deadline_s: float) -> None:
        return

    def listens(self) -> bool:
        return True

    def reconnect(self) -> None:
        return

    def close(self) -> None:
        return


def test_the_directory_is_asked_once_by_the_first_node_that_answered() -> None:
    sessions = {ONE: Asked(ONE), TWO: Asked(TWO)}

    both = ask(sessions, topology(), [ONE, TWO])
    alone = ask(sessions, topology(), [TWO])
    nobody = ask(sessions, topology(), [])

    assert (sessions[ONE].trips, sessions[TWO].trips) == ([2, 1], [2, 2, 1])
    assert both.directory == alone.directory == DIRECTORY
    assert (nobody.nodes, nobody.directory) == ({}, None)
    failing = ask({ONE: Asked(ONE, REFUSED)}, topology(), [ONE])
    assert (failing.nodes[ONE], failing.directory) == (REFUSED, REFUSED)
