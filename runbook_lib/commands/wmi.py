"""The WMI classes that are read: one Read a class, always with all its properties.

Because a class is always asked for in the same words, the questions of many steps about it are
one question on the wire. Only what Windows Server 2003 has may stand here (its network adapters
have no GUID and no NetEnabled, its operating system has no OSArchitecture).
"""

from __future__ import annotations

from runbook_lib.commands.command import Cmdlet, Read


def rows_of(wmi_class: str, *properties: str) -> Read:
    """Return the read of every instance of a class in the usual namespace."""
    return Read(Cmdlet("Get-WmiObject", (("Class", wmi_class),)), properties)


COMPUTER_SYSTEM = rows_of(
    "Win32_ComputerSystem", "Name", "PartOfDomain", "Domain", "DomainRole", "SystemType"
)
OPERATING_SYSTEM = rows_of(
    "Win32_OperatingSystem",
    "Caption",
    "Version",
    "ServicePackMajorVersion",
    "CSDVersion",
    "OtherTypeDescription",
    "OSProductSuite",
    "ProductType",
    "OSLanguage",
    "LastBootUpTime",
)
NETWORK_ADAPTER = rows_of(
    "Win32_NetworkAdapter",
    "Index",
    "MACAddress",
    "NetConnectionID",
    "NetConnectionStatus",
    "PNPDeviceID",
    "Name",
)
NETWORK_ADAPTER_CONFIGURATION = rows_of(
    "Win32_NetworkAdapterConfiguration",
    "Index",
    "SettingID",
    "MACAddress",
    "IPEnabled",
    "DHCPEnabled",
    "IPAddress",
    "IPSubnet",
    "DefaultIPGateway",
    "DNSServerSearchOrder",
    "FullDNSRegistrationEnabled",
    "DomainDNSRegistrationEnabled",
    "TcpipNetbiosOptions",
    "WINSEnableLMHostsLookup",
    "DNSEnabledForWINSResolution",
    "WINSPrimaryServer",
    "WINSSecondaryServer",
)
QUICK_FIX_ENGINEERING = rows_of("Win32_QuickFixEngineering", "HotFixID")
UTC_TIME = rows_of("Win32_UTCTime", "Year", "Month", "Day", "Hour", "Minute", "Second")
LOGICAL_DISK = rows_of(
    "Win32_LogicalDisk",
    "DeviceID",
    "DriveType",
    "FreeSpace",
    "Size",
    "FileSystem",
    "VolumeName",
    "VolumeDirty",
)
DISK_DRIVE = rows_of(
    "Win32_DiskDrive",
    "Index",
    "SCSILogicalUnit",
    "SCSIPort",
    "Size",
    "Signature",
    "Partitions",
)
DISK_PARTITION = rows_of(
    "Win32_DiskPartition", "DiskIndex", "Index", "StartingOffset", "BootPartition", "Type"
)
LOGICAL_DISK_TO_PARTITION = rows_of("Win32_LogicalDiskToPartition", "Antecedent", "Dependent")
SERVICE = rows_of("Win32_Service", "Name", "State", "StartMode")
PROCESSOR = rows_of("Win32_Processor", "AddressWidth")
