"""The logon of a task: checked when the task gets its account, and again whenever it runs."""

from __future__ import annotations

from runbook_lib.lab.handlers.surface import Context
from runbook_lib.lab.world.domain import LOGON_FAILURE
from runbook_lib.lab.world.site import Site
from runbook_lib.lab.world.tasks import Task
from runbook_lib.lab.world.windows_node import WindowsNode

NO_LOGON_SERVERS, TYPE_NOT_GRANTED = 1311, 1385
REASONS = {
    LOGON_FAILURE: "Logon failure: unknown user name or bad password.",
    NO_LOGON_SERVERS: (
        "There are currently no logon servers available to service the logon request."
    ),
    1330: "Logon failure: the specified account password has expired.",
    1331: "Logon failure: account currently disabled.",
    TYPE_NOT_GRANTED: (
        "Logon failure: the user has not been granted the requested logon type at this computer."
    ),
    1793: "The user's account has expired.",
    1907: "The user must change his password before he logs on the first time.",
    1909: "The referenced account is currently locked out and may not be logged on to.",
}


def account_is_accepted(context: Context, user: str, password: str) -> bool:
    """Tell whether the scheduler takes user and password for a task; a wrong one counts."""
    node, domain = context.node, context.site.domain
    local = {} if domain.passwords is None else domain.passwords.of_machine(node)
    for name, value in local.items():
        if name.lower() == user.lower():
            return value == password
    if not domain.has_channel(node):
        return False
    return domain.logon(user, password) != LOGON_FAILURE


def refusal(site: Site, node: WindowsNode, task: Task) -> tuple[int, str] | None:
    """Return with which Win32 error and text a task's logon is refused, or None."""
    code = _logon_error(site, node, task)
    if code:
        return code, REASONS.get(code, "Logon failure.")
    return None


def _logon_error(site: Site, node: WindowsNode, task: Task) -> int:
    if not task.has_account:
        return LOGON_FAILURE
    if node.name in site.tasks.without_batch_right:
        return TYPE_NOT_GRANTED
    domain = site.domain
    account = domain.account(task.user) if "\\" in task.user or "@" in task.user else None
    if account is None:
        return 0
    if not domain.has_channel(node):
        return NO_LOGON_SERVERS
    password = domain.password_of(account)
    if password is None:
        return LOGON_FAILURE
    return domain.logon(task.user, password)
