"""The crew of an attempt: both nodes connected, and each known to be the right machine."""

from __future__ import annotations

from runbook_lib.execution import phases, restart
from runbook_lib.execution.acting import Crew
from runbook_lib.execution.detached_work import Resumed
from runbook_lib.execution.gates import GateKeeper
from runbook_lib.execution.nodes import Nodes
from runbook_lib.execution.start import Start
from runbook_lib.journal.journal import Journal
from runbook_lib.topology.models import Approval


def muster(started: Start, journal: Journal) -> Crew:
    """Return the crew, after restarts of an earlier attempt are over and identities are checked.

    Tasks that an earlier attempt began are watched to their end.
    A node that is off in a phase that bears it is checked, or enrolled, when it answers.
    Raises RebootError for a node that did not come back, WrongNodeError for another machine.
    """
    connections, waits = started.connections, started.topology.waits
    automatic = started.topology.approval is Approval.AUTO
    # A run's own lab is up only while a phase is open: whoever answers the gate of an act there
    # cannot do the act, so the lab does it once the gate is passed.
    lab_acts = connections.lab is not None and started.topology.lab.control is None
    crew = Crew(
        sessions=connections.sessions,
        nodes=nodes_of(started, journal),
        journal=journal,
        gates=GateKeeper(started.folder, journal, automatic=automatic),
        clock=started.clock,
        poll_s=waits.poll_s,
        patience_s=waits.service_s,
        starting_s=waits.reboot_s,
        hands=connections.hands if automatic or lab_acts else None,
        alive=started.alive,
    )
    restart.settle(started.phase, crew, deadline_s=waits.reboot_s)
    off = crew.nodes.off()
    crew.left |= Resumed(started.phase, journal, crew.sessions, crew.identities).settle(off)
    return crew


def nodes_of(started: Start, journal: Journal | None) -> Nodes:
    """Return the nodes as an attempt, or a plan without a journal, meets them."""
    return Nodes(
        started.topology,
        started.connections.sessions,
        started.clock,
        started.entries,
        journal,
        may_be_off=phases.may_be_off(started.phase),
    )
