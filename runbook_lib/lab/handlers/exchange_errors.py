"""The errors of the Exchange shell: its frame is known, most of its words are not."""

from __future__ import annotations

import zlib

from runbook_lib.lab.answers import ErrorReply
from runbook_lib.lab.handlers.surface import CommandError, Context

TASKS = "Microsoft.Exchange.Management.SystemConfigurationTasks"
PROMPT = (
    "A command that prompts the user failed because the host program or the command type does not "
    "support user interaction."
)


def failed(text: str, task: str, category: str = "InvalidOperation") -> CommandError:
    """Return an error of a task; its number depends on the text alone, as the shell's own does."""
    number = f"{zlib.crc32(text.encode()):08X}"
    return CommandError(
        ErrorReply(f"{number},{TASKS}.{task}", text, category, "System.InvalidOperationException")
    )


def no_such_object(context: Context, name: str, task: str) -> CommandError:
    """Return the error for a name that the directory does not have."""
    controller = f"{context.domain.facts.controller}.{context.domain.facts.name}"
    return CommandError(
        ErrorReply(
            f"{zlib.crc32(name.encode()):08X},{TASKS}.{task}",
            f"The operation could not be performed because object '{name}' could not be found on "
            f"domain controller '{controller}'.",
            "InvalidData",
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
        )
    )


def not_clustered(name: str, task: str) -> CommandError:
    """Return the error for a server that is no clustered mailbox server."""
    return failed(f"The server '{name}' is not a clustered mailbox server.", task)


def cluster_is_down(task: str) -> CommandError:
    """Return the error for a cluster whose service runs nowhere."""
    text = "Cluster error 0x800706d9: There are no more endpoints available."
    return failed(text, task, "ResourceUnavailable")


def prompt_failed(name: str) -> CommandError:
    """Return the error for a confirmation that nobody is there to give."""
    return CommandError(
        ErrorReply(
            f"HostFunctionNotImplemented,{name}",
            PROMPT,
            "NotImplemented",
            "System.Management.Automation.Host.HostException",
        )
    )


def missing(names: list[str], implementation: str) -> CommandError:
    """Return PowerShell's error for parameters that must be given."""
    return CommandError(
        ErrorReply(
            f"MissingMandatoryParameter,{implementation}",
            "Cannot process command because of one or more missing mandatory parameters: "
            f"{' '.join(names)}.",
            "InvalidArgument",
            "System.Management.Automation.ParameterBindingException",
        )
    )
