"""Get-Service."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.lab.answers import Bag, ErrorReply
from runbook_lib.lab.handlers import powershell
from runbook_lib.lab.handlers.surface import Answer, Context, answers
from runbook_lib.lab.world.services import Service

_GET = "Microsoft.PowerShell.Commands.GetServiceCommand"
_TYPES = (
    "System.ServiceProcess.ServiceController",
    "System.ComponentModel.Component",
    "System.MarshalByRefObject",
    "System.Object",
)


@answers(
    "Get-Service",
    parameters="Name",
    refuses="ComputerName DependentServices RequiredServices DisplayName Include Exclude",
    implementation=_GET,
    source="documented: Get-Service help; inferred: error text",
)
def get_service(context: Context, parameters: Mapping[str, object]) -> Answer:
    """Return all services, or those named; a name without a service is an error."""
    if parameters.get("Name") is None:
        return Answer(tuple(_controller(service) for service in context.node.services.all()))
    stream: list[object] = []
    for name in map(powershell.text, powershell.as_list(parameters["Name"])):
        service = context.node.services.find(name)
        if service is None or service.facts.name.lower() != name.lower():
            stream.append(_not_found(name))
        else:
            stream.append(_controller(service))
    return Answer(tuple(stream))


CMDLETS = (get_service,)


def _controller(service: Service) -> Bag:
    facts = service.facts
    return Bag(
        {
            "Name": facts.name,
            "ServiceName": facts.name,
            "DisplayName": facts.display_name,
            "Status": service.state,
            "MachineName": ".",
            "CanStop": service.running,
        },
        _TYPES,
    )


def _not_found(name: str) -> ErrorReply:
    return ErrorReply(
        f"NoServiceFoundForGivenName,{_GET}",
        f"Cannot find any service with service name '{name}'.",
        "ObjectNotFound",
        "Microsoft.PowerShell.Commands.ServiceCommandException",
    )
