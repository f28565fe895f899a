"""Setup.com: what it leaves in registry, services, cluster and directory, and what it says."""

from __future__ import annotations

import pytest

from runbook_lib.errors import UnsimulatedCommandError
from runbook_lib.lab.handlers.setup_console import LOG_FILE
from runbook_lib.lab.world.domain_objects import MAILBOX
from runbook_lib.lab.world.exchange_installation import Piece
from runbook_lib.lab.world.site import LogonKind, Token
from tests.lab import cluster_site
from tests.lab import exchange_site as lab
from tests.lab.cluster_site import both, site_of
from tests.lab.exchange_site import BOTH, NAME, ROLE, SERVER

VERSION = "8.3.83.6"
DONE = (VERSION, VERSION, "", False)
ABSENT = ("", "", "", False)
ADDRESS, NETWORK_NAME = f"IP Address ({NAME})", f"Network Name ({NAME})"
ATTENDANT = f"Exchange System Attendant Instance ({NAME})"
STORE = f"Exchange Information Store Instance ({NAME})"
DATABASE = f"First Storage Group/Mailbox Database ({NAME})"
PUBLIC = f"Second Storage Group/Public Folder Database ({NAME})"

ALL_RESOURCES = {
    ADDRESS: ("IP Address", "ONLINE", []),
    NETWORK_NAME: ("Network Name", "ONLINE", [ADDRESS]),
    ATTENDANT: ("Microsoft Exchange System Attendant", "ONLINE", [NETWORK_NAME]),
    STORE: ("Microsoft Exchange Information Store", "ONLINE", [ATTENDANT]),
    DATABASE: ("Microsoft Exchange Database Instance", "ONLINE", [STORE]),
}

RESTING = {
    "MSExchangeADTopology": ("Auto", "Running"),
    "MSExchangeIS": ("Manual", "Stopped"),
    "MSExchangeMailSubmission": ("Auto", "Running"),
    "MSExchangeRepl": ("Auto", "Running"),
    "MSExchangeSA": ("Manual", "Stopped"),
    "MSExchangeSearch": ("Auto", "Running"),
    "MSExchangeServiceHost": ("Auto", "Running"),
}
SERVING = RESTING | {
    "MSExchangeIS": ("Manual", "Running"),
    "MSExchangeSA": ("Manual", "Running"),
}

BEGUN = [
    "Welcome to Microsoft Exchange Server 2007 Unattended Setup",
    "Preparing Exchange Setup",
]
GOOD = "The Microsoft Exchange Server setup operation completed successfully."
BAD = [
    "The Exchange Server Setup operation did not complete. For more information, visi",
    "t http://support.microsoft.com and enter the Error ID.",
    "Exchange Server setup encountered an error.",
]


def test_the_role_leaves_files_keys_and_services_that_rest() -> None:
    made = lab.ready()
    node = both(made)[0]
    before = site_of(made).cluster.as_json()

    code, lines = lab.run(made, *ROLE, "/EnableErrorReporting")

    assert (code, lines) == (
        0,
        [
            *BEGUN,
            "The following server roles will be installed",
            "    Mailbox Role",
            "Performing Microsoft Exchange Server Prerequisite Check",
            "    Mailbox Role Checks              ......................... COMPLETED",
            "Configuring Microsoft Exchange Server",
            "    Copying Exchange files           ......................... COMPLETED",
            "    Mailbox Server Role              ......................... COMPLETED",
            GOOD,
        ],
    )
    assert lab.state(made, Piece.MAILBOX) == DONE
    assert lab.state(made, Piece.CLUSTERED) == ABSENT
    assert lab.services(node) == RESTING
    key = r"SOFTWARE\Microsoft\Exchange\Setup"
    assert {each.name: each.data for each in node.registry.values(key)} == {
        "MsiInstallPath": "C:\\Program Files\\Microsoft\\Exchange Server\\",
        "MsiProductMajor": 8,
        "MsiProductMinor": 3,
        "MsiBuildMajor": 83,
        "MsiBuildMinor": 6,
    }
    assert site_of(made).cluster.as_json() == before
    assert lab.services(both(made)[1]) == {}


