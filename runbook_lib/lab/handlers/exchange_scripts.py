"""The constant scripts of the Exchange shell: one reads a server, one calls a cmdlet.

Each hands what it is given to the very cmdlets that the shell has, and turns what they say into
the rows that its text builds. The one that calls takes lab time and, like its text, ends with
code 1 where the cmdlet refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from runbook_lib.lab.answers import Bag
from runbook_lib.lab.handlers import exchange_calls as calls
from runbook_lib.lab.handlers import exchange_shell as shell
from runbook_lib.lab.handlers import powershell
from runbook_lib.lab.handlers.surface import (
    Begins,
    Cmdlet,
    CommandError,
    Context,
    Ended,
    Procedure,
    Progress,
    Stage,
)
from runbook_lib.lab.world import exchange_moves as moves

CMDLETS: tuple[Cmdlet, ...] = (*shell.READS, *calls.CALLS)
"""Every cmdlet of the shell."""

PROPERTIES = [
    "Kind",
    "SnapIn",
    "Identity",
    "ClusteredMailboxServerName",
    "State",
    "OperationalMachines",
    "FailedResources",
    "ClusteredStorageType",
    "RedundantMachines",
    "IsMemberOfCluster",
    "ServerRole",
    "AdminDisplayVersion",
    "Edition",
    "Site",
    "Name",
    "StorageGroup",
    "EdbFilePath",
    "Mounted",
    "LogFolderPath",
    "SystemFolderPath",
    "What",
    "ErrorId",
    "ErrorText",
]

Data = dict[str, Any]


def run(context: Context, name: str, parameters: Mapping[str, object]) -> tuple[Bag, ...]:
    """Return what a cmdlet of the shell gives; CommandError for what ends it."""
    # The list of commands holds the procedures below.
    from runbook_lib.lab.handlers import installed

    cmdlet = next((each for each in CMDLETS if each.name.lower() == name.lower()), None)
    if cmdlet is None:
        raise CommandError(powershell.unknown_command(name))
    bound = installed.bind(cmdlet, parameters)
    bound.pop("ErrorAction", None)
    given = cmdlet.function(context, bound)
    return tuple(each for each in given.until_error() if isinstance(each, Bag))


# -- the script that reads


def read_exchange(context: Context, parameters: Mapping[str, object]) -> tuple[Bag, ...]:
    """Return rows of one form: the snap-in, then status, server, databases, storage groups."""
    server = powershell.text(parameters.get("Server"))
    try:
        run(context, "Add-PSSnapin", {"Name": shell.SNAP_IN})
    except CommandError as error:
        return (_error("snap-in", error),)
    rows = [_row("shell", SnapIn=shell.SNAP_IN)]
    for what, read in _READS:
        try:
            rows.extend(read(context, server))
        except CommandError as error:
            rows.append(_error(what, error))
    return tuple(rows)


def _status(context: Context, server: str) -> Iterator[Bag]:
    [found] = run(context, "Get-ClusteredMailboxServerStatus", {"Identity": server})
    names = (
        *("Identity", "ClusteredMailboxServerName", "State"),
        *("OperationalMachines", "FailedResources"),
    )
    yield _row("status", **_kept(found, names))


def _server(context: Context, server: str) -> Iterator[Bag]:
    [mailbox] = run(context, "Get-MailboxServer", {"Identity": server})
    [exchange] = run(context, "Get-ExchangeServer", {"Identity": server})
    names = (
        *("Identity", "IsMemberOfCluster", "ServerRole"),
        *("AdminDisplayVersion", "Edition", "Site"),
    )
    clustered = _kept(mailbox, ("ClusteredStorageType", "RedundantMachines"))
    yield _row("server", **clustered, **_kept(exchange, names))


def _databases(context: Context, server: str) -> Iterator[Bag]:
    for name in ("Get-MailboxDatabase", "Get-PublicFolderDatabase"):
        for found in run(context, name, {"Server": server, "Status": True}):
            names = ("Name", "StorageGroup", "EdbFilePath", "Mounted")
            yield _row("database", **_kept(found, names))


def _storage_groups(context: Context, server: str) -> Iterator[Bag]:
    for found in run(context, "Get-StorageGroup", {"Server": server}):
        folders = {name: found.properties[name] for name in ("LogFolderPath", "SystemFolderPath")}
        paths = {
            name: each.properties["PathName"]
            for name, each in folders.items()
            if isinstance(each, Bag)
        }
        yield _row("storage group", Name=found.properties["Name"], **paths)


_READS: Sequence[tuple[str, Callable[[Context, str], Iterator[Bag]]]] = (
    ("status", _status),
    ("server", _server),
    ("database", _databases),
    ("storage group", _storage_groups),
)


def _kept(bag: Bag, names: Sequence[str]) -> dict[str, object]:
    return {name: bag.properties[name] for name in names}


def _row(kind: str, **values: object) -> Bag:
    row: dict[str, object] = dict.fromkeys(PROPERTIES)
    return Bag(row | {"Kind": kind} | values, powershell.CUSTOM)


def _error(what: str, error: CommandError) -> Bag:
    reply = error.reply
    return _row("error", What=what, ErrorId=reply.error_id, ErrorText=reply.message)


# -- the script that calls


def call_exchange(context: Context, parameters: Mapping[str, object]) -> Begins:
    """Begin to call a cmdlet; where databases are watched, what is seen is told with it."""
    given = parameters.get("Parameters")
    name = powershell.text(parameters.get("Name"))
    watch = powershell.text(parameters.get("Watch"))
    data: Data = {
        "name": name,
        "parameters": dict(given) if isinstance(given, Mapping) else {},
        "watch": watch,
        "states": {},
        "lines": [],
        "began": "",
        "ended": "",
    }
    if watch:
        run(context, "Add-PSSnapin", {"Name": shell.SNAP_IN})
        _look(context, data)
    return Begins(MOVES if name.lower() == calls.MOVE.lower() else CALLS, data)


def label_call(parameters: Mapping[str, object]) -> str:
    """Return which cmdlet is called."""
    return powershell.text(parameters.get("Name"))


def label_read(parameters: Mapping[str, object]) -> str:
    """Return which server is read."""
    return powershell.text(parameters.get("Server"))


def _call(context: Context, data: Data, progress: Progress) -> None:
    try:
        run(context, "Add-PSSnapin", {"Name": shell.SNAP_IN})
        run(context, data["name"], data["parameters"])
    except CommandError as error:
        _refused(context, data, progress, error)
    _answered(context, data, progress)


def _leave(context: Context, data: Data, progress: Progress) -> None:
    """Do what a move does until the server is off its node."""
    from runbook_lib.lab.handlers import installed

    try:
        run(context, "Add-PSSnapin", {"Name": shell.SNAP_IN})
        bound = installed.bind(calls.move, data["parameters"])
        bound.pop("ErrorAction", None)
        leaves = calls.begin_move(context, bound)
    except CommandError as error:
        _refused(context, data, progress, error)
    if not leaves:
        _answered(context, data, progress)
        raise Ended(0)
    _look(context, data)


def _arrive(context: Context, data: Data, progress: Progress) -> None:
    """Wait until the server has arrived; without the time for that it does so now."""
    moves.arrive(context.site)
    try:
        calls.judge_move(context)
    except CommandError as error:
        _refused(context, data, progress, error)
    _answered(context, data, progress)


def _answered(context: Context, data: Data, progress: Progress) -> None:
    progress.give(_answer(context, data, "answered", None, None))


def _refused(context: Context, data: Data, progress: Progress, error: CommandError) -> NoReturn:
    reply = error.reply
    progress.give(_answer(context, data, "refused", reply.error_id, reply.message))
    raise Ended(1)


def _answer(
    context: Context, data: Data, outcome: str, error_id: str | None, text: str | None
) -> Bag:
    """Return the script's one object. The cmdlets called here give nothing themselves."""
    if data["watch"]:
        _look(context, data)
        data["lines"].append(_sum(data))
    answer = {
        "Outcome": outcome,
        "Output": [*data["lines"]],
        "ErrorId": error_id,
        "ErrorText": text,
    }
    return Bag(answer, powershell.CUSTOM)


