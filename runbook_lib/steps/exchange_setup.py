"""Exchange Setup's two runs: the Mailbox role on a node, and the clustered mailbox server.

Setup is believed by what it leaves in the registry, never by its exit code alone. A run that broke
off is begun again with the very same command, which Setup then resumes by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook_lib.commands import exchange_setup_state, setup_com
from runbook_lib.commands.command import ManualAct, PersonsAct, Program, TaskAccount
from runbook_lib.commands.exchange_setup_state import INSTALL, PartState, Progress, SetupState
from runbook_lib.steps.step import (
    Blocked,
    Change,
    Changes,
    NoChange,
    Plan,
    Reads,
    StepClass,
)

ROLE = "Mailbox role"
LICENCE = "licence of Exchange"


@dataclass(frozen=True)
class Run:
    """What every run of Setup needs: the folder of its files, the account, the time it may take."""

    media: str
    account: TaskAccount
    deadline_s: float


def hinders(setup: SetupState, part: PartState, node: str) -> Blocked | None:
    """Return why Setup must not be started for a part, or None."""
    if setup.is_running:
        return Blocked(
            f"Exchange Setup is at work on {node}",
            "wait until it has ended there (ExSetup.exe in its task list), then resume; "
            r"C:\ExchangeSetupLogs\ExchangeSetup.log tells how far it is",
        )
    if part.action and part.action != INSTALL:
        return Blocked(
            f'Setup broke off on {node} while it was doing "{part.action}", and resumes nothing '
            "else",
            f"run Setup.com on {node} with that action to its end; where it cannot end, delete "
            "the values Action and Watermark of that key by hand, which Microsoft's support did, "
            "and resume",
        )
    if part.configured and part.unpacked and part.configured != part.unpacked:
        return Blocked(
            f"{node} has files of {part.unpacked} and a configuration of {part.configured}",
            "end the upgrade that was begun there (Setup.com /mode:Upgrade), then resume",
        )
    return None


@dataclass(frozen=True)
class InstallRole:
    """The node has the Mailbox role; on a cluster's node its services rest until it is active.

    accepted: whether the parameter file lets the licence be accepted; None where that was asked
    on the first node already. not_on: the mailbox server that must not run on this node.
    """

    step_class: ClassVar[StepClass] = StepClass.ONE_SHOT
    node: str
    ids: tuple[str, ...]
    line: Program
    run: Run
    accepted: bool | None

    def reads(self) -> Reads:
        """Return the question: how far Setup is."""
        return {"setup": exchange_setup_state.setup_state()}

    def plan(self, setup: SetupState) -> Plan:
        """Return one run of Setup while the role is not complete."""
        part = setup.role
        if part.progress is Progress.DONE and not setup.is_running:
            return NoChange(f"installed, {part.configured}")
        hindrance = hinders(setup, part, self.node)
        if hindrance:
            return hindrance
        if self.accepted is False:
            return Blocked(
                "the licence of Exchange is not accepted (exchange.accept_license is false)",
                "read the licence on the media; whoever accepts it sets exchange.accept_license",
            )
        install = Change(
            ROLE,
            told(part),
            "installed",
            by=setup_com.run(self.line, self.run.account, self.run.deadline_s),
            undo=f"{setup_com.in_words(setup_com.uninstall(self.run.media))} on {self.node}, after "
            "the clustered mailbox server is removed; the passive node first",
        )
        if self.accepted is None or part.progress is not Progress.ABSENT:
            return Changes(install)
        accept = Change(
            LICENCE,
            "not accepted",
            "accepted",
            by=ManualAct(
                PersonsAct.ACCEPT_LICENSE,
                f"read the licence of Exchange Server 2007 in {self.run.media} and agree to it",
            ),
            undo="none: what was agreed to stays in the record",
        )
        return Changes(accept, install)


def told(part: PartState) -> str:
    """Return how far Setup is with a part, for a reader."""
    if part.progress is Progress.BROKEN_OFF:
        return f"half done ({part.action or 'an action'} broke off; Setup resumes it)"
    return part.progress.value
