"""What Setup wants to find before it changes anything, each missing once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runbook_lib.lab.finished import install_windows_components
from runbook_lib.lab.handlers import installed
from runbook_lib.lab.inputs import Inputs
from runbook_lib.lab.world import optional_components
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.exchange_installation import Piece
from runbook_lib.lab.world.world import World
from tests.lab import cluster_site
from tests.lab import exchange_site as lab
from tests.lab.cluster_site import both, site_of
from tests.lab.exchange_site import ADDRESS, NAME, PATH, ROLE, SERVER

PENDING = (
    "Microsoft Exchange Server setup cannot continue because a restart from a previous "
    "installation or update is pending."
)
ADMINISTRATORS = "Exchange Organization Administrators"
CHECKS = "    Mailbox Role Checks              ......................... FAILED"
TAKEN = f"The name {NAME} is in use."
SERVER_CHECKS = "    Clustered Mailbox Server Checks  ......................... FAILED"


def objections(lines: list[str], label: str) -> str:
    """Return what stands between the failed line and the closing three, in one line."""
    return "".join(line[5:] for line in lines[lines.index(label) + 1 : -3])


def put(key: str, name: str, value: int | tuple[str, ...]) -> Callable[[World], None]:
    return lambda made: both(made)[0].registry.put(key, name, value)


def component(name: str, *, on: bool) -> Callable[[World], None]:
    return lambda made: optional_components.switch(both(made)[0], {name: on})


def act(name: str, /, **arguments: object) -> Callable[[World], None]:
    def done(made: World) -> None:
        made.act(name, arguments)

    return done


def stop_cluster(made: World) -> None:
    both(made)[0].services.stop("ClusSvc")


def no_installer(made: World) -> None:
    both(made)[0].hotfixes = ("KB914961",)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (put(places.UPDATE_EXE_VOLATILE, "Flags", 1), PENDING),
        (put(places.SESSION_MANAGER, "PendingFileRenameOperations", (r"\??\C:\x",)), PENDING),
        (
            component("iis_smtp", on=True),
            (
                "The Simple Mail Transfer Protocol (SMTP) service is installed. It must be removed "
                "before Setup."
            ),
        ),
        (
            component("iis_nntp", on=True),
            "The NNTP service is installed. It must be removed before Setup.",
        ),
        (
            component("iis_www", on=False),
            (
                "This computer requires the World Wide Web service. Please install the software "
                "from http://go.microsoft.com/fwlink."
            ),
        ),
        (
            component("complusnetwork", on=False),
            (
                "This computer requires network COM+ access. Please install the software from "
                "http://go.microsoft.com/fwlink."
            ),
        ),
        (no_installer, "This computer requires Windows Installer 4.5."),
        (
            act("set-exchange-preparation", schema_range_upper=14622),
            "The directory's schema is not prepared: 14622, 14625 is needed.",
        ),
        (
            act("set-exchange-preparation", org_version=0, domain_version=10628),
            (
                "The directory's organization is not prepared: 0, 11222 is needed."
                "The directory's domain is not prepared: 10628, 11221 is needed."
            ),
        ),
        (
            act("remove-exchange-server", roles=32),
            "There is no Hub Transport server in the site Default-First-Site-Name.",
        ),
        (
            act("set-exchange-site", name="EXHUB1", site="Far-Away"),
            "There is no Hub Transport server in the site Default-First-Site-Name.",
        ),
        (
            act(
                "remove-from-group",
                account="exinstall",
                group="Exchange Organization Administrators",
            ),
            r"LAB\exinstall must be a member of Exchange Organization Administrators.",
        ),
        (
            act("remove-from-group", account="exinstall", group="Domain Admins"),
            r"LAB\exinstall must be an administrator of E2K7SCCNODE1.",
        ),
        (stop_cluster, "The cluster service does not run on E2K7SCCNODE1."),
    ],
)
def test_the_role_is_refused_before_anything_changes(
    spoil: Callable[[World], None], told: str
) -> None:
    made = lab.ready()
    spoil(made)
    before = site_of(made).ledger.length

    code, lines = lab.run(made, *ROLE)

    assert (code, objections(lines, CHECKS)) == (1, told)
    assert site_of(made).ledger.length == before
    assert not lab.installation(made).has_binaries


def test_another_role_cannot_be_on_a_node_of_a_cluster() -> None:
    made = lab.ready()

    code, lines = lab.run(made, "/mode:Install", "/roles:HT,Mailbox")

    told = "Only the Mailbox role can be installed on a node of a cluster."
    assert (code, objections(lines, CHECKS)) == (1, told)


def changed(**switches: str) -> tuple[str, ...]:
    given = {"CMSName": NAME, "CMSIPAddress": ADDRESS, "CMSDataPath": PATH, **switches}
    return ("/NewCms", "/CMSSharedStorage", *(f"/{name}:{value}" for name, value in given.items()))


def to_second_node(made: World) -> None:
    assert site_of(made).cluster.move_group(site_of(made), "Group 0", lab.BOTH[1]) == 0


def disk_offline(made: World) -> None:
    assert site_of(made).cluster.take_offline(site_of(made), "Disk S:") == 0


NOT_OWNED = rf"{PATH} is not on a disk of the cluster that E2K7SCCNODE1 owns."


@pytest.mark.parametrize(
    ("spoil", "words", "told"),
    [
        (to_second_node, SERVER, NOT_OWNED),
        (disk_offline, SERVER, NOT_OWNED),
        (
            lambda _: None,
            changed(CMSDataPath=r"\\server\share"),
            r"The data path must begin with a drive letter, as in /CMSDataPath:s:\<path>.",
        ),
        (lambda _: None, changed(CMSDataPath=r"C:\Data"), NOT_OWNED.replace(PATH, r"C:\Data")),
        (act("cms-name-taken", name=NAME), SERVER, TAKEN),
        (
            act("add-dns-record", name=NAME, address="192.168.1.99"),
            SERVER,
            f"The name {NAME} is in use.",
        ),
        (lambda _: None, changed(CMSName="E2K7CLU"), "The name E2K7CLU is in use."),
        (lambda _: None, changed(CMSName="E2K7SCCNode2"), "The name E2K7SCCNode2 is in use."),
        (
            lambda _: None,
            changed(CMSName="SixteenLetters16"),
            "The name SixteenLetters16 is longer than 15 characters.",
        ),
        (
            lambda _: None,
            changed(CMSIPAddress="192.168.1.12"),
            "The address 192.168.1.12 is in use.",
        ),
        (
            lambda _: None,
            changed(CMSIPAddress="192.168.1.20"),
            "The address 192.168.1.20 is in use.",
        ),
        (
            put(places.SESSION_MANAGER, "PendingFileRenameOperations", (r"\??\C:\x",)),
            SERVER,
            PENDING,
        ),
        (stop_cluster, SERVER, "The cluster service does not run on E2K7SCCNODE1."),
        (
            lambda _: None,
            ("/NewCms", f"/CMSName:{NAME}", f"/CMSIPAddress:{ADDRESS}", f"/CMSDataPath:{PATH}"),
            "Without /CMSSharedStorage the lab has no data to copy between nodes.",
        ),
    ],
)
def test_the_server_is_refused_before_anything_changes(
    spoil: Callable[[World], None], words: tuple[str, ...], told: str
) -> None:
    made = lab.ready()
    assert lab.run(made, *ROLE)[0] == 0
    spoil(made)
    before = site_of(made).ledger.length

    code, lines = lab.run(made, *words)

    assert (code, objections(lines, SERVER_CHECKS)) == (1, told)
    assert site_of(made).ledger.length == before
    assert not site_of(made).cluster.groups.keys() & {NAME}


def test_the_server_needs_the_role_first() -> None:
    made = lab.ready()

    code, lines = lab.run(made, *SERVER)

    told = "The Mailbox role is not installed on E2K7SCCNODE1."
    assert (code, objections(lines, SERVER_CHECKS)) == (1, told)


def test_there_is_one_clustered_server() -> None:
    made = lab.whole()

    code, lines = lab.run(made, *changed(CMSName="Second", CMSIPAddress="192.168.1.31"), node=1)

    told = objections(lines, SERVER_CHECKS)
    assert code == 1
    assert "The cluster has the clustered mailbox server MailboxServer already." in told


def test_an_account_without_a_quota_for_computers_stops_setup_at_the_name() -> None:
    made = lab.ready()
    lab.run(made, *ROLE)
    made.act("set-machine-quota", {"value": 0})

    code, lines = lab.run(made, *SERVER)

    assert code == 1
    assert "Failed to bring cluster resource Network Name (MailboxServer)" in "".join(
        line[5:] for line in lines
    )
    assert lab.state(made, Piece.CLUSTERED) == ("8.3.83.6", "", "Install", True)
    made.act("set-machine-quota", {"value": 10})
    assert lab.run(made, *SERVER)[0] == 0


def test_outside_a_cluster_the_role_makes_a_server_of_the_node_itself() -> None:
    made = cluster_site.world()
    install_windows_components.finish(site_of(made), Inputs())

    assert lab.run(made, *ROLE)[0] == 0

    [server] = [each for each in site_of(made).domain.exchange.servers if each.name != "EXHUB1"]
    assert server.name == "E2K7SCCNODE1"
    assert lab.run(made, *SERVER)[0] == 1
    assert lab.run(made, "/mode:Uninstall")[0] == 0
    assert [each.name for each in site_of(made).domain.exchange.servers] == ["EXHUB1"]


def test_without_its_file_there_is_no_setup() -> None:
    made = lab.ready()
    made.act("remove-media", {"node": "E2K7SCCNode1", "media": r"C:\ExchangeSetup"})

    assert installed.program_on(both(made)[0], lab.SETUP) is None
    assert installed.program_on(both(made)[1], lab.SETUP) is not None


def test_a_prepared_account_and_record_are_no_obstacle() -> None:
    made = lab.ready()
    lab.run(made, *ROLE)
    made.act("add-computer", {"name": NAME, "enabled": False})
    made.act("add-dns-record", {"name": NAME, "address": ADDRESS})

    assert lab.run(made, *SERVER)[0] == 0

    assert site_of(made).domain.computers[NAME.upper()].enabled
    assert lab.resources(made)[f"Network Name ({NAME})"][1] == "ONLINE"
