"""The registry keys that are read: one Read a key, and the lists that may be written.

A missing value answers as null; a missing key is an error of its own (`rows.is_missing`). A key
that exists and holds nothing answers without a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.commands.command import Action, Cmdlet, Read, Script, Value

_CONTROL = r"HKLM:\SYSTEM\CurrentControlSet\Control"
_SERVICES = r"HKLM:\SYSTEM\CurrentControlSet\Services"
_SOFTWARE = r"HKLM:\SOFTWARE\Microsoft"

LINKAGE_VALUES = ("Bind", "Export", "Route")
TCPIP_PATH = rf"{_SERVICES}\Tcpip\Parameters"


def key(path: str, *values: str) -> Read:
    """Return the read of some values of one key."""
    return Read(Cmdlet("Get-ItemProperty", (("Path", path),)), values)


def linkage_path(service: str) -> str:
    """Return the key with the binding lists of a network service or protocol."""
    return rf"{_SERVICES}\{service}\Linkage"


def disabled_linkage_path(service: str) -> str:
    """Return the key with the bindings of a service that are switched off."""
    return rf"{linkage_path(service)}\Disabled"


MACHINE_GUID = key(rf"{_SOFTWARE}\Cryptography", "MachineGuid")
COMPUTER_NAME = key(rf"{_CONTROL}\ComputerName\ComputerName", "ComputerName")
ACTIVE_COMPUTER_NAME = key(rf"{_CONTROL}\ComputerName\ActiveComputerName", "ComputerName")
SESSION_MANAGER = key(rf"{_CONTROL}\Session Manager", "PendingFileRenameOperations")
REBOOT_REQUIRED = key(
    rf"{_SOFTWARE}\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired", "PSChildName"
)
UPDATE_EXE = key(rf"{_SOFTWARE}\Updates\UpdateExeVolatile", "Flags")
NETBT = key(rf"{_SERVICES}\NetBT\Parameters", "EnableLMHOSTS", "EnableDNS")
DOTNET_20 = key(rf"{_SOFTWARE}\NET Framework Setup\NDP\v2.0.50727", "Install", "SP")
POWERSHELL = key(rf"{_SOFTWARE}\PowerShell\1\PowerShellEngine", "PowerShellVersion")
COM_PLUS = key(rf"{_SOFTWARE}\COM3", "RemoteAccessEnabled")


def mounted_devices(*names: str) -> Read:
    r"""Return the read of what some letters are bound to; a name such as `\DosDevices\Q:`."""
    return key(r"HKLM:\SYSTEM\MountedDevices", *names)


def linkage(service: str) -> Read:
    """Return the read of a service's binding lists."""
    return key(linkage_path(service), *LINKAGE_VALUES)


def disabled_linkage(service: str) -> Read:
    """Return the read of a service's bindings that are switched off."""
    return key(disabled_linkage_path(service), *LINKAGE_VALUES)


def tcpip_interface(guid: str) -> Read:
    """Return the read of what one adapter's TCP/IP settings are stored as."""
    return key(
        rf"{_SERVICES}\Tcpip\Parameters\Interfaces\{guid}",
        "EnableDHCP",
        "IPAddress",
        "SubnetMask",
        "DefaultGateway",
        "NameServer",
        "RegistrationEnabled",
        "RegisterAdapterName",
    )


def netbt_interface(guid: str) -> Read:
    """Return the read of one adapter's stored NetBIOS setting."""
    return key(rf"{_SERVICES}\NetBT\Parameters\Interfaces\Tcpip_{guid}", "NetbiosOptions")


def optional_components(*names: str) -> Read:
    """Return the read of what the optional-component manager has installed."""
    return key(rf"{_SOFTWARE}\Windows\CurrentVersion\Setup\OC Manager\Subcomponents", *names)


def write_lists(lists: Sequence[tuple[str, str, tuple[str, ...]]]) -> Action:
    """Return the change of some REG_MULTI_SZ values: (key path, value name, texts) each."""
    values: tuple[Mapping[str, Value], ...] = tuple(
        {"Path": path, "Name": name, "Values": texts} for path, name, texts in lists
    )
    return Action(Script("write_registry_lists", (("Lists", values),)))
