"""The procedure as an administrator types it: from machines as delivered to a moved mailbox server.

The numbers of steps are those of the document. Each function stands for what a person would do in
one sitting; nothing is retried, and whatever is refused ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runbook_lib.lab.lab import Lab
from tests.protocol.administrator import Administrator, Person, await_that

NODES = ("E2K7SCCNode1", "E2K7SCCNode2")
PUBLIC_MACS = ("00:03:FF:10:00:11", "00:03:FF:10:00:12")
PRIVATE_MACS = ("00:03:FF:10:00:21", "00:03:FF:10:00:22")
PUBLIC_ADDRESSES = ("192.168.1.11", "192.168.1.12")
PRIVATE_ADDRESSES = ("10.10.10.1", "10.10.10.2")
INSTALLER, SERVICE = r"LAB\exinstall", r"LAB\svc-clus"
DISKS = ((0, 1024, "Q", "Quorum"), (1, 20480, "S", "Database"))
MIB, CYLINDER = 1048576, 255 * 63 * 512
SETUP = r"C:\ExchangeSetup\Setup.com"
SNAP_IN = "Microsoft.Exchange.Management.PowerShell.Admin"

TCPIP = r"HKLM:\SYSTEM\CurrentControlSet\Services\Tcpip"
LINKAGE = rf"{TCPIP}\Linkage"


@dataclass
class Site:
    """Two machines, and whoever works at them."""

    lab: Lab

    @property
    def person(self) -> Person:
        return Person(self.lab)

    def local(self, number: int) -> Administrator:
        password = self.lab.world.password("local-administrator")
        return Administrator(self.lab, NODES[number], "Administrator", password)

    def installer(self, number: int) -> Administrator:
        return Administrator(self.lab, NODES[number], *self.installers_account)

    @property
    def installers_account(self) -> tuple[str, str]:
        return INSTALLER, self.lab.world.password("installer")

    @property
    def service_password(self) -> str:
        return self.lab.world.password("cluster-service")


# -- networks (S010 to S018)


def configure_network(site: Site, number: int) -> None:
    node = site.local(number)
    [computer] = node.wmi("Win32_ComputerSystem")
    # Name, Password, UserName
    node.call(f"Win32_ComputerSystem.Name='{computer['Name']}'", "Rename", NODES[number])
    cards = {each["MACAddress"]: each for each in node.wmi("Win32_NetworkAdapter")}
    public, private = cards[PUBLIC_MACS[number]], cards[PRIVATE_MACS[number]]
    # "Local Area Connection" is the public one here and the private one there.
    for card, name in ((public, "Public"), (private, "Private")):
        old = card["NetConnectionID"]
        node.run(*("netsh", "interface", "set", "interface", f'name="{old}"', f"newname={name}"))
    order_bindings(node, (public["Index"], private["Index"]))
    site.person.does("unbind-file-sharing", node=NODES[number], mac=private["MACAddress"])
    ip = ("netsh", "interface", "ip", "set")
    mask = "mask=255.255.255.0"
    own = ("name=Private", "source=static")
    node.run(*ip, "address", *own, f"addr={PRIVATE_ADDRESSES[number]}", mask, "gateway=none")
    node.run(*ip, "dns", *own, "addr=none", "register=NONE")
    node.run(*ip, "wins", *own, "addr=none")
    # DNSEnabledForWINSResolution, WINSEnableLMHostsLookup: of the class, for the whole machine
    node.call("Win32_NetworkAdapterConfiguration", "EnableWINS", False, False)
    index = private["Index"]
    node.call(f"Win32_NetworkAdapterConfiguration.Index={index}", "SetTcpipNetbios", 2)
    shared = ("name=Public", "source=static")
    node.run_and_be_cut_off(
        *(*ip, "address", *shared, f"addr={PUBLIC_ADDRESSES[number]}", mask),
        *("gateway=192.168.1.1", "gwmetric=1"),
    )
    node.run(*ip, "dns", *shared, "addr=192.168.1.10", "register=PRIMARY")
    node.restart()


def order_bindings(node: Administrator, first: tuple[int, int]) -> None:
    """Put these adapters, then remote access, before what else TCP/IP is bound to."""
    by_index = {
        each["Index"]: each["SettingID"] for each in node.wmi("Win32_NetworkAdapterConfiguration")
    }
    wished = [by_index[index].lower() for index in first] + ["ndiswanip"]

    def place(line: str) -> int:
        return next((at for at, each in enumerate(wished) if each in line.lower()), len(wished))

    for name in ("Bind", "Export", "Route"):
        lines = sorted(node.value(LINKAGE, name), key=place)
        node.ps("Set-ItemProperty", Path=LINKAGE, Name=name, Value=lines, Type="MultiString")


# -- membership in the domain (S019)


def join_domain(site: Site, number: int) -> None:
    node = site.local(number)
    [computer] = node.wmi("Win32_ComputerSystem")
    user, password = site.installers_account
    # AccountOU, FJoinOptions (join and create the account), Name, Password, UserName
    node.call(
        f"Win32_ComputerSystem.Name='{computer['Name']}'",
        *("JoinDomainOrWorkgroup", None, 3, "lab.local", password, user),
    )
    node.restart()
    [joined] = site.installer(number).wmi("Win32_ComputerSystem")
    assert (joined["Domain"], joined["DomainRole"]) == ("lab.local", 3)


# -- shared disks (M020)


def run_alone(site: Site, number: int) -> Administrator:
    site.person.does("run-alone", node=NODES[number])
    node = site.installer(number)
    await_that(node.answers, f"{NODES[number]} runs alone")
    return node


def prepare_disks(site: Site) -> None:
    node = run_alone(site, 0)
    for lun, size_mb, letter, label in DISKS:
        diskpart(node, lun, size_mb, "create partition primary align=64", f"assign letter={letter}")
        [volume] = node.wmi("Win32_Volume", Filter=f"DriveLetter='{letter}:'")
        # ClusterSize, EnableCompression, FileSystem, Label, QuickFormat
        node.call(volume["__PATH"], "Format", 4096, False, "NTFS", label, True)
    node = run_alone(site, 1)
    for lun, size_mb, letter, _label in DISKS:
        diskpart(node, lun, size_mb, "select partition 1", f"assign letter={letter}")
    run_alone(site, 0)


def diskpart(node: Administrator, lun: int, size_mb: int, *commands: str) -> None:
    [disk] = [
        each
        for each in node.wmi("Win32_DiskDrive")
        # The size is shown in whole cylinders. The system disk has LUN 0 on its own bus.
        if each["SCSILogicalUnit"] == lun and 0 <= size_mb * MIB - each["Size"] < CYLINDER
    ]
    path = r"C:\WINDOWS\Temp\disk.txt"
    node.ps("Set-Content", Path=path, Value=["rescan", f"select disk {disk['Index']}", *commands])
    node.run("diskpart", "/s", path)
    node.run("del", path)


# -- cluster (S030 to S052)


def form_cluster(site: Site) -> None:
    node = site.installer(0)
    command = (
        'cluster E2K7CLU /create "/ipaddress:192.168.1.20,255.255.255.0,Public" '
        rf"/user:{SERVICE} /pass:{site.service_password} /node:{NODES[0]} /verbose /unattended"
    )
    code, lines = node.task("form", command, site.installers_account)
    assert code == 0, lines
    node.run("cluster", '/quorum:"Disk Q:"', "/path:Q:\\MSCS\\")


def join_second_node(site: Site) -> None:
    site.person.does("power-on", node=NODES[1])
    await_that(site.installer(1).answers, "node 2 is up")
    node = site.installer(0)
    command = (
        f"cluster /cluster:E2K7CLU /add:{NODES[1]} /pass:{site.service_password} "
        "/verbose /unattended"
    )
    code, lines = node.task("add", command, site.installers_account)
    assert code == 0, lines
    node.run("cluster", "network", "Private", "/prop", "Role=1")
    node.run("cluster", "network", "Public", "/prop", "Role=2")


# -- Windows components (S060 to S074)


def install_components(site: Site, number: int) -> None:
    node = site.installer(number)
    answers = r"C:\WINDOWS\Temp\iis.txt"
    wishes = ("complusnetwork", "iis_common", "iis_inetmgr", "iis_www")
    lines = ["[Components]", *(f"{each} = on" for each in wishes), "iis_smtp = off"]
    node.ps("Set-Content", Path=answers, Value=lines)
    node.run("sysocmgr", r"/i:C:\WINDOWS\inf\sysoc.inf", f"/u:{answers}", "/q", "/r")
    node.run("del", answers)
    for name in ("EnableTCPChimney", "EnableRSS", "EnableTCPA"):
        node.ps(
            "New-ItemProperty",
            Path=rf"{TCPIP}\Parameters",
            Name=name,
            Value=0,
            PropertyType="DWord",
            Force=True,
        )


# -- Exchange (S070 to S082)


def install_active_node(site: Site) -> None:
    node = site.installer(0)
    role = f'"{SETUP}" /mode:Install /roles:Mailbox'
    server = (
        f'"{SETUP}" /NewCms /CMSName:MailboxServer /CMSIPAddress:192.168.1.30 '
        r"/CMSSharedStorage /CMSDataPath:S:\ExchangeData"
    )
    for name, command in (("role", role), ("server", server)):
        code, lines = node.task(name, command, site.installers_account)
        assert code == 0, lines
    database = '"First Storage Group/Mailbox Database (MailboxServer)"'
    node.run("cluster", "res", database, "/off", "/wait:60")
    node.run("cluster", "res", '"Disk S:"', '/move:"MailboxServer"')
    node.run("cluster", "res", database, '/adddep:"Disk S:"')
    node.run("cluster", "group", '"MailboxServer"', "/on", "/wait:300")
    node.run("cluster", "group", '"Group 0"', "/delete")


def install_passive_node(site: Site) -> None:
    command = f'"{SETUP}" /mode:Install /roles:Mailbox'
    code, lines = site.installer(1).task("role", command, site.installers_account)
    assert code == 0, lines


# -- there and back (S090 to S094)


def exchange(node: Administrator, site: Site, name: str, line: str) -> None:
    """Type a line into the Exchange shell: in a task, for its cmdlets ask the directory."""
    command = f'powershell.exe -NoProfile -NonInteractive -Command "Add-PSSnapin {SNAP_IN}; {line}"'
    code, lines = node.task(name, command, site.installers_account)
    assert code == 0, lines


def move(site: Site, target: str) -> None:
    line = (
        f"Move-ClusteredMailboxServer -Identity MailboxServer -TargetMachine {target} "
        "-MoveComment 'Testing functionality' -Confirm:$false"
    )
    exchange(site.installer(0), site, "move", line)


def status(site: Site, number: int) -> tuple[object, ...]:
    """Return what a node says of the server's state, its machines and its database."""
    node, file = site.installer(number), r"C:\WINDOWS\Temp\{}.xml"
    told = []
    for name, line in (
        ("status", "Get-ClusteredMailboxServerStatus MailboxServer"),
        ("database", "Get-MailboxDatabase -Server MailboxServer -Status"),
    ):
        exchange(node, site, name, f"{line} | Export-Clixml {file.format(name)}")
        [found] = node.ps("Import-Clixml", Path=file.format(name))
        node.run("del", file.format(name))
        told.append({**found.adapted_properties, **found.extended_properties})
    return (
        told[0]["State"],
        *told[0]["OperationalMachines"],
        told[1]["EdbFilePath"],
        told[1]["Mounted"],
    )


@dataclass
class Built:
    """A site that was built by hand, and what its nodes said of it on the way."""

    state: dict[str, Any]
    after_the_first_move: tuple[object, ...]
    in_the_end: tuple[object, ...]
    groups: list[str]


def build(site: Site) -> Built:
    for number in (0, 1):
        configure_network(site, number)
    for number in (0, 1):
        join_domain(site, number)
    prepare_disks(site)
    form_cluster(site)
    join_second_node(site)
    for number in (0, 1):
        install_components(site, number)
    install_active_node(site)
    install_passive_node(site)
    move(site, NODES[1])
    moved = status(site, 0)
    move(site, NODES[0])
    groups = site.installer(1).run("cluster", "group")
    return Built(site.lab.world.state(), moved, status(site, 1), groups)
