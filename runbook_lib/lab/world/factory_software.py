"""What the factory image has installed: Windows Server 2003 R2 x64 with SP2, ready for WinRM.

.NET 2.0 SP2 and PowerShell 2.0 are there because nothing could be asked of the node without
them; IIS is not, so that the phase of the Windows components finds work.
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.files import Files
from runbook_lib.lab.world.services import ServiceFacts
from runbook_lib.lab.world.tasks import SCHEDULER_LOG
from runbook_lib.lab.world.windows_registry import Registry

HOTFIXES = ("KB914961", "KB942288-v4", "KB958644", "KB967715", "KB968930", "File 1")
"""SP2, Windows Installer 4.5, security updates, the Management Framework, and the kind of row
that Windows Server 2003 lists for a file it keeps a service pack's copy of."""

SUBCOMPONENTS: Mapping[str, int] = {
    "appsrv_console": 0,
    "aspnet": 0,
    "certsrv_client": 0,
    "certsrv_server": 0,
    "cluster": 1,
    "complusnetwork": 0,
    "dtcnetwork": 0,
    "fax": 0,
    "iehardenadmin": 1,
    "iehardenuser": 1,
    "iis_asp": 0,
    "iis_common": 0,
    "iis_ftp": 0,
    "iis_inetmgr": 0,
    "iis_nntp": 0,
    "iis_smtp": 0,
    "iis_www": 0,
    "indexsrv_system": 0,
    "mmc": 1,
    "msmq": 0,
    "netfx20": 1,
    "rootautoupdate": 1,
    "terminalserver": 0,
    "wmsvc": 0,
}

PROGRAM_FILES: Mapping[str, str] = {
    r"C:\WINDOWS\system32\mmc.exe": "5.2.3790.3959",
    r"C:\WINDOWS\system32\sysocmgr.exe": "5.2.3790.3959",
    r"C:\WINDOWS\Microsoft.NET\Framework\v2.0.50727\mscorwks.dll": "2.0.50727.3053",
    r"C:\WINDOWS\Microsoft.NET\Framework64\v2.0.50727\mscorwks.dll": "2.0.50727.3053",
}
"""Files that somebody asks for -> their versions, which is all that they hold here."""

FOLDERS = (r"C:\AMD64", r"C:\I386", r"C:\WINDOWS\ServicePackFiles\AMD64")
"""Copies of the Windows disc and of the service pack, where SourcePath and its like point to."""

_NETWORK_SERVICE = r"NT AUTHORITY\NetworkService"
_LOCAL_SERVICE = r"NT AUTHORITY\LocalService"
_LSASS = r"C:\WINDOWS\system32\lsass.exe"
_SYSTEM32 = r"C:\WINDOWS\system32"

