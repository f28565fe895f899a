"""WMI classes of the machine itself: computer, system, clock, processor, updates, services.

Only properties that Windows Server 2003 has are here; later ones (OSArchitecture, DNSHostName,
OperatingSystemSKU) are missing on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from runbook_lib.lab.handlers.surface import Context, Instance, lists, method
from runbook_lib.lab.world import computer_name, domain_membership
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.power import GoingDown
from runbook_lib.lab.world.windows_node import TIME_ZONE_MINUTES

ENTERPRISE = 0x2
TERMINAL_SERVICES = 0x10
SINGLE_USER_TS = 0x100
SHUTDOWN, REBOOT, FORCE, POWER_OFF = 1, 2, 4, 8


@method(
    "Rename",
    arguments="Name:String Password:String UserName:String",
    source="documented: Win32_ComputerSystem.Rename; inferred: needs no account in a workgroup",
)
def rename(context: Context, _target: Instance | None, arguments: Mapping[str, object]) -> int:
    """Write the new name down; Windows takes it up at the next start."""
    name = arguments["Name"]
    if not isinstance(name, str):
        return computer_name.BAD_PARAMETER
    return computer_name.rename(context.node, name)


@method(
    "JoinDomainOrWorkgroup",
    arguments="Name:String Password:String UserName:String AccountOU:String FJoinOptions:UInt32",
    source="documented: Win32_ComputerSystem.JoinDomainOrWorkgroup and its codes; "
    "inferred: order of the checks, codes 1398, 1909, 1331, 1793, 2221; "
    "inferred: a member at once, Net Logon from the next start on",
)
def join_domain(context: Context, _target: Instance | None, arguments: Mapping[str, object]) -> int:
    """Make the node a member of the domain, in force from the next start on."""
    options = arguments["FJoinOptions"]
    return domain_membership.join(
        context.domain,
        context.node,
        _given(arguments["Name"]),
        _given(arguments["UserName"]),
        _given(arguments["Password"]),
        unit=_given(arguments["AccountOU"]) or None,
        options=options if isinstance(options, int) else 0,
    )


@method(
    "UnjoinDomainOrWorkgroup",
    arguments="Password:String UserName:String FUnjoinOptions:UInt32",
    source="documented: Win32_ComputerSystem.UnjoinDomainOrWorkgroup; inferred: what stays behind",
)
def unjoin_domain(
    context: Context, _target: Instance | None, arguments: Mapping[str, object]
) -> int:
    """Make the node a machine of a workgroup, in force from the next start on."""
    options = arguments["FUnjoinOptions"]
    return domain_membership.leave(
        context.domain,
        context.node,
        _given(arguments["UserName"]),
        _given(arguments["Password"]),
        options if isinstance(options, int) else 0,
    )


@lists(
    "Win32_ComputerSystem",
    key="Name",
    source="documented: Win32_ComputerSystem; inferred: name in upper case",
    methods=(rename, join_domain, unjoin_domain),
)
def computer_system(context: Context) -> Sequence[Instance]:
    """Return the one computer."""
    node = context.node
    domain = context.domain.memberships.get(node.name)
    return [
        {
            "Name": node.computer_name,
            "Caption": node.computer_name,
            "Description": "AT/AT COMPATIBLE",
            "Domain": domain or domain_membership.WORKGROUP,
            "DomainRole": 3 if domain else 2,
            "PartOfDomain": domain is not None,
            "Workgroup": None if domain else domain_membership.WORKGROUP,
            "Manufacturer": "scc-runbook lab",
            "Model": "Simulated node",
            "NumberOfProcessors": 2,
            "SystemType": "x64-based PC",
            "TotalPhysicalMemory": 4_294_430_720,
            "CurrentTimeZone": TIME_ZONE_MINUTES,
            "Status": "OK",
            "UserName": None,
        }
    ]


@method(
    "Win32Shutdown",
    arguments="Flags:UInt32 Reserved:UInt32",
    source="documented: Win32_OperatingSystem.Win32Shutdown",
)
def win32_shutdown(
    context: Context, _target: Instance | None, arguments: Mapping[str, object]
) -> int:
    """Begin a shutdown, a restart or a power-off; logging off concerns nobody here."""
    flags = arguments["Flags"]
    if not isinstance(flags, int) or flags > SHUTDOWN + REBOOT + FORCE + POWER_OFF:
        return 87
    if flags & REBOOT:
        return _go_down(context, GoingDown.RESTART)
    if flags & (SHUTDOWN | POWER_OFF):
        return _go_down(context, GoingDown.POWER_OFF)
    return 0


@method("Reboot", arguments="", source="documented: Win32_OperatingSystem.Reboot")
def reboot(context: Context, _target: Instance | None, _arguments: Mapping[str, object]) -> int:
    """Begin a restart."""
    return _go_down(context, GoingDown.RESTART)


@method("Shutdown", arguments="", source="documented: Win32_OperatingSystem.Shutdown")
def shutdown(context: Context, _target: Instance | None, _arguments: Mapping[str, object]) -> int:
    """Begin a shutdown."""
    return _go_down(context, GoingDown.POWER_OFF)


@lists(
    "Win32_OperatingSystem",
    key="Name",
    source="documented: Win32_OperatingSystem; inferred: caption and suite of R2 Enterprise x64",
    methods=(win32_shutdown, reboot, shutdown),
)
def operating_system(context: Context) -> Sequence[Instance]:
    """Return the one operating system."""
    node = context.node
    caption = "Microsoft(R) Windows(R) Server 2003 Enterprise x64 Edition"
    return [
        {
            "Name": rf"{caption}|C:\WINDOWS|\Device\Harddisk0\Partition1",
            "Caption": caption,
            "Version": "5.2.3790",
            "BuildNumber": "3790",
            "BuildType": "Multiprocessor Free",
            "CSDVersion": node.registry.text(places.WINDOWS, "CSDVersion"),
            "CSName": node.computer_name,
            "CodeSet": "1252",
            "CountryCode": "1",
            "CurrentTimeZone": TIME_ZONE_MINUTES,
            "LastBootUpTime": cim_time(node.booted_at),
            "LocalDateTime": cim_time(node.now),
            "Locale": "0409",
            "OSLanguage": 1033,
            "OSProductSuite": ENTERPRISE | TERMINAL_SERVICES | SINGLE_USER_TS,
            "OSType": 18,
            "OtherTypeDescription": "R2",
            "Primary": True,
            "ProductType": 3,
            "ServicePackMajorVersion": 2,
            "ServicePackMinorVersion": 0,
            "Status": "OK",
            "SystemDirectory": r"C:\WINDOWS\system32",
            "SystemDrive": "C:",
            "WindowsDirectory": r"C:\WINDOWS",
        }
    ]


@lists("Win32_UTCTime", key="Second", source="documented: Win32_UTCTime")
def utc_time(context: Context) -> Sequence[Instance]:
    """Return the node's clock in UTC."""
    return [_time(context.node.now.astimezone(UTC))]


