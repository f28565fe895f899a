"""Where Windows Server 2003 keeps things in its registry, below HKEY_LOCAL_MACHINE."""

from __future__ import annotations

MOUNTED_DEVICES = r"SYSTEM\MountedDevices"
CONTROL = r"SYSTEM\CurrentControlSet\Control"
SERVICES = r"SYSTEM\CurrentControlSet\Services"
MICROSOFT = r"SOFTWARE\Microsoft"

CRYPTOGRAPHY = rf"{MICROSOFT}\Cryptography"
COMPUTER_NAME = rf"{CONTROL}\ComputerName\ComputerName"
ACTIVE_COMPUTER_NAME = rf"{CONTROL}\ComputerName\ActiveComputerName"
SESSION_MANAGER = rf"{CONTROL}\Session Manager"
WINDOWS = rf"{MICROSOFT}\Windows NT\CurrentVersion"
AUTO_UPDATE = rf"{MICROSOFT}\Windows\CurrentVersion\WindowsUpdate\Auto Update"
REBOOT_REQUIRED = rf"{AUTO_UPDATE}\RebootRequired"
UPDATE_EXE_VOLATILE = rf"{MICROSOFT}\Updates\UpdateExeVolatile"
DOTNET_20 = rf"{MICROSOFT}\NET Framework Setup\NDP\v2.0.50727"
POWERSHELL = rf"{MICROSOFT}\PowerShell\1"
SUBCOMPONENTS = rf"{MICROSOFT}\Windows\CurrentVersion\Setup\OC Manager\Subcomponents"
SETUP = rf"{MICROSOFT}\Windows\CurrentVersion\Setup"
COM_PLUS = rf"{MICROSOFT}\COM3"

TCPIP = rf"{SERVICES}\Tcpip\Parameters"
NETBT = rf"{SERVICES}\NetBT\Parameters"
NETLOGON = rf"{SERVICES}\Netlogon\Parameters"


def connection(guid: str) -> str:
    """Return the key that names one network connection."""
    return rf"{CONTROL}\Network\{{4D36E972-E325-11CE-BFC1-08002BE10318}}\{guid}\Connection"


def tcpip_interface(guid: str) -> str:
    """Return the key with the TCP/IP settings of one adapter."""
    return rf"{TCPIP}\Interfaces\{guid}"


def netbt_interface(guid: str) -> str:
    """Return the key with the NetBIOS and WINS settings of one adapter."""
    return rf"{NETBT}\Interfaces\Tcpip_{guid}"


def linkage(service: str) -> str:
    """Return the key with what a protocol or service is bound to from the next start on."""
    return rf"{SERVICES}\{service}\Linkage"


def disabled_linkage(service: str) -> str:
    """Return the key with the bindings that somebody switched off."""
    return rf"{linkage(service)}\Disabled"