SERVICES = (
    ServiceFacts("AppMgmt", "Application Management", 3, running=False),
    ServiceFacts("Browser", "Computer Browser", 2, running=True),
    ServiceFacts(
        "ClusSvc", "Cluster Service", 4, running=False, path=r"C:\WINDOWS\cluster\clussvc.exe"
    ),
    ServiceFacts("CryptSvc", "Cryptographic Services", 2, running=True),
    ServiceFacts("DcomLaunch", "DCOM Server Process Launcher", 2, running=True),
    ServiceFacts(
        "Dfs", "Distributed File System", 2, running=True, path=rf"{_SYSTEM32}\Dfssvc.exe"
    ),
    ServiceFacts("Dhcp", "DHCP Client", 2, running=True, account=_NETWORK_SERVICE),
    ServiceFacts("dmserver", "Logical Disk Manager", 2, running=True),
    ServiceFacts("Dnscache", "DNS Client", 2, running=True, account=_NETWORK_SERVICE),
    ServiceFacts("ERSvc", "Error Reporting Service", 2, running=True),
    ServiceFacts("Eventlog", "Event Log", 2, running=True, path=rf"{_SYSTEM32}\services.exe"),
    ServiceFacts("EventSystem", "COM+ Event System", 2, running=True),
    ServiceFacts("HTTPFilter", "HTTP SSL", 3, running=True, path=_LSASS),
    ServiceFacts("lanmanserver", "Server", 2, running=True),
    ServiceFacts("lanmanworkstation", "Workstation", 2, running=True),
    ServiceFacts("LmHosts", "TCP/IP NetBIOS Helper", 2, running=True, account=_LOCAL_SERVICE),
    ServiceFacts(
        "MSDTC",
        "Distributed Transaction Coordinator",
        2,
        running=True,
        account=_NETWORK_SERVICE,
        path=rf"{_SYSTEM32}\msdtc.exe",
    ),
    ServiceFacts(
        "MSIServer", "Windows Installer", 3, running=False, path=rf"{_SYSTEM32}\msiexec.exe /V"
    ),
    ServiceFacts("Netlogon", "Net Logon", 3, running=False, path=_LSASS),
    ServiceFacts("Netman", "Network Connections", 3, running=True),
    ServiceFacts("NtLmSsp", "NT LM Security Support Provider", 3, running=True, path=_LSASS),
    ServiceFacts("PlugPlay", "Plug and Play", 2, running=True, path=rf"{_SYSTEM32}\services.exe"),
    ServiceFacts("PolicyAgent", "IPSEC Services", 2, running=True, path=_LSASS),
    ServiceFacts("ProtectedStorage", "Protected Storage", 2, running=True, path=_LSASS),
    ServiceFacts("RemoteRegistry", "Remote Registry", 2, running=True, account=_LOCAL_SERVICE),
    ServiceFacts("RpcSs", "Remote Procedure Call (RPC)", 2, running=True, account=_NETWORK_SERVICE),
    ServiceFacts("SamSs", "Security Accounts Manager", 2, running=True, path=_LSASS),
    ServiceFacts("Schedule", "Task Scheduler", 2, running=True),
    ServiceFacts(
        "SharedAccess", "Windows Firewall/Internet Connection Sharing (ICS)", 4, running=False
    ),
    ServiceFacts("Spooler", "Print Spooler", 2, running=True, path=rf"{_SYSTEM32}\spoolsv.exe"),
    ServiceFacts("vds", "Virtual Disk Service", 3, running=False, path=rf"{_SYSTEM32}\vds.exe"),
    ServiceFacts("VSS", "Volume Shadow Copy", 3, running=False, path=rf"{_SYSTEM32}\vssvc.exe"),
    ServiceFacts("W32Time", "Windows Time", 2, running=True, account=_LOCAL_SERVICE),
    ServiceFacts("winmgmt", "Windows Management Instrumentation", 2, running=True),
    ServiceFacts(
        "WinRM",
        "Windows Remote Management (WS-Management)",
        2,
        running=True,
        account=_NETWORK_SERVICE,
    ),
    ServiceFacts("wuauserv", "Automatic Updates", 2, running=True),
)


def write_software(registry: Registry) -> None:
    """Write what the image's software keeps in the registry."""
    registry.put(places.WINDOWS, "ProductName", "Microsoft Windows Server 2003 R2")
    registry.put(places.WINDOWS, "CurrentVersion", "5.2")
    registry.put(places.WINDOWS, "CurrentBuildNumber", "3790")
    registry.put(places.WINDOWS, "CSDVersion", "Service Pack 2")
    registry.put(places.WINDOWS, "SystemRoot", r"C:\WINDOWS")
    registry.put(places.SETUP, "SourcePath", "C:\\")
    registry.put(places.SETUP, "ServicePackSourcePath", r"C:\WINDOWS\ServicePackFiles")
    for name, installed in SUBCOMPONENTS.items():
        registry.put(places.SUBCOMPONENTS, name, installed)
    registry.put(places.DOTNET_20, "Install", 1)
    registry.put(places.DOTNET_20, "SP", 2)
    registry.put(places.DOTNET_20, "Version", "2.2.30729")
    registry.put(places.POWERSHELL, "Install", 1)
    engine = rf"{places.POWERSHELL}\PowerShellEngine"
    registry.put(engine, "PowerShellVersion", "2.0")
    registry.put(engine, "RuntimeVersion", "v2.0.50727")
    registry.put(engine, "PSCompatibleVersion", "1.0, 2.0")
    registry.put(places.COM_PLUS, "RemoteAccessEnabled", 0)
    registry.put(places.SESSION_MANAGER, "ProtectionMode", 1)
    registry.put(places.AUTO_UPDATE, "AUOptions", 1)
    registry.put(places.NETBT, "EnableDNS", 0)
    profiles = rf"{places.SERVICES}\SharedAccess\Parameters\FirewallPolicy"
    for profile in ("DomainProfile", "StandardProfile"):
        registry.put(rf"{profiles}\{profile}", "EnableFirewall", 0)


def write_files(files: Files) -> None:
    """Write the image's files that somebody asks for, and the copy of its disc."""
    files.write(SCHEDULER_LOG, "")
    for path, version in PROGRAM_FILES.items():
        files.write(path, version)
    for folder in FOLDERS:
        files.make_folder(folder)