def test_the_server_gets_a_group_an_account_a_name_and_a_mounted_database() -> None:
    made = lab.ready()
    lab.run(made, *ROLE)
    site, node = site_of(made), both(made)[0]

    code, lines = lab.run(made, *SERVER)

    assert (code, lines[-1]) == (0, GOOD)
    assert lab.state(made, Piece.CLUSTERED) == DONE
    assert lab.resources(made) == ALL_RESOURCES
    assert lab.services(node) == SERVING
    assert lab.mounted(made) == {"Mailbox Database": True}
    account = site.domain.computers["MAILBOXSERVER"]
    assert (account.created_by, account.enabled) == (r"LAB\svc-clus", True)
    assert site.domain.dns["mailboxserver"] == lab.ADDRESS
    private = site.cluster.resources[NETWORK_NAME].private
    assert private == {"Name": NAME, "RequireDNS": 1, "RequireKerberos": 1}
    # A database that fails is tried again, but takes nothing to the other node.
    restart = {
        name: site.cluster.resources[name].properties["RestartAction"] for name in ALL_RESOURCES
    }
    assert restart == dict.fromkeys(ALL_RESOURCES, 2) | {DATABASE: 1}
    [server] = [each for each in site.domain.exchange.servers if each.name == NAME]
    assert (server.roles, server.site) == (MAILBOX, "Default-First-Site-Name")
    found = site.exchange.clustered_server
    assert found is not None
    assert (found.name, found.address, found.machines) == (NAME, lab.ADDRESS, [BOTH[0]])
    path = r"S:\ExchangeData\First Storage Group"
    assert [found.file(each) for each in found.databases] == [rf"{path}\Mailbox Database.edb"]
    files = site.storage.files(node, "S:")
    assert files is not None
    assert files.is_file(rf"{path}\Mailbox Database.edb")


def test_setup_puts_no_disk_into_the_group_and_lets_no_database_wait_for_one() -> None:
    made = lab.active()
    site = site_of(made)

    assert site.cluster.group_of("Disk S:") == "Group 0"
    assert {name: below for name, (_, _, below) in lab.resources(made).items()}[DATABASE] == [STORE]


def test_a_public_folder_database_comes_with_either_run() -> None:
    for role, server in (
        ((*ROLE, "/EnableLegacyOutlook"), SERVER),
        (ROLE, (*SERVER, "/EnableLegacyOutlook")),
    ):
        made = lab.ready()
        lab.run(made, *role)
        lab.run(made, *server)
        assert lab.mounted(made) == {"Mailbox Database": True, "Public Folder Database": True}
        below = {name: below for name, (_, _, below) in lab.resources(made).items()}
        assert below[PUBLIC] == [STORE]


def test_both_can_be_one_run_with_the_role_first() -> None:
    made = lab.ready()

    code, lines = lab.run(made, *ROLE, *SERVER)

    assert (code, lines.count(GOOD)) == (0, 1)
    assert (lab.state(made, Piece.MAILBOX), lab.state(made, Piece.CLUSTERED)) == (DONE, DONE)
    assert lab.resources(made) == ALL_RESOURCES


def test_the_second_node_gets_the_role_rests_and_may_run_the_server() -> None:
    made = lab.tied()
    site, (first, second) = site_of(made), both(made)

    code, _ = lab.run(made, *ROLE, node=1)

    assert code == 0
    assert lab.state(made, Piece.MAILBOX, node=1) == DONE
    assert lab.state(made, Piece.CLUSTERED, node=1) == ABSENT
    assert (lab.services(first), lab.services(second)) == (SERVING, RESTING)
    server = site.exchange.clustered_server
    assert server is not None
    assert server.machines == BOTH
    owners = {name: site.cluster.resources[name].owners for name in lab.resources(made)}
    assert owners == dict.fromkeys([*ALL_RESOURCES, "Disk S:"], BOTH)


def test_the_order_of_role_and_server_on_two_nodes_does_not_matter() -> None:
    made = lab.ready()
    lab.run(made, *ROLE, node=1)
    lab.run(made, *ROLE)
    lab.run(made, *SERVER)

    server = site_of(made).exchange.clustered_server
    assert server is not None
    assert server.machines == BOTH
    assert site_of(made).cluster.resources[STORE].owners == BOTH


def test_the_log_is_appended_run_after_run() -> None:
    made = lab.ready()
    files = both(made)[0].files
    lab.run(made, *ROLE)
    first = files.lines(LOG_FILE)

    lab.run(made, *SERVER)

    assert files.lines(LOG_FILE)[: len(first)] == first
    assert [line.partition("] [0] ")[2] for line in first] == [
        "Starting Microsoft Exchange 2007 Setup",
        "Setup version: 8.3.83.6.",
        r"Logged on user: LAB\exinstall.",
        "Command Line Parameter Name='mode', Value='Install'.",
        "Command Line Parameter Name='roles', Value='Mailbox'.",
        "End of Setup",
    ]
    assert first[0].startswith("[11/23/2026 10:")