@lists("Win32_LocalTime", key="Second", source="documented: Win32_LocalTime")
def local_time(context: Context) -> Sequence[Instance]:
    """Return the node's clock in its own time zone."""
    return [_time(context.node.now.astimezone(UTC) + timedelta(minutes=TIME_ZONE_MINUTES))]


@lists("Win32_Processor", key="DeviceID", source="documented: Win32_Processor; inferred: model")
def processors(_context: Context) -> Sequence[Instance]:
    """Return both processors."""
    return [
        {
            "DeviceID": f"CPU{number}",
            "Name": "Dual-Core AMD Opteron(tm) Processor 2218",
            "AddressWidth": 64,
            "DataWidth": 64,
            "Architecture": 9,
            "MaxClockSpeed": 2600,
            "Status": "OK",
        }
        for number in range(2)
    ]


@lists(
    "Win32_QuickFixEngineering",
    key="HotFixID",
    source="documented: Win32_QuickFixEngineering; inferred: the list of the image",
)
def hotfixes(context: Context) -> Sequence[Instance]:
    """Return the installed updates."""
    return [
        {
            "HotFixID": hotfix,
            "CSName": context.node.computer_name,
            "Description": "" if hotfix.startswith("File") else f"Update ({hotfix})",
            "InstalledOn": "",
            "ServicePackInEffect": "SP3" if hotfix.startswith("KB9") else "",
        }
        for hotfix in context.node.hotfixes
    ]


@lists("Win32_Service", key="Name", source="documented: Win32_Service")
def services(context: Context) -> Sequence[Instance]:
    """Return the services, by name."""
    return [
        {
            "Name": service.facts.name,
            "DisplayName": service.facts.display_name,
            "Caption": service.facts.display_name,
            "State": service.state,
            "Status": "OK",
            "Started": service.running,
            "StartMode": service.start_mode,
            "StartName": service.facts.account,
            "PathName": service.facts.path,
            "SystemName": context.node.computer_name,
            "ExitCode": 0 if service.running else 1077,
        }
        for service in context.node.services.all()
    ]


@lists(
    "Win32_NTLogEvent",
    key="RecordNumber",
    source="documented: Win32_NTLogEvent; inferred: which events are written",
)
def log_events(context: Context) -> Sequence[Instance]:
    """Return the records of both logs, newest first."""
    kinds = {"Error": 1, "Warning": 2, "Information": 3}
    return [
        {
            "RecordNumber": event.number,
            "Logfile": event.log,
            "SourceName": event.source,
            "EventCode": event.event_id,
            "EventIdentifier": event.event_id,
            "EventType": kinds[event.kind],
            "Type": event.kind.lower(),
            "Message": event.message,
            "TimeGenerated": cim_time(event.at),
            "TimeWritten": cim_time(event.at),
            "ComputerName": context.node.computer_name,
        }
        for event in reversed(context.node.events.events)
    ]


CLASSES = (
    computer_system,
    operating_system,
    utc_time,
    local_time,
    processors,
    hotfixes,
    services,
    log_events,
)


def cim_time(moment: datetime) -> str:
    """Return a moment as WMI writes it: local time, and the minutes that it is ahead of UTC."""
    local = moment.astimezone(UTC) + timedelta(minutes=TIME_ZONE_MINUTES)
    return f"{local:%Y%m%d%H%M%S}.{local.microsecond:06}{TIME_ZONE_MINUTES:+04}"


def _given(value: object) -> str:
    return value if isinstance(value, str) else ""


def _go_down(context: Context, then: GoingDown) -> int:
    if context.node.going_down:
        return 1115
    context.node.shut_down(then, after_s=0)
    return 0


def _time(moment: datetime) -> dict[str, object]:
    return {
        "Year": moment.year,
        "Month": moment.month,
        "Day": moment.day,
        "DayOfWeek": moment.isoweekday() % 7,
        "Hour": moment.hour,
        "Minute": moment.minute,
        "Second": moment.second,
        "Milliseconds": None,
        "Quarter": (moment.month + 2) // 3,
        "WeekInMonth": (moment.day + 6) // 7,
    }
