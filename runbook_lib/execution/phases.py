"""The phases of the procedure in order: one notebook each, one module of steps each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType

from runbook_lib.errors import PreconditionError, RunbookError, VerificationError
from runbook_lib.steps import (
    check_end_state,
    check_prerequisites,
    configure_networks,
    form_cluster,
    install_exchange_active_node,
    install_exchange_passive_node,
    install_windows_components,
    join_domain,
    join_second_node,
    prepare_shared_disks,
    prove_failover,
)
from runbook_lib.steps.step import StepFactory
from runbook_lib.topology.models import DomainAccount, LocalAccount, Topology

MODULES: Mapping[str, ModuleType] = {
    module.PHASE: module
    for module in (
        check_prerequisites,
        configure_networks,
        join_domain,
        prepare_shared_disks,
        form_cluster,
        join_second_node,
        install_windows_components,
        install_exchange_active_node,
        install_exchange_passive_node,
        prove_failover,
        check_end_state,
    )
}
PHASES: tuple[str, ...] = tuple(MODULES)

NAMES_SETTLED_BY = "10_configure_networks"
"""From this phase's close on, a node's computer name is part of its identity."""

JOINED_BY = "20_join_domain"
"""From this phase's close on, a node's domain is part of its identity.

The phases after it reach the nodes as the installer's domain account.
"""


def may_be_off(phase: str) -> bool:
    """Tell whether a node may be switched off while this phase is carried out."""
    return bool(getattr(MODULES[find(phase)], "MAY_BE_OFF", False))


def account_of(topology: Topology, phase: str) -> LocalAccount | DomainAccount:
    """Return who logs on to the nodes in a phase: the local administrator until they are joined.

    Also after the restart that ends the joining phase: the phase began with that account.
    """
    names = tuple(MODULES)
    joined = names[names.index(JOINED_BY) + 1 :] if JOINED_BY in names else ()
    return topology.accounts.installer if phase in joined else topology.accounts.local_administrator


def steps_of(phase: str) -> Sequence[StepFactory]:
    """Return a phase's steps in order; raises PreconditionError for an unknown phase."""
    return tuple(MODULES[find(phase)].STEPS)


def find(phase: str) -> str:
    """Return a phase's full name; its number alone ("10") is enough."""
    matches = [name for name in PHASES if name == phase or name.partition("_")[0] == phase]
    if len(matches) == 1:
        return matches[0]
    raise PreconditionError(
        f"There is no phase {phase!r}.",
        why=f"the phases are {', '.join(PHASES)}",
        next_step="give one of these names, or its number",
    )


def between(first: str | None, last: str | None) -> tuple[str, ...]:
    """Return the phases from `first` to `last`, both included."""
    begin = PHASES.index(find(first)) if first else 0
    end = PHASES.index(find(last)) if last else len(PHASES) - 1
    if begin > end:
        raise PreconditionError(
            "No phase would run.",
            why=f"{PHASES[begin]} comes after {PHASES[end]}",
            next_step="give --from a phase that comes before the one of --to",
        )
    return PHASES[begin : end + 1]


def blocked_error(phase: str) -> type[RunbookError]:
    """Return what a blocked step of this phase means: refused before, or not as wished after."""
    return VerificationError if phase == check_end_state.PHASE else PreconditionError
