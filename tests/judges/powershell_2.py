"""What PowerShell 2.0 on Windows Server 2003 has, as far as our scripts use it.

Node kinds, operators, commands and types are allowed one by one: what nobody listed is refused.
Members and idioms are refused one by one: a type's members cannot be told from a syntax tree.
The engine that reads the scripts is a newer one; each of its words is judged by these tables.
"""

from __future__ import annotations

from collections.abc import Iterable

NODES = {
    "ArrayExpressionAst",
    "ArrayLiteralAst",
    "AssignmentStatementAst",
    "BinaryExpressionAst",
    "CatchClauseAst",
    "CommandAst",
    "CommandExpressionAst",
    "CommandParameterAst",
    "ConstantExpressionAst",
    "ContinueStatementAst",
    "ConvertExpressionAst",
    "ExitStatementAst",
    "ExpandableStringExpressionAst",
    "ForEachStatementAst",
    "FunctionDefinitionAst",
    "HashtableAst",
    "IfStatementAst",
    "IndexExpressionAst",
    "InvokeMemberExpressionAst",
    "MemberExpressionAst",
    "MergingRedirectionAst",
    "NamedBlockAst",
    "ParamBlockAst",
    "ParameterAst",
    "ParenExpressionAst",
    "PipelineAst",
    "ReturnStatementAst",
    "ScriptBlockAst",
    "ScriptBlockExpressionAst",
    "StatementBlockAst",
    "StringConstantExpressionAst",
    "SubExpressionAst",
    "SwitchStatementAst",
    "ThrowStatementAst",
    "TryStatementAst",
    "TypeConstraintAst",
    "TypeExpressionAst",
    "UnaryExpressionAst",
    "VariableExpressionAst",
    "WhileStatementAst",
}

OPERATORS = {
    "And",
    "Or",
    "Not",
    "Exclaim",
    "Ieq",
    "Ine",
    "Igt",
    "Ige",
    "Ilt",
    "Ile",
    "Ilike",
    "Cmatch",
    "Imatch",
    "Icontains",
    "Is",
    "IsNot",
    "As",
    "Format",
    "Isplit",
    "Ireplace",
    "Join",
    "Plus",
    "Minus",
    "Multiply",
    "Divide",
    "Rem",
    "Equals",
    "PlusEquals",
}

COMMANDS: dict[str, set[str]] = {
    "Add-Member": {"InputObject", "MemberType", "Name", "Value"},
    "Add-PSSnapin": {"Name"},
    "Enable-PSRemoting": {"Force"},
    "Export-Clixml": {"InputObject", "Path", "Depth"},
    "ForEach-Object": set(),
    "Get-ClusteredMailboxServerStatus": {"Identity"},
    "Get-Date": set(),
    "Get-ExchangeServer": {"Identity"},
    "Get-Item": {"Path"},
    "Get-ItemProperty": {"Path", "Name"},
    "Import-Clixml": {"Path"},
    "Get-MailboxDatabase": {"Server", "Status"},
    "Get-MailboxServer": {"Identity"},
    "Get-PublicFolderDatabase": {"Server", "Status"},
    "Get-StorageGroup": {"Server"},
    "Get-WSManInstance": {"ResourceURI", "Enumerate"},
    "Get-WmiObject": {"Class", "Namespace", "Filter"},
    "New-Item": {"Path", "Force", "ItemType"},
    "New-ItemProperty": {"Path", "Name", "PropertyType", "Value", "Force"},
    "New-Object": {"Property"},
    "Out-Null": set(),
    "Remove-Item": {"Path", "Force"},
    "Select-Object": {"InputObject", "Property"},
    "Set-Content": {"Path", "Value", "Encoding", "ErrorAction"},
    "Set-Item": {"Path", "Value", "Force"},
    "Start-Sleep": {"Seconds"},
    "Test-ComputerSecureChannel": set(),
    "Test-Path": {"Path"},
    "Where-Object": set(),
}
"""Command -> the parameters of it that 2.0 has and we use."""

TYPES = {
    "bool",
    "byte[]",
    "hashtable",
    "int",
    "long",
    "object",
    "object[]",
    "string",
    "string[]",
    "switch",
    "uint16",
    "uint16[]",
    "uint32",
    "uint32[]",
    "uint64",
    "void",
    "wmiclass",
    "DateTime",
    "Net.Dns",
    "Runtime.InteropServices.Marshal",
    "System.DirectoryServices.ActiveDirectory.DomainController",
    "System.Diagnostics.FileVersionInfo",
    "System.Diagnostics.Process",
    "System.Environment",
    "System.IO.File",
    "System.Management.Automation.PowerShell",
    "System.Security.Principal.WindowsBuiltInRole",
    "System.Security.Principal.WindowsIdentity",
    "System.Security.SecureString",
}

REDIRECTIONS = {"Output", "Error", "Error-Output"}

VARIABLES_LACKING = {"PSItem", "PSScriptRoot", "PSCommandPath"}

CALLS_LACKING = {
    "Where",
    "ForEach",
    "new",
    "string::IsNullOrWhiteSpace",
    "guid::Parse",
    "guid::TryParse",
    "enum::TryParse",
    "IO.Directory::EnumerateFiles",
    "IO.Directory::EnumerateDirectories",
    "Tuple::Create",
}
"""Methods, without regard to case; a type before `::` stands for its last parts."""

TOO_MANY_ARGUMENTS = {"IO.Path::Combine": 2}


def lacking(facts: Iterable[str]) -> set[str]:
    """Return those facts of a script that PowerShell 2.0 does not have or reads otherwise."""
    facts = set(facts)
    own = {fact.partition(":")[2] for fact in facts if fact.startswith("function:")}
    return {fact for fact in facts if _is_lacking(*fact.partition(":")[::2], own)}


def _is_lacking(kind: str, name: str, own: set[str]) -> bool:
    match kind:
        case "node":
            return name not in NODES
        case "operator":
            return name not in OPERATORS
        case "command":
            return name not in COMMANDS and name not in own
        case "parameter":
            command, _, parameter = name.partition("/-")
            return command not in own and parameter not in COMMANDS.get(command, set())
        case "type":
            return name.lower() not in {one.lower() for one in TYPES} and not _is_of_net_2(name)
        case "redirect":
            return name not in REDIRECTIONS
        case "variable":
            return name.partition(":")[0] == "using" or name in VARIABLES_LACKING
        case "call":
            return _is_lacking_call(name)
        case "function" | "member":
            return False
        case _:
            # Attributes, requirements, idioms, tokens and parse errors: none is allowed.
            return True


def _is_of_net_2(name: str) -> bool:
    """Types that stand in calls of static methods, allowed or refused by the method."""
    return name.lower().removeprefix("system.") in {"guid", "io.path", "enum", "io.directory"}


def _is_lacking_call(name: str) -> bool:
    called, _, count = name.rpartition("/")
    short = called.lower().removeprefix("system.")
    if {short, short.rpartition("::")[2]} & {one.lower() for one in CALLS_LACKING}:
        return True
    limits = {one.lower(): most for one, most in TOO_MANY_ARGUMENTS.items()}
    return int(count) > limits.get(short, 99)