CALLS = Procedure("exchange call", (Stage(5, _call),))
MOVES = Procedure("exchange move", (Stage(5, _leave), Stage(moves.UNDER_WAY_S + 5, _arrive)))
PROCEDURES = (CALLS, MOVES)


def _look(context: Context, data: Data) -> None:
    """See which mailbox databases are mounted; a look that fails says nothing."""
    if not data["watch"]:
        return
    try:
        found = run(context, "Get-MailboxDatabase", {"Server": data["watch"], "Status": True})
    except CommandError:
        return
    now = f"{context.node.now:%Y-%m-%dT%H:%M:%S}"
    for each in found:
        name = powershell.text(each.properties["Name"])
        state = "mounted" if each.properties["Mounted"] else "dismounted"
        if data["states"].get(name) == state:
            continue
        data["states"][name] = state
        data["lines"].append(f"{now} {name} {state}")
        if state == "mounted":
            data["ended"] = context.node.now.isoformat()
        elif not data["began"]:
            data["began"] = context.node.now.isoformat()


def _sum(data: Data) -> str:
    if not data["began"]:
        return "no outage seen"
    began = datetime.fromisoformat(data["began"])
    down = [name for name, state in data["states"].items() if state != "mounted"]
    if down:
        return f"outage since {began:%Y-%m-%dT%H:%M:%S}, not over: {', '.join(down)}"
    ended = datetime.fromisoformat(data["ended"])
    seconds = round((ended - began).total_seconds())
    length = f"{seconds} s" if seconds else "less than 1 s"
    return f"outage of {length}, {began:%Y-%m-%dT%H:%M:%S} to {ended:%Y-%m-%dT%H:%M:%S}"