def test_over_a_session_without_credentials_setup_gets_nowhere() -> None:
    made = lab.ready()
    before = made.state()

    code, lines = lab.run(made, *ROLE, token=Token(r"LAB\exinstall", LogonKind.NETWORK))

    assert (code, lines) == (
        1,
        [
            *BEGUN,
            "    Organization Checks              ......................... FAILED",
            "     Access is denied.",
            *BAD,
        ],
    )
    after = made.state()
    for each in (before, after):
        each["nodes"]["E2K7SCCNode1"].pop("files", None)
    assert after == before


def test_the_role_is_installed_once() -> None:
    made = lab.ready()
    lab.run(made, *ROLE)
    before = site_of(made).ledger.length

    code, lines = lab.run(made, *ROLE)

    assert (code, lines[-4:]) == (1, ["     The Mailbox role is installed already.", *BAD])
    assert site_of(made).ledger.length == before


def test_setup_may_end_with_0_and_leave_the_role_unfinished() -> None:
    made = lab.ready()
    made.act("role-without-configured-version", {})

    assert lab.run(made, *ROLE)[0] == 0
    assert lab.state(made, Piece.MAILBOX) == (VERSION, "", "", False)

    assert lab.run(made, *ROLE)[0] == 0
    assert lab.state(made, Piece.MAILBOX) == DONE


def test_an_account_that_takes_long_to_replicate_costs_a_second_run() -> None:
    made = lab.ready()
    lab.run(made, *ROLE)
    made.act("delay-replication", {"seconds": 300})

    code, lines = lab.run(made, *SERVER)

    told = "".join(line.removeprefix("     ") for line in lines[6:-3])
    assert (code, told) == (
        1,
        (
            "The computer account 'MailboxServer' was created on the domain controller "
            r"'\\DC1.lab.local', but has not replicated to the desired domain controller "
            "(DC1.lab.local) after waiting approximately 60 seconds. Please wait for the account "
            "to replicate and re-run setup /newcms."
        ),
    )
    assert {len(line) for line in lines[6:-4]} == {80}
    assert lab.state(made, Piece.CLUSTERED) == (VERSION, "", "Install", True)
    assert lab.run(made, *SERVER)[0] == 1

    cluster_site.wait(made, 400)

    assert lab.run(made, *SERVER)[0] == 0
    assert lab.resources(made) == ALL_RESOURCES


def test_removal_leaves_account_name_and_data() -> None:
    made = lab.whole()
    site, (first, second) = site_of(made), both(made)

    assert lab.run(made, "/RemoveCms", f"/CMSName:{NAME}", node=1)[0] == 1
    assert lab.run(made, "/mode:Uninstall")[0] == 1
    assert lab.run(made, "/RemoveCms", "/CMSName:Other")[0] == 1
    assert lab.run(made, "/RemoveCms", f"/CMSName:{NAME}")[0] == 0

    assert lab.resources(made) == {"Disk S:": ("Physical Disk", "ONLINE", [])}
    assert site.exchange.clustered_server is None
    assert [each.name for each in site.domain.exchange.servers] == ["EXHUB1"]
    assert "MAILBOXSERVER" in site.domain.computers
    assert "mailboxserver" in site.domain.dns
    assert lab.services(first) == RESTING

    assert lab.run(made, "/mode:Uninstall", node=1)[0] == 0
    assert lab.run(made, "/mode:Uninstall")[0] == 0
    assert (lab.services(first), lab.services(second)) == ({}, {})
    assert not first.registry.has_key(r"SOFTWARE\Microsoft\Exchange")
    files = site.storage.files(first, "S:")
    assert files is not None
    assert files.is_file(r"\ExchangeData\First Storage Group\Mailbox Database.edb")


def test_what_setup_does_not_know_and_what_the_lab_does_not_have_differ() -> None:
    made = lab.ready()

    assert lab.run(made, "/nonsense")[1][-1] == "The switch nonsense is unknown."
    assert lab.run(made, "/NewCms:x")[1][-1] == "The switch NewCms takes no value."
    with pytest.raises(UnsimulatedCommandError):
        lab.run(made, "/PrepareAD")
    with pytest.raises(UnsimulatedCommandError):
        lab.run(made)
    with pytest.raises(UnsimulatedCommandError):
        lab.run(made, "/mode:Upgrade")
